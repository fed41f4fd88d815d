"""A fault in the first engine is seen by the second, at the right keys and at no other."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec
import pytest

from inventory_assets.domain.ingest import state as warm
from inventory_assets.domain.stock import fold, rollup
from inventory_assets.domain.stock.hierarchy import level_ids
from inventory_assets.lake.tables import ROLLUPS, SKU_STATE
from inventory_assets.settings import Settings
from tests.recompute.streaming import recomputed
from tests.rules.case import level, said_by, txn

# Touched by no fault: it must stay out of every list.
CALM = level(7, "07:00", warehouse_id="W9", sku="CALM", department_id="D9")
PLACE = {"department_id": "D1", "category_id": "C1", "brand_id": "B1", "product_id": "P1"}
KEY, RECEIVER = ("W1", "S1"), ("W2", "S1")
TRANSFER = {"to_warehouse_id": "W2"}


@dataclass(frozen=True)
class Fault:
    """What is wrong, on which stream it shows, and where.

    `install` puts it in place, given `setattr` of a monkeypatch.
    """

    name: str
    install: Callable[[Callable[..., None]], None]
    bursts: list[list[dict]]
    keys: set[tuple[str, str]]


def effect_but(condition: Callable[[Any, str], bool], made: Callable[[Any, tuple], tuple]) -> Callable:
    """`fold.effect`, something else where a condition holds of (version, warehouse)."""
    right = fold.effect

    def wrong(version: Any, warehouse_id: str) -> tuple:
        found = right(version, warehouse_id)
        return made(version, found) if condition(version, warehouse_id) else found

    return lambda put: put(fold, "effect", wrong)


def instead(module: ModuleType | type, name: str, wrong: Any) -> Callable:
    """A function replaced."""
    return lambda put: put(module, name, wrong)


def _is_receiver(version: Any, warehouse_id: str) -> bool:
    return warehouse_id != version.warehouse_id


def _last_arrived(levels: tuple, new: Any) -> tuple:
    return (new,)


def _no_deletion(state: Any) -> bool:
    return False


def _record_last(state: Any, event: Any, outcome: Any) -> Any:
    found = RECORD(state, event, outcome)
    state.last_event_at = event.event_at
    return found


def _record_twice(state: Any, event: Any, outcome: Any) -> Any:
    state.event_count += outcome == fold.Outcome.SUPERSEDED
    return RECORD(state, event, outcome)


def _mark_without_flag(event: Any) -> Any:
    return MARK(msgspec.structs.replace(event, is_restock_in_progress=False))


RECORD, MARK = fold._record, fold.to_mark

FAULTS = [
    Fault(
        "a sign",
        effect_but(lambda v, w: v.type == "RESTOCK" and v.status == "COMPLETED", lambda v, e: (-v.quantity, 0, 0)),
        [[level(10, "07:00"), txn("T1", "RESTOCK", 5, "08:00")]],
        {KEY},
    ),
    Fault(
        "a pending order that reserves nothing",
        effect_but(lambda v, w: v.status == "PENDING" and v.quantity < 0, lambda v, e: (0, 0, 0)),
        [[level(10, "07:00"), txn("T1", "ORDER", -5, "08:00", status="PENDING")]],
        {KEY},
    ),
    Fault(
        "a pending restock that is not inbound",
        effect_but(lambda v, w: v.status == "PENDING" and v.quantity > 0, lambda v, e: (0, 0, 0)),
        [[level(10, "07:00"), txn("T1", "RESTOCK", 5, "08:00", status="PENDING")]],
        {KEY},
    ),
    Fault(
        "a cancelled order that counts",
        effect_but(lambda v, w: v.status == "CANCELLED", lambda v, e: (v.quantity, 0, 0)),
        [[level(10, "07:00"), txn("T1", "ORDER", -5, "08:00", status="CANCELLED")]],
        {KEY},
    ),
    Fault(
        "a release that reserves",
        effect_but(lambda v, w: v.type == "RELEASE", lambda v, e: (0, v.quantity, 0)),
        [[level(10, "07:00"), txn("T1", "RESERVE", 5, "08:00"), txn("T2", "RELEASE", 2, "08:10")]],
        {KEY},
    ),
    Fault(
        "a receiver that gets nothing",
        effect_but(_is_receiver, lambda v, e: (0, 0, 0)),
        [[level(10, "07:00"), txn("T1", "TRANSFER", 4, "08:00", **TRANSFER)]],
        {RECEIVER},
    ),
    Fault(
        "goods on their way that have arrived",
        effect_but(lambda v, w: v.status == "SHIPPED" and _is_receiver(v, w), lambda v, e: (v.quantity, 0, 0)),
        [[level(10, "07:00"), txn("T1", "TRANSFER", 4, "08:00", status="SHIPPED", **TRANSFER)]],
        {RECEIVER},
    ),
    Fault(
        "a sender that keeps what it shipped",
        effect_but(lambda v, w: v.status == "SHIPPED" and not _is_receiver(v, w), lambda v, e: (0, 0, 0)),
        [[level(10, "07:00"), txn("T1", "TRANSFER", 4, "08:00", status="SHIPPED", **TRANSFER)]],
        {KEY},
    ),
    Fault(
        "containment at an equal second",
        instead(fold, "is_contained", lambda version, mark: version.position <= mark.position),
        [[level(156, "07:00"), txn("T1", "ORDER", -1, "07:00")]],
        {KEY},
    ),
    Fault(
        "no containment at an equal cluster time",
        instead(fold, "is_contained", lambda version, mark: version.position < mark.position),
        [[said_by("A", 0, level(156, "07:00")), said_by("A", 0, txn("T1", "ORDER", -1, "07:00"))]],
        {KEY},
    ),
    Fault(
        "another source's clock",
        instead(fold, "is_same_clock", lambda one, other: True),
        [[said_by("A", 10, level(50, "07:00"), source_epoch=1), said_by("B", 20, txn("T1", "ORDER", -1, "07:01"))]],
        {KEY},
    ),
    Fault(
        "COMPLETED on a tie with CANCELLED",
        instead(fold, "_place_of", lambda v, begin: (v.position[begin:], v.status == "COMPLETED", v.event_id)),
        [[level(9, "07:00"), txn("T1", "ORDER", -1, "08:00"), txn("T1", "ORDER", -1, "08:00", status="CANCELLED")]],
        {KEY},
    ),
    Fault(
        "a PENDING that comes back",
        instead(fold, "_STATUS_RANK", dict.fromkeys(fold._STATUS_RANK, 0)),
        [[level(9, "07:00"), txn("T1", "ORDER", -1, "08:00"), txn("T1", "ORDER", -1, "09:00", status="PENDING")]],
        {KEY},
    ),
    Fault(
        "a first word that is the last",
        instead(fold, "latest_version", lambda versions: versions[0]),
        [[level(9, "07:00"), txn("T1", "ORDER", -1, "08:00"), txn("T1", "ORDER", -1, "09:00", status="CANCELLED")]],
        {KEY},
    ),
    Fault(
        "a level of two sizes that subtracts what it never held",
        instead(fold, "_contained_effect", lambda versions, state, mark: fold.NO_EFFECT),
        [[txn("T1", "ORDER", -3, "06:00"), level(9, "07:00")]],
        {KEY},
    ),
    Fault(
        "the level that arrived last",
        instead(fold, "_with_level", _last_arrived),
        [[level(10, "08:00")], [level(99, "07:00")]],
        {KEY},
    ),
    Fault(
        "a tombstone without effect",
        instead(fold, "_is_deleted", _no_deletion),
        [[said_by("A", 0, level(5, "07:00"))],
         [said_by("A", 10, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"})]],
        {KEY},
    ),
    Fault(
        "a deletion that a later level does not undo",
        instead(fold, "_is_after", lambda deletion, mark: True),
        [[said_by("A", 0, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"})],
         [said_by("A", 10, level(5, "07:00:10"))]],
        {KEY},
    ),
    Fault(
        "the time of what arrived last",
        instead(fold, "_record", _record_last),
        [[level(10, "07:00"), txn("T1", "ORDER", -1, "09:00")], [txn("T2", "ORDER", -1, "08:00")]],
        {KEY},
    ),
    Fault(
        "an event counted twice",
        instead(fold, "_record", _record_twice),
        [[level(10, "07:00")], [level(9, "06:00")]],
        {KEY},
    ),
    Fault(
        "a flag that is lost",
        instead(fold, "to_mark", _mark_without_flag),
        [[level(10, "07:00", restock_in_progress=True)]],
        {KEY},
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_fold_shows_at_its_keys(fault, monkeypatch):
    fault.install(monkeypatch.setattr)
    found = recomputed(Settings(), [*fault.bursts, [CALM]])

    assert fault.keys == {tuple(key.values()) for key in map(msgspec.json.decode, found.differing(SKU_STATE)["key"])}


def inactive_counts(state: Any) -> tuple:
    """`leaf_sums`, of a deleted key too."""
    if state is None:
        return (0, 0, 0, 0, 0)
    return (state.on_hand, state.reserved, state.available, state.inbound, 1)


def count_keys(self: rollup.Rollups, by_sku: dict, places: dict) -> tuple[list, list]:
    """`Rollups._count_skus`, of keys."""
    steps = [
        (self._number((None, *node)), step) for sku, step in by_sku.items() for node in level_ids(sku, places[sku][1])
    ]
    return [number for number, _ in steps], [step for _, step in steps]


DELETED = [[said_by("A", 0, level(5, "07:00", **PLACE))],
           [said_by("A", 10, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"})]]  # fmt: skip
TWO_PLACES = [[level(5, "07:00", **PLACE)], [level(5, "07:00", sku="S2", **PLACE | {"category_id": "C2"})]]
OF_S1 = {("DEPARTMENT", "D1"), ("CATEGORY", "C1"), ("BRAND", "B1"), ("CATEGORY_BRAND", "C1/B1"), ("PRODUCT", "P1"),
         ("SKU", "S1")}  # fmt: skip
SUM_FAULTS = [
    Fault(
        "a deleted key that counts",
        instead(rollup, "leaf_sums", inactive_counts),
        DELETED,
        {(warehouse_id, *node) for warehouse_id in ("W1", None) for node in OF_S1},
    ),
    Fault(
        "a parent where there are two",
        instead(rollup, "_only_parent", lambda counts: next((name for name, n in counts.items() if n > 0), None)),
        TWO_PLACES,
        {("W1", "BRAND", "B1"), (None, "BRAND", "B1")},
    ),
    Fault(
        "a SKU counted once a warehouse",
        instead(rollup.Rollups, "_count_skus", count_keys),
        [[level(5, "07:00", department_id="D1"), level(5, "07:00", warehouse_id="W2", department_id="D1")]],
        {(None, "SKU", "S1"), (None, "DEPARTMENT", "D1"), (None, "CATEGORY", "UNKNOWN"), (None, "BRAND", "UNKNOWN"),
         (None, "CATEGORY_BRAND", "UNKNOWN/UNKNOWN"), (None, "PRODUCT", "UNKNOWN")},
    ),
    Fault(
        "a moved SKU that counts where it was",
        instead(rollup.Rollups, "_set_row", lambda self, row, key, parents: SET_ROW(
            self, row, key, FIRST_PLACE.setdefault(key, parents))),
        [[level(5, "07:00", **PLACE)], [level(5, "08:00", **PLACE | {"product_id": "P2"})],
         [txn("T1", "ORDER", -2, "09:00")]],
        {("W1", "PRODUCT", "P2"), (None, "PRODUCT", "P2")},
    ),
]  # fmt: skip
SET_ROW, FIRST_PLACE = rollup.Rollups._set_row, {}


@pytest.mark.parametrize("fault", SUM_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_sums_shows_at_its_nodes(fault, monkeypatch):
    calm = level(7, "07:00", warehouse_id="W9", sku="CALM", **dict.fromkeys(PLACE, "CALM"))
    FIRST_PLACE.clear()

    fault.install(monkeypatch.setattr)
    found = recomputed(Settings(), [*fault.bursts, [calm]])

    assert [] == found.differing(SKU_STATE).rows()
    assert fault.keys <= {tuple(key.values()) for key in map(msgspec.json.decode, found.differing(ROLLUPS)["key"])}
    assert not found.differing(ROLLUPS)["key"].str.contains("CALM").any()


def test_without_a_fault_the_engines_agree_on_all_of_these_streams():
    """Side by side: each with SKUs and transactions of its own."""
    steps: list[list[dict]] = []
    for number, fault in enumerate([*FAULTS, *SUM_FAULTS]):
        text = json.dumps(fault.bursts)
        for name in ("S1", "S2", "T1", "T2"):
            text = text.replace(f'"{name}"', f'"{name} of {number}"')
        steps += json.loads(text)

    found = recomputed(Settings(), [*steps, [CALM]])

    assert len(FAULTS) + len(SUM_FAULTS) < found.keys
    assert [] == found.differences.rows()


def test_a_place_of_the_level_that_arrived_last_shows(monkeypatch):
    """A SKU stands where its greatest level over all warehouses says, in each of them."""
    steps = [[level(5, "09:00", **PLACE)], [level(5, "08:00", warehouse_id="W2", **PLACE | {"brand_id": "B2"})], [CALM]]
    assert recomputed(Settings(), steps).differences.rows() == []

    monkeypatch.setattr(warm, "greatest_by_source", lambda items: list(items)[-1:])
    found = recomputed(Settings(), steps)

    assert {"brand_id"} == set(found.differing(SKU_STATE)["column"])
    assert {KEY, RECEIVER} == {
        tuple(each.values()) for each in map(msgspec.json.decode, found.differing(SKU_STATE)["key"])
    }

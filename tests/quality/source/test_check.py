"""A source's documents against a lake that took in most of their changes: what differs, and since when."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inventory_assets.commands.connector.reconcile import _row
from inventory_assets.domain.events.kinds import Key, Position
from inventory_assets.domain.quality.source_check import Difference, Kind
from inventory_assets.ingest.engine import Engine
from inventory_assets.quality.source.check import Report, SourceCheck
from inventory_assets.settings import Settings
from tests.builders import DAY, Document, envelope, level, message, moment, rule, transaction
from tests.conftest import copy_home

NOW = int(DAY.timestamp() * 1e6) + 40 * 3_600_000_000
EPOCH = 5
K1, K2, K3, K4 = (("W1", f"S{number}") for number in range(1, 5))


def position(minute: int, increment: int = 1) -> Position:
    return (EPOCH, (int(DAY.timestamp()) + minute * 60) * 1_000_000, increment)


def put(document: Document, minute: int, operation: str = "update", namespace: str = "shop.inventory") -> Document:
    """The envelope of a change of a minute after midnight."""
    return envelope(document, minute * 60, operation=operation, namespace=namespace, source_epoch=EPOCH)


def order(name: str, quantity: int, minute: int, sku: str = "S1", **more: Any) -> Document:
    return transaction(name, quantity=quantity, at=minute, sku=sku, **more)


# What the shop did, as the connector told of it.
T1, T2 = order("T1", -3, 20), order("T2", -2, 30, status="PENDING")
T5 = order("T5", -1, 14, "S4")
GLOBAL = rule(10, 20)
CHANGES = [
    put(GLOBAL, 5, namespace="shop.thresholds"),
    put(level(100, 10, reserved_stock=0), 10),
    put(level(50, 11, sku="S2"), 11),
    put(level(7, 12, sku="S3"), 12),
    put(level(20, 13, sku="S4"), 13),
    put(T5, 14),
    put(T1, 20),
    put(level(97, 20, reserved_stock=0), 20),
    put(T2, 30),
    put(level(97, 30, reserved_stock=2), 30),
    put(order("T9", 0, 31, "S2"), 31),
    put({"warehouse_id": "W1", "sku": "S3"}, 40, "delete"),
]
# Set by somebody in the lake, of another warehouse: neither is this source's to have.
OTHERS = [rule(1, 2, level_type="CATEGORY", level_id="C1"), level(5, 9, warehouse_id="W2")]


class Shop:
    """A database in memory: what it holds after the changes, and what a test has done to it since."""

    def __init__(self) -> None:
        self.inventory = {
            K1: level(97, 30, reserved_stock=2), K2: level(50, 11, sku="S2"), K4: level(19, 14, sku="S4"),
        }  # fmt: skip
        self.orders = {"T1": T1, "T2": T2, "T5": T5}
        self.thresholds = [GLOBAL]
        self.minute = 1_000

    def levels(self) -> Iterator[str]:
        return iter([json.dumps(self.inventory[key]) for key in sorted(self.inventory)])

    def transactions(self) -> Iterator[str]:
        return iter(list(map(json.dumps, self.orders.values())))

    def rules(self) -> Iterator[str]:
        return iter(list(map(json.dumps, self.thresholds)))

    def transactions_of(self, keys: Sequence[Key]) -> Iterator[str]:
        for document in self.orders.values():
            if {(document[w], document["sku"]) for w in ("warehouse_id", "to_warehouse_id") if w in document} & {*keys}:
                yield json.dumps(document)

    def read_again(self, keys: Sequence[Key], transaction_ids: Sequence[str], *, has_rules: bool) -> "Again":
        return Again(
            (position(self.minute)[1] // 1_000_000, 0),
            [json.dumps(self.inventory[key]) for key in keys if key in self.inventory],
            [json.dumps(self.orders[id_]) for id_ in transaction_ids if id_ in self.orders],
            list(self.rules()) if has_rules else [],
        )


@dataclass
class Again:
    cluster_time: tuple[int, int]
    levels: list[str]
    transactions: list[str]
    rules: list[str]


@pytest.fixture(scope="module")
def lake(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Read it only."""
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("lake"))))
    # No UTF-8, no JSON: what cannot be read must not be in the way.
    engine.commit_burst([message(body) for body in [*CHANGES, *OTHERS, b"\xff\xfe", b"{broken"]])
    yield engine
    engine.close()


@pytest.fixture
def shop() -> Shop:
    return Shop()


def check(
    engine: Engine, shop: Shop, *, pause: Callable[[], object] = lambda: None, limit: int = 100, tries: int = 2
) -> Report:
    found = SourceCheck(engine.lake, shop, database="shop", warehouse_ids=["W1"], now=NOW)
    return found.run(limit=limit, pause=lambda: pause() and None, tries=tries)


def only(report: Report) -> Difference:
    [difference] = report.differences
    assert report.found == 1
    return difference


def told(difference: Difference) -> tuple[Any, ...]:
    """Everything but the cause."""
    d = difference
    return (d.kind, d.warehouse_id, d.sku, d.subject, d.field, d.source, d.lake, d.divergence.after)


def test_equal_sides_have_no_difference(lake: Engine, shop: Shop) -> None:
    """Nor do another warehouse's key, a rule set in the lake, and a dead letter of what was mended since."""
    report = check(lake, shop)

    assert (report.found, report.differences, report.unsettled, report.absent) == (0, [], 0, [])
    assert report.compared == {"keys": 4, "transactions": 3, "rules": 1}


def test_a_key_that_never_came(lake: Engine, shop: Shop) -> None:
    shop.inventory["W1", "S0"] = level(3, 50, sku="S0")

    found = only(check(lake, shop))

    assert told(found) == (Kind.MISSING_IN_LAKE, "W1", "S0", "stock", "on_hand", 3, None, None)


def test_a_key_that_came_back_after_its_deletion(lake: Engine, shop: Shop) -> None:
    shop.inventory[K3] = level(9, 50, sku="S3")

    found = only(check(lake, shop))

    assert told(found) == (Kind.MISSING_IN_LAKE, *K3, "stock", "is_active", True, False, position(40))


def test_a_deletion_that_was_lost(lake: Engine, shop: Shop) -> None:
    """It can be repaired, at a position after everything the lake has of the key."""
    del shop.inventory[K2]

    report = check(lake, shop)

    assert told(only(report)) == (Kind.MISSING_IN_SOURCE, *K2, "stock", "is_active", None, True, position(11))
    assert report.absent == [K2]
    assert report.source_epoch == EPOCH
    assert report.cluster_time == (position(1_000)[1] // 1_000_000, 0)


def test_an_order_and_its_level_that_were_lost(lake: Engine, shop: Shop) -> None:
    shop.orders["T3"] = order("T3", -5, 35)
    shop.inventory[K1] = level(92, 35, reserved_stock=2)

    report = check(lake, shop)

    stock, missing = report.differences
    assert told(stock) == (Kind.DIFFERENT_STOCK, *K1, "stock", "on_hand", 92, 97, position(30))
    assert told(missing) == (
        Kind.MISSING_IN_LAKE, *K1, "transaction T3", "status", "COMPLETED", None, position(30),
    )  # fmt: skip
    assert stock.divergence.cause == missing.divergence.cause == "transaction T3 COMPLETED -5 is not in the lake"


def test_a_completion_that_was_lost(lake: Engine, shop: Shop) -> None:
    """The lake has the order at an earlier status and another quantity."""
    shop.orders["T2"] = T2 | {"status": "COMPLETED", "quantity": -1, "updated_at": moment(36)}
    shop.inventory[K1] = level(96, 36, reserved_stock=0)

    report = check(lake, shop)

    assert [told(found) for found in report.differences] == [
        (Kind.DIFFERENT_STOCK, *K1, "stock", "on_hand", 96, 97, position(30)),
        (Kind.DIFFERENT_STOCK, *K1, "stock", "reserved", 0, 2, position(30)),
        (Kind.DIFFERENT_TRANSACTION, *K1, "transaction T2", "status", "COMPLETED", "PENDING", position(30)),
        (Kind.DIFFERENT_TRANSACTION, *K1, "transaction T2", "quantity", -1, -2, position(30)),
    ]
    assert report.found == 2


def test_an_order_lost_long_ago_whose_level_later_ones_contain(lake: Engine, shop: Shop) -> None:
    """The stock agrees again; the order is missing all the same, since between two levels."""
    shop.orders["T0"] = order("T0", -1, 15)

    found = only(check(lake, shop))

    assert told(found) == (Kind.MISSING_IN_LAKE, *K1, "transaction T0", "status", "COMPLETED", None, position(10))


def test_a_count_after_which_nothing_came(lake: Engine, shop: Shop) -> None:
    """No order explains it: a level was lost."""
    shop.inventory[K2] = level(49, 60, sku="S2")

    found = only(check(lake, shop))

    assert told(found) == (Kind.DIFFERENT_STOCK, *K2, "stock", "on_hand", 49, 50, position(11))
    assert found.divergence.cause == "level of 2022-04-20T01:00:00.000Z is not in the lake"


def test_an_order_that_only_the_lake_has(lake: Engine, shop: Shop) -> None:
    """After the last level it counts, and the source knows nothing of it."""
    del shop.orders["T5"]
    shop.inventory[K4] = level(20, 13, sku="S4")

    found = only(check(lake, shop))

    assert told(found) == (Kind.DIFFERENT_STOCK, *K4, "stock", "on_hand", 20, 19, position(13))
    assert found.divergence.cause == "transaction T5 COMPLETED -1 is not so in the source"


def test_an_archived_order_is_no_difference(lake: Engine, shop: Shop) -> None:
    del shop.orders["T1"]

    assert check(lake, shop).found == 0


def test_a_level_that_says_otherwise_itself(lake: Engine, shop: Shop) -> None:
    shop.inventory[K2] = level(51, 11, sku="S2")

    found = only(check(lake, shop))

    assert told(found) == (Kind.DIFFERENT_STOCK, *K2, "stock", "on_hand", 51, 50, None)


def test_rules_that_differ(lake: Engine, shop: Shop) -> None:
    shop.thresholds = [
        rule(11, 20, updated_at=moment(50)),
        rule(3, 4, level_type="BRAND", level_id="B1", updated_at=moment(51)),
    ]

    report = check(lake, shop)

    assert [told(found) for found in report.differences] == [
        (Kind.MISSING_IN_LAKE, None, None, "rule BRAND B1", "rule", True, None, None),
        (Kind.DIFFERENT_RULE, None, None, "rule GLOBAL", "min_threshold_qty", 11, 10, position(5)),
    ]


def test_a_deletion_of_a_rule_that_was_lost(lake: Engine, shop: Shop) -> None:
    """The rule of a category was set in the lake itself, and is nobody's loss."""
    shop.thresholds = []

    found = only(check(lake, shop))

    assert told(found) == (Kind.MISSING_IN_SOURCE, None, None, "rule GLOBAL", "rule", None, True, position(5))


def test_what_became_a_dead_letter_is_named_with_its_reason(lake: Engine, shop: Shop) -> None:
    shop.orders["T9"] = order("T9", -1, 31, "S2")

    found = only(check(lake, shop))

    assert told(found)[:4] == (Kind.MISSING_IN_LAKE, *K2, "transaction T9")
    assert "dead letter, invalid_sign: quantity of ORDER was 0" in found.divergence.cause


def test_a_document_the_lake_cannot_take_is_there_all_the_same(lake: Engine, shop: Shop) -> None:
    """It must not look like a deletion, which a repair would publish."""
    shop.inventory[K2] = level(True, 11, sku="S2")
    shop.orders["T7"] = order("T7", 0, 12)

    report = check(lake, shop)

    assert [told(found)[:5] for found in report.differences] == [
        (Kind.MISSING_IN_LAKE, *K2, "stock", "document"),
        (Kind.MISSING_IN_LAKE, *K1, "transaction T7", "document"),
    ]
    assert "invalid_sign" in report.differences[1].divergence.cause
    assert report.absent == []


def test_a_document_that_becomes_unreadable_meanwhile_is_not_deleted(lake: Engine, shop: Shop) -> None:
    shop.inventory[K2] = level(49, 60, sku="S2")

    report = check(lake, shop, pause=lambda: shop.inventory.update({K2: level(True, 61, sku="S2")}))

    assert (report.found, report.unsettled, report.absent) == (0, 1, [])


def test_what_is_on_its_way_is_no_difference(open_engine: Callable[..., Engine], shop: Shop) -> None:
    """The burst that was in flight at the first look is there at the second."""
    engine = open_engine()
    engine.commit_burst([message(body) for body in CHANGES[:-6]])
    late = [message(body) for body in CHANGES[-6:]]

    report = check(engine, shop, pause=lambda: late and engine.commit_burst([late.pop(0) for _ in range(len(late))]))

    assert (report.found, report.unsettled) == (0, 0)


def test_a_document_that_goes_on_changing_is_not_judged(lake: Engine, shop: Shop) -> None:
    shop.inventory[K2] = level(49, 60, sku="S2")
    minutes = iter(range(61, 99))

    def sell() -> None:
        shop.inventory[K2] = level(48, next(minutes), sku="S2")

    report = check(lake, shop, pause=sell)

    assert (report.found, report.unsettled) == (0, 1)


def test_a_lake_that_is_ahead_of_the_reading_is_not_judged(lake: Engine, shop: Shop) -> None:
    """A reading of minute 25 says nothing of what the lake has of minute 30."""
    shop.inventory[K1] = level(97, 20, reserved_stock=0)
    shop.orders.pop("T2")
    shop.minute = 25

    report = check(lake, shop)

    assert (report.found, report.unsettled) == (0, 1)


def test_no_more_is_traced_than_asked_for_and_all_are_counted(lake: Engine, shop: Shop) -> None:
    shop.inventory = {key: document | {"current_stock": 1} for key, document in shop.inventory.items()}

    report = check(lake, shop, limit=2)

    assert (len(report.differences), report.found) == (2, 3)


def test_a_transfer_that_was_lost_shows_at_both_ends(open_engine: Callable[..., Engine], shop: Shop) -> None:
    engine = open_engine()
    engine.commit_burst([message(body) for body in [*CHANGES, put(level(5, 9, sku="S1", warehouse_id="W2"), 9)]])
    shop.orders["T8"] = transaction("T8", "TRANSFER", 4, 45, to_warehouse_id="W2")
    shop.inventory[K1] = level(93, 45, reserved_stock=2)
    shop.inventory["W2", "S1"] = level(9, 45, sku="S1", warehouse_id="W2")

    found = SourceCheck(engine.lake, shop, database="shop", warehouse_ids=["W1", "W2"], now=NOW)
    report = found.run(limit=100, pause=lambda: None, tries=1)

    assert [(d.warehouse_id, d.source, d.lake, d.divergence.after) for d in report.differences[:2]] == [
        ("W1", 93, 97, position(30)),
        ("W2", 9, 5, position(9)),
    ]
    assert {d.divergence.cause for d in report.differences} == {"transaction T8 COMPLETED +4 is not in the lake"}


def test_an_absurd_number_of_an_older_lake_is_its_keys_difference_alone(open_engine, shop: Shop) -> None:
    """A position of the year 33658, and limits without end: both are told, and the rest is compared as ever."""
    engine = open_engine()
    engine.commit_burst([message(body) for body in CHANGES])
    engine.lake.connection.execute(f"UPDATE core.events SET instant = {10**18} WHERE sku = 'S2' AND kind = 'level'")
    engine.lake.connection.execute(
        "UPDATE core.threshold_rules_changes SET details = "
        "replace(details, '\"cooldown_minutes\":60', '\"cooldown_minutes\":1000000000000')"
    )
    shop.inventory[K2] = level(49, 11, sku="S2")

    report = check(engine, shop)

    shown = [_row(difference) for difference in report.differences]
    assert {("S2", "on_hand")} == {(row["sku"], row["field"]) for row in shown if row["sku"]}
    assert {"cooldown_minutes"} == {row["field"] for row in shown if not row["sku"]}
    assert {"keys": 4, "transactions": 3, "rules": 1} == report.compared

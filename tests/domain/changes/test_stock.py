"""What a client says of a shelf, as documents: pure, and read again as they will be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.changes.stock import Carried, Stated, read_key, state_level, state_move
from inventory_assets.domain.events.kinds import Level, Transaction
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.values import InvalidValue

KEY = ("W1", "S1")
AT = 1_700_000_000_000_000
UNITS = st.integers(-(10**9), 10**9)


def read(stated: Stated, topic: str) -> Level | Transaction:
    """What the lake will read."""
    found = parse_message(topic, stated.body, {"row_id": "r/1"}, AT, ParseSettings())
    assert isinstance(found, Level | Transaction)
    return found


def document(stated: Stated) -> dict:
    """Inside its envelope."""
    return json.loads(stated.body)["document"]


@given(on_hand=UNITS, reserved=UNITS)
def test_any_two_of_three_quantities_say_the_third(on_hand: int, reserved: int) -> None:
    """available = on_hand - reserved, always (RULES 14)."""
    said = {"quantity_on_hand": on_hand, "quantity_reserved": reserved, "quantity_available": on_hand - reserved}
    found = set()
    for left_out in said:
        body = {name: value for name, value in said.items() if name != left_out}
        level = read(state_level(body, KEY, Carried(), at=AT), "inventory-updates-topic")
        assert isinstance(level, Level)
        found.add((level.on_hand, level.reserved))

    assert {(on_hand, reserved)} == found


def test_available_alone_says_that_nothing_is_reserved_and_on_hand_alone_nothing_of_it() -> None:
    """RULES 38 for the one; RULES 14, not carried, for the other."""
    alone = [
        read(state_level({name: 7}, KEY, Carried(), at=AT), "inventory-updates-topic")
        for name in ("quantity_available", "quantity_on_hand")
    ]

    assert [(7, 0), (7, None)] == [(each.on_hand, each.reserved) for each in alone if isinstance(each, Level)]


def test_a_level_carries_what_it_does_not_say() -> None:
    """Parents and limits are taken whole (RULES 19, 21)."""
    carried = Carried(("D", "C", "UNKNOWN", "P"), 3, None, True)
    level = read(state_level({"quantity_on_hand": 1}, KEY, carried, at=AT), "inventory-updates-topic")

    assert isinstance(level, Level)
    assert (carried.parents, 3, None, True) == (
        level.parents, level.min_threshold, level.reorder_threshold, level.is_restock_in_progress,
    )  # fmt: skip
    assert ("stock-service", "row:r/1", (0, AT, 0)) == (level.source, level.event_id, level.position)


@pytest.mark.parametrize(
    ("body", "type_", "quantity"),
    [({"quantity_change": -4}, "ADJUSTMENT", -4), ({"reserve": 4}, "RESERVE", 4), ({"release": "4"}, "RELEASE", 4)],
)
def test_a_change_is_a_completed_transaction(body: dict, type_: str, quantity: int) -> None:
    stated = state_move({**body, "reason": "why"}, KEY, transaction_id="t", author="dana", at=AT)
    found = read(stated, "inventory-transactions-topic")

    assert isinstance(found, Transaction)
    assert (type_, "COMPLETED", quantity) == (found.type, found.status, found.quantity)
    assert ("dana", "why") == (document(stated)["user_id"], document(stated)["adjustment_reason"])


@pytest.mark.parametrize(
    ("body", "given", "expected"),
    [
        ({"sku": "S1", "warehouse_id": "W1"}, None, KEY), ({"product_id": "S1", "warehouse_id": "W1"}, None, KEY),
        ({}, KEY, KEY), ({"sku": "S1"}, KEY, KEY),
    ],
)  # fmt: skip
def test_address_and_body_agree_on_the_shelf(body: dict, given: tuple[str, str] | None, expected: tuple) -> None:
    assert expected == read_key(body, given)


@pytest.mark.parametrize(("body", "given"), [({}, None), ({"sku": "S1"}, None), ({"warehouse_id": "W2"}, KEY)])
def test_where_they_do_not_it_is_refused(body: dict, given: tuple[str, str] | None) -> None:
    with pytest.raises(InvalidValue):
        read_key(body, given)

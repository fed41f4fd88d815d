"""Where a key's history in the lake parts from its documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import UNKNOWN_PARENTS, Level, Position, StockEvent, Tombstone, Transaction
from inventory_assets.domain.quality.source_check import (
    Held,
    KeyFacts,
    Kind,
    Mismatch,
    compare_stock,
    trace_stock,
    trace_transaction,
)

SECOND = 1_000_000


def at(second: int) -> Position:
    return (1, second * SECOND, 1)


def level(on_hand: int, second: int, reserved: int | None = 0) -> Level:
    return Level(
        f"level:{second}", "W1", "S1", on_hand, reserved, UNKNOWN_PARENTS, None, None, False, second * SECOND,
        at(second), True,
    )  # fmt: skip


def sale(name: str, quantity: int, second: int, status: str = "COMPLETED") -> Transaction:
    return Transaction(
        f"{name}:{status}", name, "ORDER", status, "W1", "S1", None, -quantity, second * SECOND, at(second), True
    )


def deletion(second: int) -> Tombstone:
    return Tombstone(f"tombstone:{second}", "W1", "S1", second * SECOND, at(second), True)


def facts(history: list[StockEvent], document: Level | None, sales: list[Transaction]) -> KeyFacts:
    return KeyFacts(history=history, level=document, transactions=sales, refusals={})


@pytest.mark.parametrize(
    ("document", "held", "expected"),
    [
        (level(5, 1), Held(5, 0, True), []),
        (level(5, 1, None), Held(5, 3, True), []),
        (None, None, []),
        (None, Held(5, 0, False), []),
        (None, Held(5, 0, True), [Mismatch(Kind.MISSING_IN_SOURCE, "is_active", None, True)]),
        (level(5, 1), None, [Mismatch(Kind.MISSING_IN_LAKE, "on_hand", 5, None)]),
        (level(5, 1), Held(5, 0, False), [Mismatch(Kind.MISSING_IN_LAKE, "is_active", True, False)]),
        (level(5, 1), Held(6, 0, True), [Mismatch(Kind.DIFFERENT_STOCK, "on_hand", 5, 6)]),
    ],
    ids=["equal", "reserved not carried", "neither", "deleted", "deletion lost", "never came", "came back", "other"],
)
def test_an_inventory_document_is_compared_with_its_key(document, held, expected) -> None:
    assert compare_stock(document, held) == expected


@given(st.lists(st.integers(1, 5), min_size=2, max_size=12), st.data())
def test_a_lost_end_begins_after_the_last_event_that_came(quantities: list[int], data: st.DataObject) -> None:
    """Each sale comes with its level; whatever is cut off, the last kept position is where they part."""
    sales = [sale(f"T{number}", quantity, 10 + number) for number, quantity in enumerate(quantities)]
    levels = [level(100 - sum(quantities[: number + 1]), 10 + number) for number in range(len(quantities))]
    kept = data.draw(st.integers(1, len(sales) - 1))
    history = [event for pair in zip(sales[:kept], levels[:kept], strict=True) for event in pair]

    found = trace_stock(facts(data.draw(st.permutations(history)), levels[-1], sales))

    assert found.after == at(9 + kept)
    assert found.cause == f"transaction T{kept} COMPLETED -{quantities[kept]} is not in the lake"


@given(st.integers(0, 5))
def test_one_lost_sale_is_placed_between_its_neighbours(lost: int) -> None:
    """Its level came, at the same time: they part before it."""
    sales = [sale(f"T{number}", 1, 10 + number) for number in range(6)]
    history = [*sales[:lost], *sales[lost + 1 :], *(level(90, 10 + number) for number in range(6))]

    found = trace_transaction(sales[lost], facts(history, level(90, 15), sales))

    assert found.after == (at(9 + lost) if lost else None)


def test_a_deletion_has_the_servers_time_and_hides_no_loss() -> None:
    """Documents may be dated long before the server's clock, as a replay's are."""
    found = trace_transaction(sale("T1", 1, 30), facts([level(9, 10), deletion(500)], None, []))

    assert found.after == at(500)


def test_what_a_level_contains_is_no_cause() -> None:
    """A sale lost before the last level is in it; the count that never came is the cause."""
    history: list[StockEvent] = [level(10, 10), level(8, 20)]

    found = trace_stock(facts(history, level(7, 30), [sale("T1", 2, 15)]))

    assert found.after == at(20)
    assert found.cause.startswith("level of ")

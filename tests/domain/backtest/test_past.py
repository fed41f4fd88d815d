"""Days made of a history: sales, stock, what came back, what levels show, what is on its way."""

from datetime import date

from inventory_assets.domain.backtest.past import Window, past_of
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.stock.history import NO_LIMIT, run_stock
from tests.builders import envelope, level, transaction
from tests.domain.histories import accepted, history_of, live

# Three days from the day after the one of the samples.
WINDOW = Window((date(2022, 4, 21) - date(1970, 1, 1)).days, 3, 2)
UNTIL = 1_650_758_400_000_000


def at(day, hour=8):
    return f"2022-04-{21 + day}T{hour:02}:00:00Z"


def past(*documents):
    """Of one shelf, whose first event is two days before the window."""
    first = level(100, "2022-04-19T07:00:00Z", min_threshold=5, reorder_threshold=9)
    frame, _ = history_of(accepted(live([first, *documents], UNTIL)))
    return past_of(frame, run_stock(frame), WINDOW)


def test_a_day_ends_with_what_its_events_left():
    found, _ = past(transaction("T1", quantity=-30, at=at(0)), transaction("T2", quantity=-5, at=at(2)))

    assert [[100, 70, 70, 65]] == found.on_hand.tolist()
    assert [30, 0, 5] == found.sold[0, WINDOW_DAYS:].tolist()
    assert found.is_known[0, WINDOW_DAYS - 1 :].all() and not found.is_known[0, : WINDOW_DAYS - 1].any()


def test_each_change_is_what_it_is():
    """Returns, write-offs, and a level that counts less or more; sales and restocks are none of these."""
    found, _ = past(
        transaction("B1", "RETURN", 3, at(0)), transaction("A1", "ADJUSTMENT", -4, at(0, 9)),
        transaction("T1", quantity=-10, at=at(0, 10)), transaction("R1", "RESTOCK", 50, at(1)),
        level(130, at(1, 9)), transaction("T2", quantity=-10, at=at(2)), level(200, at(2, 9)),
    )  # fmt: skip

    assert [[3, 0, 0]] == found.returned.tolist()
    # 139 were there by the books.
    assert [[-4, -9, 0]] == found.corrected.tolist()
    assert [[0, 0, 80]] == found.stated.tolist()
    assert (1, 50) == (found.orders[0], found.ordered[0])


def test_a_level_that_has_a_sale_in_it_takes_it_off_once():
    """The change stream tells both at one cluster time: the sale is no correction as well."""
    seconds = 86_400 + 3_600
    found, _ = past(
        envelope(level(90, seconds // 60), seconds, 1),
        envelope(transaction("T1", quantity=-10, at=seconds // 60), seconds, 1),
    )

    assert [[100, 90, 90, 90]] == found.on_hand.tolist()
    assert 10 == found.sold[0, WINDOW_DAYS]
    assert not found.corrected.any() and not found.stated.any()


def test_a_cancelled_sale_comes_back():
    found, _ = past(
        transaction("T1", quantity=-10, at=at(0)),
        transaction("T1", quantity=-10, at=at(0), status="CANCELLED", updated_at=at(1)),
    )

    assert [[0, 10, 0]] == found.returned.tolist()


def test_what_was_announced_and_not_brought_is_coming():
    """A restock takes the lead time from when it was said, a transfer a day; what has come or was cancelled comes no more."""
    found, coming = past(
        transaction("R1", "RESTOCK", 40, "2022-04-19T08:00:00Z", status="PENDING"),
        transaction("R2", "RESTOCK", 7, "2022-04-19T09:00:00Z", status="PENDING"),
        transaction("R2", "RESTOCK", 7, "2022-04-20T09:00:00Z"),
        transaction("R3", "RESTOCK", 9, "2022-04-20T09:00:00Z", status="PENDING"),
        transaction("R3", "RESTOCK", 9, "2022-04-20T09:00:00Z", status="CANCELLED", updated_at="2022-04-20T10:00:00Z"),
        transaction("X1", "TRANSFER", 11, "2022-04-20T09:00:00Z", status="SHIPPED", warehouse_id="W2", to_warehouse_id="W1"),
        transaction("R4", "RESTOCK", 60, at(0), status="PENDING"),
    )  # fmt: skip
    here = coming.key == 0

    assert [(-2, 40), (-1, 11)] == list(zip(coming.said_on[here].tolist(), coming.quantity[here].tolist(), strict=True))
    assert [3, 0] == coming.due(coming.key * 0 + 5)[here].tolist()
    # What was ordered before the window is no order of it.
    assert (1, 60) == (found.orders[0], found.ordered[0])


def test_limits_of_levels_are_those_known_at_each_review():
    """On the mornings of the first and the third day."""
    found, _ = past(level(100, at(0), min_threshold=6, reorder_threshold=None), level(100, at(2), min_threshold=7))

    assert [[5, 6]] == found.low_limit.tolist()
    assert [[9, NO_LIMIT]] == found.reorder_limit.tolist()


def test_a_shelf_is_in_use_until_it_is_deleted():
    key = {"warehouse_id": "W1", "sku": "S1"}
    found, _ = past(envelope(None, 86_400 + 3_600, 1, operation="delete", document_key=key))

    assert [[True, False, False, False]] == found.is_active.tolist()

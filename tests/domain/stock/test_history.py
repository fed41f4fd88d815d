"""The running stock of `run_stock` is that of the fold, for any history (RULES 12-17)."""

import numpy as np
from hypothesis import given, settings

from inventory_assets.domain.stock.history import run_stock
from tests.builders import level, transaction
from tests.domain.histories import accepted, documents, history_of, live

NEVER = 2**60


@settings(max_examples=150, deadline=None)
@given(documents())
def test_running_stock_is_the_fold_at_every_event(found):
    result = live(found, NEVER)
    events, keys = history_of(accepted(result))

    stock = run_stock(events)

    for number, key in enumerate(keys):
        own = stock.key == number
        expected = [
            (event.event_id, s.on_hand, s.reserved, s.inbound, s.is_active, s.is_restock_in_progress)
            for event, s in live(found, NEVER, trace=key).steps
        ]
        actual = list(
            zip(
                events["event_id"].to_numpy()[own].tolist(), stock.on_hand[own].tolist(), stock.reserved[own].tolist(),
                stock.inbound[own].tolist(), stock.is_active[own].tolist(),
                stock.is_restock_in_progress[own].tolist(), strict=True,
            )
        )  # fmt: skip
        assert expected == actual


def test_sold_counts_each_completed_order_once_and_takes_a_cancelled_one_back():
    found = [
        level(50, "07:00"),
        transaction("T1", quantity=-4, at="08:00", status="PENDING"),
        transaction("T1", quantity=-4, at="09:00"),
        transaction("T2", quantity=-3, at="10:00"),
        transaction("T2", quantity=-3, at="11:00", status="CANCELLED"),
    ]
    events, _ = history_of(accepted(live(found, NEVER)))

    stock = run_stock(events)

    assert [0, 0, 4, 3, -3] == stock.sold.tolist()


def test_supply_is_what_came_or_was_announced():
    """A return or a cancelled order gives stock back without anyone having ordered."""
    found = [
        level(50, "07:00"),
        transaction("T1", "RETURN", 2, "08:00"),
        transaction("T2", "RESTOCK", 9, "09:00", status="PENDING"),
        transaction("T2", "RESTOCK", 9, "10:00"),
        level(40, "11:00"),
        level(70, "12:00"),
    ]
    events, _ = history_of(accepted(live(found, NEVER)))

    stock = run_stock(events)

    assert [False, False, True, True, False, True] == stock.is_supply.tolist()
    assert np.array_equal(stock.available, [50, 52, 52, 61, 40, 70])

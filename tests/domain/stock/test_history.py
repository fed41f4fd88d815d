"""The running stock of `run_stock` is that of the fold, for any history (RULES 12-17)."""

import numpy as np
import pytest
from hypothesis import given

from inventory_assets.domain.stock.history import _of_several_sources, run_stock
from tests.builders import envelope, level, transaction
from tests.domain.histories import accepted, documents, history_of, live
from tests.hunting import tried

NEVER = 2**60


@tried(80)
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


@pytest.mark.parametrize(("ordered_after", "folded"), [(60, 0), (0, 1)])
def test_two_sources_are_folded_one_by_one_only_where_they_meet(ordered_after, folded):
    """A hundred times the work, for nothing where no two speak at one instant."""
    found = [
        envelope(level(50), 3600, connector_id="counts"),
        envelope(transaction("T1", quantity=-4), 3600 + ordered_after, connector_id="orders"),
        envelope(level(50, sku="S2"), 3600, connector_id="counts"),
    ]
    events, _ = history_of(accepted(live(found, NEVER)))
    key = events["key"].to_numpy()

    apart = list(_of_several_sources(events, np.diff(key, prepend=-1) != 0))

    assert folded == len(apart)
    assert 46 == run_stock(events).on_hand[key == key[0]][-1]


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

"""Who fills the shelves: the plan as it is made live, and the rules as they stand."""

import numpy as np
import pytest

from inventory_assets.domain.backtest.policies import limits_in_force, order_up_to_policy, plan_policy
from inventory_assets.domain.backtest.supply import Acts, run_policy
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.thresholds.forecast import forecast_demand, limits_from
from tests.domain.backtest.scenes import Shelf, scene


def placed_by(policy, found):
    """(day, row, giver, units) of all that it did."""
    _, placed = run_policy(found, policy)
    return list(zip(*(each.tolist() for each in placed), strict=True))


def by_rules(*shelves, **more):
    found = scene(*shelves, **more)
    return placed_by(order_up_to_policy(found.terms, found.window), found)


def by_plan(*shelves, **more):
    found = scene(*shelves, **more)
    return placed_by(plan_policy(found.terms, found.window, PlanSettings(review_days=found.window.review_days)), found)


def morning_of(found):
    """The first morning of a window."""
    seen = []

    def watch(morning):
        seen.append(morning)
        return Acts(np.zeros(len(morning.stock), dtype=np.int64))

    run_policy(found, watch)
    return seen[0]


def test_the_rules_order_below_the_limit_and_up_to_twice_the_reorder_quantity():
    """55, ten a day: below 40 on the third morning, 35; up to 80. With three days of lead time it is 75 again then."""
    assert [(2, 0, -1, 45), (7, 0, -1, 50), (12, 0, -1, 50)] == by_rules(Shelf(on_hand=55, reorder_qty=40))


def test_what_is_on_its_way_counts_as_stock():
    assert [] == by_rules(Shelf(on_hand=15, reorder_qty=10, coming=[(-1, 30)]), days=3)


def test_the_rules_order_up_to_order_up_to_in_whole_packs():
    assert [(0, 0, -1, 96)] == by_rules(Shelf(on_hand=10, reorder_qty=20, order_up_to=100, pack_multiple=12), days=3)


def test_days_of_cover_breach_as_units_do():
    """RULES 23: five days of ten a day are 50."""
    shelf = Shelf(on_hand=49, reorder_days=5, order_up_to=90)

    assert [(0, 0, -1, 41)] == by_rules(shelf, days=1)
    assert [] == by_rules(Shelf(on_hand=50, reorder_days=5, order_up_to=90), days=1)


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(on_hand=0, reorder_qty=20, is_enabled=False),
        Shelf(on_hand=0, reorder_qty=20, is_active=(False,)),
        Shelf(on_hand=0, min_qty=20),
    ],
    ids=["muted", "not in use", "no target is known"],
)
def test_the_rules_leave_a_shelf_alone(shelf):
    assert [] == by_rules(shelf, days=1)


def test_an_embedded_limit_is_what_the_latest_level_said():
    """RULES 21: where no rule holds. The default, 0, is hidden by it."""
    assert [(0, 0, -1, 30)] == by_rules(
        Shelf(on_hand=10, min_qty=0, reorder_qty=0, is_embedded=True, embedded=(5, 20)), days=1
    )
    assert [] == by_rules(Shelf(on_hand=10, min_qty=0, reorder_qty=0, is_embedded=True), days=1)
    assert [] == by_rules(Shelf(on_hand=10, min_qty=0, reorder_qty=0, embedded=(5, 20)), days=1)


@pytest.mark.parametrize("sales", [(10, 4, 7, 22), (0, 0, 5), (3,)])
def test_dynamic_limits_are_those_that_are_computed_live(sales):
    """From the days before alone, and within the rule's bounds."""
    found = scene(
        Shelf(sales=sales, service_level=0.95), Shelf(sales=sales, service_level=0.95, floor_qty=500),
        Shelf(sales=sales, service_level=0.95, ceiling_qty=1), Shelf(sales=(0,), service_level=0.95, floor_qty=7),
        Shelf(sales=(0,), service_level=0.95, floor_qty=7, min_qty=8, reorder_qty=9),
    )  # fmt: skip
    units = np.resize(sales, WINDOW_DAYS)[None, :].astype(float)
    known = forecast_demand(units, np.ones(units.shape, dtype=bool), np.arange(WINDOW_DAYS) % 7)
    expected = limits_from(known, 0, next_weekday=0, lead_time_days=3, service_level=0.95)

    limits = limits_in_force(found.terms, found.window, morning_of(found), np.arange(5))

    assert [expected.min_qty, 500, min(1, expected.min_qty), 7, 8] == limits.min_qty.tolist()
    assert [expected.reorder_qty, 500, 1, 7, 9] == limits.reorder_qty.tolist()


def test_the_plan_orders_at_each_review_what_lasts_until_the_next_order_comes():
    """Steady ten a day: 3 + 7 days are 100, and no safety stock."""
    assert [(0, 0, -1, 60), (7, 0, -1, 70)] == by_plan(Shelf(on_hand=40))


def test_the_plan_moves_what_would_run_out_before_an_order_comes():
    """The first has one day of stock and three of lead time: twenty more units until the order is there."""
    found = by_plan(Shelf(on_hand=10, warehouse=1), Shelf(on_hand=900, warehouse=2), days=7)

    assert (0, 0, 1, 20) in found
    assert [(0, 0, -1, 70)] == [each for each in found if each[2] < 0]


def test_the_plan_counts_a_transfer_that_is_on_the_road():
    """With a review each day: moved once."""
    found = by_plan(Shelf(on_hand=10, warehouse=1), Shelf(on_hand=900, warehouse=2), days=2, review_days=1)

    assert 1 == sum(giver == 1 for _, _, giver, _ in found)


def test_an_order_that_only_fills_up_may_wait():
    """150 of ten a day last over lead time and review; 300 is the supplier's wish."""
    shelf = Shelf(on_hand=150, order_up_to=300)
    found = scene(shelf)
    waiting = plan_policy(found.terms, found.window, PlanSettings(), is_urgent_only=True)

    assert [(0, 0, -1, 150), (7, 0, -1, 70)] == by_plan(shelf)
    assert [(7, 0, -1, 220)] == placed_by(waiting, found)


def test_a_shelf_that_is_not_in_use_is_in_no_plan():
    assert [] == by_plan(Shelf(on_hand=0, is_active=(False,)))

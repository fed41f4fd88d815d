"""Worlds of a back-test: what comes in, what is served, what is counted; and that none of them knows tomorrow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.backtest.policies import order_up_to_policy, plan_policy
from inventory_assets.domain.backtest.supply import Acts, run_policy, what_happened
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.replenish.transfers import Transfer
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from tests.domain.backtest.scenes import Shelf, scene
from tests.hunting import some


def nobody(morning):
    """A policy that orders nothing."""
    return Acts(np.zeros(len(morning.stock), dtype=np.int64))


def once(day, quantity, *transfers):
    """A policy that acts on one day."""

    def act(morning):
        orders = np.zeros(len(morning.stock), dtype=np.int64)
        if morning.day != day:
            return Acts(orders)
        orders[0] = quantity
        return Acts(orders, [Transfer(*each, 0) for each in transfers])

    return act


def test_what_is_there_is_sold_and_the_rest_is_lost():
    """25 units of ten a day: two and a half days of fourteen."""
    outcome, _ = run_policy(scene(Shelf(on_hand=25)), nobody)

    assert (140, 25, 15 + 5) == (outcome.demand[0], outcome.sold[0], outcome.held[0])
    assert (2, 0) == (outcome.asked_periods[0], outcome.kept_periods[0])


def test_an_order_serves_the_day_on_which_it_comes():
    """Placed on day 2 with three days of lead time: day 5 sells again."""
    outcome, placed = run_policy(scene(Shelf(on_hand=20)), once(2, 30))

    assert 20 + 30 == outcome.sold[0]
    assert [(2, 0, -1, 30)] == list(zip(*(each.tolist() for each in placed), strict=True))
    assert (1, 30) == (outcome.orders[0], outcome.ordered[0])


def test_without_a_lead_time_it_is_there_at_once():
    outcome, _ = run_policy(scene(Shelf(on_hand=0, lead_time_days=0)), once(0, 30))

    assert 30 == outcome.sold[0]


def test_an_order_that_comes_after_the_window_is_counted_and_not_sold():
    outcome, _ = run_policy(scene(Shelf(on_hand=0)), once(12, 30))

    assert (0, 30) == (outcome.sold[0], outcome.ordered[0])


def test_a_transfer_leaves_at_once_and_is_there_a_day_later():
    outcome, _ = run_policy(
        scene(Shelf(on_hand=0, warehouse=1), Shelf(on_hand=50, warehouse=2, sales=(0,))), once(0, 0, (1, 0, 20))
    )

    assert [20, 0] == outcome.sold.tolist()
    assert [10, 14 * 30] == outcome.held.tolist()
    assert [(1, 20), (0, 0)] == list(zip(outcome.moves.tolist(), outcome.moved.tolist(), strict=True))


def test_what_was_on_its_way_comes_when_it_was_expected_and_overdue_goods_on_the_first_day():
    """Said the day before and three days to go: the third day. The other one is a week late."""
    outcome, _ = run_policy(scene(Shelf(on_hand=0, coming=[(-1, 30), (-10, 5)])), nobody)

    assert 5 + 30 == outcome.sold[0]
    assert 0 == outcome.ordered[0]


def test_a_day_without_stock_is_taken_to_be_as_the_days_before_it():
    """Ten a day and no stock on the last ten: they ask for a hundred, in all worlds alike, and history lost it."""
    days = (True,) * (WINDOW_DAYS + 4) + (False,) * 10
    found = scene(Shelf(counted=days, on_hand=(40, 30, 20, 10, *[0] * 11)))

    happened, (outcome, _) = what_happened(found), run_policy(found, nobody)
    assert (140, 40, 100) == (happened.demand[0], happened.sold[0], found.unseen[0].sum())
    assert (140, 40) == (outcome.demand[0], outcome.sold[0])
    assert 30 + 20 + 10 == happened.held[0]


def test_a_seldom_sale_is_not_lost_to_rounding():
    """A third of a unit a day: of nine days without stock, three units."""
    days = (True,) * WINDOW_DAYS + (False,) * 9
    found = scene(Shelf(sales=(1 / 3,), counted=days), days=9)

    assert [0, 0, 1, 0, 0, 1, 0, 0, 1] == found.unseen[0].tolist()


def test_nobody_asks_a_shelf_that_is_not_known_or_not_in_use():
    days = (True,) * WINDOW_DAYS + (False,) * 14
    gone = Shelf(counted=days, is_active=(False,))
    new = Shelf(counted=days, known_for=-14)

    assert 0 == scene(gone).demand.sum() == scene(new).demand.sum()


def test_a_shelf_that_is_new_begins_with_what_it_had():
    """Its first day is the fifth of the window: it opened on the fourth with 35."""
    outcome, _ = run_policy(scene(Shelf(known_for=-4, on_hand=(0, 0, 0, 0, 35, *[1] * 10))), nobody)

    assert (100, 35) == (outcome.demand[0], outcome.sold[0])


def test_customers_bring_back_no_more_than_they_have():
    """80,995 units came back that this world had never sold."""
    outcome, _ = run_policy(scene(Shelf(on_hand=0, sales=(0,), returned=(80_995,))), nobody)

    assert 0 == outcome.held[0]


def test_write_offs_and_finds_are_the_same_in_every_world():
    """No more is written off than is there."""
    outcome, _ = run_policy(scene(Shelf(on_hand=10, sales=(0,), corrected=(-7, -7, 5)), days=3), nobody)

    assert 3 + 0 + 5 == outcome.held[0]


def test_what_a_level_shows_and_nobody_announced_was_ordered():
    happened = what_happened(scene(Shelf(stated=(0, 60, 0, 0, 0, 0, 0))))

    assert (2, 120) == (happened.orders[0], happened.ordered[0])


def test_a_world_forecasts_from_what_it_has_sold_itself():
    """The plan of the second week sees days without stock as such, not the sales of history."""
    seen = {}

    def watch(morning):
        seen[morning.day] = (morning.sold[0, -7:].tolist(), morning.is_counted[0, -7:].tolist())
        return nobody(morning)

    run_policy(scene(Shelf(on_hand=25)), watch)

    assert ([10.0] * 7, [True] * 7) == seen[0]
    assert ([10, 10, 5, 0, 0, 0, 0], [True] * 3 + [False] * 4) == seen[7]


POLICIES = {
    "plan": lambda found: plan_policy(found.terms, found.window, PlanSettings()),
    "order_up_to": lambda found: order_up_to_policy(found.terms, found.window),
}


def random_shelf(rng, days):
    """A shelf of which everything that a day may bring is drawn."""
    before = np.resize(rng.integers(0, 12, 7), WINDOW_DAYS).tolist()
    return {
        "lead_time_days": int(rng.integers(0, 6)), "reorder_qty": rng.choice([None, 20, 60]),
        "reorder_days": rng.choice([None, 5]), "service_level": rng.choice([None, 0.9]),
        "order_up_to": rng.choice([None, 80]), "sales": [*before, *rng.integers(0, 30, days).tolist()],
        "counted": [True] * WINDOW_DAYS + rng.choice([True, True, False], days).tolist(),
        "is_active": [True, *rng.choice([True, True, True, False], days).tolist()],
        "on_hand": rng.integers(0, 200, days + 1).tolist(),
        **{name: rng.integers(0, 9, days).tolist() for name in ("returned", "corrected", "stated")},
    }  # fmt: skip


PAST_COLUMNS = {"sales": WINDOW_DAYS, "counted": WINDOW_DAYS, "is_active": 1, "on_hand": 1, "returned": 0, "corrected": 0,
                "stated": 0}  # fmt: skip


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=some(8))
@given(seed=st.integers(0, 2**32), day=st.integers(1, 9))
def test_what_comes_later_changes_no_order_that_was_placed_before(name, seed, day):
    """The horizon never sees the future: pasts that agree before a day have the same orders up to its morning."""
    rng, days = np.random.default_rng(seed), 10
    one = [random_shelf(rng, days) for _ in range(4)]
    other = [
        shelf | {column: shelf[column][: start + day] + later[column][start + day :]
                 for column, start in PAST_COLUMNS.items() for later in [random_shelf(rng, days)]}
        for shelf in one
    ]  # fmt: skip

    placed = []
    for shelves in (one, other):
        found = scene(
            *(Shelf(number // 2, number % 2, **each) for number, each in enumerate(shelves)), days=days, review_days=3
        )
        _, all_placed = run_policy(found, POLICIES[name](found))
        placed.append([each[all_placed.day <= day].tolist() for each in all_placed])
    assert placed[0] == placed[1]

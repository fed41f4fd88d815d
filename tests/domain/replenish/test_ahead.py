"""Demand of the days to come: day by day it is the weekdays' times the season's, and without one the weekdays' alone."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.replenish.ahead import Curves, with_season, without_season
from inventory_assets.domain.replenish.plan import make_plan
from inventory_assets.domain.replenish.projection import NEVER, run_out_days
from inventory_assets.domain.replenish.shelves import NO_ARRIVALS, PlanSettings, Shelves
from inventory_assets.domain.stock.season import YEAR_WEEKS
from inventory_assets.domain.thresholds.forecast import WINDOW_WEEKS, demand_over
from tests.domain.replenish.network import Shelf, network, row_of
from tests.hunting import some

DAY = date(2026, 11, 30)  # a Monday
WEEK = np.array([[0.0, 4, 5, 9, 12, 20, 20, 30]])
# Twice as much for the next four weeks; so far it sold as a mean week does.
DOUBLE = np.where(np.arange(YEAR_WEEKS) < 4, 2.0, 1.0)


def curves(*factors, size=1, place=0):
    counted = np.full((size, WINDOW_WEEKS), 7, dtype=np.int8)
    return Curves(np.full(size, place), np.array(factors).reshape(-1, YEAR_WEEKS), counted)


def in_season(shelves, given_):
    return Shelves(**shelves._asdict() | {"curves": given_})


def walked(week, factors, days):
    """Day by day."""
    own = np.diff(week[0])
    return sum(own[day % 7] * factors[day // 7 % YEAR_WEEKS] for day in range(days))


@given(st.integers(0, 1_200), st.lists(st.floats(0.1, 5), min_size=YEAR_WEEKS, max_size=YEAR_WEEKS))
def test_demand_is_the_sum_of_its_days(days, factors):
    """Also over more than a year, whose weeks come again."""
    ahead = with_season(WEEK, curves(factors))
    behind = np.mean(factors[-WINDOW_WEEKS:])

    assert np.isclose(walked(WEEK, factors, days) / behind, ahead.over(np.array([days]))[0])


@given(st.integers(0, 4_000), st.integers(0, 9_999))
def test_without_a_season_it_is_the_weekdays_to_the_last_digit(days, seed):
    """What a plan without a season says must not change by a digit for those that have none."""
    week = np.cumsum(np.random.default_rng(seed).random((1, 8)), axis=1)
    none, given_ = without_season(week), with_season(week, curves(DOUBLE, place=-1))
    asked = np.array([days])

    assert demand_over(week, asked) == none.over(asked) == given_.over(asked)
    assert [1.0] == none.lift(asked).tolist() == given_.lift(asked).tolist()
    assert none.spread(np.array([3.0]), asked) == 3.0 * np.sqrt(asked)


@settings(max_examples=some(50))
@given(st.floats(0.5, 20_000), st.lists(st.floats(0.1, 5), min_size=YEAR_WEEKS, max_size=YEAR_WEEKS))
def test_stock_runs_out_when_the_seasons_demand_has_reached_it(stock, factors):
    ahead = with_season(WEEK, curves(factors))
    found = run_out_days(ahead, np.array([stock]), NO_ARRIVALS)[0]

    days = np.arange(1, 3_652)
    reached = np.array([ahead.take(np.zeros(len(days), dtype=int)).over(days)])[0] >= stock - 1e-9 * max(1, stock)
    assert (NEVER if not reached.any() else reached.argmax()) == found


def test_nothing_sold_never_runs_out_in_any_season():
    ahead = with_season(np.zeros((1, 8)), curves(DOUBLE))

    assert [NEVER] == run_out_days(ahead, np.array([5.0]), NO_ARRIVALS).tolist()


def test_the_level_is_freed_of_the_season_that_it_was_sold_in():
    """The twelve weeks before were the year's best, half of their days without stock: what is ahead is less."""
    factors = np.where(np.arange(YEAR_WEEKS) >= YEAR_WEEKS - 6, 3.0, 1.0)
    counted = np.where(np.arange(WINDOW_WEEKS) < 6, 7, 0)[None, :].astype(np.int8)

    after_the_best = with_season(WEEK, curves(factors))
    before_it = with_season(WEEK, Curves(np.array([0]), factors[None, :], counted))

    assert 15 == after_the_best.over(np.array([7]))[0]
    assert 30 == before_it.over(np.array([7]))[0]


def test_a_plan_orders_for_the_season_and_says_by_how_much():
    """Ten a day, twelve days of horizon: twice as much, and stock lasts half as long."""
    plain, shelf = network(Shelf(available=100)), in_season(network(Shelf(available=100)), curves(DOUBLE))

    before, found = (row_of(make_plan(each, DAY, PlanSettings())) for each in (plain, shelf))

    assert (120, 20, 9) == tuple(before[name] for name in ("target", "order_quantity", "runs_out"))
    assert (240, 140, 4, 2.0) == tuple(
        found[name] for name in ("target", "order_quantity", "runs_out", "season_factor")
    )
    assert before["season_factor"] is None


def test_uncertainty_grows_with_the_season():
    shelf = network(Shelf(available=0, sales=(8.0, 12.0)))

    plain, seasonal = (
        row_of(make_plan(each, DAY, PlanSettings())) for each in (shelf, in_season(shelf, curves(DOUBLE)))
    )

    # 1.645 deviations of 6.97, and of twice as many.
    assert (12, 23) == (plain["safety_stock"], seasonal["safety_stock"])


def test_a_plan_without_the_method_or_the_season_is_the_plan_of_before():
    """Every number of every line."""
    shelves = network(
        Shelf(available=31, arrivals=[(3, 20)]), Shelf(sales=(0, 0, 7), sku=2), Shelf(available=-3, sku=3)
    )
    plain = make_plan(shelves, DAY, PlanSettings(season_method=None)).lines

    for other, how in (
        (shelves, PlanSettings()),
        (in_season(shelves, curves(size=3, place=-1)), PlanSettings()),
        (in_season(shelves, curves(DOUBLE, size=3, place=-1)), PlanSettings()),
        (in_season(shelves, curves(DOUBLE, size=3)), PlanSettings(season_method=None)),
    ):
        for name, values in make_plan(other, DAY, how).lines._asdict().items():
            np.testing.assert_array_equal(getattr(plain, name), values, name)

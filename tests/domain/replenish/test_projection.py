"""What is to come of a shelf, against a walk day by day."""

import math
from statistics import NormalDist

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.replenish.ahead import without_season
from inventory_assets.domain.replenish.projection import NEVER, run_out_days, wait
from inventory_assets.domain.replenish.shelves import NO_ARRIVALS, Arrivals
from tests.hunting import some

arrivals = st.lists(st.tuples(st.integers(-3, 25), st.integers(1, 60), st.booleans()), max_size=5)


def ahead_of(week):
    return without_season(np.concatenate(([0.0], np.cumsum(week)))[None, :])


def on_their_way(given):
    days, units, inbound = (np.array(each) for each in zip(*given, strict=True)) if given else ([], [], [])
    return Arrivals(
        np.zeros(len(given), dtype=np.int64), np.array(days, dtype=np.int64), np.array(units, dtype=np.int64),
        np.array(inbound, dtype=bool), np.ones(len(given), dtype=bool),
    )  # fmt: skip


def walked(week, stock, coming, until):
    """(first day that ends with nothing, greatest shortage before `until`, units not sold before it)."""
    supply, left, unsold, ran_out, demand, short = stock, stock, 0.0, 0 if stock <= 0 else NEVER, 0.0, -math.inf
    for day in range(until + 400):
        come = sum(units for at, units, _ in coming if max(0, at) == day)
        if day < until:
            supply, left = supply + come, left + come
            demand += week[day % 7]
            sold = min(week[day % 7], max(left, 0))
            left, unsold = left - sold, unsold + week[day % 7] - sold
            short = max(short, demand - supply)
        total = stock + sum(units for at, units, _ in coming if max(0, at) <= day)
        asked = sum(week) * ((day + 1) // 7) + sum(week[: (day + 1) % 7])
        if ran_out == NEVER and asked >= total - 1e-6:
            ran_out = day
    return ran_out, short, unsold


@settings(max_examples=some(60), deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=7, max_size=7), st.integers(-20, 150), arrivals, st.integers(0, 20)
)  # fmt: skip
def test_it_is_what_a_walk_day_by_day_finds(week, stock, coming, until):
    ran_out, short, unsold = walked(week, stock, coming, until)
    found = wait(ahead_of(week), np.zeros(1), np.array([stock]), np.array([until]), on_their_way(coming))

    assert ran_out == run_out_days(ahead_of(week), np.array([stock]), on_their_way(coming))[0] or not any(week)
    assert math.isclose(unsold, found.unsold[0], abs_tol=1e-6)
    # The walk looks at each day's end, the function before each arrival and at the end: the worst is among these.
    assert short == found.short[0]


def test_a_shelf_that_nobody_asks_for_never_runs_out():
    nobody = ahead_of([0] * 7).take(np.zeros(2, dtype=int))

    assert [NEVER, 0.0] == run_out_days(nobody, np.array([5, 0]), NO_ARRIVALS).tolist()


def test_the_chance_is_the_normal_ones_of_the_worst_moment():
    """Ten a day, deviation 3: 40 of demand in four days, deviation 6, against 46 there."""
    found = wait(ahead_of([10] * 7), np.array([3.0]), np.array([46]), np.array([4]), NO_ARRIVALS)

    assert math.isclose(NormalDist().cdf(-1), found.chance[0])
    assert -6 == found.short[0]


def test_certain_demand_is_certain_and_an_empty_shelf_is_empty():
    stock = np.array([40, 41, 0])
    found = wait(ahead_of([10] * 7).take(np.zeros(3, dtype=int)), np.zeros(3), stock, np.array([4, 4, 4]), NO_ARRIVALS)

    assert [1.0, 0.0, 1.0] == np.round(found.chance, 9).tolist()


def test_what_is_sure_is_inbound_and_not_overdue():
    late, accepted, due = (-1, 50, True), (1, 50, False), (2, 50, True)

    def short(*coming, is_sure):
        found = wait(
            ahead_of([10] * 7), np.zeros(1), np.array([0]), np.array([9]), on_their_way(coming), is_sure=is_sure
        )  # fmt: skip
        return found.short[0]

    assert -40 == short(late, accepted, due, is_sure=False)
    assert short(late, accepted, due, is_sure=True) == short(due, is_sure=False) == 40

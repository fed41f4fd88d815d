"""Demand by hand-computed examples: what counts as a day, and how long stock lasts."""

import math

import numpy as np
import pytest

from inventory_assets.domain.stock.coverage import Demand, daily_demand, measure
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.values import DAY_US
from tests.builders import level, transaction
from tests.domain.histories import accepted, history_of, live

START = 1_650_412_800_000_000  # 2022-04-20


def demand_of(*documents, days):
    """Demand over the days from 2022-04-20 on."""
    events, _ = history_of(accepted(live(documents, 0)))
    return daily_demand(run_stock(events), START + days * DAY_US, days=days)


def day(number, time="08:00"):
    return f"2022-04-{20 + number:02d}T{time}:00Z"


def test_a_day_without_stock_does_not_count():
    """Day 0 begins unknown; the stock runs out on day 1 and comes back on day 3: day 2 says nothing."""
    found = demand_of(
        level(10, day(0)[:-1] + "Z"),
        transaction("T1", quantity=-4, at=day(0, "09:00")),
        transaction("T2", quantity=-6, at=day(1, "10:00")),
        transaction("T3", "RESTOCK", 20, day(3, "12:00")),
        transaction("T4", quantity=-2, at=day(3, "13:00")),
        days=5,
    )

    assert [[4, 6, 0, 2, 0]] == found.units.tolist()
    assert [[False, True, True, True, True]] == found.is_known.tolist()
    assert [[False, True, False, True, True]] == found.is_counted.tolist()
    assert [18] == found.available.tolist()
    cover = measure(found)
    assert (3, 1) == (cover.in_stock_days[0], cover.stockout_days[0])
    assert math.isclose(8 / 3, cover.daily_units[0])
    assert math.isclose(math.sqrt(((6 - 8 / 3) ** 2 + (2 - 8 / 3) ** 2 + (8 / 3) ** 2) / 2), cover.daily_deviation[0])
    assert math.isclose(18 / (8 / 3), cover.cover_days[0])


def test_a_sale_without_stock_is_demand_all_the_same():
    found = demand_of(
        level(0, day(0)), transaction("T1", quantity=-5, at=day(1)), transaction("T2", quantity=-1, at=day(3)), days=4
    )

    assert [[False, True, False, True]] == found.is_counted.tolist()


def test_events_after_the_window_change_nothing():
    before = (level(10, day(0)), transaction("T1", quantity=-4, at=day(1)))
    late = transaction("T2", quantity=-9, at=day(5))

    one, other = demand_of(*before, days=3), demand_of(*before, late, days=3)

    for mine, theirs in zip(one, other, strict=True):
        assert np.array_equal(mine, theirs)


def test_a_window_long_after_the_last_event_keeps_its_stock():
    found = demand_of(level(10, day(0)), days=9)

    assert ([10], 8) == (found.available.tolist(), int(found.is_counted.sum()))


@pytest.mark.parametrize(
    ("units", "counted"),
    [([], []), ([3.0], [False]), ([0.0, 0.0, 0.0], [True, True, True])],
    ids=["no day", "never in stock", "nothing sold"],
)
def test_unknown_cover_is_nan_never_a_number(units, counted):
    known = [True] * len(units)
    cover = measure(Demand(*(np.array([x]) for x in (0, units, counted, known)), np.array([5])))

    assert np.isnan(cover.cover_days[0]) and np.isnan(cover.cover_days_low[0])


def test_the_interval_ends_where_demand_reaches_the_stock():
    """Silver, Pyke & Thomas 6.2: mean 10, deviation 3 a day, 100 units: m t ± 1.2816 s sqrt(t) = 100."""
    units = np.array([7.0, 10.0, 13.0])
    cover = measure(Demand(np.array([0]), units[None], np.ones((1, 3), bool), np.ones((1, 3), bool), np.array([100])))

    assert (10.0, 3.0, 10.0) == (cover.daily_units[0], cover.daily_deviation[0], cover.cover_days[0])
    for end, sign in ((cover.cover_days_low[0], 1), (cover.cover_days_high[0], -1)):
        assert math.isclose(100, 10 * end + sign * 1.2815515655 * 3 * math.sqrt(end))
    assert cover.cover_days_low[0] < 10 < cover.cover_days_high[0]

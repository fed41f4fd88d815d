"""Forecasts and limits against hand-computed and published examples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.thresholds.forecast import (
    croston_sba,
    forecast_demand,
    limits_from,
    tsb,
    weekly_factors,
)
from tests.hunting import some

WEEK = np.arange(7)


def series(*values):
    return np.array(values, dtype=float)


def one(method, units, *more):
    """What a method says of one key all of whose days count."""
    return method(units[None, :], np.ones((1, len(units)), dtype=bool), *more)[0]


def compute_limits(units, weekdays, **settings):
    found = forecast_demand(units[None, :], np.ones((1, len(units)), dtype=bool), weekdays)
    return limits_from(found, 0, **settings)


def test_sba_by_hand():
    """Sizes 6, 3 at days 2 and 6, a = 0.1: z = 6 + 0.1 (3 - 6) = 5.7, p = 2 + 0.1 (4 - 2) = 2.2."""
    assert math.isclose(0.95 * 5.7 / 2.2, one(croston_sba, series(0, 6, 0, 0, 0, 3)))


def test_tsb_by_hand():
    """p starts at 1/2, z at 4: p = .5 → .55 → .495 → .4455 → .50095, z = 4 → 4.2 → 3.98."""
    assert math.isclose(0.50095 * 3.98, one(tsb, series(6, 0, 0, 2)))


def test_a_dead_item_fades_in_tsb_and_not_in_sba():
    """The reason for TSB (Teunter, Syntetos & Babai 2011)."""
    alive = series(*[3, 0, 0, 3] * 6)
    dead = np.concatenate((alive, np.zeros(60)))

    assert one(croston_sba, alive) == one(croston_sba, dead)
    assert one(tsb, dead) < 0.01 * one(tsb, alive)


@pytest.mark.parametrize("method", [croston_sba, tsb])
def test_nothing_sold_forecasts_nothing(method):
    assert 0.0 == one(method, series(0, 0, 0)) == one(method, series())


def test_constant_demand_is_its_own_forecast_but_for_the_correction():
    assert math.isclose(5 * 0.95, one(croston_sba, np.full(30, 5.0)))
    assert math.isclose(5, one(tsb, np.full(30, 5.0)))


def test_weekly_factors_have_mean_one_and_need_eight_weeks():
    weekend = np.tile(series(4, 4, 4, 4, 4, 11, 11), 8)

    factors = one(weekly_factors, weekend, np.tile(WEEK, 8))

    assert [4 / 6] * 5 + [11 / 6] * 2 == pytest.approx(factors.tolist())
    assert np.isnan(one(weekly_factors, weekend[:-7], np.tile(WEEK, 7))).all()


def test_the_reorder_point_is_demand_plus_safety_stock():
    """Silver, Pyke & Thomas 6.7: 10 a day, deviation 2, 3 + 1 days, P1 = 95 %: 40 + 1.645 x 4 = 46.58."""
    units = np.tile(series(8, 12), 10) * math.sqrt(19 / 20) + 10 * (1 - math.sqrt(19 / 20))

    found = compute_limits(units, np.arange(20) % 7, next_weekday=0, lead_time_days=3, service_level=0.95)

    assert found is not None
    assert (pytest.approx(40), pytest.approx(4), 4) == (found.demand, found.deviation, found.protection_days)
    assert ("mean", 7, 47) == (found.model, found.min_qty, found.reorder_qty)


def test_a_weekend_ahead_asks_for_more_than_a_week_begin():
    """The season is in the forecast, not in the uncertainty."""
    units, days = np.tile(series(4, 4, 4, 4, 4, 11, 11), 12), np.tile(WEEK, 12)

    monday, friday = (
        compute_limits(units, days, next_weekday=start, lead_time_days=1, service_level=0.9) for start in (0, 5)
    )

    assert ("seasonal_mean", 8, 22) == (monday.model, monday.reorder_qty, friday.reorder_qty)
    assert 0 == monday.min_qty == friday.min_qty


@pytest.mark.parametrize(("tail", "model"), [(0, "sba"), (27, "sba"), (28, "tsb")])
def test_intermittent_demand_takes_croston_and_a_fading_one_tsb(tail, model):
    units = np.concatenate((np.tile(series(0, 0, 5), 10), np.zeros(tail)))

    assert (
        model
        == compute_limits(units, np.arange(len(units)) % 7, next_weekday=0, lead_time_days=5, service_level=0.95).model
    )


@pytest.mark.parametrize("units", [np.ones(13), np.append(np.zeros(40), (1, 1)), np.array([])])
def test_too_little_evidence_computes_nothing(units):
    days = np.arange(len(units)) % 7

    assert compute_limits(units, days, next_weekday=0, lead_time_days=5, service_level=0.95) is None


@settings(max_examples=some(60), deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=14, max_size=84), st.integers(0, 30), st.floats(0.001, 0.999),
    st.integers(0, 6),
)  # fmt: skip
def test_limits_are_ordered_and_grow_with_service_and_lead_time(units, lead_time, level, start):
    values, days = np.array(units, dtype=float), np.arange(len(units)) % 7

    def limits(lead_time, level):
        return compute_limits(values, days, next_weekday=start, lead_time_days=lead_time, service_level=level)

    found = limits(lead_time, level)

    if found is None:
        return
    more = limits(lead_time, 0.9995)
    assert 0 <= found.min_qty <= found.reorder_qty
    assert found.min_qty <= more.min_qty and found.reorder_qty <= more.reorder_qty
    # Below a half the uncertainty is taken off, and it may grow faster than the demand.
    if level >= 0.5:
        longer = limits(lead_time + 1, level)
        assert found.min_qty <= longer.min_qty and found.reorder_qty <= longer.reorder_qty
    else:
        assert found.min_qty == 0


@pytest.mark.parametrize(("days", "sold", "is_known"), [(14, 3, True), (13, 3, False), (14, 2, False), (13, 13, False)])
def test_too_little_is_known_below_two_weeks_or_three_days_with_demand(days, sold, is_known):
    units = np.zeros(days)
    units[:sold] = 5

    found = compute_limits(units, np.arange(days) % 7, next_weekday=0, lead_time_days=3, service_level=0.95)

    assert is_known == (found is not None)


@pytest.mark.parametrize(("days", "model"), [(32, "mean"), (33, "sba")])
def test_demand_is_intermittent_from_an_interval_of_1_32_days(days, model):
    """Syntetos, Boylan & Croston 2005: 33 days for 25 with demand are 1.32 exactly."""
    units = np.zeros(days)
    units[days - 25 :] = 5

    found = compute_limits(units, np.arange(days) % 7, next_weekday=0, lead_time_days=3, service_level=0.95)

    assert found is not None and model == found.model


@settings(max_examples=some(40), deadline=None)
@given(st.lists(st.lists(st.sampled_from([None, 0, 0, 1, 3, 40]), min_size=70, max_size=70), min_size=1, max_size=4))
def test_a_forecast_is_of_its_own_key_and_of_the_days_that_count(rows):
    """Beside others or alone, with the days that do not count or without them: the same limits."""
    units = np.array([[each or 0 for each in row] for row in rows], dtype=float)
    counted = np.array([[each is not None for each in row] for row in rows])
    days = np.arange(70) % 7
    found = forecast_demand(units, counted, days)

    for place in range(len(rows)):
        asked = {"next_weekday": 3, "lead_time_days": 9, "service_level": 0.9}
        kept = counted[place]
        alone = compute_limits(units[place][kept], days[kept], **asked)
        beside = limits_from(found, place, **asked)
        assert (alone is None) == (beside is None)
        if alone is not None:
            assert (alone.min_qty, alone.reorder_qty, alone.model) == (beside.min_qty, beside.reorder_qty, beside.model)

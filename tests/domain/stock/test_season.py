"""A season of the year is found where two years show it, and nowhere else."""

import numpy as np
import pytest

from inventory_assets.domain.stock.coverage import YEARLY_SEASON_DAYS
from inventory_assets.domain.stock.season import SEASON_DAYS, YEAR_WEEKS, PoolSales, yearly_seasons

WEEKS = np.arange(2 * YEAR_WEEKS)
WAVE = 1 + 0.5 * np.sin(2 * np.pi * WEEKS / YEAR_WEEKS)
# Six weeks before a holiday sell three times as much as others.
HOLIDAY = np.where((WEEKS % YEAR_WEEKS >= 40) & (WEEKS % YEAR_WEEKS < 46), 3.0, 1.0)


def sold(mean, season, *, seed=1, growth=1.0):
    """Units of 104 weeks; growth from year to year."""
    expected = mean * season / season[:YEAR_WEEKS].mean() * growth ** (WEEKS / YEAR_WEEKS)
    return np.random.default_rng(seed).poisson(expected)[None, :]


@pytest.mark.parametrize("growth", [1.0, 1.5, 0.7])
@pytest.mark.parametrize("season", [WAVE, HOLIDAY], ids=["wave", "holiday"])
def test_a_season_that_both_years_have_is_found(season, growth):
    """Four hundred a week, so chance is a twentieth; growth is no season."""
    found = yearly_seasons(sold(400, season, growth=growth))

    wanted = season[:YEAR_WEEKS] / season[:YEAR_WEEKS].mean()
    # The first and the last week of a holiday are smoothed with their neighbours.
    is_edge = np.abs(np.diff(wanted, append=wanted[:1])) > 0.5
    is_edge |= np.roll(is_edge, 1)
    assert np.abs(found.factors[0] - wanted)[~is_edge].max() < 0.12
    assert np.abs(found.factors.mean() - 1) < 0.02
    assert found.agreement[0] > 0.9 and found.weight[0] > 0.9


def test_what_two_years_do_not_share_is_chance():
    """Of two hundred pools without a season one in twenty seems to have one, and that is shrunk."""
    units = np.concatenate([sold(30, np.ones(104), seed=seed) for seed in range(200)])

    found = yearly_seasons(units)

    assert (found.weight > 0).mean() < 0.1
    assert np.sqrt(((found.factors - 1) ** 2).mean()) < 0.03


def test_a_week_of_one_year_alone_is_no_season():
    """A wholesale order of a thousand units comes once."""
    units = sold(100, np.ones(104)).astype(float)
    units[0, 30] += 1_000

    assert (0, 1) == (yearly_seasons(units).weight[0], yearly_seasons(units).factors.max())


@pytest.mark.parametrize("year", [np.s_[:52], np.s_[52:], np.s_[:]], ids=["the first", "the second", "both"])
def test_a_year_without_sales_tells_nothing(year):
    units = sold(40, WAVE)
    units[0, year] = 0

    found = yearly_seasons(units)

    assert np.isnan(found.agreement[0]) and 0 == found.weight[0]
    assert (found.factors == 1).all()


def test_the_same_week_after_week_is_no_season_and_weeks_without_sales_leave_a_tenth():
    even = yearly_seasons(np.full((1, 104), 7))
    seasonal = yearly_seasons(np.tile(np.where(np.arange(52) < 20, 50, 0), 2)[None, :])

    assert (0, 1) == (even.weight[0], even.factors.max())
    assert 0.1 == seasonal.factors.min()


def test_no_pool_is_no_season():
    assert (0, YEAR_WEEKS) == yearly_seasons(np.zeros((0, 104))).factors.shape


def test_sales_in_parts_are_the_sales_at_once_by_week():
    """A cancelled sale is taken off; what is before the two years or after them is in neither."""
    pools, as_of = np.array([1, 0, 1]), 20_000
    rows = np.random.default_rng(3).integers([0, as_of - SEASON_DAYS - 9, -2], [3, as_of + 9, 9], (500, 3)).T
    whole, parts = PoolSales(pools, as_of), PoolSales(pools, as_of)

    whole.add(*rows)
    for part in np.array_split(rows, 7, axis=1):
        parts.add(*part)

    assert (whole.units == parts.units).all() and (whole.first_day == parts.first_day).all()
    key, day, units = rows
    week = (day - (as_of - SEASON_DAYS)) // 7
    assert units[(pools[key] == 1) & (week == 103) & (day < as_of)].sum() == whole.units[1, 103]
    assert units[(day >= as_of - SEASON_DAYS) & (day < as_of)].sum() == whole.units.sum()


@pytest.mark.parametrize(("days", "is_old"), [(YEARLY_SEASON_DAYS - 1, False), (YEARLY_SEASON_DAYS, True)])
def test_two_years_are_counted_from_the_first_sale(days, is_old):
    """A level or a delivery says nothing of demand."""
    sales = PoolSales(np.array([0]), 20_000)

    sales.add(np.array([0, 0]), np.array([18_000, 20_000 - days]), np.array([0, 3]))

    assert [is_old] == sales.is_old_enough.tolist()

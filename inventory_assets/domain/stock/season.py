"""The season of the year from two years of sales: how much each of 52 weeks sells of a mean one.

A season is a pool's, of all that is sold in a category: of one shelf most weeks
are chance. Not here: which pool a shelf is of (`replenish.season`), nor what
comes of a season (`domain.replenish.ahead`).
"""

from typing import NamedTuple

import numpy as np

from inventory_assets.domain.stock.coverage import YEARLY_SEASON_DAYS

YEAR_WEEKS = 52
SEASON_DAYS = 2 * YEAR_WEEKS * 7
"""Two years in whole weeks, so that every weekday is in each as often; less than `YEARLY_SEASON_DAYS`."""

TWO_YEARS = "two_years"
"""The method, as plans record it: another one would be another word, and lines made by this one stay verifiable."""

LEAST_AGREEMENT = 0.32
"""Two years of pure chance agree by more one time in twenty: 1.645 deviations of a correlation over 52 weeks, each
   smoothed with its neighbours (Bartlett's formula: sqrt(1.94 / 52))."""

LEAST_FACTOR = 0.1
"""That a week sold nothing in two years is no proof that it sells nothing, and a level is divided by these."""


class Seasons(NamedTuple):
    """What `yearly_seasons` finds, a pool a row.

    `factors`: of the 52 weeks that begin on the day that the two years end before, 1 is a mean week. `agreement`:
    the correlation of the two years; nan where a year sold nothing. `weight`: how much of what they show together
    counts; 0 is no season, all factors 1.
    """

    factors: np.ndarray
    agreement: np.ndarray
    weight: np.ndarray


def yearly_seasons(units: np.ndarray) -> Seasons:
    """Find each pool's season of the year.

    Each year's weeks are divided by the year's mean and the growth from year to
    year, and smoothed with their neighbours by 1/4, 1/2, 1/4; the factor of a
    week is the mean of its two years (classical multiplicative decomposition:
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
    section 3.4; of a group of items: Dekker, van Donselaar & Ouwehand 2004,
    International Journal of Production Economics 90). It is then shrunk towards
    1 by the share of its variance that is no chance, which two years tell by
    what they have in common (Miller & Williams 2003, International Journal of
    Forecasting 19): cov(first, second) / var(mean). Two years that agree by less
    than `LEAST_AGREEMENT` show no season.

    Args:
        units: Sold in each of 104 weeks, oldest first; a pool a row.
    """
    years = units.astype(np.float64).reshape(len(units), 2, YEAR_WEEKS)
    means = years.mean(axis=2)
    is_sold = (means > 0).all(axis=1)
    means = np.where(is_sold[:, None], means, 1.0)
    growth = (means[:, 1] / means[:, 0])[:, None, None] ** ((np.arange(YEAR_WEEKS) + 0.5) / YEAR_WEEKS - 0.5)
    ratios = years / (means[:, :, None] * growth)
    ratios /= np.where(is_sold[:, None], ratios.mean(axis=2), 1.0)[:, :, None]
    ratios = (np.roll(ratios, 1, axis=2) + 2 * ratios + np.roll(ratios, -1, axis=2)) / 4
    mean = ratios.mean(axis=1)
    common = ((ratios[:, 0] - 1) * (ratios[:, 1] - 1)).mean(axis=1)
    spread = np.sqrt(((ratios - 1) ** 2).mean(axis=2).prod(axis=1))
    has_spread = is_sold & (spread > 0)
    agreement = np.divide(common, spread, out=np.full(len(units), np.nan), where=has_spread)
    shared = np.divide(
        common, ((mean - 1) ** 2).mean(axis=1), out=np.zeros(len(units)), where=has_spread & (common > 0)
    )
    weight = np.where(np.nan_to_num(agreement) >= LEAST_AGREEMENT, np.minimum(shared, 1.0), 0.0)
    factors = np.maximum(1 + weight[:, None] * (mean - 1), LEAST_FACTOR)
    return Seasons(np.where(weight[:, None] > 0, factors, 1.0), agreement, weight)


class PoolSales:
    """Sums up the sales of pools by week, from the running stock of their keys, some keys at a time."""

    def __init__(self, pools: np.ndarray, as_of_day: int) -> None:
        """Begin.

        Args:
            pools: The pool of each key number.
            as_of_day: Days since 1970; the two years end before it.
        """
        size = int(pools.max(initial=-1)) + 1
        self._pools, self._as_of_day = pools, as_of_day
        self.units = np.zeros((size, 2 * YEAR_WEEKS))
        self.first_day = np.full(size, as_of_day)
        """Of each pool's first sale."""

    def add(self, key: np.ndarray, day: np.ndarray, sold: np.ndarray) -> None:
        """Take in rows of some keys: key number, day since 1970, what the row adds to the completed orders."""
        pool = self._pools[key]
        np.minimum.at(self.first_day, pool[sold > 0], day[sold > 0])
        since = day - (self._as_of_day - SEASON_DAYS)
        is_inside = (since >= 0) & (since < SEASON_DAYS) & (sold != 0)
        cell = pool[is_inside] * self.units.shape[1] + since[is_inside] // 7
        self.units += np.bincount(cell, sold[is_inside].astype(np.float64), self.units.size).reshape(self.units.shape)

    @property
    def is_old_enough(self) -> np.ndarray:
        """The pools whose first sale is two years ago."""
        return self._as_of_day - self.first_day >= YEARLY_SEASON_DAYS

"""Demand of the days to come: the forecast's mean day by the weekdays, and by a season of the year where one is known.

A factor of the year holds for each seven days from the plan's date on. Not
here: forecasts (`thresholds.forecast`) or seasons (`stock.season`).
"""

from typing import NamedTuple

import numpy as np

from inventory_assets.domain.stock.season import YEAR_WEEKS
from inventory_assets.domain.thresholds.forecast import WEEK, WINDOW_WEEKS


class Curves(NamedTuple):
    """Seasons of the year as shelves have them.

    `place`: of each shelf its season, a row of `factors`; -1 is none. `factors`:
    of the 52 weeks from the plan's date on. `counted`: of each shelf how many
    days of each of the forecast's twelve weeks say something of demand.
    """

    place: np.ndarray
    factors: np.ndarray
    counted: np.ndarray

    def take(self, rows: np.ndarray) -> "Curves":
        """Some of the shelves."""
        return Curves(self.place[rows], self.factors, self.counted[rows])


class Ahead(NamedTuple):
    """Demand from the plan's date on, a shelf a row.

    `week`: units after 0 to 7 days by the weekdays alone (`Forecasts.ahead`).
    `season`: a row of `sums`, the factors of the weeks from the plan's date on
    added up, 0 to 52 of them; the first row is of no season, so that its demand
    is the weekdays' to the last digit. `scale`: 1 / the mean factor of the days
    that the forecast is of: what they had of a season is no level.
    """

    week: np.ndarray
    season: np.ndarray
    scale: np.ndarray
    sums: np.ndarray

    def take(self, rows: np.ndarray) -> "Ahead":
        """Some of the shelves."""
        return Ahead(self.week[rows], self.season[rows], self.scale[rows], self.sums)

    def over(self, days: np.ndarray) -> np.ndarray:
        """Units sold over so many days, a number for each shelf."""
        weeks, rest = np.divmod(days, WEEK)
        whole, current = self._factors(weeks)
        return self.scale * (whole * self.week[:, WEEK] + current * self.week[np.arange(len(days)), rest])

    def lift(self, days: np.ndarray) -> np.ndarray:
        """How many times as much a day sells over so many days as on those that the forecast is of; 1 over none."""
        weeks, rest = np.divmod(days, WEEK)
        whole, current = self._factors(weeks)
        return self.scale * np.divide(whole * WEEK + current * rest, days, out=1 / self.scale, where=days > 0)

    def spread(self, deviation: np.ndarray, days: np.ndarray) -> np.ndarray:
        """The standard deviation of that demand: independent days, each as uncertain as it is large."""
        return deviation * self.lift(days) * np.sqrt(days)

    def _factors(self, weeks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The factors of so many weeks added up, and that of the week after them."""
        years, week = np.divmod(weeks.astype(np.int64), YEAR_WEEKS)
        before = self.sums[self.season, week]
        return years * self.sums[self.season, YEAR_WEEKS] + before, self.sums[self.season, week + 1] - before


NO_SEASON = np.arange(YEAR_WEEKS + 1, dtype=np.float64)[None, :]


def without_season(week: np.ndarray) -> Ahead:
    """Demand by the weekdays alone."""
    return Ahead(week, np.zeros(len(week), dtype=np.int64), np.ones(len(week)), NO_SEASON)


def with_season(week: np.ndarray, curves: Curves | None) -> Ahead:
    """Demand by the weekdays and by each shelf's season."""
    if curves is None or not len(curves.factors):
        return without_season(week)
    sums = np.concatenate((np.zeros((len(curves.factors), 1)), np.cumsum(curves.factors, axis=1)), axis=1)
    # The forecast's weeks are the last of the year that ends with the plan's date.
    behind = curves.factors[curves.place][:, YEAR_WEEKS - WINDOW_WEEKS :]
    counted = curves.counted.sum(axis=1)
    mean = np.divide((behind * curves.counted).sum(axis=1), counted, out=np.ones(len(week)), where=counted > 0)
    scale = np.where(curves.place >= 0, 1 / mean, 1.0)
    return Ahead(week, curves.place + 1, scale, np.concatenate((NO_SEASON, sums)))

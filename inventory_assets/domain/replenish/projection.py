"""The stock to come: when a shelf runs out, how likely before an order arrives, what would not be sold.

Demand by a day is what the forecast says; what arrives counts for the demand of
its day. Days are counted from the plan's date, which is day 0.
"""

import math
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.replenish.ahead import Ahead
from inventory_assets.domain.replenish.shelves import Arrivals
from inventory_assets.domain.thresholds.forecast import WEEK
from inventory_assets.ranges import MAX_DAYS

NEVER = np.inf
# Of what a sum of a hundred factors leaves in the last digits.
TOLERANCE = 1e-9


class Wait(NamedTuple):
    """What befalls each shelf until a day, if nobody does anything.

    `short`: the greatest demand not covered by then, in units; below 0, what is
    left at the worst moment. `unsold`: units that nobody can buy, the forecast
    being right. `chance`: that the stock is gone at some moment before.
    """

    short: np.ndarray
    unsold: np.ndarray
    chance: np.ndarray


def wait(
    ahead: Ahead, deviation: np.ndarray, stock: np.ndarray, until: np.ndarray, arrivals: Arrivals,
    *, is_sure: bool = False,
) -> Wait:  # fmt: skip
    """Go through each shelf's days until one, from arrival to arrival.

    Stock is least just before something arrives, so these are the moments that
    are looked at. Demand over t days is normal with deviation s*sqrt(t), as in
    `stock.coverage`; the chance is that of the worst moment.

    Args:
        ahead: Demand of the days to come.
        deviation: Of one day's demand.
        stock: Units on the shelf now.
        until: A whole day for each shelf; what arrives on it comes too late.
        arrivals: What is on its way.
        is_sure: As in `Arrivals.rounds`.
    """
    supply, left = stock.astype(np.float64), stock.astype(np.float64)
    passed, unsold = np.zeros(len(stock)), np.zeros(len(stock))
    short, score = np.full(len(stock), -np.inf), np.full(len(stock), -np.inf)

    def look(rows: np.ndarray, days: np.ndarray) -> None:
        own = ahead.take(rows)
        demand = own.over(days)
        sold = np.minimum(demand - passed[rows], np.maximum(left[rows], 0))
        unsold[rows] += demand - passed[rows] - sold
        left[rows] -= sold
        passed[rows] = demand
        # At the very beginning nothing is asked for yet.
        spread = own.spread(deviation[rows], days)[days > 0]
        rows, demand = rows[days > 0], demand[days > 0]
        lacking = demand - supply[rows]
        short[rows] = np.maximum(short[rows], lacking)
        certain = np.where(lacking >= 0, np.inf, -np.inf)
        score[rows] = np.maximum(score[rows], np.divide(lacking, spread, out=certain, where=spread > 0))

    for rows, days, units in arrivals.rounds(is_sure=is_sure):
        comes = days < until[rows]
        look(rows[comes], days[comes])
        supply[rows[comes]] += units[comes]
        left[rows[comes]] += units[comes]
    look(np.arange(len(stock)), until)
    return Wait(short, unsold, np.where(stock <= 0, 1.0, _normal(score)))


def run_out_days(ahead: Ahead, stock: np.ndarray, arrivals: Arrivals) -> np.ndarray:
    """The first day at whose end nothing is left; 0 where nothing is now, `NEVER` where stock outlasts demand."""
    supply = stock.astype(np.float64)
    found = np.where(stock <= 0, 0.0, np.nan)
    for rows, days, units in arrivals.rounds():
        last = _last_days(ahead.take(rows), supply[rows])
        ended = np.isnan(found[rows]) & (last < days)
        found[rows[ended]] = last[ended]
        supply[rows] += units
    return np.where(np.isnan(found), _last_days(ahead, supply), found)


def _last_days(ahead: Ahead, supply: np.ndarray) -> np.ndarray:
    """The first day d whose end finds all of a supply asked for: the demand of d + 1 days reaches it."""
    found = _weekly_last_days(ahead.week, supply)
    rows = np.flatnonzero(ahead.season)
    found[rows] = _seasonal_last_days(ahead.take(rows), supply[rows])
    return found


def _seasonal_last_days(ahead: Ahead, supply: np.ndarray) -> np.ndarray:
    """The same by halving: weeks of a season are not alike. What lasts over `MAX_DAYS` is `NEVER`."""
    enough = supply - TOLERANCE * np.maximum(1, supply)
    low, high = np.zeros(len(supply), dtype=np.int64), np.full(len(supply), MAX_DAYS + 1)
    for _ in range(MAX_DAYS.bit_length() + 1):
        middle = (low + high) // 2
        reaches = ahead.over(middle + 1) >= enough
        high, low = np.where(reaches, middle, high), np.where(reaches, low, np.minimum(middle + 1, high))
    return np.where(ahead.over(high + 1) >= enough, high.astype(np.float64), NEVER)


def _weekly_last_days(week: np.ndarray, supply: np.ndarray) -> np.ndarray:
    weekly = week[:, WEEK]
    sells = weekly > 0
    weeks = np.zeros(len(supply))
    weeks[sells] = np.maximum(np.ceil(supply[sells] / weekly[sells] - TOLERANCE) - 1, 0)
    rest = supply - weeks * np.where(sells, weekly, 0.0)
    reaches = week[:, 1:] >= (rest - TOLERANCE * np.maximum(1, rest))[:, None]
    place = np.where(reaches.any(axis=1), reaches.argmax(axis=1), WEEK - 1)
    return np.where(sells, weeks * WEEK + place, NEVER)


def _normal(scores: np.ndarray) -> np.ndarray:
    """The normal distribution function; numpy has none."""
    bounded = np.clip(scores, -9, 9) / math.sqrt(2)
    return 0.5 * (1 + np.array(list(map(math.erf, bounded.tolist())), dtype=np.float64))

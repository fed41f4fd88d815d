"""Demand of many keys from their running stock: what was sold on days with stock, and how long stock lasts.

A day without stock is no evidence of no demand, so it counts for nothing. Not
here: forecasts and limits made of them (`forecast`).
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.stock.history import Stock
from inventory_assets.domain.values import DAY_US

WINDOW_DAYS = 84
"""Twelve whole weeks: every weekday counts as often, and a season of the year shows little."""

YEARLY_SEASON_DAYS = 730
"""A season of the year shows in two years at the earliest: what is in one alone may be chance."""

COVER_LEVEL = 0.8
"""The interval of the days of cover holds with this probability."""


class Demand(NamedTuple):
    """Daily demand of some keys; row i of each array is `keys[i]`, columns are days, oldest first.

    `units`: completed orders. `is_counted`: days that say something of demand:
    stock was there, or something was sold. `is_known`: days since the key's
    first event. `available`: in units, at the end of the window.
    """

    keys: np.ndarray
    units: np.ndarray
    is_counted: np.ndarray
    is_known: np.ndarray
    available: np.ndarray


class Coverage(NamedTuple):
    """What `measure` says of each key; nan for unknown. Units a day, days."""

    daily_units: np.ndarray
    daily_deviation: np.ndarray
    in_stock_days: np.ndarray
    stockout_days: np.ndarray
    cover_days: np.ndarray
    cover_days_low: np.ndarray
    cover_days_high: np.ndarray


def daily_demand(stock: Stock, as_of: int, *, days: int = WINDOW_DAYS) -> Demand:
    """Sum up each key's complete UTC days before `as_of` (microseconds, a midnight).

    A day counts if stock was above 0 at any moment of it while the key was
    active, or if something was sold. The day of a key's first event does not:
    nobody knows what came before it.
    """
    is_first = np.ones(len(stock.key), dtype=bool)
    is_first[1:] = stock.key[1:] != stock.key[:-1]
    starts, local = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    shape = (len(starts), days)
    day = stock.at // DAY_US - (as_of // DAY_US - days)
    # The order of the rows counts, not a late clock (RULES 25); a key's days never run backwards.
    least, span = int(day.min()), int(day.max() - day.min()) + 1
    day = np.maximum.accumulate(local * span + day - least) - local * span + least
    is_inside = (day >= 0) & (day < days)
    cell = local[is_inside] * days + day[is_inside]
    units = np.bincount(cell, stock.sold[is_inside].astype(np.float64), len(starts) * days).reshape(shape)
    available = stock.available
    has_stock = (available > 0) & stock.is_active
    was_there = np.zeros(shape, dtype=bool)
    was_there.ravel()[cell[has_stock[is_inside]]] = True
    # A day begins with what the last row before it left.
    places = local * (days + 1) + np.clip(day + 1, 0, days + 1)
    rows = np.bincount(places[day < days], minlength=len(starts) * (days + 1)).reshape(len(starts), days + 1)
    before = np.cumsum(rows, axis=1)
    is_known = before[:, :days] > 0
    was_there |= is_known & has_stock[np.maximum(starts[:, None] + before[:, :days] - 1, 0)]
    ends = before[:, days]
    left = np.where(ends > 0, available[np.maximum(starts + ends - 1, 0)], 0)
    return Demand(stock.key[starts], units, is_known & (was_there | (units > 0)), is_known, left)


def measure(demand: Demand) -> Coverage:
    """Mean, deviation and days of cover of each key.

    Mean and deviation are over the days that count, the deviation of a sample
    (n - 1). Demand over t days has mean m*t and standard deviation s*sqrt(t)
    (Silver, Pyke & Thomas, Inventory and Production Management in Supply
    Chains, 4th ed., section 6.2: independent days, normal by their number).
    Cover is A / m; its interval ends where that demand reaches the stock A with
    10 % and with 90 % probability: m*t + z*s*sqrt(t) = A and m*t - z*s*sqrt(t) = A,
    quadratic in sqrt(t), z = 1.2816. The mean is taken as known.
    """
    counted = demand.is_counted
    in_stock = counted.sum(axis=1)
    sold = np.where(counted, demand.units, 0)
    mean = _divide(sold.sum(axis=1), in_stock)
    spread = np.where(counted, demand.units - mean[:, None], 0)
    deviation = np.sqrt(_divide((spread**2).sum(axis=1), in_stock - 1))
    return Coverage(
        mean, deviation, in_stock, demand.is_known.sum(axis=1) - in_stock, *cover(mean, deviation, demand.available)
    )


def cover(mean: np.ndarray, deviation: np.ndarray, available: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days that a stock lasts, and the interval's two ends, as in `measure`; nan for unknown or never."""
    stock = np.maximum(available, 0)
    flow = np.where(mean > 0, mean, np.nan)
    margin = NormalDist().inv_cdf((1 + COVER_LEVEL) / 2) * deviation
    root = np.sqrt(margin**2 + 4 * flow * stock)
    return stock / flow, ((root - margin) / (2 * flow)) ** 2, ((root + margin) / (2 * flow)) ** 2


def _divide(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

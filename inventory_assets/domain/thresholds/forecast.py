"""Forecasts of demand, and limits from them: the stock that carries a service level over the lead time.

Smooth demand is its mean with weekly seasonal factors; intermittent demand is
forecast by the Croston family. The recurrences are written out here because
`statsforecast` brings 580 MB and two seconds of import (docs/adr/0005), over
many keys at once because a plan asks for all of them.
"""

import math
from enum import StrEnum
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.thresholds.resolve import DynamicLimits

ALPHA = 0.1
"""Smoothing of sizes, intervals and probabilities: 0.05 to 0.2 in Syntetos & Boylan (2005), section 4."""

INTERMITTENT_INTERVAL = 1.32
"""Mean days between days with demand from which Croston's family does better (Syntetos, Boylan & Croston 2005)."""

WEEK = 7
WINDOW_WEEKS = WINDOW_DAYS // WEEK
SEASON_WEEKS = 8
"""Fewer weeks than this say more of chance than of weekdays."""

MIN_COUNTED_DAYS = 14
MIN_DEMAND_DAYS = 3
"""Below these nothing is computed, and the rule's own numbers hold."""

OBSOLETE_DAYS = 28
"""Days without a sale, while in stock, after which TSB, which forgets, replaces SBA, which does not."""


class Model(StrEnum):
    """How demand was forecast."""

    SEASONAL_MEAN = "seasonal_mean"
    MEAN = "mean"
    SBA = "sba"
    TSB = "tsb"


MODELS = np.array([str(model) for model in Model])
_SEASONAL_MEAN, _MEAN, _SBA, _TSB = range(len(MODELS))


class Forecasts(NamedTuple):
    """Demand of the days to come, a key a row. Units a day; nothing in a row says anything where it is not known.

    `daily` is the forecast of a mean day, `deviation` the standard deviation of
    one, `factors` are those of Monday to Sunday, 1 without a season. `model` is
    a place in `MODELS`. `mean` and `counted` are of the days that say something
    of demand, whether they say enough for a forecast or not.
    """

    is_known: np.ndarray
    daily: np.ndarray
    deviation: np.ndarray
    factors: np.ndarray
    model: np.ndarray
    mean: np.ndarray
    counted: np.ndarray

    def ahead(self, start_weekday: int) -> np.ndarray:
        """Units sold after 0 to 7 days from a weekday on, a key a row."""
        turned = self.factors[:, (start_weekday + np.arange(WEEK)) % WEEK]
        return np.concatenate((np.zeros((len(turned), 1)), np.cumsum(self.daily[:, None] * turned, axis=1)), axis=1)


def forecast_demand(units: np.ndarray, is_counted: np.ndarray, weekdays: np.ndarray) -> Forecasts:
    """Forecast the demand of many keys; each row by itself, whatever the others are.

    Args:
        units: Units sold, a key a row and a day a column, oldest first.
        is_counted: The days that say something of demand; the others are left out.
        weekdays: Of each column, 0 is Monday.
    """
    units = np.where(is_counted, units, 0.0)
    counted, with_demand = is_counted.sum(axis=1), (units > 0).sum(axis=1)
    is_known = (counted >= MIN_COUNTED_DAYS) & (with_demand >= MIN_DEMAND_DAYS)
    mean = _divide(units.sum(axis=1), counted)
    is_rare = is_known & (_divide(counted, with_demand) >= INTERMITTENT_INTERVAL)
    nth = np.cumsum(is_counted, axis=1)
    is_fading = counted - np.where(units > 0, nth, 0).max(axis=1, initial=0) >= OBSOLETE_DAYS
    factors = weekly_factors(units, is_counted, weekdays)
    is_seasonal = is_known & ~is_rare & ~np.isnan(factors[:, 0])
    factors[~is_seasonal] = 1.0
    daily, model = mean.copy(), np.where(is_seasonal, _SEASONAL_MEAN, _MEAN)
    for chosen, method, number in ((is_rare & ~is_fading, croston_sba, _SBA), (is_rare & is_fading, tsb, _TSB)):
        if chosen.any():
            daily[chosen], model[chosen] = method(units[chosen], is_counted[chosen]), number
    # What the season explains is no uncertainty.
    spread = np.where(is_counted, units - mean[:, None] * factors[:, weekdays], 0.0)
    deviation = np.sqrt(_divide((spread**2).sum(axis=1), counted - 1))
    return Forecasts(is_known, daily, deviation, factors, model, mean, counted)


def croston_sba(units: np.ndarray, is_counted: np.ndarray, *, alpha: float = ALPHA) -> np.ndarray:
    """Forecast mean daily demand by Croston's method with the Syntetos-Boylan correction.

    Size z and interval p are smoothed at each day with demand, from the first
    such day's: z += a (x - z), p += a (q - p); the forecast is (1 - a/2) z / p
    (Croston 1972, J. D. Croston, Operational Research Quarterly 23; Syntetos &
    Boylan 2005, International Journal of Forecasting 21, equation 3). A day that
    does not count is none.
    """
    size, interval = np.zeros(len(units)), np.ones(len(units))
    nth, last = np.zeros(len(units)), np.zeros(len(units))
    for amount, counts in zip(_by_day(units), _by_day(is_counted), strict=True):
        nth += counts
        is_demand = counts & (amount > 0)
        is_first = is_demand & (last == 0)
        rate = np.where(is_demand, np.where(is_first, 1.0, alpha), 0.0)
        size += rate * (amount - size)
        interval += rate * (nth - last - interval)
        last = np.where(is_demand, nth, last)
    return (1 - alpha / 2) * size / interval


def tsb(units: np.ndarray, is_counted: np.ndarray, *, alpha: float = ALPHA, beta: float = ALPHA) -> np.ndarray:
    """Forecast mean daily demand by the method of Teunter, Syntetos & Babai.

    The probability of demand is smoothed every day, the size on days with
    demand, so a dead item's forecast sinks: p += b (1{x > 0} - p), z += a (x - z);
    the forecast is p z (Teunter, Syntetos & Babai 2011, European Journal of
    Operational Research 214, section 3). Both start from the sample's means. A
    day that does not count is none.
    """
    is_demand = is_counted & (units > 0)
    with_demand = is_demand.sum(axis=1)
    chance = _known(_divide(with_demand, is_counted.sum(axis=1)))
    size = _known(_divide(np.where(is_demand, units, 0.0).sum(axis=1), with_demand))
    for amount, counts, has in zip(_by_day(units), _by_day(is_counted), _by_day(is_demand), strict=True):
        chance += np.where(counts, beta * (has - chance), 0.0)
        size += np.where(has, alpha * (amount - size), 0.0)
    return chance * size


def weekly_factors(units: np.ndarray, is_counted: np.ndarray, weekdays: np.ndarray) -> np.ndarray:
    """Seasonal factors of Monday to Sunday, their mean 1; a row of nan where there are too few weeks.

    The ratio of each weekday's mean to the mean of the seven (the ratio method
    of Silver, Pyke & Thomas, 4th ed., section 4.3, for a level without trend).
    """
    sums, counts = np.zeros((WEEK, len(units))), np.zeros((WEEK, len(units)))
    for day, amount, counted in zip(weekdays.tolist(), _by_day(units), _by_day(is_counted), strict=True):
        sums[day] += np.where(counted, amount, 0.0)
        counts[day] += counted
    sums, counts = _by_day(sums), _by_day(counts)
    is_enough = (counts.min(axis=1) >= SEASON_WEEKS) & (sums.sum(axis=1) > 0)
    means = np.full(sums.shape, np.nan)
    means[is_enough] = sums[is_enough] / counts[is_enough]
    return means / means.mean(axis=1)[:, None]


def demand_over(ahead: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Units sold over so many days, a number for each row of `Forecasts.ahead`."""
    weeks, rest = np.divmod(days, WEEK)
    return weeks * ahead[:, WEEK] + ahead[np.arange(len(ahead)), rest]


def whole_units(units: np.ndarray) -> np.ndarray:
    """Units rounded up; what is whole but for a last binary digit stays, so that 20.000000000000004 are 20."""
    return np.ceil(np.round(units, 9))


def safety_factor(service_level: float) -> float:
    """The normal quantile of a service level (Silver, Pyke & Thomas, 4th ed., section 6.7, decision rule P1)."""
    return NormalDist().inv_cdf(service_level)


def limits_from(
    found: Forecasts, place: int, *, next_weekday: int, lead_time_days: int, service_level: float
) -> DynamicLimits | None:
    """Work out min and reorder quantities of one key; None where its demand is too little known.

    The reorder point covers demand D over the lead time and the day until the
    next look, plus safety stock: s = D + k * sigma, k the normal quantile of the
    service level, the chance of no stockout in a cycle (Silver, Pyke & Thomas,
    4th ed., section 6.7, decision rule P1). The minimum is the safety stock
    itself: below it, an order already on its way is likely to come too late.

    Args:
        found: Forecasts of some keys.
        place: The key's row.
        next_weekday: The weekday of the first day to cover.
        lead_time_days: From ordering to arrival.
        service_level: Above 0, below 1. Up to 0.5 there is no safety stock, and less than the demand is covered.
    """
    if not found.is_known[place]:
        return None
    one = Forecasts(*(values[place : place + 1] for values in found))
    days = lead_time_days + 1
    demand = float(demand_over(one.ahead(next_weekday), np.array([days]))[0])
    deviation = math.sqrt(days) * float(one.deviation[0])
    factor = safety_factor(service_level)
    safety = max(0, int(whole_units(np.array(factor * deviation))))
    reorder = max(safety, int(whole_units(np.array(demand + factor * deviation))))
    return DynamicLimits(
        safety, reorder, str(MODELS[one.model[0]]), float(one.daily[0]), demand, deviation, days, service_level, factor
    )  # fmt: skip


def _by_day(rows: np.ndarray) -> np.ndarray:
    # Column after column of long rows is a walk through all memory for each: several times as slow.
    return np.ascontiguousarray(rows.T)


def _divide(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _known(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=0.0)

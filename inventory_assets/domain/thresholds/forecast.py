"""Limits from demand: a forecast over the lead time, and the stock that carries a service level.

Smooth demand is its mean with weekly seasonal factors; intermittent demand is
forecast by the Croston family. The recurrences are written out here because
`statsforecast` brings 580 MB and two seconds of import (docs/adr/0005).
"""

import math
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from inventory_assets.domain.thresholds.resolve import DynamicLimits

ALPHA = 0.1
"""Smoothing of sizes, intervals and probabilities: 0.05 to 0.2 in Syntetos & Boylan (2005), section 4."""

INTERMITTENT_INTERVAL = 1.32
"""Mean days between days with demand from which Croston's family does better (Syntetos, Boylan & Croston 2005)."""

WEEK = 7
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


def croston_sba(units: np.ndarray, *, alpha: float = ALPHA) -> float:
    """Forecast mean daily demand by Croston's method with the Syntetos-Boylan correction.

    Size z and interval p are smoothed at each day with demand, from the first
    such day's: z += a (x - z), p += a (q - p); the forecast is (1 - a/2) z / p
    (Croston 1972, J. D. Croston, Operational Research Quarterly 23; Syntetos &
    Boylan 2005, International Journal of Forecasting 21, equation 3).
    """
    days = np.flatnonzero(units > 0)
    if not len(days):
        return 0.0
    size, interval = float(units[days[0]]), float(days[0] + 1)
    for gap, amount in zip(np.diff(days).tolist(), units[days[1:]].tolist(), strict=True):
        size += alpha * (amount - size)
        interval += alpha * (gap - interval)
    return (1 - alpha / 2) * size / interval


def tsb(units: np.ndarray, *, alpha: float = ALPHA, beta: float = ALPHA) -> float:
    """Forecast mean daily demand by the method of Teunter, Syntetos & Babai.

    The probability of demand is smoothed every day, the size on days with
    demand, so a dead item's forecast sinks: p += b (1{x > 0} - p), z += a (x - z);
    the forecast is p z (Teunter, Syntetos & Babai 2011, European Journal of
    Operational Research 214, section 3). Both start from the sample's means.
    """
    days = units > 0
    if not days.any():
        return 0.0
    chance, size = float(days.mean()), float(units[days].mean())
    for amount in units.tolist():
        chance += beta * ((amount > 0) - chance)
        if amount > 0:
            size += alpha * (amount - size)
    return chance * size


def weekly_factors(units: np.ndarray, weekdays: np.ndarray) -> np.ndarray | None:
    """Seasonal factors of Monday to Sunday, their mean 1; None where there are too few weeks.

    The ratio of each weekday's mean to the mean of the seven (the ratio method
    of Silver, Pyke & Thomas, 4th ed., section 4.3, for a level without trend).
    """
    counts = np.bincount(weekdays, minlength=WEEK)
    if counts.min() < SEASON_WEEKS or units.sum() <= 0:
        return None
    means = np.bincount(weekdays, units, WEEK) / counts
    return means / means.mean()


def compute_limits(
    units: np.ndarray, weekdays: np.ndarray, *, next_weekday: int, lead_time_days: int, service_level: float
) -> DynamicLimits | None:
    """Work out min and reorder quantities; None where demand is too little known.

    The reorder point covers demand D over the lead time and the day until the
    next look, plus safety stock: s = D + k * sigma, k the normal quantile of the
    service level, the chance of no stockout in a cycle (Silver, Pyke & Thomas,
    4th ed., section 6.7, decision rule P1). The minimum is the safety stock
    itself: below it, an order already on its way is likely to come too late.

    Args:
        units: Units sold on the days that count, oldest first.
        weekdays: Their weekdays, 0 is Monday.
        next_weekday: The weekday of the first day to cover.
        lead_time_days: From ordering to arrival.
        service_level: Above 0, below 1. Up to 0.5 there is no safety stock, and less than the demand is covered.
    """
    has_demand = units > 0
    if len(units) < MIN_COUNTED_DAYS or has_demand.sum() < MIN_DEMAND_DAYS:
        return None
    days = lead_time_days + 1
    factors = None
    if len(units) / has_demand.sum() >= INTERMITTENT_INTERVAL:
        is_fading = len(units) - 1 - int(np.flatnonzero(has_demand)[-1]) >= OBSOLETE_DAYS
        model, daily = (Model.TSB, tsb(units)) if is_fading else (Model.SBA, croston_sba(units))
    else:
        factors = weekly_factors(units, weekdays)
        model, daily = (Model.MEAN if factors is None else Model.SEASONAL_MEAN), float(units.mean())
    ahead = (next_weekday + np.arange(days)) % WEEK
    demand = daily * (days if factors is None else float(factors[ahead].sum()))
    # What the season explains is no uncertainty.
    expected = float(units.mean()) * (1 if factors is None else factors[weekdays])
    variance = float(((units - expected) ** 2).sum() / (len(units) - 1))
    deviation = math.sqrt(days * variance)
    factor = NormalDist().inv_cdf(service_level)
    # Rounded before the ceiling, so that 20.000000000000004 units are 20.
    safety = max(0, math.ceil(round(factor * deviation, 9)))
    reorder = max(safety, math.ceil(round(demand + factor * deviation, 9)))
    return DynamicLimits(
        safety, reorder, str(model), daily, demand, deviation, days, service_level, factor
    )  # fmt: skip

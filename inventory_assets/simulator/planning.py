"""When a planner orders who plans by demand, and how full a shelf then is.

Belongs here: the sums of a shop that `plans_by_demand`. Not here: its rules (`rules`), nor when
an order leaves (`world`).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory_assets.simulator.rules import ThresholdRule

_DAY_SECONDS = 86_400
# Mean square over mean of an order's units (`World._order`): a day of n units on average varies by n times this.
_SPREAD = 3.3
SERVICE_LEVELS = (0.95, 0.9, 0.95, 0.98, 0.95, 0.9, 0.95)
MIN_DAYS, REORDER_DAYS = 4, 14
FLAT_MIN, FLAT_REORDER = 3, 8
# The planner orders before a rule complains: demand is known to nobody, and the rule's forecast is another one.
_MARGIN, _MARGIN_UNITS = 1.25, 2
_LEAST_SHELF = 12


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key's rule comes to, and where the planner orders; units of available stock."""

    min_qty: int
    reorder_qty: int
    order_at: int


def limits_of(rule: "ThresholdRule", units_per_second: float, lead_time_days: int) -> Limits:
    """What a rule comes to for a key of known demand, and where its planner orders."""
    daily = units_per_second * _DAY_SECONDS
    safety, reorder = _by_service(daily, lead_time_days, rule.service_level or 0.95)
    order_at = max(reorder, daily * (rule.reorder_days or 0), rule.reorder_qty or 0)
    if rule.service_level is None:
        safety = max(rule.min_qty or 0, daily * (rule.min_days or 0))
        reorder = max(rule.reorder_qty or 0, daily * (rule.reorder_days or 0))
    low = max(2, math.ceil(safety))
    reorder_qty = max(low + 1, math.ceil(reorder))
    return Limits(low, reorder_qty, max(reorder_qty, int(order_at * _MARGIN)) + _MARGIN_UNITS)


def full_shelf(units_per_second: float, lead_time_days: int, cover_days: float) -> float:
    """Units of a full shelf: above whatever any rule asks for, and `cover_days` of demand."""
    daily = units_per_second * _DAY_SECONDS
    most = max(_by_service(daily, lead_time_days, max(SERVICE_LEVELS))[1], daily * REORDER_DAYS, FLAT_REORDER)
    return max(_LEAST_SHELF, most * _MARGIN + _MARGIN_UNITS + daily * cover_days)


def _by_service(daily: float, lead_time_days: int, service_level: float) -> tuple[float, float]:
    # Demand over the lead time and a day to the next look, and the stock that carries it (Silver, Pyke & Thomas).
    days = lead_time_days + 1
    safety = NormalDist().inv_cdf(service_level) * math.sqrt(days * daily * _SPREAD)
    return safety, daily * days + safety

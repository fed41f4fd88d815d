"""Who fills the shelves in a back-test: the plan as it is made live, and the rules as they stand. Pure."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.backtest.days import VELOCITY_DAYS
from inventory_assets.domain.backtest.past import Window
from inventory_assets.domain.backtest.supply import Acts, Morning, Policy, Terms
from inventory_assets.domain.replenish.plan import make_plan
from inventory_assets.domain.replenish.shelves import Arrivals, PlanSettings, Shelves
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.stock.history import NO_LIMIT
from inventory_assets.domain.thresholds.forecast import (
    WEEK,
    Forecasts,
    demand_over,
    forecast_demand,
    safety_factor,
    whole_units,
)

_EPOCH = date(1970, 1, 1)


class Limits(NamedTuple):
    """The quantities in force on a morning; nan where none is set."""

    min_qty: np.ndarray
    reorder_qty: np.ndarray


def plan_policy(terms: Terms, window: Window, settings: PlanSettings, *, is_urgent_only: bool = False) -> Policy:
    """Make the plan at each review, order what it orders and move what it moves.

    With `is_urgent_only`, an order that can wait for the next review does.
    """

    def act(morning: Morning) -> Acts:
        orders = np.zeros(len(morning.stock), dtype=np.int64)
        if morning.day % window.review_days:
            return Acts(orders)
        rows = np.flatnonzero(morning.is_open)
        shelves = _shelves(terms, window, morning, rows)
        plan = make_plan(shelves, _date(window, morning.day), settings)
        wanted = np.nan_to_num(plan.lines.order_quantity)
        orders[rows] = np.where(plan.lines.is_order_urgent | (not is_urgent_only), wanted, 0).astype(np.int64)
        moves = [each._replace(giver=int(rows[each.giver]), taker=int(rows[each.taker])) for each in plan.transfers]
        return Acts(orders, moves)

    return act


def order_up_to_policy(terms: Terms, window: Window) -> Policy:
    """Order when stock and what is on its way fall below the limits in force (RULES 24, 30).

    Every morning, up to `order_up_to` or else twice the reorder quantity, in
    whole packs. An alert on a shelf to which something is on its way is muted;
    here it counts as stock, which is the textbook's (s, S) and never worse.
    Limits computed from demand are those of the last review.
    """
    latest: list[Limits] = []

    def act(morning: Morning) -> Acts:
        if morning.day % window.review_days == 0:
            latest[:] = [limits_in_force(terms, window, morning, np.arange(len(morning.stock)))]
        limits = latest[0]
        position = morning.stock + morning.inbound
        days = np.nan_to_num(np.fmax(terms.min_days, terms.reorder_days) * _velocity(morning.sold))
        limit = np.maximum(np.nan_to_num(np.fmax(limits.min_qty, limits.reorder_qty)), np.round(days, 9))
        is_short = morning.is_open & terms.is_enabled & ((position < limit) | (position <= 0))
        target = np.where(np.isnan(terms.order_up_to), 2 * limits.reorder_qty, terms.order_up_to)
        pack = np.fmax(terms.pack_multiple, 1)
        wanted = np.ceil(np.maximum(0, np.nan_to_num(target) - position) / pack) * pack
        return Acts(np.where(is_short, wanted, 0).astype(np.int64))

    return act


def limits_in_force(terms: Terms, window: Window, morning: Morning, rows: np.ndarray) -> Limits:
    """The quantities of some shelves: the rule's, a dynamic one's computed from what is known, or a level's."""
    low, reorder = terms.min_qty[rows].copy(), terms.reorder_qty[rows].copy()
    is_dynamic = ~np.isnan(terms.service_level[rows])
    if is_dynamic.any():
        chosen = rows[is_dynamic]
        for into, computed, own in zip(
            (low, reorder), _computed(terms, window, morning, chosen), (terms.min_qty, terms.reorder_qty), strict=True
        ):
            # Where demand is unknown the rule's own numbers hold, else its floor (RULES 22).
            known = np.fmin(np.fmax(computed, terms.floor_qty[chosen]), terms.ceiling_qty[chosen])
            unknown = np.where(np.isnan(own[chosen]), terms.floor_qty[chosen], own[chosen])
            into[is_dynamic] = np.where(np.isnan(computed), unknown, known)
    stated = [np.where(each == NO_LIMIT, np.nan, each)[rows] for each in (morning.low_limit, morning.reorder_limit)]
    # A level that says one of the two hides the default of both.
    says = terms.is_embedded[rows] & ~(np.isnan(stated[0]) & np.isnan(stated[1]))
    return Limits(np.where(says, stated[0], low), np.where(says, stated[1], reorder))


def _computed(terms: Terms, window: Window, morning: Morning, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `forecast.limits_from` computes, of many shelves; nan where demand is unknown."""
    found = _forecasts(window, morning, rows)
    lead = terms.lead_time_days[rows]
    ahead = np.nan_to_num(found.ahead(_date(window, morning.day).weekday()))
    levels, places = np.unique(terms.service_level[rows], return_inverse=True)
    factor = np.array([safety_factor(level) for level in levels.tolist()])[places]
    spread = factor * np.nan_to_num(found.deviation) * np.sqrt(lead + 1)
    low = np.maximum(0, whole_units(spread))
    reorder = np.maximum(low, whole_units(demand_over(ahead, lead + 1) + spread))
    return np.where(found.is_known, low, np.nan), np.where(found.is_known, reorder, np.nan)


def _shelves(terms: Terms, window: Window, morning: Morning, rows: np.ndarray) -> Shelves:
    limits = limits_in_force(terms, window, morning, rows)
    place = np.full(len(morning.stock), -1)
    place[rows] = np.arange(len(rows))
    row, is_ours = place[morning.arrival_row], place[morning.arrival_row] >= 0
    nothing = np.zeros(len(rows), dtype=np.int64)
    found = _forecasts(window, morning, rows)
    return Shelves(
        sku=terms.sku[rows],
        warehouse=terms.warehouse[rows],
        available=morning.stock[rows],
        inbound=morning.inbound[rows],
        announced=nothing,
        accepted=nothing,
        lapsed=nothing,
        lead_time_days=terms.lead_time_days[rows].astype(np.float64),
        order_up_to=terms.order_up_to[rows],
        unit_price=terms.unit_price[rows],
        pack_multiple=terms.pack_multiple[rows],
        min_order_qty=terms.min_order_qty[rows],
        min_qty=limits.min_qty,
        reorder_qty=limits.reorder_qty,
        min_days=terms.min_days[rows],
        reorder_days=terms.reorder_days[rows],
        daily_units=_velocity(morning.sold[rows]),
        is_enabled=terms.is_enabled[rows],
        has_supplier=terms.has_supplier[rows],
        is_stated=np.ones(len(rows), dtype=bool),
        service_level=terms.service_level[rows],
        forecasts=Forecasts(*(np.nan_to_num(each) if each.dtype == np.float64 else each for each in found)),
        arrivals=Arrivals(
            row[is_ours], morning.arrival_day[is_ours], morning.arrival_quantity[is_ours],
            np.ones(int(is_ours.sum()), dtype=bool), np.ones(int(is_ours.sum()), dtype=bool),
        ),
    )  # fmt: skip


def _forecasts(window: Window, morning: Morning, rows: np.ndarray) -> Forecasts:
    weekdays = (_date(window, morning.day - WINDOW_DAYS).weekday() + np.arange(WINDOW_DAYS)) % WEEK
    return forecast_demand(morning.sold[rows], morning.is_counted[rows], weekdays)


def _velocity(sold: np.ndarray) -> np.ndarray:
    """Mean daily units of the last 28 days; nan where nothing was sold (RULES 23)."""
    units = sold[:, -VELOCITY_DAYS:].sum(axis=1)
    return np.where(units > 0, units / VELOCITY_DAYS, np.nan)


def _date(window: Window, day: int) -> date:
    return _EPOCH + timedelta(days=window.first_day + day)

"""A plan: for each shelf when it runs out, what to order by when, what to move; pure, all shelves at once (RULES 42).

An order is placed at each review and must last until the next one's arrives: a
target for demand over lead time and review period, less what is there and on
its way (Silver, Pyke & Thomas, 4th ed., section 7.9, the (R, S) rule). What is
not known stays nan, and `Unknown` says what that is.
"""

from datetime import date
from enum import IntFlag, StrEnum
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.replenish.ahead import Ahead, with_season
from inventory_assets.domain.replenish.projection import NEVER, TOLERANCE, run_out_days, wait
from inventory_assets.domain.replenish.shelves import WAITING_RISK, Arrivals, PlanSettings, Shelves
from inventory_assets.domain.replenish.transfers import Need, Transfer, share_out
from inventory_assets.domain.stock.coverage import COVER_LEVEL
from inventory_assets.domain.thresholds.forecast import OBSOLETE_DAYS, safety_factor, whole_units
from inventory_assets.ranges import MAX_DAYS


class Unknown(IntFlag):
    """What is not known of a shelf; in this order it is told."""

    DEMAND = 1
    LEAD_TIME = 2
    PRICE = 4
    SUPPLIER = 8
    PACK = 16
    OPENING_STOCK = 32


class Reason(StrEnum):
    """Why a line says what it says: the first that holds."""

    OUT = "out"
    TOO_LATE = "too_late"
    DUE = "due"
    AT_RISK = "at_risk"
    BELOW_LIMIT = "below_limit"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    NOT_YET = "not_yet"
    FILL_UP = "fill_up"
    ON_ITS_WAY = "on_its_way"
    LIMIT_IS_HIGH = "limit_is_high"
    ENOUGH = "enough"


REASONS = np.array([str(reason) for reason in Reason])


class Lines(NamedTuple):
    """The plan's lines, a row for each shelf in the shelves' order; nan is unknown, days are after the plan's date.

    `horizon_days` is lead time and review period; `projected` with `projected_low`
    and `projected_high`, an interval of 80 %, is the stock at its end if nothing is done. `runs_out` is
    a day or `NEVER`; an order placed on `order_by` still arrives in time, below 0 none does. `needed` is the sum
    `target` − available − inbound − announced − accepted + given − taken; `order_quantity` that
    in whole packs, at least the least order. `risk_percent`: of running out before an order placed today arrives.
    `seen_by_limit`: where no limit in force sees that, the reorder quantity that would. `is_urgent`: to be seen to
    before the next review; `is_order_urgent`: its order, too, is to be placed before. `season_factor`: where a season
    of the year is known, how many times as much a day of the horizon sells as one of those that the forecast is of.
    `overdue` units are in doubt since `overdue_since`: nothing but the sum counts them, and `order_without_overdue`
    is the order where the sum does not either. `arriving` units come on `arrives`: the first that are not in doubt.
    `waiting_risk_percent`: of running out before an order of the next review arrives.
    """

    horizon_days: np.ndarray
    forecast: np.ndarray
    projected: np.ndarray
    projected_low: np.ndarray
    projected_high: np.ndarray
    runs_out: np.ndarray
    order_by: np.ndarray
    safety_stock: np.ndarray
    target: np.ndarray
    taken: np.ndarray
    given: np.ndarray
    needed: np.ndarray
    order_quantity: np.ndarray
    risk_percent: np.ndarray
    revenue_at_risk: np.ndarray
    seen_by_limit: np.ndarray
    reason: np.ndarray
    is_urgent: np.ndarray
    unknown: np.ndarray
    season_factor: np.ndarray
    is_order_urgent: np.ndarray
    overdue: np.ndarray
    overdue_since: np.ndarray
    order_without_overdue: np.ndarray
    arrives: np.ndarray
    arriving: np.ndarray
    waiting_risk_percent: np.ndarray


class Plan(NamedTuple):
    """Lines, and the transfers between their rows."""

    lines: Lines
    transfers: list[Transfer]


def make_plan(shelves: Shelves, plan_date: date, settings: PlanSettings) -> Plan:
    """Plan every shelf as of a day.

    Args:
        shelves: As of one lake version.
        plan_date: Day 0; demand is of the days before it.
        settings: How.
    """
    known = shelves.forecasts
    lead = shelves.lead_time_days
    is_known = known.is_known & ~np.isnan(lead)
    lead_days = np.where(np.isnan(lead), 0, lead).astype(np.int64)
    horizon = lead_days + settings.review_days
    ahead = with_season(known.ahead(plan_date.weekday()), shelves.curves if settings.season_method else None)
    deviation = np.nan_to_num(known.deviation)

    # ---- what comes of itself
    late, coming = _in_doubt(shelves.arrivals, settings)
    runs_out = run_out_days(ahead, shelves.available, coming)
    runs_out[~known.is_known & (shelves.available > 0)] = np.nan
    # Of later days no forecast speaks, and a calendar may not have them.
    runs_out[runs_out > min(MAX_DAYS, (date.max - plan_date).days)] = NEVER
    wait_for_order = wait(ahead, deviation, shelves.available, lead_days, coming)
    is_late = is_known & (runs_out < lead_days)
    forecast = ahead.over(horizon)
    spread = ahead.spread(deviation, horizon)
    projected = shelves.available + _arrived(coming, horizon) - forecast
    margin = NormalDist().inv_cdf((1 + COVER_LEVEL) / 2) * spread

    # ---- what to move
    factor = _factors(shelves.service_level, settings.service_level)
    safety = np.maximum(0, whole_units(factor * spread))
    need = Need(np.where(is_late, np.maximum(0, whole_units(wait_for_order.short)), 0), runs_out)
    keeps = _kept(shelves, ahead, deviation, lead_days, safety)
    spare = np.where(np.isnan(keeps) | (need.units > 0), 0, np.maximum(0, shelves.available - np.nan_to_num(keeps)))
    transfers = share_out(shelves.sku, shelves.warehouse, need, spare, keeps, settings.least_transfer)
    taken, given = np.zeros(len(shelves), dtype=np.int64), np.zeros(len(shelves), dtype=np.int64)
    for each in transfers:
        taken[each.taker] += each.quantity
        given[each.giver] += each.quantity

    # ---- what to order
    is_seen = _is_seen(shelves)
    service = np.where(is_known, np.maximum(safety, whole_units(forecast + factor * spread)), np.nan)
    # Where demand is not known, the rule's own word on a breach stands: twice its reorder quantity (RULES 30).
    by_rule = np.where(is_seen & ~is_known, 2 * shelves.reorder_qty, np.nan)
    target = np.fmax(service, np.where(np.isnan(shelves.order_up_to), by_rule, shelves.order_up_to))
    lacking = target - _position(shelves) + given - taken
    needed = np.maximum(0, lacking)
    order_quantity = _in_packs(needed, shelves.min_order_qty, shelves.pack_multiple)
    overdue = _sum(late, len(shelves))
    without = _in_packs(np.maximum(0, lacking + overdue), shelves.min_order_qty, shelves.pack_multiple)
    arrives, arriving = _first(coming, len(shelves))
    reorder = whole_units(
        ahead.over(lead_days + 1) + factor * deviation * ahead.lift(lead_days + 1) * np.sqrt(lead_days + 1)
    )
    # Whether it runs out before what is ordered at the next review is there.
    is_short = is_known & (runs_out < horizon)
    waiting_risk = wait(ahead, deviation, shelves.available, horizon, coming).chance
    reason = _reasons(
        shelves, is_late, is_seen, service, target,
        is_due=is_short if settings.method else is_known, is_at_risk=is_known & (waiting_risk > WAITING_RISK),
        is_overdue=is_short & (overdue > 0),
    )  # fmt: skip
    is_urgent = (reason < _URGENT_BELOW) | (taken > 0) | (given > 0)
    unsold = wait_for_order.unsold if settings.method is None else _unsold(shelves, ahead, wait_for_order.unsold)
    left = projected + taken - given
    is_sure = left >= NormalDist().inv_cdf(1 - WAITING_RISK) * spread
    lasts = (left > TOLERANCE * np.maximum(1, forecast)) & (is_sure | (_position(shelves) + taken - given >= service))
    return Plan(
        Lines(
            horizon_days=np.where(np.isnan(lead), np.nan, horizon),
            forecast=_where(is_known, forecast),
            projected=_where(is_known, np.round(projected)),
            projected_low=_where(is_known, np.round(projected - margin)),
            projected_high=_where(is_known, np.round(projected + margin)),
            runs_out=runs_out,
            order_by=_where(~np.isnan(lead), runs_out - lead_days),
            safety_stock=_where(is_known, safety),
            target=target,
            taken=taken,
            given=given,
            needed=needed,
            order_quantity=order_quantity,
            risk_percent=_where(is_known | (shelves.available <= 0), np.round(100 * wait_for_order.chance)),
            revenue_at_risk=_where(is_known, np.round(unsold * shelves.unit_price, 2)),
            seen_by_limit=_where(is_late & ~is_seen, np.maximum(reorder, shelves.available + 1)),
            reason=reason,
            is_urgent=is_urgent,
            unknown=_unknown(shelves),
            season_factor=_where(is_known & (ahead.season > 0), ahead.lift(horizon)),
            is_order_urgent=is_urgent & (order_quantity > 0) & _cannot_wait(reason, is_known, lasts=lasts, given=given),
            overdue=overdue,
            overdue_since=_least(late, len(shelves)),
            order_without_overdue=_where(overdue > 0, without),
            arrives=arrives,
            arriving=arriving,
            waiting_risk_percent=_where(is_known, np.round(100 * waiting_risk)),
        ),
        transfers,
    )


_PLACES = {reason: place for place, reason in enumerate(Reason)}
_URGENT_BELOW = _PLACES[Reason.UNKNOWN]


def _where(holds: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(holds, values, np.nan)


def _factors(own: np.ndarray, common: float) -> np.ndarray:
    levels, places = np.unique(np.where(np.isnan(own), common, own), return_inverse=True)
    return np.array([safety_factor(level) for level in levels.tolist()])[places]


def _in_doubt(arrivals: Arrivals, settings: PlanSettings) -> tuple[Arrivals, Arrivals]:
    """(what is overdue, what there is to rely on); before `METHOD` what was overdue came on the plan's date."""
    is_late = arrivals.is_overdue & (settings.method is not None)
    return arrivals.take(is_late), arrivals.take(~is_late)


def _sum(arrivals: Arrivals, size: int) -> np.ndarray:
    return np.bincount(arrivals.row, arrivals.quantity.astype(np.float64), size)


def _least(arrivals: Arrivals, size: int) -> np.ndarray:
    """The earliest day of each shelf's; nan for none."""
    found = np.full(size, np.inf)
    np.minimum.at(found, arrivals.row, arrivals.day)
    return _where(found < np.inf, found)


def _first(arrivals: Arrivals, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(day, units) of what comes first to each shelf; nan for nothing."""
    day, units = np.full(size, np.nan), np.full(size, np.nan)
    for rows, days, quantity in arrivals.rounds():
        day[rows], units[rows] = days, quantity
        break
    return day, units


def _arrived(arrivals: Arrivals, horizon: np.ndarray) -> np.ndarray:
    return _sum(arrivals.take(arrivals.day < horizon[arrivals.row]), len(horizon))


def _position(shelves: Shelves) -> np.ndarray:
    """What is there and what is to come, in doubt or not (RULES 42)."""
    return shelves.available + shelves.inbound + shelves.announced + shelves.accepted


def _unsold(shelves: Shelves, ahead: Ahead, unsold: np.ndarray) -> np.ndarray:
    # Nobody knows the hour at which goods come: until then an empty shelf sells nothing, be it for a part of the day.
    today = ahead.over(np.ones(len(shelves), dtype=np.int64))
    return np.where(shelves.available <= 0, np.maximum(unsold, today), unsold)


def _cannot_wait(reason: np.ndarray, is_known: np.ndarray, *, lasts: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Whether an order of the next review would be too late, or likely so; `lasts` until that is there, moves and all.

    What no order saves in time may all the same be saved by what comes: then the order is for afterwards.
    """
    is_out = reason == _PLACES[Reason.OUT]
    is_due = (reason == _PLACES[Reason.DUE]) | (reason == _PLACES[Reason.AT_RISK])
    is_blind = is_out | (reason == _PLACES[Reason.BELOW_LIMIT])
    of_stock = is_out | (reason == _PLACES[Reason.TOO_LATE]) | (given > 0)
    return np.where(is_known, is_due | (of_stock & ~lasts), is_blind)


def _limits(shelves: Shelves) -> np.ndarray:
    """The greatest of the thresholds in force, in units; 0 where none is set."""
    limit = np.minimum(np.fmax(shelves.min_days, shelves.reorder_days), MAX_DAYS)
    days = np.nan_to_num(limit * shelves.daily_units)
    units = np.nan_to_num(np.fmax(shelves.min_qty, shelves.reorder_qty))
    return np.maximum(units, whole_units(days))


def _is_seen(shelves: Shelves) -> np.ndarray:
    """Whether a limit in force sees the shelf's stock; a muted rule sees nothing."""
    return ((shelves.available <= 0) | (shelves.available < _limits(shelves))) & shelves.is_enabled


def _kept(
    shelves: Shelves, ahead: Ahead, deviation: np.ndarray, lead_days: np.ndarray, safety: np.ndarray
) -> np.ndarray:
    """Units that each shelf keeps when it gives (RULES 43); nan where nobody knows what it needs.

    At every moment until an order placed today is there it still has its safety
    stock: so also until its own next arrival, and a small one does not count for
    a large one. It keeps one unit in any case: the last one given is a stockout.
    """
    found = shelves.forecasts
    # Four weeks in stock with a sale or two are no forecast, and all the same say that little is asked for.
    is_known = ~np.isnan(shelves.lead_time_days) & (found.is_known | (found.counted >= OBSOLETE_DAYS))
    own = wait(ahead, deviation, np.zeros(len(shelves)), lead_days, shelves.arrivals, is_sure=True)
    return _where(is_known, np.maximum(np.maximum(whole_units(np.maximum(0, own.short)) + safety, _limits(shelves)), 1))


def _in_packs(needed: np.ndarray, least: np.ndarray, pack: np.ndarray) -> np.ndarray:
    wanted = np.where(needed > 0, np.fmax(needed, least), needed)
    size = np.fmax(pack, 1)
    return np.ceil(wanted / size) * size


def _reasons(
    shelves: Shelves, is_late: np.ndarray, is_seen: np.ndarray, service: np.ndarray, target: np.ndarray,
    *, is_due: np.ndarray, is_at_risk: np.ndarray, is_overdue: np.ndarray,
) -> np.ndarray:  # fmt: skip
    position = _position(shelves)
    held = {
        Reason.OUT: shelves.available <= 0,
        Reason.TOO_LATE: is_late,
        Reason.DUE: (position < service) & is_due,
        Reason.AT_RISK: (position < service) & is_at_risk,
        Reason.BELOW_LIMIT: np.isnan(service) & is_seen,
        Reason.OVERDUE: is_overdue,
        Reason.UNKNOWN: np.isnan(target),
        Reason.NOT_YET: position < service,
        Reason.FILL_UP: position < target,
        Reason.ON_ITS_WAY: shelves.available < service,
        Reason.LIMIT_IS_HIGH: is_seen,
    }
    return np.select([held[reason] for reason in list(Reason)[:-1]], range(len(held)), len(held))


def _unknown(shelves: Shelves) -> np.ndarray:
    flags = (
        (Unknown.DEMAND, ~shelves.forecasts.is_known), (Unknown.LEAD_TIME, np.isnan(shelves.lead_time_days)),
        (Unknown.PRICE, np.isnan(shelves.unit_price)), (Unknown.SUPPLIER, ~shelves.has_supplier),
        (Unknown.PACK, np.isnan(shelves.pack_multiple)), (Unknown.OPENING_STOCK, ~shelves.is_stated),
    )  # fmt: skip
    return np.sum([np.where(holds, int(flag), 0) for flag, holds in flags], axis=0)

"""The plan of RULES 42 and 43, read naively: a shelf at a time, a day at a time; and what is wrong with transfers.

Belongs here: what an order must be, what a transfer may be, what is left of what was accepted. Does not:
who gives to whom (that is a choice, so it is checked, not computed), anything fast, and anything imported
from the product. The forecast is given: it is that of ADR 0005.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from statistics import NormalDist

from tests.rules.folding import Key, latest_version
from tests.rules.reading import Event

TEN_YEARS = 3650
INTERVAL = NormalDist().inv_cdf(0.9)  # 80 % of outcomes, as in coverage
LIKELY = 0.2  # ADR 0032: a stockout likelier than one in five is not waited for
LITTLE_DAYS = 28  # ADR 0021: four weeks in stock with hardly a sale say that little sells


@dataclass(frozen=True)
class Coming:
    """Units on their way: the day is counted from the plan's date, None unknown.

    `is_supplied`: a supplier's, who is late before that date; of the road nobody has said how long it takes.
    """

    day: int | None
    units: int
    is_supplied: bool = True


@dataclass(frozen=True)
class Shelf:
    """What is known of one key. None is not known, or not set.

    `demand` is the forecast of a Monday to a Sunday. `mean` and `counted` are of the days that say something
    of demand, also where they are too few for a forecast.
    """

    warehouse: str
    sku: str = "S"
    available: int = 0
    inbound: tuple[Coming, ...] = ()
    announced: tuple[Coming, ...] = ()  # transfers that are pending: in nobody's `inbound`
    accepted: tuple[Coming, ...] = ()  # what is left of it
    demand: tuple[Fraction, ...] | None = None
    deviation: float = 0.0
    mean: Fraction | None = None
    counted: int = 0
    lead_time: int | None = None
    order_up_to: int | None = None
    price: Fraction | None = None
    pack: int | None = None
    least_order: int | None = None
    min_qty: int | None = None
    reorder_qty: int | None = None
    min_days: Fraction | None = None
    reorder_days: Fraction | None = None
    velocity: Fraction | None = None
    is_enabled: bool = True
    service_level: float | None = None  # a dynamic rule's own


@dataclass(frozen=True)
class Settings:
    review_days: int = 7
    service_level: float = 0.95
    least_transfer: int = 1
    doubts_overdue: bool = True  # ADR 0032; releases before took what was overdue to come on the plan's date


@dataclass(frozen=True)
class Move:
    giver: int  # places in the network
    taker: int
    units: int


@dataclass(frozen=True)
class Line:
    """What RULES 42 say of one key. None is not known. Days are counted from the plan's date."""

    horizon: int | None
    forecast: Fraction | None
    projected: Fraction | None
    low: Fraction | None  # its 80 % interval
    high: Fraction | None
    runs_out: int | None  # None also for never
    order_by: int | None
    safety_stock: int | None
    target: int | None
    needed: int | None
    order: int | None
    risk: Fraction | float | None  # percent, not yet whole
    revenue: Fraction | None
    is_urgent: bool
    is_order_urgent: bool
    overdue: int
    overdue_since: int | None
    order_without_overdue: int | None
    arrives: int | None
    arriving: int | None
    waiting_risk: float | None


def coming_of(events: Iterable[Event], key: Key, plan_date: date, lead_time: int) -> tuple[list[Coming], list[Coming]]:
    """(inbound, announced): what the versions that count have on its way to a key (RULES 13-16, ADR 0021)."""
    transactions: dict[tuple, list[Event]] = {}
    for event in events:
        if event.kind == "transaction":
            transactions.setdefault(event.fields["identity"], []).append(event)
    inbound, announced = [], []
    for event in map(latest_version, transactions.values()):
        kind, status, units = (event.fields[name] for name in ("type", "status", "quantity"))
        is_transfer = kind == "TRANSFER"
        place = event.fields["to_warehouse_id" if is_transfer else "warehouse_id"], event.fields["sku"]
        if place != key or kind in ("RESERVE", "RELEASE") or units < 0 or status not in ("PENDING", "SHIPPED"):
            continue
        day = (event.at.date() - plan_date).days + (lead_time if kind == "RESTOCK" else 1)
        coming = Coming(day, units, kind == "RESTOCK")
        (announced if is_transfer and status == "PENDING" else inbound).append(coming)
    return inbound, announced


def line_of(shelf: Shelf, plan_date: date, settings: Settings, *, taken: int = 0, given: int = 0) -> Line:
    """Everything about one shelf; `taken` and `given` are what the plan moves."""
    horizon = None if shelf.lead_time is None else shelf.lead_time + settings.review_days
    is_known = shelf.demand is not None and horizon is not None
    target = target_of(shelf, plan_date, settings)
    coming = sum(each.units for each in coming_to(shelf))
    lacking = None if target is None else target - shelf.available - coming - taken + given
    needed = None if lacking is None else max(0, lacking)
    late, whole_shelf = overdue_of(shelf, settings), shelf
    shelf = relied_on(shelf, settings)
    out = runs_out(shelf, plan_date)
    unsold = unsold_units(shelf, plan_date) if is_known else None
    if is_known and settings.doubts_overdue and shelf.available <= 0:
        # Whenever today goods come, until then nothing is sold.
        unsold = max(unsold, demand_of(shelf, plan_date, 1))
    projected = stock_after(shelf, plan_date, horizon) if is_known else None
    margin = Fraction(INTERVAL * shelf.deviation * math.sqrt(horizon)) if is_known else None
    return Line(
        horizon,
        demand_of(shelf, plan_date, horizon) if is_known else None,
        projected,
        projected - margin if is_known else None,
        projected + margin if is_known else None,
        out,
        None if out is None or shelf.lead_time is None else out - shelf.lead_time,
        whole(max(0.0, safety_of(shelf, settings))) if is_known else None,
        target,
        needed,
        None if needed is None else packed(needed, shelf.least_order or 0, shelf.pack or 1),
        risk_percent(shelf, plan_date) if is_known or shelf.available <= 0 else None,
        None if unsold is None or shelf.price is None else unsold * shelf.price,
        is_urgent(whole_shelf, plan_date, settings) or taken > 0 or given > 0,
        bool(lacking is not None and lacking > 0)
        and is_order_urgent(whole_shelf, plan_date, settings, taken=taken, given=given),
        sum(each.units for each in late),
        min((each.day for each in late), default=None),
        None
        if lacking is None or not late
        else packed(max(0, lacking + sum(each.units for each in late)), shelf.least_order or 0, shelf.pack or 1),
        *first_of(shelf),
        risk_percent(shelf, plan_date, until=horizon) if is_known else None,
    )


def coming_to(shelf: Shelf) -> tuple[Coming, ...]:
    """All that is on its way, or to be."""
    return (*shelf.inbound, *shelf.announced, *shelf.accepted)


def overdue_of(shelf: Shelf, settings: Settings) -> list[Coming]:
    """What a supplier should have brought before the plan's date."""
    late = (each for each in coming_to(shelf) if each.day is not None and each.day < 0 and each.is_supplied)
    return list(late) if settings.doubts_overdue else []


def relied_on(shelf: Shelf, settings: Settings) -> Shelf:
    """The shelf without what is overdue: nothing but the order's sum counts that."""
    late = overdue_of(shelf, settings)

    def kept(parts: tuple[Coming, ...]) -> tuple[Coming, ...]:
        return tuple(each for each in parts if each not in late)

    return replace(
        shelf, inbound=kept(shelf.inbound), announced=kept(shelf.announced), accepted=kept(shelf.accepted)
    )  # fmt: skip


def first_of(shelf: Shelf) -> tuple[int | None, int | None]:
    """(day, units) of what comes first."""
    days = [max(0, each.day) for each in coming_to(shelf) if each.day is not None]
    return (min(days), come_by(shelf, min(days))) if days else (None, None)


def is_urgent(shelf: Shelf, plan_date: date, settings: Settings) -> bool:
    """ADR 0032: empty, or empty before an order can come, or before one of the next review does, or likely so."""
    if shelf.available <= 0:
        return True
    if shelf.demand is None or shelf.lead_time is None:
        return is_broken(shelf)
    out = runs_out(relied_on(shelf, settings), plan_date)
    if out is not None and out < shelf.lead_time:
        return True
    is_short = out is not None and out < shelf.lead_time + settings.review_days
    return _is_asked_for(shelf, plan_date, settings) or (is_short and bool(overdue_of(shelf, settings)))


def is_order_urgent(shelf: Shelf, plan_date: date, settings: Settings, *, taken: int, given: int) -> bool:
    """Whether an order of the next review comes too late, given that something is to be ordered."""
    if shelf.demand is None or shelf.lead_time is None:
        return is_urgent(shelf, plan_date, settings)
    horizon = shelf.lead_time + settings.review_days
    sure = relied_on(shelf, settings)
    out = runs_out(sure, plan_date)
    left = stock_after(sure, plan_date, horizon) + taken - given
    is_late = shelf.available <= 0 or (out is not None and out < shelf.lead_time)
    if is_late or given:
        is_low = position_of(shelf) + taken - given < aim_of(shelf, plan_date, settings)
        is_likely = _chance_of(float(left), shelf.deviation * math.sqrt(horizon)) > LIKELY
        return left <= 0 or (is_low and is_likely) or (not is_late and _is_asked_for(shelf, plan_date, settings))
    return _is_asked_for(shelf, plan_date, settings)


def _is_asked_for(shelf: Shelf, plan_date: date, settings: Settings) -> bool:
    """It runs out before an order of the next review is there, or may, and its sum, without any move, asks for one."""
    if position_of(shelf) >= aim_of(shelf, plan_date, settings):
        return False
    horizon, sure = shelf.lead_time + settings.review_days, relied_on(shelf, settings)
    out = runs_out(sure, plan_date)
    return (out is not None and out < horizon) or risk_percent(sure, plan_date, until=horizon) > 100 * LIKELY


def position_of(shelf: Shelf) -> int:
    """What is there and what is to come, in doubt or not."""
    return shelf.available + sum(each.units for each in coming_to(shelf))


def aim_of(shelf: Shelf, plan_date: date, settings: Settings) -> int:
    """What demand and service level ask for, whatever `order_up_to` says."""
    aim = demand_of(shelf, plan_date, shelf.lead_time + settings.review_days) + Fraction(safety_of(shelf, settings))
    return max(whole(aim), whole(max(0.0, safety_of(shelf, settings))))


def demand_of(shelf: Shelf, plan_date: date, days: int) -> Fraction:
    """Units forecast for the plan's date and the days after it, so many in all."""
    weeks, rest = divmod(days, 7)
    return weeks * sum(shelf.demand) + sum(daily_demand(shelf, plan_date)[:rest])


def daily_demand(shelf: Shelf, plan_date: date) -> list[Fraction]:
    """Of the plan's date and the six days after it."""
    start = plan_date.weekday()
    return [*shelf.demand[start:], *shelf.demand[:start]]


def come_by(shelf: Shelf, day: int) -> int:
    """Units that come on the plan's date or after it, up to a day; what was to come before it comes on that date."""
    known = (each for each in (*shelf.inbound, *shelf.announced, *shelf.accepted) if each.day is not None)
    return sum(each.units for each in known if max(0, each.day) <= day)


def stock_after(shelf: Shelf, plan_date: date, days: int) -> Fraction:
    """Stock at the end of so many days, before anything that comes on the next."""
    return shelf.available + come_by(shelf, days - 1) - demand_of(shelf, plan_date, days)


def runs_out(shelf: Shelf, plan_date: date) -> int | None:
    """The first day at whose end nothing is left; the plan's date where nothing is there now; None for never."""
    if shelf.available <= 0:
        return 0
    if shelf.demand is None or not any(shelf.demand):
        return None
    return next((day for day in range(TEN_YEARS + 1) if stock_after(shelf, plan_date, day + 1) <= 0), None)


def safety_of(shelf: Shelf, settings: Settings) -> float:
    """What the target has above the demand of the horizon: k σ √h, of the rule's own service level first."""
    factor = NormalDist().inv_cdf(shelf.service_level or settings.service_level)
    return factor * shelf.deviation * math.sqrt(shelf.lead_time + settings.review_days)


def target_of(shelf: Shelf, plan_date: date, settings: Settings) -> int | None:
    """Units to have, here and on their way; ADR 0021 for what is not known."""
    if shelf.demand is not None and shelf.lead_time is not None:
        demand = demand_of(shelf, plan_date, shelf.lead_time + settings.review_days)
        return max(whole(demand + Fraction(safety_of(shelf, settings))), shelf.order_up_to or 0)
    if shelf.order_up_to is not None:
        return shelf.order_up_to
    return 2 * shelf.reorder_qty if is_broken(shelf) and shelf.reorder_qty is not None else None


def is_broken(shelf: Shelf) -> bool:
    """RULES 21, 23, 24: below a limit in force, or out; a muted rule sees neither."""
    return shelf.is_enabled and (shelf.available <= 0 or shelf.available < limit_of(shelf))


def limit_of(shelf: Shelf) -> Fraction:
    """The least stock at which none of its thresholds is broken (RULES 23, 24: strictly below breaks)."""
    units = [Fraction(each) for each in (shelf.min_qty, shelf.reorder_qty) if each is not None]
    if shelf.velocity:
        units += [each * shelf.velocity for each in (shelf.min_days, shelf.reorder_days) if each is not None]
    return max(units, default=Fraction(0))


def packed(needed: int, least: int, pack: int) -> int:
    """Whole packs, the minimum at least; nothing where nothing is needed."""
    return 0 if needed <= 0 else -(-max(needed, least) // pack) * pack


def whole(units: Fraction | float) -> int:
    """Rounded up; the last binary digits of a root are no unit."""
    return math.ceil(round(units, 9))


def moments(shelf: Shelf, until: int | None = None) -> list[int]:
    """Days gone by at whose end stock is looked at, until an order placed today is here: it comes on the last."""
    last = shelf.lead_time if until is None else until
    return list(range(min(1, last), last + 1))


def lack_of(shelf: Shelf, plan_date: date) -> Fraction:
    """What is missing at the worst moment until an order placed today arrives; 0 where nothing is."""
    if shelf.demand is None or shelf.lead_time is None:
        return Fraction(0)
    return max(Fraction(0), *(-stock_after(shelf, plan_date, days) for days in moments(shelf)))


def unsold_units(shelf: Shelf, plan_date: date) -> Fraction:
    """Forecast sales until an order placed today arrives for which nothing is there on their day."""
    stock, unsold, week = Fraction(shelf.available), Fraction(0), daily_demand(shelf, plan_date)
    for day in range(shelf.lead_time):
        stock += come_by(shelf, day) - come_by(shelf, day - 1)
        wanted = week[day % 7]
        sold = min(wanted, max(Fraction(0), stock))
        unsold += wanted - sold
        stock -= sold
    return unsold


def risk_percent(shelf: Shelf, plan_date: date, until: int | None = None) -> float:
    """The chance that demand, normal, has reached the stock by the worst moment until an order arrives, or a day.

    Of the moments only those just before something comes, and the last (ADR 0021): between them stock only sinks.
    """
    if shelf.available <= 0:
        return 100.0
    last = shelf.lead_time if until is None else until
    before = [days for days in moments(shelf, until) if days == last or come_by(shelf, days) > come_by(shelf, days - 1)]
    return 100 * max((_chance(shelf, plan_date, days) for days in before if days), default=0.0)


def _chance(shelf: Shelf, plan_date: date, days: int) -> float:
    return _chance_of(float(stock_after(shelf, plan_date, days)), shelf.deviation * math.sqrt(days))


def _chance_of(left: float, spread: float) -> float:
    if spread == 0:
        return float(left <= 0)
    return 1 - NormalDist().cdf(left / spread)


def spare_of(shelf: Shelf, plan_date: date, settings: Settings) -> int:
    """RULES 43: whole units above what a giver keeps; 0 where that cannot be known."""
    if shelf.lead_time is None or (shelf.demand is None and shelf.counted < LITTLE_DAYS):
        return 0
    # Too few sales for a forecast: their mean is all that is known.
    daily = shelf.demand or (shelf.mean,) * 7
    safety = Fraction(max(0.0, safety_of(shelf, settings)))
    # Nobody relies on what is overdue, was not shipped, or was accepted and has not been seen since.
    sure = tuple(each for each in shelf.inbound if each.day is not None and each.day >= 0)
    alone = replace(shelf, demand=daily, inbound=sure, announced=(), accepted=())
    least = min(stock_after(alone, plan_date, days) for days in moments(alone))
    return max(0, math.floor(round(min(least - safety, shelf.available - limit_of(shelf), shelf.available - 1), 9)))


def faults_of(network: Sequence[Shelf], moves: Iterable[Move], plan_date: date, settings: Settings) -> list[str]:
    """Everything that RULES 43 forbid in some transfers, a sentence each; none where all is well."""
    moves, network = list(moves), [relied_on(shelf, settings) for shelf in network]
    given, taken, found = Counter(), Counter(), []
    for move in moves:
        given[move.giver] += move.units
        taken[move.taker] += move.units
        if network[move.giver].sku != network[move.taker].sku:
            found.append(f"{move}: not one SKU")
        if network[move.giver].warehouse == network[move.taker].warehouse:
            found.append(f"{move}: to itself")
        if move.units < max(1, settings.least_transfer):
            found.append(f"{move}: less than the minimum {settings.least_transfer}")
    for place, units in given.items():
        if units > (spare := spare_of(network[place], plan_date, settings)):
            found.append(f"{network[place].warehouse} gives {units} and can spare {spare}")
        if place in taken:
            found.append(f"{network[place].warehouse} both gives and takes")
    for place, units in taken.items():
        taker = network[place]
        out = runs_out(taker, plan_date)
        if taker.lead_time is None or out is None or out >= taker.lead_time:
            found.append(f"{taker.warehouse} takes, and does not run out before an order arrives")
        elif units > (lack := whole(lack_of(taker, plan_date))):
            found.append(f"{taker.warehouse} takes {units} and lacks {lack} until an order arrives")
    pairs = Counter((move.giver, move.taker) for move in moves)
    return found + [f"{pair}: {times} moves" for pair, times in pairs.items() if times > 1]


@dataclass(frozen=True)
class Decided:
    """What somebody decided on a line, when (by the command), and where the lake took it in (version, number)."""

    name: str  # plan-accept, plan-dismiss, plan-snooze
    line_date: date
    seen: tuple[int, int]
    units: int
    at: int = 0


@dataclass(frozen=True)
class Restocked:
    """A RESTOCK of the key, as first seen, with the most units that any version of it says (ADR 0021)."""

    seen: tuple[int, int]
    day: date
    units: int


def what_remains(
    accepted: Iterable[Decided], restocks: Iterable[Restocked], plan_date: date, lead_time: int | None
) -> tuple[dict[date, int], int]:
    """(units still to come, by their line's date; units that have lapsed): RULES 42, unit by unit."""
    # On its own day an acceptance counts in any case (ADR 0021).
    life = timedelta(14 if lead_time is None else max(1, 2 * lead_time))
    waiting = [each for each in sorted(accepted, key=lambda each: each.seen) if each.line_date <= plan_date]
    waiting = [each for each in waiting for _ in range(each.units)]
    for restock in sorted(restocks, key=lambda each: each.seen):
        for _ in range(restock.units):
            able = (each for each in waiting if each.seen < restock.seen and restock.day < each.line_date + life)
            if (answered := next(able, None)) is not None:
                waiting.remove(answered)
    left = Counter(each.line_date for each in waiting if plan_date < each.line_date + life)
    return dict(left), len(waiting) - left.total()


def standing(decided: Iterable[Decided]) -> list[Decided]:
    """Of each line, known by its date, the last word on its order, if that is yes (RULES 36).

    A dismissal takes an acceptance back; a snooze does not, as what was ordered comes all the same.
    """
    latest: dict[date, Decided] = {}
    for each in sorted(decided, key=lambda each: each.at):
        if each.name != "plan-snooze":
            latest[each.line_date] = each
    return [each for each in latest.values() if each.name == "plan-accept"]

"""Compare one key's stock with its thresholds and step its alerts (RULES 24-28).

One function, `step`, is the whole state machine. The live stream, the sweep,
replays and back-tests all use it, so they cannot disagree.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from inventory_assets.domain.alerts.alert import SEVERITY, Alert, Breach, Transition, make_alert_id
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.parse_threshold import MAX_COOLDOWN_MINUTES
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import Thresholds
from inventory_assets.domain.values import MINUTE_US

KeyAlerts = Mapping[Condition, Alert]
"""The latest alert of each condition a key has had."""


class Cause(NamedTuple):
    """Why a key is evaluated: an event, a rule, the sweep.

    `at` is the step's event time, `event_at` the cause's own; they differ for
    a late event, which acts at the key's frontier (RULES 25). Null id: time alone.
    """

    event_id: str | None
    event_at: int
    at: int
    is_late: bool


class Point(NamedTuple):
    """One point of a key's running stock, with all that judging it needs.

    `velocity` is mean daily units, null for unknown. `trend` ends before this
    point; oldest first.
    """

    state: KeyState
    thresholds: Thresholds
    velocity: float | None
    version: int
    trend: tuple[tuple[int, int], ...]


def find_breaches(point: Point) -> list[Breach]:
    """List every condition the stock meets, worst first (RULES 23-24). Mutes apply."""
    state, limits = point.state, point.thresholds
    if not limits.is_enabled or not state.is_active:
        return []
    available = state.on_hand - state.reserved
    breaches = []
    if available <= 0:
        breaches.append(Breach(Condition.STOCKOUT, 0, False, f"available {available} <= 0"))
    for condition, name, quantity, days in (
        (Condition.LOW_STOCK, "min_threshold", limits.min_qty, limits.min_days),
        (Condition.REORDER, "reorder_threshold", limits.reorder_qty, limits.reorder_days),
    ):
        if condition is Condition.REORDER and is_restocking(state):
            continue
        is_days_breached = _is_below_days(available, point.velocity, days)
        if quantity is not None and available < quantity:
            comparison = f"available {available} < {name}_qty {quantity}"
            breaches.append(Breach(condition, quantity, is_days_breached, comparison))
        elif is_days_breached and days is not None and point.velocity:
            comparison = f"days_of_cover {available / point.velocity:.2f} < {name}_days {days:g}"
            breaches.append(Breach(condition, days, True, comparison))
    return breaches


def is_restocking(state: KeyState) -> bool:
    """Whether stock is on its way, which mutes REORDER (RULES 24)."""
    return state.is_restock_in_progress or state.inbound > 0


def _is_below_days(available: int, velocity: float | None, days: float | None) -> bool:
    if days is None or velocity is None or velocity <= 0:
        return False
    return available < _units_of_cover(days, velocity)


def _units_of_cover(days: float, velocity: float) -> float:
    # Velocity is whole units over 28 days, so 42 days of 18/28 are 27 units and not
    # 27.000000000000004, which 27 in stock would breach.
    return round(days * velocity, 9)


def _is_held(alert: Alert, point: Point) -> bool:
    """Whether hysteresis keeps an open alert open (RULES 27). The rule in force now counts."""
    state, limits = point.state, point.thresholds
    if not limits.is_enabled or not state.is_active:
        return False
    available = state.available
    if alert.condition is Condition.STOCKOUT:
        return available <= 0
    if alert.condition is Condition.LOW_STOCK:
        quantity, days = limits.min_qty, limits.min_days
    elif is_restocking(state):
        return False
    else:
        quantity, days = limits.reorder_qty, limits.reorder_days
    return _is_within(alert, point, quantity, days)


def _is_within(alert: Alert, point: Point, quantity: int | None, days: float | None) -> bool:
    """Whether stock is still below a limit plus a tenth; days only if they breached."""
    available, velocity = point.state.available, point.velocity
    if quantity is not None and 10 * available < 11 * quantity:
        return True
    if not alert.is_days_breached or days is None or velocity is None or velocity <= 0:
        return False
    return 10 * available < _units_of_cover(11 * days, velocity)


def _holding(alert: Alert, point: Point) -> Breach | None:
    """The comparison that keeps an open alert open: the breach itself, or its hysteresis."""
    breach = next((item for item in find_breaches(point) if item.condition is alert.condition), None)
    if breach is not None:
        return msgspec.structs.replace(breach, is_days_breached=breach.is_days_breached or alert.is_days_breached)
    if not _is_held(alert, point):
        return None
    limits, available = point.thresholds, point.state.available
    name, quantity, days = (
        ("min_threshold", limits.min_qty, limits.min_days)
        if alert.condition is Condition.LOW_STOCK
        else ("reorder_threshold", limits.reorder_qty, limits.reorder_days)
    )
    if quantity is not None and 10 * available < 11 * quantity:
        comparison = f"available {available} < 1.1 x {name}_qty {quantity}"
        return Breach(alert.condition, quantity, alert.is_days_breached, comparison)
    assert days is not None and point.velocity  # else nothing would hold it
    comparison = f"days_of_cover {available / point.velocity:.2f} < 1.1 x {name}_days {days:g}"
    return Breach(alert.condition, days, True, comparison)


def needs_step(alerts: KeyAlerts | None, limits: Thresholds, available: int) -> bool:
    """A cheap test that spares most points the machine: nothing open and nothing breached."""
    if alerts or available <= 0 or limits.min_days is not None or limits.reorder_days is not None:
        return True
    low, reorder = limits.min_qty, limits.reorder_qty
    return (low is not None and available < low) or (reorder is not None and available < reorder)


def step(alerts: KeyAlerts, point: Point, cause: Cause) -> tuple[dict[Condition, Alert], list[Transition]]:
    """Move a key's alerts on by one point of its running stock (RULES 26-28).

    Returns:
        (changed, transitions): the alerts that changed, by condition, and what
        happened, in order. Both empty where nothing did.
    """
    current = next((alert for alert in alerts.values() if alert.is_firing), None)
    breaches = find_breaches(point)
    worst = breaches[0].condition if breaches else None
    if current is None and (closed := find_closed(alerts)) is not None:
        return _step_closed(closed, alerts, breaches, point, cause)
    is_held = current is not None and _is_held(current, point)
    if current is not None and is_held and (worst is None or SEVERITY[current.condition] >= SEVERITY[worst]):
        worst = current.condition
    if current is None and worst is None:
        return {}, []
    if current is not None and current.condition is worst:
        return _stay(current, breaches, point, cause)

    changed: dict[Condition, Alert] = {}
    transitions: list[Transition] = []
    reason = "breach"
    if current is not None:
        if worst is None:
            reason = _resolution_reason(current, point)
        else:
            reason = "escalated" if SEVERITY[worst] > SEVERITY[current.condition] else "improved"
        changed[current.condition] = msgspec.structs.replace(
            current, is_firing=False, resolved_at=cause.at, resolved_reason=reason, is_notification_due=False
        )
        transitions.append(_transition(current.alert_id, "resolved", reason, cause))
    if worst is not None:
        breach = next(breach for breach in breaches if breach.condition is worst)
        opened, steps = _open(alerts.get(worst), breach, reason, point, cause)
        changed[worst] = opened
        transitions.extend(steps)
    return changed, transitions


def moved_at(alerts: KeyAlerts | None) -> int:
    """When a key's alerts last moved: no later step is before it."""
    return max((alert.moved_at for alert in alerts.values()), default=0) if alerts else 0


def find_closed(alerts: KeyAlerts) -> Alert | None:
    """The alert that was closed by hand or by age while its breach went on, if any."""
    return next((a for a in alerts.values() if a.handling and a.handling.closed_as is not None), None)


def _step_closed(
    closed: Alert, alerts: KeyAlerts, breaches: list[Breach], point: Point, cause: Cause
) -> tuple[dict[Condition, Alert], list[Transition]]:
    """Keep a closed alert closed until the stock recovers or gets worse (ADR 0004)."""
    ceiling = closed.handled.closed_as
    assert ceiling is not None
    worst = breaches[0].condition if breaches else None
    is_worse = worst is not None and SEVERITY[worst] > SEVERITY[ceiling]
    if not is_worse and (worst is ceiling or _is_held(msgspec.structs.replace(closed, condition=ceiling), point)):
        return {}, []
    if worst is not None and not is_worse:
        # Better, not well: to fall back from here is to get worse.
        return {closed.condition: with_handling(closed, closed_as=worst)}, []
    rearmed = with_handling(closed, closed_as=None)
    reason = "escalated" if is_worse else _resolution_reason(closed, point)
    changed, transitions = {closed.condition: rearmed}, [_transition(closed.alert_id, "rearmed", reason, cause)]
    if worst is None:
        return changed, transitions
    opened, steps = _open({**alerts, **changed}.get(worst), breaches[0], "escalated", point, cause)
    return {**changed, worst: opened}, [*transitions, *steps]


def with_handling(alert: Alert, **fields: Any) -> Alert:
    """An alert with other facts about its handling."""
    return msgspec.structs.replace(alert, handling=msgspec.structs.replace(alert.handled, **fields))


def _resolution_reason(current: Alert, point: Point) -> str:
    state, limits = point.state, point.thresholds
    if not limits.is_enabled:
        return "muted"
    if not state.is_active:
        return "inactive"
    if current.condition is Condition.REORDER and is_restocking(state):
        return "restock" if _is_within(current, point, limits.reorder_qty, limits.reorder_days) else "recovered"
    return "recovered"


def _stay(
    current: Alert, breaches: list[Breach], point: Point, cause: Cause
) -> tuple[dict[Condition, Alert], list[Transition]]:
    is_days = any(breach.is_days_breached and breach.condition is current.condition for breach in breaches)
    if is_days and not current.is_days_breached:
        return {current.condition: msgspec.structs.replace(current, is_days_breached=True)}, []
    return {}, []


def notification_due_at(alert: Alert, thresholds: Thresholds) -> int:
    """When the cooldown after the last notification ends, in microseconds (RULES 28)."""
    # A lake of before the ranges may hold one without end: that alert would never be told again.
    minutes = min(thresholds.cooldown_minutes, MAX_COOLDOWN_MINUTES)
    return (alert.last_notified_at or 0) + minutes * MINUTE_US


def _open(
    previous: Alert | None, breach: Breach, reason: str, point: Point, cause: Cause
) -> tuple[Alert, list[Transition]]:
    is_cooling = (
        previous is not None
        and previous.last_notified_at is not None
        and cause.at < notification_due_at(previous, point.thresholds)
    )
    if is_cooling and previous is not None:
        alert = msgspec.structs.replace(
            _with_values(previous, breach, point, cause),
            is_firing=True, resolved_at=None, resolved_reason=None,
            is_notification_due=True,
        )  # fmt: skip
        return alert, [_transition(alert.alert_id, "reopened", reason, cause)]
    state = point.state
    assert cause.event_id is not None  # only an event opens an alert
    alert_id = make_alert_id(state.key, breach.condition, cause.event_id, cause.event_at)
    base_id = "" if state.level is None else state.level.event_id
    alert = Alert(
        alert_id, breach.condition, state.warehouse_id, state.sku, cause.event_id, cause.at, cause.at,
        cause.is_late, state.on_hand, state.reserved, state.inbound, breach.threshold, breach.comparison,
        breach.is_days_breached, point.thresholds, base_id, _trend(point, cause), point.version,
        # The cooldown is the condition's: an alert that opens untold does not end it.
        last_notified_at=None if previous is None else previous.last_notified_at,
        ordinal=0 if previous is None else previous.ordinal + 1,
    )  # fmt: skip
    transitions = [_transition(alert_id, "opened", reason, cause)]
    if reason != "improved":
        alert = _notified(alert, cause.at)
        transitions.append(_transition(alert_id, "notified", reason, cause))
    return alert, transitions


def _with_values(alert: Alert, breach: Breach, point: Point, cause: Cause) -> Alert:
    state = point.state
    return msgspec.structs.replace(
        alert,
        breached_at=cause.at, on_hand=state.on_hand, reserved=state.reserved, inbound=state.inbound,
        threshold=breach.threshold, comparison=breach.comparison, is_days_breached=breach.is_days_breached,
        thresholds=point.thresholds, trend=_trend(point, cause), state_version=point.version,
    )  # fmt: skip


def _trend(point: Point, cause: Cause) -> tuple[tuple[int, int], ...]:
    latest = (cause.at, point.state.available)
    return (*point.trend, latest) if not point.trend or point.trend[-1] != latest else point.trend


def _notified(alert: Alert, at: int) -> Alert:
    return msgspec.structs.replace(
        alert, last_notified_at=at, notification_count=alert.notification_count + 1, is_notification_due=False
    )


def _transition(alert_id: str, transition: str, reason: str, cause: Cause) -> Transition:
    return Transition(alert_id, transition, reason, cause.event_id, cause.at, cause.is_late)


def told_at(alert: Alert, thresholds: Thresholds) -> int | None:
    """When a withheld telling may leave, in microseconds; null while something holds it."""
    # A cooldown cut short may have ended before the re-breach.
    due_at = max(notification_due_at(alert, thresholds), alert.breached_at)
    if not alert.handling:
        return due_at
    if alert.handling.inhibited_by:
        return None
    return max(due_at, alert.handling.silenced_until or 0, alert.handling.released_at or 0)


def end_cooldown(
    alerts: KeyAlerts, point: Point, now: int, *, resumed_by: str | None = None
) -> tuple[dict[Condition, Alert], list[Transition]]:
    """Notify an alert that is still open when its cooldown, or a silence, has ended (RULES 28).

    After a hold it is not told again where somebody has acknowledged it and it
    has neither breached anew nor been raised since it was told (ADR 0004).

    Found by the key's next event or by the sweep, it is dated at that end and
    tells the stock before that event: who finds it leaves no trace.

    Args:
        alerts: The key's latest alerts.
        point: Its stock before the event that is about to step it.
        now: Microseconds: the event's time, or the sweep's.
        resumed_by: The event that ends, now, a pause that held it too.
    """
    for alert in alerts.values():
        if not alert.is_firing or not alert.is_notification_due:
            continue
        due_at = told_at(alert, point.thresholds)
        breach = _holding(alert, point)
        # What a rule has muted or moved since is about to be resolved: nobody is told.
        if due_at is not None and due_at <= now and breach is not None:
            at = due_at if resumed_by is None else now
            cause = Cause(resumed_by, alert.opened_at, max(at, moved_at(alerts)), alert.is_late)
            changed, transitions = _release(alert, breach, point, cause, "resumed" if resumed_by else None)
            return {alert.condition: changed}, transitions
    return {}, []


def _release(
    alert: Alert, breach: Breach, point: Point, cause: Cause, ended_by: str | None = None
) -> tuple[Alert, list[Transition]]:
    """Tell what a cooldown or a hold kept back, name what ended, and forget it."""
    told = _notified(_with_values(alert, breach, point, cause), cause.at)
    handled = alert.handled
    if handled.silenced_until is None and handled.released_at is None:
        return told, [_transition(alert.alert_id, "notified", ended_by or "cooldown_ended", cause)]
    if _was_told(alert):
        # It tells no new breach: escalation goes on from the telling that did.
        told = msgspec.structs.replace(told, breached_at=alert.breached_at)
    ended, reason = [], "released"
    if handled.silenced_until is not None:
        reason = "silence_ended"
        at = handled.silenced_until
        ended = [Transition(alert.alert_id, "unsilenced", reason, None, at, alert.is_late, "clock")]
    telling = [_transition(alert.alert_id, "notified", reason, cause)]
    if handled.acknowledged_by is not None and _was_told(alert):
        # Somebody has it, and it is as it was when they were told.
        told, telling = msgspec.structs.replace(alert, is_notification_due=False), []
    cleared = with_handling(told, silenced_by=None, silenced_until=None, silence_id=None, released_at=None)
    return cleared, [*ended, *telling]


def _was_told(alert: Alert) -> bool:
    """Whether an alert's breach was told, and its level as well."""
    news_at = max(alert.breached_at, alert.handled.escalated_at or 0)
    return alert.notification_count > 0 and news_at <= (alert.last_notified_at or 0)


def tell_again(
    alert: Alert, point: Point, *, at: int, reason: str, event_id: str | None, actor: str
) -> tuple[Alert, Transition]:
    """Tell a firing alert once more, with the stock as it is now."""
    cause = Cause(event_id, alert.opened_at, at, alert.is_late)
    breach = _holding(alert, point)
    if breach is not None:
        shown = _with_values(alert, breach, point, cause)
        alert = msgspec.structs.replace(shown, breached_at=alert.breached_at)
    return _notified(alert, at), Transition(alert.alert_id, "notified", reason, event_id, at, alert.is_late, actor)

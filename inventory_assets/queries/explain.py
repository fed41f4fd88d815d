"""Answer why: why an alert fired, or why a key has none.

An alert is re-derived from its SKU's messages, the rules and the recorded
inputs, by the function that raised it; a difference is part of the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.alerts.alert import Alert, Transition, target_stock
from inventory_assets.domain.alerts.evaluate import (
    Point,
    find_breaches,
    find_closed,
    is_restocking,
    notification_due_at,
)
from inventory_assets.domain.events.kinds import Command, DynamicSettings, Key, Transaction
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.state import InventoryState, pause_over
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import ladder
from inventory_assets.domain.values import format_time
from inventory_assets.ingest import frames
from inventory_assets.ingest.replay import Replay, read_bursts
from inventory_assets.ingest.verify import recorded_until
from inventory_assets.lake.query.reader import Reader
from inventory_assets.queries.ids import UnknownAlertError
from inventory_assets.words.commands import command

MAX_EVENTS = 12


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of a key with the stock right after it."""

    at: str
    version: int
    event_id: str
    what: str
    quantity: int | None
    on_hand: int
    reserved: int
    inbound: int
    available: int


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rung of the ladder: a scope and what was found there."""

    level_type: str
    level_id: str
    warehouse_id: str | None
    limits: str
    verdict: str


@dataclass(slots=True)
class Explanation:
    """Everything there is to say about one alert.

    `target` is the stock the suggested order fills up to, and `pack` the
    multiple it is rounded to; null where unknown.
    """

    body: dict[str, Any]
    state: str
    events: list[EventLine]
    earlier_events: int
    rules: list[RuleLine]
    transitions: list[dict[str, Any]]
    target: int | None = None
    pack: int | None = None
    differences: list[str] = field(default_factory=list)
    recorded_as: str = ""


RecordedState = Callable[[int, str], InventoryState]
"""The state of a SKU that the versions up to one recorded."""


def explain_alert(
    reader: Reader, alert_id: str, *, meaning: Meaning, recorded: RecordedState | None = None
) -> Explanation:
    """Re-derive an alert and lay out what led to it.

    Args:
        reader: The lake.
        alert_id: Which alert.
        meaning: Of versions that did not record theirs.
        recorded: Where versions were made under earlier rules: what they left. None derives all under those of now.

    Raises:
        UnknownAlertError: There is no such alert.
    """
    rows = reader.query("SELECT * FROM out.alerts WHERE alert_id = ?", [alert_id])
    if not rows.height:
        raise UnknownAlertError(f"no alert {alert_id!r}. List them with `inventory alerts --state all`.")
    row = rows.row(0, named=True)
    key = (row["warehouse_id"], row["sku"])
    tracer = _Tracer(key, meaning)
    since = recorded_until(reader)
    is_recorded = row["version"] <= since
    if since and not is_recorded and recorded is not None:
        tracer.begin(recorded(since, key[1]))
    tracer.run(reader, alert_id)
    body = msgspec.json.decode(row["body"])
    transitions = reader.query(
        "SELECT version, transition, reason, event_id, event_at, is_late FROM out.alert_transitions "
        "WHERE alert_id = ? ORDER BY version, seq",
        [alert_id],
    )
    target, pack = tracer.target()
    return Explanation(
        body=body, state=row["state"], events=tracer.lines[-MAX_EVENTS:],
        earlier_events=max(0, len(tracer.lines) - MAX_EVENTS), rules=tracer.rules,
        transitions=list(transitions.iter_rows(named=True)), target=target, pack=pack,
        differences=[] if is_recorded else _differences(reader, row, tracer),
        recorded_as=AS_RECORDED.format(since) if is_recorded else "",
    )  # fmt: skip


AS_RECORDED = (
    "versions up to {} were made under earlier rules: the alert is shown as recorded and not judged again; "
    "`inventory rebuild` derives it anew"
)


class _Tracer:
    """Replays one SKU and keeps what happened to one key up to an alert."""

    def __init__(self, key: Key, meaning: Meaning) -> None:
        self._key = key
        self._replay = Replay(meaning=meaning)
        self.lines: list[EventLine] = []
        self.rules: list[RuleLine] = []
        self.alert: Alert | None = None
        self.row: dict[str, Any] = {}
        self.transitions: list[Transition] = []

    def begin(self, state: InventoryState) -> None:
        """Go on from a recorded state."""
        self._replay.state = state

    def target(self) -> tuple[int | None, int | None]:
        """(target stock, pack) of the suggested order, as known when the alert was last told."""
        if self.alert is None:
            return None, None
        product = self._replay.state.products.get(self._key[1])
        return target_stock(self.alert.thresholds, product), product.pack_multiple if product is not None else None

    def run(self, reader: Reader, alert_id: str) -> None:
        breached = False
        for burst in read_bursts(reader, sku=self._key[1], after_version=self._replay.state.version):
            result = self._replay.apply(burst, self._key)
            if not breached:
                for event, state in result.steps:
                    self.lines.append(_event_line(event, state, burst.version))
                    alert = result.changed_alerts.get(alert_id)
                    if alert is not None and event.event_id == alert.opening_event_id:
                        break
            self.transitions += [t for _, t in result.transitions if t.alert_id == alert_id]
            if alert_id in result.changed_alerts:
                self.alert = result.changed_alerts[alert_id]
                told = frames.alerts(result).filter(pl.col("alert_id") == alert_id)
                self.row = {**told.row(0, named=True), "version": burst.version}
                if not breached:
                    breached = True
                    self.rules = describe_ladder(self._replay.state, self._key)


def _event_line(event: Any, state: KeyState, version: int) -> EventLine:
    what, quantity = event.kind.upper(), getattr(event, "on_hand", None)
    if isinstance(event, Transaction):
        what, quantity = f"{event.type} {event.status}", event.quantity
    return EventLine(
        format_time(event.event_at, digits=3), version, event.event_id, what, quantity,
        state.on_hand, state.reserved, state.inbound, state.available,
    )  # fmt: skip


def describe_ladder(state: InventoryState, key: Key) -> list[RuleLine]:
    """Every scope a key looks in, and which one won."""
    key_state = state.keys[key]
    place = state.skus[key[1]]
    limits = state.thresholds[key]
    lines = []
    won = False
    for scope in ladder(key[0], key[1], place.parents):
        stored = state.rules.get(scope)
        if stored is None:
            continue
        if stored.rule.is_deleted:
            verdict = "deleted"
        elif won:
            verdict = "less specific: not used"
        else:
            won = True
            verdict = "wins: the most specific rule"
        rule = stored.rule
        numbers = describe_limits(
            rule.min_threshold_qty, rule.reorder_threshold_qty, rule.min_threshold_days, rule.reorder_threshold_days
        )
        if rule.dynamic is not None:
            numbers = describe_dynamic(rule.dynamic, numbers)
        shown = numbers if rule.is_enabled else f"muted ({numbers})"
        lines.append(RuleLine(scope[0], scope[1] or "every SKU", scope[2], shown, verdict))
    embedded = describe_limits(key_state.min_threshold, key_state.reorder_threshold, None, None)
    if key_state.min_threshold is not None or key_state.reorder_threshold is not None:
        used = "wins: no rule matches" if limits.level_type == "EMBEDDED" else "a rule comes first"
        lines.append(RuleLine("EMBEDDED", "in its stock document", key[0], embedded, used))
    used = "wins: nothing else is set" if limits.level_type == "SYSTEM" else "not needed"
    system = describe_limits(state.meaning.default_min, state.meaning.default_reorder, None, None)
    lines.append(RuleLine("SYSTEM", "default", None, system, used))
    return lines


def describe_limits(
    min_qty: int | None, reorder_qty: int | None, min_days: float | None, reorder_days: float | None
) -> str:
    """Limits in words: `min 20, reorder 40, min 7 days`."""
    names = ("min {:g}", "reorder {:g}", "min {:g} days", "reorder {:g} days")
    values = (min_qty, reorder_qty, min_days, reorder_days)
    parts = [name.format(value) for name, value in zip(names, values, strict=True) if value is not None]
    return ", ".join(parts) or "none"


def describe_dynamic(settings: DynamicSettings, numbers: str) -> str:
    """A dynamic rule in words: `dynamic for 95 % service, floor 5, ceiling 80, else min 20`."""
    parts = [f"dynamic for {settings.service_level:.6g} service"]
    for name, bound in (("floor", settings.floor_qty), ("ceiling", settings.ceiling_qty)):
        if bound is not None:
            parts.append(f"{name} {bound}")
    if numbers != "none":
        parts.append(f"else {numbers}")
    return ", ".join(parts)


def _differences(reader: Reader, row: dict[str, Any], tracer: _Tracer) -> list[str]:
    alert_id, derived = row["alert_id"], tracer.alert
    record = reader.query(
        "SELECT record FROM out.alerts_changes WHERE alert_id = ? ORDER BY version DESC LIMIT 1", [alert_id]
    ).item()
    stored = msgspec.json.decode(record, type=Alert)
    if derived is None:
        return ["the replay of its events raises no such alert"]
    found = [
        f"{name}: {getattr(stored, name)!r} stored, {getattr(derived, name)!r} re-derived"
        for name in Alert.__struct_fields__
        if getattr(stored, name) != getattr(derived, name)
    ]
    # The record is what it was computed from; the row and its body are what readers see.
    found += [
        f"{name}: {shown!r} stored, {tracer.row[name]!r} re-derived"
        for name, shown in row.items()
        if name != "body" and shown != tracer.row[name]
    ]
    shown_body, derived_body = msgspec.json.decode(row["body"]), msgspec.json.decode(tracer.row["body"])
    found += [
        f"body.{name}: {shown_body.get(name)!r} stored, {derived_body.get(name)!r} re-derived"
        for name in {**derived_body, **shown_body}
        if shown_body.get(name) != derived_body.get(name)
    ]
    recorded = reader.query(
        "SELECT transition, reason FROM out.alert_transitions WHERE alert_id = ? ORDER BY version, seq", [alert_id]
    ).rows()
    replayed = [(t.transition, t.reason) for t in tracer.transitions]
    if recorded != replayed:
        found.append(f"transitions: {recorded} stored, {replayed} re-derived")
    return found


@dataclass(frozen=True, slots=True)
class NoAlert:
    """Why a key has no new alert, in one sentence and its facts."""

    reason: str
    sentence: str
    facts: dict[str, Any]
    rules: list[RuleLine]


def why_not(state: InventoryState, key: Key) -> NoAlert | None:
    """Say why a key has no notified alert now; None where the key is unknown."""
    key_state = state.keys.get(key)
    if key_state is None:
        return None
    limits = state.thresholds[key]
    velocity = state.velocities.get(key) or None
    point = Point(key_state, limits, velocity, state.version, ())
    breaches = find_breaches(point)
    alerts = state.alerts.get(key, {})
    firing = next((alert for alert in alerts.values() if alert.is_firing), None)
    facts = {
        "on_hand": key_state.on_hand, "reserved": key_state.reserved, "available": key_state.available,
        "inbound": key_state.inbound, "min_threshold_qty": limits.min_qty,
        "reorder_threshold_qty": limits.reorder_qty, "min_threshold_days": limits.min_days,
        "reorder_threshold_days": limits.reorder_days, "daily_units": velocity,
        "rule": " ".join(part for part in (limits.level_type, limits.level_id, limits.warehouse_id) if part),
        "version": state.version,
    }  # fmt: skip
    closed = find_closed(alerts) if firing is None else None
    reason, sentence = _why_handled(firing, closed) or _why(
        point, breaches, firing, pause_over(state.pauses, key, state.category(key))
    )
    return NoAlert(reason, sentence, facts, describe_ladder(state, key))


def _why_handled(firing: Alert | None, closed: Alert | None) -> tuple[str, str] | None:
    """What people or time did that keeps an alert quiet, if anything (ADR 0004)."""
    if closed is not None:
        how = "by hand" if closed.resolved_reason == "manual" else "because its stock had no event for long"
        return "closed", (
            f"{closed.alert_id} was closed {how}; it opens again when the stock has recovered and falls anew, "
            "or gets worse."
        )
    if firing is None or not firing.is_notification_due or not firing.handling:
        return None
    handled = firing.handling
    if handled.inhibited_by:
        who = ", ".join(handled.inhibited_by)
        return "inhibited", f"{firing.condition} is open ({firing.alert_id}), and {who} holds it."
    if handled.silenced_until is not None:
        until = format_time(handled.silenced_until, digits=3)
        why = f"and {handled.silenced_by} silenced it until {until}."
        return "silenced", f"{firing.condition} is open ({firing.alert_id}), {why}"
    return None


def _why(point: Point, breaches: list, firing: Alert | None, pause: Command | None) -> tuple[str, str]:
    state, limits = point.state, point.thresholds
    if not state.is_active:
        return "inactive", "The key's inventory document was deleted, so it is not monitored."
    if not limits.is_enabled:
        return "muted", f"The rule in force ({limits.level_type} {limits.level_id}) is disabled, which mutes the key."
    if firing is not None and firing.is_notification_due and pause is not None:
        return "paused", (
            f"{firing.condition} is open ({firing.alert_id}), and {pause.issued_by} paused its notification "
            f"({pause.reason}); a `resume` command notifies it."
        )
    if firing is not None and firing.is_notification_due:
        due = format_time(notification_due_at(firing, limits), digits=3)
        return "cooldown", (
            f"{firing.condition} is open again ({firing.alert_id}) but was notified less than "
            f"{limits.cooldown_minutes} minutes ago; it is notified at {due} if still open."
        )
    if firing is not None and firing.notification_count == 0:
        return "improved", f"{firing.condition} is open after an improvement, which is not notified: {firing.alert_id}."
    if firing is not None and not breaches:
        return "hysteresis", f"{firing.alert_id} stays open until stock is a tenth above its threshold."
    if firing is not None:
        asked = command("inventory explain {}", firing.alert_id)
        return "firing", f"There is one: {firing.alert_id}. See `{asked}`."
    if is_restocking(state) and limits.reorder_qty is not None and state.available < limits.reorder_qty:
        return "restock", f"REORDER is muted while stock is on its way (inbound {state.inbound})."
    return "no_breach", (
        f"No breach: available {state.available}, STOCKOUT at 0, LOW_STOCK below {_shown(limits.min_qty)}, "
        f"REORDER below {_shown(limits.reorder_qty)}."
    )


def _shown(limit: int | None) -> str:
    return "no limit" if limit is None else str(limit)

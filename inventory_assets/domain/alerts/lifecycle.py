"""What people and time do to an alert (RULES 36, ADR 0004): the state machine beside `evaluate`.

Here: one alert, one command or one moment, and what follows. Not here: when a
burst asks (`domain.ingest.handling`), nor what stock does to an alert (`evaluate`).

Stock alone opens and resolves alerts. What is here adds facts to them, holds
their tellings back, tells them again, or closes them for as long as the breach
does not get worse.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from inventory_assets.domain.alerts.alert import PRIORITY, WAREHOUSE_SOURCE, Alert, Transition
from inventory_assets.domain.alerts.evaluate import MINUTE_US, KeyAlerts, with_handling
from inventory_assets.domain.events.kinds import Command, Condition, Key, Rejection
from inventory_assets.domain.values import format_time

Silences = dict[tuple[str | None, str | None, str | None], Command]
"""The command that silences a scope (warehouse_id, sku, category_id)."""

Inhibitions = dict[tuple[str | None, str | None, str | None, str | None, str], Command]
"""The command that inhibits a scope in a source's name: (warehouse_id, sku, category_id, alert_type, source)."""


def is_newer(command: Command, known: Command | None) -> bool:
    """Whether a command decides over what is known of its scope: the later by its own time (RULES 36)."""
    return known is None or (command.event_at, command.event_id) > (known.event_at, known.event_id)


Moved = tuple[Alert, list[Transition]]
OwnSilence = tuple[str, str, int]
"""Who, the command's event id, until when."""

POLICY = "policy"
MAX_LEVEL = 9
"""How high a person may raise an alert; one digit, so that no loop of clicks ends in millions."""


class LifecyclePolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """What time does to a firing alert, in minutes by priority; what is absent is off.

    `escalate`: unacknowledged for so long since its breach was first told or it
    was last raised, up to `max_level`. `repeat`: unacknowledged for so long
    since the last telling. `expire`: open, and no event of its key, for so long.
    Holds and tellings at their end set none of these back.
    """

    escalate: dict[str, int] = {}
    repeat: dict[str, int] = {}
    expire: dict[str, int] = {}
    max_level: int = 3

    @property
    def is_off(self) -> bool:
        """Whether time does nothing."""
        return not (self.escalate or self.repeat or self.expire)


# ---- commands on one alert


def move(alert: Alert, command: Command) -> Moved | Rejection | None:
    """Apply a command to the alert it names; None where it changes nothing.

    A telling that follows is the caller's: `escalate` and the lifting of a hold
    leave it due.
    """
    if command.command in ("ack", "silence", "escalate", "resolve", "inhibit") and not alert.is_firing:
        closed = format_time(alert.resolved_at or 0, digits=3)
        return _refuse(alert, f"it was resolved at {closed} ({alert.resolved_reason})")
    return _MOVES[command.command](alert, command)


def _refuse(alert: Alert, why: str) -> Rejection:
    return Rejection("illegal_transition", f"alert {alert.alert_id!r}: {why}")


def transition_of(alert: Alert, name: str, command: Command) -> Transition:
    """A step taken because somebody commanded it."""
    return Transition(
        alert.alert_id, name, command.reason, command.event_id, command.event_at, False, command.issued_by
    )


def _acknowledge(alert: Alert, command: Command) -> Moved | None:
    # By the same person again it is nothing new; by another, a handing over.
    if alert.handled.acknowledged_by == command.issued_by:
        return None
    taken = with_handling(alert, acknowledged_by=command.issued_by, acknowledged_at=command.event_at)
    return taken, [transition_of(alert, "acknowledged", command)]


def _escalate(alert: Alert, command: Command) -> Moved | Rejection:
    if alert.handled.escalated_level >= MAX_LEVEL:
        return _refuse(alert, f"it is at level {MAX_LEVEL}, the highest")
    return raise_level(alert, command.event_at), [transition_of(alert, "escalated_level", command)]


def raise_level(alert: Alert, at: int) -> Alert:
    """An alert one level higher."""
    return with_handling(alert, escalated_level=alert.handled.escalated_level + 1, escalated_at=at)


def _resolve(alert: Alert, command: Command) -> Moved:
    step = Transition(
        alert.alert_id, "resolved", "manual", command.event_id, command.event_at, False, command.issued_by
    )
    # The reason of a resolution is a word that queries count; the person's words are a note.
    return close(alert, "manual", command.event_at), [step, transition_of(alert, "note", command)]


def close(alert: Alert, reason: str, at: int) -> Alert:
    """A firing alert closed although its breach goes on: it stays so until that ends or gets worse."""
    resolved = msgspec.structs.replace(
        alert, is_firing=False, resolved_at=at, resolved_reason=reason, is_notification_due=False
    )
    return with_handling(resolved, closed_as=alert.condition)


def _note(alert: Alert, command: Command) -> Moved:
    return alert, [transition_of(alert, "note", command)]


def _silence(alert: Alert, command: Command) -> Moved:
    return silence(alert, command), [transition_of(alert, "silenced", command)]


def silence(alert: Alert, command: Command, own: OwnSilence | None = None) -> Alert:
    """A firing alert whose tellings wait until the silence ends, and which is told then.

    `own` is the alert's own silence where the command's is a longer one of a scope.
    """
    handled = with_handling(
        alert, silenced_by=command.issued_by, silenced_until=command.until_at, silence_id=command.event_id,
        own_silence=own,
    )  # fmt: skip
    return msgspec.structs.replace(handled, is_notification_due=alert.is_firing)


def _unsilence(alert: Alert, command: Command) -> Moved | Rejection:
    if not is_silenced(alert, command.event_at):
        return _refuse(alert, "it is not silenced")
    return unsilence(alert, command.event_at), [transition_of(alert, "unsilenced", command)]


def unsilence(alert: Alert, at: int) -> Alert:
    """An alert whose silence was lifted; what was withheld may leave from now on."""
    return with_handling(
        alert, silenced_by=None, silenced_until=None, silence_id=None, own_silence=None, released_at=at
    )


def own_silence(alert: Alert, silences: Silences, at: int) -> OwnSilence | None:
    """The silence of the alert itself that holds at a time, be it the one in front or behind a scope's."""
    handled, own = alert.handled, alert.handled.own_silence
    if own is None and handled.silence_id is not None and not is_of_scope(handled.silence_id, silences):
        own = (handled.silenced_by or "", handled.silence_id, handled.silenced_until or 0)
    return own if own is not None and own[2] > at else None


def is_of_scope(silence_id: str | None, silences: Silences) -> bool:
    """Whether a silence is one of a scope."""
    return any(command.event_id == silence_id for command in silences.values())


def silence_alert(alert: Alert, over: Command | None, command: Command) -> Moved | Rejection:
    """Silence one alert by its id; `over` is the longest silence of a scope above it, which stays in force."""
    moved = move(alert, command)
    if isinstance(moved, tuple) and over is not None and (over.until_at or 0) > (command.until_at or 0):
        own = (command.issued_by, command.event_id, command.until_at or 0)
        return silence(alert, over, own), moved[1]
    assert moved is not None
    return moved


def unsilence_alert(alert: Alert, over: Command | None, silences: Silences, command: Command) -> Moved | Rejection:
    """End the silence of one alert; one of a scope above it stays in force."""
    if over is None:
        return _unsilence(alert, command)
    if own_silence(alert, silences, command.event_at) is None:
        shown = ", ".join(part for part in scope_of(over) if part)
        return _refuse(alert, f"what silences it is the scope {shown}; unsilence that")
    steps = [transition_of(alert, "unsilenced", command)]
    if not is_of_scope(alert.handled.silence_id, silences):
        steps.append(transition_of(alert, "silenced", msgspec.structs.replace(over, event_at=command.event_at)))
    return silence(alert, over), steps


def after_lifting(alert: Alert, over: Command | None, lifting: Command) -> Moved:
    """What becomes of an alert whose silence of a scope has gone: the longest other one holds, or none."""
    own = alert.handled.own_silence
    if own is not None and own[2] <= lifting.event_at:
        own = None
    if over is None and own is None:
        return unsilence(alert, lifting.event_at), [transition_of(alert, "unsilenced", lifting)]
    if over is None or (own is not None and own[2] >= (over.until_at or 0)):
        assert own is not None
        over = msgspec.structs.replace(lifting, issued_by=own[0], event_id=own[1], until_at=own[2])
        own = None
    next_ = msgspec.structs.replace(over, event_at=lifting.event_at)
    return silence(alert, next_, own), [transition_of(alert, "silenced", next_)]


def source_of(command: Command) -> str:
    """In whose name an inhibition holds: that of its issuer, if no other is given."""
    name = command.source or command.issued_by
    # Only a warehouse's data are in doubt; a category's alerts are held, and true.
    return name if command.warehouse_id is None or command.category_id is not None else WAREHOUSE_SOURCE + name


def _inhibit(alert: Alert, command: Command) -> Moved | None:
    source = source_of(command)
    if source in alert.handled.inhibited_by:
        return None
    return inhibit(alert, [source]), [transition_of(alert, "inhibited", command)]


def inhibit(alert: Alert, sources: Iterable[str]) -> Alert:
    """An alert held by these sources too."""
    held = with_handling(alert, inhibited_by=tuple(sorted({*alert.handled.inhibited_by, *sources})))
    return msgspec.structs.replace(held, is_notification_due=alert.is_firing)


def _uninhibit(alert: Alert, command: Command) -> Moved | None:
    source = source_of(command)
    if source not in alert.handled.inhibited_by:
        return None
    left = tuple(name for name in alert.handled.inhibited_by if name != source)
    lifted = with_handling(alert, inhibited_by=left, released_at=command.event_at)
    return lifted, [transition_of(alert, "uninhibited", command)]


_MOVES = {
    "ack": _acknowledge,
    "silence": _silence,
    "unsilence": _unsilence,
    "escalate": _escalate,
    "resolve": _resolve,
    "note": _note,
    "inhibit": _inhibit,
    "uninhibit": _uninhibit,
}


# ---- scopes: silences of many, warehouses in doubt


def remember(silences: Silences, inhibitions: Inhibitions, command: Command) -> bool | Rejection:
    """Keep or drop what a command says of a scope; false where it says nothing new."""
    scope = scope_of(command)
    if command.command == "silence":
        # What is over goes with the next one, so that years of silences are not looked through.
        for ended in [place for place, c in silences.items() if (c.until_at or 0) <= command.event_at]:
            del silences[ended]
        silences[scope] = command
        return True
    if command.command == "unsilence":
        known = silences.pop(scope, None)
        if known is None or (known.until_at or 0) <= command.event_at:
            shown = ", ".join(part for part in scope if part)
            return Rejection("illegal_transition", f"no silence holds for the scope {shown}")
        return True
    place = (*scope, command.alert_type, source_of(command))
    if command.command == "inhibit":
        is_new = place not in inhibitions
        inhibitions[place] = command
        return is_new
    return inhibitions.pop(place, None) is not None


def scope_of(command: Command) -> tuple[str | None, str | None, str | None]:
    """The scope a silence is kept under."""
    return (command.warehouse_id, command.sku, command.category_id)


def is_in_scope(command: Command, key: Key, category_id: str) -> bool:
    """Whether a command's scope holds a key."""
    return (
        command.warehouse_id in (None, key[0])
        and command.sku in (None, key[1])
        and command.category_id in (None, category_id)
    )


def inhibitions_over(inhibitions: Inhibitions, key: Key, category_id: str) -> list[Command]:
    """The inhibitions that cover a key, in a fixed order."""
    found = [(place, c) for place, c in inhibitions.items() if is_in_scope(c, key, category_id)]
    return [c for _, c in sorted(found, key=lambda each: [part or "" for part in each[0]])]


def silence_over(silences: Silences, key: Key, category_id: str, at: int) -> Command | None:
    """The silence that covers a key at a time and ends last."""
    found = [c for c in silences.values() if (c.until_at or 0) > at and is_in_scope(c, key, category_id)]
    return max(found, key=lambda c: (c.until_at or 0, c.event_id), default=None)


# ---- what is held back


def is_silenced(alert: Alert, at: int) -> bool:
    """Whether a silence holds an alert's tellings at a time."""
    return at < (alert.handled.silenced_until or 0)


def is_held(alert: Alert, at: int) -> bool:
    """Whether anything but a pause or a cooldown holds an alert's tellings at a time."""
    return bool(alert.handled.inhibited_by) or is_silenced(alert, at)


def withhold(
    before: KeyAlerts, changed: Mapping[Condition, Alert], transitions: Sequence[Transition]
) -> tuple[dict[Condition, Alert], list[Transition]]:
    """Take back the tellings of alerts that are held: they stay due."""
    kept, left = dict(changed), []
    by_id = {alert.alert_id: condition for condition, alert in changed.items()}
    for step in transitions:
        condition = by_id.get(step.alert_id)
        if step.transition != "notified" or condition is None or not is_held(kept[condition], step.at):
            left.append(step)
            continue
        alert, earlier = kept[condition], before.get(condition)
        kept[condition] = msgspec.structs.replace(
            alert,
            is_notification_due=alert.is_firing,
            last_notified_at=None if earlier is None else earlier.last_notified_at,
            notification_count=alert.notification_count - 1,
        )
    return kept, left


# ---- time


def due_move(alert: Alert, *, policy: LifecyclePolicy, last_event_at: int, now: int) -> str | None:
    """What time has made due for an alert by `now`: expire, escalate, repeat, or nothing.

    Args:
        alert: The alert as it stands.
        policy: The policy in force.
        last_event_at: Of its key, microseconds.
        now: Microseconds.
    """
    if not alert.is_firing:
        return None
    priority, handled = PRIORITY[alert.condition], alert.handled
    if _is_over(policy.expire, priority, max(alert.opened_at, last_event_at), now):
        return "expire"
    if handled.acknowledged_by is not None or alert.notification_count == 0 or is_held(alert, now):
        return None
    since = max(alert.breached_at, handled.escalated_at or 0)
    if handled.escalated_level < policy.max_level and _is_over(policy.escalate, priority, since, now):
        return "escalate"
    return "repeat" if _is_over(policy.repeat, priority, alert.last_notified_at or 0, now) else None


def _is_over(minutes: Mapping[str, int], priority: str, since: int, now: int) -> bool:
    limit = minutes.get(priority)
    return limit is not None and now >= since + limit * MINUTE_US

"""What people and time do to an alert (RULES 36, ADR 0004): the state machine beside `evaluate`.

Here: one alert, one command or one moment, and what follows. Not here: when a
burst asks (`domain.ingest.handling`), nor what stock does to an alert (`evaluate`).

Stock alone opens and resolves alerts. What is here adds facts to them, holds
their tellings back, tells them again, or closes them for as long as the breach
does not get worse.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from inventory_assets.domain.alerts.alert import PRIORITY, WAREHOUSE_SOURCE, Alert, Transition
from inventory_assets.domain.alerts.evaluate import KeyAlerts, with_handling
from inventory_assets.domain.events.kinds import Command, Condition, Key, Rejection
from inventory_assets.domain.values import MINUTE_US, format_time

Scope = tuple[str | None, str | None, str | None, str | None]
"""What a hold is over: (warehouse_id, sku, category_id, alert_id); null for every one."""

Silences = dict[tuple[Scope, str | None], Command]
"""Of each scope and author the latest silence; and, under no author, the latest `unsilence` of the scope."""

Inhibitions = dict[tuple[Scope, str | None, str], Command]
"""Of each scope, alert_type and source the latest command, an `inhibit` or an `uninhibit`."""

# How long a command that is over is kept, to know an older one that comes late: bounds what is looked through.
REMEMBERED = 30 * 24 * 60 * MINUTE_US


def is_newer(command: Command, known: Command | None) -> bool:
    """Whether a command decides over what is known of its scope: the later by its own time (RULES 36)."""
    return known is None or (command.event_at, command.event_id) > (known.event_at, known.event_id)


Moved = tuple[Alert, list[Transition]]

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
    refusal = refuse_resolved(alert, command)
    return _MOVES[command.command](alert, command) if refusal is None else refusal


def refuse_resolved(alert: Alert, command: Command) -> Rejection | None:
    """The refusal of a command that asks something of an alert that is over."""
    if command.command in ("note", "unsilence", "uninhibit") or alert.is_firing:
        return None
    closed = format_time(alert.resolved_at or 0, digits=3)
    return _refuse(alert, f"it was resolved at {closed} ({alert.resolved_reason})")


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


_MOVES = {
    "ack": _acknowledge,
    "escalate": _escalate,
    "resolve": _resolve,
    "note": _note,
}


# ---- holds: silences and inhibitions, of one alert or of a scope


def source_of(command: Command) -> str:
    """In whose name an inhibition holds: that of its issuer, if no other is given."""
    name = command.source or command.issued_by
    # Only a warehouse's data are in doubt; a category's alerts are held, and true.
    return name if command.warehouse_id is None or command.category_id is not None else WAREHOUSE_SOURCE + name


def scope_of(command: Command) -> Scope:
    """What a hold is over."""
    return (command.warehouse_id, command.sku, command.category_id, command.alert_id)


def remember(silences: Silences, inhibitions: Inhibitions, command: Command) -> bool:
    """Take in what a hold or a release says of a scope; false where a later one is known already.

    Among the commands of one scope the latest by its own time decides, in
    whatever order they come (RULES 36).
    """
    scope = scope_of(command)
    if command.command in ("inhibit", "uninhibit"):
        place = (scope, command.alert_type, source_of(command))
        known = inhibitions.get(place)
        if not is_newer(command, known):
            return False
        _forget(inhibitions, command, lambda each: each.command == "uninhibit" and each.event_at)
        inhibitions[place] = command
        return True
    lifted = silences.get((scope, None))
    author = None if command.command == "unsilence" else command.issued_by
    if not is_newer(command, lifted) or not is_newer(command, silences.get((scope, author))):
        return False
    _forget(silences, command, lambda each: each.until_at or each.event_at)
    if author is None:
        for ended in [place for place, each in silences.items() if place[0] == scope and is_newer(command, each)]:
            del silences[ended]
    silences[scope, author] = command
    return True


def lets_go(silences: Silences, inhibitions: Inhibitions, release: Command) -> bool:
    """Whether an `unsilence` or `uninhibit` ends what holds now."""
    scope = scope_of(release)
    if release.command == "uninhibit":
        known = inhibitions.get((scope, release.alert_type, source_of(release)))
        return known is not None and known.command == "inhibit"
    return any(
        place[0] == scope and each.command == "silence" and (each.until_at or 0) > release.event_at
        for place, each in silences.items()
    )


def _forget(commands: dict[Any, Command], latest: Command, over_at: Callable[[Command], int | bool]) -> None:
    for place, each in list(commands.items()):
        ended_at = over_at(each)
        if ended_at and ended_at + REMEMBERED <= latest.event_at:
            del commands[place]


def in_force(inhibitions: Inhibitions) -> list[Command]:
    """The inhibitions that hold, in a fixed order."""
    held = [(place, each) for place, each in inhibitions.items() if each.command == "inhibit"]
    return [each for _, each in sorted(held, key=lambda pair: [part or "" for part in (*pair[0][0], *pair[0][1:])])]


def is_in_scope(command: Command, key: Key, category_id: str, alert_id: str | None = None) -> bool:
    """Whether a command's scope holds a key, and an alert of it where one is named."""
    return (
        command.warehouse_id in (None, key[0])
        and command.sku in (None, key[1])
        and command.category_id in (None, category_id)
        and command.alert_id in (None, alert_id)
    )


def silence_over(silences: Silences, alert: Alert, category_id: str, at: int) -> Command | None:
    """The silence that covers an alert at a time and ends last."""
    found = [
        each
        for each in silences.values()
        if each.command == "silence"
        and (each.until_at or 0) > at
        and is_in_scope(each, alert.key, category_id, alert.alert_id)
    ]
    return max(found, key=lambda each: (each.until_at or 0, each.event_id), default=None)


def inhibitions_over(inhibitions: Sequence[Command], alert: Alert, category_id: str) -> dict[str, Command]:
    """The inhibitions that cover an alert, by source; the first of each.

    One of a category covers what opens from then on: an incident names its
    members, and what fired before it is none of them.
    """
    found: dict[str, Command] = {}
    for each in inhibitions:
        if (
            each.alert_type in (None, alert.condition)
            and is_in_scope(each, alert.key, category_id, alert.alert_id)
            and (each.category_id is None or alert.breached_at >= each.event_at)
        ):
            found.setdefault(source_of(each), each)
    return found


class Reason(NamedTuple):
    """Why what holds an alert has changed: a command, or a level that moved its SKU."""

    at: int
    reason: str
    event_id: str
    actor: str | None


def hold(alert: Alert, silence: Command | None, sources: Mapping[str, Command], why: Reason) -> Moved:
    """An alert held by these and nothing else, and what that changes of what held it.

    What is over holds no more of itself (`evaluate.end_cooldown`); an alert that
    is over is held by nothing new.
    """
    steps: list[Transition] = []

    def note(name: str, command: Command | None) -> None:
        given = why if command is None else why._replace(
            reason=command.reason, event_id=command.event_id, actor=command.issued_by
        )  # fmt: skip
        steps.append(Transition(alert.alert_id, name, given.reason, given.event_id, why.at, False, given.actor))

    was = alert.handled
    held = alert
    if silence is not None and alert.is_firing:
        if silence.event_id != was.silence_id:
            if is_silenced(alert, why.at) and (silence.until_at or 0) < (was.silenced_until or 0):
                note("unsilenced", None)  # the longer one is gone
            held = with_handling(
                held, silenced_by=silence.issued_by, silenced_until=silence.until_at, silence_id=silence.event_id
            )
            note("silenced", silence)
    elif silence is None and is_silenced(alert, why.at):
        held = with_handling(held, silenced_by=None, silenced_until=None, silence_id=None, released_at=why.at)
        note("unsilenced", None)
    for source in was.inhibited_by:
        if source not in sources:
            note("uninhibited", None)
    kept = [source for source in was.inhibited_by if source in sources]
    new = [source for source in sources if source not in was.inhibited_by] if alert.is_firing else []
    for source in new:
        note("inhibited", sources[source])
    if len(kept) < len(was.inhibited_by):
        held = with_handling(held, released_at=why.at)
    if new or len(kept) < len(was.inhibited_by):
        held = with_handling(held, inhibited_by=tuple(sorted([*kept, *new])))
    if any(step.transition in ("silenced", "inhibited") for step in steps):
        held = msgspec.structs.replace(held, is_notification_due=held.is_firing)
    return held, steps


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

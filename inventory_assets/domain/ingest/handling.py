"""The lifecycle's part of a burst: which alerts a command or a moment concerns.

Here: finding alerts, taking their moves in, marking new ones. Not here: the
moves themselves (`lifecycle`) or the order of a burst (`process`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from inventory_assets.domain.alerts import lifecycle
from inventory_assets.domain.alerts.alert import Alert, Transition
from inventory_assets.domain.alerts.evaluate import KeyAlerts, Point, end_cooldown, moved_at, tell_again
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.kinds import Command, Condition, Key, Rejection
from inventory_assets.domain.ingest.result import BurstInputs
from inventory_assets.domain.ingest.state import Draft

Record = Callable[[Key, KeyAlerts, dict[Condition, Alert], list[Transition]], None]


class BurstLifecycle:
    """Moves alerts of one burst's draft; `record` takes in what changed, `point` gives a key's stock."""

    def __init__(self, draft: Draft, record: Record, point: Callable[[Key], Point]) -> None:
        self._draft = draft
        self._record = record
        self._point = point

    # ---- commands

    def obey(self, command: Command) -> Rejection | bool:
        """Carry out an alert command; false where it changes nothing, a rejection where it may not be."""
        if command.alert_id is None:
            return self._obey_scope(command)
        if command.command == "note" and is_incident_id(command.alert_id):
            # Kept as it is: incidents are no state of a burst, and a note moves nothing.
            return True
        found = find_alert(self._draft.alerts, command.alert_id)
        if found is None:
            return Rejection(
                "unknown_alert",
                f"no alert {command.alert_id!r} is firing or was the last of its condition",
            )
        if command.command not in ("silence", "unsilence"):
            return self._move(found, command)
        over = self._silence_over(found.key, command.event_at)
        if command.command == "silence":
            return self._take(found, command, lifecycle.silence_alert(found, over, command))
        return self._take(found, command, lifecycle.unsilence_alert(found, over, self._draft.silences, command))

    def _obey_scope(self, command: Command) -> Rejection | bool:
        # Of silences: the one that ends now, or that the new one of the same scope replaces.
        gone = self._draft.silences.get(lifecycle.scope_of(command))
        verdict = lifecycle.remember(self._draft.silences, self._draft.inhibitions, command)
        if verdict is not True:
            return verdict
        if command.command == "inhibit" and command.category_id is not None:
            # What opens from now on: an incident names its members, and what fired before it is none of them.
            return True
        # Sorted: a restarted process holds its keys in another order, and must step them in the same.
        for key in sorted(self._keys_in(command)):
            for alert in list(self._draft.alerts[key].values()):
                if command.command not in ("silence", "unsilence"):
                    if _is_concerned(alert, command):
                        self._move(alert, command)
                elif gone is not None and alert.handled.silence_id == gone.event_id:
                    over = self._silence_over(key, command.event_at)
                    self._take(alert, command, lifecycle.after_lifting(alert, over, command))
                elif command.command == "silence" and _is_concerned(alert, command):
                    self._take(alert, command, self._cover(alert, command, command.event_at))
        return True

    def _silence_over(self, key: Key, at: int) -> Command | None:
        return lifecycle.silence_over(self._draft.silences, key, self._category(key), at)

    def _cover(self, alert: Alert, command: Command, at: int) -> lifecycle.Moved:
        """An alert under a scope's silence; a shorter one of its own goes on behind it."""
        own = lifecycle.own_silence(alert, self._draft.silences, at)
        return lifecycle.silence(alert, command, own), [lifecycle.transition_of(alert, "silenced", command)]

    def _keys_in(self, command: Command) -> Iterable[Key]:
        for key in self._draft.alerts:
            if lifecycle.is_in_scope(command, key, self._category(key)):
                yield key

    def _category(self, key: Key) -> str:
        return self._draft.sku_parents(key[1]).parents[1]

    def _move(self, alert: Alert, command: Command) -> Rejection | bool:
        return self._take(alert, command, lifecycle.move(alert, command))

    def _take(self, alert: Alert, command: Command, moved: lifecycle.Moved | Rejection | None) -> Rejection | bool:
        if moved is None:
            return False
        if isinstance(moved, Rejection):
            return moved
        changed, transitions = moved
        key = alert.key
        if command.command == "escalate":
            changed, told = tell_again(
                changed, self._point(key), at=command.event_at, reason="escalated_level",
                event_id=command.event_id, actor=command.issued_by,
            )  # fmt: skip
            transitions = [*transitions, told]
        self._record(key, self._draft.alerts[key], {alert.condition: changed}, transitions)
        if changed.is_firing and changed.is_notification_due:
            self._release(key, command.event_at)
        return True

    def _release(self, key: Key, now: int) -> None:
        """Tell what is due now, if nothing else holds it."""
        alerts = self._draft.alerts[key]
        self._record(key, alerts, *end_cooldown(alerts, self._point(key), now))

    # ---- marks on what opens

    def hold(
        self, key: Key, before: KeyAlerts, changed: dict[Condition, Alert], transitions: Sequence[Transition]
    ) -> tuple[dict[Condition, Alert], list[Transition]]:
        """Mark alerts that open in a silenced or inhibited scope; withhold what is held."""
        steps = list(transitions)
        if self._draft.silences or self._draft.inhibitions:
            changed, steps = self._mark(key, changed, steps)
        if any(alert.handling for alert in changed.values()):
            changed, steps = lifecycle.withhold(before, changed, steps)
        return changed, steps

    def _mark(
        self, key: Key, changed: dict[Condition, Alert], transitions: list[Transition]
    ) -> tuple[dict[Condition, Alert], list[Transition]]:
        marked, steps = dict(changed), []
        by_id = {alert.alert_id: condition for condition, alert in changed.items()}
        for step in transitions:
            steps.append(step)
            if step.transition not in ("opened", "reopened"):
                continue
            condition = by_id[step.alert_id]
            for command in self._holds_over(key, step.at):
                if not _is_concerned(marked[condition], command):
                    continue
                if command.command == "silence":
                    moved: lifecycle.Moved | Rejection | None = self._cover(marked[condition], command, step.at)
                else:
                    moved = lifecycle.move(marked[condition], command)
                if isinstance(moved, tuple):
                    marked[condition] = moved[0]
                    steps += [msgspec.structs.replace(each, at=step.at) for each in moved[1]]
        return marked, steps

    def _holds_over(self, key: Key, at: int) -> list[Command]:
        inhibitions = lifecycle.inhibitions_over(self._draft.inhibitions, key, self._category(key))
        silence = self._silence_over(key, at)
        return inhibitions if silence is None else [*inhibitions, silence]

    # ---- time

    def sweep(self, inputs: BurstInputs) -> None:
        """Do what the policy has made due by the sweep's moments: expire, escalate, repeat."""
        policy = inputs.policy
        assert policy is not None
        for key in sorted(self._draft.alerts):
            now = inputs.moment_of(key[0])
            if now is None:
                continue
            before = self._draft.state.alerts.get(key) or {}
            for alert in list(self._draft.alerts[key].values()):
                earlier = before.get(alert.condition)
                if earlier is not None and earlier.notification_count < alert.notification_count:
                    # A silence or a cooldown has ended in this very sweep: one telling at a time.
                    continue
                step = lifecycle.due_move(
                    alert, policy=policy, last_event_at=self._draft.keys[key].frontier_at, now=now
                )
                if step is not None:
                    self._do(key, alert, step, max(now, moved_at(self._draft.alerts[key])))

    def _do(self, key: Key, alert: Alert, step: str, now: int) -> None:
        alerts = self._draft.alerts[key]
        if step == "expire":
            closed = lifecycle.close(alert, "expired", now)
            expired = Transition(alert.alert_id, "resolved", "expired", None, now, alert.is_late, lifecycle.POLICY)
            self._record(key, alerts, {alert.condition: closed}, [expired])
            return
        steps: list[Transition] = []
        reason = "repeat"
        if step == "escalate":
            reason = "escalated_level"
            alert = lifecycle.raise_level(alert, now)
            steps = [
                Transition(
                    alert.alert_id, reason, "unacknowledged", None, now, alert.is_late, lifecycle.POLICY
                )
            ]  # fmt: skip
        told, telling = tell_again(
            alert, self._point(key), at=now, reason=reason, event_id=None, actor=lifecycle.POLICY
        )
        self._record(key, alerts, {alert.condition: told}, [*steps, telling])


def _is_concerned(alert: Alert, command: Command) -> bool:
    """Whether a scope's command changes this alert of the scope."""
    if command.command == "silence":
        # A longer silence of its own, or of another scope, stays.
        return alert.is_firing and (alert.handled.silenced_until or 0) < (command.until_at or 0)
    if command.command == "uninhibit":
        return True
    return alert.is_firing and command.alert_type in (None, alert.condition)


def find_alert(alerts: Mapping[Key, KeyAlerts], alert_id: str) -> Alert | None:
    """Find the alert with an id among the latest of each key and condition."""
    parts = alert_id.split("-")
    # alt-date-warehouse-sku-type-hash: warehouse and SKU may hold dashes themselves.
    names = parts[2:-2]
    for cut in range(1, len(names)):
        key = ("-".join(names[:cut]), "-".join(names[cut:]))
        for alert in (alerts.get(key) or {}).values():
            if alert.alert_id == alert_id:
                return alert
    return None

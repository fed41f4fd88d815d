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

HOLDING = ("silence", "unsilence", "inhibit", "uninhibit")

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
        found = None
        if command.alert_id is not None:
            if command.command == "note" and is_incident_id(command.alert_id):
                # Kept as it is: incidents are no state of a burst, and a note moves nothing.
                return True
            found = find_alert(self._draft.alerts, command.alert_id)
            if found is None:
                return Rejection(
                    "unknown_alert",
                    f"no alert {command.alert_id!r} is firing or was the last of its condition",
                )
        if command.command in HOLDING:
            return self._hold_scope(command, found)
        assert found is not None  # every other command names an alert
        return self._move(found, command)

    def _hold_scope(self, command: Command, named: Alert | None) -> Rejection | bool:
        if named is not None and (refusal := lifecycle.refuse_resolved(named, command)) is not None:
            return refusal
        if not lifecycle.remember(self._draft.silences, self._draft.inhibitions, command):
            return False
        # Sorted: a restarted process holds its keys in another order, and must step them in the same.
        keys = sorted(self._keys_in(command)) if named is None else [named.key]
        for key in keys:
            at = self._moment(key, command.event_at)
            self.hold_again(key, lifecycle.Reason(at, command.reason, command.event_id, command.issued_by))
        return True

    def hold_again(self, key: Key, why: lifecycle.Reason) -> None:
        """Work out anew what holds a key's alerts: a command has come, or its SKU has moved."""
        draft = self._draft
        if not (draft.silences or draft.inhibitions):
            return
        category, inhibitions = self._category(key), lifecycle.in_force(draft.inhibitions)
        for alert in list((draft.alerts.get(key) or {}).values()):
            silence = lifecycle.silence_over(draft.silences, alert, category, why.at)
            sources = lifecycle.inhibitions_over(inhibitions, alert, category)
            changed, transitions = lifecycle.hold(alert, silence, sources, why)
            if transitions:
                self._record(key, draft.alerts[key], {alert.condition: changed}, transitions)
                if changed.is_firing and changed.is_notification_due:
                    self._release(key, why.at)

    def _moment(self, key: Key, at: int) -> int:
        """When a command acts on a key's alerts: at its own time, and never before what they have been through."""
        return max(at, self._draft.keys[key].frontier_at, moved_at(self._draft.alerts.get(key)))

    def _keys_in(self, command: Command) -> Iterable[Key]:
        for key in self._draft.alerts:
            if lifecycle.is_in_scope(command, key, self._category(key), command.alert_id):
                yield key

    def _category(self, key: Key) -> str:
        return self._draft.sku_parents(key[1]).parents[1]

    def _move(self, alert: Alert, command: Command) -> Rejection | bool:
        key = alert.key
        command = msgspec.structs.replace(command, event_at=self._moment(key, command.event_at))
        moved = lifecycle.move(alert, command)
        if moved is None:
            return False
        if isinstance(moved, Rejection):
            return moved
        changed, transitions = moved
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
        category, inhibitions = self._category(key), lifecycle.in_force(self._draft.inhibitions)
        by_id = {alert.alert_id: condition for condition, alert in changed.items()}
        for step in transitions:
            steps.append(step)
            if step.transition in ("opened", "reopened"):
                alert = marked[by_id[step.alert_id]]
                silence = lifecycle.silence_over(self._draft.silences, alert, category, step.at)
                sources = lifecycle.inhibitions_over(inhibitions, alert, category)
                # What ended an earlier hold since has been said, or is about to be (`evaluate.end_cooldown`).
                why = lifecycle.Reason(step.at, step.reason, step.event_id or "", None)
                marked[alert.condition], held = lifecycle.hold(alert, silence, sources, why)
                steps += held
        return marked, steps

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

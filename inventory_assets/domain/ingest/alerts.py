"""Step the alerts of one burst: a key at a point of its running stock, the sweep, what is told (RULES 25-28).

Here: which points step, and what a step leaves in the draft and the result. Not
here: the state machine itself (`evaluate`), or what people do to alerts (`lifecycle`).
"""

import msgspec

from inventory_assets.domain.alerts import evaluate
from inventory_assets.domain.alerts.alert import Transition
from inventory_assets.domain.alerts.evaluate import Cause, KeyAlerts, Point
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.ingest.handling import BurstLifecycle
from inventory_assets.domain.ingest.result import BurstResult
from inventory_assets.domain.ingest.state import Draft, pause_over
from inventory_assets.domain.stock.fold import KeyState


class BurstAlerts:
    """The alerts of one burst's keys."""

    def __init__(self, draft: Draft, result: BurstResult) -> None:
        self.draft = draft
        self.result = result
        self.lifecycle = BurstLifecycle(draft, self.record, self.point_now)

    def point_now(self, key: Key) -> Point:
        """The point that a key stands at."""
        return self.point(key, self.draft.keys[key])

    def is_due(self, key: Key) -> bool:
        """Whether an alert of a key waits to be told."""
        alerts = self.draft.alerts.get(key)
        return bool(alerts) and any(alert.is_notification_due for alert in alerts.values())

    def evaluate(self, key: Key, cause: Cause, state: KeyState | None = None) -> None:
        """Step a key's alerts at its stock as it is now; `state` where it is at hand."""
        alerts = self.draft.alerts.get(key)
        if state is None:
            state = self.draft.keys[key]
        if not evaluate.needs_step(alerts, self.draft.thresholds[key], state.on_hand - state.reserved):
            return
        if self.is_due(key):
            self.end_cooldown(key, state, cause.at)
            alerts = self.draft.alerts.get(key)
        point = self.point(key, state)
        changed, transitions = evaluate.step(alerts or {}, point, cause)
        self.record(key, alerts or {}, changed, transitions)

    def end_cooldown(self, key: Key, state: KeyState, now: int) -> None:
        """Tell what a key's cooldown held back, if it has ended by `now`."""
        alerts = self.draft.alerts[key]
        changed, transitions = evaluate.end_cooldown(alerts, self.point(key, state), now)
        self.record(key, alerts, changed, transitions)

    def point(self, key: Key, state: KeyState) -> Point:
        """A key's stock with all that judging it needs."""
        velocity = self.draft.velocities.get(key) or None
        return Point(state, self.draft.thresholds[key], velocity, self.result.version, self.draft.trend(key))

    def sweep(self, now: int) -> None:
        """Tell all that has fallen due by `now` without an event."""
        for key in sorted(self.draft.state.due_alerts | self.draft.alerts.changed.keys()):
            if self.is_due(key):
                self.end_cooldown(key, self.draft.keys[key], now)

    def record(self, key: Key, alerts: KeyAlerts, changed: dict, transitions: list[Transition]) -> None:
        """Take a key's changed alerts into the draft and the result; what is held is not told."""
        if not changed:
            return
        if transitions and self._is_paused(key):
            changed, transitions = _withhold(changed, transitions)
        changed, transitions = self.lifecycle.hold(key, alerts, changed, transitions)
        self.draft.alerts[key] = {**alerts, **changed}
        by_id = {alert.alert_id: alert for alert in changed.values()}
        self.result.changed_alerts.update(by_id)
        for transition in transitions:
            self.result.transitions.append((key, transition))
            if transition.transition == "notified":
                self.result.notified.append(by_id[transition.alert_id])

    def _is_paused(self, key: Key) -> bool:
        return pause_over(self.draft.pauses, key) is not None


def _withhold(changed: dict, transitions: list[Transition]) -> tuple[dict, list[Transition]]:
    """Keep back the notifications of a paused key: they stay due until it is resumed (RULES 36)."""
    told = {transition.alert_id for transition in transitions if transition.transition == "notified"}
    kept = {
        condition: msgspec.structs.replace(
            alert, is_notification_due=True, last_notified_at=None, notification_count=alert.notification_count - 1
        )
        if alert.alert_id in told
        else alert
        for condition, alert in changed.items()
    }
    return kept, [transition for transition in transitions if transition.transition != "notified"]

"""Step the alerts of one burst: a key at a point of its running stock, the sweep, what is told (RULES 25-28).

Here: which points step, and what a step leaves in the draft and the result. Not
here: the state machine itself (`evaluate`), or what people do to alerts (`lifecycle`).
"""

import msgspec

from inventory_assets.domain.alerts import evaluate
from inventory_assets.domain.alerts.alert import Alert, Transition
from inventory_assets.domain.alerts.evaluate import Cause, KeyAlerts, Point
from inventory_assets.domain.alerts.lifecycle import Reason
from inventory_assets.domain.events.kinds import Condition, Key
from inventory_assets.domain.ingest.handling import BurstLifecycle
from inventory_assets.domain.ingest.result import BurstInputs, BurstResult
from inventory_assets.domain.ingest.state import Draft, pause_over
from inventory_assets.domain.stock.fold import KeyState


class BurstAlerts:
    """The alerts of one burst's keys."""

    def __init__(self, draft: Draft, result: BurstResult) -> None:
        self.draft = draft
        self.result = result
        self.unjudged: set[Key] = set()  # their grace turned out to be over before their last event

    @property
    def lifecycle(self) -> BurstLifecycle:
        """What commands and moments do to them."""
        # Made when asked for: kept, the two would hold each other, and the whole burst until a collection.
        return BurstLifecycle(self.draft, self.record, self.point_now)

    def point_now(self, key: Key) -> Point:
        """The point that a key stands at."""
        return self.point(key, self.draft.keys[key])

    def is_due(self, key: Key) -> bool:
        """Whether an alert of a key waits to be told."""
        alerts = self.draft.alerts.get(key)
        return bool(alerts) and any(alert.is_notification_due for alert in alerts.values())

    def is_waiting(self, key: Key, state: KeyState) -> bool:
        """Whether time alone may make something due for a key: a telling held back, a grace."""
        return state.is_unstated or self.is_due(key)

    def move(self, key: Key, cause: Cause) -> None:
        """A key's SKU has moved: other holds are over it, and perhaps none."""
        at = max(cause.at, self.draft.keys[key].frontier_at)
        self.lifecycle.hold_again(key, Reason(at, "moved", cause.event_id or "", None))
        self.resume(key, at, cause.event_id)

    def resume(self, key: Key, at: int, event_id: str | None) -> None:
        """Tell what a pause held back of a key, as of its end and in the name of what ended it."""
        if self.is_due(key):
            self.end_cooldown(key, self.draft.keys[key], at, resumed_by=event_id)

    def catch_up(self, key: Key, before: KeyState, now: int) -> None:
        """Do what time has made due by `now`, before whatever happens then; `before` is the stock until then."""
        self.end_grace(key, before, now)
        if self.is_due(key):
            self.end_cooldown(key, before, now)

    def evaluate(self, key: Key, cause: Cause, state: KeyState) -> None:
        """Step a key's alerts at its stock; what time made due before has been done (`catch_up`)."""
        alerts = self.draft.alerts.get(key)
        if not evaluate.needs_step(alerts, self.draft.thresholds[key], state.on_hand - state.reserved):
            return
        if self.is_due(key):
            # New limits may have cut its cooldown short.
            self.end_cooldown(key, state, cause.at)
            alerts = self.draft.alerts.get(key)
        cause = cause._replace(at=max(cause.at, evaluate.moved_at(alerts)))
        if self.is_in_grace(state, cause.at):
            return
        point = self.point(key, state)
        changed, transitions = evaluate.step(alerts or {}, point, cause)
        self.record(key, alerts or {}, changed, transitions)

    def grace_end(self, state: KeyState) -> int | None:
        """When a key of which no level has told begins to be judged; null where one has, or it was always judged."""
        if not state.is_unstated or state.first_at is None:
            return None
        return state.first_at + self.draft.state.meaning.unstated_grace

    def is_in_grace(self, state: KeyState, at: int) -> bool:
        """Whether a key is not judged yet at a time."""
        ends_at = self.grace_end(state)
        return ends_at is not None and at < ends_at

    def end_grace(self, key: Key, state: KeyState, now: int) -> None:
        """Judge an unstated key at the end of its grace, if that has come by `now` and no event has judged it since."""
        ends_at = self.grace_end(state)
        if ends_at is None or ends_at > now or not state.frontier[2]:
            return
        if state.frontier_at < ends_at or key in self.unjudged:
            self.unjudged.discard(key)
            # It opens in the name of the last event before: by time alone nothing has happened.
            at = max(ends_at, state.frontier_at)
            self.evaluate(key, Cause(state.frontier[2], state.frontier_at, at, False), state)

    def judge_left(self) -> None:
        """Judge what the burst has left unjudged."""
        for key in sorted(self.unjudged):
            state = self.draft.keys[key]
            self.end_grace(key, state, state.frontier_at)

    def end_cooldown(self, key: Key, state: KeyState, now: int, *, resumed_by: str | None = None) -> None:
        """Tell what a key's cooldown held back, if it has ended by `now`; or a pause did, which an event ended now."""
        if self._is_paused(key):
            return
        alerts = self.draft.alerts[key]
        changed, transitions = evaluate.end_cooldown(alerts, self.point(key, state), now, resumed_by=resumed_by)
        self.record(key, alerts, changed, transitions)

    def point(self, key: Key, state: KeyState) -> Point:
        """A key's stock with all that judging it needs."""
        velocity = self.draft.velocities.get(key) or None
        return Point(state, self.draft.thresholds[key], velocity, self.result.version, self.draft.trend(key))

    def sweep(self, inputs: BurstInputs) -> None:
        """Do all that has fallen due by the sweep's moments without an event."""
        for key in sorted(self.draft.state.due_alerts | self.draft.alerts.changed.keys() | self.draft.state.unstated):
            now = inputs.moment_of(key[0])
            if now is not None:
                self.catch_up(key, self.draft.keys[key], now)

    def record(self, key: Key, alerts: KeyAlerts, changed: dict, transitions: list[Transition]) -> None:
        """Take a key's changed alerts into the draft and the result; what is held is not told."""
        if not changed:
            return
        if transitions and self._is_paused(key):
            changed, transitions = _withhold(alerts, changed, transitions)
        changed, transitions = self.lifecycle.hold(key, alerts, changed, transitions)
        changed = _moved(changed, transitions)
        self.draft.alerts[key] = {**alerts, **changed}
        by_id = {alert.alert_id: alert for alert in changed.values()}
        self.result.changed_alerts.update(by_id)
        for transition in transitions:
            self.result.transitions.append((key, transition))
            if transition.transition == "notified":
                self.result.notified.append(by_id[transition.alert_id])

    def _is_paused(self, key: Key) -> bool:
        return pause_over(self.draft.pauses, key, self.draft.category(key)) is not None


def _moved(changed: dict, transitions: list[Transition]) -> dict:
    """Changed alerts that know when stock or time last moved them; people's clocks are their own."""
    latest: dict[str, int] = {}
    for step in transitions:
        if step.actor is None or step.event_id is None:
            latest[step.alert_id] = max(latest.get(step.alert_id, step.at), step.at)
    return {
        condition: alert
        if (at := latest.get(alert.alert_id, 0)) <= alert.moved_at
        else msgspec.structs.replace(alert, moved_at=at)
        for condition, alert in changed.items()
    }


def _withhold(
    before: KeyAlerts, changed: dict[Condition, Alert], transitions: list[Transition]
) -> tuple[dict[Condition, Alert], list[Transition]]:
    """Keep back the notifications of a paused key: they stay due until it is resumed (RULES 36)."""
    told = {transition.alert_id for transition in transitions if transition.transition == "notified"}
    kept = {
        condition: msgspec.structs.replace(
            alert,
            is_notification_due=True,
            # The cooldown goes on from what was told before.
            last_notified_at=before[condition].last_notified_at if condition in before else None,
            notification_count=alert.notification_count - 1,
        )
        if alert.alert_id in told
        else alert
        for condition, alert in changed.items()
    }
    return kept, [transition for transition in transitions if transition.transition != "notified"]

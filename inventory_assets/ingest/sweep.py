"""What time alone makes due: the ends of cooldowns and silences, and the lifecycle policy (ADR 0004).

A sweep commits only where something is due, with its moment and the policy in
force among the recorded inputs: so it replays, and a second one does nothing.
"""

from inventory_assets.domain.alerts.evaluate import told_at
from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy, due_move
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.ingest.state import InventoryState, pause_over
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.ingest.meaning import policy_of
from inventory_assets.lake.stages import Stage


def is_telling_due(state: InventoryState, now: int) -> bool:
    """Whether a withheld telling of an open alert may leave by `now`."""
    for key in state.due_alerts:
        if pause_over(state.pauses, key) is not None:
            continue
        limits = state.thresholds[key]
        for alert in state.alerts[key].values():
            if alert.is_firing and alert.is_notification_due:
                due_at = told_at(alert, limits)
                if due_at is not None and due_at <= now:
                    return True
    return False


def is_move_due(state: InventoryState, policy: LifecyclePolicy | None, now: int) -> bool:
    """Whether the policy has anything to do by `now`."""
    return policy is not None and any(
        due_move(alert, policy=policy, last_event_at=state.keys[key].frontier_at, now=now)
        for key, alerts in state.alerts.items()
        for alert in alerts.values()
    )


def is_sweep_due(engine: Engine, now: int) -> bool:
    """Whether a sweep at `now` would commit anything."""
    engine.refresh()
    return is_telling_due(engine.state, now) or is_move_due(engine.state, policy_of(engine.settings), now)


def sweep(engine: Engine, now: int, *, with_policy: bool = True, run_id: str = "") -> list[Commit]:
    """Commit what is due by `now`, in microseconds; nothing where nothing is."""
    policy = policy_of(engine.settings) if with_policy else None
    if not is_move_due(engine.state, policy, now):
        if not is_telling_due(engine.state, now):
            return []
        policy = None
    inputs = BurstInputs(sweep_at=now, policy=policy)
    return engine.commit_burst([], inputs=inputs, stage=Stage.SWEEP, run_id=run_id)

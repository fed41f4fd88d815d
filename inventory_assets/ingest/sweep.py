"""What time alone makes due: the ends of cooldowns, silences and graces, and the lifecycle policy (ADR 0004).

A sweep's moment is each warehouse's own: the event time of its newest event
plus the wall time since that was committed, never later than the clock (RULES
28). On a clock of its own (docs/adr/0022-a-clock-of-its-own.md) wall time is
what that clock has run since. So a feed of last week is judged as last week, a
live one by the clock, and a backlog is not overtaken. A sweep commits only where something is due, with
its moments and the policy in force among the recorded inputs: so it replays,
and a second one does nothing.
"""

from collections.abc import Callable, Mapping

from inventory_assets.clock import clock_of
from inventory_assets.domain.alerts.evaluate import Point, find_breaches, told_at
from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy, due_move
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.ingest.state import InventoryState, pause_over
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.ingest.meaning import policy_of
from inventory_assets.lake.stages import Stage


def moments_of(
    state: InventoryState, now: int, shown_at: Callable[[int], int] = lambda machine: machine
) -> dict[str, int]:
    """When a sweep is, in each warehouse, where the clock says `now`; microseconds.

    `shown_at`: what that clock showed at a time of the machine's, by which versions are committed.
    """
    return {
        warehouse_id: min(now, newest.event_at + max(0, now - shown_at(newest.committed_at)))
        for warehouse_id, newest in state.newest.items()
    }


def is_telling_due(state: InventoryState, moments: Mapping[str, int]) -> bool:
    """Whether a withheld telling of an open alert may leave by now, or an unstated key begins to be judged."""
    for key in state.due_alerts:
        if pause_over(state.pauses, key, state.category(key)) is not None:
            continue
        limits = state.thresholds[key]
        for alert in state.alerts[key].values():
            if alert.is_firing and alert.is_notification_due:
                due_at = told_at(alert, limits)
                if due_at is not None and due_at <= moments[key[0]]:
                    return True
    return any(_is_grace_over(state, key, moments[key[0]]) for key in state.unstated)


def is_in_grace(state: InventoryState, key: Key, now: int) -> bool:
    """Whether a key is not judged yet, as no level has told of it (RULES 24)."""
    stock = state.keys[key]
    if not stock.is_unstated or stock.first_at is None:
        return False
    return max(now, stock.frontier_at) < stock.first_at + state.meaning.unstated_grace


def _is_grace_over(state: InventoryState, key: Key, now: int) -> bool:
    """Whether an unstated key has come to be judged, for a breach that nobody has judged yet."""
    stock = state.keys[key]
    if stock.first_at is None or not stock.frontier[2]:
        return False
    ends_at = stock.first_at + state.meaning.unstated_grace
    if not stock.frontier_at < ends_at <= now or any(a.is_firing for a in state.alerts.get(key, {}).values()):
        return False
    return bool(find_breaches(Point(stock, state.thresholds[key], state.velocities.get(key) or None, 0, ())))


def is_move_due(state: InventoryState, policy: LifecyclePolicy | None, moments: Mapping[str, int]) -> bool:
    """Whether the policy has anything to do by now."""
    return policy is not None and any(
        due_move(alert, policy=policy, last_event_at=state.keys[key].frontier_at, now=moments[key[0]])
        for key, alerts in state.alerts.items()
        for alert in alerts.values()
    )


def is_sweep_due(engine: Engine, now: int) -> bool:
    """Whether a sweep at `now`, in microseconds, would commit anything."""
    engine.refresh()
    moments = moments_of(engine.state, now, clock_of(engine.settings).shown_at)
    return is_telling_due(engine.state, moments) or is_move_due(engine.state, policy_of(engine.settings), moments)


def sweep(engine: Engine, now: int, *, with_policy: bool = True, run_id: str = "") -> list[Commit]:
    """Commit what is due where the clock says `now`, in microseconds; nothing where nothing is."""
    policy = policy_of(engine.settings) if with_policy else None
    moments = moments_of(engine.state, now, clock_of(engine.settings).shown_at)
    if not is_move_due(engine.state, policy, moments):
        if not is_telling_due(engine.state, moments):
            return []
        policy = None
    inputs = BurstInputs(sweep_at=now, moments=moments, policy=policy)
    return engine.commit_burst([], inputs=inputs, stage=Stage.SWEEP, run_id=run_id)

"""What must hold of every burst, checked before it commits (RULES 35)."""

import numpy as np

from inventory_assets.domain.events.kinds import STOCK_EVENTS, Outcome
from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.domain.stock.fold import KeyState, affected_keys

MAX_STOCK = 2**62  # int64 sums wrap silently, so stop well before


class InvariantViolation(Exception):
    """A burst's result contradicts itself. It must not be committed."""


def check_invariants(result: BurstResult, message_count: int) -> None:
    """Check a burst before its commit.

    Raises:
        InvariantViolation: Outcomes do not sum to messages, a key was lost, or
            rollups differ from their leaves.
    """
    if len(result.arrivals) != message_count:
        raise InvariantViolation(f"{message_count} messages but {len(result.arrivals)} outcomes")
    changed = result.draft.keys.changed
    for arrival in result.arrivals:
        event = arrival.event
        if arrival.outcome is Outcome.APPLIED and isinstance(event, STOCK_EVENTS):
            for key in affected_keys(event):
                if key not in changed:
                    raise InvariantViolation(f"key {key!r} of event {event.event_id!r} was lost")
    _check_rollups(result)


def _check_rollups(result: BurstResult) -> None:
    draft = result.draft
    change = draft.rollup_change
    if not draft.keys.changed:
        return
    if len(draft.leaves) != len(draft.keys.changed):
        raise InvariantViolation(f"{len(draft.keys.changed)} keys changed but {len(draft.leaves)} were rolled up")
    low, high = -MAX_STOCK, MAX_STOCK
    old = [before for _, _, before, _, _ in draft.leaves if before is not None]
    new = [after for _, _, _, _, after in draft.leaves if after is not None]
    for state in new:  # the old ones were new once
        if not (low < state.on_hand < high and low < state.reserved < high and low < state.inbound < high):
            raise InvariantViolation(f"stock of {state.key!r} is beyond 64-bit arithmetic")
    expected = np.array([after - before for after, before in zip(_sums(new), _sums(old), strict=True)], dtype=np.int64)
    # Each of the six levels, in its warehouse and over all, holds every key once.
    moved = draft.state.rollups.moves(change)[:, :4]
    if (moved != expected).any():
        raise InvariantViolation(f"rollups moved by {moved.tolist()}, their keys by {expected.tolist()}")


def _sums(states: list[KeyState]) -> tuple[int, int, int, int]:
    """on_hand, reserved, available and inbound of the active ones. Plain integers: they do not wrap as the cube's."""
    active = [state for state in states if state.is_active]
    on_hand, reserved = sum([state.on_hand for state in active]), sum([state.reserved for state in active])
    return on_hand, reserved, on_hand - reserved, sum([state.inbound for state in active])

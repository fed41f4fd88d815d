"""What must hold of every burst, checked before it commits (RULES 35)."""

import numpy as np

from inventory_assets.domain.events.kinds import STOCK_EVENTS, Outcome
from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.domain.stock.fold import affected_keys

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
    # Plain integers: they do not wrap where the cube's would.
    on_hand = reserved = available = inbound = 0
    for key, _, old, _, new in draft.leaves:
        for state, sign in ((new, 1), (old, -1)):
            if state is None:
                continue
            if not all(-MAX_STOCK < stock < MAX_STOCK for stock in (state.on_hand, state.reserved, state.inbound)):
                raise InvariantViolation(f"stock of {key!r} is beyond 64-bit arithmetic")
            if not state.is_active:
                continue
            on_hand += sign * state.on_hand
            reserved += sign * state.reserved
            available += sign * (state.on_hand - state.reserved)
            inbound += sign * state.inbound
    expected = np.array([on_hand, reserved, available, inbound], dtype=np.int64)
    before, after = draft.state.rollups.totals(change)
    # Each of the six levels, in its warehouse and over all, holds every key once.
    moved = (after - before)[:, :4]
    if (moved != expected).any():
        raise InvariantViolation(f"rollups moved by {moved.tolist()}, their keys by {expected.tolist()}")

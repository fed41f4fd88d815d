"""What must hold of every burst, checked before it commits (RULES 35)."""

import numpy as np

from inventory_assets.domain.burst import BurstResult
from inventory_assets.domain.events import Outcome, StockEvent
from inventory_assets.domain.fold import affected_keys
from inventory_assets.domain.rollup import leaf_sums

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
        if arrival.outcome is Outcome.APPLIED and isinstance(arrival.event, StockEvent):
            for key in affected_keys(arrival.event):
                if key not in changed:
                    raise InvariantViolation(f"key {key!r} of event {arrival.event.event_id!r} was lost")
    _check_rollups(result)


def _check_rollups(result: BurstResult) -> None:
    draft = result.draft
    change = draft.rollup_change
    if change is None or not draft.keys.changed:
        return
    expected = np.zeros(4, dtype=np.int64)
    old_keys = draft.state.keys
    for key, new in draft.keys.changed.items():
        if max(abs(new.on_hand), abs(new.reserved), abs(new.inbound)) > MAX_STOCK:
            raise InvariantViolation(f"stock of {key!r} is beyond 64-bit arithmetic")
    states = [(new, old_keys.get(key)) for key, new in draft.keys.changed.items()]
    expected += np.array([leaf_sums(new)[:4] for new, _ in states], dtype=np.int64).sum(axis=0)
    expected -= np.array([leaf_sums(old)[:4] for _, old in states], dtype=np.int64).sum(axis=0)
    before, after = draft.state.rollups.totals(change)
    # Each of the six levels, in its warehouse and over all, holds every key once.
    moved = (after - before)[:, :4]
    if (moved != expected).any():
        raise InvariantViolation(f"rollups moved by {moved.tolist()}, their keys by {expected.tolist()}")

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
    state = draft.state
    expected = np.zeros(5, dtype=np.int64)
    for key, new in draft.keys.changed.items():
        if max(abs(new.on_hand), abs(new.reserved), abs(new.inbound)) > MAX_STOCK:
            raise InvariantViolation(f"stock of {key!r} is beyond 64-bit arithmetic")
        expected += np.subtract(leaf_sums(new), leaf_sums(state.keys.get(key)), dtype=np.int64)
    before, after = state.rollups.totals(change)
    # Each of the six levels, in its warehouse and over all, holds every key once.
    for place in before:
        moved = np.array(after[place]) - np.array(before[place])
        if list(moved[:4]) != list(expected[:4]):
            raise InvariantViolation(f"rollups of {place} moved by {moved[:4]}, their keys by {expected[:4]}")

"""Stock of one key from its events, one event at a time (RULES 13-18).

The law: for each bucket, `b = level(S*) + sum over t of effect(latest version
of t) - effect(latest version contained in S*)`, whatever the order of arrival.
Here that sum is kept up to date by differences, so a step costs the versions
of one transaction and never the whole history; only a newer level re-sums the
key's transactions. Repeats and conflicts are gone before (`dedupe`).
"""

from collections.abc import Iterable

import msgspec

from inventory_assets.domain.events.kinds import (
    NO_POSITION,
    Key,
    Level,
    Outcome,
    Position,
    Status,
    StockEvent,
    Tombstone,
    Transaction,
    order_key,
)

Versions = tuple[Transaction, ...]
_STATUS_RANK: dict[str, int] = {Status.PENDING: 0, Status.SHIPPED: 1, Status.COMPLETED: 2, Status.CANCELLED: 2}
LevelRank = tuple[Position, str]
"""Which level counts: the greatest (position, event id)."""

NO_RANK: LevelRank = (NO_POSITION, "")


class KeyState(msgspec.Struct, gc=False):
    """Everything one key's stock needs to go on; a pure function of the key's events.

    Stock is in units, times in microseconds. A rank says which level a bucket
    rests on; `frontier` is the order key of the latest applied event. Copy
    before you change one that others hold.
    """

    warehouse_id: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    inbound: int = 0
    is_active: bool = True
    is_restock_in_progress: bool = False
    min_threshold: int | None = None
    reorder_threshold: int | None = None
    event_count: int = 0
    last_event_at: int = 0
    on_hand_rank: LevelRank = NO_RANK
    on_hand_has_cluster_time: bool = False
    reserved_rank: LevelRank = NO_RANK
    reserved_has_cluster_time: bool = False
    tombstone_position: Position = NO_POSITION
    frontier: tuple[Position, int, str] = (NO_POSITION, 0, "")
    frontier_at: int = 0

    @property
    def key(self) -> Key:
        """(warehouse_id, sku)."""
        return (self.warehouse_id, self.sku)

    @property
    def available(self) -> int:
        """on_hand - reserved, always derived (RULES 14)."""
        return self.on_hand - self.reserved

    def copy(self) -> "KeyState":
        """Copy the state, to change the copy."""
        return self.__copy__()  # type: ignore[attr-defined]  # msgspec's own: half the cost of copy.copy


Effect = tuple[int, int, int]
"""Change of (on_hand, reserved, inbound), in units."""

NO_EFFECT: Effect = (0, 0, 0)


def effect(version: Transaction, warehouse_id: str) -> Effect:
    """What one version does to the stock at `warehouse_id` (RULES 15-16)."""
    status, quantity, type_ = version.status, version.quantity, version.type
    if status == Status.CANCELLED:
        return NO_EFFECT
    if type_ == "TRANSFER":
        return _transfer_effect(status, quantity, warehouse_id == version.warehouse_id)
    if type_ == "RESERVE" or type_ == "RELEASE":
        if status != Status.COMPLETED:
            return NO_EFFECT
        return (0, quantity if type_ == "RESERVE" else -quantity, 0)
    if status == Status.COMPLETED:
        return (quantity, 0, 0)
    return (0, -quantity, 0) if quantity < 0 else (0, 0, quantity)


def _transfer_effect(status: str, quantity: int, is_sender: bool) -> Effect:
    if status == Status.PENDING:
        return (0, quantity, 0) if is_sender else NO_EFFECT
    if is_sender:
        return (-quantity, 0, 0)
    return (0, 0, quantity) if status == Status.SHIPPED else (quantity, 0, 0)


def _version_rank(version: Transaction) -> tuple:
    # A final status beats the others; then the position; on a tie CANCELLED, then the id.
    # SHIPPED follows PENDING whatever their positions: goods do not come back unshipped.
    return (
        _STATUS_RANK[version.status],
        version.position,
        version.status == Status.CANCELLED,
        version.event_id,
    )


def latest_version(versions: Iterable[Transaction]) -> Transaction:
    """The version that counts (RULES 13)."""
    return max(versions, key=_version_rank)


def is_contained(version: Transaction, rank: LevelRank, level_has_cluster_time: bool) -> bool:
    """Whether a level already includes a transaction version (RULES 12)."""
    position = rank[0]
    if version.position == position:
        return level_has_cluster_time and version.has_cluster_time
    return version.position < position


def _net_effect(versions: Versions, state: KeyState) -> Effect:
    """What a transaction adds to the levels of this key (the summand of RULES 14)."""
    if not versions:
        return NO_EFFECT
    if len(versions) == 1:
        latest = versions[0]
        # The usual case: one version, after every level.
        if latest.position > state.on_hand_rank[0] and latest.position > state.reserved_rank[0]:
            return effect(latest, state.warehouse_id)
    else:
        latest = latest_version(versions)
    on_hand, reserved, inbound = effect(latest, state.warehouse_id)
    if state.on_hand_rank[1]:
        on_hand -= _contained_effect(versions, state, state.on_hand_rank, state.on_hand_has_cluster_time)[0]
    if state.reserved_rank[1]:
        reserved -= _contained_effect(versions, state, state.reserved_rank, state.reserved_has_cluster_time)[1]
    return (on_hand, reserved, inbound)


def _contained_effect(versions: Versions, state: KeyState, rank: LevelRank, level_has_cluster_time: bool) -> Effect:
    if len(versions) == 1:
        only = versions[0]
        return effect(only, state.warehouse_id) if is_contained(only, rank, level_has_cluster_time) else NO_EFFECT
    contained = [version for version in versions if is_contained(version, rank, level_has_cluster_time)]
    return effect(latest_version(contained), state.warehouse_id) if contained else NO_EFFECT


def apply_transaction(state: KeyState, earlier: Versions, event: Transaction) -> Outcome:
    """Add one version of a transaction to `state`, in place.

    Args:
        state: A working copy.
        earlier: All other known versions of the transaction.
        event: The new version.

    Returns:
        `superseded` where a later version or a level already known leaves it
        without effect, else `applied`.
    """
    versions = (*earlier, event)
    before, after = _net_effect(earlier, state), _net_effect(versions, state)
    state.on_hand += after[0] - before[0]
    state.reserved += after[1] - before[1]
    state.inbound += after[2] - before[2]
    is_superseded = before == after and (
        (bool(earlier) and latest_version(versions) is not event)
        or is_contained(event, state.on_hand_rank, state.on_hand_has_cluster_time)
    )
    return _record(state, event, Outcome.SUPERSEDED if is_superseded else Outcome.APPLIED)


def apply_level(state: KeyState, transactions: Iterable[Versions], event: Level) -> Outcome:
    """Re-base the buckets a level carries, in place (RULES 14).

    Args:
        state: A working copy.
        transactions: The versions of every transaction of the key that has at
            least one version the level does not contain; more do no harm.
        event: The level.
    """
    rank = (event.position, event.event_id)
    carries_on_hand = rank > state.on_hand_rank
    carries_reserved = event.reserved is not None and rank > state.reserved_rank
    if carries_on_hand:
        state.on_hand_rank, state.on_hand_has_cluster_time = rank, event.has_cluster_time
        state.is_restock_in_progress = event.is_restock_in_progress
        state.min_threshold, state.reorder_threshold = event.min_threshold, event.reorder_threshold
    if carries_reserved:
        state.reserved_rank, state.reserved_has_cluster_time = rank, event.has_cluster_time
    if carries_on_hand or carries_reserved:
        effects = [_net_effect(versions, state) for versions in transactions]
        if carries_on_hand:
            state.on_hand = event.on_hand + sum(item[0] for item in effects)
        if carries_reserved:
            assert event.reserved is not None
            state.reserved = event.reserved + sum(item[1] for item in effects)
    state.is_active = state.on_hand_rank[0] > state.tombstone_position
    is_applied = carries_on_hand or carries_reserved
    return _record(state, event, Outcome.APPLIED if is_applied else Outcome.SUPERSEDED)


def apply_tombstone(state: KeyState, event: Tombstone) -> Outcome:
    """Make a key inactive from the tombstone's position on, in place (RULES 17)."""
    is_later = event.position > state.tombstone_position and event.position >= state.on_hand_rank[0]
    state.tombstone_position = max(state.tombstone_position, event.position)
    state.is_active = state.on_hand_rank[0] > state.tombstone_position
    return _record(state, event, Outcome.APPLIED if is_later else Outcome.SUPERSEDED)


def _record(state: KeyState, event: StockEvent, outcome: Outcome) -> Outcome:
    state.event_count += 1
    state.last_event_at = max(state.last_event_at, event.event_at)
    place = order_key(event)
    if outcome is Outcome.APPLIED and place > state.frontier:
        state.frontier = place
        state.frontier_at = event.event_at
    return outcome


def affected_keys(event: StockEvent) -> tuple[Key, ...]:
    """The keys an event can change: its own, and a transfer's receiver."""
    own = (event.warehouse_id, event.sku)
    if isinstance(event, Transaction) and event.to_warehouse_id is not None:
        return (own, (event.to_warehouse_id, event.sku))
    return (own,)

"""Stock of one key from its events, one event at a time (RULES 13-18).

The law: for each bucket, `b = level(S*) + sum over t of effect(latest version
of t) - effect(latest version contained in S*)`, whatever the order of arrival.
Here that sum is kept up to date by differences, so a step costs the versions
of one transaction and never the whole history; only a newer level re-sums the
key's transactions. Repeats and conflicts are gone before (`dedupe`).
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from inventory_assets.domain.events.kinds import (
    NO_POSITION,
    UNKNOWN_PARENTS,
    Key,
    Level,
    Outcome,
    ParentIds,
    Position,
    Source,
    Status,
    StockEvent,
    Tombstone,
    Transaction,
    order_key,
)

Versions = tuple[Transaction, ...]
_STATUS_RANK: dict[str, int] = {Status.PENDING: 0, Status.SHIPPED: 1, Status.COMPLETED: 2, Status.CANCELLED: 2}


class Mark(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A level that counts, or would count if another source's did not: what it states, and when.

    Stock and thresholds in units; `reserved` null where the level does not carry it.
    """

    position: Position
    event_id: str
    source: Source
    has_cluster_time: bool
    on_hand: int
    reserved: int | None
    is_restock_in_progress: bool
    min_threshold: int | None
    reorder_threshold: int | None
    parents: ParentIds = UNKNOWN_PARENTS


class Deletion(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A source's last word that a key's document is gone."""

    position: Position
    event_id: str
    source: Source


class KeyState(msgspec.Struct, gc=False, omit_defaults=True):
    """Everything one key's stock needs to go on; a pure function of the key's events.

    Stock is in units, times in microseconds. `levels` are each source's
    greatest level, and its greatest that carries reserved stock where that is
    another; the first is the one that counts. `frontier` is the order key of
    the latest applied event, `frontier_at` the latest time of those up to it;
    `first_at` is null in what was recorded before it was kept.
    Copy before you change one that others hold.
    """

    warehouse_id: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    inbound: int = 0
    is_active: bool = True
    event_count: int = 0
    first_at: int | None = None
    last_event_at: int = 0
    levels: tuple[Mark, ...] = ()
    deletions: tuple[Deletion, ...] = ()
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

    @property
    def level(self) -> Mark | None:
        """The level that on_hand rests on, S* of RULES 14."""
        return self.levels[0] if self.levels else None

    @property
    def reserved_level(self) -> Mark | None:
        """The level that reserved stock rests on."""
        levels = self.levels
        if len(levels) == 1:
            return levels[0] if levels[0].reserved is not None else None
        return greatest([level for level in levels if level.reserved is not None])

    @property
    def is_unstated(self) -> bool:
        """Whether no level has ever said what is there (RULES 24)."""
        return not self.levels

    @property
    def is_restock_in_progress(self) -> bool:
        """What the level that counts says of goods on their way."""
        return bool(self.levels) and self.levels[0].is_restock_in_progress

    @property
    def min_threshold(self) -> int | None:
        """The minimum that the level that counts carries with it."""
        return self.levels[0].min_threshold if self.levels else None

    @property
    def reorder_threshold(self) -> int | None:
        """The reorder threshold that the level that counts carries with it."""
        return self.levels[0].reorder_threshold if self.levels else None

    def copy(self) -> "KeyState":
        """Copy the state, to change the copy."""
        return self.__copy__()  # type: ignore[attr-defined]  # msgspec's own: half the cost of copy.copy


class Placed(Protocol):
    """What has a place on a source's clock."""

    @property
    def position(self) -> Position: ...

    @property
    def event_id(self) -> str: ...

    @property
    def source(self) -> Source: ...


P = TypeVar("P", bound=Placed)


def greatest_by_source(items: Iterable[P]) -> list[P]:
    """Each source's greatest by (position, event id)."""
    found: dict[Source, P] = {}
    for item in items:
        best = found.get(item.source)
        if best is None or (item.position, item.event_id) > (best.position, best.event_id):
            found[item.source] = item
    return list(found.values())


def greatest(items: Iterable[P]) -> P | None:
    """The greatest of all: of each source's greatest that with the greatest (instant, increment, event id)."""
    return max(greatest_by_source(items), key=lambda item: (*item.position[1:], item.event_id), default=None)


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


def latest_version(versions: Sequence[Transaction]) -> Transaction:
    """The version that counts (RULES 13).

    A final status beats the others; then the position, on a tie CANCELLED, then
    the id. SHIPPED follows PENDING whatever their positions: goods do not come
    back unshipped. Of several sources' versions at one status, each source's
    greatest, and of these the greatest by instant.
    """
    if len(versions) == 1:
        return versions[0]
    rank = max(_STATUS_RANK[version.status] for version in versions)
    best: dict[Source, Transaction] = {}
    for version in versions:
        if _STATUS_RANK[version.status] == rank:
            known = best.get(version.source)
            if known is None or _place_of(version, 0) > _place_of(known, 0):
                best[version.source] = version
    return max(best.values(), key=lambda version: _place_of(version, 1))


def _place_of(version: Transaction, begin: int) -> tuple:
    return (version.position[begin:], version.status == Status.CANCELLED, version.event_id)


def is_same_clock(one: Source, other: Source) -> bool:
    """Whether two events' positions are of one clock, so that epochs and increments say which came first."""
    return one == other or one is None or other is None


def is_contained(version: Transaction, level: Mark) -> bool:
    """Whether a level already includes a transaction version (RULES 12)."""
    if not is_same_clock(version.source, level.source):
        return version.position[1] < level.position[1]
    if version.position == level.position:
        return level.has_cluster_time and version.has_cluster_time
    return version.position < level.position


def _net_effect(versions: Versions, state: KeyState) -> Effect:
    """What a transaction adds to the levels of this key (the summand of RULES 14)."""
    if not versions:
        return NO_EFFECT
    latest = latest_version(versions)
    on_hand, reserved, inbound = effect(latest, state.warehouse_id)
    levels = state.levels
    if not levels:
        return (on_hand, reserved, inbound)
    level = levels[0]
    # The usual case: one version, after the only level, whatever their clocks.
    if (
        len(versions) == len(levels) == 1
        and latest.position > level.position
        and latest.position[1] > level.position[1]
    ):
        return (on_hand, reserved, inbound)
    on_hand -= _contained_effect(versions, state, level)[0]
    reserved_level = state.reserved_level
    if reserved_level is not None:
        reserved -= _contained_effect(versions, state, reserved_level)[1]
    return (on_hand, reserved, inbound)


def _contained_effect(versions: Versions, state: KeyState, level: Mark) -> Effect:
    contained = [version for version in versions if is_contained(version, level)]
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
        or (state.level is not None and is_contained(event, state.level))
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
    before, before_reserved = state.level, state.reserved_level
    state.levels = _with_level(state.levels, to_mark(event))
    level, reserved_level = state.level, state.reserved_level
    assert level is not None
    is_rebased, is_reserved_rebased = level != before, reserved_level != before_reserved
    if is_rebased or is_reserved_rebased:
        effects = [_net_effect(versions, state) for versions in transactions]
        if is_rebased:
            state.on_hand = level.on_hand + sum(item[0] for item in effects)
        if is_reserved_rebased:
            assert reserved_level is not None and reserved_level.reserved is not None
            state.reserved = reserved_level.reserved + sum(item[1] for item in effects)
    state.is_active = not _is_deleted(state)
    return _record(state, event, Outcome.APPLIED if is_rebased or is_reserved_rebased else Outcome.SUPERSEDED)


def to_mark(event: Level) -> Mark:
    """What a state keeps of a level."""
    return Mark(
        event.position, event.event_id, event.source, event.has_cluster_time, event.on_hand, event.reserved,
        event.is_restock_in_progress, event.min_threshold, event.reorder_threshold, event.parents,
    )  # fmt: skip


def _with_level(levels: tuple[Mark, ...], new: Mark) -> tuple[Mark, ...]:
    """The levels that may count, with one more known; what counts comes first."""
    if not levels:
        return (new,)
    old = levels[0]
    # The usual case: one source, whose every level carries the same.
    if (
        len(levels) == 1
        and new.source == old.source
        and (new.position, new.event_id) > (old.position, old.event_id)
        and (new.reserved is not None or old.reserved is None)
    ):
        return (new,)
    known = [*levels, new]
    kept = greatest_by_source(known)
    first = greatest(kept)
    kept += [mark for mark in greatest_by_source(m for m in known if m.reserved is not None) if mark not in kept]
    return tuple(sorted(kept, key=lambda mark: (mark is not first, mark.event_id)))


def apply_tombstone(state: KeyState, event: Tombstone) -> Outcome:
    """Make a key inactive from the tombstone's position on, in place (RULES 17)."""
    deletion = Deletion(event.position, event.event_id, event.source)
    known = state.deletions
    state.deletions = tuple(sorted(greatest_by_source([*known, deletion]), key=lambda each: each.event_id))
    was_active, state.is_active = state.is_active, not _is_deleted(state)
    is_last = _is_after(deletion, state.level) and not any(_is_later(each, deletion) for each in known)
    is_applied = state.is_active != was_active or is_last
    return _record(state, event, Outcome.APPLIED if is_applied else Outcome.SUPERSEDED)


def _is_later(one: Deletion, other: Deletion) -> bool:
    if is_same_clock(one.source, other.source):
        return (one.position, one.event_id) > (other.position, other.event_id)
    return one.position[1] > other.position[1]


def _is_deleted(state: KeyState) -> bool:
    return any(_is_after(deletion, state.level) for deletion in state.deletions)


def _is_after(deletion: Deletion, level: Mark | None) -> bool:
    """Whether a deletion comes after a level; at its very place it does."""
    if level is None:
        return True
    if is_same_clock(deletion.source, level.source):
        return deletion.position >= level.position
    return deletion.position[1] >= level.position[1]


def _record(state: KeyState, event: StockEvent, outcome: Outcome) -> Outcome:
    state.event_count += 1
    at = event.event_at
    state.last_event_at = max(state.last_event_at, at)
    if state.event_count == 1 or (state.first_at is not None and at < state.first_at):
        state.first_at = at
    if outcome is Outcome.APPLIED:
        advance_frontier(state, event)
    return outcome


def advance_frontier(state: KeyState, event: StockEvent) -> None:
    """Note how far a key has come; its time never goes back."""
    place = order_key(event)
    if place > state.frontier:
        state.frontier = place
        state.frontier_at = max(state.frontier_at, event.event_at)


def affected_keys(event: StockEvent) -> tuple[Key, ...]:
    """The keys an event can change: its own, and a transfer's receiver."""
    own = (event.warehouse_id, event.sku)
    if isinstance(event, Transaction) and event.to_warehouse_id is not None:
        return (own, (event.to_warehouse_id, event.sku))
    return (own,)

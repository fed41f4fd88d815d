"""What a set of events makes of stock, place and rules, naively: from the whole set, every time (RULES 12-22).

Belongs here: pure functions of events. Does not: arrival (outcomes) and time (alerts), which are the oracle's.
"""

from collections.abc import Callable, Iterable
from typing import Any

from tests.rules.reading import PARENTS, Event

Key = tuple[str, str]

FINALITY = {"PENDING": 0, "SHIPPED": 1, "COMPLETED": 2, "CANCELLED": 2}  # RULE 13
KIND_ORDER = {"level": 0, "transaction": 1, "tombstone": 2}  # RULE 25
BUCKETS = ["on_hand", "reserved", "inbound"]


def sort_key(event: Event) -> tuple:
    """RULE 25: position, level before transaction, event id."""
    return (event.position, KIND_ORDER[event.kind], event.event_id)


def _no_rank(event: Event) -> tuple:
    return ()


def greatest(events: Iterable[Event], rank: Callable[[Event], tuple] = _no_rank) -> Event | None:
    """RULE 12: each source's greatest, then of these the greatest (instant, increment, event id).

    Args:
        events: Of one kind.
        rank: What outranks the position, in either comparison (RULE 13's finality).
    """
    found = greatest_by_source(events, rank)
    return max(found, key=lambda event: _rank(event, rank, event.position[1:]), default=None)


def greatest_by_source(events: Iterable[Event], rank: Callable[[Event], tuple] = _no_rank) -> list[Event]:
    """Each source's greatest, by the whole position."""
    of_source: dict[str, Event] = {}
    for event in events:
        known = of_source.get(event.source)
        if known is None or _rank(event, rank, event.position) > _rank(known, rank, known.position):
            of_source[event.source] = event
    return list(of_source.values())


def _rank(event: Event, rank: Callable[[Event], tuple], place: tuple) -> tuple:
    is_cancelled = event.kind == "transaction" and event.fields["status"] == "CANCELLED"
    return (rank(event), place, is_cancelled, event.event_id)


def latest_version(versions: Iterable[Event]) -> Event | None:
    """RULE 13: finality, then the greatest position; CANCELLED on a tie, then the event id (RULE 12)."""
    return greatest(versions, lambda event: (FINALITY[event.fields["status"]],))


def effect(event: Event | None, key: Key, bucket: str) -> int:
    """RULES 15, 16: what one version of a transaction, if any, adds to one bucket of one key."""
    if event is None:
        return 0
    kind, status = event.fields["type"], event.fields["status"]
    quantity = event.fields["quantity"]
    total = 0
    if status == "CANCELLED":
        return 0
    if kind == "TRANSFER":
        sender = (event.fields["warehouse_id"], event.fields["sku"])
        receiver = (event.fields["to_warehouse_id"], event.fields["sku"])
        moves = {
            "PENDING": [(sender, "reserved", quantity)],
            "SHIPPED": [(sender, "on_hand", -quantity), (receiver, "inbound", quantity)],
            "COMPLETED": [(sender, "on_hand", -quantity), (receiver, "on_hand", quantity)],
        }
        for where, which, units in moves[status]:
            if where == key and which == bucket:
                total += units
        return total
    if kind in ("RESERVE", "RELEASE"):
        if status == "COMPLETED" and bucket == "reserved":
            total = quantity if kind == "RESERVE" else -quantity
        return total
    if status == "COMPLETED":
        return quantity if bucket == "on_hand" else 0
    if quantity < 0:
        return -quantity if bucket == "reserved" else 0
    return quantity if bucket == "inbound" else 0


def is_before(event: Event, other: Event) -> bool:
    """RULE 12, by pairs: within a source by the whole position, between sources by the instant."""
    if event.source == other.source:
        return event.position < other.position
    return event.position[1] < other.position[1]


def contains(level: Event, version: Event) -> bool:
    """RULE 12: an earlier position; an equal one of the same source only if both have a cluster time."""
    is_at_it = version.source == level.source and version.position == level.position
    return is_before(version, level) or (is_at_it and level.has_cluster_time and version.has_cluster_time)


def is_later(event: Event, other: Event) -> bool:
    """Later by pairs; within a source the event id decides the last tie (RULE 12)."""
    if event.source == other.source:
        return sort_key(event) > sort_key(other)
    return is_before(other, event)


def level_value(level: Event, bucket: str) -> int | None:
    """RULE 14: an R0 document carries on_hand and, where present, reserved."""
    return None if bucket == "inbound" else level.fields[bucket]


def top_level(events: list[Event], key: Key, bucket: str | None = None) -> Event | None:
    """The key's level with the greatest position; with a bucket, that carries it (S*)."""
    levels = [
        event
        for event in events
        if event.kind == "level" and key in event.keys and (bucket is None or level_value(event, bucket) is not None)
    ]
    return greatest(levels)


def top_level_of_sku(events: list[Event], sku: str) -> Event | None:
    """RULE 19: the SKU's level with the greatest position over all warehouses."""
    return greatest(event for event in events if event.kind == "level" and event.fields["sku"] == sku)


def fold(events: list[Event], key: Key) -> dict[str, int]:
    """RULE 14, by its formula."""
    state = {}
    transactions: dict[tuple, list[Event]] = {}
    for event in events:
        if event.kind == "transaction" and key in event.keys:
            transactions.setdefault(event.fields["identity"], []).append(event)
    for bucket in BUCKETS:
        level = top_level(events, key, bucket)
        total = 0 if level is None else level_value(level, bucket)
        for versions in transactions.values():
            contained = [v for v in versions if level is not None and contains(level, v)]
            total += effect(latest_version(versions), key, bucket)
            total -= effect(latest_version(contained), key, bucket)
        state[bucket] = total
    state["available"] = state["on_hand"] - state["reserved"]
    return state


def is_active(events: list[Event], key: Key) -> bool:
    """RULE 17: inactive from a tombstone's position on, until a later level; of a source the last word counts."""
    level = top_level(events, key)
    tombstones = greatest_by_source(event for event in events if event.kind == "tombstone" and key in event.keys)
    return not any(level is None or not is_before(event, level) for event in tombstones)


def parents_of(events: list[Event], sku: str) -> dict[str, str]:
    """RULE 19: taken whole from the SKU's greatest level over all warehouses."""
    level = top_level_of_sku(events, sku)
    return dict.fromkeys(PARENTS, "UNKNOWN") if level is None else level.fields["parents"]


def rule_in_force(events: list[Event], scope: tuple) -> Event | None:
    """RULE 22: the scope's rule of the latest position, which may be a deletion."""
    return greatest(event for event in events if event.kind == "rule" and event.fields["scope"] == scope)


def keys_of(events: list[Event]) -> list[Key]:
    """Every key that an event names."""
    return sorted({key for event in events for key in event.keys})


def is_unstated(events: list[Event], key: Key) -> bool:
    """RULE 24: no level has ever carried the key's on_hand."""
    return top_level(events, key, "on_hand") is None


def state_of(events: list[Event], key: Key) -> dict[str, Any]:
    """One row of states()."""
    state = fold(events, key)
    return {
        **state,
        "is_active": is_active(events, key),
        "is_unstated": is_unstated(events, key),
        "is_negative": state["on_hand"] < 0,
        "is_over_reserved": state["reserved"] > state["on_hand"],
        **parents_of(events, key[1]),
    }

"""The running stock of many keys at once, from their events in position order (RULES 12-17, 25).

`fold` keeps one key up to date, an event at a time and in any order; here all
of a history is there and sorted, so each bucket is a running sum that starts
anew at a level. The effects are those of `fold.effect` itself. Not here: what
the stock means (`backtest`, `demand`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import (
    NO_POSITION,
    UNKNOWN_PARENTS,
    Level,
    Status,
    StockEvent,
    Tombstone,
    Transaction,
)
from inventory_assets.domain.events.parse import SIGNS
from inventory_assets.domain.stock.fold import (
    KeyState,
    Versions,
    apply_level,
    apply_tombstone,
    apply_transaction,
    effect,
)

TYPES = tuple(SIGNS)
STATUSES = tuple(str(status) for status in Status)
LEVEL, TRANSACTION, TOMBSTONE = 0, 1, 2

NO_LIMIT = -(2**58)
"""A threshold that nothing is below: null, where an array needs a number. Eleven of it still fit."""

HISTORY_SCHEMA = {
    "key": pl.Int32, "rank": pl.UInt8, "entity": pl.Int64, "type": pl.UInt8, "status": pl.UInt8,
    "is_receiver": pl.Boolean, "quantity": pl.Int64, "source_epoch": pl.Int64, "instant": pl.Int64,
    "increment": pl.Int64, "has_cluster_time": pl.Boolean, "at": pl.Int64, "event_id": pl.String,
    "on_hand": pl.Int64, "reserved": pl.Int64, "min_threshold": pl.Int64, "reorder_threshold": pl.Int64,
    "is_restock_in_progress": pl.Boolean, "version": pl.Int64, "source": pl.String,
}  # fmt: skip
"""One row per event and key it can change, sorted by (key, position, rank, event id).

`rank` is LEVEL, TRANSACTION or TOMBSTONE; `type` and `status` are places in
TYPES and STATUSES; `entity` is the transaction, hashed; times in microseconds;
`version` the lake's that took the event in.
"""

NOT_OF_STOCK = ("event_id", "min_threshold", "reorder_threshold", "is_restock_in_progress")
"""Columns that stock and sales do without; left out, a `Stock` has no limits, and no flag speaks of supply."""


class Stock(NamedTuple):
    """Stock in units right after each row of a history; arrays of one length.

    `is_supply`: goods that came or were announced by this row: a restock, a
    transfer in, a level that states more than was thought. `sold` is what a row
    adds to the completed orders, in units. `is_unstated`: no level has told yet.
    """

    key: np.ndarray
    at: np.ndarray
    on_hand: np.ndarray
    reserved: np.ndarray
    inbound: np.ndarray
    is_active: np.ndarray
    is_restock_in_progress: np.ndarray
    min_threshold: np.ndarray
    reorder_threshold: np.ndarray
    is_supply: np.ndarray
    sold: np.ndarray
    is_unstated: np.ndarray

    @property
    def available(self) -> np.ndarray:
        """on_hand - reserved, always derived (RULES 14)."""
        return self.on_hand - self.reserved


def _effect_table() -> np.ndarray:
    """What one unit does, by (type, status, sign, role); `effect` is linear in the quantity."""
    table = np.zeros((len(TYPES), len(STATUSES), 2, 2, 3), dtype=np.int64)
    for t, type_ in enumerate(TYPES):
        for s, status in enumerate(STATUSES):
            for sign in (0, 1):
                one = Transaction("", "", type_, status, "from", "", "to", -1 if sign else 1, 0, NO_POSITION, False)
                for role, place in enumerate(("from", "to")):
                    table[t, s, sign, role] = effect(one, place)
    return table


_EFFECTS = _effect_table()
_STATUS_RANK = np.array([0 if s == "PENDING" else 1 if s == "SHIPPED" else 2 for s in STATUSES])
_CANCELLED, _COMPLETED = STATUSES.index("CANCELLED"), STATUSES.index("COMPLETED")
_ORDER, _RESTOCK, _TRANSFER = TYPES.index("ORDER"), TYPES.index("RESTOCK"), TYPES.index("TRANSFER")


def run_stock(events: pl.DataFrame) -> Stock:
    """Fold whole histories of keys.

    Args:
        events: `HISTORY_SCHEMA`, each key's rows complete from its first event; `NOT_OF_STOCK` may be left out.
    """
    key, rank = events["key"].to_numpy(), events["rank"].to_numpy()
    size = len(key)
    is_first = np.ones(size, dtype=bool)
    is_first[1:] = key[1:] != key[:-1]
    is_level = rank == LEVEL
    deltas, sold = transaction_deltas(events, rank)
    stated = _values(events, "on_hand", 0)
    has_reserved = is_level & events["reserved"].is_not_null().to_numpy()
    reserved_stated = _values(events, "reserved", 0)
    last_level = last_rows(is_level, is_first)
    last_reserved = last_rows(has_reserved, is_first)
    deltas[contained_rows(events, last_level), 0] = 0
    deltas[contained_rows(events, last_reserved), 1] = 0
    on_hand = _running(deltas[:, 0], is_first, is_level, stated)
    has_level = last_level >= 0
    tombstones = last_rows(rank == TOMBSTONE, is_first)
    before = np.where(is_first, 0, np.concatenate(([0], on_hand[:-1]))[:size])
    flag = _values(events, "is_restock_in_progress", False)
    reserved = _running(deltas[:, 1], is_first, has_reserved, reserved_stated)
    inbound = _running(deltas[:, 2], is_first, np.zeros(size, dtype=bool), stated)
    is_active = tombstones <= last_level
    for rows in _of_several_sources(events, is_first):
        _fold_rows(events, rows, on_hand, reserved, inbound, is_active, last_level)
    comes = np.isin(_values(events, "type", 0), (_RESTOCK, _TRANSFER)) & (rank == TRANSACTION)
    return Stock(
        key=key,
        at=events["at"].to_numpy(),
        on_hand=on_hand,
        reserved=reserved,
        inbound=inbound,
        is_active=is_active,
        is_restock_in_progress=has_level & flag[last_level],
        min_threshold=_carried(events, "min_threshold", last_level),
        reorder_threshold=_carried(events, "reorder_threshold", last_level),
        is_supply=(comes & ((deltas[:, 0] > 0) | (deltas[:, 2] > 0)))
        | (is_level & ~is_first & ((on_hand > before) | flag)),
        sold=sold,
        is_unstated=~has_level,
    )


def _of_several_sources(events: pl.DataFrame, is_first: np.ndarray) -> Iterator[range]:
    """The rows of each key whose events have more than one source, where that matters (RULES 12).

    Between sources the instant alone decides. Under one epoch, that is the order of positions, but at an instant at
    which two sources speak: there neither contains what the other says. A shop's orders and its counts come from two
    systems as a rule, at one microsecond hardly ever; and folding is a hundred times slower.
    """
    source = events["source"]
    if source.n_unique() <= 1:
        return
    named = events.select("key", "source").drop_nulls().unique()
    several = named.group_by("key").len().filter(pl.col("len") > 1).select("key")
    theirs = events.select("key", "source", "source_epoch", "instant").join(several, on="key", how="semi")
    epochs = theirs.group_by("key").agg(pl.col("source_epoch").n_unique() > 1).filter("source_epoch")["key"]
    meeting = theirs.group_by("key", "instant").agg(pl.col("source").n_unique() > 1).filter("source")["key"]
    key, starts = events["key"].to_numpy(), np.flatnonzero(is_first)
    ends = np.append(starts[1:], len(key))
    wanted = np.isin(key[starts], np.union1d(epochs.to_numpy(), meeting.to_numpy()))
    for start, end in zip(starts[wanted].tolist(), ends[wanted].tolist(), strict=True):
        yield range(start, end)


def _fold_rows(
    events: pl.DataFrame,
    rows: range,
    on_hand: np.ndarray,
    reserved: np.ndarray,
    inbound: np.ndarray,
    is_active: np.ndarray,
    last_level: np.ndarray,
) -> None:
    """Fold one key's rows an event at a time, into the arrays."""
    state = KeyState("here", "")
    known: dict[int, Versions] = {}
    own = events[rows.start : rows.stop].with_row_index("place")
    for entity, place, _, event in events_of(own):
        if isinstance(event, Transaction):
            apply_transaction(state, known.get(entity, ()), event)
            known[entity] = (*known.get(entity, ()), event)
        elif isinstance(event, Level):
            apply_level(state, known.values(), event)
        else:
            apply_tombstone(state, event)
        row = rows.start + place
        on_hand[row], reserved[row], inbound[row] = state.on_hand, state.reserved, state.inbound
        is_active[row] = state.is_active
        last_level[row] = -1 if state.level is None else rows.start + int(state.level.event_id)


def events_of(rows: pl.DataFrame) -> Iterator[tuple[int, int, int, StockEvent]]:
    """A key's rows as (entity, place, version, event). The place stands for the event id: it orders them the same."""
    columns = (
        "entity", "place", "version", "rank", "type", "status", "is_receiver", "quantity", "at",
        "source_epoch", "instant", "increment", "has_cluster_time", "on_hand", "reserved", "source",
    )  # fmt: skip
    for row in rows.select(columns).iter_rows():
        entity, place, version, rank, type_, status, is_receiver, quantity, at = row[:9]
        position, (has_cluster_time, on_hand, reserved, source) = (row[9], row[10], row[11]), row[12:]
        event_id = f"{place:012}"
        if rank == TRANSACTION:
            ends = ("there", "here") if is_receiver else ("here", "there")
            yield entity, place, version, Transaction(
                event_id, "", TYPES[type_], STATUSES[status], ends[0], "", ends[1], quantity, at, position,
                has_cluster_time, source,
            )  # fmt: skip
        elif rank == LEVEL:
            yield entity, place, version, Level(
                event_id, "here", "", on_hand, reserved, UNKNOWN_PARENTS, None, None, False, at, position,
                has_cluster_time, (), source,
            )  # fmt: skip
        else:
            yield entity, place, version, Tombstone(event_id, "here", "", at, position, has_cluster_time, source)


def transaction_deltas(events: pl.DataFrame, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each row changes: (on_hand, reserved, inbound) of its key, and units sold."""
    type_, status, quantity = (_values(events, name, 0) for name in ("type", "status", "quantity"))
    role = _values(events, "is_receiver", False).astype(np.int8)
    effects = _EFFECTS[type_, status, (quantity < 0).astype(np.int8), role] * np.abs(quantity)[:, None]
    is_transaction = rank == TRANSACTION
    effects[~is_transaction] = 0
    sold = np.where(is_transaction & (type_ == _ORDER) & (status == _COMPLETED), -quantity, 0)
    # Most transactions have one version; only the others need to know the one before.
    several = np.flatnonzero(is_transaction & events["entity"].is_duplicated().to_numpy())
    if len(several):
        effects[several], sold[several] = _version_changes(events, several, effects[several], sold[several], status)
    return effects, sold


def _version_changes(
    events: pl.DataFrame, rows: np.ndarray, effects: np.ndarray, sold: np.ndarray, status: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Effect of each version less that of the version that counted before it (RULES 13)."""
    picked = events.select("key", "entity", "source_epoch", "instant", "increment")[rows]
    key, entity = picked["key"].to_numpy(), picked["entity"].to_numpy()
    order = np.lexsort((entity, key))  # stable: within a transaction the rows stay in position order
    key, entity, state = key[order], entity[order], status[rows][order].astype(np.int64)
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (key[1:] != key[:-1]) | (entity[1:] != entity[:-1])
    group = np.cumsum(is_first)
    final = _STATUS_RANK[state]
    best = np.maximum.accumulate(group * 4 + final)
    is_latest = is_first | (group * 4 + final >= np.concatenate(([0], best[:-1])))
    places = picked.select("source_epoch", "instant", "increment").to_numpy()[order]
    is_tie = np.zeros(len(order), dtype=bool)
    is_tie[1:] = ~is_first[1:] & (places[1:] == places[:-1]).all(axis=1)
    is_latest[1:] &= ~(is_tie[1:] & (state[:-1] == _CANCELLED) & (state[1:] == _COMPLETED))
    latest = np.maximum.accumulate(np.where(is_latest, np.arange(len(order)), 0))
    changes, sales = np.empty_like(effects), np.empty_like(sold)
    for values, into in ((effects[order], changes), (sold[order], sales)):
        now = values[latest]
        before = np.concatenate((np.zeros_like(now[:1]), now[:-1]))
        before[is_first] = 0
        into[order] = now - before
    return changes, sales


def last_rows(chosen: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Row of the key's latest chosen row up to each row, -1 for none."""
    rows = np.arange(len(chosen))
    last = np.maximum.accumulate(np.where(chosen, rows, -1))
    start = np.maximum.accumulate(np.where(is_first, rows, 0))
    return np.where(last >= start, last, -1)


def contained_rows(events: pl.DataFrame, last_level: np.ndarray) -> np.ndarray:
    """Whether a row is in the level before it: at its very position, both by cluster time (RULES 12)."""
    has_cluster_time = _values(events, "has_cluster_time", False)
    contained = (last_level >= 0) & has_cluster_time & has_cluster_time[last_level]
    if contained.any():
        for name in ("source_epoch", "instant", "increment"):
            place = events[name].to_numpy()
            contained &= place == place[last_level]
    return contained


def _running(delta: np.ndarray, is_first: np.ndarray, is_stated: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Running sums that begin at each key and again wherever the value is stated outright."""
    rows = np.arange(len(delta))
    start = np.maximum.accumulate(np.where(is_first | is_stated, rows, 0))
    total = np.cumsum(delta)
    return total - total[start] + np.where(is_stated, stated, delta)[start]


def _carried(events: pl.DataFrame, name: str, last_level: np.ndarray) -> np.ndarray:
    """A level's value from its row on; NO_LIMIT for null and before the first level."""
    return np.where(last_level >= 0, _values(events, name, NO_LIMIT)[last_level], NO_LIMIT)


def _values(events: pl.DataFrame, name: str, otherwise: int | bool) -> np.ndarray:
    """A column with something in place of null, and of itself where it was left out."""
    if name not in events.columns:
        return np.full(events.height, otherwise)
    values = events[name]
    # To fill is dear for short frames, and most columns have nothing to fill.
    return (values.fill_null(otherwise) if values.null_count() else values).to_numpy()

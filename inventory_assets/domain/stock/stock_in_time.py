"""The running stock of whole histories in the order of event time (RULES 12-17).

The state at a time is the fold of exactly the events that happened by then,
whatever arrived late. Where a key's events happened in the order they count in,
one running fold (`history`) has its state at every time. Where some did not
(two clocks, a correction), their rows are sorted by time, if each changes the
same at either place; else the key is folded event by event. Not here: days.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import Level, Transaction
from inventory_assets.domain.stock.fold import (
    KeyState,
    Versions,
    apply_level,
    apply_tombstone,
    apply_transaction,
    is_contained,
    latest_version,
)
from inventory_assets.domain.stock.history import LEVEL, TRANSACTION, events_of, run_stock
from inventory_assets.domain.values import DAY_US

# A place in a frame and a version share one integer: 16 million rows, and versions for 17,000 years of one a second.
_VERSION_BITS = 39


class Points(NamedTuple):
    """What a row each leaves: arrays of one length, sorted by (key, at).

    From `run_in_time`, a row per event: `sold` is what it adds to the completed
    orders, `stockout` is unused. From `end_days`, a row per key and day with
    events: `sold` in units and `stockout` in seconds are of the whole day.
    `at` in microseconds. `version`: the greatest lake version among the key's
    events from its latest level on, in the order they count in; what a level
    stated anew does not depend on what came before it.
    """

    key: np.ndarray
    at: np.ndarray
    on_hand: np.ndarray
    reserved: np.ndarray
    inbound: np.ndarray
    is_active: np.ndarray
    sold: np.ndarray
    stockout: np.ndarray
    version: np.ndarray

    @property
    def day(self) -> np.ndarray:
        """Days since 1970-01-01, UTC."""
        return self.at // DAY_US

    @property
    def is_out(self) -> np.ndarray:
        """Active and nothing available: what counts as a stockout."""
        return self.is_active & (self.on_hand <= self.reserved)

    def take(self, rows: np.ndarray) -> "Points":
        """Some of the rows."""
        return Points(*(each[rows] for each in self))


def empty_points(size: int) -> Points:
    """Rows of zeros."""
    return Points._make(np.zeros(size, dtype=bool if name == "is_active" else np.int64) for name in Points._fields)


def concat_points(parts: Iterable[Points]) -> Points:
    """Rows of several, one after the other."""
    return Points(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def run_in_time(events: pl.DataFrame) -> Points:
    """Fold whole histories of keys, each key's rows in the order of event time.

    Of rows of one key at one time the last says how it stood then.

    Args:
        events: `HISTORY_SCHEMA` and `version`, each key's rows complete from its first event.
    """
    stock = run_stock(events)
    unused = np.zeros(len(stock.key), dtype=np.int64)
    points = Points(
        stock.key, stock.at, stock.on_hand, stock.reserved, stock.inbound, stock.is_active, stock.sold, unused,
        _latest_versions(stock.key, events["rank"].to_numpy(), events["version"].to_numpy()),
    )  # fmt: skip
    is_back = (stock.key[1:] == stock.key[:-1]) & (stock.at[1:] < stock.at[:-1])
    if not is_back.any():
        return points
    is_mixed = np.isin(stock.key, np.unique(stock.key[1:][is_back]))
    mixed, theirs = points.take(is_mixed), events.filter(is_mixed)
    stretch = _stretches(mixed.key, mixed.at)
    is_apart = np.isin(mixed.key, _apart(mixed, theirs, stretch))
    parts = [_fold_by_time(frame) for frame in theirs.filter(is_apart).partition_by("key", maintain_order=True)]
    rest = _put_in_time(mixed.take(~is_apart), theirs.filter(~is_apart), stretch[~is_apart])
    whole = concat_points([points.take(~is_mixed), rest, *parts])
    return whole.take(np.argsort(whole.key, kind="stable"))


def _stretches(key: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Number the shortest stretches of rows of which all before happened earlier, and all after later."""
    moments, rank = np.unique(at, return_inverse=True)
    place = np.unique(key, return_inverse=True)[1] * len(moments) + rank
    latest_before = np.maximum.accumulate(place)
    earliest_after = np.minimum.accumulate(place[::-1])[::-1]
    begins = np.ones(len(key), dtype=bool)
    begins[1:] = latest_before[:-1] <= earliest_after[1:]
    return np.cumsum(begins)


def _apart(points: Points, events: pl.DataFrame, stretch: np.ndarray) -> np.ndarray:
    """Keys of which sorting changes what a row does: past a level or deletion, or two versions turned round."""
    is_alone = np.bincount(stretch)[stretch] == 1
    is_plain = events["rank"].to_numpy() == TRANSACTION
    entity, row = events["entity"].to_numpy(), np.arange(len(stretch))
    order = np.lexsort((row, entity, stretch))
    is_turned = np.zeros(len(stretch), dtype=bool)
    is_turned[order[1:]] = (
        (stretch[order[1:]] == stretch[order[:-1]])
        & (entity[order[1:]] == entity[order[:-1]])
        & (points.at[order[1:]] < points.at[order[:-1]])
    )
    several = events.group_by("key").agg(pl.col("source").drop_nulls().n_unique() > 1).filter("source")["key"]
    return np.union1d(points.key[(~is_alone & ~is_plain) | is_turned], several.to_numpy())


def _put_in_time(points: Points, events: pl.DataFrame, stretch: np.ndarray) -> Points:
    """Sort the rows of each stretch by time; each changes what it changed where it was, so sums say how it stands."""
    order = np.lexsort((points.at, stretch))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = points.key[1:] != points.key[:-1]

    def moved(values: np.ndarray) -> np.ndarray:
        change = np.diff(values, prepend=0)
        change[is_first] = values[is_first]
        total = np.cumsum(change[order])
        start = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
        return total - np.where(start > 0, total[start - 1], 0)

    found = points.take(order)
    rank, version = events["rank"].to_numpy()[order], events["version"].to_numpy()[order]
    return found._replace(
        on_hand=moved(points.on_hand), reserved=moved(points.reserved), inbound=moved(points.inbound),
        version=_latest_versions(found.key, rank, version),
    )  # fmt: skip


def _latest_versions(key: np.ndarray, rank: np.ndarray, version: np.ndarray) -> np.ndarray:
    begins = rank == LEVEL
    begins[1:] |= key[1:] != key[:-1]
    place = np.cumsum(begins) << _VERSION_BITS
    return np.maximum.accumulate(place + version) - place


class _Versions:
    """The greatest version from the latest level on, events coming in any order."""

    def __init__(self) -> None:
        self._level = -1
        self._since: list[tuple[int, int]] = []
        self.greatest = 0

    def add(self, place: int, version: int, *, is_level: bool) -> None:
        """An event at its place in the order they count in."""
        if place < self._level:
            return
        self._since.append((place, version))
        self.greatest = max(self.greatest, version)
        if is_level:
            self._level = place
            self._since = [each for each in self._since if each[0] >= place]
            self.greatest = max(version for _, version in self._since)


def _fold_by_time(rows: pl.DataFrame) -> Points:
    """One key's history, an event at a time as they happened."""
    state, versions = KeyState("here", ""), _Versions()
    known: dict[int, Versions] = {}
    # What a level may have to sum up again: not what the present ones contain in full.
    loose: dict[int, Versions] = {}
    is_several = rows["source"].drop_nulls().n_unique() > 1
    is_reserved_stated = rows["reserved"].is_not_null().any()
    ordered = rows.with_row_index("place").sort("at", "place")
    steps = np.empty((rows.height, 6), dtype=np.int64)
    for number, (entity, place, version, event) in enumerate(events_of(ordered)):
        sold = 0
        if isinstance(event, Transaction):
            earlier = known.get(entity, ())
            apply_transaction(state, earlier, event)
            known[entity] = loose[entity] = (*earlier, event)
            sold = _sold(known[entity]) - _sold(earlier)
        elif isinstance(event, Level):
            apply_level(state, (known if is_several else loose).values(), event)
            loose = {
                name: each
                for name, each in loose.items()
                if not _is_settled(state, each, is_reserved_stated=is_reserved_stated)
            }
        else:
            apply_tombstone(state, event)
        versions.add(place, version, is_level=isinstance(event, Level))
        steps[number] = (state.on_hand, state.reserved, state.inbound, state.is_active, sold, versions.greatest)
    return Points(
        ordered["key"].to_numpy(), ordered["at"].to_numpy(), steps[:, 0], steps[:, 1], steps[:, 2],
        steps[:, 3].astype(bool), steps[:, 4], np.zeros(rows.height, dtype=np.int64), steps[:, 5],
    )  # fmt: skip


def _sold(versions: Versions) -> int:
    if not versions:
        return 0
    latest = latest_version(versions)
    return -latest.quantity if latest.type == "ORDER" and latest.status == "COMPLETED" else 0


def _is_settled(state: KeyState, versions: Versions, *, is_reserved_stated: bool) -> bool:
    level, reserved_level = state.level, state.reserved_level
    return level is not None and all(
        is_contained(version, level)
        # Where no level ever states it, none will ask for it: to wait would make every level sum up all.
        and (not is_reserved_stated or (reserved_level is not None and is_contained(version, reserved_level)))
        for version in versions
    )

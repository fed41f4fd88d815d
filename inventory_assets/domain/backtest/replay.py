"""What alerts a set of rules would have given on a history (RULES 23-28).

`step` decides, as it does live; numpy finds the points at which it could
decide anything new. Between two points of a key in the same *band* - the same
comparisons fail, the same hysteresis holds - `step` changes nothing, so only
the first point of each band reaches it. Not here: reading (`backtest.run`)
or what the alerts were worth (`score`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from inventory_assets.domain.alerts.alert import Alert, Transition
from inventory_assets.domain.alerts.evaluate import Cause, Point, end_cooldown, needs_step, notification_due_at, step
from inventory_assets.domain.events.kinds import NO_POSITION, Condition, Key, ParentIds
from inventory_assets.domain.stock.fold import KeyState, Mark
from inventory_assets.domain.stock.history import NO_LIMIT, Stock
from inventory_assets.domain.thresholds.resolve import (
    DynamicLimits,
    Scope,
    StoredRule,
    ThresholdDefaults,
    Thresholds,
    default_thresholds,
    resolve_thresholds,
)

_RESTOCKING, _INACTIVE = 1, 2
_OUT, _LOW, _REORDER, _LOW_DAYS, _REORDER_DAYS = 4, 8, 16, 32, 64
_HELD_LOW, _HELD_REORDER, _HELD_LOW_DAYS, _HELD_REORDER_DAYS = 128, 256, 512, 1024
_BREACHES = _OUT | _LOW | _REORDER | _LOW_DAYS | _REORDER_DAYS


class KeyLimits(NamedTuple):
    """The limits of every key under one set of rules.

    `places[key]` is the place in `table` of what a rule sets; -1 where none does,
    and the thresholds embedded in the key's level hold, else `defaults`.
    """

    table: Sequence[Thresholds]
    places: np.ndarray
    defaults: ThresholdDefaults

    def has_days(self) -> np.ndarray:
        """By key number: whether a limit is in days of cover."""
        flags = [t.min_days is not None or t.reorder_days is not None for t in self.table]
        return np.array([*flags, False])[self.places]


def resolve_keys(
    keys: Sequence[Key],
    parents: Sequence[ParentIds],
    rules: Mapping[Scope, StoredRule],
    defaults: ThresholdDefaults,
    dynamics: Mapping[Key, DynamicLimits] | None = None,
) -> KeyLimits:
    """Resolve every key's limits under a set of rules (RULES 21). `dynamics`: the limits computed, by key."""
    table: list[Thresholds] = []
    places = np.full(len(keys), -1, dtype=np.int32)
    named_skus = {level_id for level_type, level_id, _ in rules if level_type == "SKU"}
    known: dict[tuple, int] = {}
    computed = dynamics or {}
    for number, ((warehouse_id, sku), parent_ids) in enumerate(zip(keys, parents, strict=True)):
        # Keys of one node and warehouse share their rule, unless one is for the SKU itself.
        dynamic = computed.get((warehouse_id, sku))
        group = (warehouse_id, parent_ids, sku if sku in named_skus else None, dynamic)
        if group not in known:
            limits = resolve_thresholds(KeyState(warehouse_id, sku), parent_ids, rules, defaults, dynamic)
            known[group] = -1 if limits.level_type == "SYSTEM" else len(table)
            if limits.level_type != "SYSTEM":
                table.append(limits)
        places[number] = known[group]
    return KeyLimits(table, places, defaults)


class Interval(msgspec.Struct, gc=False):
    """One stretch of time in which an alert was open; rows are places in the stock it ran on.

    `is_reopened`: within its cooldown, under the same id. Null `closed_row`:
    still open at the end.
    """

    key: int
    condition: Condition
    alert_id: str
    opened_row: int
    opened_at: int
    is_reopened: bool
    is_notified: bool
    closed_row: int | None = None
    closed_at: int | None = None
    reason: str | None = None


class Lines(NamedTuple):
    """The limits beside each row of a stock; NO_LIMIT and nan for null."""

    min_qty: np.ndarray
    reorder_qty: np.ndarray
    min_days: np.ndarray
    reorder_days: np.ndarray
    is_enabled: np.ndarray


def lines_of(stock: Stock, limits: KeyLimits) -> Lines:
    """Lay each key's limits beside its rows."""
    table = [*limits.table, default_thresholds(("", ""), None, None, limits.defaults)]
    place = limits.places[stock.key]
    min_qty = np.array([NO_LIMIT if t.min_qty is None else t.min_qty for t in table])[place]
    reorder_qty = np.array([NO_LIMIT if t.reorder_qty is None else t.reorder_qty for t in table])[place]
    is_embedded = (place < 0) & ((stock.min_threshold != NO_LIMIT) | (stock.reorder_threshold != NO_LIMIT))
    return Lines(
        np.where(is_embedded, stock.min_threshold, min_qty),
        np.where(is_embedded, stock.reorder_threshold, reorder_qty),
        np.array([np.nan if t.min_days is None else t.min_days for t in table])[place],
        np.array([np.nan if t.reorder_days is None else t.reorder_days for t in table])[place],
        np.array([t.is_enabled for t in table])[place],
    )


def bands(stock: Stock, lines: Lines, velocity: np.ndarray | None) -> np.ndarray:
    """Which comparisons fail and which hysteresis holds at each row, as bits.

    Args:
        stock: The points.
        lines: The limits beside them.
        velocity: Mean daily units beside them, nan for unknown; None where no limit is in days.
    """
    available = stock.available
    band = np.where(stock.is_active & lines.is_enabled, 0, _INACTIVE).astype(np.int16)

    def mark(condition: np.ndarray, bit: int) -> None:
        band[condition] |= bit

    mark(stock.is_restock_in_progress | (stock.inbound > 0), _RESTOCKING)
    mark(available <= 0, _OUT)
    mark(available < lines.min_qty, _LOW)
    mark(available < lines.reorder_qty, _REORDER)
    mark(10 * available < 11 * lines.min_qty, _HELD_LOW)
    mark(10 * available < 11 * lines.reorder_qty, _HELD_REORDER)
    if velocity is not None:
        # Rounded as `evaluate` does; a comparison with nan is false.
        for days, bit, held in (
            (lines.min_days, _LOW_DAYS, _HELD_LOW_DAYS), (lines.reorder_days, _REORDER_DAYS, _HELD_REORDER_DAYS),
        ):  # fmt: skip
            mark(available < np.round(days * velocity, 9), bit)
            mark(10 * available < np.round(11 * days * velocity, 9), held)
    return band


def run_rules(
    stock: Stock,
    keys: Sequence[Key],
    limits: KeyLimits,
    event_ids: pl.Series,
    *,
    velocity: np.ndarray | None,
    until: int,
    only: np.ndarray | None = None,
    grace: int = 0,
) -> Iterator[list[Interval]]:
    """Run the rules over every key's points; one list of intervals per key that had an alert.

    Args:
        stock: Points by key, in order.
        keys: (warehouse_id, sku) by key number.
        limits: What the rules set.
        event_ids: The event of each row.
        velocity: Beside each row, nan for unknown; None where no limit is in days.
        until: Microseconds: cooldowns that have ended by then are told.
        only: By key number, whether to run it; None for all.
        grace: Microseconds from a key's first event in which it is not judged unless a level has told (RULES 24).
    """
    size = len(stock.key)
    is_first = np.ones(size, dtype=bool)
    is_first[1:] = stock.key[1:] != stock.key[:-1]
    stock = stock._replace(at=_clock(stock))
    band = bands(stock, lines_of(stock, limits), velocity)
    band[_in_grace(stock, is_first, grace)] |= _INACTIVE
    can_breach = ((band & _BREACHES) != 0) & ((band & _INACTIVE) == 0)
    if only is not None:
        can_breach &= only[stock.key]
    hot = np.zeros(int(stock.key.max()) + 1 if size else 0, dtype=bool)
    hot[stock.key[can_breach]] = True
    is_new = is_first.copy()
    is_new[1:] |= band[1:] != band[:-1]
    rows = np.flatnonzero(is_new & hot[stock.key])
    if not len(rows):
        return
    ends = np.append(np.flatnonzero(is_first)[1:], size)
    own = stock.key[rows]
    cuts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    ends = ends[np.searchsorted(ends, rows[cuts], side="right")].tolist()
    points = list(_points(stock, rows, keys, limits, velocity))
    names, moments, places = event_ids.gather(rows).to_list(), stock.at[rows].tolist(), rows.tolist()
    for first, last, end in zip(cuts.tolist(), [*cuts[1:].tolist(), len(rows)], ends, strict=True):
        machine = _Machine(stock, keys, limits, velocity, end)
        steps = zip(places[first:last], moments[first:last], names[first:last], points[first:last], strict=True)
        if intervals := machine.run(steps, until):
            yield intervals


def _clock(stock: Stock) -> np.ndarray:
    """The time of each row's step: a key's never goes back."""
    moments, rank = np.unique(stock.at, return_inverse=True)
    latest = np.maximum.accumulate(stock.key.astype(np.int64) * len(moments) + rank)
    return moments[latest % len(moments)] if len(moments) else stock.at


def _in_grace(stock: Stock, is_first: np.ndarray, grace: int) -> np.ndarray:
    begun_at = stock.at[np.maximum.accumulate(np.where(is_first, np.arange(len(is_first)), 0))]
    return stock.is_unstated & (stock.at < begun_at + grace)


def _points(
    stock: Stock, rows: np.ndarray, keys: Sequence[Key], limits: KeyLimits, velocity: np.ndarray | None
) -> Iterator[Point]:
    """The points at some rows, for `step`."""
    chosen = [values[rows].tolist() for values in stock]
    named = dict(zip(Stock._fields, chosen, strict=True))
    named["speed"] = [0] * len(rows) if velocity is None else np.where(velocity[rows] > 0, velocity[rows], 0).tolist()
    named["place"] = limits.places[stock.key[rows]].tolist()
    columns = (
        "key", "on_hand", "reserved", "inbound", "is_active", "is_restock_in_progress", "min_threshold",
        "reorder_threshold", "speed", "place",
    )  # fmt: skip
    for key, on_hand, reserved, inbound, is_active, is_restocking, low, reorder, speed, place in zip(
        *(named[name] for name in columns), strict=True
    ):
        warehouse_id, sku = keys[key]
        level = Mark(NO_POSITION, "", "", False, on_hand, reserved, is_restocking, None, None)
        state = KeyState(warehouse_id, sku, on_hand, reserved, inbound, is_active, levels=(level,))
        if place >= 0:
            found = limits.table[place]
        else:
            found = default_thresholds(
                keys[key], None if low == NO_LIMIT else low, None if reorder == NO_LIMIT else reorder, limits.defaults
            )
        yield Point(state, found, speed or None, 0, ())


class _Machine:
    """One key's alerts, stepped from band to band."""

    __slots__ = ("alerts", "end", "intervals", "keys", "limits", "open", "stock", "velocity")

    def __init__(
        self, stock: Stock, keys: Sequence[Key], limits: KeyLimits, velocity: np.ndarray | None, end: int
    ) -> None:
        self.stock, self.keys, self.limits, self.velocity, self.end = stock, keys, limits, velocity, end
        self.alerts: dict[Condition, Alert] = {}
        self.intervals: list[Interval] = []
        self.open: Interval | None = None

    def run(self, steps: Iterable[tuple[int, int, str, Point]], until: int) -> list[Interval]:
        """Step the key at (row, time, event id, point): the first rows of its bands."""
        seen = -1
        alerts = self.alerts
        for row, at, event_id, point in steps:
            if alerts:
                self._tell(seen, row + 1)
            seen = row
            if not needs_step(alerts, point.thresholds, point.state.available):
                continue
            changed, transitions = step(alerts, point, Cause(event_id, at, at, False))
            if changed:
                alerts.update(changed)
                self._record(changed, transitions, row)
        self._tell(seen, self.end, until)
        return self.intervals

    def _tell(self, seen: int, end: int, until: int | None = None) -> None:
        """End a cooldown at the first row that comes after it, by the stock before that row."""
        due = next((alert for alert in self.alerts.values() if alert.is_notification_due and alert.is_firing), None)
        if due is None:
            return
        due_at = max(notification_due_at(due, self._point(seen).thresholds), due.breached_at)
        row = next((row for row in range(seen + 1, end) if self.stock.at[row] >= due_at), None)
        if row is None and (until is None or due_at > until):
            return
        before, now = (end - 1, until) if row is None else (row - 1, int(self.stock.at[row]))
        assert now is not None
        changed, _ = end_cooldown(self.alerts, self._point(before), now)
        self.alerts.update(changed)
        if changed and self.open is not None:
            self.open.is_notified = True

    def _point(self, row: int) -> Point:
        return next(_points(self.stock, np.array([row]), self.keys, self.limits, self.velocity))

    def _record(self, changed: dict[Condition, Alert], transitions: list[Transition], row: int) -> None:
        by_id = {alert.alert_id: alert for alert in changed.values()}
        for transition in transitions:
            if transition.transition == "resolved":
                assert self.open is not None
                self.open.closed_row, self.open.closed_at, self.open.reason = row, transition.at, transition.reason
                self.open = None
            elif transition.transition == "notified":
                assert self.open is not None
                self.open.is_notified = True
            else:
                self.open = Interval(
                    int(self.stock.key[row]), by_id[transition.alert_id].condition, transition.alert_id, row,
                    transition.at, transition.transition == "reopened", False,
                )  # fmt: skip
                self.intervals.append(self.open)

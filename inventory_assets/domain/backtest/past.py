"""What a back-test of plans knows of the past: each shelf's demand, stock and other changes, day by day. Pure.

Here: days made of a history, and demand of the days that say nothing of it.
Not here: what other orders would have done (`supply`).
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.replenish.shelves import ROAD_DAYS
from inventory_assets.domain.stock.coverage import WINDOW_DAYS, daily_demand
from inventory_assets.domain.stock.history import NO_LIMIT, TRANSACTION, TYPES, Stock, transaction_deltas
from inventory_assets.domain.values import DAY_US

_RESTOCK, _TRANSFER, _RETURN, _ADJUSTMENT = (TYPES.index(n) for n in ("RESTOCK", "TRANSFER", "RETURN", "ADJUSTMENT"))


class Window(NamedTuple):
    """Days that are tried, of the calendar: `first_day` is counted from 1970-01-01; a review every `review_days`."""

    first_day: int
    days: int
    review_days: int


class Past(NamedTuple):
    """A row for each shelf; what is in units is whole. W days before the window, T days of it.

    `sold`, `is_counted`, `is_known` (W + T columns) are as in `coverage.Demand`.
    `on_hand`, `is_active` (T + 1): at the ends of the day before the window and
    of its days. `returned`, `corrected`, `stated` (T): customers' returns,
    adjustments and levels that state less, levels that state more.
    `low_limit`, `reorder_limit` (a column a review): those embedded in the
    latest level by then, `NO_LIMIT` for none. `orders`, `ordered`, `moves`,
    `moved`: restocks and transfers begun in the window, and their units.
    """

    key: np.ndarray
    sold: np.ndarray
    is_counted: np.ndarray
    is_known: np.ndarray
    on_hand: np.ndarray
    is_active: np.ndarray
    returned: np.ndarray
    corrected: np.ndarray
    stated: np.ndarray
    low_limit: np.ndarray
    reorder_limit: np.ndarray
    orders: np.ndarray
    ordered: np.ndarray
    moves: np.ndarray
    moved: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: np.ndarray) -> "Past":
        """Some of the shelves."""
        return Past(*(values[rows] for values in self))


class Coming(NamedTuple):
    """What was on its way as the window began: key number, when it was said (days after that day), units.

    `is_supplied`: of a supplier, so that it takes the shelf's lead time; the rest is on the road.
    """

    key: np.ndarray
    said_on: np.ndarray
    quantity: np.ndarray
    is_supplied: np.ndarray

    def due(self, lead_time_days: np.ndarray) -> np.ndarray:
        """The day of the window on which each is expected; what is overdue comes on the first."""
        return np.maximum(0, self.said_on + np.where(self.is_supplied, lead_time_days, ROAD_DAYS))


def past_of(events: pl.DataFrame, stock: Stock, window: Window) -> tuple[Past, Coming]:
    """Sum up the histories of some keys by day.

    Args:
        events: `HISTORY_SCHEMA`, each key's rows complete, none after the window.
        stock: `run_stock` of them.
        window: Which days.
    """
    first, days = window.first_day, window.days
    demand = daily_demand(stock, (first + days) * DAY_US, days=WINDOW_DAYS + days)
    local = np.searchsorted(demand.keys, stock.key)
    size, columns = len(demand.keys), days + 1
    # The order of the rows counts, not a late clock (RULES 25). Column 0 is all that was before the window.
    cell = np.maximum.accumulate(local * columns + np.clip(stock.at // DAY_US - first + 1, 0, days))
    last = (np.searchsorted(cell, np.arange(size * columns), side="right") - 1).reshape(size, columns)
    is_there = last >= np.flatnonzero(np.append(True, local[1:] != local[:-1]))[:, None]
    on_hand = np.where(is_there, stock.on_hand[last], 0)

    rank, type_ = events["rank"].to_numpy(), events["type"].fill_null(0).to_numpy()
    deltas, sold = transaction_deltas(events, rank)
    is_transaction = rank == TRANSACTION
    is_known = demand.is_known[:, WINDOW_DAYS:]

    def by_day(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        found = np.bincount(cell[chosen], values[chosen].astype(np.float64), size * columns).reshape(size, columns)
        return found[:, 1:].astype(np.int64)

    moves = {each: by_day(deltas[:, 0], is_transaction & (type_ == each)) for each in range(len(TYPES))}
    units = by_day(sold, is_transaction)
    # What no transaction explains is a level's: stock counted anew, or goods that nobody announced.
    explained = sum(moves[each] for each in (_RESTOCK, _TRANSFER, _RETURN, _ADJUSTMENT)) - units
    stated = np.where(is_known, on_hand[:, 1:] - on_hand[:, :-1] - explained, 0)
    reviews = np.arange(0, days, window.review_days)
    low, reorder = (
        np.where(is_there, values[last], NO_LIMIT)[:, reviews]
        for values in (stock.min_threshold, stock.reorder_threshold)
    )
    past = Past(
        key=demand.keys,
        sold=demand.units,
        is_counted=demand.is_counted,
        is_known=demand.is_known,
        on_hand=on_hand,
        is_active=is_there & stock.is_active[last],
        # A sale that is cancelled afterwards comes back as a return does.
        returned=np.where(is_known, moves[_RETURN] + np.maximum(0, -units), 0),
        corrected=np.where(is_known, moves[_ADJUSTMENT] + np.minimum(0, stated), 0),
        stated=np.maximum(0, stated),
        low_limit=low,
        reorder_limit=reorder,
        **_begun(events, local, cell % columns, size),
    )
    return past, _coming(events, stock, deltas[:, 2], cell % columns == 0, first)


def _begun(events: pl.DataFrame, local: np.ndarray, column: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Restocks and sent transfers first seen in the window, by shelf; each with the most units that it ever said."""
    rows = (
        events.select("type", "entity", "quantity", "is_receiver", "rank")
        .with_columns(local=pl.Series(local), column=pl.Series(column))
        .filter((pl.col("rank") == TRANSACTION) & pl.col("type").is_in([_RESTOCK, _TRANSFER]) & ~pl.col("is_receiver"))
        .group_by("local", "entity", "type")
        .agg(pl.col("column").min(), pl.col("quantity").max())
        .filter(pl.col("column") > 0)
    )
    found = {}
    for type_, count, units in ((_RESTOCK, "orders", "ordered"), (_TRANSFER, "moves", "moved")):
        own = rows.filter(pl.col("type") == type_)
        place = own["local"].to_numpy()
        found[count] = np.bincount(place, minlength=size)
        found[units] = np.bincount(place, own["quantity"].to_numpy().astype(np.float64), size).astype(np.int64)
    return found


def _coming(events: pl.DataFrame, stock: Stock, inbound: np.ndarray, is_before: np.ndarray, first: int) -> Coming:
    """What each transaction has announced before the window and not brought by then."""
    rows = (
        events.select("key", "entity", "type")
        .with_columns(inbound=pl.Series(inbound), day=pl.Series(stock.at // DAY_US - first))
        .filter(pl.Series(is_before) & (pl.col("inbound") != 0))
        .group_by("key", "entity", "type")
        .agg(pl.col("inbound").sum(), pl.col("day").last())
        .filter(pl.col("inbound") > 0)
        .sort("key", "day", "entity")
    )
    return Coming(
        rows["key"].to_numpy(), rows["day"].to_numpy(), rows["inbound"].to_numpy(),
        (rows["type"] == _RESTOCK).to_numpy(),
    )  # fmt: skip


def assumed_demand(past: Past) -> tuple[np.ndarray, np.ndarray]:
    """What is asked for on each day of the window, in whole units; and how much of that nobody saw.

    What was sold on a day that counts is the best evidence there is. On a day
    without stock it is taken to be the mean of the days that count of the 84
    before, so it follows from what came earlier only.
    """
    days = past.returned.shape[1]
    counted = np.where(past.is_counted, past.sold, 0.0)
    # Sums over the 84 columns before each day of the window.
    units, number = (
        np.lib.stride_tricks.sliding_window_view(values, WINDOW_DAYS, axis=1)[:, :days].sum(axis=2, dtype=float)
        for values in (counted, past.is_counted)
    )
    mean = np.divide(units, number, out=np.zeros_like(units), where=number > 0)
    is_seen, is_known = past.is_counted[:, WINDOW_DAYS:], past.is_known[:, WINDOW_DAYS:]
    is_unseen = is_known & ~is_seen & past.is_active[:, :-1]
    # Whole units, none of them lost to rounding: each day what the sum has grown by.
    total = np.floor(np.cumsum(np.where(is_unseen, np.maximum(0, mean), 0.0), axis=1) + _LAST_DIGITS)
    unseen = np.diff(total, axis=1, prepend=0.0).astype(np.int64)
    seen = np.where(is_seen, np.maximum(0, past.sold[:, WINDOW_DAYS:]), 0).astype(np.int64)
    return seen + unseen, unseen


# Of what a sum of many thirds leaves.
_LAST_DIGITS = 1e-9

"""Rows of `snapshots.daily_stock`: every key's stock at the end of each UTC day. Reads only.

Each key's history is folded once for a range of days; then the days are walked
in order with all keys' state at hand, so a range costs its events and its rows.
Keys to which nothing happened in the range come from the second engine (`settled`).
"""

from collections.abc import Collection, Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory_assets.domain.stock.daily_stock import StockByDay, end_days
from inventory_assets.domain.stock.stock_in_time import Points, concat_points, empty_points, run_in_time
from inventory_assets.domain.values import DAY_US
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.queries.history import read_histories
from inventory_assets.recompute.run import Source
from inventory_assets.snapshots.settled import take_settled

EPOCH_DAY = date(1970, 1, 1)
# Folding costs a millisecond a frame, whatever its size; this many rows are some 60 MB.
FRAME_ROWS = 500_000

_WANTED = "wanted_keys"
_EVERY_KEY = "SELECT warehouse_id, sku FROM core.sku_state"
_LATE_KEYS = f"""
    WITH late AS (
        SELECT warehouse_id, to_warehouse_id, sku FROM core.events
        WHERE kind IN {STOCK_KINDS} AND version > {{since}} AND version <= {{until}}
            AND event_at < TIMESTAMP '{{end}}'
    )
    SELECT warehouse_id, sku FROM late UNION ALL
    SELECT to_warehouse_id, sku FROM late WHERE to_warehouse_id IS NOT NULL
"""


def daily_stock_rows(reader: Source, first: date, last: date, *, version: int) -> Iterator[tuple[date, pl.DataFrame]]:
    """Each day's rows of every key, in order of days and then keys.

    Args:
        reader: The lake.
        first, last: The days wanted, both included.
        version: Events that later versions took in do not count.
    """
    names = _choose_keys(reader, _EVERY_KEY)
    ends = [take_settled(reader, _WANTED, first, last, version=version)]
    ends += [end_days(run_in_time(events), day_number(first)) for events in _histories(reader, last, version)]
    for day, stock in _walk(ends, names.height, first, last):
        yield day, _frame(day, names, stock, np.flatnonzero(stock.is_known))


def changed_stock_rows(
    reader: Reader, days: Collection[date], *, since: int, until: int
) -> Iterator[tuple[date, pl.DataFrame]]:
    """Rows that the events of the versions after `since`, up to `until`, made other ones than they were.

    Args:
        reader: The lake.
        days: The days that may have changed.
        since: The version the days were exact at.
        until: The version wanted.

    Returns:
        The days that changed, in order, each with its changed keys' new rows.
    """
    last = max(days)
    end = last + timedelta(days=1)
    names = _choose_keys(reader, _LATE_KEYS.format(since=since, until=until, end=end))
    if not names.height:
        return
    first, before, after = min(days), [], []
    for events in _histories(reader, last, until):
        before.append(end_days(run_in_time(events.filter(pl.col("version") <= since)), day_number(first)))
        after.append(end_days(run_in_time(events), day_number(first)))
    walks = (_walk(ends, names.height, first, last) for ends in (before, after))
    for (day, old), (_, new) in zip(*walks, strict=True):
        changed = np.flatnonzero(new.differs(old))
        if len(changed) and day in days:
            yield day, _frame(day, names, new, changed)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH_DAY).days


def _choose_keys(reader: Reader, source: str) -> pl.DataFrame:
    """Number the keys to read, in order; their names, a row each.

    The numbers are kept in a table of the connection: a key that appears
    between two queries would move those after it.
    """
    numbered = "warehouse_id, sku, (row_number() OVER (ORDER BY warehouse_id, sku) - 1)::INTEGER AS key"
    reader.query(
        f"CREATE OR REPLACE TEMP TABLE {_WANTED} AS SELECT {numbered} "
        f"FROM (SELECT DISTINCT warehouse_id, sku FROM ({source}))"
    )
    return reader.query(f"SELECT warehouse_id, sku FROM {_WANTED} ORDER BY key")


def _histories(reader: Reader, last: date, version: int) -> Iterator[pl.DataFrame]:
    """Whole histories of the chosen keys up to a day's end, many at a time."""
    held: list[pl.DataFrame] = []
    until = (day_number(last) + 1) * DAY_US - 1
    chosen, keys = f"AND version <= {version}", f"SELECT key, warehouse_id, sku FROM {_WANTED}"
    for frame in read_histories(reader, until, chosen=chosen, keys=keys):
        held.append(frame)
        if sum(each.height for each in held) >= FRAME_ROWS:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _walk(ends: list[Points], keys: int, first: date, last: date) -> Iterator[tuple[date, StockByDay]]:
    """Every day of a range with all keys' state at its end; the same object each time."""
    points = concat_points([empty_points(0), *ends])
    ends.clear()
    stock = StockByDay(keys)
    # 0 is all that was before; a stable sort keeps the keys of a day in order.
    day = np.clip(points.day - day_number(first) + 1, 0, None).astype(np.int16)
    order = np.argsort(day, kind="stable")
    bounds = np.searchsorted(day[order], np.arange((last - first).days + 3))
    stock.begin(points.take(order[: bounds[1]]))
    for number in range((last - first).days + 1):
        stock.pass_day(points.take(order[bounds[number + 1] : bounds[number + 2]]))
        yield first + timedelta(days=number), stock


def _frame(day: date, names: pl.DataFrame, stock: StockByDay, places: np.ndarray) -> pl.DataFrame:
    rows = stock.now.take(places)
    return names[places].select(
        snapshot_date=pl.lit(day), warehouse_id="warehouse_id", sku="sku", on_hand=pl.Series(rows.on_hand),
        reserved=pl.Series(rows.reserved), available=pl.Series(rows.on_hand - rows.reserved),
        inbound=pl.Series(rows.inbound), is_active=pl.Series(rows.is_active),
        stockout_seconds=pl.Series(rows.stockout), sold_units=pl.Series(rows.sold),
        last_event_at=pl.Series(rows.at).cast(pl.Datetime("us")), version=pl.Series(rows.version),
    )  # fmt: skip

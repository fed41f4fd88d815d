"""Rows of `snapshots.daily_stock`: every key's stock at the end of each UTC day. Reads only.

Each key's history is folded once for a range of days; then the days are walked
in order with all keys' state at hand, so a range costs its events and its rows.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory_assets.domain.daily_stock import Points, StockByDay, concat_points, empty_points, end_days, run_in_time
from inventory_assets.domain.events import Key
from inventory_assets.domain.parse import DAY_US
from inventory_assets.stages.history import read_histories
from inventory_assets.stages.warm import Reader

EPOCH_DAY = date(1970, 1, 1)
# Folding costs a millisecond a frame, whatever its size; this many rows are some 60 MB.
FRAME_ROWS = 500_000

_WANTED = "wanted_keys"
_EVERY_KEY = "SELECT warehouse_id, sku FROM core.sku_state"
_THESE_KEYS = "SELECT pair[1] AS warehouse_id, pair[2] AS sku FROM (SELECT unnest(?::VARCHAR[][]) AS pair)"


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH_DAY).days


def daily_stock_rows(
    reader: Reader, first: date, last: date, *, version: int, keys: Sequence[Key] | None = None
) -> Iterator[tuple[date, pl.DataFrame]]:
    """Each day's rows, in order of days and then keys.

    Args:
        reader: The lake.
        first, last: The days wanted, both included.
        version: Events that later versions took in do not count.
        keys: Only these; default: every key.
    """
    names = choose_keys(reader, keys)
    points = read_points(reader, first, last, version=version)
    stock = StockByDay(names.height)
    # A stable sort keeps the keys of a day in order.
    day = np.clip(points.day - day_number(first) + 1, 0, None).astype(np.int16)
    points = points.take(np.argsort(day, kind="stable"))
    bounds = np.searchsorted(np.sort(day), np.arange((last - first).days + 3))
    stock.begin(points.take(np.arange(bounds[1])))
    for number in range((last - first).days + 1):
        of_day = points.take(np.arange(bounds[number + 1], bounds[number + 2]))
        places, rows = stock.pass_day(of_day)
        yield first + timedelta(days=number), _frame(first + timedelta(days=number), names[places], rows)


def choose_keys(reader: Reader, keys: Sequence[Key] | None) -> pl.DataFrame:
    """Number the keys to read, in order; their names, a row each.

    The numbers are kept in a table of the connection: a key that appears
    between two queries would move those after it.
    """
    source, parameters = (_EVERY_KEY, []) if keys is None else (_THESE_KEYS, [[list(key) for key in keys]])
    numbered = "warehouse_id, sku, (row_number() OVER (ORDER BY warehouse_id, sku) - 1)::INTEGER AS key"
    reader.query(
        f"CREATE OR REPLACE TEMP TABLE {_WANTED} AS SELECT {numbered} "
        f"FROM (SELECT DISTINCT warehouse_id, sku FROM ({source}))",
        parameters,
    )
    return reader.query(f"SELECT warehouse_id, sku FROM {_WANTED} ORDER BY key")


def read_points(reader: Reader, first: date, last: date, *, version: int) -> Points:
    """What each chosen key's days with events end with, up to the last day; before the first, one point a key."""
    until = (day_number(last) + 1) * DAY_US - 1
    histories = read_histories(
        reader, until, chosen=f"AND version <= {version}", keys=f"SELECT key, warehouse_id, sku FROM {_WANTED}"
    )
    found = [end_days(run_in_time(events), day_number(first)) for events in _gathered(histories)]
    return concat_points([empty_points(0), *found])


def _gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Frames put together until they are worth folding."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(each.height for each in held) >= FRAME_ROWS:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _frame(day: date, names: pl.DataFrame, rows: Points) -> pl.DataFrame:
    return names.select(
        snapshot_date=pl.lit(day), warehouse_id="warehouse_id", sku="sku", on_hand=pl.Series(rows.on_hand),
        reserved=pl.Series(rows.reserved), available=pl.Series(rows.on_hand - rows.reserved),
        inbound=pl.Series(rows.inbound), is_active=pl.Series(rows.is_active),
        stockout_seconds=pl.Series(rows.stockout), sold_units=pl.Series(rows.sold),
        last_event_at=pl.Series(rows.at).cast(pl.Datetime("us")), version=pl.Series(rows.version),
    )  # fmt: skip

"""Read stock events from the lake in the order they count: by key, position, level first, event id (RULES 25)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time

import polars as pl

from inventory_assets.domain.events.kinds import Key, ParentIds
from inventory_assets.domain.stock.coverage import Demand, daily_demand
from inventory_assets.domain.stock.history import HISTORY_SCHEMA, NOT_OF_STOCK, STATUSES, TYPES, Stock, run_stock
from inventory_assets.domain.values import to_datetime, to_microseconds
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader

# Twelve columns of numbers: some megabytes, and a hundred times what numpy spends on a frame whatever its height.
STOCK_ROWS = 100_000


def numbered_keys(source: str) -> str:
    """SQL for the keys of a source, with the number that stands for each here."""
    return f"""
    SELECT (row_number() OVER (ORDER BY warehouse_id, sku) - 1)::INTEGER AS key, warehouse_id, sku,
        department_id, category_id, brand_id, product_id
    FROM {source}
"""


KEYS = numbered_keys("core.sku_state")
"""Every key."""


def _place(values: tuple[str, ...], column: str) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(list_position([{listed}], {column}) - 1)::UTINYINT"


_EVENTS = f"""
    SELECT k.key, CASE kind WHEN 'level' THEN 0 WHEN 'transaction' THEN 1 ELSE 2 END::UTINYINT AS rank,
        entity_key AS entity, {_place(TYPES, "type")} AS type, {_place(STATUSES, "status")} AS status,
        {{is_receiver}} AS is_receiver, quantity, source_epoch, instant, increment, has_cluster_time,
        epoch_us(event_at) AS at, event_id,
        (details->>'on_hand')::BIGINT AS on_hand, (details->>'reserved')::BIGINT AS reserved,
        (details->>'min_threshold')::BIGINT AS min_threshold,
        (details->>'reorder_threshold')::BIGINT AS reorder_threshold,
        (details->>'is_restock_in_progress')::BOOLEAN AS is_restock_in_progress, version, source
    FROM core.events e JOIN keys k ON k.warehouse_id = e.{{place}} AND k.sku = e.sku
    WHERE kind IN {STOCK_KINDS} AND event_at <= TIMESTAMP '{{moment}}' {{condition}}
"""


def read_keys(reader: Reader, keys: str = KEYS) -> tuple[list[Key], list[ParentIds]]:
    """Every key, or those wanted, and its parents; their places are the key numbers of `read_histories`."""
    rows = reader.query(f"{keys} ORDER BY key").rows()
    return [(row[1], row[2]) for row in rows], [row[3:7] for row in rows]


def last_event_at(reader: Reader) -> int | None:
    """When the latest stock event happened, in microseconds; None where there is none."""
    return reader.query("SELECT epoch_us(max(event_at)) AS at FROM core.events WHERE sku IS NOT NULL").item()


def read_histories(
    reader: Reader, until: int, *, chosen: str = "", keys: str = KEYS, is_of_stock: bool = False
) -> Iterator[pl.DataFrame]:
    """Read every key's events up to a time: frames of `HISTORY_SCHEMA`, no key in two of them.

    Args:
        reader: The lake.
        until: Microseconds, event time.
        chosen: More SQL conditions on core.events, for both sides of a transfer.
        keys: SQL for the keys wanted: key, warehouse_id, sku.
        is_of_stock: Without the columns `NOT_OF_STOCK`, in larger frames.
    """
    moment = to_datetime(until).replace(tzinfo=None).isoformat()
    own = _EVENTS.format(is_receiver="false", place="warehouse_id", moment=moment, condition=chosen)
    received = _EVENTS.format(
        is_receiver="true", place="to_warehouse_id", moment=moment,
        condition=f"AND to_warehouse_id IS NOT NULL {chosen}",
    )  # fmt: skip
    schema = {name: kind for name, kind in HISTORY_SCHEMA.items() if not (is_of_stock and name in NOT_OF_STOCK)}
    columns = ", ".join(f'"{name}"' for name in schema)  # `at` is a word of SQL's
    query = (
        f"WITH keys AS ({keys}) SELECT {columns} FROM ({own} UNION ALL {received}) "
        "ORDER BY key, source_epoch, instant, increment, rank, event_id"
    )
    parts: list[pl.DataFrame] = []
    for batch in reader.batches(query):
        parts.append(batch.cast(schema))  # type: ignore[arg-type]
        if is_of_stock and sum(part.height for part in parts) < STOCK_ROWS:
            continue
        frame = pl.concat(parts, rechunk=True)
        # The last key may go on in the next batch.
        cut = frame["key"].search_sorted(frame["key"][-1], side="left")
        parts = [frame[cut:]]
        if cut:
            yield frame[:cut]
    if parts:
        yield pl.concat(parts, rechunk=True)


def read_demand(reader: Reader, as_of_date: date, *, chosen: str = "", keys: str = KEYS) -> Iterator[Demand]:
    """Daily demand of every key with history before a day, some keys at a time; the rest as in `read_histories`."""
    as_of = to_microseconds(datetime.combine(as_of_date, time(), UTC))
    for stock in read_runs(reader, as_of_date, chosen=chosen, keys=keys):
        yield daily_demand(stock, as_of)


def read_runs(reader: Reader, as_of_date: date, *, chosen: str = "", keys: str = KEYS) -> Iterator[Stock]:
    """The running stock of every key with history before a day, some keys at a time; the rest as `read_histories`."""
    as_of = to_microseconds(datetime.combine(as_of_date, time(), UTC))
    for events in _ahead(read_histories(reader, as_of - 1, chosen=chosen, keys=keys, is_of_stock=True)):
        yield run_stock(events)


def _ahead(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same frames, the next one being read while one is worked on: reading is DuckDB's, the work numpy's."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, frames, None)
        while (frame := pending.result()) is not None:
            pending = pool.submit(next, frames, None)
            yield frame

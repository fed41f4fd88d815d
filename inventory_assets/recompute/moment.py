"""Stock at a moment of event time, as one question of SQL: `stock_at(moment)` (RULES 12-17).

The second engine's sums over the events that had happened by then, whenever they arrived, as a table macro: for
whoever asks in SQL. Not here: how events add up (`stock`), days (`snapshots`), or versions (`lake.query.as_of`).
"""

from datetime import datetime

import duckdb
import polars as pl

from inventory_assets.recompute.stock import STATE_SCHEMA, one_query

STOCK_AT = "stock_at"
"""The macro's name; its one argument is a time, a date, or a text that says either."""

# A text with a zone must not lose it, nor one without take the session's: DuckDB's own casts do.
_TEXT = "at_moment::VARCHAR"
_MOMENT = f"""CASE WHEN regexp_matches({_TEXT}, ':[0-9]{{2}}.*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')
    THEN make_timestamp(epoch_us(({_TEXT})::TIMESTAMPTZ)) ELSE ({_TEXT})::TIMESTAMP END"""


def stock_at_macro(events: str = "core.events", *, is_temporary: bool = False) -> str:
    """SQL that makes the macro.

    Args:
        events: The table of events, as whoever asks names it.
        is_temporary: Of the connection alone, and found whatever catalog is in use.
    """
    happened = f"(SELECT * FROM {events} WHERE event_at <= {_MOMENT})"
    kind = "TEMP MACRO" if is_temporary else "MACRO"
    return " ".join(f"CREATE OR REPLACE {kind} {STOCK_AT}(at_moment) AS TABLE {one_query(happened)}".split())


def show_stock_at(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a reader's connection ask `FROM stock_at('2026-01-31 12:00')`, of the version that it shows."""
    connection.execute(stock_at_macro(is_temporary=True))


def read_stock_at(
    connection: duckdb.DuckDBPyConnection,
    moment: datetime,
    *,
    warehouse_id: str | None = None,
    sku: str | None = None,
) -> pl.DataFrame:
    """The stock of keys at a moment of event time.

    Args:
        connection: Sees the lake.
        moment: With its zone.
        warehouse_id, sku: Whose keys; None is all.

    Returns:
        `STATE_SCHEMA`, a row per key that an event had named by then, in order of the key.
    """
    show_stock_at(connection)
    chosen, parameters = ["true"], [moment.isoformat()]
    for name, value in (("warehouse_id", warehouse_id), ("sku", sku)):
        if value is not None:
            chosen.append(f"{name} = ?")
            parameters.append(value)
    query = f"FROM {STOCK_AT}(?) WHERE {' AND '.join(chosen)} ORDER BY warehouse_id, sku"
    return pl.DataFrame(connection.sql(query, params=parameters)).cast(pl.Schema(STATE_SCHEMA))

"""Rows of `snapshots.hourly_transactions`: what happened in each UTC hour, by key, type and status. Reads only."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta

import polars as pl

from inventory_assets.lake.query.reader import Reader

_FOUND = "found_hours"

# A transfer is an event of two keys: units leave the one and come to the other (RULES 16).
_ROWS = """
    WITH moves AS (
        SELECT event_at, event_date, warehouse_id, sku, type, status, version,
            CASE WHEN type = 'TRANSFER' THEN -quantity ELSE quantity END AS quantity
        FROM core.events WHERE {condition}
        UNION ALL
        SELECT event_at, event_date, to_warehouse_id, sku, type, status, version, quantity
        FROM core.events WHERE {condition} AND to_warehouse_id IS NOT NULL
    )
    SELECT date_trunc('hour', event_at)::TIMESTAMP AS hour, event_date, warehouse_id, sku, type, status,
        count(*) AS transactions, sum(quantity)::BIGINT AS quantity, max(abs(quantity)) AS largest_quantity,
        max(version) AS version
    FROM moves GROUP BY ALL ORDER BY hour
"""


def hourly_rows(reader: Reader, first: date, last: date, *, version: int) -> Iterator[tuple[date, pl.DataFrame]]:
    """Each day's rows; a frame without rows for a day without transactions.

    Args:
        reader: The lake.
        first, last: The days wanted, both included.
        version: Events that later versions took in do not count.
    """
    condition = f"kind = 'transaction' AND version <= {version} AND event_date BETWEEN DATE '{first}' AND DATE '{last}'"
    # One query over the events, kept until the days are fetched: an open result would be cut
    # short, without a word, by the next query of the same connection.
    reader.query(f"CREATE OR REPLACE TEMP TABLE {_FOUND} AS {_ROWS.format(condition=condition)}")
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield day, reader.query(f"SELECT * FROM {_FOUND} WHERE event_date = DATE '{day}'")
    reader.query(f"DROP TABLE {_FOUND}")


def changed_days(reader: Reader, days: Collection[date], *, since: int, until: int) -> dict[date, int]:
    """Of some days, those of which the versions after `since`, up to `until`, brought transactions; how many."""
    rows = reader.query(
        f"""
        SELECT event_date, count(*) AS n FROM core.events
        WHERE kind = 'transaction' AND version > {since} AND version <= {until}
            AND event_date BETWEEN DATE '{min(days)}' AND DATE '{max(days)}'
        GROUP BY ALL ORDER BY ALL
        """
    )
    return {day: count for day, count in rows.iter_rows() if day in days}

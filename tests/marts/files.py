"""Snapshot files of the contract's layout, from rows that a test spells out.

Belongs here: writing them. Does not belong: how the product computes them.
"""

from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from inventory_assets.lake.files.partition_files import DAILY_STOCK, PartitionFiles, SnapshotTable

DAY = date(2026, 3, 31)
# A partition made of an earlier version would not replace a later one's.
_versions = count(1)


def stock(days_ago: int, **fields: Any) -> dict[str, Any]:
    """A row of `daily_stock`, some days before DAY."""
    day = DAY - timedelta(days=days_ago)
    row = {
        "snapshot_date": day, "warehouse_id": "W1", "sku": "S1", "on_hand": 10, "reserved": 0, "inbound": 0,
        "is_active": True, "stockout_seconds": 0, "sold_units": 1, "last_event_at": datetime(2026, 1, 1), "version": 1,
    } | fields  # fmt: skip
    return {"available": row["on_hand"] - row["reserved"], **row}


def hour(days_ago: int, at: int = 8, **fields: Any) -> dict[str, Any]:
    """A row of `hourly_transactions`, some days before DAY at an hour."""
    day = DAY - timedelta(days=days_ago)
    quantity = fields.get("quantity", -1)
    return {
        "hour": datetime(day.year, day.month, day.day, at), "event_date": day, "warehouse_id": "W1", "sku": "S1",
        "type": "ORDER", "status": "COMPLETED", "transactions": 1, "quantity": quantity,
        "largest_quantity": abs(quantity), "version": 1,
    } | fields  # fmt: skip


def write_files(home: Path, table: SnapshotTable, rows: list[dict[str, Any]]) -> None:
    """Write rows as files of a snapshot table, one a date."""
    frame = pl.DataFrame(rows, schema=table.types, orient="row")
    for (day,), part in frame.group_by(pl.col("snapshot_date" if table is DAILY_STOCK else "event_date")):
        PartitionFiles(str(home / "snapshots"), table).write(day, part, lake_version=next(_versions), epoch=1)

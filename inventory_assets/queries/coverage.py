"""Measured demand and cover as rows, for the command line."""

from typing import Any

from inventory_assets.domain.events.kinds import Key
from inventory_assets.lake.query.reader import Reader

COLUMNS = (
    "warehouse_id", "sku", "available", "daily_units", "daily_deviation", "in_stock_days", "stockout_days",
    "cover_days", "cover_days_low", "cover_days_high", "as_of_date",
)  # fmt: skip


def read_coverage(reader: Reader, key: Key | None = None) -> list[dict[str, Any]]:
    """The columns of core.coverage, what lasts shortest first; of one key, or of all."""
    condition = "" if key is None else "WHERE warehouse_id = ? AND sku = ?"
    rows = reader.query(
        f"SELECT {', '.join(COLUMNS)} FROM core.coverage {condition} ORDER BY cover_days NULLS LAST, warehouse_id, sku",
        None if key is None else list(key),
    )
    return list(rows.iter_rows(named=True))

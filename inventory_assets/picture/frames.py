"""Rows of the lake's tables, as frames have them, as the rows that a picture keeps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from inventory_assets.domain.picture.picture import OF_KEYS
from inventory_assets.domain.picture.rows import Alert, Limits, PlanLine, Product, Stock, Sums
from inventory_assets.lake.query.clauses import listed
from inventory_assets.lake.tables import (
    ALERTS,
    DATE,
    PLANS,
    PRODUCTS,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    TIME,
    VersionedTable,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows of a kind come from.

    Attributes:
        table: The lake's.
        row: What becomes of one of its rows.
        wanted: SQL for which current rows a picture starts with.
        kept: Which rows it keeps at all; None for all.
    """

    table: VersionedTable
    row: type
    wanted: str = "true"
    kept: pl.Expr | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The lake's columns in the order of the row's fields."""
        return tuple(_COLUMNS.get(name, name) for name in self.row.__struct_fields__)  # type: ignore[attr-defined]


# Fields that have the unit of their time in the name.
_COLUMNS = {
    "last_event_us": "last_event_at", "opened_us": "opened_at", "resolved_us": "resolved_at",
    "acknowledged_us": "acknowledged_at", "silenced_until_us": "silenced_until", "plan_day": "plan_date",
    "runs_out_day": "runs_out_on", "order_by_day": "order_by",
    "overdue_since_day": "overdue_since", "arrives_day": "arrives_on",
}  # fmt: skip

SOURCES: Mapping[str, Source] = {
    "stock": Source(SKU_STATE, Stock),
    # Those of SKUs and products in one warehouse are made of keys (`Picture.sums_of`).
    "sums": Source(
        ROLLUPS,
        Sums,
        f"sku_count > 0 AND (level NOT IN {listed(sorted(OF_KEYS))} OR warehouse_id IS NULL)",
        ~pl.col("level").is_in(sorted(OF_KEYS)) | pl.col("warehouse_id").is_null(),
    ),
    "limits": Source(RESOLVED_THRESHOLDS, Limits),
    "products": Source(PRODUCTS, Product, "is_removed IS NOT TRUE"),
    "alerts": Source(ALERTS, Alert, "state = 'firing'"),
    "lines": Source(PLANS, PlanLine, "line_id IS NOT NULL AND (is_urgent OR order_quantity > 0 OR transfers <> '')"),
}
"""By the names of `Picture.tables`."""


class Reading:
    """Makes rows of frames; an id is one object, and of a frame a version, as most stand in hundreds of rows."""

    def __init__(self) -> None:
        self._same: dict[Any, Any] = {}

    def rows(self, source: Source, frame: pl.DataFrame) -> list[Any]:
        """The rows of a frame; columns that it lacks are null."""
        if source.kept is not None:
            frame = frame.filter(source.kept)
        columns = [self._values(source.table, name, frame) for name in source.columns]
        make: Callable[..., Any] = source.row
        return list(map(make, *columns))

    def _values(self, table: VersionedTable, name: str, frame: pl.DataFrame) -> Sequence[Any]:
        if name not in frame.columns:
            return [None] * frame.height
        column = frame.get_column(name)
        kind = table.columns[name]
        if kind == TIME:
            return column.cast(pl.Datetime("us")).cast(pl.Int64).to_list()
        if kind == DATE:
            return column.cast(pl.Date).cast(pl.Int32).to_list()
        values = column.to_list()
        if name in _SHARED or name in _SHARED_IN_FRAME:
            # Ids come to an end; versions do not, and who serves for weeks would keep each.
            same = self._same if name in _SHARED else {}
            return [None if value is None else same.setdefault(value, value) for value in values]
        return values


_SHARED = frozenset({
    "warehouse_id", "sku", "department_id", "category_id", "brand_id", "product_id", "level", "level_id", "parent_id",
    "rule_level_type", "rule_level_id", "rule_warehouse_id", "brand_name", "category_name", "department_name",
    "supplier_id", "alert_type", "priority", "state", "reason",
})  # fmt: skip
_SHARED_IN_FRAME = frozenset({"version", "rule_version"})

"""Rows of the lake's tables, as frames have them, as the rows that a picture keeps."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.picture.picture import OF_KEYS
from inventory_assets.domain.picture.rows import Alert, Limits, PlanLine, Product, Stock, Sums
from inventory_assets.lake.query.clauses import ASKING_LINE, listed
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

# From so many rows on polars finds what stands in several sooner than a loop; of a burst's few it would be slower.
MANY_ROWS = 10_000


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

    @property
    def listed(self) -> str:
        """They as SQL."""
        return ", ".join(self.columns)

    def columns_of(self, frame: pl.DataFrame) -> "list[Column]":
        """The values of a frame, by column; those that it lacks are null."""
        if self.kept is not None:
            frame = frame.filter(self.kept)
        return [_column(self.table, name, frame) for name in self.columns]


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
    "lines": Source(PLANS, PlanLine, ASKING_LINE),
}
"""By the names of `Picture.tables`."""


class Column(msgspec.Struct, array_like=True):
    """The values of a column; of one whose values stand in many rows, each once, and which of them by row.

    Attributes:
        values: Of each row, or each once.
        places: An array of "I", by row; None where values are of each row.
    """

    values: list[Any]
    places: bytes | None = None


class Reading:
    """Makes rows of columns; an id is one object, and of a frame a version, as most stand in hundreds of rows."""

    def __init__(self) -> None:
        self._same: dict[Any, Any] = {}

    def rows(self, source: Source, frame: pl.DataFrame) -> list[Any]:
        """The rows of a frame; columns that it lacks are null."""
        return self.make(source, source.columns_of(frame))

    def make(self, source: Source, columns: list[Column]) -> list[Any]:
        """The rows of columns, which go as they are used."""
        make: Callable[..., Any] = source.row
        values = [self._values(name, column) for name, column in zip(source.columns, columns, strict=True)]
        columns.clear()
        return list(map(make, *values))

    def _values(self, name: str, column: Column) -> Iterable[Any]:
        if column.places is None:
            return column.values
        same = self._same
        # Ids come to an end; versions do not, and who serves for weeks would keep each.
        once = column.values if name not in _SHARED else [
            None if value is None else same.setdefault(value, value) for value in column.values
        ]  # fmt: skip
        return map(once.__getitem__, array("I", column.places))


def _column(table: VersionedTable, name: str, frame: pl.DataFrame) -> Column:
    if name not in frame.columns:
        return Column([None], array("I", bytes(4 * frame.height)).tobytes())
    column = frame.get_column(name)
    kind = table.columns[name]
    if kind == TIME:
        return Column(column.cast(pl.Datetime("us")).cast(pl.Int64).to_list())
    if kind == DATE:
        return Column(column.cast(pl.Date).cast(pl.Int32).to_list())
    if name not in _SHARED and name not in _SHARED_IN_FRAME:
        return Column(column.to_list())
    if column.len() < MANY_ROWS:
        places: dict[Any, int] = {}
        found = array("I", [places.setdefault(value, len(places)) for value in column.to_list()])
        return Column(list(places), found.tobytes())
    once = column.unique()
    numbers = column.replace_strict(once, pl.Series(range(once.len()), dtype=pl.UInt32))
    return Column(once.to_list(), array("I", numbers.to_list()).tobytes())


_SHARED = frozenset({
    "warehouse_id", "sku", "department_id", "category_id", "brand_id", "product_id", "level", "level_id", "parent_id",
    "rule_level_type", "rule_level_id", "rule_warehouse_id", "brand_name", "category_name", "department_name",
    "supplier_id", "alert_type", "priority", "state", "reason",
})  # fmt: skip
_SHARED_IN_FRAME = frozenset({"version", "rule_version"})

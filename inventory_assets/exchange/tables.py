"""The tables a PostgreSQL server is given: their columns there, and the rows of ours they hold.

Here: names, types, keys, questions to the lake. Not here: how they are loaded (`push`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from inventory_assets.lake import tables
from inventory_assets.lake.files import partition_files
from inventory_assets.lake.tables import BIG, DATE, FLAG, REAL, TEXT, TIME

_TYPES = {TEXT: "text", BIG: "bigint", TIME: "timestamptz", FLAG: "boolean", DATE: "date", REAL: "double precision"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTable:
    """One table there.

    Attributes:
        name: Its name there.
        columns: Their types, which are PostgreSQL's.
        key: What tells a row from every other.
        source: Ours; of a snapshot the directory of its daily files.
        date_column: Of a snapshot: the column that says which file a row is in.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    source: str
    date_column: str | None = None


def _served(columns: Mapping[str, str], names: str = "") -> dict[str, str]:
    """Columns of ours with their types there: all, or those named."""
    return {name: _TYPES[columns[name]] for name in names.split() or columns}


def _table(table: tables.VersionedTable, names: str = "", *, name: str = "", **more: str) -> PushTable:
    """A table of ours, whole or the columns named, with more that its view has; under its own name or another."""
    columns = _served({**table.columns, **more}, names)
    return PushTable(name=name or table.name, columns=columns, key=table.key, source=table.full_name)


def _files(table: partition_files.SnapshotTable, date_column: str) -> PushTable:
    return PushTable(
        name=table.name, columns=_served(table.columns), key=table.key, source=table.name, date_column=date_column
    )


STOCK_POSITIONS = _table(
    tables.SKU_STATE,
    "warehouse_id sku on_hand reserved available inbound is_active is_negative is_over_reserved "
    "department_id category_id brand_id product_id last_event_at version",
    name="stock_positions", available=BIG, is_negative=FLAG, is_over_reserved=FLAG,
)  # fmt: skip
PUSH_TABLES = (
    STOCK_POSITIONS,
    _table(
        tables.ALERTS,
        "alert_id warehouse_id sku alert_type priority state available threshold opened_at resolved_at resolved_reason "
        "notification_count acknowledged_by acknowledged_at body version",
    ),
    _table(tables.VELOCITY),
    _table(tables.COVERAGE),
    _files(partition_files.DAILY_STOCK, "snapshot_date"),
    _files(partition_files.HOURLY_TRANSACTIONS, "event_date"),
)

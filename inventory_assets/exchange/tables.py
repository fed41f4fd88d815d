"""The tables a PostgreSQL server is given: their columns there, and the rows of ours they hold.

Here: names, types, keys, questions to the lake. Not here: how they are loaded (`push`).
"""

from dataclasses import dataclass

_TEXT, _BIG, _TIME, _FLAG, _DATE, _REAL = "text", "bigint", "timestamptz", "boolean", "date", "double precision"


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


STOCK_POSITIONS = PushTable(
    name="stock_positions",
    columns={
        "warehouse_id": _TEXT, "sku": _TEXT, "on_hand": _BIG, "reserved": _BIG, "available": _BIG, "inbound": _BIG,
        "is_active": _FLAG, "is_negative": _FLAG, "is_over_reserved": _FLAG, "department_id": _TEXT,
        "category_id": _TEXT, "brand_id": _TEXT, "product_id": _TEXT, "last_event_at": _TIME, "version": _BIG,
    },
    key=("warehouse_id", "sku"),
    source="core.sku_state",
)  # fmt: skip
ALERTS = PushTable(
    name="alerts",
    columns={
        "alert_id": _TEXT, "warehouse_id": _TEXT, "sku": _TEXT, "alert_type": _TEXT, "priority": _TEXT, "state": _TEXT,
        "available": _BIG, "threshold": _REAL, "opened_at": _TIME, "resolved_at": _TIME, "resolved_reason": _TEXT,
        "notification_count": _BIG, "acknowledged_by": _TEXT, "acknowledged_at": _TIME, "body": _TEXT, "version": _BIG,
    },
    key=("alert_id",),
    source="out.alerts",
)  # fmt: skip
VELOCITY = PushTable(
    name="velocity",
    columns={"warehouse_id": _TEXT, "sku": _TEXT, "as_of_date": _DATE, "daily_units": _REAL, "version": _BIG},
    key=("warehouse_id", "sku"),
    source="core.velocity",
)
COVERAGE = PushTable(
    name="coverage",
    columns={
        "warehouse_id": _TEXT, "sku": _TEXT, "as_of_date": _DATE, "available": _BIG, "daily_units": _REAL,
        "daily_deviation": _REAL, "in_stock_days": _BIG, "stockout_days": _BIG, "cover_days": _REAL,
        "cover_days_low": _REAL, "cover_days_high": _REAL, "version": _BIG,
    },
    key=("warehouse_id", "sku"),
    source="core.coverage",
)  # fmt: skip
DAILY_STOCK = PushTable(
    name="daily_stock",
    columns={
        "snapshot_date": _DATE, "warehouse_id": _TEXT, "sku": _TEXT, "on_hand": _BIG, "reserved": _BIG,
        "available": _BIG, "inbound": _BIG, "is_active": _FLAG, "stockout_seconds": _BIG, "sold_units": _BIG,
        "last_event_at": _TIME, "version": _BIG,
    },
    key=("snapshot_date", "warehouse_id", "sku"),
    source="daily_stock",
    date_column="snapshot_date",
)  # fmt: skip
HOURLY_TRANSACTIONS = PushTable(
    name="hourly_transactions",
    columns={
        "hour": _TIME, "event_date": _DATE, "warehouse_id": _TEXT, "sku": _TEXT, "type": _TEXT, "status": _TEXT,
        "transactions": _BIG, "quantity": _BIG, "largest_quantity": _BIG, "version": _BIG,
    },
    key=("hour", "warehouse_id", "sku", "type", "status"),
    source="hourly_transactions",
    date_column="event_date",
)  # fmt: skip

PUSH_TABLES = (STOCK_POSITIONS, ALERTS, VELOCITY, COVERAGE, DAILY_STOCK, HOURLY_TRANSACTIONS)

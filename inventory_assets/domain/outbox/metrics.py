"""Service events of a day's figures: how quick a key sells, and how long its stock lasts."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from inventory_assets.domain.outbox.envelope import event_uuid, service_event

METRICS = "INVENTORY_METRICS"
METRICS_SEVERITY = "INFO"
METRICS_PREFIX = "met-"


def metrics_subject(day: date) -> str:
    """What `out.deliveries` calls a day's figures; in the order of the days."""
    return f"{METRICS_PREFIX}{day:%Y%m%d}"


def metrics(day: date, row: Mapping[str, Any]) -> dict[str, Any]:
    """The event of one key's figures as of a day, its only one of that day. It moves no stock."""
    return service_event(
        METRICS,
        event_id=event_uuid(METRICS, row["warehouse_id"], row["sku"], day.isoformat()),
        sku=row["sku"],
        warehouse_id=row["warehouse_id"],
        quantity_change=0,
        timestamp=f"{day.isoformat()}T00:00:00.000Z",
        reference_id=day.isoformat(),
        notes=None,
        more={
            "velocityUnitsPerDay": row["velocity"], "demandUnitsPerDay": row["daily_units"],
            "coverDays": row["cover_days"], "coverDaysLow": row["cover_days_low"],
            "coverDaysHigh": row["cover_days_high"], "available": row["available"],
            "daysInStock": row["in_stock_days"], "daysOutOfStock": row["stockout_days"],
        },
    )  # fmt: skip

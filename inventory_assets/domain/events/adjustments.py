"""Read an adjustment of an event publisher (R2, RULES 41): `item_id adjustment timestamp`."""

import hashlib

from inventory_assets.domain.events.kinds import Event, Status, Transaction, join_id
from inventory_assets.domain.events.reading import (
    Document,
    ParseSettings,
    Source,
    check_sign,
    check_time,
    place,
    require,
)
from inventory_assets.domain.values import InvalidValue, read_id, read_integer, read_time


def read_adjustment(document: Document, source: Source, settings: ParseSettings) -> Event:
    """Read an adjustment: always COMPLETED, in the warehouse named or the default one."""
    sku, value, timestamp = require(document, "item_id", "adjustment", "timestamp")
    warehouse = document.get("warehouse_id")
    warehouse = settings.default_warehouse if warehouse is None else warehouse
    if warehouse is None:
        raise InvalidValue(
            "missing_field",
            "required and absent or null: warehouse_id. Name it, or set INVENTORY_DEFAULT_WAREHOUSE and replay",
            "warehouse_id",
        )
    quantity = read_integer("adjustment", value)
    check_sign("ADJUSTMENT", quantity, "adjustment")
    event_at = read_time("timestamp", timestamp)
    check_time(event_at, source, settings, document, "timestamp")
    position, has_cluster_time = place(event_at, source)
    event_id, transaction_id = _ids(document, source)
    return Transaction(
        event_id, transaction_id, "ADJUSTMENT", Status.COMPLETED.value, read_id("warehouse_id", warehouse),
        read_id("item_id", sku), None, quantity, event_at, position, has_cluster_time, source.name,
    )  # fmt: skip


def _ids(document: Document, source: Source) -> tuple[str, str]:
    """(event id, transaction id): its own, else its row's, else its payload's (RULES 10)."""
    if (own := document.get("event_id")) is not None:
        own = read_id("event_id", own)
        return join_id("adjustment", own), f"adjustment/{own}"
    if source.row_id is not None:
        return join_id("row", source.row_id), "file/" + source.row_id.replace(":", "/")
    digest = hashlib.sha256(source.payload).hexdigest()
    return join_id("payload", digest), f"payload/{digest}"

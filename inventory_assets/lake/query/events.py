"""Rows of `core.events`, as the events that they record."""

from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Command, Event, Level, ThresholdRule, Tombstone, Transaction

EVENT_TYPES: dict[str, Any] = {
    "level": Level,
    "tombstone": Tombstone,
    "threshold": ThresholdRule,
    "control": Command,
}
EVENT_COLUMNS = (
    "event_id, entity_key, row_key, kind, warehouse_id, sku, to_warehouse_id, transaction_id, type, status, quantity, "
    "epoch_us(event_at) AS event_at, source_epoch, instant, increment, has_cluster_time, details"
)


def to_event(row: dict[str, Any]) -> Event:
    """Make the event that a row of core.events records."""
    if row["kind"] == "transaction":
        return Transaction(
            row["event_id"], row["transaction_id"], row["type"], row["status"], row["warehouse_id"],
            row["sku"], row["to_warehouse_id"], row["quantity"], row["event_at"],
            (row["source_epoch"], row["instant"], row["increment"]), row["has_cluster_time"],
        )  # fmt: skip
    return msgspec.json.decode(row["details"], type=EVENT_TYPES[row["kind"]])

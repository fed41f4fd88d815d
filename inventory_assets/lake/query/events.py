"""Rows of `core.events`, as the events that they record."""

from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Command, Event, Level, ThresholdRule, Tombstone, Transaction
from inventory_assets.lake.tables import CORE_EVENTS

EVENT_TYPES: dict[str, Any] = {each.kind: each for each in (Level, Tombstone, ThresholdRule, Command)}
EVENT_COLUMNS = CORE_EVENTS.select("version", "seq", "available", "event_date", "outcome")


def to_event(row: dict[str, Any]) -> Event:
    """Make the event that a row of core.events records."""
    if row["kind"] == "transaction":
        return Transaction(
            row["event_id"], row["transaction_id"], row["type"], row["status"], row["warehouse_id"],
            row["sku"], row["to_warehouse_id"], row["quantity"], row["event_at"],
            (row["source_epoch"], row["instant"], row["increment"]), row["has_cluster_time"], row["source"],
            row["line_id"],
        )  # fmt: skip
    event = msgspec.json.decode(row["details"], type=EVENT_TYPES[row["kind"]])
    if row["source"] is None and isinstance(event, Level | Tombstone):
        return msgspec.structs.replace(event, source=None)  # recorded before sources were kept
    return event

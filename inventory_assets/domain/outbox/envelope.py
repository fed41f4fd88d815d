"""What all outgoing messages share: their attributes, ordering lanes, ids, and the service event's envelope.

Here: what holds for every topic. Not here: what one topic's messages say.
"""

import json
import uuid
import zlib
from collections.abc import Mapping
from typing import Any

LANES = 8
"""As the connector's: the messages of a SKU keep their order, and batches stay full (ADR 0014)."""

# Any fixed UUID does; another one would give every event a new id.
_NAMESPACE = uuid.UUID("6f1d7f0e-52c1-5a0b-9d0e-3b8f7a1c9e42")
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def lane_of(sku: str) -> str:
    """The ordering key of a SKU's messages: the same in every process, release and connector."""
    return f"lane-{zlib.crc32(sku.encode()) % LANES}"


def event_uuid(kind: str, *names: str) -> str:
    """An event's id: a UUID, as the service events' have it, of what the event is about and nothing else."""
    return str(uuid.uuid5(_NAMESPACE, _compact([kind, *names])))


def attributes_of(*, schema: str, kind: str, severity: str, warehouse_id: str, event_id: str) -> dict[str, str]:
    """What subscriptions filter by, and what a subscriber drops repeats by.

    Args:
        schema: The body's form and its version, `low-stock-alert/1`.
        kind: What the message says: an alert's type, a service event's.
        severity: CRITICAL, HIGH, MEDIUM or INFO.
        warehouse_id: Where.
        event_id: The same on every delivery of this very message.
    """
    name, _, version = schema.partition("/")
    return {
        "kind": kind, "severity": severity, "warehouse_id": warehouse_id, "event_id": event_id,
        "schema": name, "schema_version": version,
    }  # fmt: skip


def service_event(
    event_type: str,
    *,
    event_id: str,
    sku: str,
    warehouse_id: str,
    quantity_change: int | None,
    timestamp: str,
    reference_id: str,
    notes: str | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """A service event as we send it: the eight fields that we also take in (RULES 39), and ours after them."""
    return {
        "eventId": event_id, "eventType": event_type, "sku": sku, "warehouseId": warehouse_id,
        "quantityChange": quantity_change, "timestamp": timestamp, "referenceId": reference_id, "notes": notes, **more,
    }  # fmt: skip

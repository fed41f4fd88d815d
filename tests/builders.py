"""Messages for tests, showing only the fields that matter.

Belongs here: R0's samples, and builders of documents and messages. Does not
belong: anything that judges what the product makes of them.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

from inventory_assets.domain.ingest.process import Message
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.simulator import SimulatedMessage, Simulation, SimulationSettings

Document = dict[str, Any]

TRANSACTIONS = "inventory-transactions-topic"
UPDATES = "inventory-updates-topic"
THRESHOLDS = "thresholds-topic"
CONTROL = "control-topic"

DAY = datetime(2022, 4, 20, tzinfo=UTC)
PUBLISHED_AT = DAY + timedelta(days=1)

# R0's three sample documents, as its text has them but for `ISODate(...)`, which is a string here.
SAMPLE_LEVEL: Document = {
    "_id": {"$oid": "60a2f3e5c8e4b0e9b9f7c6d5"},
    "sku": "IPHONE13-PRO-256-SILVER",
    "product_id": "IPHONE13-PRO",
    "brand_id": "APPLE",
    "category_id": "SMARTPHONES",
    "department_id": "ELECTRONICS",
    "warehouse_id": "WH-EAST-1",
    "current_stock": 156,
    "reserved_stock": 12,
    "available_stock": 144,
    "min_threshold": 50,
    "reorder_threshold": 100,
    "restock_in_progress": False,
    "last_updated": "2022-04-20T07:00:00.000Z",
    "metadata": {
        "weight_kg": 0.2,
        "dimensions_cm": {"length": 15, "width": 7.5, "height": 0.8},
        "shelf_location": "E42-B7",
        "supplier_id": "SUPP-APPLE-1",
    },
}
SAMPLE_TRANSACTION: Document = {
    "_id": {"$oid": "60b3f4d6c8e4b0e9b9f7c6e6"},
    "transaction_id": "TRX-123456",
    "transaction_type": "ORDER",
    "sku": "IPHONE13-PRO-256-SILVER",
    "warehouse_id": "WH-EAST-1",
    "quantity": -1,
    "order_id": "ORD-789012",
    "po_number": None,
    "return_id": None,
    "adjustment_reason": None,
    "timestamp": "2022-04-20T07:00:00.000Z",
    "user_id": "system",
    "status": "COMPLETED",
    "batch_id": "BATCH-456",
}
SAMPLE_RULE: Document = {
    "_id": {"$oid": "60c4f5e7c8e4b0e9b9f7c6f7"},
    "level_type": "CATEGORY",
    "level_id": "SMARTPHONES",
    "warehouse_id": "WH-EAST-1",
    "min_threshold_qty": 50,
    "reorder_threshold_qty": 100,
    "min_threshold_days": 7,
    "reorder_threshold_days": 14,
    "alert_settings": {
        "notification_channel": "EMAIL",
        "recipients": ["inventory@example.com"],
        "cooldown_period_minutes": 60,
        "enabled": True,
    },
    "created_at": "2022-01-01T00:00:00.000Z",
    "updated_at": "2022-04-15T00:00:00.000Z",
    "created_by": "admin",
}
# What makes 45 available of the 155/12/143 that the samples give.
SAMPLE_ORDER: Document = SAMPLE_TRANSACTION | {
    "transaction_id": "TRX-123457",
    "quantity": -98,
    "timestamp": "2022-04-20T07:05:30.000Z",
}
SAMPLE_PRODUCT: Document = {
    "sku": "IPHONE13-PRO-256-SILVER",
    "product_name": "iPhone 13 Pro",
    "variant_name": "256GB Silver",
    "brand_name": "Apple",
    "category_name": "Smartphones",
    "department_name": "Electronics",
    "supplier_id": "SUPP-APPLE-1",
    "lead_time_days": 5,
    "order_up_to": 145,
    "pack_multiple": 10,
}
# Of everything something: what `simulated` takes to make a stream nobody would wish for.
ROUGH = {
    "skus": 40, "warehouses": 3, "malformed_rate": 0.03, "disorder_rate": 0.15, "duplicate_rate": 0.08,
    "cycle_count_rate": 0.03, "rule_change_rate": 0.01, "control_rate": 0.002, "opening_breach_rate": 0.1,
}  # fmt: skip

_message_ids = count(1)


def moment(time: str | int) -> str:
    """Spell `07:00`, or minutes after midnight, on the day of the samples."""
    if isinstance(time, int):
        return (DAY + timedelta(minutes=time)).isoformat()
    return time if len(time) > 8 else f"{DAY:%Y-%m-%d}T{time if len(time) == 8 else time + ':00'}Z"


def level(on_hand: object = 100, at: str | int = "07:00", **more: object) -> Document:
    """A bare R0 inventory document."""
    base = {"warehouse_id": "W1", "sku": "S1", "current_stock": on_hand, "last_updated": moment(at)}
    return base | more


def transaction(
    name: str, type_: str = "ORDER", quantity: object = -1, at: str | int = "08:00", **more: object
) -> Document:
    """A bare R0 transaction document, COMPLETED unless it says otherwise."""
    base = {
        "transaction_id": name, "transaction_type": type_, "status": "COMPLETED", "warehouse_id": "W1",
        "sku": "S1", "quantity": quantity, "timestamp": moment(at),
    }  # fmt: skip
    return base | more


def rule(low: object = 10, reorder: object = 20, **more: object) -> Document:
    """A bare R0 threshold document, GLOBAL unless it says otherwise."""
    base = {
        "level_type": "GLOBAL", "level_id": None, "min_threshold_qty": low, "reorder_threshold_qty": reorder,
        "updated_at": "2022-04-15T00:00:00Z",
    }  # fmt: skip
    return base | more


def command(name: str, **more: object) -> Document:
    """A control command."""
    return {"command": name, "reason": "test", "issued_by": "tests", "timestamp": moment("06:00")} | more


def envelope(document: Document | None, seconds: int, increment: int = 1, **more: object) -> Document:
    """The connector's envelope. `seconds` after midnight of the day of the samples."""
    base = {
        "source": "mongodb", "operation": "insert", "namespace": "shop.inventory",
        "cluster_time": {"t": int(DAY.timestamp()) + seconds, "i": increment}, "document": document,
    }  # fmt: skip
    return base | more


def heartbeat(connector_id: str = "connector-w1", **more: object) -> Document:
    """A connector's heartbeat; its publish time says when it was heard."""
    base = {
        "type": "heartbeat", "connector_id": connector_id, "warehouse_id": "W1", "owner_id": "process-1",
        "state": "streaming", "started_at": moment(0), "source_epoch": 1,
        "counters": {"read": 10, "published": 10},
    }  # fmt: skip
    return base | more


def topic_for(document: Document) -> str:
    """The topic a document belongs on, by its shape."""
    inner = document.get("document") or document.get("document_key") or document
    markers = {"level_type": THRESHOLDS, "transaction_type": TRANSACTIONS, "command": CONTROL}
    return next((topic for marker, topic in markers.items() if marker in inner), UPDATES)


def message(
    body: Document | list[Document] | bytes,
    *,
    topic: str | None = None,
    published_at: datetime = PUBLISHED_AT,
    ordering_key: str = "",
    **attributes: str,
) -> Message:
    """A message as the engine takes it, under an id of its own."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if topic is None:
        topic = topic_for(body) if isinstance(body, dict) else TRANSACTIONS
    publish_at = (published_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return Message(f"m{next(_message_ids)}", topic, publish_at, ordering_key, attributes, data)


def messages(*bodies: Document | bytes) -> list[Message]:
    """A burst of messages."""
    return [message(body) for body in bodies]


def outgoing(body: Document | bytes, *, topic: str | None = None, **attributes: str) -> OutgoingMessage:
    """A message to publish."""
    made = message(body, topic=topic)
    return OutgoingMessage(made.topic, made.data, attributes)


def simulated(live: int, **settings: Any) -> tuple[Simulation, list[SimulatedMessage]]:
    """A small shop after `live` messages, and all it has sent."""
    simulation = Simulation(SimulationSettings(**settings))
    sent = list(simulation.opening())
    return simulation, sent + list(islice(simulation.stream(), live))


def published(sent: Iterable[SimulatedMessage]) -> list[OutgoingMessage]:
    """Simulated messages, to publish."""
    return [OutgoingMessage(m.topic, m.data, m.attributes, m.ordering_key) for m in sent]


def received(sent: Iterable[SimulatedMessage]) -> list[Message]:
    """Simulated messages, as the engine takes them."""
    return [
        message(m.data, topic=m.topic, published_at=m.event_time, ordering_key=m.ordering_key, **m.attributes)
        for m in sent
    ]


def cut(items: list, size: int) -> Iterator[list]:
    """Cut a list into bursts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

"""The same facts in other envelopes than R0's (RULES 38-41), for tests that send them.

Belongs here: builders of messages. Does not belong: what becomes of them.
"""

import json
from datetime import datetime

from google.protobuf import json_format

from inventory_assets.domain.ingest.process import Message
from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from tests.builders import PUBLISHED_AT, Document, message, moment

ADJUSTMENTS = "inventory-topic"
SERVICES = "inventory-events"
SOURCE = "/wms"


def cloudevent(
    name: str, data: Document | None, event_id: str = "e1", at: str | int | None = "08:00", **more: object
) -> Document:
    """A structured CloudEvent; `name` as in `stock.adjusted`."""
    event: Document = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": f"warehouse.{name}"}
    if at is not None:
        event["time"] = moment(at)
    return event | {"datacontenttype": "application/json", "data": data} | more


def binary(event: Document, *, topic: str = ADJUSTMENTS, published_at: datetime = PUBLISHED_AT) -> Message:
    """A structured CloudEvent as a binary one: its attributes the message's, its data the body."""
    attributes = {f"ce-{name}": value for name, value in event.items() if name not in ("data", "datacontenttype")}
    body = json.dumps(event["data"]).encode()
    return message(body, topic=topic, published_at=published_at, **attributes, **{"content-type": "application/json"})


def structured(event: Document, *, topic: str = ADJUSTMENTS) -> Message:
    """A structured CloudEvent as a message."""
    return message(event, topic=topic)


def service_event(
    name: str = "INVENTORY_UPDATE", quantity: object = -1, event_id: str = "e1", at: str | int = "08:00", **more: object
) -> Document:
    """R4's event."""
    amount = "quantity" if name == "STOCK_LEVEL" else "quantityChange"
    return {
        "eventId": event_id, "eventType": name, "sku": "S1", "warehouseId": "W1", amount: quantity,
        "timestamp": moment(at),
    } | more  # fmt: skip


def adjustment(quantity: object = -1, at: str | int = "08:00", **more: object) -> Document:
    """R2's adjustment, in a warehouse named."""
    return {"item_id": "S1", "adjustment": quantity, "timestamp": moment(at), "warehouse_id": "W1"} | more


def event_of(document: Document) -> InventoryEvent:
    """A document of R0's, or an adjustment, as the schema's message; a connector's envelope moves into it."""
    if "adjustment" in document:
        return json_format.ParseDict(document, InventoryEvent())
    inner = document.get("document", document)
    around = document if "document" in document else {}
    fields = {name: value for name, value in inner.items() if name != "_id"}
    fields |= {
        name: around[name] for name in ("source", "source_epoch", "cluster_time") if around.get(name) is not None
    }
    field = "stock_transaction" if "transaction_type" in inner else "stock_level"
    return json_format.ParseDict({field: fields}, InventoryEvent())


def protobuf(event: InventoryEvent, encoding: str, **attributes: str) -> Message:
    """The message Pub/Sub delivers of a topic with the schema, in one of its encodings."""
    body = event.SerializeToString() if encoding == "BINARY" else json_format.MessageToJson(event).encode()
    return message(body, topic=ADJUSTMENTS, **{"googclient_schemaencoding": encoding, **attributes})

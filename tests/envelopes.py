"""The same facts in other envelopes than R0's (RULES 38-41), for tests that send them.

Belongs here: builders of messages. Does not belong: what becomes of them.
"""

import csv
import io
import json
from datetime import datetime, timedelta
from enum import StrEnum

from google.protobuf import json_format

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from inventory_assets.publishing.mapping import FileFormat
from inventory_assets.publishing.rows import Order, plan_rows
from inventory_assets.publishing.table import read_table
from tests.builders import DAY, PUBLISHED_AT, UPDATES, Document, envelope, message, moment, topic_for

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


# --- Which envelope can say which fact ----------------------------------------------------

ENVELOPES = {
    "document": "document",
    "row": "row of a file",
    "connector": "connector's",
    "structured": "CloudEvent",
    "binary": "CloudEvent, binary",
    "service": "service event",
    "adjustment": "adjustment",
    "JSON": "schema, JSON",
    "BINARY": "schema, binary",
}
"""The envelopes, and what the guide calls them."""


class Fact(StrEnum):
    """What may be said of stock, as the guide's table has it."""

    LEVEL = "units on hand"
    RESERVED = "units reserved at that time"
    NOT_RESERVED = "on hand, and nothing of what is reserved"
    PLACE = "product, brand, category, department"
    LIMITS = "thresholds of the level"
    RESTOCK = "restock in progress"
    SALE = "ORDER, RESTOCK, RETURN"
    ADJUSTMENT = "ADJUSTMENT"
    TRANSFER = "TRANSFER, arrived"
    HOLD = "RESERVE, RELEASE"
    VERSIONS = "a later status of the same transaction"
    LINES = "lines of one order"
    DELETION = "a key is gone"
    EPOCH = "source epoch and cluster time"
    RULE = "threshold rule"
    COMMAND = "command"


_R0 = {"document", "row", "connector", "JSON", "BINARY"}
_CLOUDEVENT = {"structured", "binary"}
SAYS: dict[Fact, set[str]] = {
    Fact.LEVEL: _R0 | _CLOUDEVENT | {"service"},
    Fact.RESERVED: _R0 | _CLOUDEVENT,
    Fact.NOT_RESERVED: _R0 | {"service"},
    Fact.PLACE: _R0,
    Fact.LIMITS: _R0,
    Fact.RESTOCK: _R0 - {"row"},
    Fact.SALE: _R0 | {"service"},
    Fact.ADJUSTMENT: set(ENVELOPES),
    Fact.TRANSFER: _R0 | _CLOUDEVENT | {"service"},
    Fact.HOLD: _R0 | _CLOUDEVENT | {"service"},
    Fact.VERSIONS: _R0,
    Fact.LINES: _R0,
    Fact.DELETION: {"connector"},
    Fact.EPOCH: {"connector", "JSON", "BINARY"},
    Fact.RULE: {"document", "row", "connector"},
    Fact.COMMAND: {"document"},
}
_TYPES = {
    "ORDER": Fact.SALE, "RESTOCK": Fact.SALE, "RETURN": Fact.SALE, "ADJUSTMENT": Fact.ADJUSTMENT,
    "TRANSFER": Fact.TRANSFER, "RESERVE": Fact.HOLD, "RELEASE": Fact.HOLD,
}  # fmt: skip


def facts_of(document: Document) -> set[Fact]:
    """All that a bare stock document says; a transaction named V-… comes in versions."""
    if "transaction_type" in document:
        is_version = document["transaction_id"].startswith("V")
        found = {_TYPES[document["transaction_type"]]} | ({Fact.VERSIONS} if is_version else set())
        return found | ({Fact.LINES} if "line_id" in document else set())
    found = {Fact.LEVEL, Fact.RESERVED if "reserved_stock" in document else Fact.NOT_RESERVED}
    marks = {"category_id": Fact.PLACE, "min_threshold": Fact.LIMITS, "restock_in_progress": Fact.RESTOCK}
    return found | {fact for field, fact in marks.items() if field in document}


def say(document: Document, envelope_name: str, number: int) -> Message:
    """Say a bare document's facts in another envelope, under ids made of `number`."""
    event_id, at = f"n{number}", document.get("timestamp") or document.get("last_updated")
    match envelope_name:
        case "document":
            return message(document)
        case "row":
            return as_csv(document, number)
        case "connector":
            seconds = (datetime.fromisoformat(at) - DAY) // timedelta(seconds=1)
            return message(envelope(document, seconds, connector_id="connector-w1"))
        case "JSON" | "BINARY":
            return protobuf(event_of(document), envelope_name)
        case "adjustment":
            return message(
                adjustment(document["quantity"], at, item_id=document["sku"], warehouse_id=document["warehouse_id"], event_id=event_id),
                topic=ADJUSTMENTS,
            )  # fmt: skip
        case "service":
            return message(_as_service_event(document, event_id, at), topic=SERVICES)
        case _:
            event = _as_cloudevent(document, event_id, at)
            return binary(event, topic=UPDATES) if envelope_name == "binary" else structured(event, topic=SERVICES)


def as_csv(document: Document, number: int) -> Message:
    """What `publish` makes of a document's line in a CSV file: with a delimiter, quotes and a mark as `number` says."""
    row = {name: str(value) for name, value in document.items() if value is not None}
    text = io.StringIO()
    writer = csv.DictWriter(
        text, row, delimiter=",;\t|"[number % 4], quoting=(csv.QUOTE_MINIMAL, csv.QUOTE_ALL)[number % 2]
    )
    writer.writeheader()
    writer.writerow(row)
    mark = b"\xef\xbb\xbf" if number % 3 == 0 else b""
    table = read_table(io.BytesIO(mark + text.getvalue().encode()), f"{number}.csv", "csv", FileFormat())
    topic, now = topic_for(document), message(b"").publish_at
    order = Order(topic=topic, envelope=Envelope.DOCUMENT, now=now, parsing=ParseSettings())
    [draft] = plan_rows(table, None, FileFormat(), order).drafts()
    assert draft.message is not None, draft.problem
    return message(draft.message.data, topic=topic, **draft.message.attributes)


def _as_service_event(document: Document, event_id: str, at: str) -> Document:
    more: Document = {"sku": document["sku"], "warehouseId": document["warehouse_id"]}
    if "current_stock" in document:
        return service_event("STOCK_LEVEL", document["current_stock"], event_id, at, **more)
    type_ = document["transaction_type"]
    prefix = {"ORDER": "SO-", "RESTOCK": "PO-", "RETURN": "RMA-"}.get(type_)
    more |= {"referenceId": f"{prefix}1"} if prefix else {"transactionType": type_}
    if type_ == "TRANSFER":
        more["toWarehouseId"] = document["to_warehouse_id"]
    return service_event("TRANSACTION", document["quantity"], event_id, at, **more)


def _as_cloudevent(document: Document, event_id: str, at: str) -> Document:
    data: Document = {"sku": document["sku"], "warehouse_id": document["warehouse_id"]}
    if "current_stock" in document:
        data |= {"quantity_on_hand": document["current_stock"], "quantity_reserved": document["reserved_stock"]}
        return cloudevent("stock.updated", data, event_id, at)
    type_, quantity = document["transaction_type"], document["quantity"]
    if type_ == "TRANSFER":
        data = {"product_id": document["sku"], "from_warehouse_id": document["warehouse_id"]}
        data |= {"to_warehouse_id": document["to_warehouse_id"], "quantity": quantity}
        return cloudevent("stock.transferred", data, event_id, at)
    name = {"ADJUSTMENT": "adjusted", "RESERVE": "reserved", "RELEASE": "released"}[type_]
    amount = "quantity_change" if type_ == "ADJUSTMENT" else "quantity"
    return cloudevent(f"stock.{name}", data | {amount: quantity}, event_id, at)

"""Read messages in other envelopes than R0's into events: RULES 38, 39 and R2's adjustment of 41.

Belongs here: what their fields say. Does not: JSON, ids, integers and times (`reading`), and
protobuf, which says what R0's documents say.
"""

import base64
import hashlib
import re
from datetime import datetime

from tests.rules.reading import (
    SIGNS,
    STATUSES,
    Event,
    Message,
    Origin,
    Rejected,
    read_id,
    read_in_range,
    read_integer,
    read_json,
    read_optional_integer,
    read_time,
    require,
    spell_id,
)

CONTEXT = ("specversion", "id", "source", "type")
CLOUD_TYPES = {
    "warehouse.stock.updated": "level",
    "warehouse.stock.adjusted": "ADJUSTMENT",
    "warehouse.stock.transferred": "TRANSFER",
    "warehouse.stock.reserved": "RESERVE",
    "warehouse.stock.released": "RELEASE",
}
PREFIXES = [("ORDER-", "ORDER"), ("SO-", "ORDER"), ("PO-", "RESTOCK"), ("RET-", "RETURN"), ("RMA-", "RETURN")]


def cloudevent_of(message: Message) -> dict | None:
    """A message that its attributes make a CloudEvent, in the structured form; None for any other (RULE 38)."""
    if message.attributes.get("content-type", "").startswith("application/cloudevents+json"):
        return read_json(message.data)
    given = {name[3:]: value for name, value in message.attributes.items() if name.startswith("ce-")}
    return {**given, "data": read_json(message.data)} if set(given) & set(CONTEXT) else None


def read_cloudevent(message: Message, event: dict) -> Event:
    """RULE 38."""
    require(event, list(CONTEXT))
    if event["specversion"] != "1.0":
        raise Rejected("invalid_value", "specversion")
    own, source, kind = read_id(event["id"]), read_id(event["source"]), event["type"]
    event_id = spell_id("cloudevent", source, own)
    if kind == "warehouse.inventory.low_stock":
        return Event("filtered", event_id, (0, 0, 0), False, message.publish_time, (), {}, ())
    if not isinstance(kind, str) or kind not in CLOUD_TYPES:
        raise Rejected("unsupported_type", repr(kind))
    at = message.publish_time if event.get("time") is None else read_time(event["time"])
    read_in_range(at, message)
    data = event.get("data")
    if event.get("data_base64") is not None:
        encoded = event["data_base64"]
        if (
            data is not None
            or not isinstance(encoded, str)
            or not re.fullmatch(r"([\w+/]{4})*[\w+/]*=*", encoded, re.ASCII)
        ):
            raise Rejected("invalid_value", "data_base64")
        data = read_json(base64.b64decode(encoded))
    if data is None:
        raise Rejected("missing_field", "data")
    if not isinstance(data, dict):
        raise Rejected("invalid_value", "data")
    name = next((data[field] for field in ("sku", "product_id") if data.get(field) is not None), None)
    if name is None:
        raise Rejected("missing_field", "sku")
    sku = read_id(name)
    if CLOUD_TYPES[kind] == "level":
        require(data, ["warehouse_id"])
        return _level(event_id, source, read_id(data["warehouse_id"]), sku, *_stock(data), at)
    type_ = CLOUD_TYPES[kind]
    sender = "from_warehouse_id" if type_ == "TRANSFER" else "warehouse_id"
    amount = "quantity_change" if type_ == "ADJUSTMENT" else "quantity"
    require(data, [sender, amount, *(["to_warehouse_id"] if type_ == "TRANSFER" else [])])
    receiver = read_id(data["to_warehouse_id"]) if type_ == "TRANSFER" else None
    status = "COMPLETED"
    if type_ == "TRANSFER" and data.get("status") is not None:
        status = data["status"]
    if not isinstance(status, str) or status not in STATUSES:
        raise Rejected("invalid_value", "status")
    # Its own number: the pair, as "/a" + "b/c" is not "/a/b" + "c".
    return _transaction(
        event_id, source, ("cloudevent", source, own), type_, status, read_id(data[sender]), sku, receiver,
        read_integer(data[amount]), at,
    )  # fmt: skip


def _stock(data: dict) -> tuple[int, int | None]:
    given = data.get("quantity_reserved")
    if data.get("quantity_on_hand") is not None:
        return read_integer(data["quantity_on_hand"]), 0 if given is None else read_optional_integer(given)
    require(data, ["quantity_available"])
    reserved = 0 if given is None else read_integer(given)
    return read_integer(read_integer(data["quantity_available"]) + reserved), reserved


def read_service_event(message: Message, event: dict) -> Event:
    """RULE 39."""
    require(event, ["eventId", "eventType"])
    kind = event["eventType"]
    if kind not in ("INVENTORY_UPDATE", "TRANSACTION", "STOCK_LEVEL"):
        raise Rejected("unsupported_type", repr(kind))
    amount = "quantity" if kind == "STOCK_LEVEL" else "quantityChange"
    require(event, ["sku", "warehouseId", amount, "timestamp"])
    own, sku, warehouse_id = read_id(event["eventId"]), read_id(event["sku"]), read_id(event["warehouseId"])
    at = read_in_range(read_time(event["timestamp"]), message)
    quantity = read_integer(event[amount])
    if kind == "STOCK_LEVEL":
        return _level(spell_id("r4", own), "", warehouse_id, sku, quantity, None, at)
    type_ = event.get("transactionType")
    if type_ is None:
        reference = event.get("referenceId")
        found = [type_ for prefix, type_ in PREFIXES if isinstance(reference, str) and reference.startswith(prefix)]
        type_ = found[0] if found else "ADJUSTMENT"
    if not isinstance(type_, str) or type_ not in SIGNS:
        raise Rejected("invalid_value", "transactionType")
    if quantity * SIGNS[type_] < 0:
        type_ = "ADJUSTMENT"
    receiver = None
    if type_ == "TRANSFER" and quantity != 0:
        require(event, ["toWarehouseId"])
        receiver = read_id(event["toWarehouseId"])
    return _transaction(
        spell_id("r4", own), "", ("r4", own), type_, "COMPLETED", warehouse_id, sku, receiver, quantity, at
    )  # fmt: skip


def read_adjustment(message: Message, document: dict) -> Event:
    """RULE 41, R2's adjustment; no default warehouse is configured."""
    require(document, ["item_id", "adjustment", "timestamp", "warehouse_id"])
    if document.get("event_id") is not None:
        event_id = spell_id("adjustment", read_id(document["event_id"]))
    elif "row_id" in message.attributes:
        event_id = spell_id("row", message.attributes["row_id"])
    else:
        event_id = spell_id("payload", hashlib.sha256(message.data).hexdigest())
    at = read_in_range(read_time(document["timestamp"]), message)
    return _transaction(
        event_id, "", ("adjustment", event_id), "ADJUSTMENT", "COMPLETED", read_id(document["warehouse_id"]),
        read_id(document["item_id"]), None, read_integer(document["adjustment"]), at,
    )  # fmt: skip


def _level(
    event_id: str, source: str, warehouse_id: str, sku: str, on_hand: int, reserved: int | None, at: datetime
) -> Event:
    parents = dict.fromkeys(("department_id", "category_id", "brand_id", "product_id"), "UNKNOWN")
    fields = {
        "sku": sku, "warehouse_id": warehouse_id, "on_hand": on_hand, "reserved": reserved,
        "restock_in_progress": False, "embedded": None, "parents": parents, "product": {},
    }  # fmt: skip
    content = ("level", warehouse_id, sku, on_hand, reserved)
    place = Origin(source, 0, None).place(at)
    return Event("level", event_id, place, False, at, ((warehouse_id, sku),), fields, content, source)


def _transaction(
    event_id: str, source: str, identity: tuple, type_: str, status: str, warehouse_id: str, sku: str,
    receiver: str | None, quantity: int, at: datetime,
) -> Event:  # fmt: skip
    if quantity == 0 or quantity * SIGNS[type_] < 0:
        raise Rejected("invalid_sign", f"{type_} {quantity}")
    if receiver == warehouse_id:
        raise Rejected("invalid_value", "a TRANSFER to its own sender")
    fields = {
        "identity": (warehouse_id, *identity), "type": type_, "status": status, "sku": sku,
        "warehouse_id": warehouse_id, "to_warehouse_id": receiver, "quantity": quantity,
    }  # fmt: skip
    keys = ((warehouse_id, sku), *([(receiver, sku)] if receiver is not None else []))
    content = ("transaction", warehouse_id, sku, receiver, type_, status, quantity)
    place = Origin(source, 0, None).place(at)
    return Event("transaction", event_id, place, False, at, keys, fields, content, source)


READERS = {"cloud": read_cloudevent, "r4": read_service_event, "adjustment": read_adjustment}

"""What is wrong with messages in other envelopes than R0's, a class each (RULES 38-41).

Belongs here: body, topic, attributes and the reason for which it is refused. Does not:
what is done with them (`tests/ingest/test_hostile_input.py`).
"""

import base64
import json
from typing import Any, NamedTuple

from tests.builders import CONTROL, THRESHOLDS, TRANSACTIONS, UPDATES, level, rule, transaction
from tests.envelopes import (
    ADJUSTMENTS,
    SERVICES,
    adjustment,
    binary,
    cloudevent,
    event_of,
    protobuf,
    service_event,
)

STOCK = {"sku": "S1", "warehouse_id": "W1"}
CHANGE = STOCK | {"quantity_change": -1}
MOVED = {"sku": "S1", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 3}
STRUCTURED = {"content-type": "application/cloudevents+json"}
SCHEMA = "googclient_schemaencoding"


class Bad(NamedTuple):
    """A message that must be refused."""

    body: Any
    reason: str
    topic: str | None = None
    attributes: dict[str, str] = {}


def event(name: str, data: Any, reason: str, **more: Any) -> Bad:
    """A structured CloudEvent; a null attribute is left out."""
    made = cloudevent(name, data) | more
    return Bad({field: value for field, value in made.items() if value is not None}, reason, ADJUSTMENTS)


def in_binary(name: str, data: Any, reason: str, topic: str = UPDATES, **attributes: Any) -> Bad:
    """A binary CloudEvent; a null attribute is left out."""
    sent = binary(cloudevent(name, data))
    given = sent.attributes | {name.replace("_", "-"): value for name, value in attributes.items()}
    return Bad(sent.data, reason, topic, {name: value for name, value in given.items() if value is not None})


def of_schema(document: dict, reason: str, encoding: str) -> Bad:
    """An event of the schema that decodes."""
    sent = protobuf(event_of(document), encoding)
    return Bad(sent.data, reason, sent.topic, sent.attributes)


TWO_FACTS = event_of(level())
TWO_FACTS.MergeFrom(event_of(adjustment()))

BAD_ENVELOPES = {
    # CloudEvents, structured
    "event without id": event("stock.adjusted", CHANGE, "missing_field", id=None),
    "event without source": event("stock.adjusted", CHANGE, "missing_field", source=None),
    "event without type": event("stock.adjusted", CHANGE, "missing_field", type=None),
    "event of version 0.3": event("stock.adjusted", CHANGE, "invalid_value", specversion="0.3"),
    "event of version 1.0 as number": event("stock.adjusted", CHANGE, "invalid_value", specversion=1.0),
    "event of unknown type": event("stock.counted", CHANGE, "unsupported_type"),
    "event type as list": event("stock.adjusted", CHANGE, "unsupported_type", type=["x"]),
    "event type of 10,000 letters": event("stock.adjusted", CHANGE, "unsupported_type", type="t" * 10_000),
    "event id with NUL": event("stock.adjusted", CHANGE, "invalid_id", id="a\u0000"),
    "event id as number": event("stock.adjusted", CHANGE, "invalid_id", id=7),
    "event source of 257 bytes": event("stock.adjusted", CHANGE, "invalid_id", source="s" * 257),
    "event without data": event("stock.adjusted", None, "missing_field"),
    "event data as list": event("stock.adjusted", [CHANGE], "invalid_value"),
    "event data as JSON in text": event("stock.adjusted", json.dumps(CHANGE), "invalid_value"),
    "event data twice": event("stock.adjusted", CHANGE, "invalid_value", data_base64="e30="),
    "event data in no base64": event("stock.adjusted", None, "invalid_value", data_base64="???"),
    "event data of base64 is no object": event(
        "stock.adjusted", None, "invalid_json", data_base64=base64.b64encode(b"[]").decode()
    ),
    "event time is none": event("stock.adjusted", CHANGE, "invalid_value", time="noon"),
    "event of 2099": event("stock.adjusted", CHANGE, "event_time_out_of_range", time="2099-01-01T00:00:00Z"),
    "event without SKU": event("stock.adjusted", {"warehouse_id": "W1", "quantity_change": 1}, "missing_field"),
    "event without warehouse": event("stock.updated", {"sku": "S1", "quantity_on_hand": 1}, "missing_field"),
    "event without a number": event("stock.updated", STOCK, "missing_field"),
    "event of a change of 0": event("stock.adjusted", STOCK | {"quantity_change": 0}, "invalid_sign"),
    "event of half a unit": event("stock.adjusted", STOCK | {"quantity_change": 0.5}, "invalid_value"),
    "event of true units": event("stock.updated", STOCK | {"quantity_on_hand": True}, "invalid_value"),
    "event reserves below 0": event("stock.reserved", STOCK | {"quantity": -1}, "invalid_sign"),
    "event releases 0": event("stock.released", STOCK | {"quantity": 0}, "invalid_sign"),
    "event moves to its sender": event("stock.transferred", MOVED | {"to_warehouse_id": "W1"}, "invalid_value"),
    "event moves to nowhere": event("stock.transferred", MOVED | {"to_warehouse_id": None}, "missing_field"),
    "event moves in no known status": event("stock.transferred", MOVED | {"status": "LOST"}, "invalid_value"),
    "event sums beyond 10^12": event(
        "stock.updated", STOCK | {"quantity_available": 10**12, "quantity_reserved": 1}, "invalid_value"
    ),
    "event names a key twice": Bad(
        b'{"specversion": "1.0", "id": "a", "id": "b", "source": "/s", "type": "x", "data": {}}', "invalid_json", ADJUSTMENTS
    ),
    "events in a batch": Bad([cloudevent("stock.adjusted", CHANGE)], "invalid_json", SERVICES, {"content-type": "application/cloudevents-batch+json"}),
    "event by its content type alone": Bad(CHANGE, "missing_field", UPDATES, STRUCTURED),
    "event on the rules' topic": Bad(cloudevent("stock.adjusted", CHANGE), "wrong_topic", THRESHOLDS),
    # CloudEvents, binary
    "binary event without type": in_binary("stock.adjusted", CHANGE, "missing_field", ce_type=None),
    "binary event of version 2": in_binary("stock.adjusted", CHANGE, "invalid_value", ce_specversion="2.0"),
    "binary event without body": Bad(b"", "invalid_json", UPDATES, in_binary("stock.adjusted", CHANGE, "").attributes),
    "binary event of XML": Bad(b"<stock/>", "invalid_json", UPDATES, in_binary("stock.adjusted", CHANGE, "").attributes),
    "binary event with an empty id": in_binary("stock.adjusted", CHANGE, "invalid_id", ce_id=""),
    "binary event on the control topic": in_binary("stock.adjusted", CHANGE, "wrong_topic", CONTROL),
    "document with one mark of an event": Bad(transaction("T"), "missing_field", TRANSACTIONS, {"ce-id": "1"}),
    # service events
    **{
        f"service event without {field}": Bad(
            {name: value for name, value in service_event().items() if name != field}, "missing_field", SERVICES
        )
        for field in ("eventId", "sku", "warehouseId", "quantityChange", "timestamp")
    },
    "service event of unknown type": Bad(service_event("REORDER_TRIGGERED"), "unsupported_type", SERVICES),
    "service event type as object": Bad(service_event(eventType={}), "unsupported_type", SERVICES),
    "service event of 0": Bad(service_event(quantity=0), "invalid_sign", SERVICES),
    "service event of a fraction": Bad(service_event(quantity=1.5), "invalid_value", SERVICES),
    "service event of unknown transaction": Bad(service_event(transactionType="SALE"), "invalid_value", SERVICES),
    "service event to nowhere": Bad(service_event(quantity=1, transactionType="TRANSFER"), "missing_field", SERVICES),
    "service event id of white space": Bad(service_event(eventId=" "), "invalid_id", SERVICES),
    "service event of 1999": Bad(service_event(at="1999-01-01T00:00:00Z"), "event_time_out_of_range", SERVICES),
    "service event on the publishers' topic": Bad(service_event(), "wrong_topic", ADJUSTMENTS),
    "document on the services' topic": Bad(transaction("T"), "wrong_topic", SERVICES),
    "rule on the services' topic": Bad(rule(), "wrong_topic", SERVICES),
    # adjustments
    "adjustment without warehouse": Bad(adjustment(warehouse_id=None), "missing_field", ADJUSTMENTS),
    "adjustment without time": Bad(adjustment(timestamp=None), "missing_field", ADJUSTMENTS),
    "adjustment of 0": Bad(adjustment(0), "invalid_sign", ADJUSTMENTS),
    "adjustment of words": Bad(adjustment("two"), "invalid_value", ADJUSTMENTS),
    "adjustment of a list": Bad(adjustment([1]), "invalid_value", ADJUSTMENTS),
    "adjustment of item 7": Bad(adjustment(item_id=7), "invalid_id", ADJUSTMENTS),
    "adjustment with an empty id": Bad(adjustment(event_id=""), "invalid_id", ADJUSTMENTS),
    "adjustment on the levels' topic": Bad(adjustment(), "wrong_topic", UPDATES),
    # the schema
    "schema: not its bytes": Bad(b"\xff\xff\xff", "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}),
    "schema: JSON said to be binary": Bad(adjustment(), "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}),
    "schema: binary said to be JSON": Bad(
        event_of(adjustment()).SerializeToString(), "schema_mismatch", ADJUSTMENTS, {SCHEMA: "JSON"}
    ),
    "schema: nothing": Bad(b"", "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}),
    "schema: text that is none": Bad(b"\x0a\x02\xff\xfe", "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}),
    "schema: cut short": Bad(
        event_of(level()).SerializeToString()[:-3], "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}
    ),
    "schema: another encoding": Bad(b"{}", "schema_mismatch", ADJUSTMENTS, {SCHEMA: "AVRO"}),
    "schema: a fraction": Bad({"adjustment": 1.5}, "schema_mismatch", ADJUSTMENTS, {SCHEMA: "JSON"}),
    "schema: beyond 64 bits": Bad({"adjustment": 2**64}, "schema_mismatch", ADJUSTMENTS, {SCHEMA: "JSON"}),
    "schema: two facts": Bad(TWO_FACTS.SerializeToString(), "schema_mismatch", ADJUSTMENTS, {SCHEMA: "BINARY"}),
    **{
        f"schema, {encoding}: {name}": of_schema(document, reason, encoding)
        for encoding in ("JSON", "BINARY")
        for name, document, reason in (
            ("wrong sign", transaction("T", quantity=1), "invalid_sign"),
            ("no time", {"current_stock": 5, "sku": "S1", "warehouse_id": "W1"}, "missing_field"),
            ("beyond 10^12", level(10**12 + 1), "invalid_value"),
            ("white space around an id", level(sku=" S1"), "invalid_id"),
            ("of 2099", adjustment(at="2099-01-01T00:00:00Z"), "event_time_out_of_range"),
        )
    },
}  # fmt: skip

"""What passes is decoded and judged as it will be when it is taken in."""

import json

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.events.tail import look_at
from inventory_assets.messaging.envelopes import decode_protobuf, encode_protobuf
from tests import builders
from tests.envelopes import ADJUSTMENTS, SERVICES

SETTINGS = ParseSettings(decode_protobuf=decode_protobuf)
AT = 1_741_000_000_000_000
TIME = "2025-03-03T08:00:00Z"
ADJUSTMENT = {"item_id": "S1", "adjustment": -2, "timestamp": TIME, "warehouse_id": "W1", "event_id": "e1"}
CLOUD = {
    "specversion": "1.0", "id": "7f1d", "source": "/wms", "type": "warehouse.stock.adjusted", "time": TIME,
    "data": {"sku": "S1", "warehouse_id": "W1", "quantity_change": -2},
}  # fmt: skip
MARKS = {f"ce-{name}": CLOUD[name] for name in ("specversion", "id", "source", "type", "time")}
R4 = {
    "eventId": "e", "eventType": "INVENTORY_UPDATE", "sku": "S1", "warehouseId": "W1", "quantityChange": 1,
    "timestamp": TIME,
}  # fmt: skip
SCHEMA = {"googclient_schemaencoding": "BINARY"}


def look(topic, body, held_to=None, **attributes):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return look_at(topic, data, attributes, AT, SETTINGS, held_to=held_to)


@pytest.mark.parametrize(
    ("topic", "body", "attributes", "envelope", "kind"),
    [
        (builders.UPDATES, builders.level(5), {}, "r0", "level"),
        (builders.UPDATES, {"operation": "insert", "document": builders.level(5)}, {}, "connector", "level"),
        (builders.UPDATES, {"type": "heartbeat"}, {}, "r0", "filtered"),
        (SERVICES, CLOUD, {}, "cloudevents", "transaction"),
        (SERVICES, CLOUD["data"], MARKS, "cloudevents", "transaction"),
        (SERVICES, R4, {}, "r4", "transaction"),
        (ADJUSTMENTS, ADJUSTMENT, {}, "adjustment", "transaction"),
        (ADJUSTMENTS, encode_protobuf(ADJUSTMENT), SCHEMA, "protobuf", "transaction"),
        ("alerts-topic", {"alert_id": "alt-1"}, {}, "r0", ""),
    ],
)
def test_each_envelope_is_told_by_its_marks(topic, body, attributes, envelope, kind):
    found = look(topic, body, **attributes)

    assert (envelope, kind, "") == (found.envelope, found.kind, found.problem)


def test_a_document_is_whole_whatever_carried_it():
    binary = look(SERVICES, CLOUD["data"], **MARKS)
    schema = look(ADJUSTMENTS, encode_protobuf(ADJUSTMENT), **SCHEMA)

    assert CLOUD == binary.document
    assert ADJUSTMENT | {"adjustment": "-2"} == schema.document


@pytest.mark.parametrize(
    ("topic", "body", "attributes", "problem", "is_decoded"),
    [
        (builders.UPDATES, b"{", {}, "invalid_json: ", False),
        (builders.UPDATES, {"x": 1}, {}, "unknown_kind: ", True),
        (builders.UPDATES, R4, {}, "wrong_topic: ", True),
        (SERVICES, CLOUD | {"type": "odd"}, {}, "unsupported_type: ", True),
        (ADJUSTMENTS, b"\xff", SCHEMA, "schema_mismatch: ", False),
        ("alerts-topic", b"\xff", {}, "invalid_json: ", False),
    ],
)
def test_what_would_be_a_dead_letter_says_why(topic, body, attributes, problem, is_decoded):
    found = look(topic, body, **attributes)

    assert found.problem.startswith(problem)
    assert ("", is_decoded) == (found.kind, found.document is not None)


def test_held_to_an_envelope_another_one_is_wrong():
    right = look(SERVICES, CLOUD, "cloudevents")
    other = look(SERVICES, R4, "cloudevents")
    broken = look(SERVICES, b"{", "cloudevents")

    assert "" == right.problem
    assert ("transaction", "other_envelope: it is in r4, not cloudevents") == (other.kind, other.problem)
    assert broken.problem.startswith("invalid_json")


@pytest.mark.parametrize("body", [encode_protobuf(ADJUSTMENT), json.dumps(ADJUSTMENT).encode()])
def test_without_the_topics_mark_protobuf_is_decoded_where_it_is_asked_for(body):
    found = look("another-topic", body, "protobuf")

    assert ("protobuf", "", "S1") == (found.envelope, found.problem, found.document["item_id"])
    other = look("another-topic", {"x": 1}, "protobuf")
    assert ({}, True) == (other.document, other.problem.startswith("schema_mismatch: the InventoryEvent held []"))

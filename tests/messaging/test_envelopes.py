"""Messages of a topic with the product's schema, in both encodings (RULES 41)."""

import pytest

from inventory_assets.domain.events.envelopes import ENCODING
from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.messaging.envelopes import BINARY, JSON, decode_protobuf
from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from tests.builders import SAMPLE_LEVEL, SAMPLE_TRANSACTION, envelope, level, message, topic_for, transaction
from tests.envelopes import ADJUSTMENTS, adjustment, cloudevent, event_of, protobuf

SETTINGS = ParseSettings(decode_protobuf=decode_protobuf)


def taken(sent: Message):
    """The event of a message, or why there is none."""
    return parse_message(sent.topic, sent.data, sent.attributes, sent.publish_at, SETTINGS)


@pytest.mark.parametrize("encoding", [JSON, BINARY])
@pytest.mark.parametrize(
    "document",
    [
        SAMPLE_LEVEL,
        SAMPLE_TRANSACTION,
        level(0, reserved_stock=0, min_threshold=0, reorder_threshold=5, restock_in_progress=True),
        level(-5, updated_at="2022-04-20T09:00:00.123456Z", category_id="C", unit_price=1.5, lead_time_days=3),
        envelope(level(7), 5, 2, source_epoch=3),
        transaction("T", "TRANSFER", 4, to_warehouse_id="W2", status="SHIPPED", line_id="1"),
        envelope(transaction("T", status="PENDING", status_changed_at="2022-04-20T09:00:00Z"), 6, source_epoch=1),
        adjustment(-3, event_id="a1", reason="count"),
    ],
    ids=lambda document: str(document)[:40],
)
def test_it_says_the_same_as_the_document(document, encoding):
    """The very same event, id and all: from JSON to protobuf nothing is told twice, and nothing is lost."""
    topic = ADJUSTMENTS if "adjustment" in document else topic_for(document)

    assert taken(message(document, topic=topic)) == taken(protobuf(event_of(document), encoding))


@pytest.mark.parametrize("encoding", [JSON, BINARY])
def test_what_is_absent_is_not_zero(encoding):
    found = taken(protobuf(event_of(level(10)), encoding))
    without = taken(protobuf(InventoryEvent(item_id="S1", timestamp="2022-04-20T08:00:00Z"), encoding))

    assert (found.reserved, found.min_threshold, found.parents) == (None, None, ("UNKNOWN",) * 4)
    assert isinstance(without, Rejection) and without.reason == "missing_field" and "adjustment" in without.detail


def test_fields_of_a_newer_schema_are_ignored():
    event = event_of(adjustment(event_id="a"))
    newer = event.SerializeToString() + b"\xc2\x3e\x03new"  # field 1000, of text
    as_json = b'{"newField": [1], "itemId": "S1", "adjustment": "-1", "timestamp": "2022-04-20T08:00:00Z", "warehouseId": "W1", "eventId": "a"}'
    sent = [
        message(newer, topic=ADJUSTMENTS, **{ENCODING: BINARY}),
        message(as_json, topic=ADJUSTMENTS, **{ENCODING: JSON}),
    ]

    assert [taken(protobuf(event, JSON))] * 2 == [taken(each) for each in sent]


def test_a_row_is_itself_whatever_the_encoding():
    """RULES 10: of two equal lines two events; the same line again is the same."""
    event = event_of(adjustment())
    sent = [
        protobuf(event, JSON, row_id="f:1"),
        protobuf(event, BINARY, row_id="f:1"),
        protobuf(event, JSON, row_id="f:2"),
    ]
    result = process_burst(InventoryState(), parse_burst(sent, SETTINGS), version=1)

    assert ["applied", "duplicate", "applied"] == [arrival.outcome for arrival in result.arrivals]


def carrying(body: bytes, encoding: str) -> Message:
    """A message as it slips past a schema, or of another one."""
    return message(body, topic=ADJUSTMENTS, **{ENCODING: encoding})


TWO_FACTS = event_of(level())
TWO_FACTS.MergeFrom(event_of(adjustment()))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (carrying(b"\xff\xff", BINARY), "schema_mismatch"),
        (carrying(b'{"item_id": "S1"}', BINARY), "schema_mismatch"),
        (carrying(b"\x0a\x02\xff\xfe", BINARY), "schema_mismatch"),  # text that is none
        (carrying(b"", BINARY), "schema_mismatch"),  # decodes, and holds nothing
        (carrying(b"", JSON), "schema_mismatch"),
        (carrying(b"[]", JSON), "schema_mismatch"),
        (carrying(b'{"adjustment": 1, "adjustment": 2}', JSON), "schema_mismatch"),
        (carrying(b'{"adjustment": 1.5}', JSON), "schema_mismatch"),
        (carrying(b'{"item_id": 5}', JSON), "schema_mismatch"),
        (carrying(b'{"stock_level": 5}', JSON), "schema_mismatch"),
        # What Python's reader of protobuf's JSON takes, and no other.
        *[
            (carrying(b'{"item_id": "S1", "adjustment": %s}' % value, JSON), "schema_mismatch")
            for value in (b"true", b'"1_0"', b'" 1 "')
        ],
        (carrying(b'{"stock_level": []}', JSON), "schema_mismatch"),
        (carrying(b"{}", "AVRO"), "schema_mismatch"),
        # A bare document beside a schema: what the schema lacks is ignored, and no fact is left.
        (message(level(), topic=ADJUSTMENTS, **{ENCODING: JSON}), "missing_field"),
        (message(cloudevent("stock.updated", {}), topic=ADJUSTMENTS, **{ENCODING: JSON}), "schema_mismatch"),
        *[(protobuf(TWO_FACTS, encoding), "schema_mismatch") for encoding in (JSON, BINARY)],
        *[
            (protobuf(event_of(document), encoding), reason)
            for encoding in (JSON, BINARY)
            for document, reason in (
                ({"current_stock": 1}, "missing_field"),
                (transaction("T", quantity=5), "invalid_sign"),
                (transaction("T", "THEFT"), "invalid_value"),
                (level(10**12 + 1), "invalid_value"),
                (level(sku=" S1"), "invalid_id"),
                (adjustment(0), "invalid_sign"),
                (adjustment(timestamp="soon"), "invalid_value"),
                (level(at="2009-01-01T00:00:00Z"), "event_time_out_of_range"),
                (envelope(level(), 5, source_epoch=-1), "invalid_value"),
            )
        ],
    ],
)
def test_what_does_not_fit_is_refused(sent, reason):
    found = taken(sent)

    assert isinstance(found, Rejection) and reason == found.reason

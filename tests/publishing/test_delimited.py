"""A file of binary events: each is found by its length, judged as it arrives, and said in any envelope that can."""

import io
import json

import pytest
from google.protobuf import json_format
from google.protobuf.proto import serialize_length_prefixed
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Level, Transaction
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.given_files import BadRow, HeaderError
from inventory_assets.messaging.envelopes import decode_protobuf
from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from inventory_assets.publishing.delimited import plan_messages, read_delimited
from inventory_assets.publishing.rows import Order, Tally
from tests.builders import TRANSACTIONS, UPDATES, level, message, transaction
from tests.envelopes import ADJUSTMENTS, SERVICES, adjustment, event_of

NOW = message(b"").publish_at
PARSING = ParseSettings(decode_protobuf=decode_protobuf)
WITH_POSITION = {"cluster_time": {"t": 1650438000, "i": 1}, "source": "db", "source_epoch": 2}


def delimited(*events: InventoryEvent) -> bytes:
    out = io.BytesIO()
    for event in events:
        serialize_length_prefixed(event, out)
    return out.getvalue()


def drafts(raw: bytes, envelope: Envelope, topic: str = ADJUSTMENTS, *, is_binary: bool = True):
    order = Order(topic=topic, envelope=envelope, now=NOW, parsing=PARSING, is_binary=is_binary)
    return list(plan_messages(read_delimited(io.BytesIO(raw), "f"), order).drafts())


def messages_of(event: InventoryEvent, envelope: Envelope, topic: str = ADJUSTMENTS, **options: bool):
    [draft] = drafts(delimited(event), envelope, topic, **options)
    assert draft.message is not None, draft.problem
    return draft


EVENTS = [event_of(level(7)), event_of(transaction("T", quantity=-2)), event_of(adjustment(event_id="a1"))]


def test_each_message_goes_out_in_its_own_bytes_where_the_topic_is_binary():
    found = drafts(delimited(*EVENTS), Envelope.PROTOBUF)

    assert [event.SerializeToString() for event in EVENTS] == [draft.message.data for draft in found]
    assert [{}] * 3 == [draft.message.attributes for draft in found]


def test_and_as_json_where_the_topic_is_json():
    found = drafts(delimited(*EVENTS), Envelope.PROTOBUF, is_binary=False)

    assert EVENTS == [json_format.Parse(draft.message.data, InventoryEvent()) for draft in found]


@pytest.mark.parametrize("envelope", [Envelope.DOCUMENT, Envelope.CLOUDEVENTS, Envelope.SERVICE, Envelope.ADJUSTMENT])
def test_an_adjustment_is_the_same_units_in_every_envelope(envelope):
    topic = SERVICES if envelope is Envelope.SERVICE else ADJUSTMENTS

    event = messages_of(event_of(adjustment(-3, event_id="a1")), envelope, topic).event

    assert isinstance(event, Transaction)
    assert ("ADJUSTMENT", -3, "S1", "W1") == (event.type, event.quantity, event.sku, event.warehouse_id)


def test_an_adjustment_keeps_its_id_where_the_topic_may_get_the_schema():
    """A publisher changes over at any moment, and what it repeats is a duplicate."""
    own = event_of(adjustment(event_id="a1"))
    before = messages_of(own, Envelope.DOCUMENT)
    after = messages_of(own, Envelope.PROTOBUF)

    assert "adjustment:a1" == before.event.event_id == after.event.event_id


def test_equal_adjustments_without_an_id_are_two():
    """RULES 10: their place in the file is their id."""
    own = event_of(adjustment())

    for envelope in (Envelope.DOCUMENT, Envelope.PROTOBUF, Envelope.ADJUSTMENT):
        ids = [draft.event.event_id for draft in drafts(delimited(own, own), envelope)]
        assert 2 == len(set(ids)), envelope


def test_an_adjustment_is_a_transaction_on_the_topic_of_these():
    sent = messages_of(event_of(adjustment(event_id="a1")), Envelope.DOCUMENT, TRANSACTIONS).message

    assert {"transaction_id": "a1", "status": "COMPLETED", "quantity": -1}.items() <= json.loads(sent.data).items()


@pytest.mark.parametrize("document", [level(7), transaction("T", quantity=-2)], ids=["level", "transaction"])
@pytest.mark.parametrize("more", [{}, WITH_POSITION], ids=["bare", "with its position"])
def test_a_nested_document_is_the_one_it_would_be_by_itself(document, more):
    event = event_of(document)
    nested = event.stock_level if event.HasField("stock_level") else event.stock_transaction
    json_format.ParseDict(more, nested)

    sent = messages_of(event, Envelope.DOCUMENT, UPDATES if "current_stock" in document else TRANSACTIONS)
    by_schema = messages_of(event, Envelope.PROTOBUF)

    assert isinstance(sent.event, Level | Transaction)
    assert by_schema.event == sent.event


def test_a_position_that_an_envelope_cannot_say_is_a_bad_message():
    event = event_of(transaction("T", "ADJUSTMENT", 2))
    json_format.ParseDict(WITH_POSITION, event.stock_transaction)

    [draft] = drafts(delimited(event), Envelope.CLOUDEVENTS)

    assert draft.message is None and "cluster_time" in draft.problem


def complaint(raw: bytes) -> str:
    tally = Tally()
    for draft in drafts(raw, Envelope.PROTOBUF):
        tally.count(draft)
    return tally.complaint("f", "so")


def test_a_file_that_is_cut_short_says_at_which_byte():
    whole = delimited(*EVENTS)
    second = len(delimited(EVENTS[0]))

    text = complaint(whole[: second + 10])

    assert f"message 2, byte {second}: its length says" in text and "cut short" in text
    assert [True, False] == [draft.message is not None for draft in drafts(whole[: second + 10], Envelope.PROTOBUF)]


def test_a_message_that_breaks_a_rule_is_said_with_its_byte_and_the_next_one_is_read():
    bad = event_of(transaction("T", quantity=5))
    raw = delimited(EVENTS[0], bad, EVENTS[1])

    found = drafts(raw, Envelope.PROTOBUF)

    assert [True, False, True] == [draft.message is not None for draft in found]
    assert f"message 2, byte {len(delimited(EVENTS[0]))}: invalid_sign" in complaint(raw)


def test_bytes_that_are_no_event_are_said():
    raw = b"\x03\xff\xff\xff" + delimited(EVENTS[0])

    assert "message 1, byte 0: schema_mismatch" in complaint(raw)
    assert drafts(raw, Envelope.PROTOBUF)[1].message is not None


def test_an_empty_message_is_refused_and_an_empty_file_has_none():
    assert "schema_mismatch" in complaint(b"\x00")
    assert [] == drafts(b"", Envelope.PROTOBUF)


@pytest.mark.parametrize("raw", [b"\xff" * 10, b"\xff" * 3, b'{"adjustment": 1}', b"\x80"])
def test_what_is_no_such_file_is_refused_with_what_was_expected(raw):
    text = complaint(raw)

    assert "byte 0" in text and "writeDelimitedTo" in text
    assert ("--format-in json" in text) is raw.startswith(b"{")


def test_a_topic_that_takes_no_such_envelope_is_refused():
    with pytest.raises(HeaderError, match="inventory-topic"):
        drafts(delimited(*EVENTS), Envelope.PROTOBUF, TRANSACTIONS)


def test_a_kind_that_is_not_the_topics_is_a_bad_message():
    [draft] = drafts(delimited(EVENTS[0]), Envelope.DOCUMENT, TRANSACTIONS)

    assert "wrong_topic" in draft.problem


@given(st.lists(st.sampled_from(EVENTS), max_size=6), st.binary(max_size=30), st.integers(0, 200))
def test_whatever_the_bytes_nothing_else_happens_than_messages_and_complaints(events, rubbish, cut):
    raw = delimited(*events)
    table = read_delimited(io.BytesIO(raw[:cut] + rubbish), "f")

    found = list(table.rows())

    assert [*range(1, len(found) + 1)] == [number for number, _ in found]
    whole = [cells[0] for _, cells in found if not isinstance(cells, BadRow)]
    sent = [event.SerializeToString() for event in events]
    if cut >= len(raw):
        assert sent == whole[: len(sent)]
    assert all(table.places(number) for number, _ in found)

"""Which envelope a message has: by its attributes, else by its body (RULES 1, 2, 38, 41)."""

import base64
import json

import pytest

from inventory_assets.domain.events.envelopes import ENCODING, KINDS_BY_TOPIC, open_message
from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from tests.builders import command, envelope, level, message, moment, rule, transaction
from tests.domain.events.reading import read
from tests.envelopes import ADJUSTMENTS, adjustment, binary, cloudevent, service_event

CHANGE = {"sku": "S1", "warehouse_id": "W1", "quantity_change": -2}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
DOCUMENTS = {
    "transaction": transaction("T"), "level": level(), "threshold": rule(), "control": command("pause"),
    "cloudevent": cloudevent("stock.adjusted", CHANGE), "r4_event": service_event(), "adjustment": adjustment(),
}  # fmt: skip


def taken(sent):
    """The event of a message, or why there is none."""
    return parse_message(sent.topic, sent.data, sent.attributes, sent.publish_at, ParseSettings())


def kind_of(sent, settings=ParseSettings()):  # noqa: B008
    """The kind of the document that a message holds."""
    return open_message(sent.topic, sent.data, sent.attributes, sent.publish_at, settings)[0]


@pytest.mark.parametrize("topic", KINDS_BY_TOPIC)
def test_a_topic_takes_its_own_kinds_and_refuses_all_others(topic):
    """RULES 2, and the paragraph before 38."""
    found = {kind: read(document, topic=topic) for kind, document in DOCUMENTS.items()}

    refused = {kind for kind, event in found.items() if isinstance(event, Rejection)}
    assert set(DOCUMENTS) - KINDS_BY_TOPIC[topic] == refused
    assert {"wrong_topic"} >= {found[kind].reason for kind in refused}


def test_what_the_attributes_say_comes_before_what_the_body_looks_like():
    """A schema's encoding, on its topic alone; then a content type; then the marks of a binary event; then the body."""
    decoding = ParseSettings(decode_protobuf=lambda body, encoding: {"adjustment": "1"})
    marked = binary(DOCUMENTS["cloudevent"])
    marks = marked.attributes | {"content-type": "application/json"}
    sent = [
        (message(level(), topic=ADJUSTMENTS, **{ENCODING: "JSON"}, **STRUCTURED), "adjustment"),
        (message(level(), topic="inventory-updates-topic", **{ENCODING: "JSON"}), "level"),
        (message(level(), topic=ADJUSTMENTS, **marks | STRUCTURED), "cloudevent"),
        (message(level(), topic=ADJUSTMENTS, **marks), "cloudevent"),
        (message(level(), topic=ADJUSTMENTS, **{"content-type": "application/json", "row_id": "f:1"}), "level"),
        (message(level() | {"specversion": "1.0"}, topic=ADJUSTMENTS), "level"),
    ]  # fmt: skip

    assert [kind for _, kind in sent] == [kind_of(each, decoding) for each, _ in sent]


def test_data_may_come_in_base64_and_a_content_type_may_say_what_it_is():
    data = base64.b64encode(json.dumps(CHANGE).encode()).decode()
    event = cloudevent("stock.adjusted", None, data_base64=data)
    said = message(event, topic=ADJUSTMENTS, **{"content-type": "application/cloudevents+json; charset=UTF-8"})
    # What else is in it does not decide what it is, once the content type has.
    odd = message(
        event | {"current_stock": 5, "document": "x"},
        topic=ADJUSTMENTS,
        **{"content-type": "application/cloudevents+json"},
    )

    assert [-2, -2, -2] == [taken(each).quantity for each in (message(event, topic=ADJUSTMENTS), said, odd)]
    assert taken(message(event | {"document": "x"}, topic=ADJUSTMENTS)).quantity == -2


def test_what_is_deleted_of_a_collection_of_events_takes_nothing_back():
    event = cloudevent("stock.adjusted", CHANGE)
    deleted = message(envelope(event, 0, operation="delete", namespace="shop.inbox"), topic=ADJUSTMENTS)

    assert Filtered("no_stock_fact") == taken(deleted)


@pytest.mark.parametrize(
    ("document", "topic"),
    [(rule(updated_at=None), "thresholds-topic"), (command("pause", timestamp=None), "control-topic")],
)
def test_a_replay_makes_nothing_newer(document, topic):
    """What has no time of its own is of when it was published first; never of later than its own publication."""
    again = {"replay_of": "m", "first_published_at": moment("09:00")}
    at = read(transaction("T", at="09:00")).event_at

    assert at == read(document, topic=topic, **again).event_at
    assert (
        read(document, topic=topic).event_at == read(document, topic=topic, first_published_at=moment("09:00")).event_at
    )
    assert "invalid_value" == read(document, topic=topic, **again | {"first_published_at": "then"}).reason

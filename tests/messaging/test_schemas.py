"""The product's schema at a registry: attached when asked, evolved when it may be, and what publishers then meet.

Belongs here: what our client does at our emulator. Does not belong: what a
registry decides (`tests/emulator`), the command (`tests/commands`).
"""

import json
from dataclasses import replace

import pytest
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from inventory_assets.messaging.client import OutgoingMessage, PubSubPublisher
from inventory_assets.messaging.errors import BrokerUnavailableError, PublishError, SchemaError, TopologyError
from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from inventory_assets.messaging.schemas import attach_schemas, compare_with_registered
from inventory_assets.messaging.topology import (
    ChangeAction,
    SchemaSpec,
    Topology,
    TopologyChange,
    load_topology,
)
from inventory_assets.messaging.topology_apply import apply_topology
from tests.messaging.brokers import REPOSITORY, Broker

NAME, TOPIC = "inventory-schema", "inventory-topic"
PACKAGED = load_topology().schemas[0].definition
ADDED = PACKAGED.replace("optional string reason = 6;", "optional string reason = 6;\n  optional string author = 7;")


@pytest.fixture
def shop(ours):
    """A broker with the topic of the manifest that has a schema, and its subscription."""
    ours.create(TOPIC, "inventory-sub")
    return ours


def _attach(broker: Broker, definition: str = PACKAGED, **settings: str) -> tuple[list[TopologyChange], list[str]]:
    told: list[str] = []
    changes = attach_schemas(
        broker.project, tell=told.append, topology=_topology(definition, **settings), emulator_host=broker.host
    )
    return changes, told


def _topology(definition: str = PACKAGED, **settings: str) -> Topology:
    topology = load_topology()
    topics = [
        replace(each, schema=replace(each.schema, **settings)) if each.schema else each for each in topology.topics
    ]
    return replace(topology, topics=tuple(topics), schemas=(SchemaSpec(NAME, definition),))


def _registry(broker: Broker) -> SchemaServiceClient:
    return SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=broker.connection.publisher_channel))


def _path(broker: Broker) -> str:
    return f"projects/{broker.project}/schemas/{NAME}"


def _revisions(broker: Broker) -> list[str]:
    return [each.revision_id for each in _registry(broker).list_schema_revisions(name=_path(broker))]


def _settings(broker: Broker):
    return broker.publisher.get_topic(topic=broker.topic_path(TOPIC)).schema_settings


def test_the_manifest_attaches_r2_s_schema_to_r2_s_topic():
    """R2: `gcloud pubsub topics update inventory-topic --schema=inventory-schema --message-encoding=json`."""
    attached = {each.name: each.schema for each in load_topology().topics if each.schema}

    assert [(topic, each.name, each.encoding) for topic, each in attached.items()] == [(TOPIC, NAME, "JSON")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('encoding = "JSON"', 'encoding = "json"', "expected JSON or BINARY"),
        ('schema = { name = "inventory-schema"', 'schema = { name = "other"', "schema 'other'"),
        ('file = "inventory.proto"', 'file = "absent.proto"', "absent.proto"),
        ('encoding = "JSON"', 'encodings = "JSON"', "encodings"),
    ],
)
def test_a_manifest_whose_schemas_do_not_hold_together_is_refused(old, new, said):
    text = (REPOSITORY / "inventory_assets" / "messaging" / "topology.toml").read_text()

    with pytest.raises(TopologyError, match=said):
        load_topology(text.replace(old, new))


def test_nothing_is_attached_unasked(ours):
    """RULES 41 and the paragraph before 38: never by default, as publishers of R0's documents would be refused."""
    apply_topology(ours.project, emulator_host=ours.host)

    assert _settings(ours).schema == ""
    assert list(_registry(ours).list_schemas(parent=f"projects/{ours.project}")) == []


def test_attaching_is_said_before_and_done_once(shop):
    changes, told = _attach(shop)
    settings = _settings(shop)
    again = _attach(shop)

    assert told == [
        "schema inventory-schema: create it",
        "topic inventory-topic: attach schema inventory-schema, JSON; from then on it takes nothing else",
    ]
    assert [(each.action, each.resource, each.name) for each in changes] == [
        (ChangeAction.CREATED, "schema", NAME),
        (ChangeAction.UPDATED, "topic", TOPIC),
    ]
    assert (settings.schema, settings.encoding.name) == (_path(shop), "JSON")
    assert again == ([], [])
    # Applying without the flag leaves it attached.
    apply_topology(shop.project, emulator_host=shop.host)
    assert _settings(shop) == settings


def test_a_compatible_definition_becomes_the_next_revision(shop):
    _attach(shop)
    changes, told = _attach(shop, ADDED)

    assert changes == [TopologyChange(ChangeAction.UPDATED, "schema", NAME, "author added as optional string = 7")]
    assert told[0].startswith("schema inventory-schema: commit a revision after ")
    assert len(_revisions(shop)) == 2
    # The release before this one, run again, must not take the field away; nor does a comment cost a revision.
    assert _attach(shop) == ([], [])
    assert _attach(shop, ADDED.replace("Why, in words;", "In words, why;")) == ([], [])
    assert len(_revisions(shop)) == 2


def test_what_is_incompatible_is_refused_before_anything_is_changed(shop):
    _registry(shop).create_schema(
        parent=f"projects/{shop.project}",
        schema={"type_": "PROTOCOL_BUFFER", "definition": PACKAGED.replace("int64 adjustment", "int32 adjustment")},
        schema_id=NAME,
    )

    with pytest.raises(
        SchemaError, match=r"InventoryEvent.adjustment: optional int32 = 2 became optional int64 = 2"
    ) as refused:
        _attach(shop)

    assert "nothing was changed" in str(refused.value)
    assert _settings(shop).schema == "" and len(_revisions(shop)) == 1


def test_a_schema_of_another_language_is_left_alone(shop):
    avro = json.dumps({"type": "record", "name": "A", "fields": []})
    _registry(shop).create_schema(
        parent=f"projects/{shop.project}", schema={"type_": "AVRO", "definition": avro}, schema_id=NAME
    )

    with pytest.raises(SchemaError, match="is AVRO, expected PROTOCOL_BUFFER"):
        _attach(shop)


def test_the_twenty_first_revision_is_refused_with_the_way_out(shop):
    _attach(shop)
    [first] = _revisions(shop)
    for _ in range(19):
        _registry(shop).rollback_schema(name=_path(shop), revision_id=first)

    with pytest.raises(SchemaError, match=f"20 revisions.*the oldest, {first}"):
        _attach(shop, ADDED)


def test_a_topic_s_range_is_of_revisions_that_there_are(shop):
    _attach(shop)
    [first] = _revisions(shop)

    with pytest.raises(SchemaError, match="names revision 'absent'"):
        _attach(shop, last_revision="absent")
    changes, told = _attach(shop, last_revision=first, encoding="BINARY")
    assert [each.resource for each in changes] == ["topic"]
    assert "was inventory-schema in JSON" in told[0]
    assert _settings(shop).last_revision_id == first


def test_comparing_changes_nothing(ours):
    found = compare_with_registered(ours.project, NAME, PACKAGED, emulator_host=ours.host)

    assert (found.revisions, found.changes, found.refused) == ((), (), ())
    assert list(_registry(ours).list_schemas(parent=f"projects/{ours.project}")) == []
    with pytest.raises(SchemaError, match="no schema that Pub/Sub takes: line 1"):
        compare_with_registered(ours.project, NAME, "message", emulator_host=ours.host)
    with pytest.raises(BrokerUnavailableError, match="does not answer"):
        compare_with_registered("project", NAME, PACKAGED, emulator_host="127.0.0.1:1")


# -- R2's example ------------------------------------------------------

ADJUSTMENTS = [
    {
        "item_id": f"item-{number:03}",
        "adjustment": (-1) ** number * 5 * number,
        "timestamp": f"2024-05-01T08:{number:02}:00Z",
    }
    for number in range(1, 11)
]


@pytest.mark.parametrize("encoding", ["JSON", "BINARY"])
def test_ten_adjustments_hold_to_the_attached_schema_and_what_breaks_it_is_refused(shop, encoding):
    """R2, steps 4 to 6. Refused as https://cloud.google.com/pubsub/docs/schemas has it: it "is not published"."""
    _attach(shop, encoding=encoding)
    publisher = PubSubPublisher(shop.project, emulator_host=shop.host)
    good = [json.dumps(each).encode() for each in ADJUSTMENTS]
    if encoding == "BINARY":
        good = [InventoryEvent(**each).SerializeToString() for each in ADJUSTMENTS]
    broken = {"JSON": b'{"item_id": "item-001", "adjustment": "five"}', "BINARY": b"\x0a\xff"}[encoding]

    ids = publisher.publish([OutgoingMessage(TOPIC, body) for body in good])
    with pytest.raises(PublishError, match="INVALID_ARGUMENT.*Message failed schema validation"):
        publisher.publish([OutgoingMessage(TOPIC, broken)])
    publisher.close()
    received = shop.pull("inventory-sub", count=10)

    assert len(ids) == 10
    assert sorted(each.message.data for each in received) == sorted(good)
    assert {each.message.attributes["googclient_schemaencoding"] for each in received} == {encoding}
    assert {each.message.attributes["googclient_schemaname"] for each in received} == {_path(shop)}
    assert {each.message.attributes["googclient_schemarevisionid"] for each in received} == {*_revisions(shop)}
    assert shop.pull_now("inventory-sub") == []

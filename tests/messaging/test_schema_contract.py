"""Schemas in Avro, of our emulator and of Google's, which has no other language.

Belongs here: what both do. Does not belong: protobuf, which Google's documents
alone can tell us of (`tests/emulator/test_schema_registry.py`).
"""

from typing import Any

import pytest
from google.api_core import exceptions
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from tests.messaging.brokers import CALL_SECONDS, Broker

AVRO = '{"type": "record", "name": "Move", "fields": [{"name": "sku", "type": "string"}]}'
NEXT = AVRO.replace("}]}", '}, {"name": "count", "type": "int", "default": 0}]}')
GOOD = {"JSON": b'{"sku": "S"}', "BINARY": b"\x02S"}


class Registry:
    """A broker's schema `moves`, and topics that use it."""

    def __init__(self, broker: Broker) -> None:
        self._schemas = SchemaServiceClient(
            transport=SchemaServiceGrpcTransport(channel=broker.connection.publisher_channel)
        )
        self._broker = broker
        self._parent = f"projects/{broker.project}"
        self.name = f"{self._parent}/schemas/moves"
        schema = {"type_": "AVRO", "definition": AVRO}
        self.first = self.call("create_schema", parent=self._parent, schema=schema, schema_id="moves").revision_id

    def call(self, method: str, **fields: Any) -> Any:
        return getattr(self._schemas, method)(request=fields, retry=None, timeout=CALL_SECONDS)

    def commit(self, definition: str) -> str:
        schema = {"name": self.name, "type_": "AVRO", "definition": definition}
        return self.call("commit_schema", name=self.name, schema=schema).revision_id

    def create_topic(self, encoding: str = "JSON") -> None:
        self._broker.create_topic("topic", schema_settings={"schema": self.name, "encoding": encoding})
        self._broker.create()


@pytest.fixture
def registry(broker):
    return Registry(broker)


@pytest.mark.parametrize("encoding", ["JSON", "BINARY"])
def test_a_message_says_by_what_it_was_held_to_its_schema(broker, registry, encoding):
    registry.create_topic(encoding)
    broker.publish(GOOD[encoding], warehouse="W")

    [received] = broker.pull()

    assert dict(received.message.attributes) == {
        "warehouse": "W",
        "googclient_schemaname": registry.name,
        "googclient_schemaencoding": encoding,
        "googclient_schemarevisionid": registry.first,
    }


@pytest.mark.parametrize(
    ("encoding", "body"), [("JSON", b'{"sku": 1}'), ("JSON", b"{}"), ("JSON", b"S"), ("BINARY", b"\x09S")]
)
def test_what_does_not_hold_to_the_schema_is_refused(broker, registry, encoding, body):
    registry.create_topic(encoding)

    with pytest.raises(exceptions.InvalidArgument):
        broker.publish(body)


def test_a_schema_goes_on_in_revisions(broker, registry):
    second = registry.commit(NEXT)
    copy = registry.call("rollback_schema", name=registry.name, revision_id=registry.first)
    listed = registry.call("list_schema_revisions", name=registry.name)

    assert copy.definition == AVRO
    assert {each.revision_id for each in listed} == {registry.first, second, copy.revision_id}
    assert registry.call("get_schema", name=f"{registry.name}@{second}").definition == NEXT
    assert registry.call("get_schema", name=registry.name).revision_id == copy.revision_id
    registry.call("delete_schema_revision", name=f"{registry.name}@{second}")
    with pytest.raises(exceptions.NotFound):
        registry.call("get_schema", name=f"{registry.name}@{second}")


def test_a_revision_that_cannot_read_the_one_before_is_refused(registry):
    with pytest.raises(exceptions.InvalidArgument):
        registry.commit(AVRO.replace("string", "int"))


def test_a_topic_whose_schema_is_deleted_says_so_and_takes_nothing(broker, registry):
    registry.create_topic()
    registry.call("delete_schema", name=registry.name)

    settings = broker.publisher.get_topic(topic=broker.topic_path("topic"), timeout=CALL_SECONDS).schema_settings
    assert settings.schema == "_deleted-schema_"
    with pytest.raises(exceptions.NotFound, match="deleted"):
        broker.publish(GOOD["JSON"])

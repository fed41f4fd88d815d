"""Schemas: definitions, messages, and topics that insist on them.

Belongs here: Avro and Protocol Buffers without their compilers.
"""

import pytest
from google.api_core import exceptions
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from inventory_assets.emulator.avro import AvroError, AvroSchema
from inventory_assets.emulator.proto_text import ProtoError, ProtoSchema

AVRO = """{"type": "record", "name": "Move", "namespace": "a.b", "fields": [
  {"name": "sku", "type": "string"}, {"name": "quantity", "type": "long"},
  {"name": "note", "type": ["null", "string"], "default": null},
  {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["ORDER", "RESTOCK"]}},
  {"name": "tags", "type": {"type": "array", "items": "string"}}]}"""
GOOD = b'{"sku": "S", "quantity": 1, "note": {"string": "n"}, "kind": "ORDER", "tags": ["a"]}'
PROTO = """
syntax = "proto3";  // as in R2
package shop;
message Adjustment {
  enum Kind { UNKNOWN = 0; ORDER = 1; }
  message Line { string sku = 1; int32 quantity = 2 [deprecated = true]; }
  repeated Line lines = 1;
  Kind kind = 2;
  map<string, int64> totals = 3;
  oneof who { string user = 4; string system = 5; }
  reserved 9;
}
"""


def test_an_avro_message_that_holds_passes():
    AvroSchema(AVRO).check_json(GOOD)
    AvroSchema(AVRO).check_binary(b"\x02S\x02\x02\x02n\x00\x02\x02a\x00")


@pytest.mark.parametrize(
    "message",
    [
        b"{",
        b"[]",
        GOOD.replace(b'"quantity": 1', b'"quantity": "1"'),
        GOOD.replace(b'"quantity": 1', b'"quantity": 9223372036854775808'),
        GOOD.replace(b'"ORDER"', b'"OTHER"'),
        GOOD.replace(b'{"string": "n"}', b'"n"'),
        GOOD.replace(b'"sku": "S", ', b""),
        GOOD.replace(b'"sku"', b'"more": 1, "sku"'),
    ],
)
def test_an_avro_message_that_does_not_hold_is_named(message):
    with pytest.raises(AvroError, match="message"):
        AvroSchema(AVRO).check_json(message)


@pytest.mark.parametrize("definition", ["{", '"strin"', '{"type": "record", "name": "A"}', "{}"])
def test_an_avro_definition_that_does_not_hold_is_refused(definition):
    with pytest.raises(AvroError):
        AvroSchema(definition)


def test_a_protobuf_message_that_holds_passes():
    found = ProtoSchema(PROTO)
    found.check_json(b'{"lines": [{"sku": "S", "quantity": 2}], "kind": "ORDER", "totals": {"a": "5"}}')
    found.check_binary(b"\x0a\x03\x0a\x01S\x10\x01")


@pytest.mark.parametrize("message", [b"{", b'{"other": 1}', b'{"lines": [{"quantity": "x"}]}', b'{"kind": "NO"}'])
def test_a_protobuf_message_that_does_not_hold_is_named(message):
    with pytest.raises(ProtoError, match="message"):
        ProtoSchema(PROTO).check_json(message)


@pytest.mark.parametrize(
    "definition",
    [
        "",
        'syntax = "proto3";',
        "message A { string a = ; }",
        "message A { Absent a = 1; }",
        'import "b.proto"; message A {}',
        "message A {",
    ],
)
def test_a_protobuf_definition_that_does_not_hold_is_refused(definition):
    with pytest.raises(ProtoError):
        ProtoSchema(definition)


def test_a_topic_with_a_schema_refuses_what_does_not_hold(ours):
    schemas = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=ours.connection.publisher_channel))
    parent = f"projects/{ours.project}"
    schemas.create_schema(parent=parent, schema={"type_": "PROTOCOL_BUFFER", "definition": PROTO}, schema_id="inv")
    ours.create_topic("topic", schema_settings={"schema": f"{parent}/schemas/inv", "encoding": "JSON"})
    ours.create()
    ours.publish(b'{"kind": "ORDER"}')

    with pytest.raises(exceptions.InvalidArgument, match="schema"):
        ours.publish(b'{"nonsense": 1}')
    assert [each.name for each in schemas.list_schemas(parent=parent)] == [f"{parent}/schemas/inv"]
    assert schemas.get_schema(name=f"{parent}/schemas/inv").definition == PROTO
    with pytest.raises(exceptions.InvalidArgument):
        schemas.validate_schema(parent=parent, schema={"type_": "AVRO", "definition": "{"})
    schemas.validate_message(
        request={"parent": parent, "name": f"{parent}/schemas/inv", "message": b"{}", "encoding": 1}
    )
    schemas.delete_schema(name=f"{parent}/schemas/inv")
    with pytest.raises(exceptions.NotFound):
        schemas.get_schema(name=f"{parent}/schemas/inv")

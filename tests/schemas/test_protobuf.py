"""Definitions and messages of protobuf, held to protoc and to what the registry takes of it."""

import pytest

from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from inventory_assets.schemas.protobuf import MAX_DEFINITION_BYTES, ProtoError, ProtoSchema
from tests.messaging.test_proto import FILE, REPOSITORY

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
  optional int64 stock = 6;
  optional double price = 7;
  optional Line first = 8;
  map<string, Line> shelves = 10;
  reserved 9;
}
"""


@pytest.fixture(scope="module")
def schema():
    return ProtoSchema(PROTO)


def test_a_message_that_holds_passes(schema):
    schema.check_json(b'{"lines": [{"sku": "S", "quantity": 2}], "kind": "ORDER", "totals": {"a": "5"}, "stock": 0}')
    schema.check_json(
        b' {"stock": "-5", "price": "Infinity", "kind": 7, "first": null, "shelves": {"a": {"sku": "S"}}}'
    )
    schema.check_json(b'{"stock": 1.0, "price": 1e3, "lines": [], "first": {}}')
    schema.check_binary(b"\x0a\x03\x0a\x01S\x10\x01")
    schema.check_binary(b"\x98\x06\x01")  # field 99, unknown
    assert schema.message_name == "shop.Adjustment"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"lines"',
        b'\xef\xbb\xbf{"stock": 1}',
        b"{} {}",
        b"\xff",
        b'{"other": 1}',
        b'{"stock": 1, "stock": 2}',
        b'{"stock": 1.5}',
        b'{"stock": 9223372036854775808}',
        b'{"stock": true}',
        b'{"stock": {}}',
        b'{"user": "a", "system": "b"}',
        b'{"lines": [{"quantity": "x"}]}',
        b'{"lines": {"sku": "S"}}',
        b'{"kind": "NO"}',
        b'{"user": "\\ud800"}',
        # What Python's own parser would take.
        b'{"first": []}',
        b'{"first": ""}',
        b'{"lines": [[]]}',
        b'{"shelves": {"a": []}}',
        b'{"shelves": []}',
        b'{"stock": "1_0"}',
        b'{"stock": " 1"}',
        b'{"stock": "\xd9\xa1"}',
        b'{"price": "1_0"}',
        b'{"price": true}',
        b'{"price": NaN}',
        b'{"price": 1e999}',
        b'{"kind": true}',
        b'{"lines": ' + b"[" * 100_000,
        b'{"stock": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda message: message[:24].decode(errors="replace"),
)
def test_json_that_does_not_hold_is_named(schema, message):
    """https://protobuf.dev/programming-guides/json: one object, each field of its type, no field unknown."""
    with pytest.raises(ProtoError, match="the message|is no number|is no JSON object"):
        schema.check_json(message)


@pytest.mark.parametrize("message", [b"{}", b"\x0a\x05\x0a\x01S", b"\x22\x01\xff", b"\x30"])
def test_bytes_that_do_not_hold_are_named(schema, message):
    """A wrong wire type, a length past the end, text that is no UTF-8, a number cut short."""
    with pytest.raises(ProtoError, match="the message is not of shop"):
        schema.check_binary(message)


def test_what_proto2_requires_is_required_in_both_encodings():
    schema = ProtoSchema("syntax = 'proto2'; message A { required string b = 1; }")
    schema.check_json(b'{"b": ""}')

    for check in (lambda: schema.check_json(b"{}"), lambda: schema.check_binary(b"")):
        with pytest.raises(ProtoError, match="required"):
            check()


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("", "expected one message"),
        ("syntax = 'proto3';", "expected one message"),
        ("syntax = 'proto3'; message A { string a = ; }", "line 1, column 43: Expected field number"),
        ("syntax = 'proto3';\nmessage A {\n  Absent a = 1;\n}", 'line 3, column 3: "Absent" is not defined'),
        ("syntax = 'proto3'; message A {", "missing '}'"),
        ("syntax = 'proto3'; message A { string a = 1; string b = 1; }", "already been used"),
        # https://cloud.google.com/pubsub/docs/schemas: one top-level type, no imports, proto2 and proto3.
        ("syntax = 'proto3'; import 'b.proto'; message A {}", "b.proto"),
        ("syntax = 'proto3'; import 'google/protobuf/any.proto'; message A {}", "any.proto"),
        ("syntax = 'proto3'; message A {} message B {}", "expected one message"),
        ("syntax = 'proto3'; enum E { A = 0; }", "expected one message"),
        ("syntax = 'proto3'; message A {} enum E { Z = 0; }", "expected one message"),
        ("edition = '2023'; message A {}", "expected proto2 or proto3"),
        ("syntax = 'proto3'; message A {} //" + "x" * MAX_DEFINITION_BYTES, "at most 300,000"),
    ],
)  # fmt: skip
def test_a_definition_that_does_not_hold_is_refused_where_it_does_not(definition, said):
    with pytest.raises(ProtoError) as refused:
        ProtoSchema(definition)

    assert said in str(refused.value)


def test_the_product_s_own_schema_is_one_the_registry_takes():
    schema = ProtoSchema((REPOSITORY / FILE).read_text())
    schema.check_json(b'{"item_id": "A", "adjustment": -5, "timestamp": "2024-05-01T08:00:00Z"}')
    schema.check_binary(InventoryEvent(item_id="A", adjustment=-5).SerializeToString())

    assert schema.message_name == InventoryEvent.DESCRIPTOR.full_name

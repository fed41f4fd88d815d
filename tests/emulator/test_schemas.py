"""Avro: definitions, messages, what a definition can read of another's.

Belongs here: Avro, as Google's own emulator has it too. Does not belong:
protobuf (`tests/schemas`), revisions and topics (`test_schema_registry`).
"""

import json

import pytest

from inventory_assets.emulator.avro import AvroError, AvroSchema

AVRO = """{"type": "record", "name": "Move", "namespace": "a.b", "fields": [
  {"name": "sku", "type": "string"}, {"name": "quantity", "type": "long"},
  {"name": "note", "type": ["null", "string"], "default": null},
  {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["ORDER", "RESTOCK"]}},
  {"name": "tags", "type": {"type": "array", "items": "string"}}]}"""
GOOD = b'{"sku": "S", "quantity": 1, "note": {"string": "n"}, "kind": "ORDER", "tags": ["a"]}'


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
        b"[" * 100_000,
    ],
    ids=lambda message: message[:60].decode(),
)
def test_an_avro_message_that_does_not_hold_is_named(message):
    with pytest.raises(AvroError, match="message"):
        AvroSchema(AVRO).check_json(message)


@pytest.mark.parametrize("definition", ["{", '"strin"', '{"type": "record", "name": "A"}', "{}"])
def test_an_avro_definition_that_does_not_hold_is_refused(definition):
    with pytest.raises(AvroError):
        AvroSchema(definition)


def _record(*fields: dict) -> AvroSchema:
    return AvroSchema(json.dumps({"type": "record", "name": "A", "fields": fields}))


@pytest.mark.parametrize(
    ("written", "reader", "why"),
    [
        ('"int"', '"long"', ""),
        ('"long"', '"int"', "schema: long became int"),
        ('"string"', '"bytes"', ""),
        ('"int"', '["null", "long"]', ""),
        ('["null", "int"]', '"int"', "schema: null became int"),
        ('"string"', '["null", "long"]', "schema: string is none of the union"),
        ('{"type": "array", "items": "int"}', '{"type": "array", "items": "string"}', "schema[]: int became string"),
        ('{"type": "map", "values": "int"}', '{"type": "map", "values": "double"}', ""),
        ('{"type": "fixed", "name": "F", "size": 2}', '{"type": "fixed", "name": "F", "size": 3}', "schema: size 2 be"),
        ('{"type": "fixed", "name": "F", "size": 2}', '{"type": "fixed", "name": "G", "size": 2}', "schema: F became"),
        (
            '{"type": "enum", "name": "E", "symbols": ["A", "B"]}',
            '{"type": "enum", "name": "E", "symbols": ["A"]}',
            "schema: symbols ['B'] are missing",
        ),
        (
            '{"type": "enum", "name": "E", "symbols": ["A", "B"]}',
            '{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}',
            "",
        ),
    ],
)
def test_what_avro_reads_of_another_s_messages(written, reader, why):
    """https://avro.apache.org/docs/1.11.1/specification/#schema-resolution."""
    found = AvroSchema(reader).why_unreadable(AvroSchema(written))

    assert found.startswith(why) and bool(found) == bool(why)


def test_avro_reads_a_record_whose_new_fields_have_defaults():
    sku, note = {"name": "sku", "type": "string"}, {"name": "note", "type": "string"}

    assert _record(sku, note | {"default": ""}).why_unreadable(_record(sku)) == ""
    assert _record(sku).why_unreadable(_record(sku, note)) == ""
    assert _record(sku, note).why_unreadable(_record(sku)) == "schema.note has no default"


def test_avro_compares_a_type_within_itself_once():
    tree = _record({"name": "next", "type": ["null", "A"]})

    assert tree.why_unreadable(tree) == ""

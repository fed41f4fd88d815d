"""`inventory schema` and `topics apply --attach-schemas`: what is said, and exit codes."""

import uuid

import pytest

from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
from inventory_assets.messaging.topology import load_topology

PACKAGED = load_topology().schemas[0].definition
GOOD = b'{"item_id": "A", "adjustment": -5, "timestamp": "2024-05-01T08:00:00Z"}\n'


def test_what_is_shown_is_the_text_to_register(run):
    assert run("schema", "show").out == PACKAGED


def test_lines_that_do_not_hold_are_named(run, tmp_path):
    path = tmp_path / "adjustments.jsonl"
    path.write_bytes(GOOD + b"\n" + b'{"item_id": "A", "amount": 1}\r\n' + b'{"adjustment": 1.5}\n')

    found = run("schema", "validate", str(path), "--format", "json")

    assert found.code == 1
    assert [(row["file"], row["line"]) for row in found.rows] == [(str(path), 3), (str(path), 4)]
    assert "amount" in found.rows[0]["problem"] and "adjustment" in found.rows[1]["problem"]
    assert "2 of 3 do not hold" in found.err


def test_what_holds_is_counted(run, tmp_path):
    lines, message = tmp_path / "good.jsonl", tmp_path / "message.bin"
    lines.write_bytes(GOOD * 3)
    message.write_bytes(InventoryEvent(item_id="A", adjustment=-5).SerializeToString())

    json_found = run("schema", "validate", str(lines))
    binary_found = run("schema", "validate", str(message), "--encoding", "binary")

    assert (json_found.code, binary_found.code) == (0, 0)
    assert "3 of 3 hold to inventory.v1.InventoryEvent" in json_found.err
    assert "1 of 1 hold" in binary_found.err


def test_a_definition_is_held_to_what_a_registry_takes(run, tmp_path):
    path = tmp_path / "two.proto"
    path.write_text("syntax = 'proto3'; message A {} message B {}")
    other = tmp_path / "latin.proto"
    other.write_bytes("// é".encode("latin-1"))

    found = run("schema", "validate", str(path), "--format", "json")

    assert found.code == 1 and found.rows[0]["line"] is None
    assert "top-level types ['A', 'B']" in found.rows[0]["problem"]
    assert run("schema", "validate", str(other)).err.startswith("Error: ")
    assert "not UTF-8" in run("schema", "validate", str(path), "--schema", str(other)).err


@pytest.mark.parametrize(
    ("old", "new", "code", "row"),
    [
        ("", "", 0, None),
        ("optional string reason = 6;", "optional string reason = 6;\n optional string author = 7;", 0,
         ("inventory.v1.InventoryEvent.author", "added as optional string = 7", True)),
        ("optional string reason = 6;", "", 0, ("inventory.v1.InventoryEvent.reason", "removed, was optional string = 6", True)),
        ("int64 adjustment", "sint64 adjustment", 1,
         ("inventory.v1.InventoryEvent.adjustment", "optional int64 = 2 became optional sint64 = 2", False)),
    ],
)  # fmt: skip
def test_two_definitions_are_compared_without_a_registry(run, tmp_path, old, new, code, row):
    before, after = tmp_path / "before.proto", tmp_path / "after.proto"
    before.write_text(PACKAGED)
    after.write_text(PACKAGED.replace(old, new, 1))

    found = run("schema", "diff", str(after), "--against", str(before), "--format", "json")

    assert found.code == code
    assert [(each["field"], each["change"], each["compatible"]) for each in found.rows] == ([row] if row else [])
    assert ("only optional fields" in found.err) is bool(code)


def test_attaching_is_told_first_and_then_listed(run, emulator, tmp_path, monkeypatch):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", f"p{uuid.uuid4().hex[:8]}")
    added = tmp_path / "added.proto"
    added.write_text(PACKAGED.replace("optional string reason = 6;", ""))

    before = run("schema", "diff")
    applied = run("topics", "apply", "--attach-schemas", "--format", "json")
    after = run("schema", "diff", str(added), "--format", "json")

    assert "not registered" in before.err and before.code == 0
    assert "topic inventory-topic: attach schema inventory-schema, JSON" in applied.err
    assert {"action": "created", "kind": "schema", "name": "inventory-schema", "detail": ""} in applied.rows
    assert [(row["field"], row["compatible"]) for row in after.rows] == [("inventory.v1.InventoryEvent.reason", True)]
    assert "no field differs" in run("schema", "diff").err

"""The schema of events and the module made of it.

Belongs here: what holds of `inventory.proto` itself. Does not belong: what a
message of it means (`tests/messaging/test_envelopes.py`), the registry.
"""

from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = "inventory_assets/messaging/proto/inventory.proto"
_FIELDS = descriptor_pb2.DescriptorProto.FIELD_FIELD_NUMBER


def test_the_module_is_what_protoc_makes_of_the_schema(tmp_path):
    """`make proto` was run after the last change of the schema."""
    made = ("inventory_pb2.py", "inventory_pb2.pyi")

    assert protoc.main(["protoc", f"-I{REPOSITORY}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", FILE]) == 0

    here, there = REPOSITORY / Path(FILE).parent, tmp_path / Path(FILE).parent
    assert [(here / name).read_text() for name in made] == [(there / name).read_text() for name in made]


def test_the_schema_is_one_message_without_imports_as_the_registry_asks():
    """https://cloud.google.com/pubsub/docs/schemas: one top-level type, and no other file is known there."""
    file = InventoryEvent.DESCRIPTOR.file

    assert [*file.message_types_by_name] == ["InventoryEvent"]
    assert not file.dependencies and not file.enum_types_by_name
    assert InventoryEvent.DESCRIPTOR.full_name == "inventory.v1.InventoryEvent"


def test_every_field_is_optional_so_that_absent_is_not_zero_and_any_may_go_later():
    """RULES 41; and https://cloud.google.com/pubsub/docs/schemas: only optional fields come and go."""
    messages = [InventoryEvent.DESCRIPTOR, *InventoryEvent.DESCRIPTOR.nested_types]

    assert [field.full_name for each in messages for field in each.fields if not field.has_presence] == []


def test_every_field_says_what_it_is(tmp_path):
    out = tmp_path / "set"
    protoc.main(["protoc", f"-I{REPOSITORY}", "--include_source_info", f"--descriptor_set_out={out}", FILE])
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file

    fields = [each for each in file.source_code_info.location if len(each.path) % 2 == 0 and each.path[-2] == _FIELDS]

    assert len(fields) > 60
    assert [[*each.path] for each in fields if not each.leading_comments.strip()] == []

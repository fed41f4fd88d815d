"""What may follow what. Each case cites https://cloud.google.com/pubsub/docs/commit-schema-revision but where it says.

"For Protocol Buffer schemas, you can add or remove optional fields. You can't
add or delete other fields. You also can't edit any existing field."
"""

import pytest

from inventory_assets.schemas.protobuf import ProtoSchema
from inventory_assets.schemas.revisions import Change, changes_between

BEFORE = """
  optional string sku = 1;
  optional int64 stock = 2;
  repeated string tags = 3;
  enum Kind { NONE = 0; ORDER = 1; }
  Kind kind = 4;
  message Line { optional string id = 1; }
  optional Line line = 5;
  oneof who { string user = 6; string system = 7; }
"""


def _file(body: str, *, head: str = "syntax = 'proto3'; package shop;", name: str = "Event"):
    return ProtoSchema(f"{head} message {name} {{ {body} }}").file


def _changes(old: str, new: str) -> list[Change]:
    return changes_between(_file(BEFORE), _file(BEFORE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("oneof who", "optional string note = 8; oneof who", "shop.Event.note"),
        ("oneof who", "message Note { optional string text = 1; } optional Note note = 8; oneof who", "shop.Event.note"),
        ("optional int64 stock = 2;", "", "shop.Event.stock"),
        ("optional int64 stock = 2;", "reserved 2;", "shop.Event.stock"),
        ("optional string id = 1;", "optional string id = 1; optional int32 part = 2;", "shop.Event.Line.part"),
        ("optional string id = 1;", "", "shop.Event.Line.id"),
    ],
)  # fmt: skip
def test_optional_fields_may_come_and_go(old, new, path):
    assert [(each.path, each.is_compatible) for each in _changes(old, new)] == [(path, True)]


@pytest.mark.parametrize(
    ("old", "new", "path", "what"),
    [
        ("oneof who", "repeated string more = 8; oneof who", "more", "added as repeated string = 8"),
        ("oneof who", "map<string, int64> more = 8; oneof who", "more", "added as repeated shop.Event.MoreEntry = 8"),
        ("repeated string tags = 3;", "", "tags", "removed, was repeated string = 3"),
        ("stock = 2", "on_hand = 2", "stock", "number 2 became on_hand"),
        ("stock = 2", "stock = 9", "stock", "number 2 became 9"),
        ("optional int64 stock", "optional int32 stock", "stock", "optional int64 = 2 became optional int32 = 2"),
        ("optional int64 stock", "repeated int64 stock", "stock", "optional int64 = 2 became repeated int64 = 2"),
        ("optional int64 stock", "int64 stock", "stock", "its proto3_optional changed"),
        ("stock = 2", "stock = 2 [deprecated = true]", "stock", "its options changed"),
        ("stock = 2", "stock = 2 [json_name = 'onHand']", "stock", "its json_name changed"),
        ("Kind kind = 4", "string kind = 4", "kind", "optional shop.Event.Kind = 4 became optional string = 4"),
        ("string user = 6;", "", "user", None),
        # The service's own words, quoted in "Backward and forward compatibility issues with protobufs in Google
        # Pub/Sub" (Stack Overflow): "…REFUND_CREATED = 5 is missing in refund.v0.Refund.RefundStatus".
        ("ORDER = 1;", "ORDER = 1; RETURN = 2;", "Kind.RETURN", "added as value 2"),
        ("ORDER = 1;", "", "Kind.ORDER", "removed as value 1"),
        ("ORDER = 1;", "SALE = 1;", "Kind.ORDER", "removed as value 1"),
    ],
)  # fmt: skip
def test_nothing_else_may_change(old, new, path, what):
    found = _changes(old, new)

    if what is None:  # a member of a oneof is as optional as any
        assert [each.is_compatible for each in found] == [True]
    else:
        assert (found[0].path, found[0].what, found[0].is_compatible) == (f"shop.Event.{path}", what, False)


def test_a_field_may_not_move_into_a_oneof():
    found = _changes("optional string sku = 1;\n  optional int64 stock = 2;", "oneof what { string sku = 1; }")

    assert ("shop.Event.sku", False) in [(each.path, each.is_compatible) for each in found]


@pytest.mark.parametrize(
    ("head", "name", "path"),
    [
        ("syntax = 'proto3'; package store;", "Event", "shop.Event"),
        ("syntax = 'proto3'; package shop;", "Fact", "shop.Event"),
        ("syntax = 'proto2'; package shop;", "Event", "syntax"),
    ],
)
def test_the_message_keeps_its_name_and_syntax(head, name, path):
    found = changes_between(_file("optional string a = 1;"), _file("optional string a = 1;", head=head, name=name))

    assert (found[0].path, found[0].is_compatible) == (path, False)


def test_comments_and_order_of_the_text_are_no_change():
    after = "// moved\n optional int64 stock = 2; /* first */ " + BEFORE.replace("optional int64 stock = 2;", "")

    assert changes_between(_file(BEFORE), _file(after)) == []

"""Sensitive fields are gone, hidden or hashed wherever they are; stock is never touched."""

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.shape.masking import STOCK_FIELDS, Masker, Treatment, build_masker, read_rule
from tests.connector.shape.shaped import KEY, change, transaction

DROP, MASK, HMAC = Treatment.DROP, Treatment.MASK, Treatment.HMAC


def masked(document: dict[str, Any], path: str, treatment: Treatment = MASK) -> dict[str, Any]:
    """A document after one rule."""
    build_masker([read_rule(f"inventory.{path}", treatment)], KEY).apply("inventory", document)
    return document


def hashed(text: str) -> str:
    """What stands in place of a text."""
    return "hmac-sha256:" + hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("user", {"user": "dana", "x": 1}, {"user": "***", "x": 1}),
        ("user", {"x": 1}, {"x": 1}),
        ("user", {"user": None}, {"user": None}),
        ("user", {"user": {"name": "dana"}}, {"user": "***"}),
        ("meta.by", {"meta": {"by": "dana", "x": 1}}, {"meta": {"by": "***", "x": 1}}),
        ("meta.by", {"meta": "none"}, {"meta": "none"}),
        # An array is gone through, said or unsaid: the second element is as sensitive as the first.
        ("items.*.by", {"items": [{"by": "a"}, {"by": "b"}]}, {"items": [{"by": "***"}, {"by": "***"}]}),
        ("items.by", {"items": [{"by": "a"}, [{"by": "b"}]]}, {"items": [{"by": "***"}, [{"by": "***"}]]}),
        ("items.*.by", {"items": {"k": {"by": "a"}}}, {"items": {"k": {"by": "***"}}}),
        ("tags.*", {"tags": ["a", 1, None]}, {"tags": ["***", "***", None]}),
        ("tags", {"tags": ["a", "b"]}, {"tags": "***"}),
        ("meta.*", {"meta": {"a": "x", "b": {"c": "y"}}}, {"meta": {"a": "***", "b": "***"}}),
    ],
)
def test_a_path_reaches_its_fields_and_no_other(path, document, expected):
    assert masked(document, path) == expected


def test_a_dropped_field_is_absent():
    assert masked({"meta": {"by": "dana", "x": 1}}, "meta.by", DROP) == {"meta": {"x": 1}}


def test_the_same_value_has_the_same_hash_whatever_type_it_was_kept_as():
    """An ObjectId in one collection is a string in another, and they must still join."""
    document = {"by": [{"$oid": "60b3f4d6c8e4b0e9b9f7c6e6"}, "60b3f4d6c8e4b0e9b9f7c6e6", 5, "5", None]}
    id_, five = hashed("60b3f4d6c8e4b0e9b9f7c6e6"), hashed("5")

    assert masked(document, "by", HMAC) == {"by": [id_, id_, five, five, None]}


def test_another_key_gives_another_hash():
    rule = read_rule("inventory.by", HMAC)
    one, other = {"by": "dana"}, {"by": "dana"}
    build_masker([rule], KEY).apply("inventory", one)
    build_masker([rule], KEY + b"!").apply("inventory", other)

    assert one != other


def test_a_rule_is_for_its_collection_alone():
    document = {"by": "dana"}
    build_masker([read_rule("transactions.by", MASK)], KEY).apply("inventory", document)

    assert document == {"by": "dana"}


@pytest.mark.parametrize(
    "text",
    [
        *[f"{role}.{name}" for role, names in STOCK_FIELDS.items() for name in sorted(names)],
        "transactions.quantity.$numberLong",
        "inventory.*",
        "thresholds.alert_settings",
        "thresholds.alert_settings.*",
        "thresholds.alert_settings.enabled",
    ],
)
def test_a_field_that_stock_is_made_of_cannot_be_masked(text):
    with pytest.raises(ValueError, match="is or holds what stock is computed from"):
        read_rule(text, MASK)


@pytest.mark.parametrize("text", ["user_id", "orders.user_id", "transactions", "transactions.", "transactions.a..b"])
def test_a_path_that_names_no_field_is_refused(text):
    with pytest.raises(ValueError, match="names no field"):
        read_rule(text, MASK)


def test_a_part_of_the_alert_settings_can_be_masked():
    assert read_rule("thresholds.alert_settings.recipients", MASK).path == ("alert_settings", "recipients")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("geheim"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "b", "s")), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(("a", "b", "s")), _JSON), st.sampled_from((DROP, MASK, HMAC)))
def test_nothing_at_or_beneath_the_path_is_left(document, treatment):
    found = masked({"s": document, "x": "kept"}, "s.*", treatment)

    assert "geheim" not in str(found)
    assert found["x"] == "kept"


def test_a_change_does_not_show_its_document():
    """A log line or a traceback leaves the process as much as a message does."""
    assert "dana" not in repr(change(transaction(user_id="dana", _id="dana")))


def test_the_key_is_not_shown():
    assert "enough" not in repr(Masker({}, KEY))

"""What the lake accepts, the schemas accept; versions evolve; no complaint shows a value."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given

from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.shape.extended_json import to_plain
from inventory_assets.connector.shape.schema_registry import SchemaRegistry, Verdict, load_registry
from inventory_assets.domain.events.kinds import Level, ThresholdRule, Tombstone, Transaction
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from tests.builders import SAMPLE_LEVEL, SAMPLE_RULE, SAMPLE_TRANSACTION, simulated
from tests.connector.shape.shaped import REGISTRY, TOPICS, level, rule, transaction
from tests.rules.case import message
from tests.rules.generators import streams

PUBLISH_AT = 1_900_000_000_000_000
ROLES = {Level: "inventory", Transaction: "transactions", ThresholdRule: "thresholds"}


def check_if_accepted(topic: str, data: bytes, publish_at: int = PUBLISH_AT) -> bool:
    """Check a message by schema if the lake accepts it; False where it does not, or it is a delete."""
    event = parse_message(topic, data, {}, publish_at, ParseSettings())
    role = ROLES.get(type(event))
    body = json.loads(data) if role else {}
    if role is None or body.get("operation") == "delete" or isinstance(event, Tombstone):
        return False
    document = body.get("document") or body
    assert REGISTRY.check(role, document).refusal is None, REGISTRY.check(role, document).detail
    return True


def test_what_the_simulator_sends_is_accepted_where_the_lake_accepts_it():
    _, sent = simulated(2_000, seed=7)

    checked = [check_if_accepted(each.topic, each.data) for each in sent]

    assert sum(checked) > 1_000


@pytest.mark.parametrize(
    ("role", "document"),
    [("inventory", SAMPLE_LEVEL), ("transactions", SAMPLE_TRANSACTION), ("thresholds", SAMPLE_RULE)],
)
def test_the_sample_documents_are_accepted(role, document):
    assert REGISTRY.check(role, document) == Verdict("1.0")


@given(streams(rules=8))
def test_what_the_laws_are_tested_with_is_accepted_where_the_lake_accepts_it(stream):
    for item in stream:
        sent = message(item)
        check_if_accepted(sent.topic, sent.data)


# Everything a reader of the lake has an opinion about, right and wrong.
_VALUES = (
    None, True, False, 0, 5, -5, 10**12, 10**12 + 1, 2.0, 1.5, -3.0, 0.9, 1e300, "", "5", "-5", "+5", "5\n", " S1", "S1",
    "x" * 256, "x" * 257, "ä" * 128, "a\u0000b", {"$numberLong": "5"}, {"$numberInt": "-5"}, {"$numberDouble": "5.0"},
    {"$numberDouble": "1e3"}, {"$numberDouble": "-1e3"}, {"$numberDouble": "NaN"}, {"$numberDecimal": " 5 "},
    {"$numberDecimal": "-.5e1"}, {"$numberDecimal": ".5e1"}, {"$numberLong": 5}, {"$oid": "60b3f4d6c8e4b0e9b9f7c6e6"},
    {"$oid": 5}, {}, [], [5], {"a": 1}, "2022-04-20T07:00:00Z", "2022-04-20 07:00:00",
    "2022-04-20t07:00:00.123456789+02:00", "2022-04-20", {"$date": "2022-04-20T07:00:00Z"}, {"$date": 1650438000000},
    {"$date": {"$numberLong": "1650438000000"}}, "static", "dynamic", "ORDER", "RESTOCK", "TRANSFER", "PENDING",
    "SHIPPED", "GLOBAL", "BRAND", {"cooldown_period_minutes": "10", "enabled": None}, {"enabled": "yes"},
    {"cooldown_period_minutes": 1.5},
)  # fmt: skip
_FIELDS = {
    "transactions": ("transaction_id", "transaction_type", "status", "sku", "warehouse_id", "to_warehouse_id",
                     "quantity", "timestamp", "updated_at", "status_changed_at", "user_id", "metadata"),
    "inventory": ("sku", "warehouse_id", "current_stock", "reserved_stock", "product_id", "brand_id", "category_id",
                  "department_id", "min_threshold", "reorder_threshold", "restock_in_progress", "last_updated",
                  "updated_at", "status_changed_at", "unit_price", "metadata"),
    "thresholds": ("level_type", "level_id", "warehouse_id", "min_threshold_qty", "reorder_threshold_qty",
                   "min_threshold_days", "reorder_threshold_days", "alert_settings", "enabled", "deleted", "mode",
                   "service_level", "floor_qty", "updated_at", "created_at", "author"),
}  # fmt: skip
_TIME = "2022-04-20T07:00:00Z"
# What makes the lake look at other fields than it does otherwise.
_SWITCHES: dict[str, tuple[dict[str, Any], ...]] = {
    "transactions": (
        {}, {"updated_at": _TIME}, {"status_changed_at": _TIME}, {"transaction_type": "RESTOCK", "quantity": 5},
        {"transaction_type": "TRANSFER", "quantity": 5, "to_warehouse_id": "W2"},
    ),
    "inventory": ({}, {"updated_at": _TIME}),
    "thresholds": (
        {}, {"level_type": "GLOBAL"}, {"deleted": True}, {"deleted": False}, {"updated_at": None},
        {"min_threshold_qty": None, "reorder_threshold_days": 5}, {"alert_settings": {"enabled": True}},
        {"mode": "dynamic", "service_level": 0.9},
    ),
}  # fmt: skip
_BASES: dict[str, Any] = {"transactions": transaction, "inventory": level, "thresholds": rule}


@pytest.mark.parametrize("role", sorted(_FIELDS))
def test_no_document_that_the_lake_accepts_is_refused(role):
    """Stricter than the lake would be a stock fact lost; the other way round the lake says what is wrong."""
    base = json.loads(json.dumps(to_plain(_BASES[role]()), default=lambda value: value.isoformat()))
    documents = [
        base | switch | {name: value}
        for switch, name, value in itertools.product(_SWITCHES[role], _FIELDS[role], _VALUES)
    ]

    accepted = [check_if_accepted(TOPICS[role], json.dumps(document).encode()) for document in documents]

    assert {True, False} == set(accepted)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"quantity": 1.5}, 'quantity was a number, against type ["integer", "string", "object"]'),
        ({"quantity": True}, 'quantity was a boolean, against type ["integer", "string", "object"]'),
        ({"quantity": "two geheim"}, "quantity was a string, against pattern ^-?[0-9]{1,18}$"),
        ({"quantity": {"geheim": 1}}, "quantity was an object, against additionalProperties"),
        ({"sku": None}, 'sku was null, against type ["string", "object"]'),
        ({"sku": "geheim" * 50}, "sku was a string, against maxLength 256"),
        ({"status": "geheim"}, 'status was a string, against enum ["PENDING", "SHIPPED", "COMPLETED", "CANCELLED"]'),
    ],
)
def test_a_violation_names_the_path_and_the_rule_and_no_value(change, detail):
    verdict = REGISTRY.check("transactions", to_plain(transaction(**change)))

    assert verdict == Verdict("1.0", "schema_violation", f"transactions 1.0: {detail}")


def test_missing_fields_are_named():
    verdict = REGISTRY.check("inventory", {"sku": "S1", "note": "geheim"})

    assert verdict.detail == ("inventory 1.0: the document lacks warehouse_id, current_stock, last_updated (required)")


@pytest.fixture(scope="module")
def evolved() -> SchemaRegistry:
    """Two majors; 1.2 says more than 1.0."""

    def requires(*names: str) -> dict[str, Any]:
        return {"type": "object", "required": list(names)}

    return SchemaRegistry({"inventory": {(1, 2): requires("a", "b"), (1, 0): requires("a"), (2, 0): requires("c")}})


@pytest.mark.parametrize(
    ("stated", "document", "expected"),
    [
        (None, {"c": 1}, Verdict("2.0")),  # absent is the current one
        ("1.0", {"a": 1}, Verdict("1.0")),
        ("1.1", {"a": 1}, Verdict("1.1")),  # the newest that it can know of
        (1.2, {"a": 1, "b": 1}, Verdict("1.2")),  # a double, as a shell writes it
        ("1.9", {"a": 1, "b": 1}, Verdict("1.9")),  # a newer minor only adds
        (1, {"a": 1, "b": 1}, Verdict("1")),
        (1.0, {"a": 1, "b": 1}, Verdict("1")),
        ("2", {"c": 1}, Verdict("2")),
        ({"major": 1, "minor": 0}, {"a": 1}, Verdict("1.0")),
        ("3", {"c": 1}, Verdict("3", "unknown_schema_version", "schema_version was 3 of inventory, known are 1.0, 1.2, 2.0")),
    ],
)  # fmt: skip
def test_a_document_is_checked_against_the_version_it_states(evolved, stated, document, expected):
    assert evolved.check("inventory", {"schema_version": stated, **document}) == expected


@pytest.mark.parametrize("stated", ["banana", "1.2.3", "", True, -1, [], {}, {"major": "1"}, "١", 10**30])
def test_a_version_that_is_none_is_unknown(evolved, stated):
    assert evolved.check("inventory", {"schema_version": stated}).refusal == "unknown_schema_version"


def test_a_newer_minor_that_breaks_a_known_rule_is_refused(evolved):
    assert evolved.check("inventory", {"schema_version": "1.9", "a": 1}).refusal == "schema_violation"


def test_a_directory_adds_schemas_and_replaces_them(tmp_path):
    for name, fields in {"1.0.json": ["bin"], "1.1.json": ["sku"]}.items():
        (tmp_path / "inventory").mkdir(exist_ok=True)
        (tmp_path / "inventory" / name).write_text(json.dumps({"type": "object", "required": fields}))

    registry = load_registry(tmp_path)

    assert registry.current("inventory") == "1.1"
    assert registry.check("inventory", {"schema_version": "1.0", "bin": 1}).refusal is None
    assert registry.check("transactions", to_plain(transaction())).refusal is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("1.json", "{}", "expected such as 1.1.json"),
        ("1.1.json", "{", "it is no JSON"),
        ("1.1.json", '{"type": "object", "required": 5}', "cannot be compiled"),
    ],
)
def test_a_schema_that_is_none_is_a_configuration_error(tmp_path, name, text, expected):
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / name).write_text(text)

    with pytest.raises(ConfigurationError, match=expected):
        load_registry(tmp_path)

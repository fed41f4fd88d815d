"""A change becomes the message the lake reads as that change, or a dead letter that says why not."""

import json
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.config import load_config
from inventory_assets.connector.shape.masking import Treatment
from inventory_assets.connector.shape.routing import DEFAULT_LANES, Router, lane_key, refusal_of
from inventory_assets.connector.shape.shaping import Shaped, build_shaper
from inventory_assets.connector.shape.transforms import NamedTransform
from inventory_assets.connector.source.change import Operation, Poison
from inventory_assets.connector.source.keys import Keys
from inventory_assets.domain.events.kinds import Filtered, Level, Rejection, ThresholdRule, Tombstone, Transaction
from tests.connector.shape.shaped import (
    AT,
    ID,
    NOW,
    SECOND,
    TOPICS,
    change,
    delete,
    level,
    masker,
    read,
    rule,
    shaper,
    transaction,
)  # fmt: skip
from tests.connector.shape.test_extended_json import DOCUMENTS
from tests.messaging.brokers import REPOSITORY

POSITION = (1, SECOND * 1_000_000, 3)
EXAMPLES = REPOSITORY / "examples" / "connector"


def body(shaped: Shaped) -> dict[str, Any]:
    """A message's body."""
    assert shaped.message is not None
    return json.loads(shaped.message.data)


def hook(function: Any) -> tuple[NamedTransform, ...]:
    """One hook."""
    return (NamedTransform("acme:hook", function),)


def test_the_envelope_and_the_attributes_say_where_a_message_comes_from():
    shaped = shaper(source_epoch=1, masker=masker(transactions__user_id=Treatment.MASK)).shape(change(transaction()))

    assert shaped.message is not None
    assert body(shaped) == {
        "source": "mongodb:shop", "connector_id": "connector-1", "warehouse_id": "W1",
        "namespace": "shop.transactions", "operation": "insert", "source_epoch": 1,
        "cluster_time": {"t": SECOND, "i": 3}, "resume_token": {"_data": "8262"},
        "processed_at": "2022-04-20T07:00:01.000Z", "schema_version": "1.0",
        "document_key": {"_id": {"$oid": str(ID)}},
        "document": {
            "_id": {"$oid": str(ID)}, "transaction_id": "TRX-123456", "transaction_type": "ORDER", "sku": "S1",
            "warehouse_id": "W1", "quantity": -1, "order_id": "ORD-789012", "po_number": None,
            "timestamp": {"$date": "2022-04-20T07:00:00Z"}, "user_id": "***", "status": "COMPLETED",
        },
    }  # fmt: skip
    assert shaped.message.attributes == {
        "source": "mongodb:shop", "connector_id": "connector-1", "warehouse_id": "W1", "collection": "transactions",
        "operation": "insert", "processed_at": "2022-04-20T07:00:01.000Z", "schema_version": "1.0",
        
    }  # fmt: skip
    assert shaped.message.topic == "inventory-transactions-topic"
    assert shaped.message.ordering_key == lane_key("S1", 16)


@pytest.mark.parametrize("operation", [each for each in Operation if each is not Operation.DELETE])
def test_the_lake_reads_a_transaction_as_the_database_has_it(operation):
    event = read(shaper(source_epoch=1).shape(change(transaction(), operation=operation, token=None)))

    assert isinstance(event, Transaction)
    assert (event.transaction_id, event.type, event.status, event.warehouse_id, event.sku, event.quantity) == (
        "TRX-123456", "ORDER", "COMPLETED", "W1", "S1", -1,
    )  # fmt: skip
    assert (event.position, event.has_cluster_time, event.event_at) == (POSITION, True, SECOND * 1_000_000)


def test_the_lake_reads_a_level_as_the_database_has_it():
    document = level(brand_id="B1", restock_in_progress=True, min_threshold=Int64(5), metadata={"weight_kg": 0.2})
    event = read(shaper(source_epoch=1).shape(change(document, "inventory", Operation.UPDATE)))

    assert isinstance(event, Level)
    assert (event.on_hand, event.reserved, event.min_threshold, event.position) == (156, 12, 5, POSITION)


def test_the_lake_reads_a_rule_as_the_database_has_it():
    document = rule(min_threshold_days=1.5, alert_settings={"cooldown_period_minutes": 30, "enabled": False})
    event = read(shaper(source_epoch=1).shape(change(document, "thresholds", Operation.REPLACE)))

    assert isinstance(event, ThresholdRule)
    assert (event.scope, event.min_threshold_qty, event.min_threshold_days) == (("SKU", "S1", "W1"), 5, 1.5)
    assert (event.cooldown_minutes, event.is_enabled, event.author) == (30, False, "connector-1")


@pytest.mark.parametrize("quantity", [-7, Int64(-7), -7.0, "-7", Decimal128("-7"), Decimal128("-7.0")])
@pytest.mark.parametrize("sku", ["S1", ObjectId("60b3f4d6c8e4b0e9b9f7c6e6")])
def test_a_number_or_id_is_the_same_in_every_type_that_holds_it(quantity, sku):
    event = read(shaper().shape(change(transaction(quantity=quantity, sku=sku))))

    assert isinstance(event, Transaction)
    assert (event.quantity, event.sku) == (-7, str(sku))


@given(DOCUMENTS, st.integers(-(10**12), -1), st.sampled_from((Int64, int)))
def test_whatever_else_a_document_holds_its_stock_fact_arrives(others, quantity, kind):
    document = others | transaction(quantity=kind(quantity))

    event = read(shaper().shape(change(document)))

    assert isinstance(event, Transaction)
    assert (event.quantity, event.sku, event.event_at) == (quantity, "S1", SECOND * 1_000_000)


def test_a_time_stays_exact_to_the_millisecond():
    event = read(shaper().shape(change(transaction(updated_at=AT.replace(microsecond=7_000)))))

    assert isinstance(event, Transaction)
    assert event.event_at == SECOND * 1_000_000 + 7_000


def test_a_warehouse_of_the_configuration_names_the_database():
    shaped = shaper(warehouse_id="WH-EAST-1").shape(change(transaction()))

    assert shaped.message is not None
    assert shaped.message.attributes["warehouse_id"] == body(shaped)["warehouse_id"] == "WH-EAST-1"
    assert body(shaped)["document"]["warehouse_id"] == "W1"


# --- Deletes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deleted",
    [
        delete("inventory", image=level()),
        delete("inventory", warehouse_id="W1", sku="S1"),
        delete("inventory", image={"_id": ID, "note": "a stub"}, warehouse_id="W1", sku="S1"),
        # A tombstone needs its key and nothing else of a document that was never right.
        delete("inventory", image={"_id": ID, "warehouse_id": "W1", "sku": "S1", "current_stock": "many"}),
    ],
)
def test_a_deleted_level_is_a_tombstone(deleted):
    shaped = shaper(source_epoch=1).shape(deleted)
    event = read(shaped)

    assert isinstance(event, Tombstone)
    assert (event.warehouse_id, event.sku, event.position) == ("W1", "S1", POSITION)
    assert shaped.message is not None
    assert shaped.message.ordering_key == lane_key("S1", 16)


@pytest.mark.parametrize(
    ("deleted", "level_id"),
    [
        (delete("thresholds", image=rule()), "S1"),
        (delete("thresholds", level_type="SKU", level_id="S1"), "S1"),
        (delete("thresholds", image={"_id": ID, "level_type": "GLOBAL", "level_id": None}), ""),
    ],
)
def test_a_deleted_rule_deletes_its_scope(deleted, level_id):
    event = read(shaper().shape(deleted))

    assert isinstance(event, ThresholdRule)
    assert (event.is_deleted, event.level_id) == (True, level_id)


@pytest.mark.parametrize("deleted", [delete("transactions"), delete("transactions", image=transaction())])
def test_a_deleted_transaction_is_published_and_takes_no_stock_away(deleted):
    assert read(shaper().shape(deleted)) == Filtered("no_stock_fact")


@pytest.mark.parametrize(
    "deleted",
    [
        delete("inventory"),
        delete("inventory", sku="S1"),
        delete("inventory", image={"_id": ID, "sku": "S1"}),
        delete("thresholds"),
        delete("thresholds", level_type="SKU"),
    ],
)
def test_a_delete_that_does_not_say_of_what_is_a_dead_letter(deleted):
    shaped = shaper().shape(deleted)

    assert shaped.refusal == "delete_without_image"
    assert shaped.message is not None
    assert shaped.message.topic == "dead-letter-topic"
    assert "changeStreamPreAndPostImages" in shaped.message.attributes["detail"]


@pytest.mark.parametrize(
    ("name", "role", "namespace"),
    [
        ("stock_levels", "inventory", "shop.inventory"),
        ("east.inventory", "inventory", "shop.east.inventory"),
        ("rules", "thresholds", "shop.thresholds"),
    ],
)
def test_a_collection_of_another_name_is_still_told_by_its_role(name, role, namespace):
    """The lake knows the kind of a deleted document by the last part of the namespace alone."""
    key = {"warehouse_id": "W1", "sku": "S1", "level_type": "SKU", "level_id": "S1"}
    shaped = shaper(collections={name: role}).shape(delete(name, **key))

    assert body(shaped)["namespace"] == namespace
    assert shaped.message is not None
    assert (shaped.message.attributes["collection"], shaped.message.topic) == (name, TOPICS[role])
    assert isinstance(read(shaped), Tombstone if role == "inventory" else ThresholdRule)


# --- Refusals -----------------------------------------------------------------------------


def test_a_document_against_its_schema_is_a_dead_letter_with_the_masked_document():
    shaped = shaper(masker=masker(transactions__user_id=Treatment.MASK)).shape(change(transaction(quantity="two")))

    assert shaped.refusal == "schema_violation"
    assert shaped.message is not None
    assert shaped.message.topic == "dead-letter-topic"
    assert shaped.message.attributes["detail"] == (
        "transactions 1.0: quantity was a string, against pattern ^-?[0-9]{1,18}$"
    )
    assert shaped.message.attributes["original_topic"] == "inventory-transactions-topic"
    assert (body(shaped)["document"]["quantity"], body(shaped)["document"]["user_id"]) == ("two", "***")


@pytest.mark.parametrize(("refuses", "refusal"), [(True, "unknown_schema_version"), (False, None)])
def test_an_unknown_major_version_is_refused_unless_told_otherwise(refuses, refusal):
    shaped = shaper(refuses_unknown_versions=refuses).shape(change(transaction(schema_version="2.0")))

    assert shaped.refusal == refusal
    assert body(shaped)["schema_version"] == "2.0"


def test_a_newer_minor_version_is_published_as_such():
    shaped = shaper().shape(change(transaction(schema_version=1.5, new_field=1)))

    assert (shaped.refusal, body(shaped)["schema_version"]) == (None, "1.5")


def test_an_update_without_its_document_is_a_dead_letter():
    assert shaper().shape(change(None, operation=Operation.UPDATE)).refusal == "missing_document"


def test_what_a_hook_makes_of_a_document_is_what_is_checked_and_masked():
    """Hooks are what makes a foreign document fit the schema."""

    def adapt(document, change):
        document["quantity"], document["user_id"] = document.pop("qty"), document.pop("who")
        return document

    document = transaction(qty=-2, who="kim")
    del document["quantity"], document["user_id"]
    shaped = shaper(transforms=hook(adapt), masker=masker(transactions__user_id=Treatment.DROP)).shape(change(document))

    assert (shaped.refusal, body(shaped)["document"]["quantity"]) == (None, -2)
    assert b"kim" not in (shaped.message.data if shaped.message else b"")


def test_a_hook_that_drops_a_document_leaves_no_message():
    assert shaper(transforms=hook(lambda document, change: None)).shape(change(transaction())) == Shaped(None)


def _raise(document, change):
    raise ValueError(document["user_id"])


@pytest.mark.parametrize(
    ("function", "detail"),
    [
        (_raise, "hook acme:hook raised ValueError"),
        (lambda document, change: "geheim", "hook acme:hook returned a str"),
        (lambda document, change: document | {"x": {"geheim"}}, "a set is no BSON value"),
        (lambda document, change: document | {"x": "\ud800"}, "the document has no JSON form: UnicodeEncodeError"),
    ],
)
@pytest.mark.parametrize("rules", [{}, {"transactions__who": Treatment.MASK}])
def test_a_failed_hook_is_a_dead_letter_and_what_it_might_have_left_unmasked_is_not_in_it(function, detail, rules):
    """Masks go by the names that hooks give: before a hook is done, a mask may miss its field."""
    shaped = shaper(transforms=hook(function), masker=masker(**rules)).shape(change(transaction(user_id="geheim")))

    assert shaped.refusal == "transform_failed"
    assert shaped.message is not None
    assert shaped.message.attributes["detail"] == detail
    assert not rules or b"geheim" not in shaped.message.data


def test_poison_is_a_dead_letter_of_its_key_alone():
    poison = Poison(
        reason="undecodable_document", detail="invalid UTF-8", database="shop", collection="inventory",
        document_key={"_id": {"user": "dana", "n": Timestamp(1, 2)}}, cluster_time=(SECOND, 3),
        token={"_data": "8262"}, size_bytes=17,
    )  # fmt: skip
    shaped = shaper(masker=masker(inventory___id__user=Treatment.MASK)).shape(poison)

    assert shaped.refusal == "undecodable_document"
    assert shaped.message is not None
    assert shaped.message.attributes["detail"] == "invalid UTF-8 (17 bytes)"
    assert body(shaped)["document_key"] == {"_id": {"user": "***", "n": {"$timestamp": {"t": 1, "i": 2}}}}
    assert (body(shaped)["document"], body(shaped)["namespace"]) == (None, "shop.inventory")


@pytest.mark.parametrize(("path", "token"), [("transactions___id", None), ("transactions__user_id", {"_data": "8262"})])
def test_a_token_that_holds_a_masked_key_stays_here(path, token):
    """MongoDB writes the document's key into it, in hexadecimal digits."""
    shaped = shaper(masker=masker(**{path: Treatment.HMAC})).shape(change(transaction()))

    assert body(shaped)["resume_token"] == token
    assert isinstance(read(shaped), Transaction)


def test_a_message_over_the_limit_is_a_dead_letter_with_a_masked_excerpt():
    document = transaction(user_id="geheim", note="x" * 100_000)
    shaped = shaper(max_bytes=50_000, masker=masker(transactions__user_id=Treatment.MASK)).shape(change(document))

    assert shaped.refusal == "oversized"
    assert shaped.message is not None
    assert len(shaped.message.data) <= 50_000
    assert b"TRX-123456" in shaped.message.data and b"geheim" not in shaped.message.data


# --- Whatever a database holds ------------------------------------------------------------

ORDERINGS = (0, DEFAULT_LANES, "sku")
_IDS = st.one_of(
    st.sampled_from(("", "S1", "x" * 256, "x" * 5_000, "\U0001f4e6" * 256, "a:b", "\u0000")), st.text(max_size=5),
    st.integers(), st.none(), st.lists(st.text(), max_size=2), st.builds(ObjectId), st.builds(lambda: {"$oid": "x" * 3000}),
)  # fmt: skip


@given(
    collection=st.sampled_from(sorted(TOPICS)),
    operation=st.sampled_from(Operation),
    document=st.none() | DOCUMENTS,
    ids=st.dictionaries(st.sampled_from(("warehouse_id", "sku", "level_type", "level_id", "schema_version")), _IDS),
    key=st.dictionaries(st.sampled_from(("warehouse_id", "sku", "_id")), _IDS),
    ordering=st.sampled_from(ORDERINGS),
    refuses=st.booleans(),
)
def test_every_change_becomes_a_message_that_pubsub_takes(collection, operation, document, ids, key, ordering, refuses):
    """One attribute too long fails the whole request, with every message in it; an exception ends the service."""
    base = {"transactions": transaction, "inventory": level, "thresholds": rule}[collection]()
    whole = None if document is None else base | document | ids
    made = shaper(router=Router(topics=TOPICS, ordering=ordering), refuses_unknown_versions=refuses)

    shaped = made.shape(change(whole, collection, operation, document_key=key))

    assert shaped.message is not None
    assert refusal_of(shaped.message) is None
    assert body(shaped)["document_key"].keys() == key.keys()


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_tombstone_with_ids_of_any_length_is_a_message_that_pubsub_takes(ordering):
    """Its state is not checked, so nothing before has looked at them; the lake refuses them for their length."""
    made = shaper(router=Router(topics=TOPICS, ordering=ordering))

    shaped = made.shape(delete("inventory", warehouse_id="\U0001f4e6" * 5_000, sku="S" * 5_000))

    assert shaped.message is not None
    assert refusal_of(shaped.message) is None
    assert isinstance(read(shaped), Rejection)


@given(
    st.sampled_from(("plain", "schema", "version", "oversized", "delete", "stub", "raise", "set")),
    st.recursive(
        st.just("geheim"),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, min_size=1)
        ),
        max_leaves=5,
    ),
    st.sampled_from(Treatment),
)
def test_a_masked_value_leaves_by_no_way(way, value, treatment):
    document = level(person=value, _id={"person": value, "n": 1})
    ways: dict[str, dict[str, Any]] = {
        "schema": {"current_stock": None}, "version": {"schema_version": 9}, "oversized": {"note": "x" * 20_000},
        "stub": {"sku": None},
    }  # fmt: skip
    hooks = {"raise": _raise, "set": lambda document, change: document | {"x": set()}}
    operation = Operation.DELETE if way in ("delete", "stub") else Operation.UPDATE
    made = shaper(
        masker=masker(inventory__person=treatment, inventory___id__person=treatment), max_bytes=18_000,
        transforms=hook(hooks[way]) if way in hooks else (),
    )  # fmt: skip

    shaped = made.shape(change(document | ways.get(way, {}), "inventory", operation))

    assert (shaped.refusal is None) == (way in ("plain", "delete"))
    assert "geheim" not in f"{shaped!r}"


def test_a_document_as_deep_as_bson_allows_is_no_exception():
    nested: dict[str, Any] = {}
    for _ in range(180):
        nested = {"a": nested}

    assert shaper().shape(change(transaction(x=nested))).message is not None


def test_the_epoch_is_that_of_the_copy_that_runs():
    made = shaper()
    made.source_epoch = 1_700_000_000

    assert body(made.shape(change(transaction())))["source_epoch"] == 1_700_000_000


def test_a_configuration_builds_its_shaper():
    """The western warehouse has names of its own: for collections, for a field, and a note that is not for us."""
    made = build_shaper(load_config(EXAMPLES / "wh-west-1.yaml", {}), clock=lambda: NOW)
    moved = transaction(qty=-3)
    del moved["quantity"]

    event = read(made.shape(change(moved, "stock_moves")))
    shaped = made.shape(change(level(metadata={"notes": "geheim", "x": 1}), "stock_levels"))

    assert isinstance(event, Transaction)
    assert event.quantity == -3
    assert body(shaped)["document"]["metadata"] == {"x": 1}
    assert body(shaped)["namespace"] == "shop.inventory"


def test_a_key_that_was_left_ends_in_the_lake_at_the_position_of_its_change():
    """The old key ends and the new one begins, in one place of the order: no stock is there twice."""
    old = {"warehouse_id": "W1", "sku": "U-OLD"}
    moved = change(level(sku="U-NEW"), "inventory", Operation.UPDATE, before=old)

    events = [read(shaper(source_epoch=1).shape(each)) for each in Keys().add_left([moved])]

    assert [(type(event), event.sku, event.position) for event in events] == [
        (Tombstone, "U-OLD", POSITION), (Level, "U-NEW", POSITION),
    ]  # fmt: skip

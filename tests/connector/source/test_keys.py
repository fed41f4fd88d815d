"""What a document was known by, and the tombstone of a key it has left."""

from typing import Any

import pytest
from bson import ObjectId

from inventory_assets.connector.source.change import Change, Operation
from inventory_assets.connector.source.change_events import only_final
from inventory_assets.connector.source.keys import Keys

KEYS = Keys()


def level(sku: str | None, warehouse_id: str = "W", **fields: Any) -> dict[str, Any]:
    return {"warehouse_id": warehouse_id, "sku": sku, **fields}


def rule(level_type: str, level_id: str | None = None, warehouse_id: str | None = None) -> dict[str, Any]:
    return {"level_type": level_type, "level_id": level_id, "warehouse_id": warehouse_id}


def change(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    key: int = 1,
    at: int = 1,
    collection: str = "inventory",
    operation: Operation = Operation.UPDATE,
) -> Change:
    return Change(
        operation=operation, database="d", collection=collection, document_key={"_id": key}, document=after,
        cluster_time=(at, 1), token={"_data": f"{key}{at}"}, before=before,
    )  # fmt: skip


def told(changes: list[Any]) -> list[tuple[str, dict[str, Any] | None]]:
    return [(str(each.operation), each.document) for each in changes]


@pytest.mark.parametrize(
    ("collection", "before", "after"),
    [
        ("inventory", level("OLD"), level("NEW")),
        ("inventory", level("S", "W1"), level("S", "W2")),
        ("inventory", level("S"), level(None)),
        ("inventory", {"warehouse_id": "W", "sku": ObjectId(b"a" * 12)}, level("NEW")),
        ("thresholds", rule("SKU", "A"), rule("SKU", "B")),
        ("thresholds", rule("SKU", "A"), rule("BRAND", "A")),
        ("thresholds", rule("SKU", "A", "W1"), rule("SKU", "A")),
        ("thresholds", rule("GLOBAL"), rule("GLOBAL", None, "W1")),
    ],
)
@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.REPLACE])
def test_a_key_that_a_document_has_left_gets_a_tombstone_at_that_position(collection, before, after, operation):
    """Otherwise the lake would keep its last stock, or its rule, for ever."""
    moved = change(before, after, collection=collection, operation=operation)

    [tombstone, kept] = KEYS.add_left([moved])

    assert told([tombstone, kept]) == [("delete", before), (str(operation), after)]
    assert (tombstone.cluster_time, tombstone.token) == (moved.cluster_time, moved.token)


@pytest.mark.parametrize(
    ("collection", "before", "after"),
    [
        ("inventory", level("S", n=1), level("S", n=2)),
        ("inventory", None, level("S")),
        ("inventory", level(None), level("S")),
        ("thresholds", rule("GLOBAL", "x"), rule("GLOBAL", "y")),
        ("transactions", level("OLD"), level("NEW")),
    ],
)
def test_a_document_that_keeps_its_key_leaves_none(collection, before, after):
    """A transaction has no key of its own; that one moved is for the lake to say (RULES 13)."""
    kept = change(before, after, collection=collection)

    assert KEYS.add_left([kept]) == [kept]


def test_within_a_transaction_the_key_from_before_it_counts():
    """What was in between was never to be seen by anybody."""
    first, second = change(level("A"), level("B")), change(level("B"), level("C"))

    assert told(KEYS.add_left(only_final([first, second]))) == [("delete", level("A")), ("update", level("C"))]


def test_two_documents_that_swap_keys_within_a_transaction_leave_none():
    """A tombstone at the position of the other's level would hide it."""
    swap = [change(level("A"), level("B"), key=1), change(level("B"), level("A"), key=2)]

    assert told(KEYS.add_left(only_final(swap))) == [("update", level("B")), ("update", level("A"))]


def test_a_document_deleted_and_inserted_with_another_key_in_a_transaction_leaves_its_first():
    deleted = change(None, level("A"), operation=Operation.DELETE)
    inserted = change(None, level("B"), operation=Operation.INSERT)

    assert told(KEYS.add_left(only_final([deleted, inserted]))) == [("delete", level("A")), ("insert", level("B"))]


def test_a_key_is_what_hooks_make_of_a_document():
    """And of an image the whole is kept then: a hook may look at any field."""
    keys = Keys(
        roles={"stock": "inventory"}, adapt=lambda found: None if not found.document else {
            "warehouse_id": "W", "sku": found.document["article"]["code"],
        },
    )  # fmt: skip
    before = keys.keep("stock", {"article": {"code": "OLD"}})

    [tombstone, _] = keys.add_left([change(before, {"article": {"code": "NEW"}}, collection="stock")])

    assert tombstone.document == {"article": {"code": "OLD"}}


def test_where_a_hook_says_nothing_of_a_document_nothing_is_concluded():
    keys = Keys(adapt=lambda found: None if found.document == level("NEW") else found.document)

    assert len(keys.add_left([change(level("OLD"), level("NEW"))])) == 1

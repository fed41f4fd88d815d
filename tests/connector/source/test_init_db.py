"""Preparing a source database, against a server."""

import copy
from collections import Counter
from datetime import UTC, datetime

import pytest
from bson import Int64
from pymongo.database import Database
from pymongo.errors import WriteError

from inventory_assets.connector.source.init_db import init_db
from inventory_assets.connector.source.mongo_client import check_replica_set

WATCHED = ["inventory", "transactions", "thresholds"]
# R0's samples.
LEVEL = {
    "sku": "IPHONE13-PRO-256-SILVER", "product_id": "IPHONE13-PRO", "brand_id": "APPLE", "category_id": "SMARTPHONES",
    "department_id": "ELECTRONICS", "warehouse_id": "WH-EAST-1", "current_stock": 156, "reserved_stock": 12,
    "available_stock": 144, "min_threshold": 50, "reorder_threshold": 100, "restock_in_progress": False,
    "last_updated": datetime(2022, 4, 20, 7, tzinfo=UTC), "metadata": {"weight_kg": 0.2},
}  # fmt: skip
TRANSACTION = {
    "transaction_id": "TRX-123456", "transaction_type": "ORDER", "sku": "IPHONE13-PRO-256-SILVER",
    "warehouse_id": "WH-EAST-1", "quantity": -1, "order_id": "ORD-789012", "po_number": None, "return_id": None,
    "adjustment_reason": None, "timestamp": datetime(2022, 4, 20, 7, tzinfo=UTC), "user_id": "system",
    "status": "COMPLETED", "batch_id": "BATCH-456",
}  # fmt: skip
THRESHOLD = {
    "level_type": "CATEGORY", "level_id": "SMARTPHONES", "warehouse_id": "WH-EAST-1", "min_threshold_qty": 50,
    "reorder_threshold_qty": 100, "min_threshold_days": 7, "reorder_threshold_days": 14,
    "alert_settings": {"cooldown_period_minutes": 60, "enabled": True}, "updated_at": datetime(2022, 4, 15, tzinfo=UTC),
}  # fmt: skip
SAMPLES = {"inventory": LEVEL, "transactions": TRANSACTION, "thresholds": THRESHOLD}


def has_images(database: Database, collection: str) -> bool:
    [found] = database.list_collections(filter={"name": collection})
    return found["options"]["changeStreamPreAndPostImages"]["enabled"]


def by_name(rows):
    return {(row.kind, row.name): row.action for row in rows}


def test_an_empty_database_gets_all_there_is(database: Database):
    rows = init_db(database, collections=WATCHED)

    assert Counter(row.action for row in rows if row.kind in ("collection", "index")) == {"created": 3 + 10}
    assert all(has_images(database, each) for each in WATCHED)
    indexes = {
        (name, tuple(key for key, _ in index["key"]), index.get("unique", False))
        for name in WATCHED
        for index in database[name].index_information().values()
    }
    assert ("inventory", ("warehouse_id", "sku"), True) in indexes
    assert ("transactions", ("transaction_type", "timestamp"), False) in indexes


def test_running_it_again_changes_nothing(database):
    init_db(database, collections=WATCHED)
    before = [copy.deepcopy(dict(entry)) for entry in database.list_collections()]

    rows = init_db(database, collections=WATCHED)

    assert {row.action for row in rows} == {"kept"}
    assert list(database.list_collections()) == before


def test_the_samples_of_the_architecture_are_valid(database):
    init_db(database, collections=WATCHED)

    for name, sample in SAMPLES.items():
        database[name].insert_one(dict(sample))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("inventory", {"current_stock": 5.0, "reserved_stock": None, "last_updated": "2022-04-20T07:00:00Z"}),
        ("inventory", {"current_stock": Int64(-3), "further": {"field": 1}}),
        ("transactions", {"transaction_type": "TRANSFER", "status": "SHIPPED", "quantity": 5, "to_warehouse_id": "W2"}),
        ("thresholds", {"level_type": "GLOBAL", "level_id": None, "warehouse_id": None, "min_threshold_days": 1.5}),
    ],
)
def test_what_the_lake_takes_is_valid(database, name, changes):
    init_db(database, collections=WATCHED)

    database[name].insert_one({**SAMPLES[name], **changes})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("inventory", {"current_stock": "many"}),
        ("inventory", {"current_stock": 1.5}),
        ("inventory", {"sku": ""}),
        ("inventory", {"warehouse_id": 7}),
        ("transactions", {"quantity": 0}),
        ("transactions", {"status": "DONE"}),
        ("transactions", {"transaction_type": "GIFT"}),
        ("transactions", {"transaction_id": None}),
        ("thresholds", {"min_threshold_qty": -1}),
        ("thresholds", {"level_type": "SHELF"}),
    ],
)
def test_what_the_lake_would_dead_letter_is_refused(database, name, changes):
    init_db(database, collections=WATCHED)

    with pytest.raises(WriteError):
        database[name].insert_one({**SAMPLES[name], **changes})


def test_documents_that_are_there_stay_and_can_still_be_updated(database):
    """A shop must not stop because of documents that were invalid before."""
    database.inventory.insert_one({"_id": 1, "sku": "S"})

    init_db(database, collections=WATCHED)
    database.inventory.update_one({"_id": 1}, {"$set": {"note": "x"}})

    assert database.inventory.find_one() == {"_id": 1, "sku": "S", "note": "x"}


def test_what_somebody_else_has_set_stays(database):
    own = {"$jsonSchema": {"required": ["sku"]}}
    database.create_collection("inventory", validator=own, validationLevel="strict")
    database.inventory.create_index([("warehouse_id", 1), ("sku", 1)])

    rows = by_name(init_db(database, collections=WATCHED))

    assert rows["validator", "inventory"] == "left"
    assert rows["index", "inventory(warehouse_id, sku)"] == "left"
    assert rows["images", "inventory"] == "changed"
    options = next(iter(database.list_collections(filter={"name": "inventory"})))["options"]
    assert (options["validator"], options["validationLevel"]) == (own, "strict")


def test_an_index_that_documents_contradict_is_reported(database):
    database.inventory.insert_many([dict(LEVEL) for _ in range(2)])

    rows = init_db(database, collections=WATCHED)

    [failed] = [row for row in rows if row.action == "failed"]
    assert failed.name == "inventory(warehouse_id, sku)" and "same key" in failed.detail
    assert by_name(rows)["index", "inventory(last_updated)"] == "created"
    assert database.inventory.count_documents({}) == 2


def test_a_replica_set_is_told_by_its_hello(mongo_client):
    assert check_replica_set(mongo_client)

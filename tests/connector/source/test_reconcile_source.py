"""The source's documents as a check reads them, from a real server."""

import json
from collections.abc import Iterator

import pytest
from bson import Int64, ObjectId
from pymongo import MongoClient

from inventory_assets.connector.source.reconcile_source import ASKED, ReconcileSource
from tests.connector.mongo import mongodb, new_database

pytestmark = pytest.mark.big


@pytest.fixture(scope="module")
def client() -> Iterator[MongoClient]:
    with mongodb() as uri, MongoClient(uri) as found:
        yield found


@pytest.fixture
def database(client: MongoClient) -> Iterator[str]:
    with new_database(client) as name:
        yield name


def test_levels_come_in_the_order_of_their_bytes(client: MongoClient, database: str) -> None:
    """The lake sorts so, too: the two are merged."""
    skus = ["b", "a", "Z", "é", "😀", "ﬀ", "a b", "aa"]
    client[database].inventory.insert_many([{"warehouse_id": w, "sku": sku} for sku in skus for w in ("W2", "W1")])

    found = [json.loads(text) for text in ReconcileSource(client, database).levels()]

    assert [(d["warehouse_id"], d["sku"]) for d in found] == [(w, sku) for w in ("W1", "W2") for sku in sorted(skus)]


def test_documents_are_the_json_that_the_lake_reads(client: MongoClient, database: str) -> None:
    id_ = ObjectId()
    client[database].inventory.insert_one({"_id": id_, "warehouse_id": "W1", "sku": "S1", "current_stock": Int64(5)})

    [found] = ReconcileSource(client, database).levels()

    assert json.loads(found) == {"_id": {"$oid": str(id_)}, "warehouse_id": "W1", "sku": "S1", "current_stock": 5}


def test_a_scope_leaves_other_warehouses_out(client: MongoClient, database: str) -> None:
    places = [{"warehouse_id": w, "sku": "S1"} for w in ("W1", "W2")]
    client[database].inventory.insert_many(places)
    client[database].transactions.insert_many([{**p, "_id": p["warehouse_id"]} for p in places])
    source = ReconcileSource(client, database, warehouse_ids=["W2"])

    assert [json.loads(text)["warehouse_id"] for text in [*source.levels(), *source.transactions()]] == ["W2", "W2"]
    assert ReconcileSource(client, database).warehouse_ids() == ["W1", "W2"]


def test_a_key_has_the_transfers_that_it_sends_and_receives(client: MongoClient, database: str) -> None:
    client[database].transactions.insert_many(
        [
            {"transaction_id": "out", "warehouse_id": "W1", "sku": "S1", "to_warehouse_id": "W2"},
            {"transaction_id": "in", "warehouse_id": "W3", "sku": "S1", "to_warehouse_id": "W1"},
            {"transaction_id": "another's", "warehouse_id": "W3", "sku": "S1", "to_warehouse_id": "W2"},
            {"transaction_id": "another", "warehouse_id": "W1", "sku": "S2"},
        ]
    )

    found = {
        json.loads(text)["transaction_id"] for text in ReconcileSource(client, database).transactions_of([("W1", "S1")])
    }

    assert found == {"out", "in"}


def test_a_second_reading_asks_for_many_keys_and_has_one_cluster_time(client: MongoClient, database: str) -> None:
    """Not before the last write, and not after what comes next: a deletion is published at it."""
    keys = [("W1", f"S{number:04}") for number in range(ASKED + 5)]
    written = client[database]
    with client.start_session() as session:
        written.inventory.insert_many([{"warehouse_id": w, "sku": s} for w, s in keys[:-1]], session=session)
        written.transactions.insert_one({"transaction_id": "T1"}, session=session)
        before = session.operation_time

    again = ReconcileSource(client, database).read_again(keys, ["T1", "T2"], has_rules=True)

    with client.start_session() as session:
        written.thresholds.insert_one({}, session=session)
        after = session.operation_time
    assert {json.loads(text)["sku"] for text in again.levels} == {sku for _, sku in keys[:-1]}
    assert [json.loads(text)["transaction_id"] for text in again.transactions] == ["T1"]
    assert again.rules == []
    assert (before.time, before.inc) <= again.cluster_time < (after.time, after.inc)


def test_collections_may_have_other_names(client: MongoClient, database: str) -> None:
    client[database].stock.insert_one({"warehouse_id": "W1", "sku": "S1"})
    source = ReconcileSource(client, database, names={"inventory": "stock"})

    assert len(list(source.levels())) == len(source.read_again([("W1", "S1")], [], has_rules=False).levels) == 1

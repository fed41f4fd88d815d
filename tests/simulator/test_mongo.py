"""The shop in MongoDB: R0's documents, and the ledger they add up to."""

import csv
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from inventory_assets.simulator.mongo import MongoShop, ShopDatabaseError, shop_settings
from tests.commands.conftest import COMMAND
from tests.connector.mongo import mongodb, new_database
from tests.messaging.brokers import PATIENCE_SECONDS, eventually

# Few keys and little cover: restocks, transfers and deleted products that come back within a few hundred steps.
SMALL = {"skus": 6, "warehouses": 2, "cover_hours": 0.2, "lead_day_seconds": 5.0, "events_per_second": 0.5}
OPEN = {"RESTOCK", "RETURN", "ADJUSTMENT"}

pytestmark = pytest.mark.big


@pytest.fixture(scope="module")
def client() -> Iterator[MongoClient]:
    with mongodb() as uri, MongoClient(uri) as found:
        yield found


@pytest.fixture
def database(client: MongoClient) -> Iterator[str]:
    with new_database(client) as name:
        yield name


def stock_by_documents(documents: Iterator[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(d["warehouse_id"], d["sku"]): (d["current_stock"], d["reserved_stock"]) for d in documents}


def inbound_by_documents(transactions: Iterator[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """What is on its way: open purchases and returns, and transfers that have left (RULES 15, 16)."""
    found: Counter[tuple[str, str]] = Counter()
    for t in transactions:
        if t["transaction_type"] == "TRANSFER" and t["status"] == "SHIPPED":
            found[t["to_warehouse_id"], t["sku"]] += t["quantity"]
        elif t["transaction_type"] in OPEN and t["status"] == "PENDING" and t["quantity"] > 0:
            found[t["warehouse_id"], t["sku"]] += t["quantity"]
    return found


def check_ledger(client: MongoClient, database: str, shop: MongoShop) -> None:
    held = stock_by_documents(client[database].inventory.find())
    held |= stock_by_documents(iter(shop.deleted.values()))
    assert {(r.warehouse_id, r.sku): (r.on_hand, r.reserved) for r in shop.simulation.ledger.rows()} == held
    inbound = inbound_by_documents(client[database].transactions.find())
    assert {(r.warehouse_id, r.sku): r.inbound for r in shop.simulation.ledger.rows() if r.inbound} == dict(inbound)


def test_documents_add_up_to_the_ledger_and_every_operation_occurs(client: MongoClient, database: str) -> None:
    """The ledger is posted from the shop's intentions, the documents from the versions in the database."""
    shop = MongoShop(client, database, shop_settings(seed=8, rule_change_rate=0.02, **SMALL), delete_rate=0.05)
    with client[database].watch() as stream:
        opened = shop.open()
        list(islice(shop.play(), 260))
        seen: Counter[tuple[str, str]] = Counter()
        while (change := stream.try_next()) is not None:
            seen[change["ns"]["coll"], change["operationType"]] += 1

    check_ledger(client, database, shop)
    assert opened == len(shop.simulation.catalog) * 2 + client[database].thresholds.count_documents({})
    for operation in ("insert", "update", "replace", "delete"):
        assert seen["inventory", operation] > 0, seen
    assert seen["transactions", "update"] > 0 and seen["thresholds", "update"] > 0
    transfer = client[database].transactions.find_one({"transaction_type": "TRANSFER", "status": "COMPLETED"})
    assert transfer["warehouse_id"] != transfer["to_warehouse_id"]
    came_back = seen["inventory", "insert"] - len(shop.simulation.catalog) * 2
    assert came_back > 0 and came_back + len(shop.deleted) == seen["inventory", "delete"]


def test_documents_have_the_fields_and_types_of_r0(client: MongoClient, database: str) -> None:
    shop = MongoShop(client, database, shop_settings(seed=4, **SMALL))
    shop.open()
    list(islice(shop.play(), 20))

    level, transaction, rule = (
        client[database][name].find_one() for name in ("inventory", "transactions", "thresholds")
    )

    assert {type(d["_id"]) for d in (level, transaction, rule)} == {ObjectId}
    assert level["available_stock"] == level["current_stock"] - level["reserved_stock"]
    assert level["metadata"]["dimensions_cm"]["length"] > 0
    assert transaction["timestamp"].year == 2025 and transaction["timestamp"].microsecond % 1000 == 0
    assert rule["updated_at"] > rule["created_at"]
    assert rule["alert_settings"]["recipients"] == ["inventory@example.com"]


def test_an_aborted_transaction_is_tried_again(client: MongoClient, database: str) -> None:
    """A step of a shop beside others meets write conflicts and elections; none may count twice or not at all."""
    shop = MongoShop(client, database, shop_settings(seed=6, **SMALL))
    shop.open()
    steps = shop.play()
    for _ in range(4):
        list(islice(steps, 5))
        try:
            client.admin.command(
                "configureFailPoint", "failCommand", mode={"times": 2},
                data={"failCommands": ["update"], "errorCode": 112, "errorLabels": ["TransientTransactionError"]},
            )  # fmt: skip
        except OperationFailure as refused:
            pytest.skip(f"the server has no fail points: {refused}")

    list(islice(steps, 5))

    check_ledger(client, database, shop)


def test_a_commit_whose_answer_was_lost_counts_once(client: MongoClient, database: str) -> None:
    """The next try finds its own document and changes nothing."""
    shop = MongoShop(client, database, shop_settings(seed=7, **SMALL))
    shop.open()
    steps = shop.play()
    list(islice(steps, 10))
    latest = client[database].transactions.find_one(sort=[("_id", -1)])

    with client.start_session() as session:
        session.with_transaction(lambda session: shop._write_transaction(session, latest))

    check_ledger(client, database, shop)


def test_a_second_run_is_refused(client: MongoClient, database: str) -> None:
    MongoShop(client, database, shop_settings(**SMALL)).open()

    with pytest.raises(ShopDatabaseError, match="cannot be continued"):
        MongoShop(client, database, shop_settings(seed=8, **SMALL)).open()


def test_the_command_trades_until_it_is_told_to_stop(client: MongoClient, database: str, tmp_path: Path) -> None:
    """SIGTERM ends it between two steps: the ledger it then writes is that of the database."""
    ledger, products = tmp_path / "ledger.csv", tmp_path / "products.csv"
    uri = "mongodb://{}:{}/?directConnection=true".format(*client.address)
    process = subprocess.Popen(
        [str(COMMAND), "simulate", "--mongo", uri, "--database", database, "--live", "--rate", "50", "--skus", "5",
         "--warehouses", "2", "--ledger", str(ledger), "--products", str(products)],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    eventually(lambda: process.poll() is not None or client[database].transactions.estimated_document_count() > 5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0, said
    held = stock_by_documents(client[database].inventory.find())
    books = {
        (r["warehouse_id"], r["sku"]): (int(r["on_hand"]), int(r["reserved"])) for r in csv.DictReader(ledger.open())
    }
    assert held.items() <= books.items() and len(books) == 10
    assert len(products.read_text().splitlines()) == 6

"""`reconcile` as a user runs it: a MongoDB, a lake, and a broker for the repair."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from bson import json_util
from click.testing import CliRunner, Result
from pymongo import MongoClient

from inventory_assets.cli import cli
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from inventory_assets.simulator.mongo import MongoShop, shop_settings
from tests.builders import message
from tests.commands.conftest import Ran
from tests.connector.mongo import mongodb, new_database

Run = Callable[..., Result]
RECONCILE = ("connector", "reconcile")

pytestmark = pytest.mark.big


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with mongodb() as found:
        yield found


@pytest.fixture
def client(uri: str) -> Iterator[MongoClient]:
    with MongoClient(uri) as found:
        yield found


@pytest.fixture
def database(client: MongoClient, home: Path) -> Iterator[str]:
    """A shop of a few steps, and a lake that a copy of it has seeded."""
    with new_database(client) as name:
        shop = MongoShop(client, name, shop_settings(seed=2, skus=3, warehouses=2))
        shop.open()
        list(islice(shop.play(), 15))
        engine = Engine(Settings(home=home))
        for collection in ("thresholds", "transactions", "inventory"):
            copied = [snapshot(name, collection, document) for document in client[name][collection].find()]
            engine.commit_burst([message(body, published_at=datetime.now(UTC)) for body in copied])
        engine.close()
        yield name


def snapshot(database: str, collection: str, document: dict) -> dict:
    """What the copy of a collection publishes of a document (RULES 1)."""
    return {
        "source": "mongodb", "connector_id": "c1", "namespace": f"{database}.{collection}", "operation": "snapshot",
        "source_epoch": 7, "cluster_time": {"t": 1_750_000_000, "i": 1},
        "document": json.loads(json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS)),
    }  # fmt: skip


@pytest.fixture
def run_reconcile(uri: str, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("INVENTORY_HOME", str(home))

    def run_(*arguments: str, source: tuple[str, ...] = ("--mongo", uri, "--database", database)) -> Result:
        return CliRunner().invoke(cli, [*RECONCILE, *source, "--wait", "0", *arguments])

    return run_


def key_of(document: dict) -> tuple[str, str]:
    return document["warehouse_id"], document["sku"]


def test_a_lake_that_has_everything_is_equal(run_reconcile: Run) -> None:
    done = run_reconcile()

    assert done.exit_code == 0, done.output
    assert "equal: 6 keys" in done.stderr


def test_differences_are_rows_and_exit_1(run_reconcile: Run, client: MongoClient, database: str) -> None:
    sold = client[database].inventory.find_one_and_update({}, {"$inc": {"current_stock": -1, "available_stock": -1}})

    done = run_reconcile("--format", "json")

    [row] = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (row["warehouse_id"], row["sku"], row["kind"], row["field"]) == (*key_of(sold), "different_stock", "on_hand")
    assert row["source"] == row["lake"] - 1 == sold["current_stock"] - 1
    assert "1 differ of 6 keys" in done.stderr


def test_ids_are_printed_as_they_are(run_reconcile: Run, client: MongoClient, database: str) -> None:
    """RULES 4 allows brackets and colons; a terminal would make markup of them."""
    known = client[database].inventory.find_one({})
    client[database].inventory.insert_one({**known, "_id": "new", "sku": "x[/b]:x:", "warehouse_id": "W[red]"})

    done = run_reconcile()

    assert done.exit_code == 1
    assert "x[/b]:x:" in done.stdout and "W[red]" in done.stdout


def test_a_config_names_the_source(run_reconcile: Run, uri: str, database: str, tmp_path: Path) -> None:
    config = tmp_path / "connector.yaml"
    config.write_text(
        f"CONNECTOR_ID: c1\nMONGODB_URI: {uri}\nMONGODB_DATABASE: {database}\n"
        "WAREHOUSE_ID: WH-EAST-1\nPUBSUB_PROJECT: inventory-local\n"
    )

    done = run_reconcile(source=("--config", str(config)))

    assert done.exit_code == 0, done.output
    assert "equal: 3 keys" in done.stderr


def test_a_source_that_does_not_answer_is_said_without_its_password(run_reconcile: Run) -> None:
    uri = "mongodb://user:secret@127.0.0.1:9/?serverSelectionTimeoutMS=50&directConnection=true"

    done = run_reconcile(source=("--mongo", uri))

    assert done.exit_code == 1
    assert "MongoDB did not answer" in done.output and "secret" not in done.output


def test_a_source_is_named_exactly_once(tmp_path: Path) -> None:
    config = tmp_path / "connector.yaml"
    config.write_text("CONNECTOR_ID: c1\n")

    neither, both, without = (
        CliRunner().invoke(cli, [*RECONCILE, *arguments])
        for arguments in ([], ["--mongo", "mongodb://h", "--config", str(config)], ["--config", str(config)])
    )

    assert (neither.exit_code, both.exit_code, without.exit_code) == (2, 2, 1)
    assert "MONGODB_URI was missing" in str(without.exception)


def test_a_lost_deletion_is_repaired(
    run_reconcile: Run, run: Callable[..., Ran], emulator: str, client: MongoClient, database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Listed first, published only when told so, and after the drain both sides agree."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", database.replace("_", "-"))
    gone = client[database].inventory.find_one_and_delete({})
    refused = run_reconcile("--repair")
    done = run_reconcile("--repair", "--yes")

    drained = run("drain", "--format", "json")

    assert refused.exit_code == 2 and f"delete {gone['warehouse_id']} {gone['sku']}" in refused.stderr
    assert done.exit_code == 1 and "published 1 deletions" in done.stderr
    assert drained.rows == [{"outcome": "applied", "messages": 1}]
    assert run_reconcile().exit_code == 0
    states = run("sql", "SELECT warehouse_id, sku FROM core.sku_state WHERE NOT is_active", "--format", "json").rows
    assert states == [{"warehouse_id": gone["warehouse_id"], "sku": gone["sku"]}]

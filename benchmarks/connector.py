"""Changes a second that the connector publishes, against the least that could do it.

The same changes of the same database, read in turn by:

- the connector as it is shipped: validation, a hook, a mask and an HMAC, the envelope with its
  attributes, an ordering key per lane, deduplication, metrics, logs, health and heartbeats. Its time
  begins before it starts and ends with the last token saved, so it holds start-up and the last wait;
- a minimal loop that watches, hands each document alone to the same client with neither attributes nor
  ordering key, waits for every future of a batch, and saves the token. Its time begins with clients made;
- the minimal loop with the connector's ordering keys: what order costs in the client, whoever asks for it.

What counts is the ratio to the first loop, and that every change arrived. Database and broker run on the
same machine, so on a busy one the ratio is that of all their CPU time together.
"""

import json
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from google.cloud import pubsub_v1  # type: ignore[attr-defined]
from pymongo import MongoClient, UpdateOne

from benchmarks.measure import median
from inventory_assets.connector.config import load_config
from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.ports import TokenStore
from inventory_assets.connector.runtime import Parts, run_connector
from inventory_assets.connector.shape.routing import DEFAULT_LANES, lane_key
from inventory_assets.connector.source.change import Change, ClusterTime
from inventory_assets.connector.state.checkpoint import Checkpoint, Phase
from inventory_assets.connector.state.stores.build import open_store
from inventory_assets.messaging.topology_apply import apply_topology
from tests.connector.mongo import MongoServer
from tests.messaging.brokers import EmulatorProcess

PROJECT = "benchmark-connector"
DATABASE = "shop"
COLLECTIONS = ["inventory", "transactions", "thresholds"]
READ_BATCH = 1_000
AT = datetime(2026, 3, 1, tzinfo=UTC)
HMAC_KEY = "a key for the benchmark only"


def run(*, changes: int = 20_000, rounds: int = 5) -> None:
    """Print the figures."""
    print(f"\nconnector: {changes:,} changes (half transactions, half inventory), {rounds} rounds in turn")
    server = MongoServer("--oplog-max-entries", str(20 * changes))
    emulator = EmulatorProcess(None)
    try:
        apply_topology(PROJECT, emulator_host=emulator.host)
        token, end = _trade(server.uri, changes)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in MEASURES}
        for number in range(rounds):
            # In turn, and the other way round each time: what the machine does besides, it does to all.
            for name in list(MEASURES)[:: 1 - 2 * (number % 2)]:
                taken[name].append(MEASURES[name](server.uri, emulator.host, token, end, changes + 1))
    finally:
        emulator.stop()
        server.close()
    for name, each in taken.items():
        rate = median([changes / seconds for seconds, _ in each])
        cpu = median([cpu for _, cpu in each]) / changes * 1e6
        print(f"  {name}: {rate:,.0f} changes/s, {cpu:.0f} µs CPU a change")
    for name in (LEAST, LEAST_IN_ORDER):
        ratios = [theirs / ours for (ours, _), (theirs, _) in zip(taken[CONNECTOR], taken[name], strict=True)]
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"  {CONNECTOR} / {name}, changes/s: {median(ratios):.2f}  ({shown})")


def keep(document: dict[str, Any], change: Change) -> dict[str, Any]:
    """The hook: what is asked of every document, and changes nothing."""
    return document


def _trade(uri: str, changes: int) -> tuple[dict[str, Any], ClusterTime]:
    """Write the changes, one more than asked for; the token before the first, and the last one's cluster time."""
    rng = random.Random(1)
    with MongoClient(uri) as client:
        database = client[DATABASE]
        for name in COLLECTIONS:
            database.create_collection(name, changeStreamPreAndPostImages={"enabled": True})
        database.inventory.create_index("sku")  # or each update looks at every document
        skus = [f"SKU-{number:05d}" for number in range(1_000)]
        database.inventory.insert_many([_level(sku) for sku in skus])
        with database.watch(max_await_time_ms=10) as stream:
            token = _token(stream)
        for start in range(0, changes // 2, 1_000):
            count = min(1_000, changes // 2 - start)
            orders = [_order(start + number, rng.choice(skus)) for number in range(count)]
            database.transactions.insert_many(orders)
            database.inventory.bulk_write(
                [UpdateOne({"sku": order["sku"]}, {"$inc": {"current_stock": order["quantity"]}}) for order in orders]
            )
        with database.watch(max_await_time_ms=10) as stream:
            _token(stream)
            database.inventory.insert_one(_level("SKU-LAST"))
            while (last := stream.try_next()) is None:
                pass
        return token, (last["clusterTime"].time, last["clusterTime"].inc)


def _token(stream: Any) -> dict[str, Any]:
    stream.try_next()
    assert stream.resume_token is not None
    return dict(stream.resume_token)


def _level(sku: str) -> dict[str, Any]:
    return {
        "sku": sku, "product_id": sku[:6], "brand_id": "BRAND", "category_id": "CATEGORY",
        "department_id": "DEPARTMENT",
        "warehouse_id": "WH-EAST-1", "current_stock": 10_000, "reserved_stock": 12, "available_stock": 9_988,
        "min_threshold": 50, "reorder_threshold": 100, "restock_in_progress": False, "last_updated": AT,
        "metadata": {"weight_kg": 0.2, "shelf_location": "E42-B7", "supplier_id": "SUPP-1"},
    }  # fmt: skip


def _order(number: int, sku: str) -> dict[str, Any]:
    return {
        "transaction_id": f"TRX-{number:07d}", "transaction_type": "ORDER", "sku": sku, "warehouse_id": "WH-EAST-1",
        "quantity": -1, "order_id": f"ORD-{number:07d}", "po_number": None, "return_id": None,
        "adjustment_reason": None, "timestamp": AT + timedelta(milliseconds=number), "user_id": "somebody",
        "status": "COMPLETED", "batch_id": "BATCH-1",
    }  # fmt: skip


def _connector(uri: str, host: str, token: dict[str, Any], end: ClusterTime, changes: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as place:
        directory = Path(place)
        config = load_config(_write_config(directory, uri, host), {})
        store = open_store(config)
        store.save(
            Checkpoint(connector_id="benchmark", source_epoch=1, phase=Phase.STREAMING, token=token, owner_id="nobody")
        )
        store.close()
        stop = threading.Event()
        finish = _Finish(end, stop)
        with (directory / "log").open("w") as log:
            started, cpu = time.perf_counter(), time.process_time()
            code = run_connector(config, stop=stop, log=log, parts=finish)
        assert code == 0, (directory / "log").read_text()[-2000:]
        assert finish.saved_at is not None
        _check(directory / "log", changes)
        return finish.saved_at - started, finish.cpu - cpu


def _write_config(directory: Path, uri: str, host: str) -> Path:
    path = directory / "connector.yaml"
    settings = {
        "CONNECTOR_ID": "benchmark", "MONGODB_URI": uri.replace("/?", f"/{DATABASE}?"), "PUBSUB_PROJECT": PROJECT,
        "PUBSUB_EMULATOR_HOST": host, "RESUME_TOKEN_PATH": str(directory / "tokens.sqlite"), "HEALTH_PORT": 0,
        "IMAGES": "pre_images", "TRANSFORMS": ["benchmarks.connector:keep"], "MASK_FIELDS": ["transactions.user_id"],
        "HMAC_FIELDS": ["inventory.metadata.supplier_id"], "HMAC_KEY": HMAC_KEY, "READ_BATCH": READ_BATCH,
    }  # fmt: skip
    path.write_text(json.dumps(settings))  # JSON is YAML
    return path


def _check(log: Path, changes: int) -> None:
    stopped = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "stopped"]
    assert stopped and stopped[-1]["counters"]["published"] == changes, stopped


class _Finish(Parts):
    """Stops the connector when the last change's token is saved."""

    def __init__(self, end: ClusterTime, stop: threading.Event) -> None:
        self._end = end
        self._stop = stop
        self.saved_at: float | None = None
        self.cpu = 0.0

    def store(self, config: ConnectorConfig) -> TokenStore:
        """The real store, watched."""
        store = open_store(config)
        save = store.save

        def watched(checkpoint: Checkpoint) -> Checkpoint:
            saved = save(checkpoint)
            if self.saved_at is None and (checkpoint.cluster_time or (0, 0)) >= self._end:
                self.saved_at, self.cpu = time.perf_counter(), time.process_time()
                self._stop.set()
            return saved

        store.save = watched  # type: ignore[method-assign]
        return store


def _minimal(
    uri: str, host: str, token: dict[str, Any], end: ClusterTime, changes: int, *, lanes: int = 0
) -> tuple[float, float]:
    os.environ["PUBSUB_EMULATOR_HOST"] = host
    topics = {
        "inventory": f"projects/{PROJECT}/topics/inventory-updates-topic",
        "transactions": f"projects/{PROJECT}/topics/inventory-transactions-topic",
    }
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as directory, MongoClient(uri) as client:
        publisher = pubsub_v1.PublisherClient(
            pubsub_v1.types.BatchSettings(max_messages=1_000, max_bytes=1_000_000, max_latency=0.01),
            pubsub_v1.types.PublisherOptions(enable_message_ordering=lanes > 0),
        )
        tokens = sqlite3.connect(Path(directory) / "tokens.sqlite")
        tokens.execute("PRAGMA journal_mode=WAL")
        tokens.execute("CREATE TABLE tokens (token TEXT)")
        started, cpu = time.perf_counter(), time.process_time()
        count = _watch(client, publisher.publish, topics, tokens, token, changes, lanes)
        taken = time.perf_counter() - started, time.process_time() - cpu
        assert count == changes, count
        publisher.stop()
        tokens.close()
    return taken


def _watch(
    client: MongoClient, publish: Callable[..., "Future[str]"], topics: dict[str, str], tokens: sqlite3.Connection,
    token: dict[str, Any], changes: int, lanes: int,
) -> int:  # fmt: skip
    count = 0
    pipeline = [{"$match": {"ns.coll": {"$in": COLLECTIONS}}}]
    with client[DATABASE].watch(
        pipeline, resume_after=token, full_document="whenAvailable", batch_size=READ_BATCH
    ) as stream:
        while True:
            futures: list[Future[str]] = []
            while len(futures) < READ_BATCH and (change := stream.try_next()) is not None:
                document = change["fullDocument"]
                body = json.dumps({"operation": change["operationType"], "document": document}, default=str).encode()
                key = lane_key(document["sku"], lanes) if lanes else ""
                futures.append(publish(topics[change["ns"]["coll"]], body, key))
            for future in futures:
                future.result()
            count += len(futures)
            tokens.execute("INSERT INTO tokens VALUES (?)", [json.dumps(stream.resume_token)])
            tokens.commit()
            if count >= changes:
                return count


CONNECTOR, LEAST, LEAST_IN_ORDER = "connector", "minimal loop", "minimal loop in order"
MEASURES: dict[str, Callable[..., tuple[float, float]]] = {
    CONNECTOR: _connector,
    LEAST: _minimal,
    LEAST_IN_ORDER: partial(_minimal, lanes=DEFAULT_LANES),
}

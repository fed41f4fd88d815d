"""A whole connector between a MongoDB and a broker, in a thread or a process, and both of its ends.

Belongs here: starting and asking a connector, a load, an inbox that subscribes to all it publishes.
Does not belong: assertions, faults.
"""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.database import Database

from inventory_assets.connector.config import ConnectorConfig, load_config
from inventory_assets.connector.runtime import Parts, run_connector
from tests.end_to_end.mongo_effects import STREAM_OPERATIONS, Fact, fact_of
from tests.messaging.brokers import PATIENCE_SECONDS, REPOSITORY, Broker, eventually

COLLECTIONS = ("thresholds", "transactions", "inventory")
INPUT_TOPICS = ("inventory-transactions-topic", "inventory-updates-topic", "thresholds-topic")
TOPICS = (*INPUT_TOPICS, "status-topic", "dead-letter-topic")
AT = datetime(2022, 4, 20, 7, tzinfo=UTC)


def settings_for(database: Database, uri: str, broker: Broker, home: Path, **more: Any) -> dict[str, str]:
    """A connector's environment: impatient, so that what is waited for comes soon."""
    place, _, options = uri.partition("?")
    base = {
        "CONNECTOR_ID": "c-1", "MONGODB_URI": f"{place}{database.name}?{options}&serverSelectionTimeoutMS=500",
        "PUBSUB_PROJECT": broker.project, "PUBSUB_EMULATOR_HOST": broker.host, "IMAGES": "pre_images",
        "RESUME_TOKEN_PATH": str(home / "tokens.db"), "INVENTORY_HOME": str(home), "HEALTH_PORT": "0",
        "HEARTBEAT_SECONDS": "0.5", "BACKOFF_FIRST_SECONDS": "0.05", "BACKOFF_CAP_SECONDS": "0.3",
        "CIRCUIT_FAILURES": "3", "CIRCUIT_RESET_SECONDS": "0.3", "LOG_SAMPLE": "1",
    }  # fmt: skip
    return base | {name: str(value) for name, value in more.items()}


class Running:
    """A connector in a thread of the test: everything but the start of a process and its signals."""

    def __init__(
        self,
        settings: dict[str, str],
        *,
        parts: Parts | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config: ConnectorConfig = load_config(None, settings)
        self._parts = parts
        self._now = now
        self._log = io.StringIO()
        self._stop = threading.Event()
        self.exit_code: int | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.exit_code = run_connector(
                self.config, stop=self._stop, log=self._log, parts=self._parts, now=self._now
            )
        except Exception as error:
            self.error = error

    @property
    def output(self) -> str:
        """Everything it has logged."""
        return self._log.getvalue()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Its log lines of one event, or all."""
        # The last may be half written.
        lines = [json.loads(line) for line in self.output.rpartition("\n")[0].splitlines()]
        return [line for line in lines if name is None or line["event"] == name]

    def await_event(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the nth line of an event."""
        return self.await_(lambda: self.events(name)[count - 1 : count])[0]

    def await_(self, condition: Callable[[], Any]) -> Any:
        """Wait for something; fails at once with the log when the connector has ended meanwhile."""

        def look() -> Any:
            had_ended = not self._thread.is_alive()
            found = condition()
            assert found or not had_ended, f"the connector ended: {self.error!r}\n{self.output[-3000:]}"
            return found

        try:
            return eventually(look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-6000:]}") from None

    def ask(self, path: str) -> tuple[int, Any]:
        """Status and body of /health or /readiness."""
        base = self.await_event("serving")["message"].split()[-1].removesuffix("/health")
        return ask(base + path)

    def await_readiness(self, is_ready: bool) -> dict[str, Any]:
        """Wait until it says that it is, or is not, ready; the body."""
        return self.await_(lambda: _if(self.ask("/readiness"), is_ready))

    def end(self) -> int:
        """Stop it, or see it end; the exit code."""
        self._stop.set()
        return self.join()

    def abandon(self) -> None:
        """Stop it, whatever became of it."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def join(self) -> int:
        """Wait for its end; the exit code."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), self.output[-3000:]
        if self.error is not None:
            raise self.error
        assert self.exit_code is not None
        return self.exit_code


def _if(answer: tuple[int, Any], is_ready: bool) -> Any:
    return answer[1] if (answer[0] == 200) is is_ready else None


def ask(url: str) -> tuple[int, Any]:
    """GET a JSON document."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class ConnectorProcess:
    """A connector as its operator starts it: `inventory connector run`."""

    def __init__(self, settings: dict[str, str], directory: Path) -> None:
        self._out = directory / "connector.out"
        self._err = directory / "connector.err"
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                command("run"), env=environment(settings), stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def output(self) -> str:
        """Both of its outputs."""
        return self._out.read_text() + self._err.read_text()

    @property
    def errors(self) -> str:
        """What is on standard error."""
        return self._err.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of one event."""
        lines = [json.loads(line) for line in self._out.read_text().rpartition("\n")[0].splitlines()]
        return [line for line in lines if line["event"] == name]

    def await_event(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the nth line of an event."""

        def look() -> list[dict[str, Any]]:
            found = self.events(name)[count - 1 : count]
            assert found or self.process.poll() is None, self.output[-3000:]
            return found

        return eventually(look)[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def join(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def resident_bytes(self) -> int:
        """Memory it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)


def command(*arguments: str) -> list[str]:
    """`inventory connector …` of this environment."""
    return [sys.executable, "-m", "inventory_assets.cli", "connector", *arguments]


def environment(settings: dict[str, str]) -> dict[str, str]:
    """A process's environment; nothing of the test's own settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **settings}


def run_command(*arguments: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of `inventory connector` to its end."""
    return subprocess.run(
        command(*arguments), env=environment(settings), capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


class Shop:
    """A database as its application writes it: an order, and the level it changes, at once."""

    def __init__(self, client: MongoClient, database: Database, *, skus: int = 3) -> None:
        self._client = client
        self.database = database
        self._count = 0
        self.skus = [f"S{number}" for number in range(skus)]
        for name in COLLECTIONS:
            database.create_collection(name, changeStreamPreAndPostImages={"enabled": True})
        database["inventory"].insert_many([level(sku) for sku in self.skus])

    def trade(self, count: int) -> None:
        """So many orders, one after the other, over all SKUs in turn."""
        for _ in range(count):
            number, sku = self._count, self.skus[self._count % len(self.skus)]
            self._count += 1
            with self._client.start_session() as session, session.start_transaction():
                self.database["transactions"].insert_one(order(number, sku), session=session)
                self.database["inventory"].update_one({"_id": sku}, {"$inc": {"current_stock": -1}}, session=session)

    def fill(self, count: int, *, bytes_each: int) -> None:
        """So many orders with a note of a size."""
        for _ in range(count):
            self.database["transactions"].insert_one(
                order(self._count, self.skus[self._count % len(self.skus)], note="x" * bytes_each)
            )
            self._count += 1


def level(sku: str, **more: Any) -> dict[str, Any]:
    """An inventory document."""
    base = {"_id": sku, "sku": sku, "warehouse_id": "W1", "current_stock": 10_000, "last_updated": AT}
    return base | more


def order(number: int, sku: str = "S0", **more: Any) -> dict[str, Any]:
    """A transaction document."""
    base = {
        "_id": f"T{number}", "transaction_id": f"T{number}", "transaction_type": "ORDER", "status": "COMPLETED",
        "sku": sku, "warehouse_id": "W1", "quantity": -1, "timestamp": AT + timedelta(seconds=number),
    }  # fmt: skip
    return base | more


class Inbox:
    """Subscribes to every topic of a connector, and keeps what came, in order of first arrival."""

    def __init__(self, broker: Broker, *, topics: tuple[str, ...] = TOPICS) -> None:
        self.broker = broker
        self.messages: dict[str, list[Any]] = defaultdict(list)
        self._topics: list[str] = []
        self.subscribe(*topics)

    def subscribe(self, *topics: str) -> None:
        """Create topics, each with a subscription."""
        for topic in topics:
            self.broker.create(topic, f"seen-{topic}", enable_message_ordering=True, ack_deadline_seconds=600)
            self._topics.append(topic)

    def pull(self) -> None:
        """Take what is there."""
        for topic in self._topics:
            subscription = f"seen-{topic}"
            while received := self.broker.pull_now(subscription, count=1000):
                self.messages[topic] += [each.message for each in received]
                self.broker.acknowledge(received, subscription)

    def facts(self, operations: tuple[str, ...] = STREAM_OPERATIONS) -> list[Fact]:
        """What the messages of the input topics say, repeats included, as `mongo_effects` has it."""
        found = [_fact(message) for topic in INPUT_TOPICS for message in self.messages[topic]]
        return [fact for operation, fact in found if operation in operations and fact is not None]

    def envelopes(self) -> list[dict[str, Any]]:
        """Bodies of the messages of the input topics."""
        return [json_util.loads(message.data.decode()) for topic in INPUT_TOPICS for message in self.messages[topic]]

    def final_documents(self) -> dict[tuple[str, str], Any]:
        """What each document is now by what was said of it: its fact's content, by collection and `_id`."""
        newest: dict[tuple[str, str], Any] = {}
        for body in self.envelopes():
            collection = body["namespace"].rpartition(".")[2]
            position = (body["source_epoch"], body["cluster_time"]["t"], body["cluster_time"]["i"])
            place = (collection, str(body["document_key"]["_id"]))
            if place not in newest or position >= newest[place][0]:
                newest[place] = (position, None if body["operation"] == "delete" else _content(collection, body))
        return {place: content for place, (_, content) in newest.items() if content is not None}

    def await_final(self, database: Database) -> None:
        """Pull until what was said comes to what the database holds."""
        expected = documents_of(database)

        def is_same() -> bool:
            self.pull()
            return self.final_documents() == expected

        try:
            eventually(is_same)
        except AssertionError:
            found = self.final_documents()
            wrong = [place for place in {*found, *expected} if found.get(place) != expected.get(place)]
            raise AssertionError(f"{len(wrong)} documents are not what was said of them: {wrong[:5]}") from None

    def await_facts(self, expected: list[Fact]) -> None:
        """Pull until everything expected is there."""
        wanted = set(expected)

        def missing() -> bool:
            self.pull()
            return wanted <= set(self.facts())

        try:
            eventually(missing)
        except AssertionError:
            lost = sorted(wanted - set(self.facts()), key=repr)
            raise AssertionError(f"{len(lost)} of {len(wanted)} changes did not arrive: {lost[:5]}") from None

    def statuses(self, *types: str) -> list[dict[str, Any]]:
        """Status messages of these types, all but heartbeats if none is named."""
        self.pull()
        bodies = [json.loads(message.data) for message in self.messages["status-topic"]]
        return [body for body in bodies if (body["type"] in types if types else body["type"] != "heartbeat")]

    def await_status(self, kind: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the nth status message of a type."""
        return eventually(lambda: self.statuses(kind)[count - 1 : count])[0]

    def dead_letters(self) -> list[Any]:
        """Messages of the dead-letter topic."""
        self.pull()
        return self.messages["dead-letter-topic"]


def _fact(message: Any) -> tuple[str, Fact | None]:
    body = json_util.loads(message.data.decode())
    at = (body["cluster_time"]["t"], body["cluster_time"]["i"])
    operation = body["operation"]
    document = body.get("document") or body["document_key"]
    return operation, fact_of(body["namespace"].rpartition(".")[2], document, at, is_delete=operation == "delete")


def _content(collection: str, body: dict[str, Any]) -> Any:
    fact = fact_of(collection, body["document"], (0, 0), is_delete=False)
    return None if fact is None else (fact.ids, fact.content)


def documents_of(database: Database) -> dict[tuple[str, str], Any]:
    """What the database holds, in the form of `Inbox.final_documents`."""
    return {
        (name, str(document["_id"])): _content(name, {"document": document})
        for name in COLLECTIONS
        for document in database[name].find()
    }


def repeats(facts: list[Fact]) -> int:
    """How many arrived again: duplicates to the lake."""
    return sum(Counter(facts).values()) - len(set(facts))


def out_of_order(inbox: Inbox) -> list[tuple[str, Fact, Fact]]:
    """First arrivals of a topic and SKU that came before an earlier one; (topic, first, second)."""
    found = []
    for topic in INPUT_TOPICS:
        newest: dict[Any, Fact] = {}
        seen: set[Fact] = set()
        for message in inbox.messages[topic]:
            operation, fact = _fact(message)
            if operation not in STREAM_OPERATIONS or fact is None or fact in seen:
                continue
            seen.add(fact)
            sku = fact.content[0] if fact.kind == "transaction" else fact.ids
            if sku in newest and newest[sku].cluster_time > fact.cluster_time:
                found.append((topic, newest[sku], fact))
            newest[sku] = fact
    return found

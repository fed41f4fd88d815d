"""Both ends of a connector: a database that is written to, and an inbox that subscribes to all that is published.

Belongs here: a load, and what arrived as comparable facts. Does not belong: the connector (`rig`), assertions.
"""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.database import Database

from tests.end_to_end.mongo_effects import STREAM_OPERATIONS, Fact, fact_of
from tests.messaging.brokers import Broker, eventually

COLLECTIONS = ("thresholds", "transactions", "inventory")
INPUT_TOPICS = ("inventory-transactions-topic", "inventory-updates-topic", "thresholds-topic")
TOPICS = (*INPUT_TOPICS, "status-topic", "dead-letter-topic")
AT = datetime(2022, 4, 20, 7, tzinfo=UTC)


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
                # A heartbeat rides along with the changes, for the lake: here the changes count.
                wanted = [each for each in received if topic not in INPUT_TOPICS or not _is_heartbeat(each.message)]
                self.messages[topic] += [each.message for each in wanted]
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


def _is_heartbeat(message: Any) -> bool:
    return message.attributes.get("type") == "heartbeat"


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

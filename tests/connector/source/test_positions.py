"""Whether the positions of what is copied and looked up are right: the lake ends with what the database holds.

Belongs here: a model of a database (a history of MongoDB transactions, read at any later moment) between
the connector's own copy and lookup and the oracle's fold. No server: the histories that matter are those
no server lets one choose.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.source.change import Change, ClusterTime, Operation, Poison
from inventory_assets.connector.source.change_events import Inexact, Read, only_final
from inventory_assets.connector.source.keys import Keys
from inventory_assets.connector.source.lookup import INVENTORY, TRANSACTIONS, copy_order, look_up
from inventory_assets.connector.source.mongo_reads import Page
from inventory_assets.connector.source.mongo_source import copy_collection
from tests.hunting import tried
from tests.rules.oracle import Message, Oracle

WATCHED = [INVENTORY, TRANSACTIONS]
TOPICS = {INVENTORY: "inventory-updates-topic", TRANSACTIONS: "inventory-transactions-topic"}
KEYS = [(w, s) for w in ("W1", "W2") for s in ("S1", "S2")]
START = 1_650_400_000
PUBLISHED = datetime(2022, 4, 21, tzinfo=UTC)
Effects = dict[tuple[tuple[str, str], str], int]


def effects(document: dict[str, Any] | None) -> Effects:
    """What a transaction does to stock (RULES 15, 16), by key and bucket."""
    if document is None or document["status"] == "CANCELLED":
        return {}
    key, quantity, status = (document["warehouse_id"], document["sku"]), document["quantity"], document["status"]
    if document["transaction_type"] == "TRANSFER":
        receiver = (document["to_warehouse_id"], document["sku"])
        return {
            "PENDING": {(key, "reserved"): quantity},
            "SHIPPED": {(key, "on_hand"): -quantity, (receiver, "inbound"): quantity},
            "COMPLETED": {(key, "on_hand"): -quantity, (receiver, "on_hand"): quantity},
        }[status]
    if status == "COMPLETED":
        return {(key, "on_hand"): quantity}
    return {(key, "reserved"): -quantity} if quantity < 0 else {(key, "inbound"): quantity}


@dataclass
class Write:
    """One document's change; `document` is None for a delete, which has its pre-image in `before`."""

    collection: str
    operation: Operation
    id: str
    document: dict[str, Any] | None
    before: dict[str, Any] | None = None


@dataclass
class Shop:
    """A database whose writers follow the one rule: a transaction and its level in one MongoDB transaction."""

    now: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in WATCHED})
    history: list[list[Write]] = field(default_factory=list)

    def put(self, writes: list[Write], collection: str, document: dict[str, Any]) -> None:
        before = self.now[collection].get(document["_id"])
        operation = Operation.INSERT if before is None else Operation.UPDATE
        self.now[collection][document["_id"]] = document
        writes.append(Write(collection, operation, document["_id"], document, before))

    def remove(self, writes: list[Write], collection: str, id_: str) -> None:
        writes.append(Write(collection, Operation.DELETE, id_, None, self.now[collection].pop(id_)))

    def save(self, document: dict[str, Any], *, level_first: bool) -> None:
        """Write a version of a transaction, and what it changes in levels, at once."""
        before, after = effects(self.now[TRANSACTIONS].get(document["_id"])), effects(document)
        writes: list[Write] = []
        for key in {key for key, _ in before | after}:
            level = self.now[INVENTORY].get("/".join(key))
            if level is not None:
                changed = dict(level)
                for bucket, name in (("on_hand", "current_stock"), ("reserved", "reserved_stock")):
                    changed[name] += after.get((key, bucket), 0) - before.get((key, bucket), 0)
                self.put(writes, INVENTORY, changed)
        self.put(writes, TRANSACTIONS, document)
        self.history.append(writes if level_first else writes[::-1])

    def count(self, key: tuple[str, str], stock: int, *, how: int) -> None:
        """Set, remove or bring in a level without a transaction; twice in one MongoDB transaction, or replaced."""
        id_, writes = "/".join(key), []
        level = self.now[INVENTORY].get(id_)
        if level is not None and how == 1:
            self.remove(writes, INVENTORY, id_)
        else:
            reserved = level["reserved_stock"] if level else 0
            fresh = {
                "_id": id_, "warehouse_id": key[0], "sku": key[1], "current_stock": stock,
                "reserved_stock": reserved, "last_updated": "2022-04-20T07:00:00Z",
            }  # fmt: skip
            if how == 2:
                self.put(writes, INVENTORY, {**fresh, "current_stock": stock + 1})
            if level is not None and how == 3:
                self.remove(writes, INVENTORY, id_)
            self.put(writes, INVENTORY, fresh)
            if how == 0:
                writes[-1].operation = Operation.REPLACE if level else Operation.INSERT
        self.history.append(writes)


NEXT = {"PENDING": ["COMPLETED", "CANCELLED"], "SHIPPED": ["COMPLETED", "CANCELLED"], "COMPLETED": ["CANCELLED"], "CANCELLED": []}  # fmt: skip
STEPS = st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(1, 9), st.integers(0, 3))


def play(steps: Sequence[tuple[int, int, int, int]]) -> Shop:
    """Make a history: orders, restocks, transfers and what becomes of them, counts and removals."""
    shop = Shop()
    for kind, which, amount, how in steps:
        key = KEYS[which % len(KEYS)]
        known = list(shop.now[TRANSACTIONS].values())
        if kind <= 1:
            type_, quantity = [("ORDER", -amount), ("RESTOCK", amount), ("TRANSFER", amount)][which % 3]
            new = {
                "_id": f"t{len(shop.history)}", "transaction_id": f"t{len(shop.history)}", "transaction_type": type_,
                "status": "COMPLETED" if how == 0 else "PENDING", "warehouse_id": key[0], "sku": key[1],
                "quantity": quantity, "timestamp": "2022-04-20T07:00:00Z",
            }  # fmt: skip
            if type_ == "TRANSFER":
                new["to_warehouse_id"] = "W2" if key[0] == "W1" else "W1"
            shop.save(new, level_first=how % 2 == 0)
        elif kind <= 3 and known:
            old = known[which % len(known)]
            choices = NEXT[old["status"]]
            if old["transaction_type"] == "TRANSFER" and old["status"] == "PENDING":
                choices = ["SHIPPED", *choices]
            if choices:
                status = choices[how % len(choices)]
                shop.save({**old, "status": status}, level_first=amount % 2 == 0)
        elif kind > 3:
            shop.count(key, amount, how=how)
    return shop


@dataclass
class Database:
    """What the connector may read of a history: any state from `now` on, `now` moving as it likes."""

    shop: Shop
    rng: random.Random
    has_snapshots: bool
    now: int = 0
    first: int = 0  # where the stream began

    def tick(self) -> int:
        """Let others write."""
        self.now = self.rng.randint(self.now, len(self.shop.history))
        return self.now

    def held(self, collection: str, moment: int) -> dict[str, dict[str, Any]]:
        held: dict[str, dict[str, Any]] = {}
        for writes in self.shop.history[:moment]:
            for write in writes:
                if write.collection == collection:
                    if write.document is None:
                        held.pop(write.id)
                    else:
                        held[write.id] = write.document
        return held

    def read(self, collection: str, at: ClusterTime | None) -> tuple[dict[str, dict[str, Any]], ClusterTime]:
        time = at or time_of(self.tick())
        return self.held(collection, time[0] - START if self.has_snapshots else self.tick()), time

    def find(
        self, collection: str, *, keys: Sequence[bytes], skus: dict[str, set[str]], at: ClusterTime | None
    ) -> Iterator[Page]:
        held, time = self.read(collection, at)
        ids = {bson.decode(key)["_id"] for key in keys}
        found = [d for d in held.values() if d["_id"] in ids or d["sku"] in skus.get(d["warehouse_id"], ())]
        for i, document in enumerate(found or [None]):
            documents = [] if document is None else [bson.encode(document)]
            yield Page(
                documents=documents, cluster_time=time, is_snapshot=self.has_snapshots, is_last=i >= len(found) - 1
            )

    def page(self, collection: str, *, after: bytes | None, limit: int) -> Page:
        held, time = self.read(collection, None)
        first = "" if after is None else bson.decode(after)["_id"]
        rest = sorted(id_ for id_ in held if id_ > first)
        documents = [bson.encode(held[id_]) for id_ in rest[:limit]]
        return Page(documents=documents, cluster_time=time, is_snapshot=self.has_snapshots, is_last=len(rest) <= limit)


def time_of(moment: int) -> ClusterTime:
    """The state after so many MongoDB transactions."""
    return (START + moment, 1)


def events(shop: Shop, first: int, last: int, exact: set[str]) -> list[Read]:
    """What the stream says of the MongoDB transactions after `first` up to `last`."""
    found: list[Read] = []
    for moment in range(first, last):
        for write in shop.history[moment]:
            time, key = time_of(moment + 1), {"_id": write.id}
            if write.operation == Operation.UPDATE and write.collection not in exact:
                found.append(Inexact(collection=write.collection, document_key=key, cluster_time=time))
                continue
            found.append(
                Change(
                    operation=write.operation, database="inventory", collection=write.collection, document_key=key,
                    document=write.document or write.before, cluster_time=time, token={"_data": str(moment)},
                )
            )  # fmt: skip
    return found


def to_message(change: Change | Poison) -> Message:
    """RULES 1's envelope."""
    assert isinstance(change, Change)
    seconds, increment = change.cluster_time
    body = {
        "source": "W", "connector_id": "c", "warehouse_id": "W", "namespace": f"inventory.{change.collection}",
        "operation": change.operation, "source_epoch": 7, "cluster_time": {"t": seconds, "i": increment},
        "document_key": change.document_key, "document": change.document,
    }  # fmt: skip
    return Message(topic=TOPICS[change.collection], data=json.dumps(body).encode(), publish_time=PUBLISHED)


def connect(database: Database, exact: set[str], *, batch: int) -> list[Change | Poison]:
    """Copy, then stream, as the service does: from before the copy, and anew from an earlier token now and then."""
    rng, end = database.rng, len(database.shop.history)
    sent: list[Change | Poison] = []
    token = database.first = database.tick()
    for collection in copy_order(WATCHED):
        for chunk in copy_collection(database, database="inventory", collection=collection, chunk_documents=2):
            sent += chunk.changes
    while token < end:
        last = min(max(database.tick(), token + 1), token + batch, end)
        database.now = max(database.now, last)
        items = only_final(events(database.shop, token, last, exact))
        sent += [item for item in items if isinstance(item, Change | Poison)]
        wanted = [item for item in items if isinstance(item, Inexact)]
        if wanted:
            looked_up = look_up(
                wanted, database, database="inventory", collections=WATCHED, since=time_of(last), keys=Keys()
            )
            sent += [change for part in looked_up for change in part]
        token = last
        if rng.random() > 0.9:
            token = rng.randint(database.first, token)
    return sent


def differences(shop: Shop, oracle: Oracle, *, first: int) -> dict[Any, Any]:
    """Where the lake does not hold what the database does."""
    states, found = oracle.states(), {}
    for level in shop.now[INVENTORY].values():
        key = (level["warehouse_id"], level["sku"])
        inbound = sum(effects(document).get((key, "inbound"), 0) for document in shop.now[TRANSACTIONS].values())
        expected = {
            "on_hand": level["current_stock"], "reserved": level["reserved_stock"], "inbound": inbound, "is_active": True,
        }  # fmt: skip
        actual = {name: states[key][name] for name in expected}
        if actual != expected:
            found[key] = (expected, actual)
    held = {(level["warehouse_id"], level["sku"]) for level in shop.now[INVENTORY].values()}
    ended = {"/".join(key): key for key in states if key not in held}
    # What was removed before the connector's first start it has never heard of.
    removed = {write.id for writes in shop.history[first:] for write in writes if write.operation == Operation.DELETE}
    found |= {key: "still active" for id_, key in ended.items() if id_ in removed and states[key]["is_active"]}
    return found


EXACT = [set(), {INVENTORY}, {TRANSACTIONS}, {INVENTORY, TRANSACTIONS}]


@pytest.mark.parametrize("exact", EXACT, ids=lambda exact: "+".join(sorted(exact)) or "none")
@pytest.mark.parametrize("has_snapshots", [True, False], ids=["snapshots", "no_snapshots"])
@tried(80)
@given(
    steps=st.lists(STEPS, min_size=1, max_size=14),
    rng=st.randoms(use_true_random=False),
    batch=st.integers(1, 4),
    is_shuffled=st.booleans(),
)
def test_the_lake_ends_with_what_the_database_holds(exact, has_snapshots, steps, rng, batch, is_shuffled):
    """Whenever documents are copied or looked up, whatever is re-read, in whatever order it arrives."""
    shop = play(steps)
    oracle = Oracle()
    database = Database(shop, rng, has_snapshots)
    sent = connect(database, exact, batch=batch)
    if is_shuffled and has_snapshots:
        rng.shuffle(sent)

    outcomes = oracle.burst([to_message(change) for change in sent])

    assert differences(shop, oracle, first=database.first) == {}
    if has_snapshots:
        assert [outcome for outcome, _ in outcomes if outcome == "dead_lettered"] == []

"""Whole collections, copied beside running writes, against a server."""

import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from bson import Decimal128, ObjectId
from pymongo.database import Database

from inventory_assets.connector.source.change import Change, Chunk
from inventory_assets.connector.source.images import ImageMode
from inventory_assets.connector.source.mongo_client import connect
from inventory_assets.connector.source.mongo_source import MongoChangeSource
from tests.connector.mongo import ExternalMongo, failing

MIXED_IDS = [
    None, -5, 0, 2, 2.5, 3, 10**12, Decimal128("7.5"), "", "a", "b", {}, {"a": 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1},
    b"x", ObjectId("60a2f3e5c8e4b0e9b9f7c6d5"), ObjectId("60a2f3e5c8e4b0e9b9f7c6d6"), False, True,
]  # fmt: skip


@pytest.fixture
def source_of(mongo, database: Database) -> Iterator[Callable[..., MongoChangeSource]]:
    """Sources on the test's database; all are closed at the end."""
    opened: list[MongoChangeSource] = []

    def make(chunk_documents: int = 3) -> MongoChangeSource:
        opened.append(
            MongoChangeSource(
                connect(mongo.uri), database.name, collections=["inventory"], images=ImageMode.LOOKUP,
                chunk_documents=chunk_documents,
            )
        )  # fmt: skip
        return opened[-1]

    yield make
    for source in opened:
        source.close()


def ids(chunks: list[Chunk]) -> list:
    return [change.document_key["_id"] for chunk in chunks for change in chunk.changes]


@pytest.mark.parametrize("chunk_documents", [1, 2, 3, 7, 19, 20, 21, 100])
def test_every_document_is_copied_once_whatever_the_types_of_the_ids(database, source_of, chunk_documents):
    """`{_id: {$gt: x}}` would stop at the end of a type."""
    database.inventory.insert_many({"_id": id_, "n": i} for i, id_ in enumerate(MIXED_IDS))
    in_order = [document["_id"] for document in database.inventory.find().sort("_id", 1)]

    chunks = list(source_of(chunk_documents).copy("inventory"))

    assert list(map(repr, ids(chunks))) == list(map(repr, in_order))
    assert len(in_order) == len(MIXED_IDS)
    assert all(0 < len(chunk.changes) <= chunk_documents for chunk in chunks)
    assert all(change.operation == "snapshot" for chunk in chunks for change in chunk.changes)


@pytest.mark.parametrize("name", ["inventory", "missing"])
def test_an_empty_collection_has_no_chunks(database, source_of, name):
    database.create_collection("inventory")

    assert list(source_of().copy(name)) == []


def test_a_chunk_is_one_snapshot_at_its_own_time(mongo, database, source_of):
    """What our stand-in calls a snapshot is none, and the source has found out."""
    database.inventory.insert_many({"_id": i, "n": 0} for i in range(4))
    chunks = source_of(2).copy("inventory")

    first = next(chunks)
    database.inventory.update_many({}, {"$set": {"n": 1}})
    second = next(chunks)

    assert first.is_snapshot == second.is_snapshot == isinstance(mongo, ExternalMongo)
    assert [change.document["n"] for change in first.changes] == [0, 0]
    assert [change.document["n"] for change in second.changes] == [1, 1]
    assert first.cluster_time < second.cluster_time
    assert {change.cluster_time for change in second.changes} == {second.cluster_time}


def test_the_last_copied_document_may_be_deleted_before_the_next_chunk(database, source_of):
    database.inventory.insert_many({"_id": i} for i in range(5))
    chunks = source_of(2).copy("inventory")
    copied = [next(chunks)]

    database.inventory.delete_one({"_id": 1})

    assert ids(copied + list(chunks)) == [0, 1, 2, 3, 4]


def test_a_document_as_large_as_a_reply_does_not_end_the_copy(database, source_of):
    """The page after it begins with it, and may hold nothing else."""
    large = "x" * (16 * 1024 * 1024 - 200)
    database.inventory.insert_many([{"_id": i, "large": large if i % 2 else ""} for i in range(4)])

    assert ids(list(source_of(2).copy("inventory"))) == [0, 1, 2, 3]


def test_a_copy_and_the_stream_from_before_it_give_what_the_database_holds(database, source_of):
    """Applied by position, whoever wrote meanwhile, and wherever."""
    database.inventory.insert_many({"_id": i, "n": -1} for i in range(0, 60, 2))
    source = source_of(7)
    token = source.open(None)
    is_done = threading.Event()

    def write() -> None:
        for n in count():
            key = {"_id": n * 7 % 60}
            if n % 5 == 4:
                database.inventory.delete_one(key)
            else:
                database.inventory.replace_one(key, {"n": n}, upsert=True)
            if is_done.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        changes: list = [change for chunk in source.copy("inventory") for change in chunk.changes]
    finally:
        is_done.set()
        writer.join()
    source.open(token)
    while (batch := source.next_batch()).read:
        changes += batch.changes

    held: dict = {}
    for change in sorted(changes, key=lambda change: change.cluster_time):
        assert isinstance(change, Change)
        if change.operation == "delete":
            held.pop(change.document_key["_id"], None)
        else:
            held[change.document_key["_id"]] = change.document
    assert held == {document["_id"]: document for document in database.inventory.find()}


def test_where_snapshots_are_refused_a_chunks_time_is_before_its_read(database, mongo_client, source_of):
    """And of no event: the same key at the same time must not have two contents (RULES 11)."""
    with database.watch() as stream:
        database.inventory.insert_many({"_id": i} for i in range(4))
        source = source_of(2)
        with failing(mongo_client, ["find"], code=72):
            chunks = source.copy("inventory")
        first = next(chunks)
        database.inventory.insert_one({"_id": 9})
        rest = list(chunks)
        times = [(at.time, at.inc) for at in (next(stream)["clusterTime"] for _ in range(5))]

    assert ids([first, *rest]) == [0, 1, 2, 3, 9]
    assert not any(chunk.is_snapshot for chunk in [first, *rest])
    assert first.cluster_time < rest[0].cluster_time < times[-1]
    assert not {chunk.cluster_time for chunk in [first, *rest]} & set(times)

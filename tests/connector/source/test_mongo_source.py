"""The change stream of a database, against a server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from inventory_assets.connector.errors import SourceUnavailableError, TokenLostError
from inventory_assets.connector.source.change import Batch, Change, Operation, Poison
from inventory_assets.connector.source.images import ImageMode
from inventory_assets.connector.source.mongo_client import connect
from inventory_assets.connector.source.mongo_source import MongoChangeSource
from tests.connector.mongo import ExternalMongo, MongoServer, failing, forgetful_server

WATCHED = ["inventory", "transactions", "thresholds"]
OpenSource = Callable[..., MongoChangeSource]


@pytest.fixture
def source_on(mongo: MongoServer | ExternalMongo, database: Database) -> Iterator[OpenSource]:
    """Sources on the test's database; all are closed at the end."""
    opened: list[MongoChangeSource] = []

    def make(images: ImageMode = ImageMode.PRE_IMAGES, *, uri: str = mongo.uri, **options: Any) -> MongoChangeSource:
        options = {"collections": WATCHED, "max_await_ms": 100, **options}
        opened.append(MongoChangeSource(connect(uri), database.name, images=images, **options))
        return opened[-1]

    yield make
    for source in opened:
        source.close()


def with_images(database: Database, *names: str) -> None:
    for name in names or WATCHED:
        database.create_collection(name, changeStreamPreAndPostImages={"enabled": True})


def read(source: MongoChangeSource, count: int) -> list[Change | Poison]:
    """Read batches until there are this many changes."""
    changes: list[Change | Poison] = []
    while len(changes) < count:
        changes += source.next_batch().changes
    return changes


def read_to_end(source: MongoChangeSource) -> list[Batch]:
    """Read until a batch is empty."""
    batches = [source.next_batch()]
    while batches[-1].read:
        batches.append(source.next_batch())
    return batches


def test_every_change_of_a_document_arrives_with_its_exact_document(database, source_on):
    with_images(database)
    source = source_on()
    source.open(None)
    database.inventory.insert_one({"_id": 1, "n": 1, "list": [1, 2, 3], "deep": {"er": 1}})
    database.inventory.update_one({"_id": 1}, {"$set": {"n": 2, "list.1": 9, "deep.new": 1}, "$unset": {"deep.er": 1}})
    database.inventory.update_one({"_id": 1}, {"$push": {"list": 4}})
    database.inventory.replace_one({"_id": 1}, {"n": 3})
    database.inventory.delete_one({"_id": 1})

    changes = read(source, 5)

    assert [(change.operation, change.document) for change in changes] == [
        ("insert", {"_id": 1, "n": 1, "list": [1, 2, 3], "deep": {"er": 1}}),
        ("update", {"_id": 1, "n": 2, "list": [1, 9, 3], "deep": {"new": 1}}),
        ("update", {"_id": 1, "n": 2, "list": [1, 9, 3, 4], "deep": {"new": 1}}),
        ("replace", {"_id": 1, "n": 3}),
        ("delete", {"_id": 1, "n": 3}),
    ]
    assert all(change.document_key == {"_id": 1} for change in changes)
    assert all(change.size_bytes > 0 and change.token for change in changes)
    times = [change.cluster_time for change in changes]
    assert times == sorted(set(times))


def test_types_of_bson_arrive_as_they_are(database, source_on):
    document = {"_id": ObjectId(), "long": Int64(5), "money": Decimal128("1.10"), "bytes": Binary(b"x", 4)}
    source = source_on()
    source.open(None)
    database.inventory.insert_one(document)

    [change] = read(source, 1)

    assert change.document == document
    assert {name: type(value) for name, value in change.document.items()} == {
        name: type(value) for name, value in document.items()
    }


def test_other_collections_are_not_read(database, source_on):
    source = source_on(collections=["inventory"])
    source.open(None)
    database.other.insert_one({"_id": 1})
    database.inventory.insert_one({"_id": 2})
    database.inventory.create_index("x")
    database.other.drop()
    database.inventory.insert_one({"_id": 3})

    assert [change.document_key for change in read(source, 2)] == [{"_id": 2}, {"_id": 3}]


def test_resuming_after_a_changes_token_reads_exactly_what_follows(database, source_on):
    first = source_on()
    first.open(None)
    database.inventory.insert_many({"_id": i} for i in range(5))
    changes = read(first, 5)

    for i, change in enumerate(changes):
        second = source_on()
        assert second.open(change.token) == change.token
        rest = [key for batch in read_to_end(second) for key in batch.changes]
        assert [c.document_key["_id"] for c in rest] == list(range(i + 1, 5))


def test_the_first_token_covers_what_is_written_before_the_first_read(database, source_on):
    """A first start saves it, copies, and streams from it (snapshot protocol)."""
    token = source_on().open(None)
    database.inventory.insert_one({"_id": 1})
    source = source_on()
    source.open(token)

    assert [change.document_key for change in read(source, 1)] == [{"_id": 1}]


def test_the_token_moves_on_idle_collections(database, mongo_client, source_on):
    source = source_on()
    first = source.open(None)
    database.unwatched.insert_many({"_id": i} for i in range(3))

    token = first
    while token == first:
        batch = source.next_batch()
        assert batch.changes == []
        token = batch.token
    resumed = source_on()
    resumed.open(token)
    database.inventory.insert_one({"_id": 1})

    assert [change.document_key for change in read(resumed, 1)] == [{"_id": 1}]


def test_a_transaction_is_never_cut_by_a_batch(database, mongo_client, source_on):
    """Of two changes to a document in one transaction only the last was ever to be seen, and both have one position."""
    with_images(database)
    source = source_on(batch_size=2)
    source.open(None)
    with mongo_client.start_session() as session, session.start_transaction():
        for stock in (5, 4, 3):
            database.inventory.update_one(
                {"_id": "a"}, {"$set": {"warehouse_id": "W", "sku": "S", "n": stock}}, upsert=True, session=session
            )
            database.transactions.insert_one({"_id": stock}, session=session)

    changes = read(source, 4)

    assert [(change.collection, change.document_key["_id"]) for change in changes] == [
        ("transactions", 5), ("transactions", 4), ("inventory", "a"), ("transactions", 3),
    ]  # fmt: skip
    assert changes[2].document["n"] == 3
    assert len({change.cluster_time for change in changes}) == 1


def test_a_delete_has_its_document_in_every_mode(database, source_on):
    with_images(database)
    for i, mode in enumerate(ImageMode):
        source = source_on(mode)
        source.open(None)
        database.inventory.insert_one({"_id": i, "sku": "S"})
        database.inventory.delete_one({"_id": i})
        assert read(source, 2)[1].document == {"_id": i, "sku": "S"}


def test_a_delete_without_an_image_has_no_document(database, source_on):
    source = source_on()
    source.open(None)
    database.inventory.insert_one({"_id": 1, "sku": "S"})
    database.inventory.delete_one({"_id": 1})

    assert read(source, 2)[1].document is None


def test_an_update_without_an_image_is_looked_up(database, source_on):
    """The latest document is published as the latest, not as the earlier one."""
    database.inventory.insert_one({"_id": 1, "n": 0})
    source = source_on(ImageMode.PRE_IMAGES)
    token = source.open(None)
    for n in (1, 2, 3):
        database.inventory.update_one({"_id": 1}, {"$set": {"n": n}})
    database.inventory.insert_one({"_id": 2})
    source.open(token)

    [inserted, looked_up] = read(source, 2)

    assert (inserted.operation, inserted.document) == (Operation.INSERT, {"_id": 2})
    assert (looked_up.operation, looked_up.document) == (Operation.READ, {"_id": 1, "n": 3})
    assert looked_up.token is None
    assert looked_up.cluster_time >= inserted.cluster_time


def test_a_looked_up_transaction_brings_its_levels_along(database, source_on):
    """Otherwise a level at an earlier position would hold it, too, and count it twice."""
    database.inventory.insert_many(
        {"_id": f"{w}{s}", "warehouse_id": w, "sku": s} for w in ("W1", "W2", "W3") for s in ("S", "T")
    )
    database.transactions.insert_one({"_id": 1, "warehouse_id": "W1", "to_warehouse_id": "W2", "sku": "S"})
    source = source_on(ImageMode.LOOKUP)
    source.open(None)
    database.transactions.update_one({"_id": 1}, {"$set": {"status": "SHIPPED"}})
    database.thresholds.update_one({"_id": 9}, {"$set": {"level_type": "GLOBAL"}}, upsert=True)
    database.thresholds.update_one({"_id": 9}, {"$set": {"level_type": "SKU"}})

    changes = read(source, 5)

    assert [(change.operation, change.collection, change.document_key["_id"]) for change in changes] == [
        ("insert", "thresholds", 9), ("read", "thresholds", 9), ("read", "transactions", 1),
        ("read", "inventory", "W1S"), ("read", "inventory", "W2S"),
    ]  # fmt: skip
    assert len({change.cluster_time for change in changes[1:]}) == 1


def test_a_document_that_is_gone_when_looked_up_is_left_to_its_delete(database, source_on):
    database.inventory.insert_one({"_id": 1})
    source = source_on(ImageMode.LOOKUP)
    token = source.open(None)
    database.inventory.update_one({"_id": 1}, {"$set": {"n": 1}})
    database.inventory.delete_one({"_id": 1})
    source.open(token)

    assert [change.operation for change in read(source, 1)] == ["delete"]
    assert read_to_end(source)[0].changes == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda database: database.inventory.drop(), "was dropped"),
        (lambda database: database.inventory.rename("older"), "was renamed to 'older'"),
        (lambda database: database.staging.rename("thresholds"), "was renamed to 'thresholds'"),
        (lambda database: database.client.drop_database(database.name), "was dropped"),
    ],
)
def test_what_changes_a_collection_without_events_is_a_gap(database, source_on, change, reason):
    """A restart finds it again until somebody has copied: its token is never handed out."""
    source = source_on()
    source.open(None)
    database.staging.insert_one({"_id": 1})
    database.inventory.insert_one({"_id": 1})
    change(database)

    batches = []
    with pytest.raises(TokenLostError, match=reason) as lost:
        while True:
            batches.append(source.next_batch())
    assert lost.value.code is None
    assert [c.document_key for batch in batches for c in batch.changes] == [{"_id": 1}]

    source.open(batches[-1].token)
    with pytest.raises(TokenLostError, match=reason):
        read_to_end(source)
    source.open(None)
    database.inventory.insert_one({"_id": 2})
    assert [c.document_key for c in read(source, 1)] == [{"_id": 2}]


def test_a_change_too_large_to_send_becomes_poison_and_its_neighbours_arrive(database, mongo_client, source_on):
    source = source_on()
    source.open(None)
    database.inventory.insert_many({"_id": i} for i in range(10, 13))
    # The stream's read fails, then the first of those that go event by event.
    with failing(mongo_client, ["getMore"], times=2, code=10334):
        changes = read(source, 3)

    assert [type(change) for change in changes] == [Poison, Change, Change]
    assert changes[0].reason == "change_too_large"
    assert changes[0].document_key == {"_id": 10}
    assert changes[0].token
    assert [change.document_key["_id"] for change in changes[1:]] == [11, 12]


@pytest.mark.parametrize("token", [{"_data": "zz"}, {"_data": ""}, {"x": 1}, {"_data": "82" + "00" * 8}])
def test_a_token_the_server_cannot_read_is_lost(source_on, token):
    with pytest.raises(TokenLostError):
        source_on().open(token)


@pytest.mark.big
def test_lost_history_is_a_lost_token():
    server = forgetful_server(max_entries=20)
    try:
        with server.client() as client:
            source = MongoChangeSource(connect(server.uri), "db", collections=WATCHED, images=ImageMode.LOOKUP)
            token = source.open(None)
            client.db.inventory.insert_one({"_id": 0})
            for i in range(1, 60):
                client.db.inventory.insert_one({"_id": i})

            server.forget_history()
            with pytest.raises(TokenLostError) as lost:
                source.open(token)
            source.close()

        assert lost.value.code == 286
    finally:
        server.close()


@pytest.mark.parametrize("code", [91, 189, 10107, 11600, 13435, 43, 234])
def test_a_failover_is_passing(database, mongo_client, source_on, code):
    source = source_on()
    token = source.open(None)
    database.inventory.insert_one({"_id": 1})
    with failing(mongo_client, ["getMore"], code=code), pytest.raises(SourceUnavailableError):
        read(source, 1)
    with pytest.raises(SourceUnavailableError):
        source.next_batch()
    source.open(token)

    assert [change.document_key for change in read(source, 1)] == [{"_id": 1}]


@pytest.mark.big
def test_a_killed_and_restarted_server_goes_on_after_the_token():
    server = MongoServer()
    try:
        uri = server.uri + "&serverSelectionTimeoutMS=200"
        source = MongoChangeSource(connect(uri), "db", collections=WATCHED, images=ImageMode.LOOKUP, max_await_ms=100)
        with server.client() as client:
            source.open(None)
            client.db.inventory.insert_one({"_id": 1})
            [change] = read(source, 1)
            client.db.inventory.insert_one({"_id": 2})
        server.kill()
        with pytest.raises(SourceUnavailableError):
            read(source, 5)
        with pytest.raises(SourceUnavailableError):
            source.open(change.token)
        server.start()
        source.open(change.token)

        assert [c.document_key for c in read(source, 1)] == [{"_id": 2}]
        source.close()
    finally:
        server.close()


def test_a_password_is_in_no_error(source_on):
    source = source_on(uri="mongodb://me:hush%21@127.0.0.1:1/?serverSelectionTimeoutMS=50")

    with pytest.raises(SourceUnavailableError) as failed:
        source.open(None)

    assert "hush" not in str(failed.value)


def test_batches_are_of_use_to_a_caller_that_waits(database, source_on, mongo_client: MongoClient):
    """An exhausted batch says how far it came, and how much it was made of."""
    source = source_on()
    source.open(None)
    database.inventory.insert_many({"_id": i} for i in range(3))

    batches = read_to_end(source)

    assert sum(batch.read for batch in batches) == 3
    [last] = [batch.changes[-1] for batch in batches if batch.changes][-1:]
    assert any(batch.cluster_time and batch.cluster_time >= last.cluster_time for batch in batches)


@pytest.mark.parametrize("mode", ImageMode)
def test_a_key_that_a_document_has_left_is_deleted_in_every_mode(database, source_on, mode):
    with_images(database)
    source = source_on(mode)
    source.open(None)
    old = {"_id": 1, "warehouse_id": "W", "sku": "OLD"}
    database.inventory.insert_one(old | {"n": 1})
    database.inventory.update_one({"_id": 1}, {"$set": {"sku": "NEW"}})
    database.inventory.update_one({"_id": 1}, {"$set": {"n": 2}})
    database.inventory.replace_one({"_id": 1}, {"warehouse_id": "W2", "sku": "NEW"})
    seen: list[Change | Poison] = []
    while not any(change.document and change.document.get("warehouse_id") == "W2" for change in seen):
        seen += source.next_batch().changes
    # SecantusDB's post-images are the latest document, so that there a key may be left twice.
    left = {change.document["sku"]: change.document for change in seen if change.operation == "delete"}

    assert left == {"OLD": old, "NEW": {**old, "sku": "NEW"}}


def test_a_key_left_without_an_image_is_told(database, source_on):
    """Nobody knows which it was; that it was left, somebody should hear."""
    database.inventory.insert_one({"_id": 1, "warehouse_id": "W", "sku": "OLD"})
    source = source_on(ImageMode.POST_IMAGES)
    token = source.open(None)
    database.inventory.update_one({"_id": 1}, {"$set": {"sku": "NEW", "n": 1}})
    database.inventory.update_one({"_id": 1}, {"$set": {"n": 2}, "$unset": {"warehouse_id": ""}})
    database.inventory.update_one({"_id": 1}, {"$set": {"n": 3}})
    source.open(token)

    changes = [each for batch in read_to_end(source) for each in batch.key_changes]

    assert [(each.collection, each.fields) for each in changes] == [
        ("inventory", {"sku": "NEW"}), ("inventory", {"warehouse_id": None}),
    ]  # fmt: skip

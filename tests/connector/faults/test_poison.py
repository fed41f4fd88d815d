"""Documents that cannot become messages: each a dead letter with its reason, and its neighbours go through."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from inventory_assets.connector.source.change import Change
from tests.connector.faults.ends import order
from tests.connector.faults.wire import Wire
from tests.connector.mongo import ExternalMongo, MongoServer, failing
from tests.messaging.brokers import eventually

# What must not be seen anywhere outside the database.
SECRET = "dana@example.com"
MESSAGE_BYTES = 10_000_000


def raise_for_a_word(document: dict[str, Any], change: Change) -> dict[str, Any]:
    """A hook that cannot cope with one document."""
    if document.get("note") == "raise":
        raise ValueError(f"cannot cope with {document}")
    return document


POISONS = {
    # On its way it becomes a text that is no UTF-8, as mongod would store it and SecantusDB does not.
    "undecodable_document": lambda number: order(number, note="UNDECODABLE", user_id=SECRET),
    "schema_violation": lambda number: order(number, status="LOST", user_id=SECRET),
    "unknown_schema_version": lambda number: order(number, schema_version="9.0", user_id=SECRET),
    "transform_failed": lambda number: order(number, note="raise", user_id=SECRET),
    "oversized": lambda number: order(number, note="x" * 10_000_000, user_id=SECRET),
}


@pytest.fixture
def wire(mongo: MongoServer | ExternalMongo) -> Iterator[Wire]:
    """The connector's way to the database."""
    if isinstance(mongo, ExternalMongo):
        pytest.skip("the way to a server that is not ours cannot be tampered with")
    found = Wire(f"127.0.0.1:{mongo.port}")
    found.damage(b"UNDECODABLE", b"\xff\xfeDECODABLE")
    yield found
    found.close()


@pytest.mark.parametrize("reason", POISONS)
def test_a_poison_document_becomes_a_dead_letter_and_its_neighbours_arrive(reason, settings, start, shop, inbox, wire):
    """Read from the stream, and read by a copy alike; the token moves past it; nothing sensitive leaves."""
    masked = settings(
        uri=f"mongodb://{wire.host}/?directConnection=true", MASK_FIELDS="transactions.user_id",
        TRANSFORMS=f"{__name__}:raise_for_a_word", PUBLISH_TIMEOUT_SECONDS=30,
    )  # fmt: skip
    shop.database["transactions"].insert_one(POISONS[reason](1000))
    connector = start(masked)
    connector.await_event("stream_opened")
    shop.trade(1)
    shop.database["transactions"].insert_one(POISONS[reason](1001))
    shop.trade(1)

    letters = eventually(lambda: len(inbox.dead_letters()) >= 2 and inbox.dead_letters())
    eventually(lambda: inbox.pull() or len({fact.ids for fact in inbox.facts()}) == 4)
    assert connector.end() == 0
    assert [letter.attributes["reason"] for letter in letters] == [reason] * 2
    assert all(letter.attributes["detail"] for letter in letters)
    assert all(len(letter.data) < MESSAGE_BYTES for letter in letters)
    assert not any(SECRET.encode() in message.data for topic in inbox.messages.values() for message in topic)
    assert SECRET not in connector.output
    again = start(masked)
    again.await_event("stream_opened")
    assert again.end() == 0
    assert len(inbox.dead_letters()) == 2


def test_a_delete_without_an_image_says_how_to_have_one(settings, start, shop, inbox):
    """Nothing tells which SKU is gone, so somebody must know of it."""
    shop.database.command("collMod", "inventory", changeStreamPreAndPostImages={"enabled": False})
    connector = start(settings())
    connector.await_event("stream_opened")
    shop.database["inventory"].delete_one({"_id": "S0"})

    (letter,) = eventually(inbox.dead_letters)
    assert connector.end() == 0
    assert letter.attributes["reason"] == "delete_without_image"
    assert "changeStreamPreAndPostImages" in letter.attributes["detail"]
    assert json.loads(letter.data)["document_key"] == {"_id": "S0"}


def test_documents_of_16_mb_are_dead_letters_of_less_than_10_mb(settings, start, shop, inbox, mongo_client):
    """The insert is too large for Pub/Sub, its update's event with both images for MongoDB's own replies."""
    connector = start(settings(MASK_FIELDS="transactions.user_id", PUBLISH_TIMEOUT_SECONDS=30))
    connector.await_event("stream_opened")
    shop.database["transactions"].insert_one(order(7, note="x" * 16_400_000, user_id=SECRET))
    shop.database["transactions"].update_one({"_id": "T7"}, {"$set": {"status": "CANCELLED", "more": "y" * 300_000}})
    eventually(lambda: len(inbox.dead_letters()) >= 2)
    assert connector.end() == 0

    # mongod refuses to send the update's event with its images (10334); SecantusDB sends anything.
    shop.database["transactions"].insert_one(order(8, user_id=SECRET))
    shop.trade(1)
    with failing(mongo_client, ["getMore"], times=2, code=10334):
        connector = start(settings(MASK_FIELDS="transactions.user_id", PUBLISH_TIMEOUT_SECONDS=30))
        eventually(lambda: len(inbox.dead_letters()) >= 3)
    eventually(lambda: inbox.pull() or len({fact.ids for fact in inbox.facts()}) == 2)
    assert connector.end() == 0
    reasons = [letter.attributes["reason"] for letter in inbox.dead_letters()]
    assert reasons == ["oversized", "oversized", "change_too_large"]
    for letter in inbox.dead_letters():
        assert len(letter.data) < MESSAGE_BYTES
        assert SECRET.encode() not in letter.data

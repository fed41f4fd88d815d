"""Documents that cannot become messages: each a dead letter with its reason, and its neighbours go through."""

import json
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from inventory_assets.connector.change import Change
from tests.connector.faults.conftest import Start
from tests.connector.faults.rig import Inbox, Running, Shop, level, order
from tests.connector.mongo import failing
from tests.messaging.brokers import eventually

# What must not be seen anywhere outside the database.
SECRET = "dana@example.com"
MESSAGE_BYTES = 10_000_000


def raise_for_a_word(document: dict[str, Any], change: Change) -> dict[str, Any]:
    """A hook that cannot cope with one document."""
    if document.get("note") == "raise":
        raise ValueError(f"cannot cope with {document}")
    return document


def undecodable(number: int) -> RawBSONDocument:
    """An order with a text that is no UTF-8."""
    raw = bson.encode(order(number, note="??", user_id=SECRET))
    return RawBSONDocument(raw.replace(b"??\x00", b"\xff\xfe\x00"))


POISONS = {
    "undecodable_document": undecodable,
    "schema_violation": lambda number: order(number, status="LOST", user_id=SECRET),
    "unknown_schema_version": lambda number: order(number, schema_version="9.0", user_id=SECRET),
    "transform_failed": lambda number: order(number, note="raise", user_id=SECRET),
    "oversized": lambda number: order(number, note="x" * 10_000_000, user_id=SECRET),
    "oversized by its keys": lambda number: order(number, user_id=SECRET, **{f"k{i}": i for i in range(900_000)}),
}


@pytest.mark.parametrize("kind", POISONS)
def test_a_poison_document_becomes_a_dead_letter_and_its_neighbours_arrive(
    kind, settings, start, shop, inbox, mongo_client
):
    """Read from the stream, and read by a copy alike; the token moves past it; nothing sensitive leaves."""
    reason = kind.split()[0]
    masked = settings(
        MASK_FIELDS="transactions.user_id", TRANSFORMS=f"{__name__}:raise_for_a_word", PUBLISH_TIMEOUT_SECONDS=30
    )
    shop.database["transactions"].insert_one(POISONS[kind](1000))
    connector = start(masked)
    connector.await_event("stream_opened")
    shop.trade(1)
    shop.database["transactions"].insert_one(POISONS[kind](1001))
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
    # A server that answers with more than MongoDB allows does not refuse by itself.
    shop.trade(1)

    eventually(lambda: len(inbox.dead_letters()) >= 2)
    eventually(lambda: inbox.pull() or len({fact.ids for fact in inbox.facts()}) == 2)
    assert connector.end() == 0
    for letter in inbox.dead_letters():
        assert letter.attributes["reason"] in ("oversized", "change_too_large")
        assert len(letter.data) < MESSAGE_BYTES
        assert SECRET.encode() not in letter.data
    print([dict(letter.attributes) for letter in inbox.dead_letters()])

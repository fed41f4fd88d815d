"""Events as mongod 8.0 sends them, read without a server: what SecantusDB cannot store is here."""

import datetime
from typing import Any

import bson
import pytest
from bson import Binary, ObjectId, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from inventory_assets.connector.source.change import Change, Poison
from inventory_assets.connector.source.change_events import (
    Inexact,
    Upheaval,
    only_final,
    read_event,
    read_too_large,
    token_of,
)
from inventory_assets.connector.source.images import ImageMode

TOKEN = {
    "_data": "8266F1D2A1000000032B042C0100296E5A1004D8B1C4A4E0CD4E0FA9D5BDB8A3A7E60D463C6F7065726174696F6E54797065003C757064617465"
    "00463C646F63756D656E744B65790046645F6964006466F1D29D7A1F3C4D5E6F7081000004"
}  # fmt: skip
ID = ObjectId("66f1d29d7a1f3c4d5e6f7081")


def event(operation: str = "update", **fields: Any) -> dict[str, Any]:
    return {
        "_id": TOKEN,
        "operationType": operation,
        "clusterTime": Timestamp(1727124129, 3),
        "collectionUUID": Binary(bytes(16), 4),
        "wallTime": datetime.datetime(2024, 9, 23, 20, 42, 9, 117000, tzinfo=datetime.UTC),
        "ns": {"db": "inventory", "coll": "inventory"},
        "documentKey": {"_id": ID},
        **fields,
    }


def raw(document: dict[str, Any], *replacements: tuple[bytes, bytes]) -> RawBSONDocument:
    """The event's BSON, with bytes replaced by as many others."""
    data = bson.encode(document)
    for old, new in replacements:
        assert len(old) == len(new) and old in data
        data = data.replace(old, new)
    return RawBSONDocument(data)


def read(document: RawBSONDocument, mode: ImageMode = ImageMode.PRE_IMAGES):
    return read_event(document, database="inventory", mode=mode)


UPDATE = {
    "updatedFields": {"current_stock": 155, "last_updated": datetime.datetime(2024, 9, 23, tzinfo=datetime.UTC)},
    "removedFields": [],
    "truncatedArrays": [],
}


def test_a_pre_image_and_a_description_make_the_document():
    before = {"_id": ID, "sku": "S", "current_stock": 156}

    change = read(raw(event(fullDocumentBeforeChange=before, updateDescription=UPDATE)))

    assert change == Change(
        operation="update", database="inventory", collection="inventory", document_key={"_id": ID},
        document=before | UPDATE["updatedFields"], cluster_time=(1727124129, 3), token=TOKEN,
        size_bytes=change.size_bytes,
    )  # fmt: skip


def test_a_post_image_is_the_document():
    after = {"_id": ID, "sku": "S"}

    assert read(raw(event(fullDocument=after)), ImageMode.POST_IMAGES).document == after


@pytest.mark.parametrize("mode", ImageMode)
def test_an_update_without_an_image_is_to_be_looked_up(mode):
    """mongod sends null where an image has expired, or was not kept yet."""
    document = raw(event(fullDocument=None, fullDocumentBeforeChange=None, updateDescription=UPDATE))

    assert read(document, mode) == Inexact(
        collection="inventory", document_key={"_id": ID}, cluster_time=(1727124129, 3)
    )


def test_lookup_never_passes_an_image_off_as_exact():
    """Where images are not to be trusted, a document that came along is not used."""
    assert isinstance(read(raw(event(fullDocument={"_id": ID})), ImageMode.LOOKUP), Inexact)


@pytest.mark.parametrize("operation", ["insert", "replace"])
@pytest.mark.parametrize("mode", ImageMode)
def test_an_insert_and_a_replacement_carry_their_document(operation, mode):
    assert read(raw(event(operation, fullDocument={"_id": ID})), mode).document == {"_id": ID}


@pytest.mark.parametrize(
    "replacement",
    [
        (b"GOOD", b"B\xffAD"),
        # Invalid as a whole: a string's length beyond its end.
        (b"\x05\x00\x00\x00GOOD", b"\xff\x00\x00\x00GOOD"),
    ],
)
@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_a_document_that_cannot_be_decoded_is_poison(operation, replacement):
    document = {"_id": ID, "sku": "GOOD", "deep": {"er": "x"}}
    field = "fullDocument" if operation == "insert" else "fullDocumentBeforeChange"

    poison = read(raw(event(operation, **{field: document}), replacement))

    assert isinstance(poison, Poison)
    assert (poison.reason, poison.collection, poison.document_key) == ("undecodable_document", "inventory", {"_id": ID})
    assert (poison.token, poison.cluster_time) == (TOKEN, (1727124129, 3))
    assert "GOOD" not in poison.detail and "AD" not in poison.detail


def test_a_date_beyond_the_year_9999_is_poison():
    poison = read(raw(event("insert", fullDocument={"_id": ID, "last_updated": DatetimeMS(10**15)})))

    assert isinstance(poison, Poison)
    assert poison.document_key == {"_id": ID}


def test_a_key_that_cannot_be_decoded_is_poison():
    poison = read(
        raw(event("insert", documentKey={"_id": "GOOD"}, fullDocument={"_id": "GOOD"}), (b"GOOD", b"B\xffAD"))
    )

    assert isinstance(poison, Poison)
    assert poison.token == TOKEN


def test_the_outside_of_a_change_too_large_is_enough():
    poison = read_too_large(raw(event()), database="inventory")

    assert (poison.reason, poison.document_key, poison.token) == ("change_too_large", {"_id": ID}, TOKEN)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (event("drop"), "collection 'inventory.inventory' was dropped"),
        (
            event("rename", to={"db": "inventory", "coll": "old"}),
            "collection 'inventory.inventory' was renamed to 'old'",
        ),
        (event("dropDatabase", ns={"db": "inventory"}), "database 'inventory' was dropped"),
        (event("invalidate", ns=None), "the server invalidated the stream (invalidate)"),
    ],
)
def test_what_changes_a_collection_at_once_is_an_upheaval(document, reason):
    assert read(raw(document)) == Upheaval(reason=reason, cluster_time=(1727124129, 3))


def test_a_token_is_read_whatever_else_is_in_the_event():
    assert token_of(raw(event("insert", fullDocument={"s": "GOOD"}), (b"GOOD", b"B\xffAD"))) == TOKEN


def change(
    key: Any, document: dict[str, Any] | None, *, at: int = 1, collection="inventory", operation="update"
) -> Change:
    return Change(
        operation=operation, database="d", collection=collection, document_key={"_id": key}, document=document,
        cluster_time=(at, 1), token={"_data": f"{key}{at}"},
    )  # fmt: skip


def level(sku: str, stock: int) -> dict[str, Any]:
    return {"warehouse_id": "W", "sku": sku, "current_stock": stock}


def test_of_several_states_within_a_transaction_the_last_stays():
    """RULES 10, 11: at one position the first would win, and it was never to be seen."""
    first, second = change(1, level("S", 5)), change(1, level("S", 4))
    other_time, other_document = change(1, level("S", 3), at=2), change(2, level("T", 5))

    assert only_final([first, other_document, second, other_time]) == [other_document, second, other_time]


def test_a_document_that_takes_anothers_place_within_a_transaction_stands_for_both():
    """At one position a tombstone would hide the new level."""
    deleted = change(1, level("S", 5), operation="delete")
    inserted = change(2, level("S", 4), operation="insert")

    assert only_final([deleted, inserted]) == [inserted]


def test_thresholds_are_told_apart_by_their_scope():
    rules = [
        change(i, {"level_type": "SKU", "level_id": sku, "warehouse_id": None}, collection="thresholds")
        for i, sku in enumerate("AAB")
    ]

    assert only_final(rules) == rules[1:]


def test_documents_without_an_identity_stay():
    changes = [change(i, {"sku": "S"}) for i in range(2)] + [change(i, None, operation="delete") for i in range(2, 4)]

    assert only_final(changes) == changes


def test_poison_stays_to_become_a_dead_letter():
    poison = read_too_large(raw(event()), database="inventory")
    final = Change(
        operation="update", database="d", collection="inventory", document_key={"_id": ID}, document={},
        cluster_time=(1727124129, 3),
    )  # fmt: skip

    assert only_final([poison, final]) == [poison, final]


def test_a_state_that_is_looked_up_after_all_stands_for_the_one_before_it():
    inexact = Inexact(collection="inventory", document_key={"_id": 1}, cluster_time=(1, 1))

    assert only_final([change(1, level("S", 5)), inexact]) == [inexact]

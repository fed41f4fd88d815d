"""BSON off the wire: decoded one by one, its key cut out exactly."""

import datetime

import bson
import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from inventory_assets.connector.source.raw_documents import UndecodableError, decode, decode_key, encode_key, key_of

IDS = [
    1, Int64(1), 1.0, "text", "", "with\0null", {"b": 1, "a": "x"}, {}, b"bytes", Binary(b"x", 4), ObjectId("60a2f3e5c8e4b0e9b9f7c6d5"), True, None,
    datetime.datetime(2022, 4, 20, 7, tzinfo=datetime.UTC), Timestamp(5, 6), Decimal128("1.5"), MinKey(), MaxKey(),
    Code("x"), Code("x", {"y": 1}),
]  # fmt: skip


@pytest.mark.parametrize("id_", IDS, ids=lambda value: f"{type(value).__name__}-{value!r}"[:30])
def test_the_key_is_the_id_as_it_is_stored(id_):
    key = key_of(bson.encode({"_id": id_, "sku": "S", "n": [1, 2]}))

    assert key == bson.encode({"_id": id_})
    assert key == encode_key({"_id": id_, "shard": 1})
    assert decode_key(key) == {"_id": id_}


def test_ids_that_python_takes_for_equal_have_keys_of_their_own():
    keys = {key_of(bson.encode({"_id": id_})) for id_ in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 1, 1.0, True)}

    assert len(keys) == 5


def test_a_key_is_cut_out_of_a_document_that_cannot_be_decoded():
    raw = bson.encode({"_id": "abcd", "sku": "efgh"})
    bad_value, bad_key = raw.replace(b"efgh", b"e\xff\xfeh"), raw.replace(b"abcd", b"a\xff\xfed")

    assert decode_key(key_of(bad_value)) == {"_id": "abcd"}
    assert key_of(bad_key)[9:].endswith(b"a\xff\xfed\0\0")
    assert decode_key(key_of(bad_key)) == {}


@pytest.mark.parametrize("document", [{"a": 1}, {}, {"_id": Regex("x")}])
def test_what_is_no_stored_document_has_no_key(document):
    with pytest.raises(UndecodableError):
        key_of(bson.encode(document))


def test_why_a_document_cannot_be_decoded_is_said_without_its_values():
    raw = bson.encode({"_id": 1, "secret": "hush-hush"}).replace(b"hush-hush", b"hush\xffhush")

    with pytest.raises(UndecodableError, match="utf-8") as failed:
        decode(raw)
    assert "hush" not in str(failed.value)


def test_times_are_utc():
    at = datetime.datetime(2022, 4, 20, 7, tzinfo=datetime.UTC)

    assert decode(bson.encode({"at": at})) == {"at": at}

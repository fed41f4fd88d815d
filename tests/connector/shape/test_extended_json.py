"""Every value BSON can hold leaves as Extended JSON that reads back as the same value."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import bson
import msgspec
import pytest
from bson import Binary, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, json_util
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.son import SON
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.shape.extended_json import to_plain
from tests.hunting import tried

OPTIONS = json_util.JSONOptions(tz_aware=True, tzinfo=UTC, uuid_representation=4)
ID = ObjectId("60b3f4d6c8e4b0e9b9f7c6e6")
AT = datetime(2022, 4, 20, 7, tzinfo=UTC)


def written(value: Any) -> str:
    """The JSON of one value."""
    return msgspec.json.encode(to_plain({"v": value})).decode()[5:-1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ID, '{"$oid":"60b3f4d6c8e4b0e9b9f7c6e6"}'),
        (AT, '{"$date":"2022-04-20T07:00:00Z"}'),
        (AT.replace(tzinfo=None), '{"$date":"2022-04-20T07:00:00Z"}'),  # a codec without tz_aware
        (AT.replace(microsecond=120_000), '{"$date":"2022-04-20T07:00:00.120000Z"}'),
        (AT.astimezone(timezone(timedelta(hours=2))), '{"$date":"2022-04-20T09:00:00+02:00"}'),
        (DatetimeMS(-(2**62)), '{"$date":{"$numberLong":"-4611686018427387904"}}'),
        (Int64(2**63 - 1), "9223372036854775807"),
        (-0.5, "-0.5"),
        (math.nan, '{"$numberDouble":"NaN"}'),
        (-math.inf, '{"$numberDouble":"-Infinity"}'),
        (Decimal128("12.50"), '{"$numberDecimal":"12.50"}'),
        (b"ab", '{"$binary":{"base64":"YWI=","subType":"00"}}'),
        (Binary(b"ab", 128), '{"$binary":{"base64":"YWI=","subType":"80"}}'),
        (UUID(int=5), '{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAABQ==","subType":"04"}}'),
        (Timestamp(7, 3), '{"$timestamp":{"t":7,"i":3}}'),
        (Regex("a.b", "i"), '{"$regularExpression":{"pattern":"a.b","options":"i"}}'),
        (re.compile("a"), '{"$regularExpression":{"pattern":"a","options":"u"}}'),
        (MinKey(), '{"$minKey":1}'),
        (MaxKey(), '{"$maxKey":1}'),
        (Code("f()", {"at": AT, "n": Int64(1)}), '{"$code":"f()","$scope":{"at":{"$date":"2022-04-20T07:00:00Z"},"n":1}}'),
        (DBRef("c", ID, "d"), '{"$ref":"c","$id":{"$oid":"60b3f4d6c8e4b0e9b9f7c6e6"},"$db":"d"}'),
        (SON([("b", Int64(1)), ("a", [math.inf])]), '{"b":1,"a":[{"$numberDouble":"Infinity"}]}'),
        ([{"a": [ID]}], '[{"a":[{"$oid":"60b3f4d6c8e4b0e9b9f7c6e6"}]}]'),
        ("ä\u0000", '"ä\\u0000"'),
    ],
)  # fmt: skip
def test_a_value_is_written_as_extended_json(value, expected):
    assert written(value) == expected


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j, ValueError("geheim")])
def test_what_bson_does_not_have_is_refused_without_being_shown(value):
    with pytest.raises(TypeError, match=f"a {type(value).__name__} is no BSON value"):
        to_plain({"v": value})


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(),
    st.binary(max_size=20).map(lambda value: Binary(value, 128)), st.builds(lambda: ID),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
        lambda value: value.replace(tzinfo=UTC, microsecond=value.microsecond // 1000 * 1000)
    ),
    st.decimals(allow_nan=False, places=2, min_value=-(10**9), max_value=10**9).map(Decimal128),
    st.integers(0, 2**32 - 1).map(lambda value: Timestamp(value, 1)),
)  # fmt: skip
# A field called $date would be read as one; MongoDB keeps such names out of the first level itself.
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0$"), max_size=8)
DOCUMENTS = st.dictionaries(
    _NAMES,
    st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3)),
    max_size=6,
)


@tried(40)
@given(DOCUMENTS)
def test_a_document_reads_back_as_it_was(document):
    stored = bson.decode(bson.encode(document), bson.CodecOptions(tz_aware=True, tzinfo=UTC))

    assert json_util.loads(msgspec.json.encode(to_plain(stored)), json_options=OPTIONS) == stored


def test_the_document_itself_is_left_alone():
    """It may be shaped again after a failure."""
    document = {"at": AT, "in": {"at": AT, "l": [math.nan, AT]}}
    before = bson.encode(document)

    to_plain(document)

    assert bson.encode(document) == before

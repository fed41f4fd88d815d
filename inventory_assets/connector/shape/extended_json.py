"""BSON values as relaxed MongoDB Extended JSON (RULES 1), ready for a JSON encoder.

Here: the form of values. Not here: which of them leave the process (`masking`), or the envelope.

One walk copies the document into plain dicts, lists and JSON values, because what follows needs
them: schemas check JSON types, masking writes into the copy, and the encoder, left to itself,
would write NaN as null, bytes as bare base64, and refuse an Int64.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.json_util import JSONMode, JSONOptions
from bson.json_util import default as encode_rare

# A UUID without its subtype cannot be told from other bytes; nothing here may raise for a value read from BSON.
_OPTIONS = JSONOptions(json_mode=JSONMode.RELAXED, uuid_representation=4, tz_aware=True)


def to_plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a document with every BSON value in its relaxed Extended JSON form.

    Dates stay `datetime` objects inside `{"$date": …}`: the encoder writes them as RFC 3339 faster
    than Python could.

    Raises:
        TypeError: A value is of no BSON type: only a hook can have put it there.
    """
    plain = dict(document)
    for key, value in document.items():
        if type(value) not in _AS_IS:
            plain[key] = _CONVERT.get(type(value), _convert_rare)(value)
    return plain


def _list(values: list[Any]) -> list[Any]:
    return [value if type(value) in _AS_IS else _CONVERT.get(type(value), _convert_rare)(value) for value in values]


def _float(value: float) -> Any:
    # JSON has no such numbers, and the encoder's null would be an absent field, which means something else.
    if math.isfinite(value):
        return value
    return {"$numberDouble": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _date(value: datetime) -> Any:
    # BSON knows UTC only; a codec without tz_aware leaves that unsaid.
    return {"$date": value if value.tzinfo is not None else value.replace(tzinfo=UTC)}


def _convert_rare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return to_plain(value)
    if isinstance(value, tuple):
        return _list(list(value))
    try:
        encoded = encode_rare(value, _OPTIONS)
    except TypeError as error:
        # Not its own text, which shows the value.
        raise TypeError(f"a {type(value).__name__} is no BSON value") from error
    # What it makes of a Code's scope or a DBRef's id holds BSON values again.
    return to_plain(encoded) if isinstance(encoded, Mapping) else encoded


_AS_IS = frozenset((str, int, bool, type(None)))
_CONVERT: dict[type, Callable[[Any], Any]] = {
    dict: to_plain,
    list: _list,
    float: _float,
    datetime: _date,
    ObjectId: lambda value: {"$oid": str(value)},
    Int64: int,
    Decimal128: lambda value: {"$numberDecimal": str(value)},
    DatetimeMS: lambda value: {"$date": {"$numberLong": str(int(value))}},
    bytes: lambda value: encode_rare(value, _OPTIONS),
}

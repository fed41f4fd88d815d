"""BSON as it comes off the wire: decoded one document at a time, so that a bad one spoils no other.

Here: codecs, decoding, the exact bytes of an `_id`. Not here: what a document means.
"""

from typing import Any

import bson
from bson import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

# Replies are split into documents without decoding those.
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
# BSON's own types stay (Int64, Decimal128, ObjectId …): the envelope writes them as Extended JSON.
PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)

# Bytes of the types of a fixed length.
_LENGTHS = {
    0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0,
}  # fmt: skip
# Bytes beside the length that the first four say.
_COUNTED = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5, 0x0C: 16, 0x0D: 4, 0x0E: 4, 0x0F: 0}


class UndecodableError(Exception):
    """A document cannot be a Python value; the text says why, without values of it."""


def decode(raw: bytes) -> dict[str, Any]:
    """Decode one document.

    Raises:
        UndecodableError: Invalid UTF-8, a date beyond the year 9999, broken BSON.
    """
    try:
        return bson.decode(raw, PLAIN)
    except InvalidBSON as error:
        # A UnicodeDecodeError shows the byte, never the text around it.
        raise UndecodableError(str(error).partition(" (Consider")[0][:300]) from error


def key_of(raw: bytes) -> bytes:
    """Cut `{"_id": …}` out of a stored document, whose first field it is, as BSON of its own.

    Not decoded: a key that is no valid UTF-8 can be paged over all the same, and two ids are
    equal exactly if their bytes are (Python takes `{a, b}` and `{b, a}` for equal, MongoDB does not).

    Raises:
        UndecodableError: The first field is not `_id`, or not of a type an id may have.
    """
    if raw[5:9] != b"_id\0":
        raise UndecodableError("the document does not begin with _id")
    kind, start = raw[4], 9
    if kind in _LENGTHS:
        length = _LENGTHS[kind]
    elif kind in _COUNTED:
        length = int.from_bytes(raw[start : start + 4], "little") + _COUNTED[kind]
    else:
        raise UndecodableError(f"its _id is of BSON type {kind:#04x}")
    body = raw[4 : start + length]
    return (len(body) + 5).to_bytes(4, "little") + body + b"\0"


def encode_key(document_key: dict[str, Any]) -> bytes:
    """Encode the `_id` of a document key as `key_of` cuts it out of the document."""
    return bson.encode({"_id": document_key["_id"]})


def decode_key(key: bytes) -> dict[str, Any]:
    """Decode what `key_of` cut out; empty where that cannot be."""
    try:
        return decode(key)
    except UndecodableError:
        return {}

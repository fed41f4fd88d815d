"""Decode one JSON object strictly: no duplicate keys, BOM, trailing data or depth over 100.

RULES 1 and 7. msgspec decodes; what it does not check is checked around it, on
a fast path that is sound and a slow path for whatever the fast path cannot
vouch for.
"""

import json
import re
from typing import Any

import msgspec

from inventory_assets.domain.values import InvalidValue

MAX_DEPTH = 100
MAX_BYTES = 10_000_000
_BYTE = re.compile(r"\(byte (\d+)\)")
_SPACE_BEFORE_COLON = re.compile(rb'"\s+:')


def decode_object(body: bytes) -> dict[str, Any]:
    """Decode a message body.

    Raises:
        InvalidValue: `invalid_json` or `oversized`, with what was wrong.
    """
    if len(body) > MAX_BYTES:
        raise InvalidValue("oversized", f"the body had {len(body)} bytes, expected at most {MAX_BYTES}")
    # Depth before decoding: the decoder recurses, and hostile nesting must not.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise InvalidValue("invalid_json", f"nested deeper than {MAX_DEPTH}")
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue("invalid_json", str(error)[:200], _broken_at(body, error)) from error
    if type(document) is not dict:
        raise InvalidValue("invalid_json", f"the body was a JSON {type(document).__name__}, expected an object")
    # Without white space before colons, '":' occurs at least once per key, so a
    # count equal to the decoded keys proves that none was dropped as a repeat.
    # Equal to the object's own keys, it proves that there are no others.
    count = body.count(b'":')
    if _SPACE_BEFORE_COLON.search(body) or (count != len(document) and count != _count_keys(document)):
        refuse_duplicate_keys(body)
    return document


def _broken_at(body: bytes, error: Exception) -> str | None:
    """Where a body is no JSON: as an editor counts, and in bytes from 0."""
    if found := _BYTE.search(str(error)):
        place = min(int(found[1]), len(body))
    elif "truncated" in str(error):
        place = len(body)
    else:
        try:
            body.decode()
        except UnicodeDecodeError as broken:
            place = broken.start
        else:
            return None
    line = body.count(b"\n", 0, place) + 1
    begin = body.rfind(b"\n", 0, place) + 1
    return f"line {line}, column {len(body[begin:place].decode(errors='replace')) + 1} (byte {place})"


def _count_keys(value: dict | list) -> int:
    total = 0
    if type(value) is dict:
        total = len(value)
        value = value.values()  # type: ignore[assignment]
    for item in value:
        if type(item) is dict or type(item) is list:
            total += _count_keys(item)
    return total


def _depth(body: bytes) -> int:
    deepest = depth = 0
    in_string = escaped = False
    for byte in body:
        if escaped:
            escaped = False
        elif in_string:
            escaped = byte == 0x5C
            in_string = byte != 0x22
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def refuse_duplicate_keys(body: bytes) -> None:
    """Refuse JSON of which an object has a key twice.

    Raises:
        InvalidValue: It does, or it is no JSON.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            seen: set[str] = set()
            repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise InvalidValue("invalid_json", f"key {repeated!r} appears twice in one object", repr(repeated)[1:-1])
        return document

    try:
        json.loads(body, object_pairs_hook=unique)
    except ValueError as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue("invalid_json", str(error)[:200]) from error

"""What a request asks, as a type: its query or its JSON body, read whole or refused with what is wrong where.

Unknown fields are refused, as is what is said twice: who misspells a filter must not get everything.
"""

import re
from functools import cache
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import unquote_to_bytes

import msgspec

from inventory_assets.api.http import Problem, Wrong
from inventory_assets.domain.events.control import MAX_ALERT_ID_BYTES
from inventory_assets.domain.strict_json import refuse_duplicate_keys
from inventory_assets.domain.values import CONTROL_CHARACTERS, MAX_ID_BYTES, InvalidValue, read_id, read_time

T = TypeVar("T")

# What RULES 4 has of characters, for the description; here `read_id` holds ids to it.
_WHOLE = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
Id = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=MAX_ID_BYTES, extra={"is_id": True}, extra_json_schema={"pattern": _WHOLE},
        description="1 to 256 bytes, no control characters, no outer white space",
    ),
]  # fmt: skip
"""An id (RULES 4)."""
Moment = Annotated[
    str,
    msgspec.Meta(
        max_length=64, extra={"is_time": True}, extra_json_schema={"format": "date-time"},
        description="RFC 3339; without a zone UTC",
    ),
]  # fmt: skip
"""A time (RULES 6)."""
Version = Annotated[int, msgspec.Meta(ge=1, le=2**53, description="a version of the lake")]
Cursor = Annotated[
    str, msgspec.Meta(min_length=1, max_length=4_096, description="`next_cursor` of the page before")
]  # fmt: skip


def one_of(*names: str) -> dict[str, Any]:
    """For a struct's `SHAPE`, what its description says beside its fields: exactly one of some is there."""
    return {"oneOf": [_there(name) for name in names]}


def any_of(*names: str) -> dict[str, Any]:
    """For a struct's `SHAPE`: at least one of some fields is there."""
    return {"anyOf": [_there(name) for name in names]}


def _there(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": ["string", "integer", "array"]}}}


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query that says nothing."""


MOST_FIELDS = 32
_PATH = re.compile(r"(.*?)(?: - at `(?:key in )?\$(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected (.*?)(?:, got (.*))?", re.DOTALL)


def read_query(kind: type[T], query: bytes) -> T:
    """Read what an address says after `?`.

    Raises:
        Problem: 422.
    """
    given: dict[str, str] = {}
    if query:
        parts = query.split(b"&")
        if len(parts) > MOST_FIELDS:
            raise _wrong("query", f"{len(parts)} fields", f"at most {MOST_FIELDS}")
        for part in parts:
            name, value = (_text(each) for each in part.partition(b"=")[::2])
            if name in given:
                raise _wrong(f"query.{_shown(name)}", "there twice", "it once")
            if name or value:
                given[name] = value
    try:
        found = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _told(error, "query", kind) from None
    _check(found, "query")
    return found


def read_body(kind: type[T], body: bytes) -> T:
    """Read a JSON body.

    Raises:
        Problem: 400 where it is no JSON, 422.
    """
    try:
        found = _decoder(cast(Any, kind)).decode(body)
    except msgspec.ValidationError as error:
        raise _told(error, "body", kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body was no JSON: {str(error)[:200]}; expected an object in UTF-8") from None
    # A name that stands there once, and not as an escape, is no repeat; most bodies end here.
    if b"\\" in body or any(body.count(name) > 1 for name in _quoted(cast(Any, kind))):
        try:
            refuse_duplicate_keys(body)
        except InvalidValue as error:
            raise _wrong("body", error.detail, "each key once") from None
    _check(found, "body")
    return found


MADE_IDS = frozenset({"alert_id", "line_id"})
"""Names of a path whose ids are made of a warehouse, a SKU and more: longer than either."""


def read_path(name: str, value: str) -> str:
    """Read an id that stands in a path.

    Raises:
        Problem: 422.
    """
    if name in MADE_IDS:
        if CONTROL_CHARACTERS.search(value) or len(value.encode()) > MAX_ALERT_ID_BYTES:
            raise _wrong(f"path.{name}", f"was {_shown(value)}", f"an id of 1 to {MAX_ALERT_ID_BYTES} bytes")
        return value
    try:
        return read_id(name, value)
    except InvalidValue as error:
        raise _wrong(f"path.{name}", error.detail, "an id of 1 to 256 bytes, as messages have it") from None


def read_moment(where: str, text: str) -> int:
    """Read a time as microseconds.

    Raises:
        Problem: 422.
    """
    try:
        return read_time(where, text)
    except (InvalidValue, OverflowError) as error:
        raise _wrong(where, getattr(error, "detail", str(error)), "RFC 3339, such as 2026-01-31T08:00:00Z") from None


def wrong(where: str, what: str, expected: str) -> Problem:
    """One thing that is wrong, as the answer that says so."""
    return _wrong(where, what, expected)


def _wrong(where: str, what: str, expected: str) -> Problem:
    return Problem.of_errors([Wrong(where, what, expected)])


def _text(part: bytes) -> str:
    try:
        if b"+" in part:
            part = part.replace(b"+", b" ")
        return (unquote_to_bytes(part) if b"%" in part else part).decode()
    except UnicodeDecodeError:
        raise _wrong("query", "no UTF-8", "UTF-8, encoded with %") from None


def _told(error: msgspec.ValidationError, root: str, kind: type) -> Problem:
    match = _PATH.fullmatch(str(error))
    said, path = (match[1], match[2] or "") if match else (str(error), "")
    where = f"{root}{path}"
    if found := _MISSING.fullmatch(said):
        return _wrong(f"{where}.{found[1]}", "missing", "it to be there")
    if found := _UNKNOWN.fullmatch(said):
        fields = getattr(kind, "__struct_encode_fields__", ())
        return _wrong(f"{where}.{_shown(found[1])}", "unknown", f"one of {', '.join(fields)}")
    if found := _EXPECTED.fullmatch(said):
        return _wrong(where, f"was {found[2]}" if found[2] else "another", found[1].replace("`", ""))
    return _wrong(where, said[:200], "what the description says")


def _shown(name: str) -> str:
    return repr(name[:80])[1:-1]


@cache
def _decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    return msgspec.json.Decoder(kind)


@cache
def _quoted(kind: Any) -> tuple[bytes, ...]:
    return tuple(f'"{name}"'.encode() for name in getattr(kind, "__struct_encode_fields__", ()))


def _check(value: Any, root: str) -> None:
    """Hold ids to RULES 4, of which the type knows the length only."""
    for name, is_many in _ids(cast(Any, type(value))):
        ids = getattr(value, name)
        if ids is None:
            continue
        if not is_many:
            _check_id(f"{root}.{name}", ids)
            continue
        together = "".join(ids)
        if together.isascii() and together.isprintable() and " " not in together:
            continue
        for place, each in enumerate(ids):
            _check_id(f"{root}.{name}[{place}]", each)


def _check_id(where: str, value: str) -> None:
    try:
        read_id(where, value)
    except InvalidValue as error:
        raise _wrong(where, error.detail, "an id of 1 to 256 bytes, as messages have it") from None


@cache
def _ids(kind: type) -> tuple[tuple[str, bool], ...]:
    """The fields that are ids, and whether each is a list of them."""
    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        return ()
    found = []
    for each in info.fields:
        for part in _parts(each.type):
            is_list = isinstance(part, msgspec.inspect.ListType)
            if is_list and any(_is_id(inner) for inner in _parts(part.item_type, keep=True)):
                found.append((each.name, True))
        if any(_is_id(part) for part in _parts(each.type, keep=True)):
            found.append((each.name, False))
    return tuple(found)


def _parts(kind: Any, *, keep: bool = False) -> list[Any]:
    """What a type is made of; with `keep` what was said of it, too."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return [kind] if keep else _parts(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return [part for each in kind.types for part in _parts(each, keep=keep)]
    return [kind]


def _is_id(part: Any) -> bool:
    return isinstance(part, msgspec.inspect.Metadata) and bool((part.extra or {}).get("is_id"))

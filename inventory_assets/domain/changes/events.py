"""Events as HTTP brings them (CloudEvents' structured, binary and batched modes; R4's), as bodies and attributes.

Here: the three modes, and which bytes are one event. Not here: what an event says (`domain.events`), whether it may
be sent (`checked`). Bodies go on unchanged: what is read out of them is the lake's to say, once.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import msgspec

from inventory_assets.domain.events.cloudevents import ATTRIBUTE, BINARY_MARKS, STRUCTURED_TYPE
from inventory_assets.domain.strict_json import MAX_DEPTH, decode_object
from inventory_assets.domain.values import InvalidValue

BATCH_TYPE = "application/cloudevents-batch+json"
JSON_TYPE = "application/json"
TYPES = (STRUCTURED_TYPE, BATCH_TYPE, JSON_TYPE)
MOST_EVENTS = 1_000
_CONTENT_TYPE = "content-type"
# CloudEvents' own names of attributes; the rest of the header's name is its attribute's.
_NAME = re.compile(r"[a-z0-9]{1,64}")

Body = tuple[bytes, dict[str, str]]
"""(data, attributes) of one message."""


class UnknownTypeError(ValueError):
    """The body is of a type that holds no events."""


def read_events(headers: Mapping[str, str], body: bytes) -> list[Body]:
    """The events of one request, in order.

    Args:
        headers: Lower-case names.
        body: As it came.

    Raises:
        UnknownTypeError: Its content type says that it holds none.
        InvalidValue: It is no list of events; which of them is wrong stands in `position`.
    """
    content_type = headers.get(_CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if content_type == STRUCTURED_TYPE:
        return [_structured(body)]
    if content_type == BATCH_TYPE:
        return [_structured(each) for each in _split(body)]
    if content_type != JSON_TYPE:
        raise UnknownTypeError(f"the body was {content_type or 'of no type'!r}, expected one of {', '.join(TYPES)}")
    if not BINARY_MARKS.isdisjoint(headers):
        return [(body, _binary(headers))]
    if body.lstrip()[:1] == b"[":
        return [_by_shape(each, place) for place, each in enumerate(_split(body))]
    return [_by_shape(body, None)]


def _structured(body: bytes) -> Body:
    return body, {_CONTENT_TYPE: STRUCTURED_TYPE}


def _by_shape(body: bytes, place: int | None) -> Body:
    """An event without a word of what it is (RULES 2)."""
    try:
        event = decode_object(body)
        if "specversion" in event:
            return _structured(body)
        # In a connector's envelope it would speak with that one's name, and clock.
        if "eventType" in event and "document" not in event:
            return body, {}
        raise InvalidValue(
            "unknown_kind",
            f"no event: expected specversion (CloudEvents) or eventType at the top, there was {sorted(event)[:8]!r}",
        )
    except InvalidValue as error:
        raise (error if place is None else error.inside(f"[{place}]")) from error.__cause__


def _binary(headers: Mapping[str, str]) -> dict[str, str]:
    attributes = {_CONTENT_TYPE: JSON_TYPE}
    for name, value in headers.items():
        if name.startswith(ATTRIBUTE):
            if not _NAME.fullmatch(name.removeprefix(ATTRIBUTE)):
                raise InvalidValue("invalid_value", f"the header {name[:80]!r} is no CloudEvents attribute", name[:80])
            attributes[name] = _decoded(name, value)
    return attributes


def _decoded(name: str, value: str) -> str:
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeError:
        raise InvalidValue("invalid_value", f"{name} was no UTF-8, with % where it is not ASCII", name) from None


def _split(body: bytes) -> list[bytes]:
    """The elements of a JSON array, their bytes unchanged."""
    # The decoder recurses: nesting is bounded before it, as in one event.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _may_be_deep(body):
        raise InvalidValue("invalid_json", f"nested deeper than {MAX_DEPTH + 1}")
    try:
        events = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue("invalid_json", f"the body was no JSON array of events: {str(error)[:200]}") from error
    if not 0 < len(events) <= MOST_EVENTS:
        raise InvalidValue("invalid_value", f"there were {len(events):,} events, expected 1 to {MOST_EVENTS:,}")
    return [bytes(each) for each in events]


def _may_be_deep(body: bytes) -> bool:
    depth = deepest = 0
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest > MAX_DEPTH + 1

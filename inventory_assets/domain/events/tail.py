"""Look at a message that passes, without taking it in: its envelope, its document, what is wrong with it.

Here: one message by itself, held to the readers that take messages in (`parse`). Not here: whether
it repeats or contradicts another, which the lake knows; where it comes from (`messaging.tail`).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from inventory_assets.domain.events.cloudevents import BINARY_MARKS, STRUCTURED_TYPE, from_attributes
from inventory_assets.domain.events.envelopes import ENCODING, KIND_MARKERS, KINDS_BY_TOPIC
from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import parse_message
from inventory_assets.domain.events.reading import Document, ParseSettings
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue

HeldTo = Literal["cloudevents", "protobuf"]
_ENVELOPES = {"cloudevent": "cloudevents", "r4_event": "r4", "adjustment": "adjustment"}


class Passing(NamedTuple):
    """What a message is.

    Attributes:
        envelope: By the names of `inventory publish --as`, or `connector`; "" where it cannot be told.
        kind: What it is taken in as; `filtered` states no stock fact. "" where it would be refused, and on topics
            that nothing is taken in from.
        document: The body, decoded: a binary CloudEvent in the form of a structured one, protobuf by its field
            names. None where it does not decode.
        problem: Why it would be a dead letter, or is not in the envelope asked for; "" where nothing is wrong.
    """

    envelope: str
    kind: str
    document: Document | None
    problem: str


def look_at(
    topic: str,
    data: bytes,
    attributes: Mapping[str, str],
    publish_at: int,
    settings: ParseSettings,
    *,
    held_to: HeldTo | None = None,
) -> Passing:
    """Decode a message and judge it as it will be judged when it is taken in.

    Args:
        topic: Its short name.
        data: The body.
        attributes: The message's.
        publish_at: Microseconds; the bound for event times.
        settings: Bounds on event times.
        held_to: The one envelope that is right; None takes any.
    """
    envelope, kind, document, problem = "", "", None, ""
    marks = dict(attributes)
    if held_to == "protobuf":
        # On a topic without the schema nobody marks them, and only this one is known to carry the schema's messages.
        marks.setdefault(ENCODING, "JSON" if data.lstrip()[:1] == b"{" else "BINARY")
        topic = Topic.ADJUSTMENTS
    try:
        envelope, document = _decode(topic, data, marks, settings)
    except InvalidValue as error:
        problem = _said(error)
    if topic in KINDS_BY_TOPIC:
        found = parse_message(topic, data, marks, publish_at, settings)
        if isinstance(found, Rejection):
            problem = _said(found)
        else:
            kind = "filtered" if isinstance(found, Filtered) else found.kind
    if held_to is not None and envelope and envelope != held_to:
        problem = f"other_envelope: it is in {envelope}, not {held_to}" + (f"; {problem}" if problem else "")
    return Passing(envelope, kind, document, problem)


def _decode(topic: str, data: bytes, attributes: Mapping[str, str], settings: ParseSettings) -> tuple[str, Document]:
    encoding = attributes.get(ENCODING)
    if topic == Topic.ADJUSTMENTS and encoding is not None and settings.decode_protobuf is not None:
        return "protobuf", settings.decode_protobuf(data, encoding)
    if not BINARY_MARKS.isdisjoint(attributes):
        return "cloudevents", from_attributes(attributes, data)
    body = decode_object(data)
    if attributes.get("content-type", "").partition(";")[0].strip().lower() == STRUCTURED_TYPE:
        return "cloudevents", body
    if "document" in body and "specversion" not in body:
        return "connector", body
    kind = next((kind for marker, kind in KIND_MARKERS if marker in body), "")
    return _ENVELOPES.get(kind, "r0"), body


def _said(why: InvalidValue | Rejection) -> str:
    return f"{why.reason}: {why.detail}"

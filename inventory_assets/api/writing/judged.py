"""What a request says, judged before anything is sent: by the reader that will take it in, and by who asks.

Here: what is refused, and how that is said by place. Not here: what may be written on which route.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from inventory_assets.api.http import Asked, Problem
from inventory_assets.api.idempotency import Sent
from inventory_assets.api.writing.sending import ORIGIN, PLACE, REQUEST_ID, allow
from inventory_assets.domain.changes.checked import Complaint, Judged, judge
from inventory_assets.domain.changes.events import Body
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.messages import Message
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue
from inventory_assets.ingest.meaning import meaning_of

if TYPE_CHECKING:
    from inventory_assets.api.service import Service

T = TypeVar("T")

# Of what is wrong with a batch, so much is said.
MOST_ERRORS = 100


def judged_of(
    service: "Service", asked: Asked, request_id: str, topic: Topic, bodies: Sequence[Body], *, is_batch: bool
) -> tuple[list[Judged], list[Sent]]:
    """The messages of a request, all of them good and allowed.

    Raises:
        Problem: 422, one would be a dead letter; 403, one is of a warehouse that is not the token's to write.
    """
    now = service.writer.now()
    ours = {"origin": ORIGIN, REQUEST_ID: request_id}
    messages = [
        Message("", topic, now, "", {**attributes, **ours, PLACE: str(place)}, body)
        for place, (body, attributes) in enumerate(bodies)
    ]
    judged, complaints = judge(messages, meaning_of(service.settings).parsing)
    if complaints:
        raise told(complaints, len(messages), is_batch=is_batch)
    for place, each in enumerate(judged):
        for warehouse in each.warehouses or (None,):
            allow(asked, warehouse, f"event {place}: " if is_batch else "")
    sent = [
        Sent(topic, each.ordering_key, message.attributes, message.data, each.event_id)
        for message, each in zip(messages, judged, strict=True)
    ]
    return judged, sent


def told(complaints: Sequence[Complaint], count: int, *, is_batch: bool) -> Problem:
    """What is wrong, by place."""
    errors = []
    for each in complaints[:MOST_ERRORS]:
        what, _, expected = each.detail.partition(", expected ")
        where = f"body[{each.place}]" if is_batch else "body"
        if each.position:
            where += each.position if each.position.startswith("[") else f".{each.position}"
        errors.append({
            "where": where, "reason": each.reason, "what": what,
            "expected": expected or "what docs/events.md says of it",
        })  # fmt: skip
    first = errors[0]
    said = f"{first['where']}: {first['what']}, expected {first['expected']}"
    lead = f"{len(complaints)} of {count} events would be refused, and none was sent. " if is_batch else ""
    return Problem(422, lead + said, more={"errors": errors})


def read_json(asked: Asked) -> dict[str, Any]:
    """The body as one JSON object, as strictly as a message is read; an empty one is an empty object.

    Raises:
        Problem: 415, 422.
    """
    content_type = asked.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type != b"application/json" and (asked.body or content_type):
        shown = content_type.decode("latin-1")[:80] or "of no type"
        raise Problem(415, f"the body was {shown!r}, expected application/json")
    return said(lambda: decode_object(asked.body)) if asked.body.strip() else {}


def said(read: Callable[[], T]) -> T:
    """What is read, or what is wrong with it.

    Raises:
        Problem: 422.
    """
    try:
        return read()
    except InvalidValue as error:
        raise told([Complaint(0, error.reason, error.detail, error.position)], 1, is_batch=False) from None

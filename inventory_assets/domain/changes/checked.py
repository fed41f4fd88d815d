"""What messages that are still to be published will come to: read by the reader that takes them in.

What would be a dead letter is refused before it is sent, by its place. What only the lake knows (that an event is
known, that something later counts) is told afterwards.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inventory_assets.domain.events.cloudevents import ATTRIBUTE
from inventory_assets.domain.events.kinds import Command, Filtered, Rejection, ThresholdRule
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.messages import Message, parse_burst
from inventory_assets.domain.outbox.envelope import lane_of
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue, read_id

# Of Pub/Sub: one attribute too long fails a whole request (https://cloud.google.com/pubsub/quotas).
MOST_ATTRIBUTES = 100
MOST_NAME_BYTES = 256
MOST_VALUE_BYTES = 1_024
EVIDENCE = "upstream_low_stock"


class Judged(NamedTuple):
    """One message.

    Attributes:
        event_id: As the lake will have it; None for what states no stock fact.
        warehouses: Which it is about; empty where it names none.
        ordering_key: Of the lane that keeps its SKU's order; "" for none.
    """

    event_id: str | None
    warehouses: tuple[str, ...]
    ordering_key: str = ""


class Complaint(NamedTuple):
    """Why a message cannot be taken in.

    Attributes:
        place: Which of them, from 0.
        reason, detail, position: As a dead letter would have them.
    """

    place: int
    reason: str
    detail: str
    position: str | None = None


def judge(messages: Sequence[Message], settings: ParseSettings) -> tuple[list[Judged], list[Complaint]]:
    """What each is about, in order; and what is wrong with any: then none may be sent."""
    judged: list[Judged] = []
    complaints: list[Complaint] = []
    contents: dict[str, tuple[int, Any]] = {}
    for place, (message, parsed) in enumerate(zip(messages, parse_burst(messages, settings), strict=True)):
        if (problem := _attributes_problem(message.attributes)) is not None:
            complaints.append(Complaint(place, "invalid_value", problem))
        elif isinstance(parsed, Rejection):
            complaints.append(Complaint(place, parsed.reason, parsed.detail, parsed.position))
        elif isinstance(parsed, Filtered):
            if parsed.reason == EVIDENCE:
                judged.append(Judged(None, _named(message)))
            else:
                # A heartbeat is its connector's to send.
                complaints.append(Complaint(place, "unsupported_type", "it says nothing of stock"))
        elif isinstance(parsed, Command):
            judged.append(Judged(parsed.event_id, () if parsed.warehouse_id is None else (parsed.warehouse_id,)))
        elif isinstance(parsed, ThresholdRule):
            complaints.append(Complaint(place, "wrong_topic", "a rule is set at the console: PUT /api/thresholds"))
        else:
            first, content = contents.setdefault(parsed.event_id, (place, parsed.content))
            if content != parsed.content:
                complaints.append(Complaint(
                    place, "conflicting_duplicate", f"event {first} has the same id and says something else"
                ))  # fmt: skip
            receiver = getattr(parsed, "to_warehouse_id", None)
            warehouses = (parsed.warehouse_id,) if receiver is None else (parsed.warehouse_id, receiver)
            judged.append(Judged(parsed.event_id, warehouses, lane_of(parsed.sku)))
    return judged, complaints


def _attributes_problem(attributes: Mapping[str, str]) -> str | None:
    if len(attributes) > MOST_ATTRIBUTES:
        return f"the event had {len(attributes)} attributes with ours, expected at most {MOST_ATTRIBUTES}"
    for name, value in attributes.items():
        if len(name.encode()) > MOST_NAME_BYTES:
            return f"an attribute's name had {len(name.encode())} bytes, expected at most {MOST_NAME_BYTES}"
        if len(value.encode()) > MOST_VALUE_BYTES:
            return f"{name} had {len(value.encode())} bytes, expected at most {MOST_VALUE_BYTES}"
    return None


def _named(message: Message) -> tuple[str, ...]:
    """The warehouse of what is kept as evidence only: nobody reads it, but it is somebody's."""
    try:
        body = decode_object(message.data)
        is_binary = any(name.startswith(ATTRIBUTE) for name in message.attributes)
        data = body if is_binary else body.get("data")
        return (read_id("warehouse_id", data.get("warehouse_id")),) if isinstance(data, dict) else ()
    except InvalidValue:
        return ()

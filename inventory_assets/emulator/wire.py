"""Protobuf plain classes of google.pubsub.v1, and the one hand-made encoding.

Belongs here: bytes. Does not belong: decisions.

A pull answer is put together from the stored bytes of its messages: parsing
them only to serialize them again would be most of the cost of a delivery.
"""

from collections.abc import Iterable
from typing import Any

from google.pubsub_v1.types import pubsub, schema

Topic = pubsub.Topic.pb()
Subscription = pubsub.Subscription.pb()
Snapshot = pubsub.Snapshot.pb()
PubsubMessage = pubsub.PubsubMessage.pb()
Schema = schema.Schema.pb()


def varint(value: int) -> bytes:
    """Encode an unsigned integer."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def received_messages(deliveries: Iterable[tuple[str, bytes, int]]) -> bytes:
    """Encode (ack id, PubsubMessage bytes, delivery attempt) as PullResponse.

    The same bytes are a StreamingPullResponse: field 1 is the same there.
    """
    parts: list[bytes] = []
    for ack_id, payload, delivery_attempt in deliveries:
        ack = ack_id.encode()
        body = b"\x0a%c%b\x12%b" % (len(ack), ack, varint(len(payload)))
        tail = b"\x18" + varint(delivery_attempt) if delivery_attempt else b""
        parts += (b"\x0a", varint(len(body) + len(payload) + len(tail)), body, payload, tail)
    return b"".join(parts)


def seconds(duration: Any) -> float:
    """Seconds of a google.protobuf.Duration."""
    return duration.seconds + duration.nanos / 1e9

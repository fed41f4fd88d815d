"""Where a message goes: its topic, its ordering key, or the dead-letter topic. Pure.

Here: names, keys and Pub/Sub's limits on a message. Not here: sending it (`publisher`), or what is
in it (`envelope`).
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from inventory_assets.connector.source.change import ClusterTime
from inventory_assets.messaging.messages import OutgoingMessage

# The lake hands its own dead letters on through the same topic (`ingest.outbox`).
DEAD_LETTER_TOPIC = "dead-letter-topic"

# Limits of the service (https://cloud.google.com/pubsub/quotas). One attribute too long
# fails the whole request, and every message that shares it.
MAX_ORDERING_KEY_BYTES = 1_024
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_NAME_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1_024
# 10 MB is the limit of a request: less 64 KiB for the topic, the attributes and protobuf's framing.
MAX_MESSAGE_BYTES = 10_000_000 - 65_536
# The client takes attributes as keyword arguments: these names are its own.
RESERVED_ATTRIBUTES = frozenset({"self", "topic", "data", "ordering_key", "retry", "timeout"})

# Pub/Sub takes 1 MB/s of an ordering key: eight carry some 8,000 of R0's documents a second, more than one
# connector makes. Each costs the client requests of its own: in a backlog, 16 lanes took 140 µs of CPU a
# message, 8 lanes 107, 4 lanes 100, and none 93. Another number lets a SKU's messages overtake each other once.
DEFAULT_LANES = 8

# Enough to recognise a document by; an attribute is no place for a stack trace.
_DETAIL_BYTES = 1_000
_EXCERPT_BYTES = 64 * 1_024


class KeyMode(StrEnum):
    """What keeps its order."""

    NONE = "none"
    # Every SKU, by sharing a key with others: batches stay full.
    LANES = "lanes"
    # Every SKU, by a key of its own: a request and a thread each.
    SKU = "sku"


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Topics and ordering keys of one connector.

    Attributes:
        topics: Topic of each watched collection.
        lanes: Of `KeyMode.LANES`.
    """

    topics: Mapping[str, str]
    mode: KeyMode = KeyMode.LANES
    lanes: int = DEFAULT_LANES

    def topic_of(self, collection: str) -> str:
        """Topic of a collection's changes; KeyError if it is not routed."""
        return self.topics[collection]

    def key_of(self, warehouse_id: str, sku: str) -> str:
        """Ordering key of one SKU's messages; empty for none.

        Args:
            sku: Or whatever names the message's subject: a threshold rule has no SKU.
        """
        if self.mode is KeyMode.LANES and self.lanes > 0:
            return lane_key(warehouse_id, sku, self.lanes)
        return sku_key(warehouse_id, sku) if self.mode is KeyMode.SKU else ""


def lane_key(warehouse_id: str, sku: str, lanes: int) -> str:
    """Name the lane of a SKU: the same in every process, for ever."""
    # Not hash(): that is seeded anew in each process. CRC-32 spreads ids well and costs 0.1 µs.
    return f"lane-{zlib.crc32(f'{warehouse_id}:{sku}'.encode()) % lanes}"


def sku_key(warehouse_id: str, sku: str) -> str:
    """`warehouse_id:sku`, or a hash of it where Pub/Sub would refuse the length."""
    key = f"{warehouse_id}:{sku}"
    encoded = key.encode()
    if len(encoded) <= MAX_ORDERING_KEY_BYTES:
        return key
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def refusal_of(message: OutgoingMessage, *, max_bytes: int = MAX_MESSAGE_BYTES) -> str | None:
    """Why Pub/Sub or its client would refuse a message; None if neither does.

    Asked before publishing: afterwards the refusal takes every message of the same request along.
    """
    attributes = message.attributes
    if not RESERVED_ATTRIBUTES.isdisjoint(attributes):
        return f"attribute names {sorted(RESERVED_ATTRIBUTES.intersection(attributes))} are reserved by the client"
    if len(attributes) > MAX_ATTRIBUTES:
        return f"{len(attributes)} attributes, at most {MAX_ATTRIBUTES} are allowed"
    for name, value in attributes.items():
        # Characters first: almost nothing comes near, and encoding each would cost more than the rest.
        if not name or (len(name) > 64 and len(name.encode()) > MAX_ATTRIBUTE_NAME_BYTES):
            return f"attribute name {name[:64]!r} is empty or over {MAX_ATTRIBUTE_NAME_BYTES} bytes"
        if len(value) > 256 and len(value.encode()) > MAX_ATTRIBUTE_VALUE_BYTES:
            return f"value of attribute {name!r} is over {MAX_ATTRIBUTE_VALUE_BYTES} bytes"
    key = message.ordering_key
    if len(key) > 256 and len(key.encode()) > MAX_ORDERING_KEY_BYTES:
        return f"ordering key is over {MAX_ORDERING_KEY_BYTES} bytes"
    if not message.data and not attributes:
        return "no data and no attributes"
    if len(message.data) > max_bytes:
        return f"{len(message.data)} bytes of data, at most {max_bytes} are sent"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not become a message, and why.

    Attributes:
        reason: One of a few words, as in `core.dead_letters`.
        detail: For people; no values of the document.
        source: What the messages of this connector call their source.
        topic: Where it would have gone.
        data: What would have been sent, masked already; empty where there is nothing to show.
    """

    reason: str
    detail: str
    connector_id: str
    source: str
    topic: str
    collection: str
    operation: str
    cluster_time: ClusterTime | None
    data: bytes


def dead_letter(
    letter: DeadLetter, *, topic: str = DEAD_LETTER_TOPIC, max_bytes: int = MAX_MESSAGE_BYTES
) -> OutgoingMessage:
    """Build the message for the dead-letter topic.

    Like the lake's own dead letters it has the payload unchanged as its body and `reason` and
    `detail` as attributes. Their `topic` is `original_topic` here: the client keeps that name.
    A body that is too large, or none, becomes a JSON object with an excerpt, `byte_length` and `sha256`.
    """
    attributes = {
        "reason": letter.reason,
        "detail": letter.detail,
        "connector_id": letter.connector_id,
        "source": letter.source,
        "original_topic": letter.topic,
        "collection": letter.collection,
        "operation": letter.operation,
    }
    if letter.cluster_time is not None:
        attributes["cluster_time"] = f"{letter.cluster_time[0]}.{letter.cluster_time[1]}"
    shown = {name: _cut(value, _DETAIL_BYTES) for name, value in attributes.items()}
    data = letter.data
    if not data or len(data) > max_bytes:
        if data:
            shown["truncated_from_bytes"] = str(len(data))
        data = _excerpt(letter, max_bytes)
    return OutgoingMessage(topic, data, shown)


def _excerpt(letter: DeadLetter, max_bytes: int) -> bytes:
    # JSON writes a control character in six bytes, so this is below `max_bytes` whatever the payload is.
    room = max(0, min(_EXCERPT_BYTES, (max_bytes - 16_384) // 6))
    body = {
        "reason": letter.reason,
        "detail": _cut(letter.detail, _DETAIL_BYTES),
        "connector_id": _cut(letter.connector_id, _DETAIL_BYTES),
        "source": _cut(letter.source, _DETAIL_BYTES),
        "original_topic": _cut(letter.topic, _DETAIL_BYTES),
        "collection": _cut(letter.collection, _DETAIL_BYTES),
        "operation": letter.operation,
        "cluster_time": None
        if letter.cluster_time is None
        else {"t": letter.cluster_time[0], "i": letter.cluster_time[1]},
        "byte_length": len(letter.data),
        "sha256": hashlib.sha256(letter.data).hexdigest(),
        "excerpt": letter.data[:room].decode(errors="replace"),
    }
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _cut(text: str, limit: int) -> str:
    # Lone surrogates cannot be sent at all.
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= limit and text.isascii() else encoded[:limit].decode(errors="ignore")

"""Where a message goes: its topic, its ordering key, or the dead-letter topic. Pure.

Here: what a document is about, names, keys and Pub/Sub's limits on a message. Not here: sending it
(`publisher`), what is in it (`shaping`), or whether its fields are right (the schemas, and RULES 4).
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from inventory_assets.connector.source.change import ClusterTime
from inventory_assets.messaging.messages import OutgoingMessage

# The lake hands its own dead letters on through the same topic (`ingest.outgoing`).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Topics and ordering keys of one connector.

    Attributes:
        topics: Topic by role of the watched collections.
        ordering: How many lanes: SKUs share a key, so that batches stay full. 0 keeps no order; `sku` is a
            key for each, which costs the client a request and a thread each.
    """

    topics: Mapping[str, str]
    ordering: int | Literal["sku"] = DEFAULT_LANES

    def key_of(self, sku: str) -> str:
        """Ordering key of one SKU's messages, whatever their warehouse; empty for none.

        Args:
            sku: Or whatever names the message's subject: a threshold rule has no SKU.
        """
        if isinstance(self.ordering, int):
            return lane_key(sku, self.ordering) if self.ordering else ""
        return sku_key(sku)


def lane_key(sku: str, lanes: int) -> str:
    """Name the lane of a SKU: the same in every process, for ever.

    Without the warehouse, so that what happens at both ends of a transfer keeps its order, too.
    """
    # Not hash(): that is seeded anew in each process. CRC-32 spreads ids well and costs 0.1 µs.
    return f"lane-{zlib.crc32(sku.encode()) % lanes}"


def sku_key(sku: str) -> str:
    """The SKU, or a hash of it where Pub/Sub would refuse the length."""
    encoded = sku.encode()
    if len(encoded) <= MAX_ORDERING_KEY_BYTES:
        return sku
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


def dead_letter(
    data: bytes,
    about: Mapping[str, str],
    *,
    cluster_time: ClusterTime,
    topic: str = DEAD_LETTER_TOPIC,
    max_bytes: int = MAX_MESSAGE_BYTES,
) -> OutgoingMessage:
    """Build the message for the dead-letter topic.

    Like the lake's own dead letters it has the payload unchanged as its body and `reason` and
    `detail` as attributes. Their `topic` is `original_topic` here: the client keeps that name.
    A body that is too large becomes a JSON object with an excerpt, `byte_length` and `sha256`.

    Args:
        data: What would have been sent, masked already.
        about: Its attributes: why and whose, without values of the document; cut where they are too long.
    """
    attributes = {name: _cut(value) for name, value in about.items()}
    time, increment = cluster_time
    shown = {**attributes, "cluster_time": f"{time}.{increment}"}
    if len(data) > max_bytes:
        shown["truncated_from_bytes"] = str(len(data))
        # JSON writes a control character in six bytes, so this is below `max_bytes` whatever the payload is.
        room = max(0, min(_EXCERPT_BYTES, (max_bytes - 16_384) // 6))
        excerpt = {
            **attributes,
            "cluster_time": {"t": time, "i": increment},
            "byte_length": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "excerpt": data[:room].decode(errors="replace"),
        }
        data = json.dumps(excerpt, ensure_ascii=False).encode(errors="replace")
    return OutgoingMessage(topic, data, shown)


def _cut(text: str) -> str:
    # Lone surrogates cannot be sent at all.
    encoded = text.encode(errors="replace")
    is_short = len(encoded) <= _DETAIL_BYTES and text.isascii()
    return text if is_short else encoded[:_DETAIL_BYTES].decode(errors="ignore")


def has_identity(role: str, found: dict[str, Any] | None) -> bool:
    """Whether the lake can tell from this document or key what was deleted."""
    if role == "transactions":
        return True  # no stock fact: the lake filters it
    if found is None:
        return False
    if role == "inventory":
        return bool(read_id_text(found.get("warehouse_id")) and read_id_text(found.get("sku")))
    level_type = found.get("level_type")
    return bool(read_id_text(level_type) and (level_type == "GLOBAL" or read_id_text(found.get("level_id"))))


def find_subject(role: str, found: dict[str, Any]) -> str:
    """The SKU, or what stands for it: what keeps its order."""
    if role == "thresholds":
        return f"{read_id_text(found.get('level_type'))}:{read_id_text(found.get('level_id'))}"
    return read_id_text(found.get("sku")) or read_id_text(found.get("_id"))


def read_id_text(value: Any) -> str:
    """An id as text; empty for anything else."""
    if type(value) is str:
        return value
    if type(value) is dict and type(value.get("$oid")) is str:
        return value["$oid"]
    return ""

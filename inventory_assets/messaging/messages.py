"""Message values and the two ports the rest of the product codes against.

Belongs here: `ReceivedMessage`, `OutgoingMessage`, and the Protocols
`Publisher` and `BurstSource`. Does not belong: gRPC (see `publisher`,
`source`) or meaning of the bytes (`domain`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One delivery. `topic` and `subscription` are short names; times are UTC, aware.

    `delivery_attempt` is 0 where the subscription has no dead-letter policy.
    """

    message_id: str
    topic: str
    subscription: str
    ack_id: str
    publish_time: datetime
    ordering_key: str
    attributes: dict[str, str]
    data: bytes
    delivery_attempt: int


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to publish. `topic` is a short name of the publisher's project."""

    topic: str
    data: bytes
    attributes: dict[str, str] = field(default_factory=dict)
    ordering_key: str = ""


class Publisher(Protocol):
    """Where messages leave."""

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """Publish and wait until every message is confirmed.

        Messages of one topic and ordering key keep their order.

        Returns:
            Message ids, in the order of `messages`.

        Raises:
            PublishError: Names the messages that were not confirmed.
        """
        ...


class BurstSource(Protocol):
    """Where messages come from, a burst at a time."""

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float) -> list[ReceivedMessage]:
        """Wait for the first message, then take what is there right now.

        Args:
            max_messages: Never exceeded.
            max_bytes: Of data, attributes and keys. Exceeded only by a single
                message greater than it, which then comes alone.
            wait_seconds: For the first message.

        Returns:
            At least one message, or none when `wait_seconds` went by.
        """
        ...

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Tell the broker that these are committed. Never fatal: a lost ack redelivers."""
        ...

    def release(self, messages: Sequence[ReceivedMessage]) -> None:
        """Give these back for redelivery at once (nack)."""
        ...

    @property
    def resting(self) -> int:
        """How many messages it gave back that are still to come again."""
        ...

    def has_more(self) -> bool:
        """Ask whether messages may still come: unacknowledged, resting, or waiting at the broker.

        An empty burst does not say so: pulls come back empty while messages
        wait, under load above all. Where it cannot be known, True.
        """
        ...

    def wake(self) -> None:
        """Have a waiting `next_burst`, or the next one, return with what is there."""
        ...

    def pause(self) -> None:
        """Release what was prefetched, and pull no more until the next burst is asked for."""
        ...

    def close(self) -> None:
        """Stop pulling and release what was prefetched."""
        ...


def size_of(message: ReceivedMessage | OutgoingMessage) -> int:
    """Bytes of data, attributes and ordering key."""
    size = len(message.data) + len(message.ordering_key)
    for key, value in message.attributes.items():
        size += len(key) + len(value)
    return size

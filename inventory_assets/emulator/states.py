"""A topic and a subscription as the broker holds them.

Belongs here: values and what follows from a resource's settings. Does not
belong: what moves messages (`broker`), the queue itself (`subscription`).
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.filters import Matcher, compile_filter
from inventory_assets.emulator.subscription import Entry, SubscriptionQueue


@dataclass(slots=True, eq=False)
class TopicState:
    """A topic and who reads it."""

    id: int
    body: Any
    created_us: int
    subscriptions: list["SubscriptionState"] = field(default_factory=list)
    snapshots: int = 0

    @property
    def retention_us(self) -> int:
        """0 where acknowledged messages are not kept."""
        return int(wire.seconds(self.body.message_retention_duration) * 1e6)


@dataclass(slots=True, eq=False)
class SubscriptionState:
    """A subscription, its queue and who waits for it.

    `used_us` is when a subscriber last came, `noted_us` what of that is stored.
    """

    id: int
    body: Any
    created_us: int
    topic: TopicState | None
    queue: SubscriptionQueue
    matcher: Matcher | None
    waiters: deque[asyncio.Future[None]] = field(default_factory=deque)
    is_deleted: bool = False
    used_us: int = 0
    noted_us: int = 0

    @property
    def retention_us(self) -> int:
        """How long an unacknowledged message is kept."""
        return int(wire.seconds(self.body.message_retention_duration) * 1e6)

    @property
    def expires_after_us(self) -> int:
        """How long nobody may come until it is deleted; 0 is for ever."""
        return int(wire.seconds(self.body.expiration_policy.ttl) * 1e6)

    def ack_id(self, entry: Entry) -> str:
        """Name the delivery an entry is leased by."""
        return f"{self.id:x}-{entry.message.id:x}-{entry.generation:x}"

    def wake(self) -> None:
        """Let one waiter look; it wakes the next one if something is left."""
        while self.waiters and self.queue.has_ready:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def wake_all(self) -> None:
        """Let every waiter look: the subscription changed or is gone."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)


def new_subscription(
    body: Any, *, subscription_id: int, created_us: int, topic: TopicState | None, used_us: int = 0
) -> SubscriptionState:
    """Make the state of a checked subscription."""
    return SubscriptionState(
        id=subscription_id,
        body=body,
        created_us=created_us,
        topic=topic,
        queue=SubscriptionQueue(is_ordered=body.enable_message_ordering),
        matcher=compile_filter(body.filter),
        used_us=max(created_us, used_us),
        noted_us=max(created_us, used_us),
    )


def rest_seconds(body: Any, attempts: int) -> float:
    """How long a message of a subscription rests after so many deliveries."""
    # Without a policy the service redelivers at once.
    if not body.HasField("retry_policy"):
        return 0.0
    shortest = wire.seconds(body.retry_policy.minimum_backoff)
    longest = wire.seconds(body.retry_policy.maximum_backoff)
    return min(longest, shortest * 2.0 ** min(attempts - 1, 20))

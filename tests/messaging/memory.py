"""The in-memory twin of Pub/Sub: `Publisher` and `BurstSource` without I/O.

Belongs here: what a test of the product needs of a broker, including
redelivery and failure on cue. Does not belong: ordering, filters, retention;
the emulator has those.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from inventory_assets.messaging.errors import PublishError, SourceClosedError
from inventory_assets.messaging.messages import OutgoingMessage, ReceivedMessage, size_of
from inventory_assets.messaging.topology import load_topology


@dataclass(slots=True)
class _Lease:
    message: ReceivedMessage
    expires_at: float


class InMemoryBroker:
    """A broker in this process. One consumer side reads all its subscriptions.

    Unacknowledged messages come back after `ack_deadline_seconds` of `clock`,
    or at once with `expire_leases()` – what a crash of the consumer looks like.

    Attributes:
        published: Every confirmed message, oldest first.
        failing_topics: Publishing to these fails; a test adds and removes names.
    """

    def __init__(
        self,
        *,
        subscriptions: Mapping[str, str] | None = None,
        ack_deadline_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start empty.

        Args:
            subscriptions: Subscription -> topic; the manifest's inputs by default.
            ack_deadline_seconds: Of every subscription.
            clock: Seconds, for deadlines only.
            now: Publish times.
        """
        if subscriptions is None:
            topology = load_topology()
            subscriptions = {s.name: s.topic for s in topology.subscriptions if s.topic in topology.input_topics}
        self.published: list[OutgoingMessage] = []
        self.failing_topics: set[str] = set()
        self._subscriptions = dict(subscriptions)
        self._ack_deadline_seconds = ack_deadline_seconds
        self._clock = clock
        self._now = now
        self._changed = threading.Condition()
        self._queue: list[ReceivedMessage] = []
        self._leases: dict[str, _Lease] = {}
        self._last_id = 0
        self._last_ack = 0
        self._is_closed = False
        self._is_woken = False

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """Store the messages; see `Publisher`."""
        message_ids: list[str | None] = []
        failures: dict[int, str] = {}
        with self._changed:
            for position, message in enumerate(messages):
                if message.topic in self.failing_topics:
                    failures[position] = f"topic {message.topic!r} fails, as the test asked"
                    message_ids.append(None)
                    continue
                self._last_id += 1
                message_ids.append(str(self._last_id))
                self.published.append(message)
                self._enqueue(message, str(self._last_id))
            self._changed.notify_all()
        if failures:
            raise PublishError(target="memory", failures=failures, message_ids=message_ids)
        return [message_id or "" for message_id in message_ids]

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float) -> list[ReceivedMessage]:
        """Take what is there; see `BurstSource`."""
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                if self._is_closed:
                    raise SourceClosedError("the in-memory source is closed; make a new one.")
                self._take_back(lambda lease: lease.expires_at <= self._clock())
                remaining = deadline - time.monotonic()
                if self._queue or remaining <= 0 or self._is_woken:
                    self._is_woken = False
                    return self._take(max_messages, max_bytes)
                self._changed.wait(remaining)

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Forget the messages; an expired ack id does nothing."""
        with self._changed:
            for message in messages:
                self._leases.pop(message.ack_id, None)

    def release(self, messages: Sequence[ReceivedMessage]) -> None:
        """Put the messages back for redelivery."""
        ack_ids = {message.ack_id for message in messages}
        with self._changed:
            self._take_back(lambda lease: lease.message.ack_id in ack_ids)

    def expire_leases(self) -> None:
        """Redeliver everything that is not acknowledged, as after a crash."""
        with self._changed:
            self._take_back(lambda lease: True)

    @property
    def resting(self) -> int:
        """None: what is given back waits at once."""
        return 0

    def has_more(self) -> bool:
        """Whether anything waits; what a dead process has leased does not count."""
        return self.pending > 0

    def wake(self) -> None:
        """End the wait of a burst."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Nothing is fetched ahead here, so nothing is given back."""

    def close(self) -> None:
        """Refuse further bursts; a waiting one ends. What is leased stays leased."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def pending(self) -> int:
        """Deliveries waiting, over all subscriptions."""
        with self._changed:
            return len(self._queue)

    @property
    def leased(self) -> int:
        """Deliveries handed out and not acknowledged."""
        with self._changed:
            return len(self._leases)

    def _enqueue(self, message: OutgoingMessage, message_id: str) -> None:
        for subscription, topic in self._subscriptions.items():
            if topic == message.topic:
                self._queue.append(
                    ReceivedMessage(
                        message_id=message_id,
                        topic=topic,
                        subscription=subscription,
                        ack_id="",
                        publish_time=self._now(),
                        ordering_key=message.ordering_key,
                        attributes=dict(message.attributes),
                        data=message.data,
                        delivery_attempt=0,
                    )
                )

    def _take(self, max_messages: int, max_bytes: int) -> list[ReceivedMessage]:
        burst: list[ReceivedMessage] = []
        size = 0
        for message in self._queue[:max_messages]:
            size += size_of(message)
            if burst and size > max_bytes:
                break
            self._last_ack += 1
            delivered = replace(
                message,
                ack_id=f"ack-{self._last_ack}",
                delivery_attempt=message.delivery_attempt + 1,
            )
            expires_at = self._clock() + self._ack_deadline_seconds
            self._leases[delivered.ack_id] = _Lease(delivered, expires_at)
            burst.append(delivered)
        del self._queue[: len(burst)]
        return burst

    def _take_back(self, is_due: Callable[[_Lease], bool]) -> None:
        back = [lease.message for lease in self._leases.values() if is_due(lease)]
        for message in back:
            del self._leases[message.ack_id]
        self._queue[:0] = back
        if back:
            self._changed.notify_all()

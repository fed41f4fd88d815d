"""Pull bursts from Pub/Sub, the next one while this one commits.

Belongs here: what a consumer of the `BurstSource` over Pub/Sub sees. Does not
belong: threads and buffer (`prefetch`), single calls and leases (`pulling`), what
a message means.
"""

import threading
import time
from collections.abc import Sequence

import grpc  # type: ignore[import-untyped]

from inventory_assets.messaging.connection import connect
from inventory_assets.messaging.errors import BrokerUnavailableError, SourceClosedError, SubscriptionError
from inventory_assets.messaging.messages import ReceivedMessage
from inventory_assets.messaging.prefetch import Prefetcher, PrefetchLimits
from inventory_assets.messaging.pulling import Feed, SubscriberCalls

# No back-off mends these: the caller has to know at once.
_FATAL_CODES = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_LOOK_AGAIN_SECONDS = 0.1
_CLOSED = "this source was closed; make a new one to go on."


class PubSubBurstSource:
    """`BurstSource` over Pub/Sub. Thread-safe; several consumers may share it."""

    def __init__(
        self,
        project: str,
        subscriptions: Sequence[str],
        *,
        emulator_host: str | None = None,
        max_buffered_messages: int = 20_000,
        max_held_messages: int = 4_000,
        max_buffered_bytes: int = 64 * 1024 * 1024,
        pullers_per_subscription: int = 3,
        idle_pause_seconds: float = 5.0,
        linger_seconds: float = 0.002,
        unavailable_after_seconds: float = 3.0,
        max_lease_seconds: float = 3_600.0,
    ) -> None:
        """Open a channel; the first `next_burst` connects and checks the subscriptions.

        Args:
            project: Project of subscriptions given by short name.
            subscriptions: Short names or full paths.
            emulator_host: As in `connection.connect`.
            max_buffered_messages: Of all subscriptions together.
            max_held_messages: So many wait at most for earlier ones of other subscriptions.
            max_buffered_bytes: Pulling waits above this; what is in the air may overshoot.
            pullers_per_subscription: Parallel Pull calls on a busy one; idle ones keep one.
            idle_pause_seconds: Unasked for this long, the source pauses.
            linger_seconds: After the first message of a burst.
            unavailable_after_seconds: A failing broker is an error after this long.
            max_lease_seconds: A message handed out and forgotten is renewed no longer.
        """
        self._calls = SubscriberCalls(connect(emulator_host), project=project)
        feeds = [self._calls.feed(name) for name in dict.fromkeys(subscriptions)]
        self._feed_of = {feed.name: feed for feed in feeds}
        self._prefetcher = Prefetcher(
            self._calls,
            feeds=feeds,
            limits=PrefetchLimits(
                max_buffered_messages=max_buffered_messages,
                max_held_messages=max_held_messages,
                max_buffered_bytes=max_buffered_bytes,
                pullers_per_subscription=max(1, pullers_per_subscription),
                idle_pause_seconds=idle_pause_seconds,
                max_lease_seconds=max_lease_seconds,
            ),
        )
        self._linger_seconds = linger_seconds
        self._unavailable_after_seconds = unavailable_after_seconds
        self._start_lock = threading.Lock()
        self._is_started = False
        self._is_woken = False

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float) -> list[ReceivedMessage]:
        """Wait for the first message, then take what is there; see `BurstSource`.

        Raises:
            BrokerUnavailableError: The broker does not answer. An empty list
                therefore always means that nothing came within the wait.
            SubscriptionError: A subscription is absent, detached or forbidden.
            SourceClosedError: After `close()`.
        """
        deadline = time.monotonic() + wait_seconds
        self._start()
        prefetcher = self._prefetcher
        with prefetcher.lock:
            prefetcher.begin_asking()
            try:
                self._await_first(deadline)
                self._linger(max_messages, max_bytes)
                return prefetcher.take(max_messages=max_messages, max_bytes=max_bytes)
            finally:
                self._is_woken = False
                prefetcher.end_asking()

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Acknowledge; failures are logged, the redelivery is a duplicate. See `BurstSource`."""
        for feed, ack_ids in self._by_feed(messages):
            self._calls.acknowledge(feed, ack_ids)

    def release(self, messages: Sequence[ReceivedMessage]) -> None:
        """Give messages back for redelivery; see `BurstSource`."""
        self._prefetcher.give_back(messages)

    @property
    def resting(self) -> int:
        """How many messages it gave back that are still to come again."""
        with self._prefetcher.lock:
            return self._prefetcher.resting

    def has_more(self) -> bool:
        """Ask the broker, feed by feed, whether anything waits; see `BurstSource`.

        Raises:
            BrokerUnavailableError, SubscriptionError: As `next_burst`.
            SourceClosedError: After `close()`.
        """
        self._start()
        prefetcher = self._prefetcher
        with prefetcher.lock:
            if prefetcher.is_closed:
                raise SourceClosedError(_CLOSED)
            prefetcher.begin_asking()
        try:
            return prefetcher.look()
        finally:
            with prefetcher.lock:
                prefetcher.end_asking()

    def wake(self) -> None:
        """Have a waiting burst return; see `BurstSource`."""
        with self._prefetcher.lock:
            self._is_woken = True
            self._prefetcher.arrived.notify_all()

    def pause(self) -> None:
        """Give back what was fetched ahead; see `BurstSource`."""
        self._prefetcher.pause()

    def close(self) -> None:
        """Stop pulling and release what was prefetched. Bursts handed out can still be acked."""
        self._prefetcher.close()
        # With a burst still out the channel stays, for late acks; it goes with the object.
        with self._prefetcher.lock:
            is_done = not any(feed.leases for feed in self._prefetcher.feeds)
        if is_done:
            self._calls.close()

    def _start(self) -> None:
        if self._is_started:
            return
        with self._start_lock:
            if self._is_started or self._prefetcher.is_closed:
                return
            for feed in self._prefetcher.feeds:
                self._calls.describe_feed(feed)
            self._prefetcher.start()
            self._is_started = True

    def _await_first(self, deadline: float) -> None:
        prefetcher = self._prefetcher
        while not prefetcher.ready_count():
            if prefetcher.is_closed:
                raise SourceClosedError(_CLOSED)
            remaining = deadline - time.monotonic()
            is_failing = self._raise_if_failing(is_last_chance=remaining <= 0)
            if remaining <= 0 or self._is_woken:
                return
            # A failure becomes an error by age alone, and what is held may leave by age: look again without a notice.
            is_timed = is_failing or bool(prefetcher.buffer)
            prefetcher.arrived.wait(min(remaining, _LOOK_AGAIN_SECONDS) if is_timed else remaining)

    def _linger(self, max_messages: int, max_bytes: int) -> None:
        # What was published together mostly arrives together, in more than one answer.
        prefetcher = self._prefetcher
        until = time.monotonic() + self._linger_seconds
        while 0 < prefetcher.ready_count() < max_messages:
            remaining = until - time.monotonic()
            if remaining <= 0 or prefetcher.buffered_bytes >= max_bytes or prefetcher.is_closed:
                return
            prefetcher.arrived.wait(remaining)

    def _raise_if_failing(self, *, is_last_chance: bool) -> bool:
        now = time.monotonic()
        is_failing = False
        for feed in self._prefetcher.feeds:
            failure = feed.failure
            if failure is None:
                continue
            is_failing = True
            if failure.code in _FATAL_CODES:
                raise SubscriptionError(subscription=feed.name, target=self._calls.target, reason=failure.reason)
            if is_last_chance or now - failure.since >= self._unavailable_after_seconds:
                raise BrokerUnavailableError(target=self._calls.target, reason=failure.reason)
        return is_failing

    def _by_feed(self, messages: Sequence[ReceivedMessage]) -> list[tuple[Feed, list[str]]]:
        groups: dict[str, list[str]] = {}
        for message in messages:
            groups.setdefault(message.subscription, []).append(message.ack_id)
        found = [(self._feed_of[name], ack_ids) for name, ack_ids in groups.items()]
        for feed, ack_ids in found:
            self._prefetcher.forget(feed, ack_ids)
        return found

"""Pull bursts from Pub/Sub, the next one while this one commits.

Belongs here: the `BurstSource` over Pub/Sub: its buffer, its bounds, when it
pulls and when it stops. Does not belong: single calls (`pulling`), which
leases are held (`leases`), what a message means.

How it works. Each subscription has a puller thread with one long Pull in the
air; a busy one gets a few more. Answers go to a bounded buffer, from which
`next_burst` takes. A keeper thread renews the lease of what is buffered or
handed out. When nobody has asked for a burst for a while, pulling stops and
the buffer is given back: another process may want it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]

from inventory_assets.messaging.connection import code_of, connect, describe
from inventory_assets.messaging.errors import (
    BrokerUnavailableError,
    SourceClosedError,
    SubscriptionError,
)
from inventory_assets.messaging.messages import ReceivedMessage, size_of
from inventory_assets.messaging.pulling import Feed, SubscriberCalls

_log = logging.getLogger(__name__)

# The service returns at most 1,000 a Pull; Google's emulator 100.
_PULL_MESSAGES = 1_000
# An answer with this many says that more is waiting: pull in parallel.
_BUSY_MESSAGES = 50
_PULL_SECONDS = 30.0
_KEEPER_SECONDS = 0.5
_FIRST_BACKOFF_SECONDS = 0.05
_LAST_BACKOFF_SECONDS = 1.0
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


@dataclass(frozen=True, slots=True)
class SourceStats:
    """What a source holds right now.

    `leased` counts all that the broker waits for: buffered or handed out.
    """

    is_pulling: bool
    buffered: int
    buffered_bytes: int
    leased: int
    pullers: int


class PubSubBurstSource:
    """`BurstSource` over Pub/Sub. Thread-safe; several consumers may share it."""

    def __init__(
        self,
        project: str,
        subscriptions: Sequence[str],
        *,
        emulator_host: str | None = None,
        max_buffered_messages: int = 20_000,
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
            max_buffered_bytes: Pulling waits above this; what is in the air may overshoot.
            pullers_per_subscription: Parallel Pull calls on a busy one; idle ones keep one.
            idle_pause_seconds: Unasked for this long, the source pauses.
            linger_seconds: After the first message of a burst.
            unavailable_after_seconds: A failing broker is an error after this long.
            max_lease_seconds: A message handed out and forgotten is renewed no longer.
        """
        self._calls = SubscriberCalls(connect(emulator_host), project=project)
        self._feeds = [self._calls.feed(name) for name in dict.fromkeys(subscriptions)]
        self._feed_of = {feed.name: feed for feed in self._feeds}
        self._pull_messages = max(
            1, min(_PULL_MESSAGES, max_buffered_messages // max(1, len(self._feeds)))
        )
        self._max_buffered_messages = max(max_buffered_messages, len(self._feeds))
        self._max_buffered_bytes = max_buffered_bytes
        self._pullers_per_subscription = max(1, pullers_per_subscription)
        self._idle_pause_seconds = idle_pause_seconds
        self._linger_seconds = linger_seconds
        self._unavailable_after_seconds = unavailable_after_seconds
        self._max_lease_seconds = max_lease_seconds

        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._wake_keeper = threading.Condition(self._lock)
        self._start_lock = threading.Lock()
        self._buffer: deque[tuple[ReceivedMessage, int]] = deque()
        self._buffered_bytes = 0
        self._reserved = 0
        self._asking = 0
        self._last_asked_at = 0.0
        self._is_active = False
        self._is_started = False
        self._is_closed = False
        self._calls_in_air: set[Any] = set()
        self._threads: list[threading.Thread] = []

    # -- consumer side -------------------------------------------------

    def next_burst(
        self, *, max_messages: int, max_bytes: int, wait_seconds: float
    ) -> list[ReceivedMessage]:
        """Wait for the first message, then take what is there; see `BurstSource`.

        Raises:
            BrokerUnavailableError: The broker does not answer. An empty list
                therefore always means that nothing was waiting.
            SubscriptionError: A subscription is absent, detached or forbidden.
            SourceClosedError: After `close()`.
        """
        deadline = time.monotonic() + wait_seconds
        self._start()
        with self._lock:
            self._asking += 1
            self._activate()
            try:
                self._await_first(deadline)
                self._linger(max_messages, max_bytes)
                return self._take(max_messages, max_bytes)
            finally:
                self._asking -= 1
                self._last_asked_at = time.monotonic()

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Acknowledge; failures are logged, the redelivery is a duplicate. See `BurstSource`."""
        for feed, ack_ids in self._by_feed(messages):
            self._calls.acknowledge(feed, ack_ids)

    def release(self, messages: Sequence[ReceivedMessage]) -> None:
        """Give messages back for redelivery at once; see `BurstSource`."""
        for feed, ack_ids in self._by_feed(messages):
            self._calls.modify_deadline(feed, ack_ids, seconds=0)

    def stats(self) -> SourceStats:
        """What is buffered and leased now; costs no call."""
        with self._lock:
            return SourceStats(
                is_pulling=self._is_active,
                buffered=len(self._buffer),
                buffered_bytes=self._buffered_bytes,
                leased=sum(len(feed.leases) for feed in self._feeds),
                pullers=sum(feed.pullers for feed in self._feeds),
            )

    def close(self) -> None:
        """Stop pulling and release what was prefetched. Bursts handed out can still be acked."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            back = self._deactivate()
            for condition in (self._arrived, self._room, self._wake_keeper):
                condition.notify_all()
            threads = list(self._threads)
        self._give_back(back)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=2.0)
        with self._lock:
            is_idle = not any(feed.leases for feed in self._feeds)
        # Left open for late acks otherwise; it goes with the object.
        if is_idle:
            self._calls.close()

    def _await_first(self, deadline: float) -> None:
        while not self._buffer:
            if self._is_closed:
                raise SourceClosedError("this source was closed; make a new one to go on.")
            remaining = deadline - time.monotonic()
            self._raise_if_failing(is_last_chance=remaining <= 0)
            if remaining <= 0:
                return
            is_failing = any(feed.failure for feed in self._feeds)
            self._arrived.wait(min(remaining, 0.2) if is_failing else remaining)

    def _linger(self, max_messages: int, max_bytes: int) -> None:
        # What was published together mostly arrives together, in more than one answer.
        until = time.monotonic() + self._linger_seconds
        while self._buffer and len(self._buffer) < max_messages:
            remaining = until - time.monotonic()
            if remaining <= 0 or self._buffered_bytes >= max_bytes or self._is_closed:
                return
            self._arrived.wait(remaining)

    def _take(self, max_messages: int, max_bytes: int) -> list[ReceivedMessage]:
        burst: list[ReceivedMessage] = []
        taken = 0
        while self._buffer and len(burst) < max_messages:
            message, size = self._buffer[0]
            if burst and taken + size > max_bytes:
                break
            self._buffer.popleft()
            taken += size
            burst.append(message)
        self._buffered_bytes -= taken
        if burst:
            self._room.notify_all()
        return burst

    def _raise_if_failing(self, *, is_last_chance: bool) -> None:
        now = time.monotonic()
        for feed in self._feeds:
            failure = feed.failure
            if failure is None:
                continue
            if failure.code in _FATAL_CODES:
                raise SubscriptionError(
                    subscription=feed.name, target=self._calls.target, reason=failure.reason
                )
            if is_last_chance or now - failure.since >= self._unavailable_after_seconds:
                raise BrokerUnavailableError(target=self._calls.target, reason=failure.reason)

    def _by_feed(self, messages: Sequence[ReceivedMessage]) -> list[tuple[Feed, list[str]]]:
        groups: dict[str, list[str]] = {}
        for message in messages:
            groups.setdefault(message.subscription, []).append(message.ack_id)
        with self._lock:
            for name, ack_ids in groups.items():
                self._feed_of[name].leases.drop(ack_ids)
        return [(self._feed_of[name], ack_ids) for name, ack_ids in groups.items()]

    # -- starting and pausing ------------------------------------------

    def _start(self) -> None:
        if self._is_started:
            return
        with self._start_lock:
            if self._is_started or self._is_closed:
                return
            for feed in self._feeds:
                self._calls.describe_feed(feed)
            with self._lock:
                for feed in self._feeds:
                    self._spawn(feed, is_extra=False)
                keeper = threading.Thread(target=self._keep, name="pubsub-keeper", daemon=True)
                self._threads.append(keeper)
                keeper.start()
                self._is_started = True

    def _activate(self) -> None:
        self._last_asked_at = time.monotonic()
        if self._is_active or self._is_closed:
            return
        for feed in self._feeds:
            feed.failure = None
        self._is_active = True
        self._room.notify_all()
        self._wake_keeper.notify_all()

    def _deactivate(self) -> list[ReceivedMessage]:
        self._is_active = False
        for call in self._calls_in_air:
            call.cancel()
        back = [message for message, _ in self._buffer]
        self._buffer.clear()
        self._buffered_bytes = 0
        return back

    def _give_back(self, messages: Sequence[ReceivedMessage]) -> None:
        if messages:
            _log.info("releasing %d prefetched messages", len(messages))
            self.release(messages)

    # -- puller threads ------------------------------------------------

    def _spawn(self, feed: Feed, *, is_extra: bool) -> None:
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(
            target=self._pull, args=(feed, is_extra), name=f"pubsub-{feed.name}", daemon=True
        )
        self._threads.append(thread)
        feed.pullers += 1
        thread.start()

    def _pull(self, feed: Feed, is_extra: bool) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while self._reserve(feed, is_extra):
            count, error = self._pull_once(feed)
            if error is None:
                backoff = _FIRST_BACKOFF_SECONDS
                if is_extra and count < _BUSY_MESSAGES // 2:
                    break
                continue
            with self._lock:
                if self._is_active and not self._is_closed:
                    feed.fail(code_of(error), describe(error))
                    self._arrived.notify_all()
                    self._room.wait(backoff)
            backoff = min(_LAST_BACKOFF_SECONDS, backoff * 2)
        with self._lock:
            feed.pullers -= 1

    def _reserve(self, feed: Feed, is_extra: bool) -> bool:
        """Wait until a pull may start and book its room; False: this thread is done."""
        with self._lock:
            while not self._is_closed:
                if self._is_active and self._has_room():
                    self._reserved += self._pull_messages
                    return True
                if is_extra:
                    return False
                self._room.wait()
            return False

    def _has_room(self) -> bool:
        booked = len(self._buffer) + self._reserved + self._pull_messages
        return (
            booked <= self._max_buffered_messages
            and self._buffered_bytes < self._max_buffered_bytes
        )

    def _pull_once(self, feed: Feed) -> tuple[int, BaseException | None]:
        call = self._calls.start_pull(
            feed, max_messages=self._pull_messages, timeout_seconds=_PULL_SECONDS
        )
        with self._lock:
            self._calls_in_air.add(call)
            if not self._is_active:
                call.cancel()
        messages: list[ReceivedMessage] = []
        error: BaseException | None = None
        try:
            messages = self._calls.finish_pull(feed, call)
        except Exception as raised:  # noqa: BLE001 - kept for the consumer, who raises it
            # A long pull that ends without a message is no failure.
            if code_of(raised) not in (
                grpc.StatusCode.DEADLINE_EXCEEDED,
                grpc.StatusCode.CANCELLED,
            ):
                error = raised
        sized = [(message, size_of(message)) for message in messages]
        with self._lock:
            self._calls_in_air.discard(call)
            self._reserved -= self._pull_messages
            if error is None:
                feed.failure = None
            if self._is_active and not self._is_closed:
                self._accept(feed, sized)
                messages = []
        # Paused meanwhile: these came too late to be wanted.
        self._give_back(messages)
        return len(sized), error

    def _accept(self, feed: Feed, sized: list[tuple[ReceivedMessage, int]]) -> None:
        if not sized:
            return
        feed.leases.take([message.ack_id for message, _ in sized], time.monotonic())
        self._buffer.extend(sized)
        self._buffered_bytes += sum(size for _, size in sized)
        self._arrived.notify_all()
        self._wake_keeper.notify_all()
        if len(sized) >= _BUSY_MESSAGES and feed.pullers < self._pullers_per_subscription:
            self._spawn(feed, is_extra=True)

    # -- keeper thread -------------------------------------------------

    def _keep(self) -> None:
        while True:
            back: list[ReceivedMessage] = []
            with self._lock:
                has_leases = any(feed.leases for feed in self._feeds)
                if self._is_closed:
                    return
                self._wake_keeper.wait(_KEEPER_SECONDS if self._is_active or has_leases else None)
                now = time.monotonic()
                idle = now - self._last_asked_at
                if self._is_active and not self._asking and idle > self._idle_pause_seconds:
                    back = self._deactivate()
                due = [
                    (feed, feed.leases.due(now, max_lease_seconds=self._max_lease_seconds))
                    for feed in self._feeds
                ]
            self._give_back(back)
            for feed, ack_ids in due:
                if ack_ids:
                    self._calls.modify_deadline(feed, ack_ids, seconds=feed.ack_deadline_seconds)

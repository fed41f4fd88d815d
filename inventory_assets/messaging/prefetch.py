"""The threads and the buffer of a burst source.

Belongs here: pullers, lease renewal, pause, bounds of the buffer. Does not
belong: what a consumer sees (`source`), single calls (`pulling`).

Each subscription has a puller thread with one long Pull in the air; a busy one
gets a few more, which end when it is quiet again. Answers go to a bounded
buffer, which leaves in order of publish time: while a subscription has a
backlog, what was published after its newest message received waits, so that
no order leaves before the opening stock because it was pulled faster. A keeper
thread renews the leases of what is buffered or handed out, and pauses when
nobody has asked for a burst for a while.
"""

import itertools
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]

from inventory_assets.messaging.connection import TRANSIENT_CODES, code_of, describe
from inventory_assets.messaging.messages import ReceivedMessage, size_of
from inventory_assets.messaging.pulling import Feed, SubscriberCalls

_log = logging.getLogger(__name__)

# The service returns at most 1,000 a Pull; Google's emulator 100.
_PULL_MESSAGES = 1_000
# An answer with this many says that more is waiting: pull in parallel.
_BUSY_MESSAGES = 50
_PULL_SECONDS = 30.0
# A look is answered in a few ms; a broker under load takes its time.
_LOOK_SECONDS = 10.0
_LOOK_PAUSE_SECONDS = 0.02
# The service answers a pull in tens of ms where messages wait.
_SILENT_AFTER_SECONDS = 0.5
# Of its ack deadline a message waits this much for an earlier one of another subscription.
_HELD_SHARE = 1 / 3
_KEEPER_SECONDS = 0.5
# An answer on a busy subscription takes a few ms.
_QUIET_AFTER_SECONDS = 0.2
_FIRST_BACKOFF_SECONDS = 0.05
_LAST_BACKOFF_SECONDS = 1.0
# How a long pull ends when there was nothing.
_QUIET_CODES = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


@dataclass(frozen=True, slots=True)
class PrefetchLimits:
    """How much a source fetches ahead; see `PubSubBurstSource`."""

    max_buffered_messages: int
    max_held_messages: int
    max_buffered_bytes: int
    pullers_per_subscription: int
    idle_pause_seconds: float
    max_lease_seconds: float


class Buffered(NamedTuple):
    """A message in the buffer; sorts by publish time, and by arrival where that is the same."""

    publish_time: datetime
    number: int
    message: ReceivedMessage
    size: int
    feed: Feed
    received_at: float


class Prefetcher:
    """Pulls into a buffer while it is wanted. `lock` guards all of it.

    Methods that say so are called with the lock held.
    """

    def __init__(
        self,
        calls: SubscriberCalls,
        *,
        feeds: Sequence[Feed],
        limits: PrefetchLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self.feeds = list(feeds)
        self._limits = limits
        share = min(limits.max_buffered_messages, limits.max_held_messages) // max(1, len(self.feeds))
        self._pull_messages = max(1, min(_PULL_MESSAGES, share))
        self.lock = threading.Lock()
        self.arrived = threading.Condition(self.lock)
        self._room = threading.Condition(self.lock)
        self._wake_keeper = threading.Condition(self.lock)
        self.buffer: list[Buffered] = []
        self._is_sorted = True
        self._numbers = itertools.count()
        self.buffered_bytes = 0
        self.is_active = False
        self.is_closed = False
        self._reserved = 0
        self._asking = 0
        self._last_asked_at = 0.0
        self._in_air: dict[Any, float] = {}
        self._threads: list[threading.Thread] = []

    # -- called by the source ------------------------------------------

    def start(self) -> None:
        """Start the threads; they sleep until somebody asks."""
        with self.lock:
            for feed in self.feeds:
                self._spawn(feed, is_extra=False)
            keeper = threading.Thread(target=self._keep, name="pubsub-keeper", daemon=True)
            self._threads.append(keeper)
            keeper.start()

    def begin_asking(self) -> None:
        """Somebody waits for a burst: pull. Lock held."""
        self._asking += 1
        if self.is_active or self.is_closed:
            return
        for feed in self.feeds:
            feed.begin(self._clock())
        self.is_active = True
        self._room.notify_all()
        self._wake_keeper.notify_all()

    def end_asking(self) -> None:
        """The burst is taken; from here the idle time counts. Lock held."""
        self._asking -= 1
        self._last_asked_at = time.monotonic()

    def ready_count(self) -> int:
        """How many messages may leave now. Lock held.

        All, unless a subscription is full: then those published up to the least
        of the newest publish times of the full ones. The others wait, but not
        beyond a number and a third of their ack deadline.
        """
        if not self._is_sorted:
            self.buffer.sort()
            self._is_sorted = True
        now = self._clock()
        full = [feed.newest for feed in self.feeds if self._is_full(feed, now)]
        if not full:
            return len(self.buffer)
        ready = max(0, len(self.buffer) - self._limits.max_held_messages)
        known = [newest for newest in full if newest is not None]
        if len(known) == len(full):
            ready = max(ready, bisect_right(self.buffer, min(known), key=lambda each: each.publish_time))
        for place in range(len(self.buffer) - 1, ready - 1, -1):
            held = self.buffer[place]
            if now - held.received_at >= held.feed.ack_deadline_seconds * _HELD_SHARE:
                return place + 1
        return ready

    def take(self, *, max_messages: int, max_bytes: int) -> list[ReceivedMessage]:
        """Take from the buffer what may leave, within bounds, at least one if there is one. Lock held."""
        burst: list[ReceivedMessage] = []
        taken = 0
        for each in self.buffer[: min(self.ready_count(), max_messages)]:
            if burst and taken + each.size > max_bytes:
                break
            taken += each.size
            each.feed.buffered -= 1
            burst.append(each.message)
        del self.buffer[: len(burst)]
        self.buffered_bytes -= taken
        if burst:
            self._room.notify_all()
        return burst

    def _is_full(self, feed: Feed, now: float) -> bool:
        if not feed.is_full or feed.is_looking or not feed.in_air or self._is_blocked(feed):
            return feed.is_full
        # An emulator is asked for an answer at once. The service may wait as it likes: silence is its answer.
        return now - feed.answered_at <= _SILENT_AFTER_SECONDS

    @staticmethod
    def _is_blocked(feed: Feed) -> bool:
        """Whether messages may wait behind unacknowledged ones of their ordering keys."""
        return feed.is_ordered and len(feed.leases) > 0

    def _is_ahead(self, feed: Feed) -> bool:
        """Whether what comes now from a feed would wait for another one."""
        now = self._clock()
        return feed.newest is not None and any(
            other.newest is None or other.newest < feed.newest
            for other in self.feeds
            if other is not feed and self._is_full(other, now)
        )

    def forget(self, feed: Feed, ack_ids: Sequence[str]) -> None:
        """These are settled: renew them no longer."""
        with self.lock:
            feed.leases.drop(ack_ids)
            feed.answered_at = self._clock()

    @property
    def resting(self) -> int:
        """How many messages given back are still to come again. Lock held."""
        now = time.monotonic()
        return sum(feed.resting.count(now) for feed in self.feeds)

    def give_back(self, messages: Sequence[ReceivedMessage]) -> None:
        """Give messages back to the broker; they come again after their rest."""
        for feed in self.feeds:
            back = [each for each in messages if each.subscription == feed.name]
            if back:
                _log.info("releasing %d messages of %s", len(back), feed.name)
                ack_ids = [each.ack_id for each in back]
                with self.lock:
                    feed.leases.drop(ack_ids)
                    feed.resting.add(back, time.monotonic())
                self._calls.modify_deadline(feed, ack_ids, seconds=0)

    def look(self) -> bool:
        """Whether anything is held, rests or waits at the broker; what waits is fetched.

        A long pull that is not answered says nothing of a broker under load; one
        that wants an answer at once is answered by a broker that has looked.
        """
        with self.lock:
            if self.resting or any(feed.leases for feed in self.feeds):
                return True
        calls = [
            (feed, self._calls.start_pull(
                feed, max_messages=self._pull_messages, timeout_seconds=_LOOK_SECONDS, is_look=True
            ))
            for feed in self.feeds
        ]  # fmt: skip
        has_more = False
        for feed, call in calls:
            try:
                messages = self._calls.finish_pull(feed, call)
            except Exception as error:
                # No answer is no empty one; where looks are refused, long pulls have to do.
                has_more |= code_of(error) in (*TRANSIENT_CODES, *_QUIET_CODES)
                continue
            has_more |= bool(messages)
            with self.lock:
                if self.is_active and not self.is_closed:
                    self._accept(feed, [(message, size_of(message)) for message in messages])
                    messages = []
            self.give_back(messages)
        return has_more

    def pause(self) -> None:
        """Give the buffer back and pull no more until somebody asks, unless somebody does."""
        with self.lock:
            back = [] if self._asking or not self.is_active else self._deactivate()
        self.give_back(back)

    def close(self) -> None:
        """Stop pulling, give the buffer back, end the threads."""
        with self.lock:
            if self.is_closed:
                return
            self.is_closed = True
            back = self._deactivate()
            for condition in (self.arrived, self._room, self._wake_keeper):
                condition.notify_all()
            threads = [each for each in self._threads if each is not threading.current_thread()]
        self.give_back(back)
        until = time.monotonic() + _QUIET_AFTER_SECONDS
        for thread in threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        with self.lock:
            self._cancel_quiet_calls()
        for thread in threads:
            thread.join(timeout=2.0)

    # -- pausing -------------------------------------------------------

    def _deactivate(self) -> list[ReceivedMessage]:
        self.is_active = False
        self._cancel_quiet_calls()
        back = [each.message for each in self.buffer]
        self.buffer.clear()
        self.buffered_bytes = 0
        return back

    def _cancel_quiet_calls(self) -> None:
        # A call that is answered and cancelled at the same moment loses its messages
        # until their lease ends. One that has been waiting a while is hardly about to be
        # answered; a young one on a busy subscription is, and comes back by itself.
        latest = time.monotonic() - _QUIET_AFTER_SECONDS
        for call, started_at in list(self._in_air.items()):
            if started_at < latest:
                call.cancel()

    # -- puller threads ------------------------------------------------

    def _spawn(self, feed: Feed, *, is_extra: bool) -> None:
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=self._pull, args=(feed, is_extra), name=f"pubsub-{feed.name}", daemon=True)
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
                if not count and feed.is_full and self._calls.is_emulator:
                    # What is unacknowledged holds up the rest: look again soon.
                    with self.lock:
                        self._room.wait(_LOOK_PAUSE_SECONDS)
                continue
            with self.lock:
                if self.is_active and not self.is_closed:
                    feed.fail(code_of(error), describe(error))
                    self.arrived.notify_all()
                    self._room.wait(backoff)
            backoff = min(_LAST_BACKOFF_SECONDS, backoff * 2)
        with self.lock:
            feed.pullers -= 1

    def _reserve(self, feed: Feed, is_extra: bool) -> bool:
        """Wait until a pull may start and book its room; False: this thread is done."""
        with self.lock:
            while not self.is_closed:
                if self.is_active and self._has_room(feed):
                    self._reserved += self._pull_messages
                    feed.booked += self._pull_messages
                    feed.in_air += 1
                    feed.is_looking = feed.is_full and self._calls.is_emulator
                    feed.is_settled = not self._is_blocked(feed)
                    return True
                if is_extra:
                    return False
                self._room.wait()
            return False

    def _has_room(self, feed: Feed) -> bool:
        if self._is_ahead(feed):
            # One that waits for another must not take that one's room.
            return feed.buffered + feed.booked == 0
        booked = len(self.buffer) + self._reserved + self._pull_messages
        is_bound_by_bytes = self.buffered_bytes >= self._limits.max_buffered_bytes and feed.buffered > 0
        return booked <= max(self._limits.max_buffered_messages, len(self.feeds)) and not is_bound_by_bytes

    def _pull_once(self, feed: Feed) -> tuple[int, BaseException | None]:
        call = self._calls.start_pull(
            feed, max_messages=self._pull_messages, timeout_seconds=_PULL_SECONDS,
            is_look=feed.is_looking,
        )  # fmt: skip
        with self.lock:
            self._in_air[call] = time.monotonic()
        messages: list[ReceivedMessage] = []
        error: BaseException | None = None
        try:
            messages = self._calls.finish_pull(feed, call)
        except Exception as raised:
            if code_of(raised) not in _QUIET_CODES:
                error = raised
        sized = [(message, size_of(message)) for message in messages]
        with self.lock:
            del self._in_air[call]
            self._reserved -= self._pull_messages
            feed.booked -= self._pull_messages
            feed.in_air -= 1
            feed.is_looking = False
            if error is None:
                feed.failure = None
            if self.is_active and not self.is_closed:
                if error is None:
                    is_full = len(messages) >= min(self._pull_messages, _BUSY_MESSAGES)
                    feed.answer(messages, is_full=is_full, now=self._clock())
                self._accept(feed, sized)
                # What waited for this feed may leave, and be followed.
                self.arrived.notify_all()
                self._room.notify_all()
                messages = []
        # Paused meanwhile: these came too late to be wanted.
        self.give_back(messages)
        return len(sized), error

    def _accept(self, feed: Feed, sized: list[tuple[ReceivedMessage, int]]) -> None:
        if not sized:
            return
        feed.leases.take([message.ack_id for message, _ in sized], time.monotonic())
        feed.resting.drop(message for message, _ in sized)
        now = self._clock()
        self.buffer.extend(
            Buffered(message.publish_time, next(self._numbers), message, size, feed, now) for message, size in sized
        )
        self._is_sorted = False
        feed.buffered += len(sized)
        self.buffered_bytes += sum(size for _, size in sized)
        self.arrived.notify_all()
        self._wake_keeper.notify_all()
        # An emulator answers one puller in order and fast; of the service one is too slow, and it promises no order.
        most = 1 if self._calls.is_emulator else self._limits.pullers_per_subscription
        if len(sized) >= _BUSY_MESSAGES and feed.pullers < most:
            self._spawn(feed, is_extra=True)

    # -- keeper thread -------------------------------------------------

    def _keep(self) -> None:
        while True:
            back: list[ReceivedMessage] = []
            with self.lock:
                has_leases = any(feed.leases for feed in self.feeds)
                if self.is_closed:
                    return
                is_busy = self.is_active or has_leases or self._in_air
                self._wake_keeper.wait(_KEEPER_SECONDS if is_busy else None)
                now = time.monotonic()
                idle = now - self._last_asked_at
                if self.is_active and not self._asking and idle > self._limits.idle_pause_seconds:
                    back = self._deactivate()
                elif not self.is_active:
                    self._cancel_quiet_calls()
                due = [
                    (feed, feed.leases.due(now, max_lease_seconds=self._limits.max_lease_seconds))
                    for feed in self.feeds
                ]
            self.give_back(back)
            for feed, ack_ids in due:
                if ack_ids:
                    self._calls.modify_deadline(feed, ack_ids, seconds=feed.ack_deadline_seconds)

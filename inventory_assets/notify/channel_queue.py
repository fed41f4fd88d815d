"""One channel's queue: what it owes, when the next try is due, what was tried.

Each channel has a lane and a thread of its own, so a dead channel delays no
other. Priority first; within the channel's limit; after a failure the lane
rests a little and the notification longer.
"""

import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from heapq import heappop, heappush, nsmallest

import msgspec

from inventory_assets.domain.notify.notifications import (
    GIVE_UP_AFTER_SECONDS,
    ChannelFaultError,
    DeliveryError,
    Outgoing,
    RefusedError,
    backoff_seconds,
    fault_rest_seconds,
)
from inventory_assets.domain.notify.policy import ChannelPolicy
from inventory_assets.domain.notify.routing import SEVERITY_ORDER
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.facts import OwedNotification

logger = logging.getLogger(__name__)

MAX_ERROR = 500
# A resolution waits behind every alert, whatever it had been.
RESOLVED_RANK = 10
# A failing channel rests this long at most before it tries the next notification.
LONGEST_REST_SECONDS = 60.0
RESOLUTION_PAUSE_SECONDS = 1.0
# How a try is recorded that failed through the channel's configuration: owed until somebody mends it.
CHANNEL_FAULT = "channel_fault"
STILL_OWED = frozenset({"failed", CHANNEL_FAULT})


class Attempt(msgspec.Struct, frozen=True):
    """One try, as `out.deliveries` keeps it. `attempted_at` in seconds."""

    notification_id: str
    channel: str
    attempt: int
    status: str
    attempted_at: float
    provider_id: str | None = None
    response: str | None = None
    error: str | None = None


class _Waiting:
    """An owed notification in the queue."""

    __slots__ = ("attempts", "not_before", "owed")

    def __init__(self, owed: OwedNotification) -> None:
        self.owed = owed
        self.attempts = owed.attempts
        self.not_before = 0.0
        if owed.last_attempt_at:
            self.not_before = owed.last_attempt_at + backoff_seconds(owed.planned.notification_id, owed.attempts)

    @property
    def is_resolution(self) -> bool:
        return self.owed.planned.kind == "resolved"

    @property
    def rank(self) -> tuple:
        planned = self.owed.planned
        severity = RESOLVED_RANK if self.is_resolution else SEVERITY_ORDER.get(planned.severity, 9)
        return (severity, self.owed.planned_at, planned.notification_id)


class Lane:
    """The queue of one channel. Thread-safe; `attempt_next` is called by one thread at a time."""

    def __init__(
        self, channel: ChannelPolicy, sender: Channel, prepare: Callable[[OwedNotification], Outgoing],
        on_attempt: Callable[[Attempt], None], *, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.channel = channel
        self._sender = sender
        self._prepare = prepare
        self._on_attempt = on_attempt
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._alerts_waiting = 0
        # Heaps of (rank, id) and (not before, id): ten thousand may wait.
        self._ready: list[tuple[tuple, str]] = []
        self._later: list[tuple[float, str]] = []
        self._times: list[float] = []
        self._failures = 0
        self._faults = 0
        self._fault: str | None = None
        self._rest_until = 0.0
        self._changed = threading.Condition()
        self._is_trying = False
        self._is_closed = False
        self.sent = 0
        self.failed = 0

    def add(self, owed: Iterable[OwedNotification]) -> None:
        """Owe more."""
        with self._changed:
            for each in owed:
                id_ = each.planned.notification_id
                if id_ not in self._waiting:
                    waiting = self._waiting[id_] = _Waiting(each)
                    self._alerts_waiting += not waiting.is_resolution
                    heappush(self._later, (waiting.not_before, id_))
            self._changed.notify_all()

    def remember(self, times: Iterable[float]) -> None:
        """Count what an earlier process sent, for the limit."""
        with self._changed:
            self._times = sorted([*self._times, *times])

    def used(self, now: float) -> int:
        """What counts towards the limit: tries within its period, and alerts still to be sent."""
        with self._changed:
            return self._recent(now) + self._alerts_waiting

    @property
    def owed_count(self) -> int:
        """How many notifications wait."""
        with self._changed:
            return len(self._waiting)

    @property
    def fault(self) -> str | None:
        """What is wrong with the channel's configuration, by its last try; None where nothing is known to be."""
        with self._changed:
            return self._fault

    def upcoming(self, count: int) -> list[OwedNotification]:
        """Some of what is likely tried next, for who prepares several at once."""
        with self._changed:
            return [self._waiting[id_].owed for _, id_ in nsmallest(count, self._ready)]

    def is_idle(self, now: float) -> bool:
        """Whether nothing is being tried and nothing is due."""
        with self._changed:
            return not self._is_trying and self._due_in(now) != 0.0

    def attempt_next(self) -> bool:
        """Try the most urgent notification that is due; whether there was one."""
        now = self._clock()
        with self._changed:
            if self._due_in(now) != 0.0:
                return False
            waiting = self._waiting[heappop(self._ready)[1]]
            waiting.attempts += 1
            self._is_trying = True
            self._times.append(now)
        attempt, retry_after = self._try(waiting, now)
        with self._changed:
            if attempt.status == CHANNEL_FAULT:
                # The next would fail as well: one probe at a time, and this one is the worst.
                self._faults += 1
                self._fault = attempt.error
                waiting.not_before = self._rest_until = now + fault_rest_seconds(self._faults)
                heappush(self._later, (waiting.not_before, attempt.notification_id))
            elif attempt.status == "failed":
                pause = backoff_seconds(attempt.notification_id, waiting.attempts, retry_after)
                waiting.not_before = now + pause
                heappush(self._later, (waiting.not_before, attempt.notification_id))
                self._failures += 1
                rest = backoff_seconds(self.channel.name, self._failures)
                # What the other side asks for holds for all of the channel.
                self._rest_until = now + max(min(rest, LONGEST_REST_SECONDS), retry_after or 0.0)
            else:
                del self._waiting[attempt.notification_id]
                self._alerts_waiting -= not waiting.is_resolution
                self._failures = 0
            if attempt.status == "sent":
                self._faults, self._fault = 0, None
            self.sent += attempt.status == "sent"
            self.failed += attempt.status != "sent"
        self._on_attempt(attempt)
        with self._changed:
            self._is_trying = False
        return True

    def run(self) -> None:
        """Send until closed; the body of the lane's thread."""
        while True:
            with self._changed:
                while not self._is_closed and (pause := self._due_in(self._clock())) != 0.0:
                    self._changed.wait(pause)
                if self._is_closed:
                    return
            self.attempt_next()

    def close(self) -> None:
        """End the thread after the try under way."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _try(self, waiting: _Waiting, now: float) -> tuple[Attempt, float | None]:
        owed = waiting.owed
        base = Attempt(owed.planned.notification_id, self.channel.name, waiting.attempts, "sent", now)
        try:
            receipt = self._sender.send(self._prepare(owed))
        except RefusedError as error:
            logger.error("channel %s refused %s: %s", self.channel.name, base.notification_id, error)
            return msgspec.structs.replace(base, status="failed_permanently", error=str(error)[:MAX_ERROR]), None
        except ChannelFaultError as error:
            logger.error(
                "channel %s takes nothing as it is configured, %s waits: %s", self.channel.name,
                base.notification_id, error,
            )  # fmt: skip
            return msgspec.structs.replace(base, status=CHANNEL_FAULT, error=str(error)[:MAX_ERROR]), None
        except Exception as error:  # whatever a channel does wrong must not end its lane
            text = str(error) if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
            logger.warning(
                "channel %s, try %d of %s: %s", self.channel.name, waiting.attempts, base.notification_id, text
            )
            is_over = now - max(owed.planned_at / 1_000_000, owed.armed_at) > GIVE_UP_AFTER_SECONDS
            status = "failed_permanently" if is_over else "failed"
            retry_after = error.retry_after_seconds if isinstance(error, DeliveryError) else None
            return msgspec.structs.replace(base, status=status, error=text[:MAX_ERROR]), retry_after
        return msgspec.structs.replace(base, provider_id=receipt.provider_id, response=receipt.response), None

    def _due_in(self, now: float) -> float | None:
        if not self._waiting:
            return None
        until = max(self._rest_until, self._free_at(now))
        if until > now:
            return until - now
        self._promote(now)
        if self._ready:
            return 0.0
        return max(0.001, self._later[0][0] - now) if self._later else None

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            id_ = heappop(self._later)[1]
            waiting = self._waiting[id_]
            # Its beginning first: the other side cannot end what it has not heard of.
            if waiting.is_resolution and any(covered in self._waiting for covered in waiting.owed.planned.covers):
                heappush(self._later, (now + RESOLUTION_PAUSE_SECONDS, id_))
            else:
                heappush(self._ready, (waiting.rank, id_))

    def _recent(self, now: float) -> int:
        limit = self.channel.limit
        if limit is None:
            self._times.clear()
            return 0
        del self._times[: bisect_right(self._times, now - limit.seconds)]
        return len(self._times)

    def _free_at(self, now: float) -> float:
        limit = self.channel.limit
        if limit is None or self._recent(now) < limit.count:
            return now
        return self._times[-limit.count] + limit.seconds

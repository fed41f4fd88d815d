"""Single Subscriber calls of a burst source, over plain protobuf, and which leases it holds.

Belongs here: Pull, Acknowledge, ModifyAckDeadline, GetSubscription: their
encoding, chunks, retry. Does not belong: threads, buffers, policy (`source`).
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import empty_pb2
from google.pubsub_v1.types import pubsub

from inventory_assets.messaging.connection import (
    TRANSIENT_CODES,
    AcknowledgeRequest,
    Connection,
    GetSubscriptionRequest,
    ModifyAckDeadlineRequest,
    PullRequest,
    code_of,
    describe,
    raw_stub,
    routing,
)
from inventory_assets.messaging.errors import BrokerUnavailableError, SubscriptionError
from inventory_assets.messaging.messages import ReceivedMessage

_log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The service refuses more than 512 KiB a request.
_CHUNK_IDS = 2_500
_CHUNK_BYTES = 500 * 1024
_CALL_SECONDS = 5.0
_RETRY_BACKOFFS_SECONDS = (0.1, 0.4, 1.0)


class Leases:
    """Ack ids held, oldest renewal first.

    A dict keeps insertion order, and a renewed lease moves to its end: the ones
    due are a prefix, found without a scan of the rest.
    """

    def __init__(self) -> None:
        self.renew_after_seconds = 30.0
        # ack id -> (renewed at, taken at), monotonic seconds
        self._held: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, ack_ids: Sequence[str], now: float) -> None:
        """Note new deliveries."""
        self._held.update(dict.fromkeys(ack_ids, (now, now)))

    def drop(self, ack_ids: Iterable[str]) -> None:
        """Forget deliveries; unknown ids are ignored."""
        for ack_id in ack_ids:
            self._held.pop(ack_id, None)

    def due(self, now: float, *, max_lease_seconds: float) -> list[str]:
        """Take the ids to renew now, and count them as renewed.

        What is held for longer than `max_lease_seconds` is dropped instead: its
        consumer forgot it, and only redelivery brings it back.
        """
        due: list[tuple[str, float]] = []
        for ack_id, (renewed_at, taken_at) in self._held.items():
            if now - renewed_at < self.renew_after_seconds:
                break
            due.append((ack_id, taken_at))
        self.drop(ack_id for ack_id, _ in due)
        kept = [each for each in due if now - each[1] < max_lease_seconds]
        self._held.update({ack_id: (now, taken_at) for ack_id, taken_at in kept})
        return [ack_id for ack_id, _ in kept]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last pull of a subscription failed, and since when (monotonic) they do."""

    code: Any
    reason: str
    since: float


class Resting:
    """Messages given back, and until when they are expected again at the latest.

    A broker lets them rest, longer with each delivery, and for that time a pull
    is empty although they wait. What is overdue, another consumer has.
    """

    SLACK_SECONDS = 2.0

    def __init__(self) -> None:
        self.shortest_seconds = 0.0
        self.longest_seconds = 0.0
        self._until: dict[str, float] = {}

    def add(self, messages: Iterable[ReceivedMessage], now: float) -> None:
        """Note messages that were given back."""
        for message in messages:
            doublings = min(20, max(0, message.delivery_attempt - 1))
            rest = min(self.longest_seconds, self.shortest_seconds * 2**doublings)
            self._until[message.message_id] = now + rest + self.SLACK_SECONDS

    def drop(self, messages: Iterable[ReceivedMessage]) -> None:
        """Note messages that came."""
        if self._until:
            for message in messages:
                self._until.pop(message.message_id, None)

    def count(self, now: float) -> int:
        """How many are still to come."""
        if self._until:
            self._until = {message_id: until for message_id, until in self._until.items() if until > now}
        return len(self._until)


@dataclass(slots=True)
class Feed:
    """One subscription of a source. Guarded by the lock of the source.

    Attributes:
        buffered, booked: Messages in the buffer, and room kept for pulls in the air.
        in_air: Pulls in the air.
        is_full: The last pull came back full, or none was answered yet: more waits there.
        newest: The newest publish time received, of the messages since it is full.
        answered_at: When the last pull was answered or messages settled, monotonic.
        is_ordered: Of an ordering key the next message comes when the ones before it are acknowledged.
        is_looking: The pull in the air wants an answer at once.
        is_settled: Nothing was unacknowledged when the last pull began.
    """

    name: str
    path: str
    topic: str = ""
    ack_deadline_seconds: int = 60
    pullers: int = 0
    failure: Failure | None = None
    buffered: int = 0
    booked: int = 0
    in_air: int = 0
    is_full: bool = True
    newest: datetime | None = None
    answered_at: float = 0.0
    is_ordered: bool = False
    is_looking: bool = False
    is_settled: bool = True
    leases: Leases = field(default_factory=Leases)
    resting: Resting = field(default_factory=Resting)

    def begin(self, now: float) -> None:
        """Begin anew: what waits there is unknown."""
        self.failure, self.newest, self.is_full, self.buffered, self.answered_at = None, None, True, 0, now

    def answer(self, messages: Sequence[ReceivedMessage], *, is_full: bool, now: float) -> None:
        """Note a pull's answer."""
        latest = max((message.publish_time for message in messages), default=None)
        # A subscription may be taken back in time: a backlog is known by its own messages.
        if latest is not None and (self.newest is None or not self.is_full or latest > self.newest):
            self.newest = latest
        # Few may have come because the rest waits for what is unacknowledged.
        self.is_full = is_full or (self.is_full and not self.is_settled)
        self.answered_at = now

    def fail(self, code: Any, reason: str) -> None:
        """Note a failed pull; the time of the first of a row stays."""
        since = self.failure.since if self.failure else time.monotonic()
        self.failure = Failure(code=code, reason=reason, since=since)


class SubscriberCalls:
    """The four calls a source makes, over one connection."""

    def __init__(self, connection: Connection, *, project: str) -> None:
        self._connection = connection
        self._project = project
        self.target = connection.target
        self.is_emulator = connection.is_emulator
        self._get = self._stub("GetSubscription", pubsub.Subscription)
        self._pull = self._stub("Pull", pubsub.PullResponse)
        self._acknowledge = self._stub("Acknowledge", empty_pb2.Empty)
        self._modify = self._stub("ModifyAckDeadline", empty_pb2.Empty)

    def _stub(self, method: str, response: Any) -> Any:
        request = getattr(pubsub, f"{method}Request")
        channel = self._connection.subscriber_channel
        return raw_stub(channel, method=f"Subscriber/{method}", request=request, response=response)

    def feed(self, subscription: str) -> Feed:
        """Make the feed of a subscription, given by short name or path."""
        if "/" in subscription:
            return Feed(name=subscription.rsplit("/", 1)[1], path=subscription)
        return Feed(name=subscription, path=f"projects/{self._project}/subscriptions/{subscription}")

    def describe_feed(self, feed: Feed) -> None:
        """Ask the broker for topic and deadline; this is the check that it answers.

        Raises:
            BrokerUnavailableError: It does not.
            SubscriptionError: It refuses the subscription.
        """
        try:
            request = GetSubscriptionRequest(subscription=feed.path)
            found = self._get(request, timeout=_CALL_SECONDS, metadata=routing(subscription=feed.path))
        except Exception as error:
            if code_of(error) in TRANSIENT_CODES:
                raise BrokerUnavailableError(target=self.target, reason=describe(error)) from error
            raise SubscriptionError(subscription=feed.name, target=self.target, reason=describe(error)) from error
        feed.topic = found.topic.rsplit("/", 1)[-1]
        feed.ack_deadline_seconds = found.ack_deadline_seconds or 10
        feed.leases.renew_after_seconds = feed.ack_deadline_seconds / 2
        feed.is_ordered = found.enable_message_ordering
        if found.HasField("retry_policy"):
            feed.resting.shortest_seconds = found.retry_policy.minimum_backoff.ToMilliseconds() / 1000
            feed.resting.longest_seconds = found.retry_policy.maximum_backoff.ToMilliseconds() / 1000

    def start_pull(self, feed: Feed, *, max_messages: int, timeout_seconds: float, is_look: bool = False) -> Any:
        """Start a long Pull, which can be cancelled; or with `is_look` one that is answered at once."""
        request = PullRequest(subscription=feed.path, max_messages=max_messages, return_immediately=is_look)
        return self._pull.future(request, timeout=timeout_seconds, metadata=routing(subscription=feed.path))

    def finish_pull(self, feed: Feed, call: Any) -> list[ReceivedMessage]:
        """Wait for a Pull and decode its answer."""
        return [_received(feed, each) for each in call.result().received_messages]

    def acknowledge(self, feed: Feed, ack_ids: Sequence[str]) -> None:
        """Acknowledge in chunks with retry; failures are logged only."""
        requests = [AcknowledgeRequest(subscription=feed.path, ack_ids=chunk) for chunk in _chunks(ack_ids)]
        self._send(feed, requests, what="acknowledge", stub=self._acknowledge)

    def modify_deadline(self, feed: Feed, ack_ids: Sequence[str], *, seconds: int) -> None:
        """Renew leases, or with 0 give them back; failures are logged only."""
        requests = [
            ModifyAckDeadlineRequest(subscription=feed.path, ack_ids=chunk, ack_deadline_seconds=seconds)
            for chunk in _chunks(ack_ids)
        ]
        self._send(feed, requests, what="modify the deadline of", stub=self._modify)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send(self, feed: Feed, requests: list[Any], *, what: str, stub: Any) -> None:
        metadata = routing(subscription=feed.path)
        for backoff in (*_RETRY_BACKOFFS_SECONDS, None):
            try:
                calls = [
                    (request, stub.future(request, timeout=_CALL_SECONDS, metadata=metadata)) for request in requests
                ]
            except ValueError as error:  # the channel is closed
                _log.warning("could not %s messages of %s: %s", what, feed.name, error)
                return
            requests = []
            for request, call in calls:
                failure = call.exception()
                if failure is None:
                    continue
                if code_of(failure) in TRANSIENT_CODES and backoff is not None:
                    requests.append(request)
                    continue
                # Never fatal: the broker redelivers, and duplicates are absorbed (RULES 9).
                _log.warning(
                    "could not %s %d messages of %s, they will be redelivered: %s",
                    what, len(request.ack_ids), feed.name, describe(failure),
                )  # fmt: skip
            if not requests or backoff is None:
                return
            time.sleep(backoff)


def _received(feed: Feed, delivery: Any) -> ReceivedMessage:
    message = delivery.message
    published = message.publish_time
    return ReceivedMessage(
        message.message_id,
        feed.topic,
        feed.name,
        delivery.ack_id,
        _EPOCH + timedelta(seconds=published.seconds, microseconds=published.nanos // 1000),
        message.ordering_key,
        dict(message.attributes),
        message.data,
        delivery.delivery_attempt,
    )


def _chunks(ack_ids: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for ack_id in ack_ids:
        cost = len(ack_id) + 4
        if chunk and (len(chunk) >= _CHUNK_IDS or size + cost > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(ack_id)
        size += cost
    if chunk:
        yield chunk

"""Publish to Pub/Sub and wait for the confirmation.

Belongs here: batching, ordering, retry of publish requests. Does not belong:
what is published or when.

Requests go through the GAPIC publisher's channel, not through the batching
`PublisherClient`: that one gives every ordering key a batch, a thread and a
timer of its own, and an error pauses the key until `resume_publish`. Here a
caller hands over the whole list and waits, so a request a key in flight
together is all it takes: an error stops the rest of that key in that call
only, and there is nothing to resume.
"""

import heapq
import queue
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.pubsub_v1.types import pubsub

from inventory_assets.messaging.connection import (
    TRANSIENT_CODES,
    PublishRequest,
    code_of,
    connect,
    describe,
    raw_stub,
    routing,
)
from inventory_assets.messaging.errors import PublishError
from inventory_assets.messaging.messages import OutgoingMessage, size_of

# Limits of the service: 1,000 messages and 10 MB a request. The margin is for
# what protobuf adds around each message.
_REQUEST_MESSAGES = 1_000
_REQUEST_BYTES = 9_500_000
_MESSAGE_OVERHEAD_BYTES = 64
# Requests in flight. More only queue up in the broker.
_WINDOW = 64
# A late one is sent again, so a message may be stored twice, as Pub/Sub always may.
_REQUEST_SECONDS = 10.0
_FIRST_BACKOFF_SECONDS = 0.1
_LAST_BACKOFF_SECONDS = 2.0


@dataclass(slots=True)
class _Lane:
    """Requests of one topic and ordering key; one is in flight at a time."""

    topic: str
    chunks: list[tuple[list[int], Any]] = field(default_factory=list)
    position: int = 0
    attempts: int = 0


class PubSubPublisher:
    """`Publisher` over Pub/Sub. Thread-safe; one per process is enough."""

    def __init__(
        self,
        project: str,
        *,
        emulator_host: str | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        """Open a channel; the first publish connects.

        Args:
            project: Project of topics given by short name.
            emulator_host: As in `connection.connect`.
            timeout_seconds: After this, what is not confirmed counts as failed.
        """
        self._project = project
        self._timeout_seconds = timeout_seconds
        self._connection = connect(emulator_host)
        self._publish = raw_stub(
            self._connection.publisher_channel,
            method="Publisher/Publish",
            request=pubsub.PublishRequest,
            response=pubsub.PublishResponse,
        )

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """Publish and wait until every message is confirmed; see `Publisher`."""
        if not messages:
            return []
        call = _PublishCall(publish=self._publish, lanes=self._lanes(messages), count=len(messages))
        message_ids, failures = call.run(deadline=time.monotonic() + self._timeout_seconds)
        if failures:
            raise PublishError(target=self._connection.target, failures=failures, message_ids=message_ids)
        return [message_id or "" for message_id in message_ids]

    def close(self) -> None:
        """Close the channel."""
        self._connection.close()

    def _lanes(self, messages: Sequence[OutgoingMessage]) -> list[_Lane]:
        # The service refuses a request with more than one ordering key.
        positions: dict[tuple[str, str], list[int]] = {}
        for position, message in enumerate(messages):
            positions.setdefault((message.topic, message.ordering_key), []).append(position)
        lanes = []
        for (topic, ordering_key), members in positions.items():
            path = topic if "/" in topic else f"projects/{self._project}/topics/{topic}"
            chunks = list(_chunks(path, messages, members))
            if ordering_key:
                lanes.append(_Lane(topic=path, chunks=chunks))
            else:
                lanes += [_Lane(topic=path, chunks=[chunk]) for chunk in chunks]
        return lanes


def _chunks(path: str, messages: Sequence[OutgoingMessage], members: list[int]) -> Iterator[tuple[list[int], Any]]:
    """Cut one key's messages into requests the service accepts."""
    request, size = PublishRequest(topic=path), 0
    positions: list[int] = []
    for position in members:
        message = messages[position]
        cost = size_of(message) + _MESSAGE_OVERHEAD_BYTES * (1 + len(message.attributes))
        if positions and (size + cost > _REQUEST_BYTES or len(positions) >= _REQUEST_MESSAGES):
            yield positions, request
            request, positions, size = PublishRequest(topic=path), [], 0
        request.messages.add(data=message.data, attributes=message.attributes, ordering_key=message.ordering_key)
        positions.append(position)
        size += cost
    yield positions, request


class _PublishCall:
    """One `publish()`: lanes in flight, their retries, their results."""

    def __init__(self, *, publish: Any, lanes: list[_Lane], count: int) -> None:
        self._publish = publish
        self._waiting = list(reversed(lanes))
        self._resting: list[tuple[float, int, _Lane]] = []
        self._open = len(lanes)
        self._in_flight = 0
        self._done: queue.SimpleQueue[tuple[_Lane, Any]] = queue.SimpleQueue()
        self._message_ids: list[str | None] = [None] * count
        self._failures: dict[int, str] = {}

    def run(self, *, deadline: float) -> tuple[list[str | None], dict[int, str]]:
        while self._open:
            now = time.monotonic()
            while self._resting and self._resting[0][0] <= now:
                self._waiting.append(heapq.heappop(self._resting)[2])
            while self._waiting and self._in_flight < _WINDOW:
                self._send(self._waiting.pop(), deadline)
            wait = max(0.001, self._resting[0][0] - now) if self._resting else None
            try:
                lane, call = self._done.get(timeout=wait)
            except queue.Empty:
                continue
            self._in_flight -= 1
            self._settle(lane, call, deadline)
        return self._message_ids, self._failures

    def _send(self, lane: _Lane, deadline: float) -> None:
        timeout = min(_REQUEST_SECONDS, max(0.001, deadline - time.monotonic()))
        request = lane.chunks[lane.position][1]
        self._in_flight += 1
        call = self._publish.future(request, timeout=timeout, metadata=routing(topic=lane.topic))
        call.add_done_callback(lambda done: self._done.put((lane, done)))

    def _settle(self, lane: _Lane, call: Any, deadline: float) -> None:
        error = call.exception()
        if error is None:
            for position, message_id in zip(lane.chunks[lane.position][0], call.result().message_ids, strict=True):
                self._message_ids[position] = message_id
            lane.position += 1
            lane.attempts = 0
            if lane.position < len(lane.chunks):
                self._waiting.append(lane)
            else:
                self._open -= 1
            return
        backoff = min(_LAST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**lane.attempts)
        if code_of(error) in TRANSIENT_CODES and time.monotonic() + backoff < deadline:
            lane.attempts += 1
            # Not a sleep: the other lanes go on meanwhile. id() breaks ties.
            heapq.heappush(self._resting, (time.monotonic() + backoff, id(lane), lane))
            return
        self._fail(lane, describe(error))

    def _fail(self, lane: _Lane, reason: str) -> None:
        # Later requests of the key are not sent: that would break its order.
        for positions, _ in lane.chunks[lane.position :]:
            self._failures.update(dict.fromkeys(positions, reason))
        self._open -= 1

"""Where the connector's messages leave: `MessageSink` over Pub/Sub's own client.

Here: room for what is on its way, keys, pauses and the end. Not here: how the client is set up
(`pubsub_client`), what is published (`shaping`), or what a failure means (`failures`).

What the client does, as of google-cloud-pubsub 2.44, shapes this module: `stop()` cancels what waits
behind the first batch of a key. `close` waits first.
"""

import logging
import os
import threading
from concurrent.futures import Future, wait
from typing import NamedTuple

from inventory_assets.addresses import read_broker
from inventory_assets.connector.errors import ConnectorError
from inventory_assets.connector.ops.observer import Observer
from inventory_assets.connector.publish.pubsub_client import (
    PublishAbandonedError,
    SinkSettings,
    open_client,
)
from inventory_assets.connector.shape.routing import refusal_of
from inventory_assets.messaging.messages import OutgoingMessage

logger = logging.getLogger(__name__)

# Of the room: who waited then works for a while, instead of being woken for every place.
_REOPENS = 0.75


class MessageRefusedError(ConnectorError):
    """A message that Pub/Sub would refuse, and was not sent."""


class _Sent(NamedTuple):
    topic_path: str
    ordering_key: str
    data_bytes: int


class Room:
    """Room for so many messages and bytes on their way at once: backpressure. Thread-safe.

    In place of the client's flow control, which serializes every message four times to know its size, and
    wakes whoever waits at every single confirmation: a full client published half as fast as one with room.
    Once full it lets nobody in before a quarter of it is free.

    Attributes:
        taken_bytes: In it.
        waiting_count: Who waits for some.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages = 0
        self.taken_bytes = 0
        self._is_closed = False
        self.waiting_count = 0
        self._changed = threading.Condition()

    def take(self, size_bytes: int) -> None:
        """Take room for a message, once there is some; a message greater than all of it gets in alone."""
        with self._changed:
            if not (self._is_closed or self._fits(size_bytes, 1)):
                self.waiting_count += 1
                self._changed.wait_for(lambda: self._is_closed or self._fits(size_bytes, _REOPENS))
                self.waiting_count -= 1
            self._messages += 1
            self.taken_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Give back what one message took."""
        with self._changed:
            self._messages -= 1
            self.taken_bytes -= size_bytes
            if self.waiting_count and self._fits(0, _REOPENS):
                self._changed.notify_all()

    def close(self) -> None:
        """Let everybody in from now on: they find that it is over."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _fits(self, size_bytes: int, part: float) -> bool:
        if not self._messages:
            return True
        return (
            self._messages < self._max_messages * part
            and self.taken_bytes <= self._max_bytes * part
            and self.taken_bytes + size_bytes <= self._max_bytes
        )


class PubSubSink:
    """`MessageSink` over Pub/Sub, the emulator or the service. Thread-safe."""

    def __init__(
        self,
        project: str,
        *,
        settings: SinkSettings | None = None,
        emulator_host: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Open a channel; the first request connects.

        Args:
            project: Of topics given by short name.
            emulator_host: `host:port`; None reads PUBSUB_EMULATOR_HOST.
            observer: Must not block.
        """
        self._project = project
        self._settings = settings or SinkSettings()
        self._abandoned = threading.Event()
        host = emulator_host or os.environ.get("PUBSUB_EMULATOR_HOST") or ""
        host = read_broker(host) if host else ""
        self._client = open_client(self._settings, host=host, abandoned=self._abandoned, observer=observer)
        self._room = Room(
            max_messages=self._settings.max_outstanding_messages, max_bytes=self._settings.max_outstanding_bytes
        )
        self._is_busy = False
        self._paths: dict[str, str] = {}
        # Without a lock of its own: a store and a pop are atomic, and this is done once a message.
        self._outstanding: dict[Future[str], _Sent] = {}
        self._failed_keys: set[tuple[str, str]] = set()

    @property
    def outstanding_messages(self) -> int:
        """Messages not yet confirmed or failed."""
        return len(self._outstanding)

    @property
    def outstanding_bytes(self) -> int:
        """Their data."""
        return self._room.taken_bytes

    def publish(self, message: OutgoingMessage) -> "Future[str]":
        """Hand over one message; blocks while too much is unconfirmed. `abandon` ends that, too.

        Returns:
            As `MessageSink.publish`. Already failed with `MessageRefusedError` if Pub/Sub would
            refuse it: together with others it would take them along.
        """
        if self._abandoned.is_set():
            return _failed(PublishAbandonedError("the connector is stopping"))
        if problem := refusal_of(message):
            return _failed(MessageRefusedError(f"message to {message.topic!r} cannot be published: {problem}"))
        if (len(self._outstanding) > self._settings.busy_messages) is not self._is_busy:
            self._change_pace()
        path = self._paths.get(message.topic) or self._path_of(message.topic)
        size_bytes = len(message.data)
        self._room.take(size_bytes)
        try:
            future = self._client.publish(path, message.data, message.ordering_key, **message.attributes)
        except BaseException as error:
            self._room.give_back(size_bytes)
            # The client was stopped while this thread waited for room.
            if not (isinstance(error, RuntimeError) and self._abandoned.is_set()):
                raise
            return _failed(PublishAbandonedError("the connector is stopping"))
        self._outstanding[future] = _Sent(path, message.ordering_key, size_bytes)
        future.add_done_callback(self._settle)
        return future

    def flush(self) -> None:
        """Nothing to do: the client sends what waits by itself, soon, and cannot be told to."""

    def resume(self) -> None:
        """Allow the ordering keys that failures paused."""
        # Whoever waits for a future is woken before its callback has run.
        for future in list(self._outstanding):
            if future.done():
                self._settle(future)
        while self._failed_keys:
            path, key = self._failed_keys.pop()
            try:
                self._client.resume_publish(path, key)
            except RuntimeError:
                # The client says so of a key that is not paused, and that is as well.
                logger.debug("ordering key %r of %s was not paused", key, path)

    def abandon(self) -> None:
        """Fail everything outstanding, within two seconds. For good: the sink cannot be used again.

        A blocked `publish` returns by it. Nothing is lost: no token was saved for it.
        """
        self._abandoned.set()
        self._room.close()
        # Ends requests under way; the event is set first, so that none is tried again on a closed channel.
        self._client.transport.close()

    def close(self, *, timeout_seconds: float) -> None:
        """Wait until everything is confirmed, abandon what is not in time, and close."""
        if self._abandoned.is_set():
            return
        waiting = wait(list(self._outstanding), timeout_seconds).not_done
        if waiting and timeout_seconds:
            logger.warning("%d messages were not confirmed in %s s", len(waiting), timeout_seconds)
        self.abandon()
        self._client.stop()

    def _path_of(self, topic: str) -> str:
        path = topic if "/" in topic else f"projects/{self._project}/topics/{topic}"
        self._paths[topic] = path
        return path

    def _settle(self, future: "Future[str]") -> None:
        # Twice, where `resume` was quicker: harmless in this order, as only one of them can pop.
        sent = self._outstanding.get(future)
        if sent is None:
            return
        if sent.ordering_key and future.exception() is not None:
            self._failed_keys.add((sent.topic_path, sent.ordering_key))
        if self._outstanding.pop(future, None) is not None:
            self._room.give_back(sent.data_bytes)

    def _change_pace(self) -> None:
        # The client reads it each time it starts to wait for a fuller batch.
        self._is_busy = not self._is_busy
        settings = self._settings
        seconds = settings.busy_latency_seconds if self._is_busy else settings.batch_latency_seconds
        self._client.batch_settings = self._client.batch_settings._replace(max_latency=seconds)


def _failed(error: Exception) -> "Future[str]":
    future: Future[str] = Future()
    future.set_exception(error)
    return future

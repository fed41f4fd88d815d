"""Watch a topic through a subscription of one's own, which nobody else's messages depend on.

Belongs here: making it, moving it back in time, reading it, deleting it. Does
not belong: what the messages mean (`domain.events.tail`).

It is deleted at the end. What a kill leaves behind, the broker deletes after
a day without a reader: the shortest expiry that Pub/Sub takes.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1.types import pubsub

from inventory_assets.messaging.connection import Connection, connect, describe
from inventory_assets.messaging.errors import BrokerUnavailableError, MessagingError
from inventory_assets.messaging.messages import ReceivedMessage
from inventory_assets.messaging.source import PubSubBurstSource

EXPIRES_AFTER = timedelta(days=1)
PREFIX = "inventory-tail-"
# What waits while a terminal stands still; the service asks for less than the expiry.
_RETENTION = timedelta(hours=1)
_CALL: dict[str, Any] = {"retry": None, "timeout": 10.0}
_MOST_MESSAGES = 500
_MOST_BYTES = 16_000_000

Matches = Callable[[Mapping[str, str]], bool]


class TailError(MessagingError):
    """A topic cannot be watched so."""


@dataclass(slots=True)
class Tail:
    """A topic that is watched.

    Attributes:
        subscription: The short name of what it is watched through.
        kept: How long the topic keeps its messages; None where it does not.
        is_back: It was moved back to the time asked for.
        left: Why the subscription could not be deleted at the end; "" where it was.
    """

    subscription: str
    kept: timedelta | None
    is_back: bool
    left: str
    _source: PubSubBurstSource
    _matches: Matches | None

    def next(self, wait_seconds: float) -> list[ReceivedMessage]:
        """What has passed since, or nothing after so long. Each is given once, but where an acknowledgement is lost."""
        burst = self._source.next_burst(max_messages=_MOST_MESSAGES, max_bytes=_MOST_BYTES, wait_seconds=wait_seconds)
        if burst:
            self._source.acknowledge(burst)
        # Google's emulator ignores filters.
        return [each for each in burst if self._matches is None or self._matches(each.attributes)]


@contextmanager
def tail_of(
    project: str,
    topic: str,
    *,
    since: datetime | None = None,
    filter_: str = "",
    matches: Matches | None = None,
    emulator_host: str | None = None,
) -> Iterator[Tail]:
    """Watch a topic from now on, or from an earlier time where it keeps messages.

    Args:
        project: Google Cloud project id.
        topic: Short name.
        since: An earlier time.
        filter_: In Pub/Sub's filter language.
        matches: The same, for brokers that ignore it.
        emulator_host: As in `connection.connect`.

    Raises:
        BrokerUnavailableError: The broker does not answer.
        TailError: It refuses, or has no such topic.
    """
    connection = connect(emulator_host)
    name = f"{PREFIX}{topic[:200]}-{uuid.uuid4().hex[:12]}"
    path = f"projects/{project}/subscriptions/{name}"
    source: PubSubBurstSource | None = None
    tail: Tail | None = None
    try:
        with _refusals(connection, project, topic):
            kept = _kept(connection, f"projects/{project}/topics/{topic}")
            _subscribe(connection, path, f"projects/{project}/topics/{topic}", filter_)
            is_back = since is not None and kept is not None and _seek(connection, path, since)
        source = PubSubBurstSource(project, [name], emulator_host=emulator_host, pullers_per_subscription=1)
        tail = Tail(name, kept, is_back, "", source, matches)
        yield tail
    finally:
        if source is not None:
            source.close()
        # Also where its creation was not answered in time: it may be there.
        left = _delete(connection, path)
        if tail is not None:
            tail.left = left
        connection.close()


@contextmanager
def _refusals(connection: Connection, project: str, topic: str) -> Iterator[None]:
    try:
        yield
    except (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.RetryError) as error:
        raise BrokerUnavailableError(target=connection.target, reason=describe(error)) from error
    except exceptions.NotFound as error:
        raise TailError(
            f"there is no topic {topic!r} in project {project!r} at {connection.target!r}. `inventory topics apply` "
            "makes those of the product; GOOGLE_CLOUD_PROJECT and PUBSUB_EMULATOR_HOST say where it is looked for."
        ) from error
    except exceptions.GoogleAPICallError as error:
        raise TailError(
            f"{connection.target!r} refused to let topic {topic!r} be watched: {describe(error)}. It takes the right "
            "to make subscriptions and to attach them to the topic (roles/pubsub.editor)."
        ) from error


def _kept(connection: Connection, topic: str) -> timedelta | None:
    found = connection.publisher.get_topic(topic=topic, **_CALL)
    return found.message_retention_duration or None


def _subscribe(connection: Connection, path: str, topic: str, filter_: str) -> None:
    wanted = pubsub.Subscription(
        name=path,
        topic=topic,
        ack_deadline_seconds=60,
        message_retention_duration=_RETENTION,
        expiration_policy=pubsub.ExpirationPolicy(ttl=EXPIRES_AFTER),
        filter=filter_,
        labels={"made-by": "inventory-tail"},
    )
    connection.subscriber.create_subscription(request=wanted, **_CALL)


def _seek(connection: Connection, path: str, since: datetime) -> bool:
    try:
        connection.subscriber.seek(request={"subscription": path, "time": since}, **_CALL)
    except exceptions.MethodNotImplemented:
        return False
    return True


def _delete(connection: Connection, path: str) -> str:
    try:
        connection.subscriber.delete_subscription(subscription=path, **_CALL)
    except exceptions.NotFound:
        return ""
    except exceptions.GoogleAPICallError as error:
        return describe(error)
    return ""

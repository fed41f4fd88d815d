"""The emulator's services without a port: its methods called as a client would, in one loop.

Belongs here: the harness. Does not belong: what gRPC adds (`tests/messaging`).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from google.pubsub_v1.types import pubsub, schema

from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.publisher_service import PublisherService
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.schema_registry import SchemaRegistry
from inventory_assets.emulator.schema_service import SchemaService
from inventory_assets.emulator.store import Store
from inventory_assets.emulator.subscriber_service import SubscriberService

PROJECT = "projects/p"
SCHEMA = f"{PROJECT}/schemas/events"
TOPIC = f"{PROJECT}/topics/topic"
SUBSCRIPTION = f"{PROJECT}/subscriptions/sub"


class _Context:
    """A call without a deadline."""

    def time_remaining(self) -> float | None:
        return None


class Services:
    """An emulator in memory, or over a directory's database."""

    def __init__(self, path: Any = None) -> None:
        self._loop = asyncio.Runner()
        self._store = Store(path)
        broker = Broker(self._store)
        registry, replay, schemas = Registry(broker), Replay(broker), SchemaRegistry(broker)
        for each in (registry, replay, schemas):
            each.load()
        self._publisher = PublisherService(broker, registry=registry, replay=replay, schemas=schemas)
        self._subscriber = SubscriberService(broker, registry=registry, replay=replay)
        self._schemas = SchemaService(schemas)

    def close(self) -> None:
        """Write what is queued."""
        self._loop.close()
        self._store.close()

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run(call)

    # -- schemas -------------------------------------------------------

    def create_schema(self, definition: str, *, kind: str = "PROTOCOL_BUFFER") -> str:
        """Create `events`; returns its first revision."""
        request = schema.CreateSchemaRequest(
            parent=PROJECT, schema={"type_": kind, "definition": definition}, schema_id="events"
        )
        return self._run(self._schemas.create_schema(schema.CreateSchemaRequest.pb(request), None)).revision_id

    def commit(self, definition: str, *, kind: str = "PROTOCOL_BUFFER") -> str:
        """Commit a revision of `events`; returns its id."""
        request = schema.CommitSchemaRequest(name=SCHEMA, schema={"type_": kind, "definition": definition})
        return self._run(self._schemas.commit_schema(schema.CommitSchemaRequest.pb(request), None)).revision_id

    def call(self, method: str, **fields: Any) -> Any:
        """Call a method of the schema service; `call("get_schema", name=…)`."""
        request = getattr(schema, f"{method.title().replace('_', '')}Request")
        return self._run(getattr(self._schemas, method)(request.pb(request(**fields)), None))

    def revisions(self, **fields: Any) -> list[str]:
        """Ids of the revisions of `events`, as they are listed."""
        return [each.revision_id for each in self.call("list_schema_revisions", name=SCHEMA, **fields).schemas]

    # -- topics --------------------------------------------------------

    def create_topic(self, encoding: str = "JSON", **settings: str) -> None:
        """Create the topic with the schema, and its subscription."""
        topic = pubsub.Topic(name=TOPIC, schema_settings={"schema": SCHEMA, "encoding": encoding, **settings})
        self._run(self._publisher.create_topic(pubsub.Topic.pb(topic), None))
        subscription = pubsub.Subscription(name=SUBSCRIPTION, topic=TOPIC)
        self._run(self._subscriber.create_subscription(pubsub.Subscription.pb(subscription), None))

    def update_topic(self, *paths: str, **settings: str) -> Any:
        """Change the topic's schema settings by a mask."""
        request = pubsub.UpdateTopicRequest(
            topic={"name": TOPIC, "schema_settings": settings}, update_mask={"paths": list(paths)}
        )
        return self._run(self._publisher.update_topic(pubsub.UpdateTopicRequest.pb(request), None))

    def topic(self) -> Any:
        """The topic as it is."""
        request = pubsub.GetTopicRequest(topic=TOPIC)
        return self._run(self._publisher.get_topic(pubsub.GetTopicRequest.pb(request), None))

    def publish(self, *bodies: bytes) -> int:
        """Publish in one request; how many were taken."""
        request = pubsub.PublishRequest(topic=TOPIC, messages=[{"data": body} for body in bodies])
        return len(self._run(self._publisher.publish(pubsub.PublishRequest.pb(request), None)).message_ids)

    def pull(self) -> list[Any]:
        """Messages that are ready."""
        request = pubsub.PullRequest(subscription=SUBSCRIPTION, max_messages=100, return_immediately=True)
        answer = self._run(self._subscriber.pull(pubsub.PullRequest.pb(request), _Context()))
        parsed = pubsub.PullResponse.pb().FromString(answer) if isinstance(answer, bytes) else answer
        return [each.message for each in parsed.received_messages]

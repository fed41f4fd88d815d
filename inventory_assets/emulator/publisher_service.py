"""google.pubsub.v1.Publisher.

Belongs here: checks of publish requests, and answers. Does not belong: state.
"""

from typing import Any

from google.pubsub_v1.types import pubsub

from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import page
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.schema_registry import SchemaRegistry
from inventory_assets.emulator.status import failed_precondition, invalid

# The limits of the service.
_REQUEST_MESSAGES = 1_000
_REQUEST_BYTES = 10 * 1024 * 1024
_ATTRIBUTES = 100
_ATTRIBUTE_KEY_BYTES = 256
_ATTRIBUTE_VALUE_BYTES = 1_024
_ORDERING_KEY_BYTES = 1_024


class PublisherService:
    """Methods of the Publisher service; each takes and returns plain protobuf."""

    def __init__(self, broker: Broker, *, registry: Registry, replay: Replay, schemas: SchemaRegistry) -> None:
        self._broker = broker
        self._registry = registry
        self._replay = replay
        self._schemas = schemas

    async def publish(self, request: Any, context: Any) -> Any:
        topic = self._registry.topic(request.topic)
        _check(request)
        if topic.body.schema_settings.schema:
            self._schemas.check_messages(topic.body.schema_settings, request.messages)
        ids = self._broker.publish(topic, request.messages)
        # Confirmed means stored: after kill -9 these are still delivered.
        await self._broker.committed()
        return pubsub.PublishResponse.pb()(message_ids=ids)

    async def create_topic(self, request: Any, context: Any) -> Any:
        self._schemas.check_settings(request.schema_settings)
        return await self._registry.create_topic(request)

    async def update_topic(self, request: Any, context: Any) -> Any:
        if any(path.split(".")[0] == "schema_settings" for path in request.update_mask.paths):
            settings = type(request.topic.schema_settings)()
            settings.CopyFrom(request.topic.schema_settings)
            # A mask may name a revision only; it is one of the schema that the topic has.
            settings.schema = settings.schema or self._registry.topic(request.topic.name).body.schema_settings.schema
            self._schemas.check_settings(settings)
        return await self._registry.update_topic(request.topic, request.update_mask)

    async def get_topic(self, request: Any, context: Any) -> Any:
        return self._registry.topic(request.topic).body

    async def delete_topic(self, request: Any, context: Any) -> None:
        await self._registry.delete_topic(request.topic)

    async def list_topics(self, request: Any, context: Any) -> Any:
        topics, token = page([each.body for each in self._broker.topics.values()], request, project=request.project)
        return pubsub.ListTopicsResponse.pb()(topics=topics, next_page_token=token)

    async def list_topic_subscriptions(self, request: Any, context: Any) -> Any:
        topic = self._registry.topic(request.topic)
        names = sorted(each.body.name for each in topic.subscriptions)
        return pubsub.ListTopicSubscriptionsResponse.pb()(subscriptions=names)

    async def list_topic_snapshots(self, request: Any, context: Any) -> Any:
        topic = self._registry.topic(request.topic)
        names = sorted(each.body.name for each in self._replay.snapshots.values() if each.topic is topic)
        return pubsub.ListTopicSnapshotsResponse.pb()(snapshots=names)

    async def detach_subscription(self, request: Any, context: Any) -> Any:
        await self._registry.detach_subscription(request.subscription)
        return pubsub.DetachSubscriptionResponse.pb()()


def _check(request: Any) -> None:
    messages = request.messages
    if not 1 <= len(messages) <= _REQUEST_MESSAGES:
        raise invalid(f"{len(messages)} messages in a publish request; expected 1 to {_REQUEST_MESSAGES}.")
    if request.ByteSize() > _REQUEST_BYTES:
        raise invalid(
            f"Request payload size exceeds the limit: {request.ByteSize()} bytes, at most "
            f"{_REQUEST_BYTES}. Publish fewer or smaller messages."
        )
    ordering_key = messages[0].ordering_key
    for position, message in enumerate(messages):
        if message.ordering_key != ordering_key:
            raise failed_precondition(
                "In a single publish request, all messages must have no ordering key or they "
                f"must all have the same ordering key; #0 has {ordering_key!r}, #{position} "
                f"{message.ordering_key!r}. (Google's service refuses this, too.)"
            )
        if message.attributes:
            _check_attributes(position, message.attributes)
        elif not message.data:
            raise invalid(f"Message #{position} is empty: it needs data or an attribute.")
    if len(ordering_key.encode()) > _ORDERING_KEY_BYTES:
        raise invalid(f"Ordering key is over {_ORDERING_KEY_BYTES} bytes: {ordering_key[:50]!r}.")


def _check_attributes(position: int, attributes: Any) -> None:
    if len(attributes) > _ATTRIBUTES:
        raise invalid(f"Message #{position} has {len(attributes)} attributes; at most {_ATTRIBUTES}.")
    for key, value in attributes.items():
        if not key or len(key.encode()) > _ATTRIBUTE_KEY_BYTES or key.startswith("goog"):
            raise invalid(
                f"Message #{position} has the attribute key {key[:50]!r}; expected 1 to "
                f"{_ATTRIBUTE_KEY_BYTES} bytes, not starting with 'goog'."
            )
        if len(value.encode()) > _ATTRIBUTE_VALUE_BYTES:
            raise invalid(
                f"Message #{position}: attribute {key!r} is {len(value.encode())} bytes; "
                f"at most {_ATTRIBUTE_VALUE_BYTES}."
            )

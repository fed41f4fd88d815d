"""Create, read, update and delete topics and subscriptions.

Belongs here: the resources of a broker and their rows. Does not belong: what
is refused (`limits`), messages (`broker`).
"""

from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import (
    DAY_SECONDS,
    SUBSCRIPTION_UPDATABLE,
    TOPIC_UPDATABLE,
    check_new,
    check_subscription,
    check_topic,
    find,
    merged_body,
)
from inventory_assets.emulator.states import SubscriptionState, TopicState, new_subscription
from inventory_assets.emulator.subscription import Stored

DELETED_TOPIC = "_deleted-topic_"


class Registry:
    """The resources of a broker, and their rows in the store."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def load(self) -> None:
        """Read everything back from the store."""
        broker = self._broker
        store = broker.store
        for name, topic_id, created_us, body in store.resources("topic"):
            broker.topics[name] = TopicState(topic_id, wire.Topic.FromString(body), created_us)
            broker.last_id = max(broker.last_id, topic_id)
        used = {name: used_us for name, _, used_us, _ in store.resources("use")}
        for name, subscription_id, created_us, body in store.resources("subscription"):
            parsed = wire.Subscription.FromString(body)
            topic = broker.topics.get(parsed.topic)
            state = new_subscription(
                parsed, subscription_id=subscription_id, created_us=created_us, topic=topic, used_us=used.get(name, 0)
            )
            broker.subscriptions[name] = state
            broker.last_id = max(broker.last_id, subscription_id)
            if topic:
                topic.subscriptions.append(state)
            topic_id = topic.id if topic else 0
            for message_id, attempts, size, key in store.backlog(subscription_id):
                message = broker.owned.get(message_id)
                if message is None:
                    message = Stored(message_id, topic_id, size, key, None)
                    broker.owned[message_id] = message
                state.queue.add(message, attempts=attempts)
        broker.last_id = max(broker.last_id, store.newest_id())
        broker.stored_bytes = store.stored_bytes()

    # -- topics --------------------------------------------------------

    def topic(self, name: str) -> TopicState:
        """Find a topic."""
        return find(self._broker.topics, name, "topics")

    async def create_topic(self, body: Any) -> Any:
        """Create a topic."""
        check_new(self._broker.topics, body.name, "topics")
        check_topic(body)
        state = TopicState(self._broker.new_id(), body, self._broker.now_us())
        self._broker.topics[body.name] = state
        await self._save("topic", state)
        return body

    async def update_topic(self, body: Any, mask: Any) -> Any:
        """Change the fields of a mask."""
        state = self.topic(body.name)
        state.body = merged_body(state.body, body, mask, TOPIC_UPDATABLE, check_topic)
        await self._save("topic", state)
        return state.body

    async def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions keep what they owe."""
        state = self.topic(name)
        del self._broker.topics[name]
        for subscription in state.subscriptions:
            subscription.topic = None
            subscription.body.topic = DELETED_TOPIC
            self._put("subscription", subscription)
        self._broker.batch.delete_resource("topic", name)
        self._broker.batch.resources.append(
            ("DELETE FROM messages WHERE topic_id = ? AND id NOT IN (SELECT message_id FROM backlog)", (state.id,))
        )
        await self._broker.committed()

    # -- subscriptions -------------------------------------------------

    def subscription(self, name: str) -> SubscriptionState:
        """Find a subscription."""
        return find(self._broker.subscriptions, name, "subscriptions")

    async def create_subscription(self, body: Any) -> Any:
        """Create a subscription; it receives what is published from now on."""
        check_new(self._broker.subscriptions, body.name, "subscriptions")
        topic = self.topic(body.topic)
        if not body.ack_deadline_seconds:
            body.ack_deadline_seconds = 10
        if not body.HasField("message_retention_duration"):
            body.message_retention_duration.seconds = 7 * DAY_SECONDS
        if not body.HasField("expiration_policy"):
            body.expiration_policy.ttl.seconds = 31 * DAY_SECONDS
        check_subscription(body)
        body.state = 1
        state = new_subscription(
            body, subscription_id=self._broker.new_id(), created_us=self._broker.now_us(), topic=topic
        )
        self._broker.subscriptions[body.name] = state
        topic.subscriptions.append(state)
        await self._save("subscription", state)
        return body

    async def update_subscription(self, body: Any, mask: Any) -> Any:
        """Change the fields of a mask."""
        state = self.subscription(body.name)
        state.body = merged_body(state.body, body, mask, SUBSCRIPTION_UPDATABLE, check_subscription)
        state.wake_all()
        await self._save("subscription", state)
        return state.body

    async def set_push_config(self, name: str, config: Any) -> None:
        """Push to another endpoint from now on; an empty configuration makes it one that is pulled."""
        state = self.subscription(name)
        body = type(state.body)()
        body.CopyFrom(state.body)
        body.push_config.CopyFrom(config)
        check_subscription(body)
        state.body = body
        state.wake_all()
        await self._save("subscription", state)

    async def delete_subscription(self, name: str) -> None:
        """Delete a subscription and what it owes."""
        state = self.subscription(name)
        del self._broker.subscriptions[name]
        self._drop_backlog(state)
        self._broker.batch.delete_resource("subscription", name)
        self._broker.batch.delete_resource("use", name)
        await self._broker.committed()

    def note_use(self, state: SubscriptionState) -> None:
        """Keep when a subscription was last used."""
        state.noted_us = state.used_us
        self._broker.batch.put_resource("use", state.body, id=state.id, created_us=state.used_us)

    async def detach_subscription(self, name: str) -> None:
        """Cut a subscription off its topic: it owes nothing and cannot be pulled."""
        state = self.subscription(name)
        state.body.detached = True
        self._drop_backlog(state)
        state.is_deleted = False
        state.queue.reset([])
        await self._save("subscription", state)

    def _drop_backlog(self, state: SubscriptionState) -> None:
        state.is_deleted = True
        if state.topic:
            state.topic.subscriptions.remove(state)
            state.topic = None
        for entry in state.queue.entries.values():
            self._broker.disown(entry.message)
        self._broker.batch.disown(state.id)
        state.wake_all()

    async def _save(self, kind: str, state: TopicState | SubscriptionState) -> None:
        self._put(kind, state)
        await self._broker.committed()

    def _put(self, kind: str, state: TopicState | SubscriptionState) -> None:
        self._broker.batch.put_resource(kind, state.body, id=state.id, created_us=state.created_us)

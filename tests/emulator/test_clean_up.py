"""What the emulator deletes because of age or size.

Belongs here: the broker and its sweeper in this process, on a clock of ours.
"""

import asyncio
from pathlib import Path

from inventory_assets.emulator import broker as broker_module
from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.store import Store
from inventory_assets.emulator.sweeper import Sweeper

DAY_US = 86_400_000_000
TOPIC = "projects/p/topics/topic"
SUBSCRIPTION = "projects/p/subscriptions/sub"


class _World:
    """A broker in memory, and its clock."""

    def __init__(self, *, max_stored_bytes: int = 10**9, path: Path | None = None) -> None:
        self.now_us = 1_700_000_000_000_000
        self.broker = Broker(Store(path), clock=lambda: self.now_us / 1e6, now_us=lambda: self.now_us)
        self.registry = Registry(self.broker)
        self.replay = Replay(self.broker)
        self.sweeper = Sweeper(self.broker, self.replay, self.registry, max_stored_bytes=max_stored_bytes)

    async def create(self, *, topic_days: int = 0, **settings) -> None:
        topic = wire.Topic(name=TOPIC)
        if topic_days:
            topic.message_retention_duration.seconds = topic_days * 86_400
        await self.registry.create_topic(topic)
        await self.registry.create_subscription(wire.Subscription(name=SUBSCRIPTION, topic=TOPIC, **settings))

    async def publish(self, *bodies: bytes) -> None:
        messages = [wire.PubsubMessage(data=body) for body in bodies]
        self.broker.publish(self.registry.topic(TOPIC), messages)
        await self.broker.committed()

    def pull(self) -> list[tuple[str, bytes, int]]:
        subscription = self.registry.subscription(SUBSCRIPTION)
        return self.broker.deliver(subscription, max_messages=1000, max_bytes=10**9)

    async def acknowledge_all(self) -> None:
        ack_ids = [ack_id for ack_id, _, _ in self.pull()]
        self.broker.acknowledge(self.registry.subscription(SUBSCRIPTION), ack_ids)
        await self.broker.committed()

    def stored(self) -> int:
        topic = self.registry.topic(TOPIC)
        return len(self.broker.store.messages_since(topic.id, 0))


def test_an_unacknowledged_message_is_kept_for_the_retention_and_no_longer():
    async def scenario():
        world = _World()
        await world.create()
        await world.publish(b"x")
        world.now_us += 7 * DAY_US - 1_000_000
        await world.sweeper.sweep()
        before = world.stored()
        world.now_us += 2_000_000
        await world.sweeper.sweep()
        await world.broker.committed()

        assert (before, world.stored(), world.pull()) == (1, 0, [])

    asyncio.run(scenario())


def test_an_acknowledged_message_is_kept_as_long_as_its_topic_says():
    async def scenario():
        world = _World()
        await world.create(topic_days=3)
        await world.publish(b"x")
        await world.acknowledge_all()
        world.now_us += 3 * DAY_US - 1_000_000
        await world.sweeper.sweep()
        before = world.stored()
        world.now_us += 2_000_000
        await world.sweeper.sweep()

        assert (before, world.stored(), world.broker.stored_bytes) == (1, 0, 0)

    asyncio.run(scenario())


def test_a_snapshot_keeps_messages_until_it_expires():
    async def scenario():
        world = _World()
        await world.create()
        await world.publish(b"x")
        subscription = world.registry.subscription(SUBSCRIPTION)
        await world.replay.create_snapshot("projects/p/snapshots/snap", subscription, {})
        await world.acknowledge_all()
        world.now_us += 6 * DAY_US
        await world.sweeper.sweep()
        before = world.stored()
        world.now_us += DAY_US + 1_000_000
        await world.sweeper.sweep()

        assert (before, world.stored(), world.replay.snapshots) == (1, 0, {})

    asyncio.run(scenario())


def test_over_its_size_acknowledged_messages_go_and_owed_ones_stay():
    """A local disk is not a cloud; what somebody is owed is never dropped."""

    async def scenario():
        world = _World(max_stored_bytes=5_000)
        await world.create(topic_days=7)
        await world.publish(*[b"x" * 1000] * 10)
        await world.acknowledge_all()
        await world.publish(b"owed")
        world.now_us += 120_000_000
        await world.sweeper.sweep()

        assert world.stored() == 1
        assert len(world.pull()) == 1

    asyncio.run(scenario())


def test_a_backlog_larger_than_memory_is_read_back(monkeypatch):
    """The limit of payloads held in memory must not be a limit of the backlog."""
    monkeypatch.setattr(broker_module, "PAYLOAD_MEMORY_BYTES", 2_000)

    async def scenario():
        world = _World()
        await world.create()
        await world.publish(*[str(number).encode() * 200 for number in range(10)])
        held = world.broker.payload_bytes
        payloads = [payload for _, payload, _ in world.pull()]

        assert held <= 2_000
        assert [wire.PubsubMessage.FromString(each).data for each in payloads] == [
            str(number).encode() * 200 for number in range(10)
        ]

    asyncio.run(scenario())


def test_a_subscription_that_nobody_uses_expires_and_others_stay():
    """As the service does: what a killed watcher left behind goes by itself."""

    async def scenario():
        world = _World()
        await world.create(expiration_policy={"ttl": {"seconds": 86_400}})
        for name, policy in (("never", {}), ("month", None)):
            body = wire.Subscription(name=f"projects/p/subscriptions/{name}", topic=TOPIC, expiration_policy=policy)
            await world.registry.create_subscription(body)
        await world.publish(b"x")
        world.now_us += DAY_US - 1_000_000
        await world.sweeper.sweep()
        before = len(world.broker.subscriptions)
        world.now_us += 2_000_000
        await world.sweeper.sweep()
        after_a_day = sorted(world.broker.subscriptions)
        world.now_us += 31 * DAY_US
        await world.sweeper.sweep()
        await world.broker.committed()

        assert (before, [*world.broker.subscriptions]) == (3, ["projects/p/subscriptions/never"])
        assert ["projects/p/subscriptions/month", "projects/p/subscriptions/never"] == after_a_day

    asyncio.run(scenario())


def test_who_pulls_or_waits_keeps_a_subscription_also_over_a_restart(tmp_path):
    async def scenario():
        world = _World(path=tmp_path / "pubsub.sqlite")
        await world.create(expiration_policy={"ttl": {"seconds": 86_400}})
        used = world.registry.subscription(SUBSCRIPTION)
        used.used_us = world.now_us = world.now_us + DAY_US - 1_000_000
        await world.sweeper.sweep()
        await world.broker.committed()
        world.broker.store.close()
        again = _World(path=tmp_path / "pubsub.sqlite")
        again.registry.load()
        again.now_us = world.now_us + DAY_US - 1_000_000
        await again.sweeper.sweep()
        kept = len(again.broker.subscriptions)
        waiting = asyncio.create_task(again.broker.wait_ready(again.registry.subscription(SUBSCRIPTION), 60))
        await asyncio.sleep(0)
        again.now_us += DAY_US
        await again.sweeper.sweep()
        waiting.cancel()
        await again.broker.committed()
        again.broker.store.close()

        assert (kept, len(again.broker.subscriptions)) == (1, 1)

    asyncio.run(scenario())

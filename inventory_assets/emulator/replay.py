"""Seek and snapshots.

Belongs here: which messages a subscription owes after it is moved in time.
Does not belong: delivery (`broker`), clean-up of what is too old (`sweeper`).
"""

from dataclasses import dataclass
from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import check_new, find
from inventory_assets.emulator.states import SubscriptionState, TopicState
from inventory_assets.emulator.status import failed_precondition
from inventory_assets.emulator.subscription import Entry, Stored

_HOUR_US = 3_600_000_000
_WEEK_US = 7 * 24 * _HOUR_US


@dataclass(slots=True, eq=False)
class SnapshotState:
    """What a subscription owed up to `mark` (a message id); all after it counts as owed."""

    id: int
    body: Any
    mark: int
    owed: set[int]
    topic: TopicState | None


class Replay:
    """Snapshots of a broker, and moving subscriptions to a time or a snapshot."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.snapshots: dict[str, SnapshotState] = {}

    def load(self) -> None:
        """Read snapshots back from the store."""
        for name, snapshot_id, mark, body in self._broker.store.resources("snapshot"):
            parsed = wire.Snapshot.FromString(body)
            topic = self._broker.topics.get(parsed.topic)
            owed = {row[0] for row in self._broker.store.backlog(snapshot_id)}
            self.snapshots[name] = SnapshotState(snapshot_id, parsed, mark, owed, topic)
            self._broker.last_id = max(self._broker.last_id, snapshot_id)
            if topic:
                topic.snapshots += 1

    def snapshot(self, name: str) -> SnapshotState:
        """Find a snapshot."""
        return find(self.snapshots, name, "snapshots")

    async def create_snapshot(self, name: str, subscription: SubscriptionState, labels: Any) -> Any:
        """Keep what a subscription owes now."""
        check_new(self.snapshots, name, "snapshots")
        if subscription.topic is None:
            raise failed_precondition(f"Subscription {subscription.body.name} has no topic; there is nothing to keep.")
        now_us = self._broker.now_us()
        owed = set(subscription.queue.entries)
        expires_us = now_us + _WEEK_US - (now_us - min(owed, default=now_us))
        if expires_us - now_us < _HOUR_US:
            raise failed_precondition(
                "The snapshot would expire within an hour: the oldest unacknowledged message is "
                "almost 7 days old. Acknowledge or seek past it first."
            )
        body = wire.Snapshot(name=name, topic=subscription.body.topic, labels=labels)
        body.expire_time.FromMicroseconds(expires_us)
        snapshot_id = self._broker.new_id()
        state = SnapshotState(snapshot_id, body, snapshot_id, owed, subscription.topic)
        self.snapshots[name] = state
        subscription.topic.snapshots += 1
        self._broker.batch.owed[snapshot_id] = sorted(owed)
        await self.save(state)
        return body

    async def save(self, state: SnapshotState) -> None:
        """Write a snapshot's row. `created_us` holds the mark."""
        self._broker.batch.put_resource("snapshot", state.body, id=state.id, created_us=state.mark)
        await self._broker.committed()

    async def delete_snapshot(self, name: str) -> None:
        """Forget a snapshot."""
        state = self.snapshot(name)
        del self.snapshots[name]
        if state.topic:
            state.topic.snapshots -= 1
        self._broker.batch.delete_resource("snapshot", name)
        self._broker.batch.disown(state.id)
        await self._broker.committed()

    async def seek_to_time(self, subscription: SubscriptionState, time_us: int) -> None:
        """Owe what was published at or after a time, as far as it is kept."""
        await self._broker.committed()
        first_id = max(time_us, self._kept_since(subscription))
        await self._move(subscription, wanted=lambda message_id: message_id >= time_us, first_id=first_id)

    async def seek_to_snapshot(self, subscription: SubscriptionState, snapshot: SnapshotState) -> None:
        """Owe what the snapshot's subscription owed, and all published since."""
        if snapshot.topic is None or snapshot.topic is not subscription.topic:
            raise failed_precondition(
                f"Snapshot {snapshot.body.name} is of topic {snapshot.body.topic}, the "
                f"subscription of {subscription.body.topic}. Both have to be of one topic."
            )
        await self._broker.committed()
        await self._move(
            subscription,
            wanted=lambda each: each in snapshot.owed or each > snapshot.mark,
            first_id=min(snapshot.owed, default=snapshot.mark),
        )

    def _kept_since(self, subscription: SubscriptionState) -> int:
        now_us = self._broker.now_us()
        kept = [now_us]
        if subscription.topic and subscription.topic.retention_us:
            kept.append(now_us - subscription.topic.retention_us)
        if subscription.body.retain_acked_messages:
            kept.append(max(now_us - subscription.retention_us, subscription.created_us))
        return min(kept)

    async def _move(self, subscription: SubscriptionState, *, wanted: Any, first_id: int) -> None:
        broker = self._broker
        entries = subscription.queue.entries
        kept = {each: entry for each, entry in entries.items() if wanted(each)}
        dropped = [entry for each, entry in entries.items() if each not in kept]
        added: list[int] = []
        if subscription.topic:
            rows = broker.store.messages_since(subscription.topic.id, first_id)
            for message_id, size, payload in rows:
                if message_id in kept or not wanted(message_id):
                    continue
                message = wire.PubsubMessage.FromString(payload)
                if subscription.matcher and not subscription.matcher(message.attributes):
                    continue
                stored = broker.owned.get(message_id)
                if stored is None:
                    stored = Stored(message_id, subscription.topic.id, size, message.ordering_key, None)
                    broker.owned[message_id] = stored
                stored.owners += 1
                kept[message_id] = Entry(stored)
                added.append(message_id)
        for entry in dropped:
            broker.settle(subscription, entry)
        subscription.queue.reset([kept[each] for each in sorted(kept)])
        if added:
            broker.batch.owed.setdefault(subscription.id, []).extend(added)
        subscription.wake()
        await broker.committed()

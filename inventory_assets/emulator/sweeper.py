"""Clean-up: expired backlog, messages past their time, old snapshots, subscriptions that nobody uses.

Belongs here: what is deleted because of its age, of disuse, or of the size of
the database. Does not belong: what is deleted because it is acknowledged
(`broker.disown`).
"""

import asyncio
import logging
from itertools import islice
from typing import Any

from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.states import TopicState

_log = logging.getLogger(__name__)

# Acknowledged messages are kept for seek as long as retention says, but a local
# disk is not a cloud: over this, the oldest acknowledged ones go first.
MAX_STORED_BYTES = 4 * 1024**3
_SWEEP_SECONDS = 5.0
# A row younger than this may belong to a publish that is not confirmed yet, and
# then looks like one nobody owes.
_SETTLING_US = 60_000_000
# Whoever pulled before a restart has to come back first.
_GRACE_US = 60_000_000
# Of a day, the least there is: what a crash takes back of it is soon made up.
_NOTED_EVERY_US = 3_600_000_000
# A delete this large takes the writer ~20 ms; publishes wait for it.
_SLICE = 5_000


class Sweeper:
    """Deletes what no subscription, snapshot or retention needs any more."""

    def __init__(
        self, broker: Broker, replay: Replay, registry: Registry, *, max_stored_bytes: int = MAX_STORED_BYTES
    ) -> None:
        self._broker = broker
        self._registry = registry
        self._begun_us = broker.now_us()
        self._replay = replay
        self._max_stored_bytes = max_stored_bytes
        self._swept_to: dict[int, int] = {}
        self._kept_by: dict[int, tuple[Any, ...]] = {}

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except Exception:  # the disk may be full; the next sweep may free it
                _log.exception("a sweep of the emulator failed")

    async def sweep(self) -> None:
        """Do all clean-up that is due."""
        broker = self._broker
        now_us = broker.now_us()
        for name, snapshot in list(self._replay.snapshots.items()):
            if snapshot.body.expire_time.ToMicroseconds() <= now_us:
                await self._replay.delete_snapshot(name)
        await self._expire_unused(now_us)
        for subscription in list(broker.subscriptions.values()):
            limit = now_us - subscription.retention_us
            # Entries are in publish order: the expired ones come first.
            for message_id, entry in list(islice(subscription.queue.entries.items(), _SLICE)):
                if message_id >= limit:
                    break
                broker.settle(subscription, entry)
        for topic in list(broker.topics.values()):
            self._start_over_if_less_is_kept(topic)
            await self._purge(topic, before_id=self._needed_since(topic, now_us))
        if broker.stored_bytes > self._max_stored_bytes:
            _log.warning("over %d bytes stored: dropping acknowledged", self._max_stored_bytes)
            for topic in list(broker.topics.values()):
                await self._purge(topic, before_id=now_us - _SETTLING_US, is_forced=True)
        if broker.store.is_durable:
            broker.batch.resources.append(("PRAGMA incremental_vacuum(2000)", ()))

    async def _expire_unused(self, now_us: int) -> None:
        for name, subscription in list(self._broker.subscriptions.items()):
            # Who is pushed to need not come.
            is_pushed = bool(subscription.body.push_config.push_endpoint)
            if is_pushed or any(not waiter.done() for waiter in subscription.waiters):
                subscription.used_us = now_us
            if subscription.used_us - subscription.noted_us >= _NOTED_EVERY_US:
                self._registry.note_use(subscription)
            after_us = subscription.expires_after_us
            if after_us and now_us - subscription.used_us >= after_us and now_us - self._begun_us >= _GRACE_US:
                _log.info("subscription %s expired: nobody used it", name)
                await self._registry.delete_subscription(name)

    def _start_over_if_less_is_kept(self, topic: TopicState) -> None:
        # Rows passed over because a snapshot or a retention kept them are due now.
        kept_by = (
            topic.retention_us,
            [each.id for each in self._replay.snapshots.values() if each.topic is topic],
            [each.id for each in topic.subscriptions if each.body.retain_acked_messages],
        )
        if self._kept_by.get(topic.id) != kept_by:
            self._kept_by[topic.id] = kept_by
            self._swept_to[topic.id] = 0

    def _needed_since(self, topic: TopicState, now_us: int) -> int:
        marks = [now_us - max(topic.retention_us, _SETTLING_US)]
        marks += [now_us - each.retention_us for each in topic.subscriptions if each.body.retain_acked_messages]
        marks += [each.mark for each in self._replay.snapshots.values() if each.topic is topic]
        return min(marks)

    async def _purge(self, topic: TopicState, *, before_id: int, is_forced: bool = False) -> None:
        broker = self._broker
        kept_by_snapshots: set[int] = set()
        for snapshot in self._replay.snapshots.values():
            kept_by_snapshots |= snapshot.owed
        after = 0 if is_forced else self._swept_to.get(topic.id, 0)
        while True:
            rows = broker.store.sizes(topic.id, after_id=after, before_id=before_id, limit=_SLICE)
            if not rows:
                break
            after = rows[-1][0]
            doomed = [
                (message_id, size)
                for message_id, size in rows
                if message_id not in broker.owned and message_id not in kept_by_snapshots
            ]
            if doomed:
                broker.batch.unneeded += [message_id for message_id, _ in doomed]
                broker.stored_bytes -= sum(size for _, size in doomed)
                await broker.committed()
            if is_forced and broker.stored_bytes <= self._max_stored_bytes * 0.9:
                return
            await asyncio.sleep(0)
        # What is owed before this mark goes when it is acknowledged – unless
        # acknowledged messages are kept for a time, which goes on.
        self._swept_to[topic.id] = 0 if topic.retention_us else after

"""Topics and subscriptions in memory, and what moves messages between them.

Belongs here: publish, deliver, acknowledge, expire, dead-letter, and the
batches handed to the store. Does not belong: checks of requests and gRPC
(`*_service`), creation and update of resources (`registry`), seek and
snapshots (`replay`), clean-up (`sweeper`).

Order of things: a message is visible, and its publish confirmed, after the
commit that stored it. An acknowledgement counts at once in memory and is
confirmed after its commit; when a crash falls between, it is delivered again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.states import SubscriptionState, TopicState, rest_seconds
from inventory_assets.emulator.status import Code, StatusError, invalid
from inventory_assets.emulator.store import Batch, Store
from inventory_assets.emulator.subscription import Entry, EntryState, Stored

_log = logging.getLogger(__name__)

# Bytes of undelivered messages kept in memory; the rest is read back when due. Seconds of
# heavy traffic fit; an opening stock of 200,000 levels would take 250 MiB.
PAYLOAD_MEMORY_BYTES = 32 * 1024 * 1024
_TICK_SECONDS = 0.05
_SOURCE = "CloudPubSubDeadLetterSource"


class Broker:
    """The state of the emulator. Lives in one event loop; nothing here is thread-safe."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """Start with nothing; `registry.load` reads the store.

        Args:
            store: Where messages live.
            clock: Seconds, for deadlines.
            now_us: Microseconds since the epoch, for publish times.
        """
        self.store = store
        self.clock = clock
        self.now_us = now_us
        self.topics: dict[str, TopicState] = {}
        self.subscriptions: dict[str, SubscriptionState] = {}
        self.owned: dict[int, Stored] = {}
        self.payload_bytes = 0
        self.stored_bytes = 0
        self.last_id = 0
        self._batch = Batch()
        self._visible: list[tuple[SubscriptionState, Stored]] = []
        self._committed: asyncio.Future[None] | None = None
        self._is_writing = False

    # -- storing -------------------------------------------------------

    @property
    def batch(self) -> Batch:
        """The open batch; it is written when this turn of the loop and the last write end."""
        self.committed()
        return self._batch

    def new_id(self) -> int:
        """A message or resource id: now in µs, and always greater than the last."""
        self.last_id = max(self.last_id + 1, self.now_us())
        return self.last_id

    def committed(self) -> asyncio.Future[None]:
        """Done when the open batch is stored; fails if it could not be."""
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._committed = loop.create_future()
            # Group commit: while one batch is being written the next one fills up.
            if not self._is_writing:
                loop.call_soon(self._submit)
        return self._committed

    def _submit(self) -> None:
        batch, visible, future = self._batch, self._visible, self._committed
        self._batch, self._visible, self._committed = Batch(), [], None
        assert future is not None  # only called with a batch open
        self._is_writing = True
        loop = asyncio.get_running_loop()

        def stored(error: BaseException | None) -> None:
            loop.call_soon_threadsafe(self._finish, future, visible, error)

        batch.done.append(stored)
        self.store.submit(batch)

    def _finish(
        self,
        future: asyncio.Future[None],
        visible: list[tuple[SubscriptionState, Stored]],
        error: BaseException | None,
    ) -> None:
        self._is_writing = False
        if self._committed is not None:
            self._submit()
        if error is not None:
            _log.error("the emulator could not store a batch: %s", error)
            if not future.done():
                text = f"the emulator could not store this: {error}. Check its disk; retry."
                future.set_exception(StatusError(Code.UNAVAILABLE, text))
                future.exception()  # nobody may be waiting
            return
        woken: dict[int, SubscriptionState] = {}
        for subscription, message in visible:
            if not subscription.is_deleted:
                subscription.queue.add(self._own(message))
                woken[subscription.id] = subscription
        if not future.done():
            future.set_result(None)
        for subscription in woken.values():
            subscription.wake()

    def _own(self, message: Stored) -> Stored:
        """Count a stored message as owed; a seek may have found it in the store first."""
        known = self.owned.get(message.id)
        if known is not None:
            return known
        self.owned[message.id] = message
        if message.payload is not None:
            if self.payload_bytes + message.size > PAYLOAD_MEMORY_BYTES:
                message.payload = None
            else:
                self.payload_bytes += message.size
        return message

    def disown(self, message: Stored) -> None:
        """One subscription less owes this; the last one frees memory, and the row."""
        message.owners -= 1
        if message.owners > 0 or self.owned.pop(message.id, None) is None:
            return
        if message.payload is not None:
            self.payload_bytes -= message.size
        if not self._keeps_acknowledged(message.topic_id):
            self.batch.unneeded.append(message.id)
            self.stored_bytes -= message.size

    def _keeps_acknowledged(self, topic_id: int) -> bool:
        # Few topics; a dict by id would have to be kept right in four places.
        for topic in self.topics.values():
            if topic.id == topic_id:
                return bool(
                    topic.retention_us
                    or topic.snapshots
                    or any(each.body.retain_acked_messages for each in topic.subscriptions)
                )
        return False

    # -- publishing ----------------------------------------------------

    def publish(self, topic: TopicState, messages: Iterable[Any]) -> list[str]:
        """Put messages into the batch; await `committed()` before confirming them."""
        batch = self.batch
        ids: list[str] = []
        is_kept = self._keeps_acknowledged(topic.id)
        for message in messages:
            message_id = self.new_id()
            message.message_id = str(message_id)
            message.publish_time.seconds = message_id // 1_000_000
            message.publish_time.nanos = message_id % 1_000_000 * 1000
            payload = message.SerializeToString()
            stored = Stored(message_id, topic.id, len(payload), message.ordering_key, payload)
            ids.append(message.message_id)
            wanted = [
                each
                for each in topic.subscriptions
                if not each.body.detached and (each.matcher is None or each.matcher(message.attributes))
            ]
            if not wanted and not is_kept:
                continue
            batch.messages.append((message_id, topic.id, stored.size, stored.ordering_key, payload))
            self.stored_bytes += stored.size
            for each in wanted:
                batch.owed.setdefault(each.id, []).append(message_id)
                self._visible.append((each, stored))
        return ids

    # -- delivering ----------------------------------------------------

    def deliver(
        self,
        subscription: SubscriptionState,
        *,
        max_messages: int,
        max_bytes: int,
        lease_seconds: float | None = None,
        holder: Any = None,
        is_one_a_key: bool = False,
    ) -> list[tuple[str, bytes, int]]:
        """Lease what is ready: (ack id, payload, delivery attempt or 0)."""
        entries = subscription.queue.take(
            max_messages=max_messages,
            max_bytes=max_bytes,
            now=self.clock(),
            lease_seconds=lease_seconds or subscription.body.ack_deadline_seconds,
            holder=holder,
            is_one_a_key=is_one_a_key,
        )
        absent = [each.message.id for each in entries if each.message.payload is None]
        fetched = self.store.payloads(absent) if absent else {}
        counts = subscription.body.HasField("dead_letter_policy")
        subscription.wake()
        return [
            (
                subscription.ack_id(each),
                each.message.payload or fetched.get(each.message.id, b""),
                each.attempts if counts else 0,
            )
            for each in entries
        ]

    async def wait_ready(self, subscription: SubscriptionState, seconds: float) -> None:
        """Return when something may be ready, or after so long."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        subscription.waiters.append(waiter)
        try:
            await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            # Woken and cancelled at once: somebody else has to look instead.
            subscription.wake()
            raise

    # -- acknowledging -------------------------------------------------

    def acknowledge(self, subscription: SubscriptionState, ack_ids: Sequence[str]) -> list[str]:
        """Settle deliveries.

        Returns:
            Ack ids that are not valid any more. Without exactly-once a late
            ack still counts, as long as the message is unacknowledged.
        """
        stale: list[str] = []
        for ack_id in ack_ids:
            entry, is_current = self._entry(subscription, ack_id)
            if entry is None or (subscription.body.enable_exactly_once_delivery and not is_current):
                stale.append(ack_id)
                continue
            self.settle(subscription, entry)
        subscription.wake()
        return stale

    def modify_deadline(self, subscription: SubscriptionState, ack_ids: Sequence[str], *, seconds: int) -> list[str]:
        """Extend leases, or with 0 give messages back; returns ids not valid any more."""
        now = self.clock()
        stale: list[str] = []
        for ack_id in ack_ids:
            entry, is_current = self._entry(subscription, ack_id)
            if entry is None or not is_current:
                stale.append(ack_id)
            elif seconds > 0:
                subscription.queue.extend(entry, now + seconds)
            else:
                self._return(subscription, entry, now)
        subscription.wake()
        return stale

    def settle(self, subscription: SubscriptionState, entry: Entry) -> None:
        """A subscription no longer owes a message."""
        subscription.queue.settle(entry)
        self.batch.settled.setdefault(subscription.id, []).append(entry.message.id)
        self.disown(entry.message)

    def _entry(self, subscription: SubscriptionState, ack_id: str) -> tuple[Entry | None, bool]:
        try:
            owner, message_id, generation = (int(part, 16) for part in ack_id.split("-"))
        except ValueError:
            raise invalid(f"Invalid ack id (ack_id={ack_id[:100]!r}). Use the ack_id of a received message.") from None
        entry = subscription.queue.entries.get(message_id)
        if owner != subscription.id or entry is None:
            return None, False
        is_current = (
            entry.state is EntryState.LEASED and entry.generation == generation and entry.deadline > self.clock()
        )
        return entry, is_current

    def _return(self, subscription: SubscriptionState, entry: Entry, now: float) -> None:
        policy = subscription.body.dead_letter_policy
        if policy.dead_letter_topic:
            if entry.attempts >= policy.max_delivery_attempts and self._forward(
                subscription, entry, policy.dead_letter_topic
            ):
                return
            self.batch.attempts.append((subscription.id, entry.message.id, entry.attempts))
        subscription.queue.give_back(entry, now=now, rest_seconds=rest_seconds(subscription.body, entry.attempts))

    def _forward(self, subscription: SubscriptionState, entry: Entry, topic_name: str) -> bool:
        topic = self.topics.get(topic_name)
        if topic is None:
            return False
        payload = entry.message.payload or self.store.payloads([entry.message.id]).get(entry.message.id, b"")
        message = wire.PubsubMessage.FromString(payload)
        _, project, _, short_name = subscription.body.name.split("/")
        published = message.publish_time.ToJsonString()
        message.attributes[f"{_SOURCE}DeliveryCount"] = str(entry.attempts)
        message.attributes[f"{_SOURCE}Subscription"] = short_name
        message.attributes[f"{_SOURCE}SubscriptionProject"] = project
        message.attributes[f"{_SOURCE}TopicPublishTime"] = published
        # One batch: stored there and settled here, or neither.
        self.publish(topic, [message])
        self.settle(subscription, entry)
        return True

    # -- time ----------------------------------------------------------

    def tick(self) -> None:
        """Take back what is overdue, wake what has rested."""
        now = self.clock()
        for subscription in self.subscriptions.values():
            queue = subscription.queue
            queue.wake_rested(now)
            for entry in queue.expired(now):
                self._return(subscription, entry, now)
            if queue.has_ready:
                subscription.wake()

    async def run_clock(self) -> None:
        """Tick for ever."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self.tick()
            except Exception:  # a bug here must not end redelivery for good
                _log.exception("a tick of the emulator failed")

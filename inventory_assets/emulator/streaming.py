"""google.pubsub.v1.Subscriber/StreamingPull.

Belongs here: one stream: its flow control, its acks, its answers. Does not
belong: which messages are ready (`broker`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from google.pubsub_v1.types import pubsub

from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.states import SubscriptionState
from inventory_assets.emulator.status import invalid

_ANSWER_MESSAGES = 1_000
_ANSWER_BYTES = 4_000_000
_WAIT_SECONDS = 30.0
_Response = pubsub.StreamingPullResponse.pb()


class _Flow:
    """Messages and bytes a stream holds; the client said how many it may. 0: any number."""

    def __init__(self) -> None:
        self.max_messages = 0
        self.max_bytes = 0
        self._messages = 0
        self._bytes = 0
        self.freed = asyncio.Event()

    def hold(self, size: int) -> None:
        self._messages += 1
        self._bytes += size

    def let_go(self, size: int) -> None:
        self._messages -= 1
        self._bytes -= size
        self.freed.set()

    def room(self) -> tuple[int, int]:
        """Messages and bytes that may be sent now; messages 0: wait."""
        messages, size = _ANSWER_MESSAGES, _ANSWER_BYTES
        if self.max_messages > 0:
            messages = min(messages, self.max_messages - self._messages)
        if self.max_bytes > 0:
            size = min(size, self.max_bytes - self._bytes)
        return (max(0, messages), size) if size > 0 else (0, 0)


class StreamingPull:
    """One call."""

    def __init__(self, broker: Broker, *, find: Callable[[str], SubscriptionState], context: Any) -> None:
        self._broker = broker
        self._find = find
        self._context = context
        self._flow = _Flow()
        self._lease_seconds = 10
        # Two tasks answer on one stream; gRPC allows one write at a time.
        self._write_lock = asyncio.Lock()

    async def run(self, requests: AsyncIterator[Any]) -> None:
        """Serve until either side ends."""
        first = await anext(requests, None)
        if first is None or not first.subscription:
            raise invalid("The first request of a stream has to name a subscription.")
        if not 10 <= first.stream_ack_deadline_seconds <= 600:
            raise invalid(
                f"Invalid stream_ack_deadline_seconds: {first.stream_ack_deadline_seconds}. Expected 10 to 600."
            )
        subscription = self._find(first.subscription)
        self._flow.max_messages = first.max_outstanding_messages
        self._flow.max_bytes = first.max_outstanding_bytes
        reader = asyncio.create_task(self._read(requests, first, subscription))
        sender = asyncio.create_task(self._send(subscription))
        try:
            await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_COMPLETED)
            for task in (reader, sender):
                if task.done():
                    task.result()
        finally:
            for task in (reader, sender):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _read(self, requests: AsyncIterator[Any], first: Any, subscription: SubscriptionState) -> None:
        await self._handle(first, subscription)
        async for request in requests:
            await self._handle(request, subscription)

    async def _handle(self, request: Any, subscription: SubscriptionState) -> None:
        if request.stream_ack_deadline_seconds:
            self._lease_seconds = request.stream_ack_deadline_seconds
        if len(request.modify_deadline_seconds) != len(request.modify_deadline_ack_ids):
            raise invalid("modify_deadline_seconds and modify_deadline_ack_ids differ in length.")
        answer = _Response()
        by_seconds: dict[int, list[str]] = {}
        for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True):
            by_seconds.setdefault(seconds, []).append(ack_id)
        for seconds, ack_ids in by_seconds.items():
            stale = set(self._broker.modify_deadline(subscription, ack_ids, seconds=seconds))
            confirmation = answer.modify_ack_deadline_confirmation
            confirmation.ack_ids.extend(each for each in ack_ids if each not in stale)
            confirmation.invalid_ack_ids.extend(stale)
        if request.ack_ids:
            stale = set(self._broker.acknowledge(subscription, request.ack_ids))
            await self._broker.committed()
            done = answer.acknowledge_confirmation
            done.ack_ids.extend(each for each in request.ack_ids if each not in stale)
            done.invalid_ack_ids.extend(stale)
        is_confirmed = subscription.body.enable_exactly_once_delivery
        if is_confirmed and (request.ack_ids or by_seconds):
            await self._write(answer.SerializeToString(), subscription)

    async def _send(self, subscription: SubscriptionState) -> None:
        # At once, so that the client knows what kind of subscription this is.
        await self._write(b"", subscription)
        while True:
            self._find(subscription.body.name)
            messages, size = self._flow.room()
            if not messages:
                self._flow.freed.clear()
                await self._flow.freed.wait()
                continue
            deliveries = self._broker.deliver(
                subscription, max_messages=messages, max_bytes=size,
                lease_seconds=self._lease_seconds, holder=self._flow,
            )  # fmt: skip
            if deliveries:
                await self._write(wire.received_messages(deliveries), subscription)
            else:
                await self._broker.wait_ready(subscription, _WAIT_SECONDS)

    async def _write(self, answer: bytes, subscription: SubscriptionState) -> None:
        body = subscription.body
        properties = _Response()
        properties.subscription_properties.exactly_once_delivery_enabled = body.enable_exactly_once_delivery
        properties.subscription_properties.message_ordering_enabled = body.enable_message_ordering
        async with self._write_lock:
            # Protobuf messages concatenate: fields of both are set.
            await self._context.write(answer + properties.SerializeToString())

"""google.pubsub.v1.Subscriber, without StreamingPull (`streaming`).

Belongs here: checks of requests, long-poll, answers. Does not belong: state.
"""

import asyncio
from typing import Any

from google.pubsub_v1.types import pubsub

from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import page
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.states import SubscriptionState
from inventory_assets.emulator.status import StatusError, failed_precondition, invalid, not_found
from inventory_assets.emulator.streaming import StreamingPull

_PULL_MESSAGES = 1_000
_PULL_BYTES = 9_000_000
_PULL_SECONDS = 60.0


class SubscriberService:
    """Methods of the Subscriber service; each takes and returns plain protobuf."""

    def __init__(self, broker: Broker, *, registry: Registry, replay: Replay) -> None:
        self._broker = broker
        self._registry = registry
        self._replay = replay

    async def pull(self, request: Any, context: Any) -> bytes:
        subscription = self.pullable(request.subscription)
        if request.max_messages < 1:
            raise invalid(f"max_messages is {request.max_messages}; expected at least 1.")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _long_poll_seconds(context)
        while True:
            deliveries = self._broker.deliver(
                subscription, max_messages=min(request.max_messages, _PULL_MESSAGES), max_bytes=_PULL_BYTES
            )
            remaining = deadline - loop.time()
            if deliveries or request.return_immediately or remaining <= 0:
                break
            await self._broker.wait_ready(subscription, remaining)
            self.pullable(request.subscription)
        if deliveries:
            self._watch_sending(subscription, [ack_id for ack_id, _, _ in deliveries])
        return wire.received_messages(deliveries)

    def _watch_sending(self, subscription: SubscriptionState, ack_ids: list[str]) -> None:
        # The task of a call goes on until its answer is sent. Cancelled before that, the
        # caller hung up: nobody will ever ack these.
        def return_unsent(task: asyncio.Task[Any]) -> None:
            if task.cancelled() and not subscription.is_deleted:
                self._broker.modify_deadline(subscription, ack_ids, seconds=0)

        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(return_unsent)

    def pullable(self, name: str) -> SubscriptionState:
        """Find a subscription that may be pulled now."""
        subscription = self._movable(name)
        if subscription.body.push_config.push_endpoint:
            raise failed_precondition(
                f"Subscription {name} is a push subscription: this method is not supported for this subscription type. "
                "ModifyPushConfig with an empty push_config makes it one that is pulled."
            )
        return subscription

    def _movable(self, name: str) -> SubscriptionState:
        subscription = self._registry.subscription(name)
        if subscription.is_deleted:
            raise not_found("Subscription", name)
        subscription.used_us = self._broker.now_us()
        if subscription.body.detached:
            raise failed_precondition(f"Subscription {name} is detached from its topic. Delete it and create it again.")
        return subscription

    async def streaming_pull(self, requests: Any, context: Any) -> None:
        await StreamingPull(self._broker, find=self.pullable, context=context).run(requests)

    async def acknowledge(self, request: Any, context: Any) -> None:
        subscription = self._registry.subscription(request.subscription)
        if not request.ack_ids:
            raise invalid("No ack ids specified.")
        subscription.used_us = self._broker.now_us()
        stale = self._broker.acknowledge(subscription, request.ack_ids)
        await self._broker.committed()
        _raise_if_stale(subscription, stale)

    async def modify_ack_deadline(self, request: Any, context: Any) -> None:
        subscription = self._registry.subscription(request.subscription)
        if not request.ack_ids:
            raise invalid("No ack ids specified.")
        if not 0 <= request.ack_deadline_seconds <= 600:
            raise invalid(f"Invalid ack deadline: {request.ack_deadline_seconds} s. Expected 0 to 600.")
        stale = self._broker.modify_deadline(subscription, request.ack_ids, seconds=request.ack_deadline_seconds)
        _raise_if_stale(subscription, stale)

    async def create_subscription(self, request: Any, context: Any) -> Any:
        return await self._registry.create_subscription(request)

    async def get_subscription(self, request: Any, context: Any) -> Any:
        return self._registry.subscription(request.subscription).body

    async def update_subscription(self, request: Any, context: Any) -> Any:
        return await self._registry.update_subscription(request.subscription, request.update_mask)

    async def delete_subscription(self, request: Any, context: Any) -> None:
        await self._registry.delete_subscription(request.subscription)

    async def list_subscriptions(self, request: Any, context: Any) -> Any:
        found, token = page(
            [each.body for each in self._broker.subscriptions.values()], request, project=request.project
        )
        return pubsub.ListSubscriptionsResponse.pb()(subscriptions=found, next_page_token=token)

    async def modify_push_config(self, request: Any, context: Any) -> None:
        await self._registry.set_push_config(request.subscription, request.push_config)

    async def create_snapshot(self, request: Any, context: Any) -> Any:
        return await self._replay.create_snapshot(request.name, self._movable(request.subscription), request.labels)

    async def get_snapshot(self, request: Any, context: Any) -> Any:
        return self._replay.snapshot(request.snapshot).body

    async def update_snapshot(self, request: Any, context: Any) -> Any:
        state = self._replay.snapshot(request.snapshot.name)
        if set(request.update_mask.paths) - {"labels", "expire_time"}:
            raise invalid("Invalid update_mask. Can be: ['expire_time', 'labels'].")
        for path in request.update_mask.paths:
            state.body.ClearField(path)
        request.update_mask.MergeMessage(request.snapshot, state.body)
        await self._replay.save(state)
        return state.body

    async def list_snapshots(self, request: Any, context: Any) -> Any:
        found, token = page([each.body for each in self._replay.snapshots.values()], request, project=request.project)
        return pubsub.ListSnapshotsResponse.pb()(snapshots=found, next_page_token=token)

    async def delete_snapshot(self, request: Any, context: Any) -> None:
        await self._replay.delete_snapshot(request.snapshot)

    async def seek(self, request: Any, context: Any) -> Any:
        subscription = self._movable(request.subscription)
        if request.HasField("time"):
            await self._replay.seek_to_time(subscription, request.time.ToMicroseconds())
        elif request.snapshot:
            await self._replay.seek_to_snapshot(subscription, self._replay.snapshot(request.snapshot))
        else:
            raise invalid("No target was specified: a seek needs a time or a snapshot.")
        return pubsub.SeekResponse.pb()()


def _long_poll_seconds(context: Any) -> float:
    # An empty answer in time beats a deadline error at the caller – and a message
    # that leaves at the very deadline is lost until its lease ends.
    remaining = context.time_remaining()
    if remaining is None:
        return _PULL_SECONDS
    return min(_PULL_SECONDS, max(0.0, remaining - min(0.5, remaining * 0.2)))


def _raise_if_stale(subscription: SubscriptionState, stale: list[str]) -> None:
    # Without exactly-once, the service says nothing about acks that come too late.
    if stale and subscription.body.enable_exactly_once_delivery:
        failures = dict.fromkeys(stale, "PERMANENT_FAILURE_INVALID_ACK_ID")
        error = invalid(
            "Some acknowledgement ids in the request were invalid: the ack deadline has passed, "
            "or the message is acknowledged. It will be redelivered unless it was."
        )
        raise StatusError(error.code, error.message, ack_failures=failures)

"""Push delivery: each message of a push subscription as an HTTP POST.

Belongs here: when a message is sent, and what its status means. Does not
belong: the request itself (`post`), its token (`identity`), the queue.

As the service documents it: 102, 200, 201, 202 and 204 acknowledge; any other
status, and none within the ack deadline, gives the message back. Failures in a
row make the subscription wait, from 0.1 s to 60 s, and send one at a time until
one succeeds. One message of an ordering key is under way at a time.
"""

import asyncio
import logging
from dataclasses import dataclass

import h11

from inventory_assets.emulator import wire
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.pushing.identity import Identity
from inventory_assets.emulator.pushing.post import Headers, endpoint_of, post, unwrapped, wrapped
from inventory_assets.emulator.states import SubscriptionState

_log = logging.getLogger(__name__)

ACKNOWLEDGES = frozenset({102, 200, 201, 202, 204})
_LOOK_SECONDS = 0.05
_WAIT_SECONDS = 30.0
# Connections at once to one endpoint; the service begins with few, too, and doubles.
_FIRST_WINDOW, _LAST_WINDOW = 4, 64
_BYTES = 10_000_000
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.1, 60.0
# The request gives up at the ack deadline; its lease must not end before that is noticed.
_LEASE_MARGIN_SECONDS = 5.0


class Pusher:
    """Delivers what push subscriptions owe, for as long as it runs."""

    def __init__(self, broker: Broker, identity: Identity) -> None:
        self._broker = broker
        self._identity = identity
        # None: it was told to end.
        self._running: dict[int, tuple[bytes | None, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Follow the subscriptions for ever: those that push get a task, and a new one when their endpoint changes."""
        try:
            while True:
                self._follow()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            tasks = [task for _, task in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self) -> None:
        wanted = {
            each.id: (each.body.push_config.SerializeToString(deterministic=True), each)
            for each in self._broker.subscriptions.values()
            if each.body.push_config.push_endpoint and not each.body.detached
        }
        for subscription_id, (config, task) in list(self._running.items()):
            is_same = config is None or (subscription_id in wanted and wanted[subscription_id][0] == config)
            if task.done():
                del self._running[subscription_id]
                if not task.cancelled() and (error := task.exception()) is not None:
                    _log.error("push delivery stopped and begins anew", exc_info=error)
            elif not is_same:
                # Begun anew when it has given back what was under way.
                self._running[subscription_id] = (None, task)
                task.cancel()
        for subscription_id, (wanted_config, subscription) in wanted.items():
            if subscription_id not in self._running:
                line = _Line(self._broker, self._identity, subscription)
                self._running[subscription_id] = (wanted_config, asyncio.create_task(line.run()))


@dataclass(slots=True)
class _Pace:
    """How many requests at once, and not before when; monotonic seconds."""

    window: int = _FIRST_WINDOW
    not_before: float = 0.0
    failures: int = 0
    round: int = 0

    def succeeded(self) -> None:
        self.failures = 0
        self.window = min(_LAST_WINDOW, 2 * self.window)

    def failed(self, begun_in: int, now: float) -> None:
        # Of many that fail together, one counts: they say the same.
        if begun_in != self.round:
            return
        self.round += 1
        self.not_before = now + min(_LAST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(self.failures, 20))
        self.failures += 1
        self.window = 1


class _Line:
    """Delivery of one subscription to one endpoint."""

    def __init__(self, broker: Broker, identity: Identity, subscription: SubscriptionState) -> None:
        self._broker = broker
        self._identity = identity
        self._subscription = subscription
        self._config = subscription.body.push_config
        self._endpoint = endpoint_of(self._config.push_endpoint)
        self._pace = _Pace()

    async def run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        try:
            while self._is_meant:
                await self._send_ready(under_way)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def _is_meant(self) -> bool:
        # `Pusher` looks a moment later: what is published right after a change must not go by the old endpoint.
        body = self._subscription.body
        return not self._subscription.is_deleted and not body.detached and body.push_config == self._config

    async def _send_ready(self, under_way: set[asyncio.Task[None]]) -> None:
        pause = self._pace.not_before - self._broker.clock()
        if pause > 0:
            await asyncio.sleep(pause)
            return
        room = self._pace.window - len(under_way)
        if room <= 0:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            return
        deliveries = self._broker.deliver(
            self._subscription, max_messages=room, max_bytes=_BYTES, is_one_a_key=True,
            lease_seconds=self._subscription.body.ack_deadline_seconds + _LEASE_MARGIN_SECONDS,
        )  # fmt: skip
        for delivery in deliveries:
            task = asyncio.create_task(self._deliver(*delivery))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if not deliveries:
            await self._broker.wait_ready(self._subscription, _WAIT_SECONDS)

    async def _deliver(self, ack_id: str, payload: bytes, attempt: int) -> None:
        begun_in, is_taken = self._pace.round, False
        try:
            async with asyncio.timeout(self._subscription.body.ack_deadline_seconds):
                status = await post(self._endpoint, *self._request(payload, attempt))
            is_taken, why = status in ACKNOWLEDGES, f"the status was {status}"
        except TimeoutError:
            why = "no answer within the ack deadline"
        except (OSError, h11.ProtocolError) as error:
            why = str(error) or type(error).__name__
        except Exception as error:  # a fault of ours must wait its turn as well, not spin
            _log.exception("a push failed")
            why = repr(error)
        finally:
            self._settle(ack_id, is_taken=is_taken)
        if is_taken:
            self._pace.succeeded()
            return
        if not self._pace.failures:
            name, where = self._subscription.body.name, self._endpoint.shown
            _log.warning("push of %s to %s: %s; it is tried again", name, where, why)
        self._pace.failed(begun_in, self._broker.clock())

    def _settle(self, ack_id: str, *, is_taken: bool) -> None:
        if self._subscription.is_deleted:
            return
        if is_taken:
            self._broker.acknowledge(self._subscription, [ack_id])
        else:
            self._broker.modify_deadline(self._subscription, [ack_id], seconds=0)

    def _request(self, payload: bytes, attempt: int) -> tuple[Headers, bytes]:
        message = wire.PubsubMessage.FromString(payload)
        name = self._subscription.body.name
        if self._config.WhichOneof("wrapper") == "no_wrapper":
            has_metadata = self._config.no_wrapper.write_metadata
            headers, body = unwrapped(message, subscription=name, attempt=attempt, has_metadata=has_metadata)
        else:
            headers, body = wrapped(message, subscription=name, attempt=attempt)
        if self._config.HasField("oidc_token"):
            token = self._config.oidc_token
            signed = self._identity.token(token.service_account_email, token.audience or self._config.push_endpoint)
            headers = [*headers, ("Authorization", f"Bearer {signed}")]
        return headers, body

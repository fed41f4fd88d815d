"""From what a request comes to, to its answer: kept, published, confirmed, answered 202; and not twice.

Here: the order of these steps, and what is said where one fails. Not here: what a request comes to (`writes`), what
becomes of it (`outcome`).
"""

import asyncio
import hashlib
import json
import logging
import re
import threading
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from inventory_assets.api.http import Answer, Asked, Problem, encode
from inventory_assets.api.idempotency import Kept, Plan, Requests, RequestStoreError
from inventory_assets.changes.publish import Outlet, Publish
from inventory_assets.clock import clock_of
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.values import format_time
from inventory_assets.errors import InventoryError
from inventory_assets.messaging.errors import MessagingError, PublishError
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.api.service import Service

ORIGIN = "stock-service"
REQUEST_ID, PLACE = "request_id", "request_place"
"""Attributes of what is sent: of which request a message is, and which of its messages, from 0."""
# Publishing waits for the broker: as many wait at once, and as many more for them.
THREADS = 8
MOST_WAITING = 64
# Below what a client waits for by default: it should hear why.
PUBLISH_SECONDS = 15.0
MOST_KEY_CHARACTERS = 255
# What of a request makes it another one.
_COUNTED_HEADERS = (b"content-type", b"if-match", b"if-none-match")
_KEY = re.compile(r"[\x21-\x7e]+")
logger = logging.getLogger(__name__)

T = TypeVar("T")
MakePlan = Callable[[str], Awaitable[Plan]]
"""Of a request's id; raises Problem where nothing may be sent."""


class Writer:
    """What a process has to write with. Nothing is opened before something is written."""

    def __init__(self, settings: Settings, publish: Publish | None = None) -> None:
        self._clock = clock_of(settings)
        self._publish = publish or Outlet(settings, timeout_seconds=PUBLISH_SECONDS)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self._lock = threading.Lock()
        self._last = 0
        self._waiting = 0
        self.requests = Requests(settings, self._clock.microseconds)

    def now(self) -> int:
        """The time, in microseconds, later with each look: what is asked for later has the later position."""
        with self._lock:
            self._last = max(self._clock.microseconds(), self._last + 1)
            return self._last

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call what waits for a disk or the broker on a thread.

        Raises:
            Problem: 503, too many wait already; or the store of requests cannot be used.
        """
        if self._waiting >= MOST_WAITING:
            raise _not_now("too many requests wait for the broker; nothing was sent, ask again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)
        except RequestStoreError as error:
            logger.warning("%s", error)
            raise _not_now("requests cannot be kept now, so nothing was sent; the service's log says why") from error
        finally:
            self._waiting -= 1

    def answer_again(self, kept: Kept, fingerprint: bytes) -> Answer:
        """What a request whose key is known is answered; where nobody is at it any more, it is gone on with."""
        if kept.fingerprint != fingerprint:
            raise Problem(
                422,
                f"the Idempotency-Key {kept.idempotency_key!r} was that of another request, "
                f"{kept.request_id!r} of {format_time(kept.made_at)}; use a new one for another body",
                more={"request_id": kept.request_id},
            )
        if kept.answer is not None:
            return _accepted(kept.request_id, kept.answer, is_again=True)
        if self.requests.is_running(kept) or not self.requests.take_over(kept):
            raise Problem(
                409, f"the request with the Idempotency-Key {kept.idempotency_key!r} is being carried out; ask again",
                more={"request_id": kept.request_id}, headers=[(b"retry-after", b"1")],
            )  # fmt: skip
        return self._send(kept.request_id, kept.plan)

    def send(self, request_id: str, author: str, key: str | None, fingerprint: bytes, plan: Plan) -> Answer:
        """Keep a request and carry it out, unless another with its key was faster."""
        other = self.requests.begin(request_id, author, key, fingerprint, plan)
        return self._send(request_id, plan) if other is None else self.answer_again(other, fingerprint)

    def _send(self, request_id: str, plan: Plan) -> Answer:
        messages = [OutgoingMessage(each.topic, each.data, each.attributes, each.ordering_key) for each in plan.sent]
        try:
            message_ids = self._publish(messages)
        except Exception as error:
            self.requests.let_go(request_id)
            if not isinstance(error, MessagingError):
                raise
            logger.warning("request %s is not sent: %s", request_id, error)
            raise _not_confirmed(request_id, len(messages), error) from error
        answer = encode({
            "request_id": request_id, "outcome": "pending", "outcome_url": _place_of(request_id),
            "accepted_at_version": plan.version, **plan.said, "message_ids": message_ids,
            "event_ids": [each.event_id for each in plan.sent],
        })  # fmt: skip
        try:
            self.requests.finish(request_id, plan, message_ids, answer)
        except RequestStoreError as error:
            # It is sent, and is found by its id; asked again with its key it is sent again, and is a repeat.
            logger.warning("request %s is sent, and not recorded as such: %s", request_id, error)
        return _accepted(request_id, answer)

    def close(self) -> None:
        """Let go of everything; what is being sent ends first."""
        self._pool.shutdown()
        self.requests.close()
        if isinstance(self._publish, Outlet):
            self._publish.close()


async def accept(service: "Service", asked: Asked, make_plan: MakePlan) -> Answer:
    """Answer a request that writes.

    Raises:
        Problem: Nothing was sent; but for 503 after a broker's failure, which says so.
    """
    writer = service.writer
    key = key_of(asked)
    author, fingerprint = asked.grant.name, fingerprint_of(asked)
    if key is not None and (kept := await writer.run(writer.requests.find, author, key)) is not None:
        # Before anything is judged: by now its own effect may stand against it. But its author may be another token of
        # the same name by now.
        for warehouse in kept.plan.warehouses or (None,):
            allow(asked, warehouse)
        answer = await writer.run(writer.answer_again, kept, fingerprint)
    else:
        request_id = request_id_of(author, key, fingerprint, writer.now())
        plan = await make_plan(request_id)
        await _check_recordable(service)
        answer = await writer.run(writer.send, request_id, author, key, fingerprint, plan)
    await _record(service, asked, answer)
    return answer


def allow(asked: Asked, warehouse: str | None, where: str = "") -> None:
    """Refuse who may not write there; None is everywhere.

    Raises:
        Problem: 403.
    """
    refusal = asked.grant.refusal(Scope.WRITE, warehouse)
    if refusal is not None:
        raise Problem(refusal.status, f"{where}{refusal.detail} Nothing was sent.")


def key_of(asked: Asked) -> str | None:
    """The Idempotency-Key, if there is one.

    Raises:
        Problem: It is none.
    """
    header = asked.headers.get(b"idempotency-key")
    if header is None:
        return None
    text = header.decode("latin-1").strip()
    if not _KEY.fullmatch(text) or len(text) > MOST_KEY_CHARACTERS:
        raise Problem(
            400, f"Idempotency-Key was {text[:80]!r}, expected 1 to {MOST_KEY_CHARACTERS} visible ASCII characters"
        )
    return text


def fingerprint_of(asked: Asked) -> bytes:
    """What makes a request the same again: where it went, its body, and the headers that give that meaning."""
    headers = {
        name: value for name, value in asked.headers.items() if name in _COUNTED_HEADERS or name.startswith(b"ce-")
    }
    parts = [asked.method, asked.path, asked.query.hex(), sorted((k.hex(), v.hex()) for k, v in headers.items())]
    return hashlib.sha256(json.dumps(parts).encode() + b"\n" + asked.body).digest()


def request_id_of(author: str, key: str | None, fingerprint: bytes, now: int) -> str:
    """A request's id, from which come those of its events: the same for the same key, body and day.

    So where the store is lost between two tries, the second is a repeat. Of the day, as a key may come again when it
    is forgotten, and then means something new.
    """
    if key is None:
        return uuid.uuid4().hex
    parts = [author, key, fingerprint.hex(), format_time(now)[:10]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


async def _check_recordable(service: "Service") -> None:
    """Refuse to send what could not be recorded."""
    gate = service.gate
    if gate is None:
        return
    try:
        await service.writer.run(gate.check_writable)
    except InventoryError as error:
        logger.warning("%s", error)
        raise _not_now("writes cannot be recorded now, so nothing was sent; the service's log says why") from error


async def _record(service: "Service", asked: Asked, answer: Answer) -> None:
    """Have the audit say who wrote what."""
    gate = service.gate
    if gate is None:
        return
    sent = msgspec.json.decode(answer.body)

    def record() -> None:
        gate.record_write(
            asked.grant, method=asked.method, path=asked.path, status=answer.status, request_id=sent["request_id"],
            message_ids=sent["message_ids"],
        )  # fmt: skip

    try:
        await service.writer.run(record)
    except (InventoryError, Problem) as error:
        # It is sent, and its request is found with who made it.
        logger.error("request %s is sent, and not in the audit: %s", sent["request_id"], error)


def _accepted(request_id: str, body: bytes, *, is_again: bool = False) -> Answer:
    headers = [(b"location", _place_of(request_id).encode())]
    if is_again:
        headers.append((b"idempotency-replayed", b"true"))
    return Answer(body, 202, headers=headers)


def _place_of(request_id: str) -> str:
    return f"/v1/requests/{request_id}"


def _not_confirmed(request_id: str, count: int, error: MessagingError) -> Problem:
    confirmed = sum(each is not None for each in error.message_ids) if isinstance(error, PublishError) else 0
    again = "send the same again: with its Idempotency-Key, or with events of the same ids, nothing counts twice"
    return Problem(
        503,
        f"the broker confirmed {confirmed} of {count} messages; the others may have arrived all the same. {again}; "
        f"{_place_of(request_id)} says what arrived",
        more={"request_id": request_id, "confirmed": confirmed, "messages": count},
        headers=[(b"retry-after", b"2"), (b"location", _place_of(request_id).encode())],
    )


def _not_now(detail: str) -> Problem:
    return Problem(503, detail, headers=[(b"retry-after", b"1")])

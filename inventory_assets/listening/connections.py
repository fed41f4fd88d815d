"""One client must not take a service from the others: limits of time and number for each connection.

Here: what happens before a request is whole, which no handler sees. Not here: who may ask, nor how a service words
what it refuses.
"""

import asyncio
import json
import resource
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inventory_assets.addresses import is_loopback

# A head is one packet, a body a megabyte at most: who takes longer holds a place on purpose, or has left.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
# Who does not take what is left of an answer for so long is cut off.
CLOSE_SECONDS = 10.0
# Ten thousand streams, and those that ask beside them.
MAX_CONNECTIONS = 12_000
# Of one address, unless it is this machine: a proxy, or a test.
MAX_PER_CLIENT = 2_000
# Beside those, for who asks how the service fares.
SPARE = 32
HEALTH = frozenset({b"/health", b"/healthz"})
SWEEP_SECONDS = 1.0
# Files of the lake, the journal, the catalog: a process that has no more descriptors answers nobody.
OWN_FILES = 200

Head = Iterable[tuple[bytes, bytes]]
Refusing = Callable[[int, str], tuple[Head, bytes]]
"""How a service says no: headers and body of a status and a sentence."""


def refuse(status: int, why: str) -> tuple[Head, bytes]:
    """As JSON, with no more than what any answer needs."""
    return [(b"content-type", b"application/json"), (b"cache-control", b"no-store")], json.dumps(
        {"error": why}
    ).encode()


def bounded(refusing: Refusing = refuse, *, most: int = MAX_CONNECTIONS) -> Any:
    """What uvicorn takes for `http`: the protocol, with the places of one server.

    Args:
        refusing: How it says no.
        most: How many connections at once; fewer where the process may not open so many files.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY:
        most = min(most, max(allowed - OWN_FILES, allowed // 2))
    return partial(BoundedProtocol, places=Places(most), refusing=refusing)


class Places:
    """How many connections there are, and of whom; which of them wait."""

    def __init__(self, most: int = MAX_CONNECTIONS, per_client: int = MAX_PER_CLIENT, spare: int = SPARE) -> None:
        self._most = most
        self._per_client = per_client
        self._spare = spare
        self._of: dict[str, int] = {}
        self._all: dict[BoundedProtocol, None] = {}
        # Without a request, those that have waited longest first.
        self._waiting: dict[BoundedProtocol, None] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def take(self, each: "BoundedProtocol") -> bool | None:
        """Count a connection; whether it may ask for anything (True), for health (False), or must go (None)."""
        who = each.who
        self._all[each] = None
        self._of[who] = self._of.get(who, 0) + 1
        self.wait(each)
        if self._sweeper is None:
            self._sweeper = each.loop.call_later(SWEEP_SECONDS, self._sweep, each.loop)
        is_one_too_many = self._of[who] > self._per_client and not is_loopback(who)
        if not is_one_too_many and len(self._all) <= self._most:
            return True
        if self._make_room(who if is_one_too_many else None, each):
            return True
        # Nobody makes room by it: what it holds is no place of the others.
        self._waiting.pop(each, None)
        return False if len(self._all) <= self._most + self._spare else None

    def wait(self, each: "BoundedProtocol") -> None:
        """Note that a connection has no request."""
        self._waiting.pop(each, None)
        self._waiting[each] = None

    def work(self, each: "BoundedProtocol") -> None:
        """Note that a connection has one."""
        self._waiting.pop(each, None)

    def give(self, each: "BoundedProtocol") -> None:
        """Forget a connection."""
        self._waiting.pop(each, None)
        if self._all.pop(each, each) is each:
            return
        left = self._of.get(each.who, 0) - 1
        if left > 0:
            self._of[each.who] = left
        else:
            self._of.pop(each.who, None)

    def _make_room(self, who: str | None, instead_of: "BoundedProtocol") -> bool:
        for each in self._waiting:
            if each is not instead_of and (who is None or each.who == who) and not each.transport.is_closing():
                each.transport.close()
                self._waiting.pop(each)
                return True
        return False

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for each in list(self._all):
            each.look(now)
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep, loop) if self._all else None


class Joined:
    """A transport that sends the head of an answer with what comes right after it.

    uvicorn writes them one after the other: two calls into the kernel, which cost a small answer more than all else.
    """

    __slots__ = ("_head", "_loop", "_to", "is_closing")

    def __init__(self, to: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._to = to
        self._loop = loop
        self._head = b""
        self.is_closing = to.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)

    def write(self, data: bytes) -> None:
        """Send, a head with the first bytes after it, or by itself where none come at once."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._to.write(data)

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._to.close()

    def _flush(self) -> None:
        if self._head:
            data, self._head = self._head, b""
            self._to.write(data)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP with an end to every wait for a client, and a place for the next one."""

    def __init__(self, *args: Any, places: Places, refusing: Refusing = refuse, **more: Any) -> None:
        super().__init__(*args, **more)
        self._places = places
        self._refusing = refusing
        self._end_at: float | None = None
        self._may: bool | None = True
        self._is_begun = False
        self.who = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; where there are too many, the one that has waited longest without a request goes."""
        super().connection_made(transport)
        self.transport: Any = Joined(transport, self.loop)
        self.who = self.client[0] if self.client else ""
        self._end_at = self.loop.time() + HEAD_SECONDS
        self._may = self._places.take(self)
        if self._may is None:
            self._turn_away(503, "too many connections at once; come again in a moment")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._places.give(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Wait for the rest of a head only so long."""
        super().on_message_begin()
        self._is_begun = True
        self._places.work(self)
        if self._end_at is None:
            self._end_at = self.loop.time() + HEAD_SECONDS

    def on_headers_complete(self) -> None:
        """Wait for a body only so long; on a spare place answer only how it fares."""
        if not self._may and self.url.partition(b"?")[0] not in HEALTH:
            self._turn_away(503, "too many connections at once; come again in a moment")
            return
        self._end_at = self.loop.time() + BODY_SECONDS
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._end_at = None
        self._is_begun = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        if self._may:
            self._places.wait(self)
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Say that this was no HTTP, with the headers that every answer has."""
        self._turn_away(400, msg)

    def look(self, now: float) -> None:
        """End what has waited too long."""
        if self._end_at is None or now < self._end_at:
            # An answer that was whole, and is still not taken.
            if self.transport.is_closing() and self._end_at is None:
                self._end_at = now + CLOSE_SECONDS
            return
        if self.transport.is_closing():
            self.transport.abort()
            return
        self._end_at = now + CLOSE_SECONDS
        is_answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if is_answered or not self._is_begun:
            self.transport.close()
        else:
            self._turn_away(408, "the request did not come to its end in time")

    def _turn_away(self, status: int, why: str) -> None:
        if self.transport.is_closing():
            return
        phrase = HTTPStatus(status).phrase
        own, body = self._refusing(status, why)
        head = [*own, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        lines = [b"HTTP/1.1 %d %s" % (status, phrase.encode()), *(b"%s: %s" % each for each in head), b"", b""]
        self.transport.write(b"\r\n".join(lines) + body)
        self.transport.close()

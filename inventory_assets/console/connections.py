"""One client must not take the console from the others: limits of time and number for each connection.

Here: what happens before a request is whole, which no handler sees. Not here: who may ask (`guard`).
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from inventory_assets.console.guard import SECURITY_HEADERS

# A head is one packet, a body eight megabytes at most: who takes longer holds a place on purpose, or has left.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
MAX_CONNECTIONS = 256
# Half: whatever one address holds, others get in. A proxy in front opens far fewer.
MAX_PER_CLIENT = 128


class BoundedProtocol(H11Protocol):
    """HTTP with an end to every wait for a client, and a place for the next one."""

    _timer: asyncio.TimerHandle | None = None
    _waits_for: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; where there are too many, the one that has waited longest without a request goes."""
        super().connection_made(transport)
        others = [each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self]
        mine = [each for each in others if each.client and self.client and each.client[0] == self.client[0]]
        for held, most in ((mine, MAX_PER_CLIENT), (others, MAX_CONNECTIONS)):
            if len(held) >= most and not _drop_idle(held):
                self._turn_away(503, "too many connections at once; come again in a moment")
                return
        self._began = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest only so long."""
        super().data_received(data)
        if not self.transport.is_closing():
            self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Say that this was no HTTP, with the headers that every answer has."""
        self._turn_away(400, msg)

    @property
    def is_waiting(self) -> bool:
        """Whether no request of it is whole or being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        state = self.conn.their_state
        if state is self._waits_for and self._timer is not None:
            return  # what it trickles in buys no time
        self._stop_timer()
        seconds = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}.get(state)
        if seconds is not None:
            self._waits_for = state
            self._timer = self.loop.call_later(seconds, self._end)

    def _end(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        is_asking = self.cycle is None or bool(self.conn.trailing_data[0]) or not self.is_waiting
        if is_asking and (self.is_waiting or not self.cycle.response_started):
            self._turn_away(408, "the request did not come to its end in time")
        else:
            self.transport.close()

    def _turn_away(self, status: int, why: str) -> None:
        if self.transport.is_closing():
            return
        body = b'{"error": "%s"}' % why.encode()
        head = {
            "Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close",
            "Cache-Control": "no-store", **SECURITY_HEADERS,
        }  # fmt: skip
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _drop_idle(held: Iterable[Any]) -> bool:
    idle = [each for each in held if each.is_waiting and not each.transport.is_closing()]
    if idle:
        min(idle, key=lambda each: each._began).transport.close()
    return bool(idle)

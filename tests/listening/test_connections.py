"""Limits of connections: who may come, who must go, and that health is answered in any case."""

import asyncio

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from inventory_assets.listening.connections import (
    BODY_SECONDS,
    CLOSE_SECONDS,
    HEAD_SECONDS,
    BoundedProtocol,
    Joined,
    Places,
)

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Wire:
    """A transport in memory."""

    def __init__(self, client):
        self.client, self.sent, self.is_closed, self.is_aborted = client, b"", False, False
        self.writes = 0

    def get_extra_info(self, name):
        return {"peername": (self.client, 5), "sockname": ("127.0.0.1", 80)}.get(name)

    def is_closing(self):
        return self.is_closed

    def write(self, part):
        self.sent += part
        self.writes += 1

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_closed = self.is_aborted = True

    def set_protocol(self, protocol): ...
    def pause_reading(self): ...
    def resume_reading(self): ...


async def _app(scope, receive, send):
    message = await receive()
    if message["type"] == "http.disconnect":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Server:
    """Takes connections as the server does."""

    def __init__(self, places):
        self.config = Config(_app, log_config=None)
        self.state, self.places = ServerState(), places

    def connect(self, client="127.0.0.1"):
        each = BoundedProtocol(config=self.config, server_state=self.state, app_state={}, places=self.places)
        each.connection_made(Wire(client))
        return each


def _within(places, what):
    async def run():
        await what(Server(places))

    asyncio.run(run())


async def _asks(each, path=b"/x"):
    each.data_received(GET % path)
    for _ in range(3):
        await asyncio.sleep(0)
    return each.transport.sent


def test_the_one_that_has_waited_longest_makes_room():
    async def what(server):
        first, second = server.connect(), server.connect()
        await _asks(first)  # it waits from now on
        third = server.connect()

        assert [False, True, False] == [each.transport.is_closed for each in (first, second, third)]

    _within(Places(most=2, spare=0), what)


def test_where_all_are_busy_only_health_is_answered():
    async def what(server):
        for _ in range(2):
            server.connect().data_received(b"GET / HTTP/1.1\r\n")
        spare, other, none = server.connect(), server.connect(), server.connect()

        assert b" 200 " in await _asks(spare, b"/health")
        assert b" 503 " in await _asks(other)
        assert b" 503 " in none.transport.sent and none.transport.is_closed

    _within(Places(most=2, spare=2), what)


@pytest.mark.parametrize(("client", "is_let"), [("10.0.0.1", False), ("127.0.0.1", True)])
def test_one_address_has_a_share(client, is_let):
    async def what(server):
        for _ in range(2):
            server.connect(client).data_received(b"GET / HTTP/1.1\r\n")
        assert (b" 200 " in await _asks(server.connect(client))) is is_let

    _within(Places(most=10, per_client=2, spare=0), what)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"", HEAD_SECONDS),
        (b"GET / HT", HEAD_SECONDS),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", BODY_SECONDS),
    ],
)
def test_who_is_slow_is_ended(sent, seconds):
    async def what(server):
        each = server.connect()
        if sent:
            each.data_received(sent)
        now = server.places and each.loop.time()
        each.look(now + seconds - 1)
        assert not each.transport.is_closed
        each.look(now + seconds + 1)
        assert each.transport.is_closed and (b" 408 " in each.transport.sent) is bool(sent)
        each.look(now + seconds + CLOSE_SECONDS + 2)
        assert each.transport.is_aborted

    _within(Places(), what)


def test_a_place_is_given_back():
    async def what(server):
        for _ in range(5):
            each = server.connect("10.0.0.1")
            assert b" 200 " in await _asks(each)
            each.connection_lost(None)

    _within(Places(most=1, per_client=1, spare=0), what)


def test_a_head_goes_with_its_body_or_alone_in_the_same_turn_of_the_loop():
    async def sent() -> list[tuple[bytes, int]]:
        found = []
        for parts in ([b"HTTP/1.1 200 OK\r\n\r\n", b"body", b"more"], [b"HTTP/1.1 304 Not Modified\r\n\r\n"]):
            wire = Wire("127.0.0.1")
            joined = Joined(wire, asyncio.get_running_loop())
            for part in parts:
                joined.write(part)
            await asyncio.sleep(0)
            found.append((wire.sent, wire.writes))
        wire = Wire("127.0.0.1")
        joined = Joined(wire, asyncio.get_running_loop())
        joined.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        joined.close()
        return [*found, (wire.sent, wire.writes)]

    assert asyncio.run(sent()) == [
        (b"HTTP/1.1 200 OK\r\n\r\nbodymore", 2), (b"HTTP/1.1 304 Not Modified\r\n\r\n", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
    ]  # fmt: skip

"""`GET /v1/stream` over sockets: what a client sees, and what becomes of one that does not read."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.access.gate import Gate
from inventory_assets.access.tokens import make_token, revoke_token
from inventory_assets.api.app import Api
from inventory_assets.api.door import Door
from inventory_assets.api.hub import Hub
from inventory_assets.api.service import Service
from inventory_assets.domain.access.grants import Scope
from inventory_assets.listening.server import Server
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings
from tests.api.asking import Answered, ask, get
from tests.streaming import Changes, begun, go_on

T = TypeVar("T")

# A second of the hub is a twentieth of one: what is told once a second is told at once for a test.
QUICK = 20


class _Shop:
    """The service over a picture without a lake."""

    def __init__(self, settings: Settings) -> None:
        self.live = Live(settings)
        self.service = Service(settings, self.live)
        self.service.gate = Gate(settings)
        self.service.streams = Hub(
            self.live, most=10, most_of_token=2, judge=self.service._judge, monotonic=lambda: time.monotonic() * QUICK
        )  # fmt: skip
        self.picture = self.live.picture = begun()
        self.app = Api(self.service, Door((), self.service.gate))
        self.port = 0

    def change(self, change: Changes) -> None:
        self.live._tell(go_on(self.picture, change))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["_Shop"]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(self.app, log_level="error", lifespan="off")
        self.server = Server(config, self.service.streams.close)
        running = asyncio.create_task(self.server._serve([listener]))
        try:
            while not self.server.started:
                await asyncio.sleep(0.01)
            yield self
        finally:
            self.server.should_exit = True
            await running
            assert self.service.gate is not None
            self.service.gate.close()

    async def open(self, address: str = "/v1/stream", *, head: str = "", version: str = "1.1") -> "_Client":
        client = _Client(*await asyncio.open_connection("127.0.0.1", self.port))
        client.writer.write(f"GET {address} HTTP/{version}\r\nHost: localhost\r\n{head}\r\n".encode())
        client.head = (await client.reader.readuntil(b"\r\n\r\n")).decode()
        return client


class _Client:
    """Who reads events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head = ""
        self.text = ""

    async def next(self) -> dict[str, str]:
        """The next event; a comment is none."""
        while True:
            while "\n\n" not in self.text:
                size = int(await self.reader.readline(), 16)
                if size == 0:
                    return {"event": "none"}
                self.text += (await self.reader.readexactly(size + 2))[:-2].decode()
            block, _, self.text = self.text.partition("\n\n")
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            if "event" in fields:
                return fields


@pytest.fixture
def shop(settings: Settings) -> _Shop:
    return _Shop(settings)


def _run(listening: Coroutine[Any, Any, T], loops: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(listening)


@pytest.fixture(params=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> Any:
    """What uvicorn may run on: their transports are of two kinds."""
    return None if request.param == "asyncio" else pytest.importorskip("uvloop").new_event_loop


def test_changes_come_as_they_are_made_with_the_version_as_their_id(shop, loops):
    async def listen() -> list[dict[str, str]]:
        async with shop.serving():
            client = await shop.open("/v1/stream?sku=A&sku=B&warehouse=W1")
            assert "text/event-stream" in client.head and "x-accel-buffering: no" in client.head
            first = await client.next()
            shop.change([("W1", "A", False), ("W2", "A", False), ("W1", "C", False), ("W1", "B", True)])
            return [first, await client.next()]

    start, changes = _run(listen(), loops)

    assert ("start", "1", {"version": 1, "epoch": 1}) == (start["event"], start["id"], json.loads(start["data"]))
    told = json.loads(changes["data"])
    assert ("changes", "2", 2) == (changes["event"], changes["id"], told["version"])
    assert [("W1", "A", 2)] == [(row["warehouse_id"], row["sku"], row["on_hand"]) for row in told["stock"]]
    assert [("B", "firing", 2)] == [
        (row["sku"], row["state"], row["message"]["current_stock"]) for row in told["alerts"]
    ]


@pytest.mark.parametrize(
    ("address", "head"), [("?last_event_id=2", ""), ("", "Last-Event-ID: 2\r\n"), ("?last_event_id=1", "last-event-id: 2\r\n")]
)  # fmt: skip
def test_who_comes_back_is_told_what_changed_meanwhile(shop, address, head):
    """By the header as browsers send it, which counts before the address that they came with first."""
    for sku in "ABC":
        shop.change([("W1", sku, False)])

    async def listen() -> dict[str, str]:
        async with shop.serving():
            return await (await shop.open(f"/v1/stream{address}", head=head)).next()

    told = _run(listen())

    assert ("changes", "4") == (told["event"], told["id"])
    assert ["B", "C"] == [row["sku"] for row in json.loads(told["data"])["stock"]]


def test_a_reader_that_stops_is_closed_and_nobody_waits_for_it(shop, loops):
    """With a socket whose buffers are full: what was not taken is kept from it, up to 1 MB."""

    async def listen() -> tuple[list[int], int]:
        async with shop.serving():
            stuck = socket.socket()
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stuck.connect(("127.0.0.1", shop.port))
            stuck.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            reads = await shop.open()
            ids = [int((await reads.next())["id"])]
            while len(shop.service.streams) < 2:
                await asyncio.sleep(0.01)
            while len(shop.service.streams) == 2:
                shop.change([("W1", f"S-{number}", False) for number in range(3_000)])
                ids.append(int((await reads.next())["id"]))
            stuck.settimeout(5)
            left = 0
            with pytest.raises(ConnectionResetError):
                while part := stuck.recv(65_536):
                    left += len(part)
            return ids, left

    ids, left = _run(listen(), loops)

    assert ids == list(range(1, len(ids) + 1))
    assert 1 == shop.service.streams.dropped
    assert left < 2_000_000


def test_a_server_that_ends_says_so_and_waits_for_no_stream(shop, loops):
    async def listen() -> list[str]:
        async with shop.serving():
            client = await shop.open()
            await client.next()
        return [(await client.next())["event"], (await client.next())["event"]]

    assert ["end", "none"] == _run(listen(), loops)


def test_who_leaves_is_forgotten(shop):
    async def listen() -> None:
        async with shop.serving():
            client = await shop.open()
            assert 1 == len(shop.service.streams)
            client.writer.close()
            while len(shop.service.streams):
                await asyncio.sleep(0.01)

    _run(listen())


def _bearer(secret: str) -> str:
    return f"Authorization: Bearer {secret}\r\n"


def test_a_token_of_some_warehouses_hears_of_those_and_of_no_others(settings):
    _, secret = make_token(settings, "south", Scope.READ, warehouses=["W2"])
    shop = _Shop(settings)

    async def listen() -> tuple[str, dict[str, str]]:
        async with shop.serving():
            refused = await shop.open("/v1/stream?warehouse=W1&warehouse=W2", head=_bearer(secret))
            client = await shop.open(head=_bearer(secret))
            await client.next()
            shop.change([("W1", "A", False), ("W2", "B", False), ("W1", "A", True)])
            return refused.head, await client.next()

    head, told = _run(listen())

    assert head.startswith("HTTP/1.1 403")
    data = json.loads(told["data"])
    assert (["W2"], []) == ([row["warehouse_id"] for row in data["stock"]], data["alerts"])


def test_a_token_that_is_revoked_ends_its_streams_and_no_others(settings):
    token, secret = make_token(settings, "gone", Scope.READ)
    _, other = make_token(settings, "other", Scope.READ)
    shop = _Shop(settings)

    async def listen() -> tuple[dict[str, str], dict[str, str], str]:
        async with shop.serving():
            clients = [await shop.open(head=_bearer(each)) for each in (secret, other)]
            for client in clients:
                await client.next()
            revoke_token(settings, token.token_id)
            ended = await clients[0].next()
            shop.change([("W1", "A", False)])
            again = await shop.open(head=_bearer(secret))
            return ended, await clients[1].next(), again.head

    ended, other_told, again = _run(listen())

    assert ("end", "token") == (ended["event"], json.loads(ended["data"])["reason"])
    assert "changes" == other_told["event"]
    assert again.startswith("HTTP/1.1 401")


def test_who_listened_without_a_token_ends_when_the_first_is_made(shop, settings):
    async def listen() -> dict[str, str]:
        async with shop.serving():
            client = await shop.open()
            await client.next()
            make_token(settings, "first", Scope.READ)
            return await client.next()

    assert "end" == _run(listen())["event"]


def test_more_streams_than_a_token_may_have_are_refused(settings):
    _, secret = make_token(settings, "many", Scope.READ)
    shop = _Shop(settings)

    async def listen() -> list[str]:
        async with shop.serving():
            clients = [await shop.open(head=_bearer(secret)) for _ in range(3)]
            return [client.head.split("\r\n")[0] for client in clients]

    assert ["HTTP/1.1 200 OK"] * 2 + ["HTTP/1.1 429 Too Many Requests"] == _run(listen())


def test_http_1_0_is_told_what_to_set(shop):
    """nginx speaks it by default to what is behind it, and would wait for the end of the body."""

    async def listen() -> str:
        async with shop.serving():
            client = await shop.open(version="1.0")
            return client.head + (await client.reader.read()).decode()

    said = _run(listen())

    assert " 505 " in said.split("\r\n")[0]
    assert "proxy_http_version 1.1" in said


def _refused(shop: _Shop, path: str, **headers: str) -> tuple[int, str]:
    answered: Answered = get(shop.app, path, headers=headers)
    return answered.status, answered.json["detail"]


@pytest.mark.parametrize(
    ("path", "headers", "where"),
    [
        ("/v1/stream?alerts=some", {}, "query.alerts"),
        ("/v1/stream?last_event_id=x", {}, "query.last_event_id"),
        ("/v1/stream?last_event_id=-1", {}, "query.last_event_id"),
        ("/v1/stream?skus=A", {}, "query.skus"),
        ("/v1/stream?sku=", {}, "query.sku"),
        ("/v1/stream?sku=%ff", {}, "query.sku"),
        ("/v1/stream?sku=" + "A" * 300, {}, "query.sku"),
        ("/v1/stream?" + "&".join(f"sku={number}" for number in range(1_001)), {}, "query.sku"),
        ("/v1/stream", {"last-event-id": "latest"}, "header.last-event-id"),
        ("/v1/stream", {"last-event-id": "9" * 40}, "header.last-event-id"),
    ],
)
def test_what_is_wrong_with_a_question_is_said_where(shop, path, headers, where):
    status, detail = _refused(shop, path, **headers)

    assert (422, True) == (status, detail.startswith(where)), detail


@given(
    st.lists(
        st.tuples(st.sampled_from(["warehouse", "sku", "alerts", "last_event_id", "x"]), st.text(max_size=20)),
        max_size=4,
    ),
    st.none() | st.text(st.characters(max_codepoint=255), max_size=20),
)
def test_whatever_is_asked_of_a_stream_is_answered_or_refused(fields, known):
    """What schemathesis does for all else: it cannot ask what never ends."""
    service = Service(Settings(), live := Live(Settings()))
    live.picture = begun()
    headers = {} if known is None else {"last-event-id": known}

    answered = ask(Api(service, Door()), "HEAD", f"/v1/stream?{urlencode(fields)}", headers=headers)

    assert answered.status in (200, 422)


def test_a_head_is_an_answer_and_no_stream(shop):
    """As is a server that is not uvicorn: it is said, and nothing hangs."""
    answered = ask(shop.app, "HEAD", "/v1/stream")
    status, detail = _refused(shop, "/v1/stream")

    assert (200, "text/event-stream", b"") == (answered.status, answered.headers["content-type"], answered.body)
    assert (501, True) == (status, "uvicorn" in detail)
    assert 0 == len(shop.service.streams)


def test_before_there_is_a_picture_nobody_listens(shop):
    shop.live.picture = None

    assert 503 == _refused(shop, "/v1/stream")[0]

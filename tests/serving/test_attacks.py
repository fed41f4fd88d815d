"""Who holds connections or breaks them off takes nothing from the others, and every answer has its headers."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from inventory_assets.console.access import Access
from inventory_assets.console.guard import SECURITY_HEADERS
from inventory_assets.listening import connections
from inventory_assets.listening.connections import bounded
from inventory_assets.serving.app import build_together, turn_away
from tests.messaging.brokers import eventually


@contextlib.contextmanager
def serving(settings) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = build_together(settings, Access(frozenset({"localhost"})), publish=lambda *_: None, keep_seconds=0)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", ws="none", loop="asyncio", http=bounded(turn_away))
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


def ask(port: int, text: str) -> str:
    """What comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(text.encode("latin-1"))
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def get(path: str, **headers: str) -> str:
    named = {"Host": "localhost", "Connection": "close", **headers}
    return f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"


def status(answer: str) -> int:
    return int(answer.split()[1])


def test_half_sent_requests_keep_nobody_out(settings, engine):
    engine.lake.watermark()
    with serving(settings) as port, contextlib.ExitStack() as held:
        for _ in range(300):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")

        answers = [status(ask(port, get(path))) for path in ("/healthz", "/api/stats")]

    assert [200, 200] == answers


@pytest.mark.parametrize(
    "half", ["GET / HTTP/1.1\r\nHost: loc", "POST /api/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
             "application/json\r\nContent-Length: 99\r\n\r\n{"],
)  # fmt: skip
def test_a_request_comes_to_its_end_in_time(settings, engine, monkeypatch, half):
    engine.lake.watermark()
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.4)
    with serving(settings) as port:
        begun = time.monotonic()
        answer = ask(port, half)

    assert time.monotonic() - begun < 10
    assert 408 == status(answer)
    assert all(f"{name}: {value}".lower() in answer.lower() for name, value in SECURITY_HEADERS.items())


@pytest.mark.parametrize(
    ("expected", "request_"),
    [
        (400, "no http\r\n\r\n"), (404, get("/part/explain/../../x")), (404, get("/part/explain/UNKNOWN")),
        (421, get("/", Host="evil.example")),
        (403, get("/api/commands", Origin="http://[").replace("GET", "POST", 1)),
        (421, get("/", Host="[")),
    ],
)  # fmt: skip
def test_every_error_leaves_through_the_same_headers(settings, engine, caplog, expected, request_):
    engine.lake.watermark()
    with serving(settings) as port, caplog.at_level(logging.ERROR):
        answer = ask(port, request_)

    assert expected == status(answer)
    assert all(f"{name}: {value}".lower() in answer.lower() for name, value in SECURITY_HEADERS.items())


def test_a_body_broken_off_is_no_failure_of_ours(settings, engine):
    engine.lake.watermark()
    with serving(settings) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(
                b"POST /api/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 999\r\n\r\n{"
            )
        assert 200 == status(ask(port, get("/healthz")))

"""A console on a free port over a lake of the test's own, and a browser's or a program's requests to it.

Belongs here: starting, asking, taking in. Does not belong: what must be answered.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
import uvicorn

from inventory_assets.console.access import Access, access_of
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.serving.app import build_together
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.conftest import OpenFilled
from tests.messaging.memory import InMemoryBroker

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON; fails if it is none."""
        return json.loads(self.text)


class Client:
    """Asks a console, as `dana` if nobody else is named."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", port, timeout=PATIENCE_SECONDS, retries=False)

    def ask(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request as it is; `content_type` and its like become headers."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        got = self._pool.request(method, path, body=body, headers=names, redirect=False)
        return Answer(got.status, got.data.decode(), {name.lower(): value for name, value in got.headers.items()})

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path."""
        return self.ask("GET", path, **headers)

    def send(self, method: str, path: str, document: object = None, *, author: str = "dana", **headers: str) -> Answer:
        """Write as a program does: JSON, and who asks."""
        body = b"" if document is None else json.dumps(document).encode()
        return self.ask(method, path, body=body, content_type="application/json", x_author=author, **headers)


def start(settings: Settings, access: Access, broker: InMemoryBroker | None) -> tuple[uvicorn.Server, int, Any]:
    """Start a console in a thread of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = build_together(settings, access, publish=None if broker is None else broker.publish, keep_seconds=0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    return server, listener.getsockname()[1], thread


@pytest.fixture
def open_console(settings: Settings, broker: InMemoryBroker) -> Iterator[Callable[..., Client]]:
    """Start consoles on the test's lake; all are ended afterwards."""
    started: list[tuple[uvicorn.Server, Any]] = []

    def open_(access: Access | None = None) -> Client:
        server, port, thread = start(settings, access or access_of("127.0.0.1", None), broker)
        started.append((server, thread))
        return Client(port)

    yield open_
    for server, thread in started:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
def console(open_console: Callable[..., Client]) -> Client:
    """A console on the test's lake, published to the broker in memory."""
    return open_console()


@pytest.fixture
def shop(open_filled: OpenFilled) -> Engine:
    """A lake with one LOW_STOCK alert at W1 and one STOCKOUT at W2, of S1 and S2."""
    return open_filled(_trade)


def _trade(engine: Engine) -> None:
    engine.commit_burst(messages(rule(10, 20), level(100), level(50, sku="S2", warehouse_id="W2")))
    engine.commit_burst(
        messages(transaction("T1", quantity=-95), transaction("T2", quantity=-50, sku="S2", warehouse_id="W2"))
    )


def take_in(engine: Engine, broker: InMemoryBroker) -> None:
    """What the burst loop does with all that was published."""
    Ingest(engine, broker, broker).run(max_seconds=PATIENCE_SECONDS, wait_seconds=0.0, until_empty=True)


def alert_ids(client: Client, query: str = "") -> list[str]:
    """Ids of alerts, the worst first."""
    return [row["alert_id"] for row in client.get(f"/api/alerts{query}").json]


def escaped(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")

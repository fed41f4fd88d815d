"""A push service on a free port, over a home of the test's own, and requests to it.

Belongs here: starting and asking. Does not belong: what must be answered.
"""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import urllib3
import uvicorn

from inventory_assets.listening.connections import bounded
from inventory_assets.push.app import build_app
from inventory_assets.push.keys import KeySet
from inventory_assets.settings import Settings
from tests.messaging.memory import InMemoryBroker
from tests.push.issuer import AUDIENCE, EMAIL, NOW, jwks, token

PATIENCE_SECONDS = 60.0


@dataclass
class Service:
    """A service, its broker, and how often it asked for keys."""

    settings: Settings
    broker: InMemoryBroker = field(default_factory=InMemoryBroker)
    fetches: int = 0
    keys: Callable[[], bytes] = jwks
    port: int = 0

    def fetch(self, place: str) -> bytes:
        self.fetches += 1
        return self.keys()

    def ask(
        self, path: str, body: bytes = b"", *, bearer: str | None = None, method: str = "POST", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers; with a good token unless another is given, "" for none."""
        bearer = token() if bearer is None else bearer
        all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            all_headers["Authorization"] = f"Bearer {bearer}"
        answer = self.pool.request(method, path, body=body, headers=all_headers)
        names = {name.lower(): value for name, value in answer.headers.items()}
        # What is refused by its length alone is refused before us.
        is_json = names["content-type"] == "application/json"
        return answer.status, json.loads(answer.data) if is_json else answer.data, names

    def push(self, path: str, data: bytes, **fields: Any) -> tuple[int, Any, dict[str, str]]:
        """Ask as Pub/Sub does."""
        return self.ask(path, wrapped(data, **fields))

    @property
    def pool(self) -> urllib3.HTTPConnectionPool:
        return urllib3.HTTPConnectionPool("127.0.0.1", self.port, timeout=PATIENCE_SECONDS, retries=False)


def wrapped(data: bytes, **fields: Any) -> bytes:
    """A message in Pub/Sub's wrapper."""
    message = {"data": base64.b64encode(data).decode(), "messageId": "7", **fields}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """A service whose clock stands still, with a broker in memory."""
    found = Service(replace(settings, push_audience=(AUDIENCE,), push_accounts=(EMAIL,)))
    listener = socket.create_server(("127.0.0.1", 0))
    found.port = listener.getsockname()[1]
    app = build_app(found.settings, found.broker.publish, keys=KeySet("keys", fetch=found.fetch), now=lambda: NOW)
    config = uvicorn.Config(
        app, log_level="critical", ws="none", lifespan="off", http=bounded(), timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield found
    server.should_exit = True
    thread.join(PATIENCE_SECONDS)

"""A stock service without a socket: requests as its routes get them, answers as they give them, taken in on cue."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from inventory_assets.api import outcome, writes
from inventory_assets.api.http import Answer, Asked, Problem
from inventory_assets.api.routes import Routes
from inventory_assets.api.service import Service
from inventory_assets.api.writing.sending import REQUEST_ID
from inventory_assets.changes.publish import Publish
from inventory_assets.domain.access.grants import Grant, Scope, implied_by
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.picture.live import Live
from tests.messaging.memory import InMemoryBroker

PATIENCE_SECONDS = 60.0


def somebody(name: str = "dana", *warehouses: str) -> Grant:
    """A token to write with; of all warehouses if none is named."""
    return Grant(name=name, scopes=implied_by(Scope.WRITE), warehouses=frozenset(warehouses) or None, token_id="t1")


@dataclass
class Got:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Writing:
    """Asks one process of the service."""

    def __init__(self, engine: Engine, broker: InMemoryBroker, publish: Publish | None = None) -> None:
        self.engine, self.broker = engine, broker
        self.service = Service(engine.settings, Live(engine.settings), publish or broker.publish)
        self._routes = Routes((*writes.ROUTES, *outcome.ROUTES))

    @property
    def sent(self) -> list[OutgoingMessage]:
        """What was published of requests; alerts leave by the same broker."""
        return [each for each in self.broker.published if REQUEST_ID in each.attributes]

    def show(self) -> None:
        """Bring the picture up to date."""

        async def follow() -> None:
            while await self.service.live.step():
                pass

        asyncio.run(follow())

    def take_in(self) -> None:
        """What the burst loop does with all that was published; the picture then shows it."""
        ingest = Ingest(self.engine, self.broker, self.broker)
        ingest.run(max_seconds=PATIENCE_SECONDS, wait_seconds=0.0, until_empty=True)
        self.show()

    def ask(
        self, method: str, path: str, body: object = None, *, by: Grant | None = None,
        headers: Mapping[str, str] | None = None, content_type: str = "application/json",
    ) -> Got:  # fmt: skip
        """Send a request; a body that is no bytes goes as JSON."""
        given = {name.lower().encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        if body is not None:
            given.setdefault(b"content-type", content_type.encode())
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        raw, _, query = path.partition("?")
        return asyncio.run(self._ask(method, raw, query, given, data, by or somebody()))

    async def _ask(self, method: str, raw: str, query: str, headers: dict[bytes, bytes], body: bytes, by: Grant) -> Got:
        try:
            route, values = self._routes.find(method, raw.encode())
            asked = Asked(method, values, query.encode(), headers, body, by, "127.0.0.1", raw)
            result: Any = route.handler(self.service, asked)
            found: Answer = await result
        except Problem as problem:
            found = problem.answer()
        return Got(
            found.status, json.loads(found.body),
            {name.decode(): value.decode() for name, value in found.headers},
        )  # fmt: skip

    def outcome(self, sent: Got, by: Grant | None = None) -> dict[str, Any]:
        """What became of what was answered 202."""
        assert (202, f"/v1/requests/{sent.body['request_id']}") == (sent.status, sent.headers["location"])
        return self.ask("GET", sent.headers["location"], by=by).body


def place_of(warehouse: str, sku: str) -> str:
    """The path of a shelf."""
    return f"/v1/inventory/{quote(warehouse, safe='')}/{quote(sku, safe='')}"


def cloudevent(type_: str, id_: str = "e1", **data: object) -> dict[str, Any]:
    """A CloudEvent of R3."""
    return {
        "specversion": "1.0", "id": id_, "source": "/warehouse", "type": f"warehouse.{type_}",
        "time": "2022-04-20T09:00:00Z", "data": {"warehouse_id": "W1", "sku": "S1", **data},
    }  # fmt: skip

"""Ask the service in this process: no socket, no server; and a picture without a lake."""

import asyncio
import gzip
from collections.abc import Sequence
from typing import Any

import msgspec

from inventory_assets.api.app import Api
from inventory_assets.api.door import Door
from inventory_assets.api.service import Service
from inventory_assets.api.table import ROUTES
from inventory_assets.domain.picture.picture import Picture, Step
from inventory_assets.domain.picture.rows import Stock, Sums
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings

SECOND = 1_000_000


class Answered:
    """An answer as a client has it."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode("latin-1") for name, value in messages[0]["headers"]}
        self.body = b"".join(each.get("body", b"") for each in messages[1:])

    @property
    def json(self) -> Any:
        """The body, unpacked."""
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return msgspec.json.decode(body)


async def ask_within(
    app: Any, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None,
    parts: Sequence[bytes] | None = None,
) -> Answered:  # fmt: skip
    """Ask on a loop that runs."""
    raw, _, query = path.partition("?")
    content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    chunks = list(parts if parts is not None else [content])
    given = {"host": "localhost", **({} if body is None else {"content-type": "application/json"}), **(headers or {})}
    scope = {
        "type": "http", "method": method, "path": raw, "raw_path": raw.encode(), "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 5), "scheme": "http",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answered(sent)


def ask(app: Any, method: str, path: str, body: Any = None, **more: Any) -> Answered:
    """Ask once."""
    return asyncio.run(ask_within(app, method, path, body, **more))


def get(app: Any, path: str, **more: Any) -> Answered:
    """Ask for something."""
    return ask(app, "GET", path, **more)


def post(app: Any, path: str, body: Any, **more: Any) -> Answered:
    """Ask with a body."""
    return ask(app, "POST", path, body, **more)


def stock(warehouse: str = "W1", sku: str = "S1", on_hand: int = 10, version: int = 1, **more: Any) -> Stock:
    """A row of stock."""
    base = {
        "reserved": 0, "inbound": 0, "is_active": True, "department_id": "D", "category_id": "C", "brand_id": "B",
        "product_id": "P", "is_restock_in_progress": False, "is_unstated_key": False, "last_event_us": SECOND,
    }  # fmt: skip
    return Stock(warehouse_id=warehouse, sku=sku, on_hand=on_hand, version=version, **(base | more))


def sums(
    level: str, level_id: str, on_hand: int, version: int = 1, *, warehouse: str | None = None, count: int = 1,
    parent: str | None = None,
) -> Sums:  # fmt: skip
    """A row of sums."""
    return Sums(warehouse, level, level_id, parent, on_hand, 0, 0, count, version)


class Served:
    """The service over a picture that a test makes; there is no lake behind it."""

    def __init__(self, settings: Settings, *, kept_changes: int = 1_000, names: Sequence[str] = ()) -> None:
        self.live = Live(settings)
        self.service = Service(settings, self.live)
        self.picture = Picture(7, kept_changes=kept_changes)
        self.app = Api(self.service, Door(names), ROUTES)

    def start(self, version: int = 1, at: int = SECOND, **rows: Any) -> "Served":
        """Show a first version."""
        self.picture.start(version, [(version, at)], rows)
        self.live.picture = self.picture
        return self

    def step(self, at: int = 2 * SECOND, **rows: Any) -> int:
        """Show the next version; which it is."""
        version = self.picture.version + 1
        self.picture.apply(Step(version, at, rows))
        return version

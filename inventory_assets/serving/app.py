"""One application of two: the console, and the stock service at its own paths, over one picture.

Each keeps its own rules of who may write and what is answered; who may come in is decided by the same tokens.
"""

from typing import Any

from inventory_assets.api.app import Api
from inventory_assets.api.http import PROBLEM, Problem
from inventory_assets.api.service import Service
from inventory_assets.api.table import ROUTES
from inventory_assets.changes.publish import Publish
from inventory_assets.console.access import Access
from inventory_assets.console.app import build_app
from inventory_assets.console.guard import ALL_HEADERS, Guard
from inventory_assets.console.keeping import KEEP_SECONDS
from inventory_assets.domain.picture.picture import KEPT_CHANGES
from inventory_assets.picture.live import Live
from inventory_assets.serving.door import ConsoleDoor
from inventory_assets.serving.serve import SERVICE_PAGE
from inventory_assets.settings import Settings

_PAGES = frozenset({b"/v1", SERVICE_PAGE.encode()})
OWN = frozenset(route.path.split("/")[1].encode() for route in ROUTES) - {b""}
"""What the service's paths begin with; none of the console's does."""


class Together:
    """The console and the service."""

    def __init__(self, console: Guard, api: Api) -> None:
        self.console = console
        self.api = api

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request to whose it is; begin and end both."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            await self.console(scope, receive, send)
            return
        # As it was asked for: the path as decoded is another where a slash was escaped.
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if raw in _PAGES:
            scope = {**scope, "path": "/", "raw_path": b"/"}
        elif raw[1:].partition(b"/")[0] not in OWN:
            await self.console(scope, receive, send)
            return
        await self.api(scope, receive, send)

    def end_streams(self) -> None:
        """End what would not end by itself."""
        self.console.app.state.console.news.close()  # type: ignore[attr-defined]
        self.api.service.streams.close()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self.api.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.api.stop()
        self.console.app.state.console.close()  # type: ignore[attr-defined]
        await send({"type": "lifespan.shutdown.complete"})


def build_together(
    settings: Settings, access: Access, *, publish: Publish | None = None, keep_seconds: float = KEEP_SECONDS,
    kept_changes: int = KEPT_CHANGES,
) -> Together:  # fmt: skip
    """Build the application of one process.

    Args:
        settings: Which lake, which broker.
        access: Who may ask.
        publish: Where changes leave; None is the product's own publisher.
        keep_seconds: How long an answer of the console serves others too.
        kept_changes: How many rows that were replaced are kept.
    """
    live = Live(settings, kept_changes=kept_changes)
    service = Service(settings, live, publish)
    service.gate = access.gate
    console = build_app(settings, access, publish=publish, keep_seconds=keep_seconds, live=live)
    return Together(console, Api(service, ConsoleDoor(access)))


def turn_away(status: int, why: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of what is refused before it is a request: whose it would be is not known."""
    refused = Problem(status, why, more={"error": why}).answer()
    headers = [(name.lower().encode(), value.encode()) for name, value in ALL_HEADERS.items()]
    return [(b"content-type", PROBLEM), *headers], refused.body

"""Put the console together: routes, guard, errors, and what opens and closes with it."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import duckdb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inventory_assets.changes.publish import Publish
from inventory_assets.clock import machine_microseconds
from inventory_assets.console.access import Access
from inventory_assets.console.api.endpoints import ENDPOINTS
from inventory_assets.console.api.openapi import Endpoint
from inventory_assets.console.guard import Guard, refuse
from inventory_assets.console.keeping import KEEP_SECONDS
from inventory_assets.console.pages.handlers import routes as page_routes
from inventory_assets.console.pages.rendering import error_page
from inventory_assets.console.parts import Console
from inventory_assets.console.problems import KNOWN, Refused, to_refused
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings

# A file of 20,000 rules has some 4 MB.
MAX_BODY = 8_000_000
logger = logging.getLogger(__name__)


def build_app(
    settings: Settings, access: Access, *, publish: Publish | None = None, keep_seconds: float = KEEP_SECONDS,
    live: Live | None = None, now: Callable[[], int] = machine_microseconds,
) -> Guard:  # fmt: skip
    """Build the console's application.

    Args:
        settings: Which lake, which broker.
        access: Who may ask.
        publish: Where changes leave; None is the product's own publisher.
        keep_seconds: How long an answer serves others too.
        live: The newest picture, which somebody else keeps up to date; None asks the lake for everything.
        now: The machine's clock, in microseconds: by it something is behind.
    """
    console = Console(settings, access, publish=publish, keep_seconds=keep_seconds, live=live, now=now)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        console.close()

    app = Starlette(
        routes=_routes(),
        exception_handlers={
            Exception: _fail,
            ClientDisconnect: _gone,
            HTTPException: _answer_http,
            **dict.fromkeys(KNOWN, _answer_known),
        },
        lifespan=lifespan,
        max_body_size=MAX_BODY,
    )  # fmt: skip
    # `/alerts/x/` is another id than `/alerts/x`.
    app.router.redirect_slashes = False
    app.state.console = console
    app.state.endpoints = ENDPOINTS
    # Outermost, so that the answer to a failure has its headers too.
    return Guard(app, access)


def _routes() -> list[BaseRoute]:
    def route(endpoint: Endpoint) -> Route:
        path = endpoint.path.replace("{alert_id}", "{alert_id:path}")
        return Route(path, endpoint.handler, methods=[endpoint.method])

    # An id may hold slashes, so what ends in a known word is looked for first.
    ordered = sorted(ENDPOINTS, key=lambda each: "{alert_id}" in each.path and not each.is_write)
    return [*(route(each) for each in ordered), *page_routes()]


async def _answer_known(request: Request, error: Exception) -> Response:
    if isinstance(error, duckdb.Error | PermissionError):
        logger.warning("%s: the lake could not be read: %s", request.url.path, error)
    return _refused(request, to_refused(error))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: "there is nothing here", 405: "this can only be read", 413: "the body was too big"}
    return _refused(request, Refused(error.status_code, what.get(error.status_code, error.detail)))


async def _gone(request: Request, error: Exception) -> Response:
    # Nobody reads this; without it, a body broken off would be logged as a failure of ours.
    return _refused(request, Refused(400, "the request was broken off"))


async def _fail(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _refused(request, Refused(500, "something went wrong here; the console's log has the details"))


def _refused(request: Request, refused: Refused) -> Response:
    if request.url.path.startswith(("/api/", "/healthz")) or request.method not in ("GET", "HEAD"):
        more = {"problems": refused.problems} if refused.problems else {}
        return refuse(refused.status, refused.why, **more)
    return error_page(request, refused)

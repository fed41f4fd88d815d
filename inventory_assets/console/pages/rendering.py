"""Turn a template into an answer: escaping always on, the same head on every page, files of our own by name."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from inventory_assets.clock import clock_of
from inventory_assets.console.http import console_of, holder_of
from inventory_assets.console.pages import views
from inventory_assets.console.pictured import Shown, health_row
from inventory_assets.console.problems import Refused
from inventory_assets.console.questions import health, list_connectors
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.words.alerts import CONDITIONS
from inventory_assets.words.notifications import KINDS
from inventory_assets.words.templates import make_environment
from inventory_assets.words.text import spaced
from inventory_assets.words.times import ago, clock_sentence

Handler = Callable[[Request], Awaitable[Response]]
HERE = Path(__file__).parents[1]
# Named here, so that no path comes out of a request.
FILES = {
    "console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml",
    "alerts.js": "text/javascript", "replenish.css": "text/css", "replenish.js": "text/javascript",
    "overview.css": "text/css",
}  # fmt: skip


@cache
def templates() -> Environment:
    """The console's templates."""
    return make_environment(
        "inventory_assets.console",
        filters={
            "moment": views.moment, "machine": views.machine_time, "ago": ago, "plain": views.plain,
            "words": lambda text: spaced(text).lower(),
        },
        values={
            "href": views.href, "rule_href": views.rule_href, "alert_href": views.alert_href, "static": static_href,
            "notification_kinds": KINDS, "conditions": CONDITIONS, "limit": views.limit,
        },
    )  # fmt: skip


@cache
def static_file(name: str) -> tuple[bytes, str]:
    """A file of ours, and a mark of its content."""
    content = (HERE / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


def static_href(name: str) -> str:
    """Where a file of ours is; another content is another address."""
    return f"/static/{name}?v={static_file(name)[1]}"


async def static(request: Request) -> Response:
    """Serve one of `FILES`."""
    name = request.path_params["name"]
    if name not in FILES:
        raise Refused(404, "there is nothing here")
    # Asked for by its mark, it never changes; asked for without, look again.
    lasts = "max-age=31536000, immutable" if "v" in request.query_params else "no-cache"
    return Response(static_file(name)[0], media_type=FILES[name], headers={"Cache-Control": lasts})


async def page(
    request: Request, template: str, place: str, values: Mapping[str, Any], status: int = 200, *,
    shown: Shown | None = None,
) -> Response:  # fmt: skip
    """Render a page of a part of the console, its `place`; `shown` is its version where the picture says it."""
    console = console_of(request)
    clock = clock_of(console.settings)
    try:
        # Not behind another page's long question.
        asks = console.health_door.ask
        lake = await asks("health", health) if shown is None else health_row(shown)
        connectors = views.connectors_view(await asks("connectors", list_connectors), clock.today())
        lags = await console.lags() if place else []
    except LakeMissingError:
        lake, connectors, lags = None, views.NO_CONNECTORS, []
    text = templates().get_template(template).render(
        **values, place=place, lake=lake, connectors=connectors, lags=lags,
        clock=clock_sentence(clock.today(), clock.speed), has_token=console.access.is_needed,
        holder=holder_of(request), path=request.url.path,
    )  # fmt: skip
    mark = f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers={"ETag": mark})
    return HTMLResponse(text, status, {"ETag": mark})


def kept(handler: Handler) -> Handler:
    """A handler of a page that is made once for each version and token, however many look at it."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        console = console_of(request)
        picture = await console.pictured.picture()
        if picture is None:
            return await handler(request)
        name = (
            request.method, request.scope.get("raw_path") or request.url.path, request.scope["query_string"],
            request.headers.get("if-none-match"), getattr(request.state, "grant", None), picture.epoch, picture.version,
        )  # fmt: skip
        return await console.pages.ask(name, lambda: handler(request))

    return handle


def part(template: str, values: Mapping[str, Any]) -> Response:
    """Render a piece of a page that is fetched by itself."""
    return HTMLResponse(templates().get_template(template).render(**values))


def error_page(request: Request, refused: Refused) -> Response:
    """A page that says what is wrong, in the same frame."""
    text = templates().get_template("error.html").render(
        place="", lake=None, connectors=views.NO_CONNECTORS, lags=[], has_token=False, path=request.url.path,
        status=refused.status, why=refused.why,
    )  # fmt: skip
    return HTMLResponse(text, refused.status)

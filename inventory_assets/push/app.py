"""Routes and statuses of the push service.

    POST /adjustments       a pushed message, published to an input topic
    POST /alerts            a pushed alert, recorded
    POST /reports[/DAY]     the report of a day, yesterday's by default
    GET  /healthz           that it lives; nothing else is open

2xx: done and durable. 400, 413: never will be. 401, 403: who asks is not let in.
503: not now. Pub/Sub sends all but 2xx again, and after its policy's attempts
to the dead-letter topic.
"""

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

import duckdb
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inventory_assets.clock import clock_of, machine_seconds
from inventory_assets.domain.json_values import to_json
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.push.days import DayError, ReportBusyError, read_day, report_of_day
from inventory_assets.push.intake import Adjustments, Alerts, Publish, RubbishError
from inventory_assets.push.keys import KeySet, KeysUnavailableError
from inventory_assets.push.tokens import FORBIDDEN, Expected, Reason, TokenRefusedError, bearer_of, check_token
from inventory_assets.push.wrapper import NotPushedError, read_push
from inventory_assets.reports.publish import PAGE_NAME
from inventory_assets.settings import Settings

# 10 MB as base64, and its attributes.
MAX_BODY = 15_000_000
# More at once are told to come again: each may bring a body of that size.
MAX_RUNNING = 64
RETRY_AFTER_SECONDS = 5
QUIET_SECONDS = 60.0
logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Take = Callable[[Any], dict[str, Any]]
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def build_app(
    settings: Settings, publish: Publish, *, keys: KeySet | None = None, now: Callable[[], float] = machine_seconds
) -> Starlette:
    """Build the service's application.

    Args:
        settings: Whom to believe, which lake, where alerts go.
        publish: Publishes, and waits for the confirmation.
        keys: The issuer's keys; None is what the settings say.
        now: Seconds since the epoch, for tokens.
    """
    quiet = _Quiet()
    door, later = _Door(settings, keys or KeySet(settings.push_keys), now, quiet), _later(quiet)
    adjustments, alerts = Adjustments(publish, settings.push_topic), Alerts(settings.pushed_uri)

    async def report(request: Request) -> Response:
        day = read_day(request.path_params.get("day"), clock_of(settings).today())
        made, is_new = await run_in_threadpool(report_of_day, settings, day)
        return _answer({
            "report": made.kind, "date": made.date, "title": made.title, "headline": made.headline,
            "version": made.lake_version, "as_of": made.as_of, "is_new": is_new,
            "page": f"{settings.reports_uri}/{made.folder}/{PAGE_NAME}",
        })  # fmt: skip

    async def health(request: Request) -> Response:
        return _answer({"status": "ok"})

    routes = [
        Route("/adjustments", door.guarded(_taking(adjustments.take)), methods=["POST"]),
        Route("/alerts", door.guarded(_taking(alerts.take)), methods=["POST"]),
        Route("/reports", door.guarded(report), methods=["POST"]),
        Route("/reports/{day}", door.guarded(report), methods=["POST"]),
        Route("/healthz", health),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Exception: _fail,
            ClientDisconnect: _refuse(400),
            HTTPException: _answer_http,
            **dict.fromkeys((NotPushedError, RubbishError, DayError), _refuse(400)),
            **dict.fromkeys((LakeError, MessagingError, ReportBusyError, KeysUnavailableError, OSError), later),
            duckdb.Error: later,
        },
        max_body_size=MAX_BODY,
    )  # fmt: skip
    app.router.redirect_slashes = False
    return app


def _taking(take: Take) -> Handler:
    async def handle(request: Request) -> Response:
        pushed = read_push(await request.body())
        return _answer(await run_in_threadpool(take, pushed))

    return handle


class _Door:
    """Lets in who has a good token; before anything of the request's body is read."""

    def __init__(self, settings: Settings, keys: KeySet, now: Callable[[], float], quiet: "_Quiet") -> None:
        self._expected = Expected(
            issuer=settings.push_issuer, audiences=frozenset(settings.push_audience),
            accounts=frozenset(settings.push_accounts),
        )  # fmt: skip
        self._keys = keys
        self._now = now
        self._running = 0
        self._quiet = quiet

    def guarded(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            if self._running >= MAX_RUNNING:
                return _error(503, "too many requests at once; come again in a moment")
            self._running += 1
            try:
                # In a thread: the keys may have to be fetched.
                await run_in_threadpool(self._check, request.headers.getlist("authorization"))
                return await handler(request)
            except TokenRefusedError as error:
                return self._refuse(error)
            finally:
                self._running -= 1

        return handle

    def _check(self, headers: list[str]) -> None:
        # Two may be told apart by what stands before us in another way than by us.
        token = bearer_of(headers[0] if len(headers) == 1 else "")
        check_token(token, self._expected, self._keys.verify, now=self._now())

    def _refuse(self, error: TokenRefusedError) -> Response:
        if count := self._quiet.count(error.reason):
            logger.warning("%s; %d of that kind since the last line", error, count)
        if error.reason in FORBIDDEN:
            return _error(403, str(error))
        answer = _error(401, str(error))
        answer.headers["WWW-Authenticate"] = (
            "Bearer" if error.reason is Reason.MISSING else 'Bearer error="invalid_token"'
        )
        return answer


class _Quiet:
    """Says once a minute what happens over and over: refusals must not fill a disk, however many. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Hashable, int] = {}
        self._said_at: dict[Hashable, float] = {}

    def count(self, reason: Hashable) -> int:
        """Count one more; how many since the last line if it is time for one, else 0."""
        with self._lock:
            now, count = time.monotonic(), self._counts.get(reason, 0) + 1
            is_due = now - self._said_at.get(reason, -QUIET_SECONDS) >= QUIET_SECONDS
            self._counts[reason] = 0 if is_due else count
            if is_due:
                self._said_at[reason] = now
            return count if is_due else 0


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(to_json(body), status, _HEADERS)


def _error(status: int, why: str) -> Response:
    answer = _answer({"error": why}, status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _refuse(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(request: Request, error: Exception) -> Response:
        return _error(status, str(error) or "the request was broken off")

    return refuse


def _later(quiet: _Quiet) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def later(request: Request, error: Exception) -> Response:
        # What was not durable comes again, so nothing is lost; who runs this has to know why.
        if count := quiet.count(type(error).__name__):
            logger.warning(
                "%r is not done now: %s; %d of that kind since the last line", request.url.path, error, count
            )
        return _error(503, "this could not be done now, and nothing was acknowledged; the service's log says why")

    return later


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: "there is nothing here", 405: "ask with POST", 413: f"the body had over {MAX_BODY:,} bytes"}
    return _error(error.status_code, what.get(error.status_code, error.detail))


async def _fail(request: Request, error: Exception) -> Response:
    logger.error("%s failed", request.url.path, exc_info=error)
    return _error(500, "something went wrong here; the service's log has the details")

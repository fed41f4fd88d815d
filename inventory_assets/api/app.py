"""The stock service as an ASGI application: a door, a route, an answer. No framework: its cost is that of the answer.

A handler that does not await runs on the event loop from beginning to end, and the picture changes on that loop only:
so what it reads is of one version.
"""

import asyncio
import inspect
import logging
import re
import zlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter
from typing import Any

import duckdb

from inventory_assets.access.gate import Gate
from inventory_assets.api.door import Door, check_once
from inventory_assets.api.http import PROBLEM, Answer, Asked, Problem, encode, read_tags, tag_of
from inventory_assets.api.reading import read_path
from inventory_assets.api.routes import Route, Routes
from inventory_assets.api.service import Service
from inventory_assets.api.table import ROUTES
from inventory_assets.lake.errors import LakeError
from inventory_assets.picture.apart import ReadApart
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings

# A thousand ids of 256 bytes, and a batch of events.
MAX_BODY = 1_000_000
# Below, gzip costs more than it saves; its quickest level makes a list a fifth as long.
GZIP_FROM, GZIP_LEVEL = 1_000, 1
_NO_GZIP = re.compile(rb"gzip\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?:,|$)")
COMMON = (
    (b"cache-control", b"no-cache"),
    (b"vary", b"accept-encoding, authorization"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_RETRY = [(b"retry-after", b"1")]
logger = logging.getLogger(__name__)


class Api:
    """The application of one process."""

    def __init__(self, service: Service, door: Door, routes: Sequence[Route] = ROUTES) -> None:
        self.service = service
        self._door = door
        self._routes = Routes(routes)
        self._following: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; begin and end with the server."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        began = perf_counter()
        method: str = scope["method"]
        sent = scope["headers"]
        headers: dict[bytes, bytes] = dict(sent)
        path, result, epoch = "other", None, 0
        try:
            self._door.check_name(headers.get(b"host", b""))
            check_once(headers, sent)
            raw = scope.get("raw_path") or scope["path"].encode()
            route, values = self._routes.find("GET" if method == "HEAD" else method, raw)
            path = route.path
            client = scope["client"][0] if scope["client"] else "unknown"
            grant = self._door.enter(method, route.scope, headers, client=client)
            for name, value in zip(route.names, values, strict=True):
                read_path(name, value)
            body = b""
            if method not in ("GET", "HEAD"):
                body = await _read(receive, headers.get(b"content-length"))
            asked = Asked(
                method, values, scope["query_string"], headers, body, grant, client, raw.decode("latin-1")
            )  # fmt: skip
            picture = self.service.live.picture
            epoch = 0 if picture is None else picture.epoch
            result = route.handler(self.service, asked)
            if type(result) is not Answer:
                if inspect.isawaitable(result):
                    result = await result
                if not isinstance(result, Answer):
                    assert callable(result)
                    # From its first byte on it is its own.
                    await result(scope, receive, send)
                    self._count(path, method, 200, began)
                    return
        except _Gone:
            return
        except Exception as error:
            result = _of_error(error, scope)
        status, head, content = finish(result, method, headers, epoch)
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})
        self._count(path, method, status, began)

    def _count(self, path: str, method: str, status: int, began: float) -> None:
        self.service.metrics.count(path, method if method in _METHODS else "other", status, perf_counter() - began)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Begin to follow the lake; answers that need it are refused until it has been read once."""
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                await self.service.live.follow()
            except Exception:
                # A fault of ours: it is said, and what is shown gets old, which /health says.
                logger.exception("the picture is not brought up to date")
                self.service.live.failure = "something went wrong here; the log has the details"
                await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """End what `start` began."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        self.service.close()
        self._door.close()


def build_app(
    settings: Settings, *, names: Collection[str] = (), workers: int = 1, routes: Sequence[Route] = ROUTES,
    begun: ReadApart | None = None,
) -> Api:  # fmt: skip
    """Build the application of one process.

    Args:
        settings: Which lake.
        names: Which it goes by, beside bare addresses and `localhost`.
        workers: How many processes answer alike: each allows its part of a token's rate.
        routes: What can be asked.
        begun: As of `Follower`.
    """
    gate = Gate(settings, parts=workers)
    service = Service(settings, Live(settings, is_apart=True, begun=begun))
    service.gate = gate
    return Api(service, Door(names, gate), routes)


def finish(
    result: Answer, method: str, asked: dict[bytes, bytes], epoch: int
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What is sent of an answer: status, headers, body."""
    status, body = result.status, result.body
    head = [(b"content-type", result.content_type), *result.headers]
    if result.headers:
        own = {name for name, _ in result.headers}
        head += [each for each in COMMON if each[0] not in own]
    else:
        head += COMMON
    is_gzipped = (
        len(body) >= GZIP_FROM
        and b"gzip" in (accepted := asked.get(b"accept-encoding", b""))
        and not _NO_GZIP.search(accepted)
    )
    if result.shows is not None:
        head.append((b"lake-version", b"%d" % result.shows))
    if result.version is not None and status == 200 and method in ("GET", "HEAD"):
        head.append((b"etag", tag_of(epoch, result.version, is_gzipped=is_gzipped)))
        known = asked.get(b"if-none-match")
        if known is not None and (known.strip() == b"*" or (epoch, result.version) in read_tags(known)):
            return 304, head[1:], b""
    if is_gzipped:
        compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
        body = compressor.compress(body) + compressor.flush()
        head.append((b"content-encoding", b"gzip"))
    head.append((b"content-length", b"%d" % len(body)))
    return status, head, b"" if method == "HEAD" else body


def turn_away(status: int, why: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of what is refused before it is a request."""
    refused = Problem(status, why).answer()
    return [(b"content-type", refused.content_type), *COMMON], refused.body


class _Gone(Exception):
    """Who asked has left."""


async def _read(receive: Any, length: bytes | None) -> bytes:
    if length is not None and (not length.isdigit() or int(length) > MAX_BODY):
        raise _too_long()
    body = b""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body = message.get("body", b"")
        if not message.get("more_body", False) and not parts:
            break
        parts.append(body)
        size += len(body)
        if size > MAX_BODY:
            raise _too_long()
        if not message.get("more_body", False):
            return b"".join(parts)
    if len(body) > MAX_BODY:
        raise _too_long()
    return body


def _too_long() -> Problem:
    return Problem(413, f"the body had over {MAX_BODY:,} bytes; send less at once", headers=[(b"connection", b"close")])


def _of_error(error: Exception, scope: Any) -> Answer:
    if isinstance(error, Problem):
        return error.answer()
    if isinstance(error, LakeError | duckdb.Error):
        logger.warning("%s %r: the lake could not be asked: %s", scope["method"], scope["path"], error)
        return Problem(503, "the lake could not be asked; the log says why. Try again.", headers=_RETRY).answer()
    logger.error("%s %r failed", scope["method"], scope["path"], exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = {"type": "about:blank", "title": status.phrase, "status": int(status)}
    return Answer(encode({**body, "detail": "something went wrong here; the log has the details"}), int(status),
                  content_type=PROBLEM)  # fmt: skip

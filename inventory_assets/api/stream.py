"""`GET /v1/stream`: changes as server-sent events, from now on, or from the version that is known."""

import asyncio
import socket
from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from inventory_assets.api.door import allow
from inventory_assets.api.http import Answer, Asgi, Asked, Problem
from inventory_assets.api.reading import Id, read_query, wrong
from inventory_assets.api.routes import Route
from inventory_assets.api.service import Service
from inventory_assets.domain.picture.stream import Wanted
from inventory_assets.domain.values import InvalidValue, read_id

EVENTS = b"text/event-stream"
MOST_IDS = 1_000
# What the kernel keeps for a reader that does not read; it doubles it. A second of all changes fits.
SEND_BUFFER = 256 * 1024
_MANY = (b"warehouse", b"sku")
_Ids = Annotated[list[Id], msgspec.Meta(max_length=MOST_IDS, description="may be given several times")]
_Known = Annotated[int, msgspec.Meta(ge=0, le=2**53, description="as the header Last-Event-ID, which goes first")]
_HEAD = [
    (b"content-type", EVENTS),
    (b"cache-control", b"no-store"),
    # Else nginx keeps what comes until it has a page of it.
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which changes to tell: without a filter of all that the token may see.

    With `alerts=only` no stock, with `alerts=none` no alerts.
    """

    warehouse: _Ids | None = None
    sku: _Ids | None = None
    alerts: Literal["only", "none"] | None = None
    last_event_id: _Known | None = None


def stream(service: Service, asked: Asked) -> Answer | Asgi:
    """Changes, as they come."""
    question = _read(asked.query)
    wanted = _wanted(question, asked.grant)
    since = _since(asked.headers.get(b"last-event-id"), question)
    _ = service.picture
    service.streams.check_room(asked.grant)
    if asked.method == "HEAD":
        return Answer(headers=_HEAD[1:], content_type=EVENTS)
    return _Listening(service, wanted, since, asked.grant)


class _Listening:
    """Sends for itself: the head as any answer, and then straight to the connection."""

    def __init__(self, service: Service, wanted: Wanted, since: int | None, grant: Any) -> None:
        self._service = service
        self._wanted = wanted
        self._since = since
        self._grant = grant

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("http_version") == "1.0":
            raise Problem(505, "a stream needs HTTP/1.1; behind nginx set proxy_http_version 1.1")
        transport = transport_of(send)
        await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
        hub = self._service.streams
        hub.start()
        joined = hub.join(self._wanted, self._since, transport, self._grant)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            hub.leave(joined)


def transport_of(send: Any) -> asyncio.WriteTransport:
    """The connection behind uvicorn's `send`, which can wait only; whoever wraps it must leave streams alone.

    Raises:
        Problem: 501, another server runs this.
    """
    transport: asyncio.WriteTransport | None = getattr(getattr(send, "__self__", None), "transport", None)
    # uvloop's is a transport by what it can.
    if not hasattr(transport, "get_write_buffer_size"):
        raise Problem(501, "streams are served by uvicorn only, and `send` was not its own; run inventory serve api")
    assert transport is not None
    found = transport.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return transport


def _read(query: bytes) -> Listen:
    many: dict[bytes, list[str]] = {name: [] for name in _MANY}
    rest = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name in many:
            many[name].append(_id(name.decode(), value))
        else:
            rest.append(part)
    for name, ids in many.items():
        if len(ids) > MOST_IDS:
            raise wrong(f"query.{name.decode()}", f"there {len(ids)} times", f"at most {MOST_IDS}")
    question = read_query(Listen, b"&".join(rest))
    return msgspec.structs.replace(question, **{name.decode(): ids or None for name, ids in many.items()})


def _id(name: str, value: bytes) -> str:
    try:
        return read_id(name, unquote_to_bytes(value.replace(b"+", b" ")).decode())
    except UnicodeDecodeError:
        raise wrong(f"query.{name}", "no UTF-8", "UTF-8, encoded with %") from None
    except InvalidValue as error:
        raise wrong(f"query.{name}", error.detail, "an id of 1 to 256 bytes, as messages have it") from None


def _wanted(question: Listen, grant: Any) -> Wanted:
    warehouses = None if question.warehouse is None else frozenset(question.warehouse)
    if warehouses is None:
        warehouses = grant.warehouses
    else:
        for warehouse in sorted(warehouses):
            allow(grant, warehouse)
    return Wanted(
        warehouses=warehouses, skus=None if question.sku is None else frozenset(question.sku),
        stock=question.alerts != "only", alerts=question.alerts != "none",
    )  # fmt: skip


def _since(header: bytes | None, question: Listen) -> int | None:
    # Who comes back sends the address it came with, and in the header how far it got since.
    if header is None:
        return question.last_event_id
    if not header.isdigit() or len(header) > 15:
        raise wrong(
            "header.last-event-id", repr(header[:80].decode("latin-1")), "the id of an event of a stream: a version"
        )  # fmt: skip
    return int(header)


ROUTES = (
    Route("GET", "/v1/stream", stream, "Changes of stock and alerts, as server-sent events.", query=Listen),
)  # fmt: skip

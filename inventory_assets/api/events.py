"""Server-sent events as they stand on the wire: each a chunk of an HTTP/1.1 body, so that the same bytes do for many.

Not here: who is sent what (`hub`).
"""

from collections.abc import Collection
from enum import StrEnum

from inventory_assets.api.http import encode
from inventory_assets.api.rows import alert_of, stock_of
from inventory_assets.domain.picture.rows import Alert, Stock
from inventory_assets.domain.values import format_time

# The end of a body in chunks.
LAST = b"0\r\n\r\n"
# A browser that lost its stream comes back within six seconds; ten thousand do not come at once.
RETRY_MS, RETRY_SPREAD_MS = 1_000, 5_000


class Reset(StrEnum):
    """Why somebody has to ask for all of it again."""

    FORGOTTEN = "forgotten"
    AHEAD = "ahead"
    RELOADED = "reloaded"


_WHY = {
    Reset.FORGOTTEN: "what changed since your version is not in memory any more",
    Reset.AHEAD: "your version is not there yet, and did not come",
    Reset.RELOADED: "the lake was rebuilt, or read anew: what changed is not known",
}


class End(StrEnum):
    """Why a stream ends that could have gone on."""

    SHUTDOWN = "shutdown"
    TOKEN = "token"


def stock_json(row: Stock) -> bytes:
    """A row of stock, as `/v1/stock` has it."""
    return encode(stock_of(row))


def alert_json(row: Alert) -> bytes:
    """An alert, as `/v1/alerts` has it; a line break in its message would end the event."""
    body = encode(alert_of(row))
    return body.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in body or b"\r" in body else body


def changes(version: int, committed_us: int, stock: Collection[bytes], alerts: Collection[bytes]) -> bytes:
    """The rows of a version, encoded before: each once, for all to whom it goes."""
    return _chunk(
        b'id: %d\nevent: changes\ndata: {"version":%d,"committed_at":"%b","stock":[%b],"alerts":[%b]}\n\n'
        % (version, version, format_time(committed_us).encode(), b",".join(stock), b",".join(alerts))
    )


def start(version: int, epoch: int, number: int) -> bytes:
    """The first event: what it goes on from, and after how long to come back when it broke."""
    return _chunk(
        b"retry: %d\nid: %d\nevent: start\ndata: %b\n\n"
        % (RETRY_MS + number * 997 % RETRY_SPREAD_MS, version, encode({"version": version, "epoch": epoch}))
    )


def resumed(number: int) -> bytes:
    """Nothing yet, for who comes back: the head and this say that it is open."""
    return _chunk(b"retry: %d\n: resumed\n\n" % (RETRY_MS + number * 997 % RETRY_SPREAD_MS))


def reset(version: int, epoch: int, reason: Reset) -> bytes:
    """That what is known is of no use, and what to do."""
    detail = f"{_WHY[reason]}; ask /v1/stock?version={version} for what you follow, and go on from this event"
    body = encode({"version": version, "epoch": epoch, "reason": reason, "detail": detail})
    return _chunk(b"id: %d\nevent: reset\ndata: %b\n\n" % (version, body))


def end(reason: End, detail: str) -> bytes:
    """Why nothing more comes; without an id, as nothing was told."""
    return _chunk(b"event: end\ndata: %b\n\n" % encode({"reason": reason, "detail": detail})) + LAST


def beat(version: int) -> bytes:
    """That it lives, and up to where nothing was missed: an id alone is no event, but a browser comes back with it."""
    return _chunk(b": beat\nid: %d\n\n" % version)


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)

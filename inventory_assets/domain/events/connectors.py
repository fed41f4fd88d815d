"""What the lake has heard of each connector: heartbeats on input topics, read and remembered.

A heartbeat comes the way the data come, so it says up to when a warehouse's numbers are
known. Here: reading one, and which of two counts. Not here: what is wrong with a connector
(`operations`), or what it publishes (`connector.ops.heartbeat`).
"""

from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Filtered
from inventory_assets.domain.values import (
    CONTROL_CHARACTERS,
    InvalidValue,
    read_id,
    read_integer,
    read_time,
    to_datetime,
    to_microseconds,
)

HEARTBEAT = "heartbeat"
MAX_ERROR = 500  # characters
_COUNTERS = ("read", "published", "dead_lettered")


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A connector as its heartbeat told it. Times in microseconds; null is not known.

    `warehouse_id`: null where one connector serves several. `heard_at`: the broker's publish
    time. `published_until`: every change up to then was published before this heartbeat.
    `open_gaps`: losses of history that no copy has made up for. `outranked_by`: a greater
    source epoch heard earlier, under which all it says now is superseded (RULES 12). The
    counters run from `started_at`, when the process began.
    """

    connector_id: str
    warehouse_id: str | None = None
    heard_at: int
    state: str
    published_until: int | None = None
    lag_seconds: float | None = None
    source_epoch: int | None = None
    open_gaps: int = 0
    outranked_by: int | None = None
    read: int = 0
    published: int = 0
    dead_lettered: int = 0
    owner_id: str = ""
    started_at: int | None = None
    last_error: str | None = None

    def join(self, known: "Heard | None") -> "Heard":
        """What is known after this heartbeat: the newer of two, whichever came first, and the greatest epoch."""
        if known is None:
            return self
        newest, other = (self, known) if _rank(self) > _rank(known) else (known, self)
        told = [other.source_epoch, other.outranked_by, newest.outranked_by]
        highest = max((epoch for epoch in told if epoch is not None), default=None)
        is_outranked = highest is not None and highest > (newest.source_epoch or 0)
        return msgspec.structs.replace(newest, outranked_by=highest if is_outranked else None)


class Heartbeat(Filtered, frozen=True):
    """A heartbeat: no stock fact (RULES 9), but heard."""

    heard: Heard


def _rank(heard: Heard) -> tuple:
    return heard.heard_at, heard.published, heard.read, heard.owner_id, heard.state


def read_heartbeat(body: dict[str, Any], heard_at: int) -> Heard | None:
    """Read a heartbeat; None where it is none of a connector's, or malformed: it states no stock either way."""
    try:
        counters = body.get("counters")
        counters = counters if type(counters) is dict else {}
        gaps = body.get("open_gaps")
        warehouse_id = body.get("warehouse_id")
        return Heard(
            connector_id=read_id("connector_id", body.get("connector_id")),
            # Connectors of before said "" where they serve several.
            warehouse_id=None if warehouse_id in (None, "") else read_id("warehouse_id", warehouse_id),
            heard_at=heard_at,
            state=read_id("state", body.get("state")),
            published_until=_time(body, "published_until"),
            lag_seconds=_number(body.get("lag_seconds")),
            source_epoch=None if body.get("source_epoch") is None else read_integer("epoch", body["source_epoch"]),
            open_gaps=0 if gaps is None else read_integer("open_gaps", gaps),
            owner_id=_text(body.get("owner_id")) or "",
            started_at=_time(body, "started_at"),
            last_error=_text(body.get("last_error")),
            **{name: read_integer(name, counters.get(name, 0)) for name in _COUNTERS},
        )
    except (InvalidValue, OverflowError):
        return None


def _time(body: dict[str, Any], name: str) -> int | None:
    at = None if body.get(name) is None else read_time(name, body[name])
    # What no calendar has is no time that can be kept: the caller knows OverflowError.
    return None if at is None else to_microseconds(to_datetime(at))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    # Errors quote what others sent, and are shown in terminals.
    return CONTROL_CHARACTERS.sub(" ", value)[:MAX_ERROR] if isinstance(value, str) else None

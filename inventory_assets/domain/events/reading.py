"""What the readers of messages share: where a document comes from, required fields, times, positions, signs.

Here: what holds in any envelope. Not here: which envelope a message has
(`parse`), nor the fields of one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from inventory_assets.domain.events.kinds import Position, join_id
from inventory_assets.domain.values import DAY_US, InvalidValue, format_time, read_time

SIGNS = {"ORDER": -1, "RESTOCK": 1, "RETURN": 1, "ADJUSTMENT": 0, "TRANSFER": 1, "RESERVE": 1, "RELEASE": 1}

Document = dict[str, Any]
DecodeProtobuf = Callable[[bytes, str], Document]
"""(body, encoding) to an `InventoryEvent`'s fields by their names; what does not decode is `schema_mismatch`."""


class ParseSettings(msgspec.Struct, frozen=True):
    """Bounds on event times (RULES 6), and what a message may leave to the settings. Microseconds.

    `default_warehouse`: where an adjustment is that names no warehouse (RULES 41); null for none.
    `decode_protobuf`: a library does that, and the domain knows none. `message_limits`: the most bytes of a body
    on a topic; of one that is not named, as many as there may be.
    """

    start_at: int = 1_262_304_000_000_000  # 2010-01-01
    max_ahead: int = DAY_US
    default_warehouse: str | None = None
    decode_protobuf: DecodeProtobuf | None = None
    message_limits: dict[str, int] = {}


class Source(NamedTuple):
    """What surrounds a document: its envelope and the message that carried it.

    `first_published_at`: of a dead letter that is replayed, when it was first published. `within`: the path of the
    document in the body; empty where it is the body.
    """

    row_id: str | None
    publish_at: int
    cluster_time: tuple[int, int] | None
    source_epoch: int
    is_delete: bool
    payload: bytes
    name: str = ""
    first_published_at: int | None = None
    within: str = ""

    @property
    def stated_at(self) -> int:
        """When the sender said it, for what has no time of its own: a replay makes nothing newer."""
        return self.publish_at if self.first_published_at is None else self.first_published_at


def require(document: Document, *fields: str) -> list[Any]:
    """The values of fields that must be there."""
    values = [*map(document.get, fields)]
    if None in values:
        missing = [field for field, value in zip(fields, values, strict=True) if value is None]
        raise InvalidValue("missing_field", f"required and absent or null: {', '.join(missing)}", ", ".join(missing))
    return values


def first_time(document: Document, *fields: str) -> int | None:
    """The first of several times that is there."""
    for field in fields:
        if (value := document.get(field)) is not None:
            return read_time(field, value)
    return None


def check_time(event_at: int, source: Source, settings: ParseSettings, document: Document, *fields: str) -> None:
    """Refuse a time before the start date, or too long after the publish time (RULES 6); of the first field there."""
    if not settings.start_at <= event_at <= source.publish_at + settings.max_ahead:
        shown = format_time(event_at) if 0 <= event_at < 253_402_300_800_000_000 else f"{event_at} us"
        raise InvalidValue(
            "event_time_out_of_range",
            f"event time {shown}, expected {format_time(settings.start_at)} to publish time plus "
            f"{settings.max_ahead // 3_600_000_000} h",
            next((field for field in fields if document.get(field) is not None), None),
        )


def check_sign(type_: str, quantity: int, field: str = "quantity") -> None:
    """Refuse a quantity of the wrong sign for its type, and zero (RULES 8)."""
    sign = SIGNS[type_]
    if quantity == 0 or quantity * sign < 0:
        expected = {1: "above 0", -1: "below 0", 0: "not 0"}[sign]
        raise InvalidValue("invalid_sign", f"{field} of {type_} was {quantity}, expected {expected}", field)


def check_receiver(field: str, warehouse_id: str, to_warehouse_id: str) -> None:
    """Refuse a transfer of a warehouse to itself."""
    if to_warehouse_id == warehouse_id:
        raise InvalidValue("invalid_value", f"{field} was the sender {warehouse_id!r} itself", field)


def place(event_at: int, source: Source) -> tuple[Position, bool]:
    """A document's position, and whether it has a cluster time (RULES 12)."""
    if source.cluster_time is None:
        return (source.source_epoch, event_at, 0), False
    seconds, increment = source.cluster_time
    return (source.source_epoch, seconds * 1_000_000, increment), True


def id_suffix(source: Source) -> tuple[str, ...]:
    """The cluster time's part of an event id (RULES 10)."""
    if source.cluster_time is None:
        return ()
    seconds, increment = source.cluster_time
    # After a database begins anew, its clock may tell a time again.
    epoch = f"{source.source_epoch}." if source.source_epoch else ""
    return (f"{epoch}{seconds}.{increment}",)


def event_id(source: Source, *parts: str) -> str:
    """The id of a document's event: its row's, else its own (RULES 10)."""
    if source.row_id is not None:
        return join_id("row", source.row_id)
    # The cluster time is digits and a dot, so it needs no escape.
    return join_id(*parts)

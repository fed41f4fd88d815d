"""Read a CloudEvent of a stock service (RULES 38): its attributes, then its data.

Here: CloudEvents 1.0, structured (one JSON object) or binary (Pub/Sub
attributes `ce-*`, the body is the data). Not here: whether a message is one
(`parse`).
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import (
    UNKNOWN_PARENTS,
    Event,
    Filtered,
    Level,
    Position,
    Status,
    Transaction,
    join_id,
)
from inventory_assets.domain.events.reading import (
    Document,
    ParseSettings,
    Source,
    check_receiver,
    check_sign,
    check_time,
    first_time,
    place,
    require,
)
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue, read_id, read_integer

ATTRIBUTE = "ce-"
REQUIRED = ("specversion", "id", "source", "type")
BINARY_MARKS = frozenset(ATTRIBUTE + name for name in REQUIRED)
"""Any of these attributes makes a message a binary CloudEvent."""
STRUCTURED_TYPE = "application/cloudevents+json"
LOW_STOCK = "warehouse.inventory.low_stock"
_STATUSES = frozenset(Status)


class _Context(NamedTuple):
    """What an event's attributes say, read."""

    event_id: str
    transaction_id: str
    event_at: int
    position: Position
    has_cluster_time: bool
    source: str


def from_attributes(attributes: Mapping[str, str], body: bytes) -> Document:
    """A binary CloudEvent, in the form of a structured one."""
    event: Document = {
        name: value for name in (*REQUIRED, "time") if (value := attributes.get(ATTRIBUTE + name)) is not None
    }
    return event | {"data": decode_object(body)}


def read_cloudevent(event: Document, source: Source, settings: ParseSettings) -> Event | Filtered:
    """Read a CloudEvent in structured form."""
    version, own_id, own_source, type_ = require(event, *REQUIRED)
    if version != "1.0":
        raise InvalidValue("invalid_value", f"specversion was {version!r}, expected '1.0'", "specversion")
    own_id, own_source = read_id("id", own_id), read_id("source", own_source)
    if type_ == LOW_STOCK:
        # Another's judgement of stock is evidence; ours come from the stock itself.
        return Filtered("upstream_low_stock")
    reader = _READERS.get(type_) if type(type_) is str else None
    if reader is None:
        raise InvalidValue(
            "unsupported_type", f"type was {type_!r}, expected one of {', '.join((*_READERS, LOW_STOCK))}", "type"
        )
    event_at = first_time(event, "time")
    event_at = source.stated_at if event_at is None else event_at
    check_time(event_at, source, settings, event, "time")
    # A source is a path, an id seldom has a slash: where it has, no two pairs may look alike.
    tail = own_id.replace("%", "%25").replace("/", "%2F")
    context = _Context(
        join_id("cloudevent", own_source, own_id), f"{own_source}/{tail}", event_at, *place(event_at, source),
        source.name or own_source,
    )  # fmt: skip
    data = _data(event)
    try:
        return reader(data, context)
    except InvalidValue as error:
        raise error.inside("data") from error.__cause__


def _data(event: Document) -> Document:
    encoded = event.get("data_base64")
    if encoded is not None:
        if event.get("data") is not None:
            raise InvalidValue("invalid_value", "the event had both data and data_base64, expected one", "data_base64")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError) as error:
            raise InvalidValue("invalid_value", "data_base64 was no base64", "data_base64") from error
        try:
            return decode_object(decoded)
        except InvalidValue as error:
            raise error.inside("data_base64") from error.__cause__
    (data,) = require(event, "data")
    if type(data) is not dict:
        raise InvalidValue("invalid_value", f"data was a JSON {type(data).__name__}, expected an object", "data")
    return data


def _sku(data: Document) -> str:
    field = "sku" if data.get("sku") is not None else "product_id"
    if data.get(field) is None:
        raise InvalidValue("missing_field", "required and absent or null: sku, or else product_id", "sku")
    return read_id(field, data[field])


def _level(data: Document, context: _Context) -> Event:
    (warehouse,) = require(data, "warehouse_id")
    on_hand, reserved, ignored = _stock(data)
    return Level(
        context.event_id, read_id("warehouse_id", warehouse), _sku(data), on_hand, reserved, UNKNOWN_PARENTS,
        None, None, False, context.event_at, context.position, context.has_cluster_time, (), context.source, ignored,
    )  # fmt: skip


def _stock(data: Document) -> tuple[int, int | None, tuple[str, ...]]:
    """(on_hand, reserved, names of what does not fit)."""
    given = data.get("quantity_reserved")
    if data.get("quantity_on_hand") is not None:
        on_hand = read_integer("quantity_on_hand", data["quantity_on_hand"])
        try:
            return on_hand, 0 if given is None else read_integer("quantity_reserved", given), ()
        except InvalidValue:
            # As in any document, what is optional and unreadable is not stated (RULES 5).
            return on_hand, None, ("quantity_reserved",)
    if data.get("quantity_available") is None:
        raise InvalidValue(
            "missing_field", "required and absent or null: quantity_on_hand, or else quantity_available",
            "quantity_on_hand",
        )  # fmt: skip
    # Here it is part of the sum: unreadable, nobody knows what is on hand.
    reserved = 0 if given is None else read_integer("quantity_reserved", given)
    on_hand = read_integer("quantity_available", data["quantity_available"]) + reserved
    return read_integer("quantity_available + quantity_reserved", on_hand), reserved, ()


def _adjusted(data: Document, context: _Context) -> Event:
    warehouse, change = require(data, "warehouse_id", "quantity_change")
    return _transaction("ADJUSTMENT", warehouse, "quantity_change", change, _sku(data), context)


def _reserved(data: Document, context: _Context) -> Event:
    warehouse, quantity = require(data, "warehouse_id", "quantity")
    return _transaction("RESERVE", warehouse, "quantity", quantity, _sku(data), context)


def _released(data: Document, context: _Context) -> Event:
    warehouse, quantity = require(data, "warehouse_id", "quantity")
    return _transaction("RELEASE", warehouse, "quantity", quantity, _sku(data), context)


def _transferred(data: Document, context: _Context) -> Event:
    sender, receiver, quantity = require(data, "from_warehouse_id", "to_warehouse_id", "quantity")
    status = data.get("status")
    status = Status.COMPLETED.value if status is None else status
    if type(status) is not str or status not in _STATUSES:
        raise InvalidValue("invalid_value", f"status was {status!r}, expected one of {', '.join(Status)}", "status")
    sender, to_warehouse_id = read_id("from_warehouse_id", sender), read_id("to_warehouse_id", receiver)
    check_receiver("to_warehouse_id", sender, to_warehouse_id)
    return _transaction(
        "TRANSFER", sender, "quantity", quantity, _sku(data), context, status=status, to_warehouse_id=to_warehouse_id
    )  # fmt: skip


def _transaction(
    type_: str, warehouse: Any, field: str, value: Any, sku: str, context: _Context,
    *, status: str = "COMPLETED", to_warehouse_id: str | None = None,
) -> Transaction:  # fmt: skip
    warehouse_id = read_id("from_warehouse_id" if type_ == "TRANSFER" else "warehouse_id", warehouse)
    quantity = read_integer(field, value)
    check_sign(type_, quantity, field)
    return Transaction(
        context.event_id, context.transaction_id, type_, status, warehouse_id, sku, to_warehouse_id, quantity,
        context.event_at, context.position, context.has_cluster_time, context.source,
    )  # fmt: skip


_READERS: dict[str, Callable[[Document, _Context], Event]] = {
    "warehouse.stock.updated": _level,
    "warehouse.stock.adjusted": _adjusted,
    "warehouse.stock.transferred": _transferred,
    "warehouse.stock.reserved": _reserved,
    "warehouse.stock.released": _released,
}

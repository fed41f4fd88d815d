"""Say a fact in another envelope than R0's: RULES 38, 39 and 41 read backwards.

Here: pure functions of a fact, and which fact an envelope cannot say: nothing of one is left out in silence.
Not here: reading them (`domain.events`, `messaging.envelopes`).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import UNKNOWN_PARENTS, Level, Status, Transaction, join_id
from inventory_assets.domain.events.reading import SIGNS
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import InvalidValue, format_time, read_time

Body = dict[str, Any]


class Envelope(StrEnum):
    """How a fact is put into a message."""

    DOCUMENT = "r0"
    ADJUSTMENT = "adjustment"
    CLOUDEVENTS = "cloudevents"
    SERVICE = "r4"
    PROTOBUF = "protobuf"


class Fact(NamedTuple):
    """A fact to be said.

    Attributes:
        event: What it means.
        row: Its row's name, `file/<hash>/<line>`.
        document: As it stands in a document of its own.
    """

    event: Transaction | Level
    row: str
    document: Body

    @property
    def reason(self) -> str | None:
        """Why it is, in words, where somebody says so."""
        reason = self.document.get("reason")
        return reason if type(reason) is str else None


class CannotSayError(InvalidValue):
    """An envelope has no words for a fact."""

    def __init__(self, envelope: Envelope, what: str) -> None:
        super().__init__("unsupported", f"as {envelope} it cannot be said: {what}; publish it --as r0")


TOPICS: dict[Envelope, frozenset[str]] = {
    Envelope.ADJUSTMENT: frozenset({Topic.ADJUSTMENTS}),
    Envelope.CLOUDEVENTS: frozenset({Topic.SERVICES, Topic.ADJUSTMENTS, Topic.LEVELS, Topic.TRANSACTIONS}),
    Envelope.SERVICE: frozenset({Topic.SERVICES}),
    Envelope.PROTOBUF: frozenset({Topic.ADJUSTMENTS}),
}
"""Where an envelope is taken in, but R0's, whose kinds have topics of their own."""


def to_adjustment(fact: Fact) -> Body:
    """R2's adjustment: so many units more or fewer of an item."""
    event = _movement(fact, Envelope.ADJUSTMENT, types=("ADJUSTMENT",))
    body: Body = {
        "item_id": event.sku,
        "adjustment": event.quantity,
        "timestamp": format_time(event.event_at),
        "warehouse_id": event.warehouse_id,
    }
    if event.transaction_id != fact.row:
        # Without one its id is its row's, which is beside it (RULES 41). Warehouses may number alike (RULES 10).
        body["event_id"] = join_id(event.warehouse_id, event.transaction_id)
    return body if fact.reason is None else body | {"reason": fact.reason}


_CLOUD_MOVEMENTS = {"ADJUSTMENT": "adjusted", "TRANSFER": "transferred", "RESERVE": "reserved", "RELEASE": "released"}


def to_cloudevent(fact: Fact) -> Body:
    """A CloudEvent 1.0, structured; R3's types."""
    event = fact.event
    if isinstance(event, Level):
        _check_plain(event, Envelope.CLOUDEVENTS)
        source, _, own_id = fact.row.rpartition("/")
        if event.reserved is None:
            raise CannotSayError(
                Envelope.CLOUDEVENTS,
                "no reserved stock would be read as 0; say it (reserved_stock, a column or a constant)",
            )
        data: Body = {
            "sku": event.sku, "warehouse_id": event.warehouse_id, "quantity_on_hand": event.on_hand,
            "quantity_reserved": event.reserved,
        }  # fmt: skip
        return _cloudevent(source, own_id, "updated", event.event_at, data)
    _movement(fact, Envelope.CLOUDEVENTS, types=tuple(_CLOUD_MOVEMENTS))
    if event.transaction_id == fact.row:
        source, _, own_id = fact.row.rpartition("/")
    else:
        # Warehouses may number alike (RULES 10): whose number it is, the source says.
        source, own_id = f"/warehouses/{event.warehouse_id}", event.transaction_id
    if event.type == "TRANSFER":
        places = {"from_warehouse_id": event.warehouse_id, "to_warehouse_id": event.to_warehouse_id}
        data = {"sku": event.sku, **places, "quantity": event.quantity}
    else:
        quantity = "quantity_change" if event.type == "ADJUSTMENT" else "quantity"
        data = {"sku": event.sku, "warehouse_id": event.warehouse_id, quantity: event.quantity}
    if fact.reason is not None:
        data["reason"] = fact.reason
    return _cloudevent(source, own_id, _CLOUD_MOVEMENTS[event.type], event.event_at, data)


def _cloudevent(source: str, own_id: str, what: str, at: int, data: Body) -> Body:
    return {
        "specversion": "1.0",
        "id": own_id,
        "source": source,
        "type": f"warehouse.stock.{what}",
        "time": format_time(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def to_r4(fact: Fact) -> Body:
    """R4's event: a change, or a stock level."""
    event = fact.event
    if isinstance(event, Level):
        _check_plain(event, Envelope.SERVICE)
        if event.reserved is not None:
            raise CannotSayError(Envelope.SERVICE, "it has no field for reserved stock")
        return {
            "eventId": fact.row, "eventType": "STOCK_LEVEL", "sku": event.sku, "warehouseId": event.warehouse_id,
            "quantity": event.on_hand, "timestamp": format_time(event.event_at),
        }  # fmt: skip
    _movement(fact, Envelope.SERVICE, types=tuple(SIGNS))
    is_row = event.transaction_id == fact.row
    body = {
        # Warehouses may number alike, and these ids are of all (RULES 10).
        "eventId": fact.row if is_row else join_id(event.warehouse_id, event.transaction_id),
        "eventType": "INVENTORY_UPDATE" if event.type == "ADJUSTMENT" else "TRANSACTION",
        "transactionType": event.type,
        "sku": event.sku,
        "warehouseId": event.warehouse_id,
        "quantityChange": event.quantity,
        "timestamp": format_time(event.event_at),
    }
    if event.to_warehouse_id is not None:
        body["toWarehouseId"] = event.to_warehouse_id
    return body if fact.reason is None else body | {"notes": fact.reason}


def _movement(fact: Fact, envelope: Envelope, *, types: tuple[str, ...]) -> Transaction:
    event = fact.event
    if not isinstance(event, Transaction):
        raise CannotSayError(envelope, "it has changes, no levels")
    if event.type not in types:
        raise CannotSayError(envelope, f"it has no {event.type}, only {', '.join(types)}")
    if event.status != Status.COMPLETED:
        # Whose later status would be a repeat of the first: these ids have no status in them.
        raise CannotSayError(envelope, f"it has changes that are done, and this one is {event.status}")
    if event.line_id is not None:
        raise CannotSayError(envelope, "it has no field for a line_id")
    return event


def _check_plain(level: Level, envelope: Envelope) -> None:
    said = {
        "the hierarchy": level.parents != UNKNOWN_PARENTS,
        "thresholds": (level.min_threshold, level.reorder_threshold) != (None, None),
        "restock_in_progress": level.is_restock_in_progress,
        "product data": bool(level.product_fields),
    }
    for what, is_said in said.items():
        if is_said:
            raise CannotSayError(envelope, f"it has no field for {what}")


_PARENTS = ("department_id", "category_id", "brand_id", "product_id")
_TIMES = ("timestamp", "last_updated", "updated_at", "status_changed_at")


def to_inventory_event(fact: Fact) -> Body:
    """The fields of an `InventoryEvent`: an adjustment where that says all, else the whole document."""
    event = fact.event
    times = {name: _time(name, value) for name in _TIMES if (value := fact.document.get(name)) is not None}
    if isinstance(event, Level):
        return {"stock_level": _nested_level(event) | times}
    if event.type == "ADJUSTMENT" and event.status == Status.COMPLETED and event.transaction_id == fact.row:
        return to_adjustment(fact)
    body = {
        "transaction_id": event.transaction_id, "line_id": event.line_id, "transaction_type": event.type,
        "status": event.status, "sku": event.sku, "warehouse_id": event.warehouse_id,
        "to_warehouse_id": event.to_warehouse_id, "quantity": event.quantity, "adjustment_reason": fact.reason,
    }  # fmt: skip
    return {"stock_transaction": _stated(body) | times}


def _nested_level(event: Level) -> Body:
    parents = {name: value for name, value in zip(_PARENTS, event.parents, strict=True) if value != "UNKNOWN"}
    body = {
        "sku": event.sku, "warehouse_id": event.warehouse_id, **parents, "current_stock": event.on_hand,
        "reserved_stock": event.reserved, "min_threshold": event.min_threshold,
        "reorder_threshold": event.reorder_threshold, "restock_in_progress": event.is_restock_in_progress or None,
    }  # fmt: skip
    return _stated(body) | dict(event.product_fields)


def _stated(body: Body) -> Body:
    return {name: value for name, value in body.items() if value is not None}


def _time(name: str, value: Any) -> str:
    return value if type(value) is str else format_time(read_time(name, value))


ENCODERS: dict[Envelope, Callable[[Fact], Body]] = {
    Envelope.ADJUSTMENT: to_adjustment,
    Envelope.CLOUDEVENTS: to_cloudevent,
    Envelope.SERVICE: to_r4,
    Envelope.PROTOBUF: to_inventory_event,
}

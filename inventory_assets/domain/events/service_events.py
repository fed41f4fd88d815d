"""Read an event of another service (R4's envelope, RULES 39): `eventId eventType sku warehouseId …`."""

from inventory_assets.domain.events.kinds import (
    UNKNOWN_PARENTS,
    Event,
    Level,
    Status,
    Transaction,
    join_id,
)
from inventory_assets.domain.events.reading import (
    SIGNS,
    Document,
    ParseSettings,
    Source,
    check_receiver,
    check_sign,
    check_time,
    place,
    require,
)
from inventory_assets.domain.values import InvalidValue, read_id, read_integer, read_time

MOVES = ("INVENTORY_UPDATE", "TRANSACTION")
STOCK_LEVEL = "STOCK_LEVEL"
# What a reference's prefix says of the type, where the event does not say it.
PREFIXES = {"ORDER-": "ORDER", "SO-": "ORDER", "PO-": "RESTOCK", "RET-": "RETURN", "RMA-": "RETURN"}


def read_service_event(event: Document, source: Source, settings: ParseSettings) -> Event:
    """Read a service event."""
    own_id, event_type = require(event, "eventId", "eventType")
    own_id = read_id("eventId", own_id)
    if event_type not in (*MOVES, STOCK_LEVEL):
        raise InvalidValue(
            "unsupported_type",
            f"eventType was {event_type!r}, expected one of {', '.join((*MOVES, STOCK_LEVEL))}",
            "eventType",
        )
    amount = "quantity" if event_type == STOCK_LEVEL else "quantityChange"
    sku, warehouse, value, timestamp = require(event, "sku", "warehouseId", amount, "timestamp")
    sku, warehouse_id = read_id("sku", sku), read_id("warehouseId", warehouse)
    event_at = read_time("timestamp", timestamp)
    check_time(event_at, source, settings, event, "timestamp")
    position, has_cluster_time = place(event_at, source)
    quantity = read_integer(amount, value)
    event_id = join_id("r4", own_id)
    if event_type == STOCK_LEVEL:
        return Level(
            event_id, warehouse_id, sku, quantity, None, UNKNOWN_PARENTS, None, None, False, event_at, position,
            has_cluster_time, (), source.name,
        )  # fmt: skip
    type_ = _type(event, quantity)
    check_sign(type_, quantity, amount)
    to_warehouse_id = None
    if type_ == "TRANSFER":
        (receiver,) = require(event, "toWarehouseId")
        to_warehouse_id = read_id("toWarehouseId", receiver)
        check_receiver("toWarehouseId", warehouse_id, to_warehouse_id)
    # In a name space of its own: a warehouse may number its transactions as a service does its events.
    return Transaction(
        event_id, f"r4/{own_id}", type_, Status.COMPLETED.value, warehouse_id, sku, to_warehouse_id, quantity,
        event_at, position, has_cluster_time, source.name,
    )  # fmt: skip


def _type(event: Document, quantity: int) -> str:
    """Its type as it says, else as its reference says, else ADJUSTMENT, as where the sign says otherwise."""
    type_ = event.get("transactionType")
    if type_ is None:
        reference = event.get("referenceId")
        found = (PREFIXES[prefix] for prefix in PREFIXES if type(reference) is str and reference.startswith(prefix))
        type_ = next(found, "ADJUSTMENT")
    elif type(type_) is not str or type_ not in SIGNS:
        raise InvalidValue(
            "invalid_value", f"transactionType was {type_!r}, expected one of {', '.join(SIGNS)}", "transactionType"
        )
    return "ADJUSTMENT" if quantity * SIGNS[type_] < 0 else type_

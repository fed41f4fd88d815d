"""Turn a message's bytes into an event, a rejection, or "no stock fact" (RULES 1-8, 10, 12, 22).

Here: what a single message means by itself, and the readers of R0's documents.
Not here: envelopes (`envelopes`) and what other ones hold; whether it repeats or
contradicts an earlier one (`dedupe`), or what it does (`fold`).
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from inventory_assets.domain.events.adjustments import read_adjustment
from inventory_assets.domain.events.cloudevents import read_cloudevent
from inventory_assets.domain.events.connectors import HEARTBEAT, Heartbeat, read_heartbeat
from inventory_assets.domain.events.control import (
    ALERT_COMMANDS,
    COMMANDS,
    PLAN_COMMANDS,
    Target,
    read_plan_target,
    read_target,
)
from inventory_assets.domain.events.envelopes import KIND_MARKERS as KIND_MARKERS
from inventory_assets.domain.events.envelopes import KINDS_BY_TOPIC, open_message
from inventory_assets.domain.events.kinds import (
    Command,
    Event,
    Filtered,
    Level,
    Rejection,
    Status,
    ThresholdRule,
    Tombstone,
    Transaction,
)
from inventory_assets.domain.events.parse_threshold import Limits, Problems, read_author, read_limits, read_scope
from inventory_assets.domain.events.reading import (
    SIGNS,
    Document,
    ParseSettings,
    Source,
    check_receiver,
    check_sign,
    check_time,
    event_id,
    first_time,
    id_suffix,
    place,
    require,
)
from inventory_assets.domain.events.service_events import read_service_event
from inventory_assets.domain.values import (
    InvalidValue,
    format_time,
    read_boolean,
    read_id,
    read_integer,
    read_number,
    read_remark,
    read_time,
    read_within,
)
from inventory_assets.ranges import PRODUCT_RANGES

MAX_DETAIL = 1000  # characters
MAX_POSITION = 200
PRODUCT_FIELDS = ("product_name", "variant_name", "brand_name", "category_name", "department_name", "supplier_id")
_READ_NUMBER = {"unit_price": read_number}
PRODUCT_NUMBERS: dict[str, Callable[[str, Any], int | float]] = {
    name: partial(_READ_NUMBER.get(name, read_within), low=low, high=high)
    for name, (low, high) in PRODUCT_RANGES.items()
}
EMBEDDED = ("min_threshold", "reorder_threshold")
_STATUSES = frozenset(Status)
_TRANSACTION_FIELDS = (
    "transaction_id", "transaction_type", "status", "sku", "warehouse_id", "quantity", "timestamp",
)  # fmt: skip


def parse_message(
    topic: str, data: bytes, attributes: dict[str, str], publish_at: int, settings: ParseSettings
) -> Event | Rejection | Filtered:
    """Read one message. Never raises for what the data holds.

    Args:
        topic: Its short name, which decides the kinds it may carry.
        data: The body, up to 10 MB.
        attributes: `row_id` identifies a row of a published file; others say in which envelope it is.
        publish_at: Microseconds; the bound for event times, so that a replay agrees.
        settings: Bounds on event times.
    """
    within = ""
    try:
        if len(data) > (limit := settings.message_limits.get(topic, len(data))):
            return too_large(topic, len(data), limit)
        kind, document, source = open_message(topic, data, attributes, publish_at, settings)
        if document is None:
            return Filtered("no_document")
        if kind is None:
            return _filtered(document, publish_at)
        if kind not in KINDS_BY_TOPIC.get(topic, ()):
            raise InvalidValue("wrong_topic", f"a {kind} was published to {topic!r}")
        within = source.within
        return _READERS[kind](document, source, settings)
    except InvalidValue as invalid:
        # Bounded: a key of 10 MB must not be stored a second time as a complaint.
        if within:
            invalid.inside(within)
        position = None if invalid.position is None else invalid.position[:MAX_POSITION]
        return Rejection(invalid.reason, invalid.detail[:MAX_DETAIL], position)


def too_large(topic: str, size: int, limit: int) -> Rejection:
    """Refuse a body for its size."""
    return Rejection("too_large", f"the body had {size:,} bytes; {topic!r} takes at most {limit:,}")


def read_document(
    kind: str, document: Document, row_id: str | None, publish_at: int, settings: ParseSettings
) -> Event | Filtered:
    """Read a document that is still to become a message, as it will be read out of one without an envelope.

    Raises:
        InvalidValue: It would be a dead letter.
    """
    return _READERS[kind](document, Source(row_id, publish_at, None, 0, False, b""), settings)


def _filtered(document: Document, publish_at: int) -> Filtered:
    heard = read_heartbeat(document, publish_at) if document.get("type") == HEARTBEAT else None
    return Filtered("no_stock_fact") if heard is None else Heartbeat("no_stock_fact", heard)


def _read_transaction(document: Document, source: Source, settings: ParseSettings) -> Event:
    own_id, type_, status, sku, warehouse_id, quantity, _ = require(document, *_TRANSACTION_FIELDS)
    if type(type_) is not str or type_ not in SIGNS:
        raise InvalidValue(
            "invalid_value", f"transaction_type was {type_!r}, expected one of {', '.join(SIGNS)}", "transaction_type"
        )
    if type(status) is not str or status not in _STATUSES:
        raise InvalidValue("invalid_value", f"status was {status!r}, expected one of {', '.join(Status)}", "status")
    transaction_id = read_id("transaction_id", own_id)
    warehouse_id, sku = read_id("warehouse_id", warehouse_id), read_id("sku", sku)
    quantity = read_integer("quantity", quantity)
    check_sign(type_, quantity)
    to_warehouse_id = None
    if type_ == "TRANSFER":
        require(document, "to_warehouse_id")
        to_warehouse_id = read_id("to_warehouse_id", document["to_warehouse_id"])
        check_receiver("to_warehouse_id", warehouse_id, to_warehouse_id)
    elif status == Status.SHIPPED:
        raise InvalidValue("invalid_value", f"status SHIPPED on {type_}, expected on TRANSFER only", "status")
    line_id = None if document.get("line_id") is None else read_id("line_id", document["line_id"])
    event_at = first_time(document, "updated_at", "status_changed_at", "timestamp")
    assert event_at is not None  # timestamp is required
    check_time(event_at, source, settings, document, "updated_at", "status_changed_at", "timestamp")
    position, has_cluster_time = place(event_at, source)
    own = (warehouse_id, transaction_id) if line_id is None else (warehouse_id, transaction_id, line_id)
    return Transaction(
        event_id(source, "transaction", *own, status, *id_suffix(source)),
        transaction_id, type_, status, warehouse_id, sku, to_warehouse_id, quantity, event_at,
        position, has_cluster_time, source.name, line_id,
    )  # fmt: skip


def _read_level(document: Document, source: Source, settings: ParseSettings) -> Event:
    if source.is_delete:
        return _read_tombstone(document, source, settings)
    require(document, "sku", "warehouse_id", "current_stock", "last_updated")
    warehouse_id, sku = read_id("warehouse_id", document["warehouse_id"]), read_id("sku", document["sku"])
    last_updated = read_time("last_updated", document["last_updated"])
    event_at = first_time(document, "updated_at", "status_changed_at")
    event_at = last_updated if event_at is None else event_at
    check_time(event_at, source, settings, document, "updated_at", "status_changed_at", "last_updated")
    check_time(last_updated, source, settings, document, "last_updated")  # part of the event id
    position, has_cluster_time = place(event_at, source)
    reserved = _read_optional("reserved_stock", document.get("reserved_stock"))
    restock = document.get("restock_in_progress")
    minimum, reorder = _read_embedded(document)
    product_fields, ignored = _read_product_fields(document)
    if reserved is None and document.get("reserved_stock") is not None:
        ignored = (*ignored, "reserved_stock")
    if (minimum, reorder) == (None, None):
        ignored += tuple(field for field in EMBEDDED if document.get(field) is not None)
    return Level(
        event_id(source, "level", warehouse_id, sku, *(id_suffix(source) or (format_time(last_updated),))),
        warehouse_id, sku,
        read_integer("current_stock", document["current_stock"]),
        reserved,
        _read_parents(document),
        minimum, reorder,
        False if restock is None else read_boolean("restock_in_progress", restock),
        event_at, position, has_cluster_time, product_fields, source.name, ignored,
    )  # fmt: skip


def _read_optional(field: str, value: Any) -> int | None:
    # The rest of the document is not worth losing for it (RULES 5).
    try:
        return None if value is None else read_integer(field, value)
    except InvalidValue:
        return None


def _read_parents(document: Document) -> tuple[str, str, str, str]:
    parents = []
    for field in ("department_id", "category_id", "brand_id", "product_id"):
        value = document.get(field)
        parents.append("UNKNOWN" if value is None else read_id(field, value))
    return (parents[0], parents[1], parents[2], parents[3])


def _read_embedded(document: Document) -> tuple[int | None, int | None]:
    # An invalid pair is ignored and the stock still counts, RULES 22.
    try:
        minimum, reorder = (
            None if (value := document.get(field)) is None else read_integer(field, value) for field in EMBEDDED
        )
    except InvalidValue:
        return None, None
    if (minimum or 0) < 0 or (reorder or 0) < 0:
        return None, None
    if minimum is not None and reorder is not None and minimum > reorder:
        return None, None
    return minimum, reorder


def _read_product_fields(
    document: Document,
) -> tuple[tuple[tuple[str, str | int | float], ...], tuple[str, ...]]:
    """What a level says of its product, and the names of the fields whose values cannot be meant."""
    # Optional enrichment: a value that does not fit is not worth losing the stock fact for.
    fields: list[tuple[str, str | int | float]] = []
    ignored: list[str] = []
    metadata = document.get("metadata")
    nested = metadata if type(metadata) is dict else {}
    for field in PRODUCT_FIELDS:
        value = document.get(field, nested.get(field))
        if type(value) is str and 0 < len(value) <= 1024:
            fields.append((field, value))
        elif value is not None and value != "":
            ignored.append(field)
    for field, read in PRODUCT_NUMBERS.items():
        value = document.get(field)
        if value is not None:
            try:
                fields.append((field, read(field, value)))
            except InvalidValue:
                ignored.append(field)
    return tuple(fields), tuple(ignored)


def _read_tombstone(document: Document, source: Source, settings: ParseSettings) -> Event:
    require(document, "warehouse_id", "sku")
    warehouse_id, sku = read_id("warehouse_id", document["warehouse_id"]), read_id("sku", document["sku"])
    if source.cluster_time is None:
        raise InvalidValue("missing_field", "a deleted inventory document came without cluster_time", "cluster_time")
    event_at = source.cluster_time[0] * 1_000_000
    check_time(event_at, source, settings, document)
    position, has_cluster_time = place(event_at, source)
    return Tombstone(
        event_id(source, "tombstone", warehouse_id, sku, *id_suffix(source)),
        warehouse_id, sku, event_at, position, has_cluster_time, source.name,
    )  # fmt: skip


def _read_threshold(document: Document, source: Source, settings: ParseSettings) -> Event:
    problems: Problems = []
    level_type, level_id, warehouse_id = read_scope(document, problems)
    _raise_first(problems)
    event_at = first_time(document, "updated_at", "created_at")
    event_at = source.stated_at if event_at is None else event_at
    check_time(event_at, source, settings, document, "updated_at", "created_at")
    position, _ = place(event_at, source)
    suffix = id_suffix(source) or (format_time(event_at),)
    deleted = document.get("deleted")
    is_deleted = source.is_delete or (deleted is not None and read_boolean("deleted", deleted))
    limits = Limits() if is_deleted else read_limits(document, problems)
    _raise_first(problems)
    author, reason = read_author(document, source.name or None)
    return ThresholdRule(
        event_id(source, "rule", level_type, level_id, warehouse_id or "", *suffix),
        level_type, level_id, warehouse_id, limits.min_threshold_qty, limits.reorder_threshold_qty,
        limits.min_threshold_days, limits.reorder_threshold_days, limits.cooldown_minutes, limits.is_enabled,
        is_deleted, event_at, position, author, reason, limits.alert_settings, limits.dynamic,
        source.name,
    )  # fmt: skip


def _raise_first(problems: Problems) -> None:
    if problems:
        raise problems[0]


def _read_command(document: Document, source: Source, settings: ParseSettings) -> Event:
    require(document, "command", "reason", "issued_by")
    command = document["command"]
    if command == "snapshot":
        raise InvalidValue(
            "invalid_command", "a copy is the connector's to make: `inventory connector snapshot`", "command"
        )
    if type(command) is not str or command not in COMMANDS:
        raise InvalidValue(
            "invalid_command", f"command was {command!r}, expected one of {', '.join(sorted(COMMANDS))}", "command"
        )
    texts = {}
    for field in ("reason", "issued_by"):
        try:
            texts[field] = read_remark(field, document[field])
        except InvalidValue as error:
            raise InvalidValue("invalid_command", error.detail, error.position) from None
    scope = [
        None if document.get(field) is None else read_id(field, document[field]) for field in ("warehouse_id", "sku")
    ]
    event_at = first_time(document, "timestamp", "created_at")
    event_at = source.stated_at if event_at is None else event_at
    check_time(event_at, source, settings, document, "timestamp", "created_at")
    if command in ALERT_COMMANDS:
        target = read_target(document, command, scope, event_at)
    elif command in PLAN_COMMANDS:
        target = read_plan_target(document, command, event_at)
    else:
        category = document.get("category_id")
        target = Target(category_id=None if category is None else read_id("category_id", category))
    payload = hashlib.sha256(source.payload).hexdigest()
    return Command(
        event_id(source, "payload", payload), command, scope[0], scope[1],
        texts["reason"], texts["issued_by"], event_at, place(event_at, source)[0], *target,
    )  # fmt: skip


_READERS: dict[str, Callable[[Document, Source, ParseSettings], Event | Filtered]] = {
    "transaction": _read_transaction,
    "level": _read_level,
    "threshold": _read_threshold,
    "control": _read_command,
    "cloudevent": read_cloudevent,
    "r4_event": read_service_event,
    "adjustment": read_adjustment,
}

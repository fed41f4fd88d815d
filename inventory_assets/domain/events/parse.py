"""Turn a message's bytes into an event, a rejection, or "no stock fact" (RULES 1-8, 10, 12, 22).

Here: what a single message means by itself. Not here: whether it repeats or
contradicts an earlier one (`dedupe`), or what it does (`fold`).
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from inventory_assets.domain.events.connectors import HEARTBEAT, Heartbeat, read_heartbeat
from inventory_assets.domain.events.control import (
    ALERT_COMMANDS,
    COMMANDS,
    PLAN_COMMANDS,
    Target,
    read_plan_target,
    read_target,
)
from inventory_assets.domain.events.kinds import (
    Command,
    Event,
    Filtered,
    Level,
    Position,
    Rejection,
    Status,
    ThresholdRule,
    Tombstone,
    Transaction,
    join_id,
)
from inventory_assets.domain.events.parse_threshold import Limits, Problems, read_author, read_limits, read_scope
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.strict_json import decode_object
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
from inventory_assets.ranges import MAX_CLUSTER_TIME, MAX_QUANTITY, PRODUCT_RANGES

DAY_US = 86_400_000_000
MAX_DETAIL = 1000  # characters
SIGNS = {"ORDER": -1, "RESTOCK": 1, "RETURN": 1, "ADJUSTMENT": 0, "TRANSFER": 1, "RESERVE": 1, "RELEASE": 1}

# The field whose presence decides the kind, in the order of RULES 2.
KIND_MARKERS = (
    ("level_type", "threshold"),
    ("transaction_type", "transaction"),
    ("current_stock", "level"),
    ("specversion", "cloudevent"),
    ("eventType", "r4_event"),
    ("command", "control"),
)
KINDS_BY_TOPIC: dict[str, frozenset[str]] = {
    Topic.TRANSACTIONS: frozenset({"transaction"}),
    Topic.LEVELS: frozenset({"level"}),
    Topic.THRESHOLDS: frozenset({"threshold"}),
    Topic.CONTROL: frozenset({"control"}),
    Topic.ADJUSTMENTS: frozenset({"transaction", "level", "cloudevent"}),
    Topic.SERVICES: frozenset({"transaction", "level", "r4_event"}),
}
PRODUCT_FIELDS = ("product_name", "variant_name", "brand_name", "category_name", "department_name", "supplier_id")
_READ_NUMBER = {"unit_price": read_number}
PRODUCT_NUMBERS: dict[str, Callable[[str, Any], int | float]] = {
    name: partial(_READ_NUMBER.get(name, read_within), low=low, high=high)
    for name, (low, high) in PRODUCT_RANGES.items()
}
EMBEDDED = ("min_threshold", "reorder_threshold")
_KIND_BY_COLLECTION = {"inventory": "level", "transactions": "transaction", "thresholds": "threshold"}
_WRITES = frozenset({"insert", "update", "replace", "snapshot", "read", "delete"})
_STATUSES = frozenset(Status)
_TRANSACTION_FIELDS = (
    "transaction_id", "transaction_type", "status", "sku", "warehouse_id", "quantity", "timestamp",
)  # fmt: skip


class ParseSettings(msgspec.Struct, frozen=True):
    """Bounds on event times, RULES 6. Microseconds."""

    start_at: int = 1_262_304_000_000_000  # 2010-01-01
    max_ahead: int = DAY_US


class _Source(NamedTuple):
    """What surrounds a document: its envelope and the message that carried it."""

    row_id: str | None
    publish_at: int
    cluster_time: tuple[int, int] | None
    source_epoch: int
    is_delete: bool
    payload: bytes
    name: str = ""


def parse_message(
    topic: str, data: bytes, attributes: dict[str, str], publish_at: int, settings: ParseSettings
) -> Event | Rejection | Filtered:
    """Read one message. Never raises for what the data holds.

    Args:
        topic: Its short name, which decides the kinds it may carry.
        data: The body, up to 10 MB.
        attributes: `row_id` identifies a row of a published file.
        publish_at: Microseconds; the bound for event times, so that a replay agrees.
        settings: Bounds on event times.
    """
    try:
        body = decode_object(data)
        document, source = _open_envelope(body, data, attributes, publish_at)
        if document is None:
            return Filtered("no_document")
        kind = _kind(document, body, source)
        if kind is None:
            return _filtered(document, publish_at)
        if kind not in KINDS_BY_TOPIC.get(topic, ()):
            raise InvalidValue("wrong_topic", f"a {kind} was published to {topic!r}")
        reader = _READERS.get(kind)
        if reader is None:
            raise InvalidValue("unsupported_kind", f"{kind} messages are not supported yet")
        return reader(document, source, settings)
    except InvalidValue as invalid:
        # Bounded: a key of 10 MB must not be stored a second time as a complaint.
        return Rejection(invalid.reason, invalid.detail[:MAX_DETAIL])


def _filtered(document: dict[str, Any], publish_at: int) -> Filtered:
    heard = read_heartbeat(document, publish_at) if document.get("type") == HEARTBEAT else None
    return Filtered("no_stock_fact") if heard is None else Heartbeat("no_stock_fact", heard)


def _open_envelope(
    body: dict[str, Any], data: bytes, attributes: dict[str, str], publish_at: int
) -> tuple[dict[str, Any] | None, _Source]:
    row_id = attributes.get("row_id")
    if row_id is not None:
        row_id = read_id("row_id", row_id)
    if "document" not in body:
        # What happened to a whole collection (drop, rename) is about no document (RULES 9).
        operation = body.get("operation")
        if "namespace" in body and type(operation) is str and operation not in _WRITES:
            return None, _Source(row_id, publish_at, None, 0, False, data)
        return body, _Source(row_id, publish_at, None, 0, False, data)
    operation = body.get("operation")
    if operation is not None and type(operation) is not str:
        raise InvalidValue("invalid_value", "the envelope's operation was no text")
    if operation is not None and operation not in _WRITES:
        return None, _Source(row_id, publish_at, None, 0, False, data)
    cluster_time = _read_cluster_time(body.get("cluster_time"))
    epoch = body.get("source_epoch")
    source_epoch = 0 if epoch is None else read_within("source_epoch", epoch, 0, MAX_QUANTITY)
    source = _Source(row_id, publish_at, cluster_time, source_epoch, operation == "delete", data, _name(body))
    document = body["document"]
    if document is None and operation == "delete":
        document = body.get("document_key")
    if type(document) is not dict:
        raise InvalidValue("missing_field", "the envelope's document was absent or no object")
    return document, source


def _name(body: dict[str, Any]) -> str:
    """Whose clock an envelope's positions are of (RULES 12)."""
    return next((body[field] for field in ("connector_id", "source") if type(body.get(field)) is str), "")


def _read_cluster_time(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if type(value) is dict and type(value.get("$timestamp")) is dict:
        value = value["$timestamp"]
    if type(value) is not dict or "t" not in value or "i" not in value:
        raise InvalidValue("invalid_value", "cluster_time was no object with t and i")
    t, i = (read_within(f"cluster_time.{part}", value[part], 0, MAX_CLUSTER_TIME) for part in ("t", "i"))
    return t, i


def _kind(document: dict[str, Any], body: dict[str, Any], source: _Source) -> str | None:
    if source.is_delete:
        # A deleted document may come as its key alone, so its collection decides.
        kind = _KIND_BY_COLLECTION.get(str(body.get("namespace", "")).rpartition(".")[2])
        if kind == "transaction":
            return None  # archiving old transactions takes no stock away
        if kind is not None:
            return kind
    for marker, kind in KIND_MARKERS:
        if marker in document:
            return kind
    if document.get("type") == HEARTBEAT or "heartbeat" in document:
        return None
    raise InvalidValue("unknown_kind", f"no known field among {sorted(document)[:12]!r}")


def _require(document: dict[str, Any], *fields: str) -> list[Any]:
    """The values of fields that must be there."""
    values = [*map(document.get, fields)]
    if None in values:
        missing = [field for field, value in zip(fields, values, strict=True) if value is None]
        raise InvalidValue("missing_field", f"required and absent or null: {', '.join(missing)}")
    return values


def _first_time(document: dict[str, Any], *fields: str) -> int | None:
    for field in fields:
        if (value := document.get(field)) is not None:
            return read_time(field, value)
    return None


def _check_time(event_at: int, source: _Source, settings: ParseSettings) -> None:
    if not settings.start_at <= event_at <= source.publish_at + settings.max_ahead:
        shown = format_time(event_at) if 0 <= event_at < 253_402_300_800_000_000 else f"{event_at} us"
        raise InvalidValue(
            "event_time_out_of_range",
            f"event time {shown}, expected {format_time(settings.start_at)} to publish time plus "
            f"{settings.max_ahead // 3_600_000_000} h",
        )


def _place(event_at: int, source: _Source) -> tuple[Position, bool]:
    if source.cluster_time is None:
        return (source.source_epoch, event_at, 0), False
    seconds, increment = source.cluster_time
    return (source.source_epoch, seconds * 1_000_000, increment), True


def _id_suffix(source: _Source) -> tuple[str, ...]:
    if source.cluster_time is None:
        return ()
    seconds, increment = source.cluster_time
    # After a database begins anew, its clock may tell a time again.
    epoch = f"{source.source_epoch}." if source.source_epoch else ""
    return (f"{epoch}{seconds}.{increment}",)


def _event_id(source: _Source, *parts: str) -> str:
    if source.row_id is not None:
        return join_id("row", source.row_id)
    # The cluster time is digits and a dot, so it needs no escape.
    return join_id(*parts)


def _read_transaction(document: dict[str, Any], source: _Source, settings: ParseSettings) -> Event:
    own_id, type_, status, sku, warehouse_id, quantity, _ = _require(document, *_TRANSACTION_FIELDS)
    if type(type_) is not str or type_ not in SIGNS:
        raise InvalidValue("invalid_value", f"transaction_type was {type_!r}, expected one of {', '.join(SIGNS)}")
    if type(status) is not str or status not in _STATUSES:
        raise InvalidValue("invalid_value", f"status was {status!r}, expected one of {', '.join(Status)}")
    transaction_id = read_id("transaction_id", own_id)
    warehouse_id, sku = read_id("warehouse_id", warehouse_id), read_id("sku", sku)
    quantity = read_integer("quantity", quantity)
    sign = SIGNS[type_]
    if quantity == 0 or quantity * sign < 0:
        expected = {1: "above 0", -1: "below 0", 0: "not 0"}[sign]
        raise InvalidValue("invalid_sign", f"quantity of {type_} was {quantity}, expected {expected}")
    to_warehouse_id = None
    if type_ == "TRANSFER":
        _require(document, "to_warehouse_id")
        to_warehouse_id = read_id("to_warehouse_id", document["to_warehouse_id"])
        if to_warehouse_id == warehouse_id:
            raise InvalidValue("invalid_value", f"to_warehouse_id was the sender {warehouse_id!r} itself")
    elif status == Status.SHIPPED:
        raise InvalidValue("invalid_value", f"status SHIPPED on {type_}, expected on TRANSFER only")
    line_id = None if document.get("line_id") is None else read_id("line_id", document["line_id"])
    event_at = _first_time(document, "updated_at", "status_changed_at", "timestamp")
    assert event_at is not None  # timestamp is required
    _check_time(event_at, source, settings)
    position, has_cluster_time = _place(event_at, source)
    own = (warehouse_id, transaction_id) if line_id is None else (warehouse_id, transaction_id, line_id)
    return Transaction(
        _event_id(source, "transaction", *own, status, *_id_suffix(source)),
        transaction_id, type_, status, warehouse_id, sku, to_warehouse_id, quantity, event_at,
        position, has_cluster_time, source.name, line_id,
    )  # fmt: skip


def _read_level(document: dict[str, Any], source: _Source, settings: ParseSettings) -> Event:
    if source.is_delete:
        return _read_tombstone(document, source, settings)
    _require(document, "sku", "warehouse_id", "current_stock", "last_updated")
    warehouse_id, sku = read_id("warehouse_id", document["warehouse_id"]), read_id("sku", document["sku"])
    last_updated = read_time("last_updated", document["last_updated"])
    event_at = _first_time(document, "updated_at", "status_changed_at")
    event_at = last_updated if event_at is None else event_at
    _check_time(event_at, source, settings)
    _check_time(last_updated, source, settings)  # part of the event id
    position, has_cluster_time = _place(event_at, source)
    reserved = _read_optional("reserved_stock", document.get("reserved_stock"))
    restock = document.get("restock_in_progress")
    minimum, reorder = _read_embedded(document)
    product_fields, ignored = _read_product_fields(document)
    if reserved is None and document.get("reserved_stock") is not None:
        ignored = (*ignored, "reserved_stock")
    if (minimum, reorder) == (None, None):
        ignored += tuple(field for field in EMBEDDED if document.get(field) is not None)
    return Level(
        _event_id(source, "level", warehouse_id, sku, *(_id_suffix(source) or (format_time(last_updated),))),
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


def _read_parents(document: dict[str, Any]) -> tuple[str, str, str, str]:
    parents = []
    for field in ("department_id", "category_id", "brand_id", "product_id"):
        value = document.get(field)
        parents.append("UNKNOWN" if value is None else read_id(field, value))
    return (parents[0], parents[1], parents[2], parents[3])


def _read_embedded(document: dict[str, Any]) -> tuple[int | None, int | None]:
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
    document: dict[str, Any],
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


def _read_tombstone(document: dict[str, Any], source: _Source, settings: ParseSettings) -> Event:
    _require(document, "warehouse_id", "sku")
    warehouse_id, sku = read_id("warehouse_id", document["warehouse_id"]), read_id("sku", document["sku"])
    if source.cluster_time is None:
        raise InvalidValue("missing_field", "a deleted inventory document came without cluster_time")
    event_at = source.cluster_time[0] * 1_000_000
    _check_time(event_at, source, settings)
    position, has_cluster_time = _place(event_at, source)
    return Tombstone(
        _event_id(source, "tombstone", warehouse_id, sku, *_id_suffix(source)),
        warehouse_id, sku, event_at, position, has_cluster_time, source.name,
    )  # fmt: skip


def _read_threshold(document: dict[str, Any], source: _Source, settings: ParseSettings) -> Event:
    problems: Problems = []
    level_type, level_id, warehouse_id = read_scope(document, problems)
    _raise_first(problems)
    event_at = _first_time(document, "updated_at", "created_at")
    event_at = source.publish_at if event_at is None else event_at
    _check_time(event_at, source, settings)
    position, _ = _place(event_at, source)
    suffix = _id_suffix(source) or (format_time(event_at),)
    deleted = document.get("deleted")
    is_deleted = source.is_delete or (deleted is not None and read_boolean("deleted", deleted))
    limits = Limits() if is_deleted else read_limits(document, problems)
    _raise_first(problems)
    author, reason = read_author(document, source.name or None)
    return ThresholdRule(
        _event_id(source, "rule", level_type, level_id, warehouse_id or "", *suffix),
        level_type, level_id, warehouse_id, limits.min_threshold_qty, limits.reorder_threshold_qty,
        limits.min_threshold_days, limits.reorder_threshold_days, limits.cooldown_minutes, limits.is_enabled,
        is_deleted, event_at, position, author, reason, limits.alert_settings, limits.dynamic,
        source.name,
    )  # fmt: skip


def _raise_first(problems: Problems) -> None:
    if problems:
        raise problems[0]


def _read_command(document: dict[str, Any], source: _Source, settings: ParseSettings) -> Event:
    _require(document, "command", "reason", "issued_by")
    command = document["command"]
    if command == "snapshot":
        raise InvalidValue("invalid_command", "a copy is the connector's to make: `inventory connector snapshot`")
    if type(command) is not str or command not in COMMANDS:
        raise InvalidValue("invalid_command", f"command was {command!r}, expected one of {', '.join(sorted(COMMANDS))}")
    texts = {}
    for field in ("reason", "issued_by"):
        try:
            texts[field] = read_remark(field, document[field])
        except InvalidValue as error:
            raise InvalidValue("invalid_command", error.detail) from None
    scope = [
        None if document.get(field) is None else read_id(field, document[field]) for field in ("warehouse_id", "sku")
    ]
    event_at = _first_time(document, "timestamp", "created_at")
    event_at = source.publish_at if event_at is None else event_at
    _check_time(event_at, source, settings)
    if command in ALERT_COMMANDS:
        target = read_target(document, command, scope, event_at)
    elif command in PLAN_COMMANDS:
        target = read_plan_target(document, command, event_at)
    else:
        category = document.get("category_id")
        target = Target(category_id=None if category is None else read_id("category_id", category))
    payload = hashlib.sha256(source.payload).hexdigest()
    return Command(
        _event_id(source, "payload", payload), command, scope[0], scope[1],
        texts["reason"], texts["issued_by"], event_at, _place(event_at, source)[0], *target,
    )  # fmt: skip


_READERS = {
    "transaction": _read_transaction,
    "level": _read_level,
    "threshold": _read_threshold,
    "control": _read_command,
}

"""Read one message into one event: RULES 1-8 and 10-12, as little of them as the oracle needs.

Belongs here: JSON, the connector's envelope, field checks, event ids, positions.
Does not: anything that needs a second event (duplicates, folding, alerts).
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2010, 1, 1, tzinfo=UTC)  # RULE 6, the default start date
LEAD = timedelta(hours=24)  # RULE 6, the default tolerance
QUANTITY_LIMIT = 10**12  # RULE 5
TOPICS = {  # RULE 2, and the paragraph before 38
    "rule": {"thresholds-topic", "inventory-topic"},
    "transaction": {"inventory-transactions-topic", "inventory-topic"},
    "level": {"inventory-updates-topic", "inventory-topic"},
    "tombstone": {"inventory-updates-topic", "inventory-topic"},
    "control": {"control-topic"},
    "cloud": {"inventory-events", "inventory-topic", "inventory-updates-topic", "inventory-transactions-topic"},
    "r4": {"inventory-events"},
    "adjustment": {"inventory-topic"},
}
SHAPES = [  # RULE 2, in the order of its text
    ("level_type", "rule"),
    ("transaction_type", "transaction"),
    ("current_stock", "level"),
    ("specversion", "cloud"),
    ("eventType", "r4"),
    ("command", "control"),
    ("adjustment", "adjustment"),
]
STATUSES = {"PENDING", "SHIPPED", "COMPLETED", "CANCELLED"}
SIGNS = {  # RULE 8
    "ORDER": -1,
    "RESTOCK": 1,
    "RETURN": 1,
    "ADJUSTMENT": 0,
    "TRANSFER": 1,
    "RESERVE": 1,
    "RELEASE": 1,
}
LEVEL_TYPES = ["SKU", "PRODUCT", "BRAND", "CATEGORY", "DEPARTMENT", "GLOBAL"]  # RULE 21, in order
PARENTS = ["department_id", "category_id", "brand_id", "product_id"]
THRESHOLDS = [
    "min_threshold_qty",
    "reorder_threshold_qty",
    "min_threshold_days",
    "reorder_threshold_days",
]
DDL = {"create", "drop", "rename", "dropDatabase", "invalidate", "heartbeat", "createIndexes"}
TRANSACTION_FIELDS = [  # RULE 3
    "transaction_id",
    "transaction_type",
    "status",
    "sku",
    "warehouse_id",
    "quantity",
    "timestamp",
]
PRODUCT_INTEGERS = ["lead_time_days", "order_up_to", "pack_multiple", "min_order_qty"]  # RULE 19

COMMANDS = {  # RULE 36
    "pause", "resume", "re-evaluate", "ack", "silence", "unsilence", "escalate", "resolve", "note",
    "inhibit", "uninhibit", "plan-accept", "plan-dismiss", "plan-snooze",
}  # fmt: skip

Position = tuple[int, int, int]


class Rejected(Exception):
    """A message that becomes a dead letter; `reason` is its dead-letter reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True)
class Message:
    """One received message."""

    topic: str
    data: bytes
    publish_time: datetime
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One valid event. `content` is what RULE 11 compares; `at` its event time."""

    kind: str  # level, transaction, tombstone, rule, control, filtered
    event_id: str
    position: Position
    has_cluster_time: bool
    at: datetime
    keys: tuple[tuple[str, str], ...]
    fields: dict[str, Any]
    content: tuple
    source: str = ""  # RULE 12: who numbered the position


@dataclass(frozen=True)
class Origin:
    """What an envelope says of where and when a document comes from (RULES 1, 12)."""

    source: str
    epoch: int
    cluster: tuple[int, int] | None  # second and increment

    @property
    def moment(self) -> str | None:
        """The cluster time as ids spell it: an epoch other than 0 is part of it (RULE 10)."""
        if self.cluster is None:
            return None
        return ".".join(str(part) for part in (*([self.epoch] if self.epoch else []), *self.cluster))

    def place(self, at: datetime) -> Position:
        """RULE 12: the cluster time's second where there is one, else the event time."""
        if self.cluster:
            return (self.epoch, self.cluster[0] * 1_000_000, self.cluster[1])
        return (self.epoch, (at - EPOCH) // timedelta(microseconds=1), 0)


def spell_time(moment: datetime) -> str:
    """Spell a time as ids and outputs do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def spell_id(*parts: str) -> str:
    """Join the escaped parts of an event id."""
    return ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)


def place_of(event: Event) -> datetime:
    """RULE 25: where a rule or a command stands in time, its position's instant."""
    return EPOCH + timedelta(microseconds=event.position[1])


def read_json(data: bytes) -> dict:
    """Parse strictly (RULES 1, 7): no BOM, duplicate key, NaN, trailing data, depth over 100."""

    def no_repeats(pairs: list) -> dict:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("duplicate key")
        return dict(pairs)

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        text = data.decode("utf-8")
        body = json.loads(text, object_pairs_hook=no_repeats, parse_constant=no_constant)
        if not isinstance(body, dict) or _depth(body) > 100:
            raise ValueError("not an object of depth up to 100")
    except (ValueError, RecursionError) as error:
        raise Rejected("invalid_json", str(error)) from error
    return body


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(v) for v in value), default=0)
    return 0


def read_integer(value: object, *, limit: int = QUANTITY_LIMIT) -> int:
    """Read an integer (RULE 5)."""
    number = None
    if isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if isinstance(inner, str):
            number = _extended(name, inner)
    is_integral = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    is_digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,4000}", value)
    if (isinstance(value, int) and not isinstance(value, bool)) or is_integral or is_digits:
        number = int(value)
    if number is None or abs(number) > limit:
        raise Rejected("invalid_value", repr(value))
    return number


def _extended(name: str, text: str) -> int | None:
    """The integer of an Extended JSON number, None where it is none (RULE 5)."""
    if name in ("$numberInt", "$numberLong") and re.fullmatch(r"-?[0-9]{1,4000}", text):
        return int(text)
    if name in ("$numberDouble", "$numberDecimal"):
        if not re.fullmatch(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,6})?", text):
            return None
        number = Decimal(text)
        # The size first: 1E+999999 has a million digits.
        if number.adjusted() < 20 and number == number.to_integral_value():
            return int(number)
    return None


def read_optional_integer(value: object) -> int | None:
    """RULE 5: an optional integer that does not fit is null."""
    try:
        return None if value is None else read_integer(value)
    except Rejected:
        return None


def read_time(value: object) -> datetime:
    """Read a time to the microsecond, UTC unless it says otherwise (RULE 6)."""
    if isinstance(value, dict) and list(value) == ["$date"]:
        value = value["$date"]
        if not isinstance(value, str):
            try:
                # Milliseconds since 1970 exceed RULE 5's 10^12, which is for quantities.
                return EPOCH + timedelta(milliseconds=read_integer(value, limit=10**18))
            except OverflowError:
                raise Rejected("invalid_value", repr(value)) from None
        if re.fullmatch(r"-?[0-9]+", value):
            raise Rejected("invalid_value", repr(value))
    form = (
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
        r"(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
    )
    found = re.fullmatch(form, value) if isinstance(value, str) else None
    if not found:
        raise Rejected("invalid_value", repr(value))
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    micros = (fraction or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise Rejected("invalid_value", repr(value)) from None


def read_id(value: object) -> str:
    """Read an id (RULE 4)."""
    if (
        not isinstance(value, str)
        or not 1 <= len(value.encode("utf-8", "surrogatepass")) <= 256
        or value != value.strip()
        or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)
    ):
        raise Rejected("invalid_id", repr(value))
    return value


def read_event(message: Message) -> Event:
    """Read one message, or raise `Rejected`."""
    from tests.rules import reading_envelopes

    event = reading_envelopes.cloudevent_of(message)
    if event is not None:
        if message.topic not in TOPICS["cloud"]:
            raise Rejected("wrong_topic")
        return reading_envelopes.read_cloudevent(message, event)
    body = read_json(message.data)
    is_envelope = "document" in body or "operation" in body
    envelope = body if is_envelope else {}
    operation = envelope.get("operation")
    if operation in DDL:
        return _inert(message, "filtered")
    document = body.get("document") if is_envelope else body
    if operation == "delete":
        document = {**(envelope.get("document_key") or {}), **(document or {})}
    if not isinstance(document, dict):
        raise Rejected("unknown_kind", "no document")
    kind = next((kind for name, kind in SHAPES if name in document), None)
    if operation == "delete":
        is_inventory = str(envelope.get("namespace", "")).endswith("inventory")
        if kind == "level" or (kind is None and is_inventory):
            kind = "tombstone"
    if kind is None:
        raise Rejected("unknown_kind")
    if message.topic not in TOPICS[kind]:
        raise Rejected("wrong_topic")
    if kind in reading_envelopes.READERS:
        return reading_envelopes.READERS[kind](message, document)
    if kind == "control":
        return _command(message, document)
    if kind == "transaction" and operation == "delete":
        return _inert(message, "filtered")
    readers = {
        "transaction": _transaction,
        "level": _level,
        "tombstone": _tombstone,
        "rule": _rule,
    }
    return readers[kind](message, document, _origin(envelope), operation == "delete")


def _inert(message: Message, kind: str) -> Event:
    event_id = spell_id("payload", hashlib.sha256(message.data).hexdigest())
    at = message.publish_time
    return Event(kind, event_id, (0, 0, 0), False, at, (), {}, ())


def _origin(envelope: dict) -> Origin:
    """RULE 12: the source's name, its epoch, and the cluster time where there is one."""
    names = [envelope.get(name) for name in ("connector_id", "source")]
    source = next((read_id(name) for name in names if name not in (None, "")), "")
    epoch = envelope.get("source_epoch")
    epoch = 0 if epoch is None else read_integer(epoch)
    if epoch < 0:
        raise Rejected("invalid_value", f"source_epoch {epoch}")
    cluster = envelope.get("cluster_time")
    if isinstance(cluster, dict) and "$timestamp" in cluster:
        cluster = cluster["$timestamp"]
    if cluster is None:
        return Origin(source, epoch, None)
    if not isinstance(cluster, dict) or not {"t", "i"} <= set(cluster):
        raise Rejected("invalid_value", "cluster_time")
    return Origin(source, epoch, (read_integer(cluster["t"]), read_integer(cluster["i"])))


def require(document: dict, names: list[str]) -> None:
    """RULE 3: what must be there."""
    for name in names:
        if document.get(name) is None:
            raise Rejected("missing_field", name)


def read_in_range(at: datetime, message: Message) -> datetime:
    """RULE 6: neither long ago nor far ahead of the publish time."""
    if at > message.publish_time + LEAD or at < START:
        raise Rejected("event_time_out_of_range", spell_time(at))
    return at


def _event_time(document: dict, fallback: str) -> datetime:
    """RULE 12: `updated_at`, else `status_changed_at`, else the document's own time."""
    times = [read_time(document[fallback])]  # it must be readable even where it is not used
    for name in ("status_changed_at", "updated_at"):
        if document.get(name) is not None:
            times.append(read_time(document[name]))
    return times[-1]


def _own_id(message: Message, *parts: str) -> str:
    """RULE 10: a row of a file is identified by its row."""
    if "row_id" in message.attributes:
        return spell_id("row", message.attributes["row_id"])
    return spell_id(*parts)


def _transaction(message: Message, document: dict, origin: Origin, _: bool) -> Event:
    require(document, TRANSACTION_FIELDS)
    kind = document["transaction_type"]
    if kind == "TRANSFER":
        require(document, ["to_warehouse_id"])
    transaction_id = read_id(document["transaction_id"])
    sku = read_id(document["sku"])
    warehouse_id = read_id(document["warehouse_id"])
    to_warehouse_id = read_id(document["to_warehouse_id"]) if kind == "TRANSFER" else None
    if to_warehouse_id == warehouse_id:  # RULE 16 has two ends
        raise Rejected("invalid_value", "a TRANSFER to its own sender")
    status = document["status"]
    if not isinstance(kind, str) or kind not in SIGNS:
        raise Rejected("invalid_value", f"transaction_type {kind!r}")
    if not isinstance(status, str) or status not in STATUSES:
        raise Rejected("invalid_value", f"status {status!r}")
    if status == "SHIPPED" and kind != "TRANSFER":  # RULE 16 gives SHIPPED to transfers only
        raise Rejected("invalid_value", "SHIPPED is for a TRANSFER")
    quantity = read_integer(document["quantity"])
    at = _event_time(document, "timestamp")
    if quantity == 0 or quantity * SIGNS[kind] < 0:  # RULE 8
        raise Rejected("invalid_sign", f"{kind} {quantity}")
    read_in_range(at, message)
    line_id = document.get("line_id")
    identity = (warehouse_id, transaction_id, *([] if line_id is None else [read_id(line_id)]))
    parts = ["transaction", *identity, status, *([origin.moment] if origin.moment else [])]
    keys = [(warehouse_id, sku)]
    if to_warehouse_id is not None and to_warehouse_id != warehouse_id:
        keys.append((to_warehouse_id, sku))
    fields = {
        "identity": identity,
        "type": kind,
        "status": status,
        "sku": sku,
        "warehouse_id": warehouse_id,
        "to_warehouse_id": to_warehouse_id,
        "quantity": quantity,
    }
    return Event(
        "transaction",
        _own_id(message, *parts),
        origin.place(at),
        origin.cluster is not None,
        at,
        tuple(keys),
        fields,
        ("transaction", warehouse_id, sku, to_warehouse_id, kind, quantity),
        origin.source,
    )


def _level(message: Message, document: dict, origin: Origin, _: bool) -> Event:
    require(document, ["sku", "warehouse_id", "current_stock", "last_updated"])
    sku = read_id(document["sku"])
    warehouse_id = read_id(document["warehouse_id"])
    parents = {name: "UNKNOWN" if document.get(name) is None else read_id(document[name]) for name in PARENTS}
    on_hand = read_integer(document["current_stock"])
    reserved = read_optional_integer(document.get("reserved_stock"))
    flag = document.get("restock_in_progress")
    if flag is not None and not isinstance(flag, bool):
        raise Rejected("invalid_value", "restock_in_progress")
    last_updated = read_time(document["last_updated"])
    at = read_in_range(_event_time(document, "last_updated"), message)
    moment = origin.moment or spell_time(last_updated)
    embedded = _embedded(document)
    fields = {
        "sku": sku,
        "warehouse_id": warehouse_id,
        "on_hand": on_hand,
        "reserved": reserved,
        "restock_in_progress": bool(flag),
        "embedded": embedded,
        "parents": parents,
        "product": {name: read_optional_integer(document.get(name)) for name in PRODUCT_INTEGERS},
    }
    return Event(
        "level",
        _own_id(message, "level", warehouse_id, sku, moment),
        origin.place(at),
        origin.cluster is not None,
        at,
        ((warehouse_id, sku),),
        fields,
        ("level", warehouse_id, sku, on_hand, reserved, tuple(parents.values()), embedded),
        origin.source,
    )


def _embedded(document: dict) -> tuple[int | None, int | None] | None:
    """The level's own (min, reorder), or None where absent or invalid (RULE 22)."""
    pair = []
    for name in ("min_threshold", "reorder_threshold"):
        value = document.get(name)
        try:
            pair.append(None if value is None else read_integer(value))
        except Rejected:
            return None
    low, reorder = pair
    if low is None and reorder is None:
        return None
    if any(value is not None and value < 0 for value in pair):
        return None
    if low is not None and reorder is not None and low > reorder:
        return None
    return (low, reorder)


def _tombstone(message: Message, document: dict, origin: Origin, _: bool) -> Event:
    """RULE 17: a deleted inventory document."""
    require(document, ["sku", "warehouse_id"])
    key = (read_id(document["warehouse_id"]), read_id(document["sku"]))
    if origin.cluster is None or origin.moment is None:
        raise Rejected("missing_field", "cluster_time")
    try:
        at = EPOCH + timedelta(seconds=origin.cluster[0])
    except OverflowError:
        raise Rejected("invalid_value", "cluster_time") from None
    event_id = _own_id(message, "tombstone", *key, origin.moment)
    read_in_range(at, message)
    content = ("tombstone", *key)
    return Event("tombstone", event_id, origin.place(at), True, at, (key,), {}, content, origin.source)


def _rule(message: Message, document: dict, origin: Origin, is_delete: bool) -> Event:
    """RULES 10, 21, 22: one threshold rule, or its deletion."""
    require(document, ["level_type"])
    level_type = document["level_type"]
    if level_type not in LEVEL_TYPES:
        raise Rejected("invalid_value", f"level_type {level_type!r}")
    level_id = ""
    if level_type != "GLOBAL":
        require(document, ["level_id"])
        level_id = read_id(document["level_id"])
    warehouse_id = document.get("warehouse_id")
    warehouse_id = None if warehouse_id is None else read_id(warehouse_id)
    times = [read_time(document[n]) for n in ("updated_at", "created_at") if document.get(n) is not None]
    at = read_in_range(times[0] if times else message.publish_time, message)
    is_deleted = is_delete or document.get("deleted") is True
    record = None if is_deleted else _thresholds(document)
    moment = origin.moment or spell_time(at)
    event_id = _own_id(message, "rule", level_type, level_id, warehouse_id or "", moment)
    scope = (level_type, level_id, warehouse_id)
    return Event(
        "rule",
        event_id,
        origin.place(at),
        origin.cluster is not None,
        at,
        (),
        {"scope": scope, "record": record},
        ("rule", scope, None if record is None else tuple(record.items())),
        origin.source,
    )


def _thresholds(document: dict) -> dict:
    """RULE 22: a valid record, or a dead letter `invalid_threshold`."""
    settings = document.get("alert_settings")
    settings = {} if settings is None else settings
    try:
        if not isinstance(settings, dict):
            raise Rejected("invalid_threshold", "alert_settings")
        record: dict[str, Any] = dict.fromkeys(THRESHOLDS)
        for name in THRESHOLDS:
            if document.get(name) is not None:
                reader = _days if name.endswith("_days") else read_integer
                record[name] = reader(document[name])
        cooldown = settings.get("cooldown_period_minutes")
        record["cooldown_minutes"] = 60 if cooldown is None else read_integer(cooldown)
    except Rejected as error:
        raise Rejected("invalid_threshold", str(error)) from error
    enabled = settings.get("enabled")
    record["enabled"] = True if enabled is None else enabled
    values = [record[name] for name in THRESHOLDS]
    pairs = [(values[0], values[1]), (values[2], values[3])]
    if (
        not isinstance(record["enabled"], bool)
        or (record["enabled"] and all(value is None for value in values))  # else a pure mute
        or any(value is not None and value < 0 for value in values)
        or any(None not in pair and pair[0] > pair[1] for pair in pairs)
        or record["cooldown_minutes"] < 0
    ):
        raise Rejected("invalid_threshold")
    return record


def _days(value: object) -> int | Fraction:
    """A number of days: an integer, or a fraction of one."""
    if isinstance(value, float) and abs(value) < QUANTITY_LIMIT and not value.is_integer():
        return Fraction(value)
    return read_integer(value)


def _command(message: Message, document: dict) -> Event:
    """RULE 36: what it does, to what scope, when, in whose name."""
    name = document["command"]
    if not isinstance(name, str) or name not in COMMANDS:
        raise Rejected("invalid_command", repr(name))
    require(document, ["reason", "issued_by"])
    timestamp = document.get("timestamp")
    at = message.publish_time if timestamp is None else read_in_range(read_time(timestamp), message)
    named = {
        field: None if document.get(field) is None else read_id(document[field])
        for field in ("warehouse_id", "sku", "category_id", "alert_id", "alert_type", "source", "issued_by")
    }
    until, minutes = document.get("until"), document.get("minutes")
    if name == "silence" and (until is None) == (minutes is None):
        raise Rejected("invalid_command", "a silence has one end")
    end = None if until is None else read_time(until)
    if minutes is not None:
        end = at + timedelta(minutes=read_integer(minutes))
    fields = {"command": name, **named, "end": end}
    event_id = spell_id("payload", hashlib.sha256(message.data).hexdigest())
    place = Origin("", 0, None).place(at)
    return Event("control", event_id, place, False, at, (), fields, ())


def contradicts(event: Event, other: Event) -> bool:
    """A row of a file has its own id (RULE 10); what it says of one transaction or level and time is one fact (RULE 11)."""
    is_row = any(each.event_id.startswith("row:") for each in (event, other))
    if not is_row or event.kind != other.kind or event.has_cluster_time:
        return False
    if event.kind == "transaction":
        is_same = all(event.fields[name] == other.fields[name] for name in ("identity", "status"))
    else:
        is_same = event.kind == "level" and _level_name(event) == _level_name(other)
    return (
        is_same
        and (event.position, event.source) == (other.position, other.source)
        and (event.content != other.content)
    )


def _level_name(event: Event) -> str:
    """What identifies it without its row."""
    if event.event_id.startswith("row:"):
        return spell_id("level", *event.keys[0], spell_time(place_of(event)))
    return event.event_id

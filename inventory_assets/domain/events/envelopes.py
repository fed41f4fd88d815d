"""Which envelope a message has, and the document inside it (RULES 1, 2, 38-41).

Here: what surrounds a document (a connector's envelope, Pub/Sub attributes, a
schema's encoding) and its kind. Not here: reading the document (`parse` for
R0's, a module for each other envelope).
"""

from typing import Any

from inventory_assets.domain.events.cloudevents import BINARY_MARKS, STRUCTURED_TYPE, from_attributes
from inventory_assets.domain.events.connectors import HEARTBEAT
from inventory_assets.domain.events.reading import Document, ParseSettings, Source
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue, read_id, read_time, read_within
from inventory_assets.ranges import MAX_CLUSTER_TIME, MAX_QUANTITY

# The field whose presence decides the kind, in the order of RULES 2.
KIND_MARKERS = (
    ("level_type", "threshold"),
    ("transaction_type", "transaction"),
    ("current_stock", "level"),
    ("specversion", "cloudevent"),
    ("eventType", "r4_event"),
    ("command", "control"),
    ("adjustment", "adjustment"),
)
# Messages about something that happened, of which a collection is at most a record.
EVENT_ENVELOPES = frozenset({"cloudevent", "r4_event", "adjustment"})
KINDS_BY_TOPIC: dict[str, frozenset[str]] = {
    Topic.TRANSACTIONS: frozenset({"transaction", "cloudevent"}),
    Topic.LEVELS: frozenset({"level", "cloudevent"}),
    Topic.THRESHOLDS: frozenset({"threshold"}),
    Topic.CONTROL: frozenset({"control"}),
    Topic.ADJUSTMENTS: frozenset({"transaction", "level", "threshold", "cloudevent", "adjustment"}),
    Topic.SERVICES: frozenset({"cloudevent", "r4_event"}),
}
ENCODING = "googclient_schemaencoding"
"""Pub/Sub's own attribute on each message of a topic with a schema."""
FIRST_PUBLISHED = "first_published_at"
"""Attribute of a replayed dead letter: when it was published at first, as text."""
REPLAY_OF = "replay_of"

_CONTENT_TYPE = "content-type"
_MARKS = frozenset({"row_id", _CONTENT_TYPE, ENCODING, REPLAY_OF}) | BINARY_MARKS
_KIND_BY_COLLECTION = {"inventory": "level", "transactions": "transaction", "thresholds": "threshold"}
_WRITES = frozenset({"insert", "update", "replace", "snapshot", "read", "delete"})
_ADJUSTMENT_FIELDS = frozenset({"item_id", "adjustment", "timestamp", "warehouse_id", "event_id", "reason"})
_NESTED = (("stock_level", "level"), ("stock_transaction", "transaction"))


Opened = tuple[str | None, Document | None, Source]
"""(kind, document, source). No document: it is about none; no kind alone: it states no stock fact.

A plain tuple, as one is made for every message.
"""


def open_message(
    topic: str, data: bytes, attributes: dict[str, str], publish_at: int, settings: ParseSettings
) -> Opened:
    """Take a message's document out of its envelope.

    Raises:
        InvalidValue: It is in none that is known, or the envelope itself is wrong.
    """
    # Most messages have no attributes that say anything: one look, and the body decides.
    if _MARKS.isdisjoint(attributes):
        return _open_body(decode_object(data), data, publish_at, None, None)
    row_id, first = attributes.get("row_id"), None
    if row_id is not None:
        row_id = read_id("row_id", row_id)
    if REPLAY_OF in attributes and (text := attributes.get(FIRST_PUBLISHED)) is not None:
        first = min(read_time(FIRST_PUBLISHED, text), publish_at)
    source = Source(row_id, publish_at, None, 0, False, data, "", first)
    if topic == Topic.ADJUSTMENTS and (encoding := attributes.get(ENCODING)) is not None:
        return _open_protobuf(data, encoding, source, settings)
    if attributes.get(_CONTENT_TYPE, "").partition(";")[0].strip().lower() == STRUCTURED_TYPE:
        return "cloudevent", decode_object(data), source
    if not BINARY_MARKS.isdisjoint(attributes):
        return "cloudevent", from_attributes(attributes, data), source
    return _open_body(decode_object(data), data, publish_at, row_id, first)


def _open_body(body: Document, data: bytes, publish_at: int, row_id: str | None, first: int | None) -> Opened:
    operation = body.get("operation")
    if "document" not in body or "specversion" in body:
        source = Source(row_id, publish_at, None, 0, False, data, "", first)
        # What happened to a whole collection (drop, rename) is about no document (RULES 9).
        if "namespace" in body and type(operation) is str and operation not in _WRITES:
            return None, None, source
        return _kind(body), body, source
    if operation is not None and type(operation) is not str:
        raise InvalidValue("invalid_value", "the envelope's operation was no text", "operation")
    if operation is not None and operation not in _WRITES:
        return None, None, Source(row_id, publish_at, None, 0, False, data)
    is_delete = operation == "delete"
    cluster_time, source_epoch = _read_position(body)
    source = Source(row_id, publish_at, cluster_time, source_epoch, is_delete, data, _name(body), first, "document")
    document = body["document"]
    if document is None and is_delete:
        document = body.get("document_key")
        source = source._replace(within="document_key")
    if type(document) is not dict:
        raise InvalidValue("missing_field", "the envelope's document was absent or no object", "document")
    return _kind_of_deleted(document, body) if is_delete else _kind(document), document, source


def _read_position(envelope: Document) -> tuple[tuple[int, int] | None, int]:
    """(cluster time, source epoch) as an envelope says them (RULES 12)."""
    epoch = envelope.get("source_epoch")
    source_epoch = 0 if epoch is None else read_within("source_epoch", epoch, 0, MAX_QUANTITY)
    return _read_cluster_time(envelope.get("cluster_time")), source_epoch


def _name(body: Document) -> str:
    """Whose clock an envelope's positions are of (RULES 12)."""
    return next((body[field] for field in ("connector_id", "source") if type(body.get(field)) is str), "")


def _read_cluster_time(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if type(value) is dict and type(value.get("$timestamp")) is dict:
        value = value["$timestamp"]
    if type(value) is not dict or "t" not in value or "i" not in value:
        raise InvalidValue("invalid_value", "cluster_time was no object with t and i", "cluster_time")
    t, i = (read_within(f"cluster_time.{part}", value[part], 0, MAX_CLUSTER_TIME) for part in ("t", "i"))
    return t, i


def _kind_of_deleted(document: Document, body: Document) -> str | None:
    # A deleted document may come as its key alone, so its collection decides.
    kind = _KIND_BY_COLLECTION.get(str(body.get("namespace", "")).rpartition(".")[2])
    if kind is None:
        kind = _kind(document)
    elif kind == "transaction":
        return None  # archiving old transactions takes no stock away
    return None if kind in EVENT_ENVELOPES else kind


def _kind(document: Document) -> str | None:
    for marker, kind in KIND_MARKERS:
        if marker in document:
            return kind
    if document.get("type") == HEARTBEAT or "heartbeat" in document:
        return None
    raise InvalidValue("unknown_kind", f"no known field among {sorted(document)[:12]!r}")


def _open_protobuf(data: bytes, encoding: str, source: Source, settings: ParseSettings) -> Opened:
    """Open an `InventoryEvent` (RULES 41): a nested document of R0's, or an adjustment at the top."""
    if settings.decode_protobuf is None:
        raise InvalidValue("schema_mismatch", "no decoder for messages of a schema is given here")
    event = settings.decode_protobuf(data, encoding)
    found = [(field, kind) for field, kind in _NESTED if field in event]
    if len(found) + (not _ADJUSTMENT_FIELDS.isdisjoint(event)) != 1:
        raise InvalidValue(
            "schema_mismatch",
            f"the InventoryEvent held {sorted(event)!r}, expected exactly one of stock_level, stock_transaction or an "
            "adjustment (item_id, adjustment, timestamp)",
        )
    if not found:
        return "adjustment", event, source
    field, kind = found[0]
    document = event[field]
    try:
        cluster_time, source_epoch = _read_position(document)
    except InvalidValue as error:
        raise error.inside(field) from error.__cause__
    return kind, document, source._replace(
        cluster_time=cluster_time, source_epoch=source_epoch, name=document.get("source") or "", within=field
    )  # fmt: skip

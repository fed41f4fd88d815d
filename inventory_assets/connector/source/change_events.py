"""One event of a change stream: what it says of a document, as far as it can be read.

Here: raw event in, value out. Not here: reading the stream (`change_cursor`), or looking up
what an event leaves open (`lookup`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bson
from bson import CodecOptions, DatetimeConversion, Timestamp
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from inventory_assets.connector.source.change import Change, ClusterTime, Operation, Poison, Token
from inventory_assets.connector.source.change_cursor import WRITES
from inventory_assets.connector.source.images import ImageMode, rebuild
from inventory_assets.connector.source.raw_documents import UndecodableError, decode, encode_key

UNDECODABLE = "undecodable_document"
TOO_LARGE = "change_too_large"
# By what the lake tells documents apart, beside their _id (RULES 10): what must be there, what may be null.
IDENTITIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "inventory": (("warehouse_id", "sku"), ()),
    "thresholds": (("level_type",), ("level_id", "warehouse_id")),
}
# Reads of an event what is sound in it: the fields around the document.
_LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inexact:
    """A document changed, and the event does not say into what: somebody must look."""

    collection: str
    document_key: dict[str, Any]
    cluster_time: ClusterTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upheaval:
    """What changes a collection without an event for each document: dropped, renamed."""

    reason: str
    cluster_time: ClusterTime


Read = Change | Poison | Inexact | Upheaval


def read_event(raw: RawBSONDocument, *, database: str, mode: ImageMode) -> Read:
    """Read one event. Never raises for what a document holds."""
    try:
        event = decode(raw.raw)
    except UndecodableError as error:
        return _poison(raw, UNDECODABLE, str(error), database)
    operation = event["operationType"]
    if operation not in WRITES:
        return _upheaval(event)
    document = _document(event, mode)
    if document is None and operation != Operation.DELETE:
        return Inexact(
            collection=event["ns"]["coll"], document_key=event["documentKey"], cluster_time=cluster_time_of(event)
        )
    return Change(
        operation=Operation(operation), database=database, collection=event["ns"]["coll"],
        document_key=event["documentKey"], document=document, cluster_time=cluster_time_of(event),
        token=event["_id"], size_bytes=len(raw.raw),
    )  # fmt: skip


def read_too_large(raw: RawBSONDocument, *, database: str) -> Poison:
    """Read an event of which only the outside was asked for, because it is too large."""
    return _poison(raw, TOO_LARGE, "the event exceeds MongoDB's 16 MB with its document", database)


def _document(event: dict[str, Any], mode: ImageMode) -> dict[str, Any] | None:
    before: dict[str, Any] | None = event.get("fullDocumentBeforeChange")
    document: dict[str, Any] | None = event.get("fullDocument")
    if event["operationType"] == Operation.DELETE:
        return before
    if event["operationType"] != Operation.UPDATE:
        return document
    match mode:
        case ImageMode.PRE_IMAGES:
            return rebuild(before, event.get("updateDescription") or {})
        case ImageMode.POST_IMAGES:
            return document
        case ImageMode.LOOKUP:
            return None


def _upheaval(event: dict[str, Any]) -> Upheaval:
    namespace = event.get("ns") or {}
    name = ".".join(part for part in (namespace.get("db"), namespace.get("coll")) if part)
    to = event.get("to")
    reason = {
        "drop": f"collection {name!r} was dropped",
        "rename": f"collection {name!r} was renamed to {(to or {}).get('coll')!r}",
        "dropDatabase": f"database {name!r} was dropped",
    }.get(event["operationType"], f"the server invalidated the stream ({event['operationType']})")
    return Upheaval(reason=reason, cluster_time=cluster_time_of(event))


def _poison(raw: RawBSONDocument, reason: str, detail: str, database: str) -> Poison:
    try:
        event = bson.decode(raw.raw, _LENIENT)
    except InvalidBSON:
        # Broken inside its documents even so: then field by field, leaving those alone.
        event = {name: raw.get(name) for name in ("_id", "ns", "documentKey", "clusterTime", "operationType")}
    return Poison(
        reason=reason, detail=detail, database=database, collection=event["ns"]["coll"],
        document_key=_plain(event.get("documentKey")), cluster_time=cluster_time_of(event),
        token=_plain(event["_id"]), size_bytes=len(raw.raw),
    )  # fmt: skip


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, RawBSONDocument):
        return bson.decode(value.raw, _LENIENT)
    return dict(value or {})


def cluster_time_of(event: dict[str, Any]) -> ClusterTime:
    """Read an event's position."""
    time: Timestamp = event["clusterTime"]
    return (time.time, time.inc)


def token_of(raw: RawBSONDocument) -> Token:
    """Read an event's token, whatever else is in it."""
    return _plain(raw["_id"])


def only_final(read: Iterable[Read]) -> list[Read]:
    """Keep of several changes to a document at one cluster time the last.

    Those are of one MongoDB transaction: all but the last were never to be seen by anybody, and
    two levels of a SKU at one position would be a conflict in the lake (RULES 10, 11). The same
    goes for a document that replaces another with the same identity. What is poisonous stays:
    it must become a dead letter.
    """
    items = list(read)
    at = Counter(item.cluster_time for item in items)
    later: set[tuple[Any, ...]] = set()
    kept: list[Read] = []
    for item in reversed(items):
        # Alone at its time, as all are that are of no transaction: nothing to compare.
        if at[item.cluster_time] == 1 or isinstance(item, Upheaval):
            kept.append(item)
            continue
        names = _names(item)
        if isinstance(item, Poison) or later.isdisjoint(names):
            kept.append(item)
        later.update(names)
    kept.reverse()
    return kept


def _names(item: Change | Poison | Inexact) -> list[tuple[Any, ...]]:
    """Every name the document goes by, with the time."""
    place = (item.cluster_time, item.collection)
    names: list[tuple[Any, ...]] = []
    if "_id" in item.document_key:
        names.append((*place, encode_key(item.document_key)))
    document = item.document if isinstance(item, Change) else None
    if document is not None and item.collection in IDENTITIES:
        required, optional = IDENTITIES[item.collection]
        values = [document.get(field) for field in (*required, *optional)]
        are_texts = all(isinstance(value, str) for value in values[: len(required)])
        if are_texts and all(value is None or isinstance(value, str) for value in values):
            names.append((*place, *values))
    return names

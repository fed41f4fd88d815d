"""One event of a change stream: what it says of a document, as far as it can be read.

Here: raw event in, value out. Not here: reading the stream (`change_cursor`), or looking up
what an event leaves open (`lookup`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import bson
from bson import CodecOptions, DatetimeConversion, Timestamp
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from inventory_assets.connector.source.change import Change, ClusterTime, KeyChange, Operation, Poison, Token
from inventory_assets.connector.source.change_cursor import WRITES
from inventory_assets.connector.source.images import ImageMode, rebuild
from inventory_assets.connector.source.keys import Keys
from inventory_assets.connector.source.raw_documents import UndecodableError, decode, encode_key

UNDECODABLE = "undecodable_document"
TOO_LARGE = "change_too_large"
_PLAIN_KEYS = Keys()
# Of a field's value in a message to people.
_MAX_SHOWN = 256
# Reads of an event what is sound in it: the fields around the document.
_LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inexact:
    """A document changed, and the event does not say into what: somebody must look.

    `before`, `key_change` and `token` as of `Change`.
    """

    collection: str
    document_key: dict[str, Any]
    cluster_time: ClusterTime
    token: Token | None = field(default=None, compare=False)
    before: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    key_change: KeyChange | None = field(default=None, compare=False)

    def as_change(self, database: str, document: dict[str, Any] | None = None) -> Change:
        """As far as it can be said."""
        return Change(
            operation=Operation.UPDATE, database=database, collection=self.collection, document_key=self.document_key,
            document=document, cluster_time=self.cluster_time, token=self.token, before=self.before,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Upheaval:
    """What changes a collection without an event for each document: dropped, renamed."""

    reason: str
    cluster_time: ClusterTime


Read = Change | Poison | Inexact | Upheaval


def read_event(raw: RawBSONDocument, *, database: str, mode: ImageMode, keys: Keys = _PLAIN_KEYS) -> Read:
    """Read one event. Never raises for what a document holds."""
    try:
        event = decode(raw.raw)
    except UndecodableError as error:
        return _poison(raw, UNDECODABLE, str(error), database)
    operation = event["operationType"]
    if operation not in WRITES:
        return _upheaval(event)
    # Before the document is made: that changes the image in place.
    is_change = operation in (Operation.UPDATE, Operation.REPLACE)
    before = keys.keep(event["ns"]["coll"], event.get("fullDocumentBeforeChange")) if is_change else None
    changed = _key_change(event, keys)
    document = _document(event, mode)
    if document is None and operation != Operation.DELETE:
        return Inexact(
            collection=event["ns"]["coll"], document_key=event["documentKey"], cluster_time=cluster_time_of(event),
            token=event["_id"], before=before, key_change=changed,
        )  # fmt: skip
    return Change(
        operation=Operation(operation), database=database, collection=event["ns"]["coll"],
        document_key=event["documentKey"], document=document, cluster_time=cluster_time_of(event),
        token=event["_id"], size_bytes=len(raw.raw), before=before, key_change=changed,
    )  # fmt: skip


def _key_change(event: dict[str, Any], keys: Keys) -> KeyChange | None:
    """Find an update that changed a key which no image tells."""
    if event["operationType"] != Operation.UPDATE or event.get("fullDocumentBeforeChange"):
        return None
    collection, description = event["ns"]["coll"], event.get("updateDescription") or {}
    updated, gone = description.get("updatedFields") or {}, description.get("removedFields") or ()
    fields = {
        name: str(updated[name])[:_MAX_SHOWN] if name in updated else None
        for name in keys.fields(collection)
        if name in updated or name in gone
    }
    return KeyChange(collection=collection, cluster_time=cluster_time_of(event), fields=fields) if fields else None


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


def only_final(read: Iterable[Read], keys: Keys = _PLAIN_KEYS) -> list[Read]:
    """Keep of several changes to a document at one cluster time the last.

    Those are of one MongoDB transaction: all but the last were never to be seen by anybody, and
    two levels of a SKU at one position would be a conflict in the lake (RULES 10, 11). The same
    goes for a document that replaces another with the same identity. What is poisonous stays:
    it must become a dead letter. What stays has the image from before the transaction.
    """
    items = list(read)
    at = Counter(item.cluster_time for item in items)
    if len(at) == len(items):
        return items
    first: dict[Any, dict[str, Any] | None] = {}
    for item in items:
        if isinstance(item, Change | Inexact) and (name := _name_by_id(item)) is not None:
            first.setdefault(name, _image_before(item, keys))
    later: set[tuple[Any, ...]] = set()
    kept: list[Read] = []
    for item in reversed(items):
        # Alone at its time, as all are that are of no transaction: nothing to compare.
        if at[item.cluster_time] == 1 or isinstance(item, Upheaval):
            kept.append(item)
            continue
        names = _names(item, keys)
        if isinstance(item, Poison):
            kept.append(item)
        elif later.isdisjoint(names):
            kept.append(replace(item, before=first.get(_name_by_id(item))))
        later.update(names)
    kept.reverse()
    return kept


def add_left(items: Sequence[Read], keys: Keys, *, database: str) -> list[Read]:
    """Add tombstones of the keys that documents have left, as far as the images of one batch tell.

    Of an inexact change that is what the next change of its document found; without one it keeps its
    image, and who looks the document up decides.
    """
    if not any(isinstance(item, Inexact) and item.before for item in items):
        return keys.add_left(items)
    found: list[Read] = []
    after: dict[Any, dict[str, Any] | None] = {}
    for item in reversed(items):
        if not isinstance(item, Change | Inexact) or "_id" not in item.document_key:
            found.append(item)
            continue
        name = (item.collection, encode_key(item.document_key))
        then = after.get(name)
        after[name] = _image_before(item, keys)
        if isinstance(item, Inexact) and item.before and then:
            change = item.as_change(database, then)
            found.append(replace(item, before=None))
            if (tombstone := keys.left(change, change)) is not None:
                found.append(tombstone)
        else:
            found.append(item)
    return keys.add_left(reversed(found))


def _image_before(item: Change | Inexact, keys: Keys) -> dict[str, Any] | None:
    if isinstance(item, Change) and item.operation is Operation.DELETE:
        # Inserted anew with its _id, it may be known by another key.
        return keys.keep(item.collection, item.document)
    return item.before


def _name_by_id(item: Change | Poison | Inexact) -> tuple[Any, ...] | None:
    if "_id" not in item.document_key:
        return None
    return (item.cluster_time, item.collection, encode_key(item.document_key))


def _names(item: Change | Poison | Inexact, keys: Keys) -> list[tuple[Any, ...]]:
    """Every name the document goes by, with the time."""
    by_id = _name_by_id(item)
    names = [] if by_id is None else [by_id]
    if isinstance(item, Change) and (key := keys.key_of(item)):
        names.append((item.cluster_time, item.collection, *key))
    return names

"""What the connector reads: changes to documents, in order, with their position.

Here: the values that pass between the parts. Not here: where they come from
(`mongo_source`) or what they become (`envelope`).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ClusterTime = tuple[int, int]
"""(seconds since 1970, increment): MongoDB's logical clock, RULES 12."""

Token = dict[str, Any]
"""A resume token, opaque: `{"_data": "…"}`."""


class Operation(StrEnum):
    """What a message says of its document; RULES 1's `operation`."""

    INSERT = "insert"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    # Not an event of the stream: the document as a copy of its collection read it,
    SNAPSHOT = "snapshot"
    # and as it was looked up for want of an image, which may be later than the event that asked for it.
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One document at one position.

    Attributes:
        database, collection: Its namespace.
        document_key: `{"_id": …}`, with the shard key on a sharded collection.
        document: The whole document exactly as of `cluster_time`; of a delete, its pre-image.
            None where a delete has none.
        cluster_time: The position, RULES 12. Of READ and SNAPSHOT the time of the read.
        token: Of the event, its identity across re-reads; None for READ and SNAPSHOT.
        size_bytes: Of the BSON it was read from, for bounds on memory.
        before: What the document was known by before an update or replacement, where an image says so.
        key_change: Where an update changed that, and no image says from what.
    """

    operation: Operation
    database: str
    collection: str
    # Not shown: a log or a traceback is no place for what `masking` takes out.
    document_key: dict[str, Any] = field(repr=False)
    document: dict[str, Any] | None = field(repr=False)
    cluster_time: ClusterTime
    token: Token | None = None
    size_bytes: int = 0
    before: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    key_change: "KeyChange | None" = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """An update that changed what a document is known by, without an image that says what that was before.

    Attributes:
        fields: Those that changed, with their new values; None for one that was taken away.
    """

    collection: str
    cluster_time: ClusterTime
    fields: dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A change that cannot be read as one: undecodable, or too large for the server to send.

    Attributes:
        reason: Of the dead letter: `undecodable_document` or `change_too_large`.
        detail: What went wrong, without values of the document.
        token, cluster_time: As of `Change`.
    """

    reason: str
    detail: str
    database: str
    collection: str
    document_key: dict[str, Any] = field(repr=False)
    cluster_time: ClusterTime
    token: Token | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one read of the stream gave, in the stream's order; `changes` may be empty.

    Attributes:
        token: Resume after it once every change is confirmed: on an idle collection it moves, too.
        cluster_time: Everything up to it has been read; None where the server has not said.
        read: Events of the stream it was made of.
        key_changes: Keys that were left among them, nobody knows which.
    """

    changes: list[Change | Poison]
    token: Token
    cluster_time: ClusterTime | None
    read: int = 0
    key_changes: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part of a copy of a collection.

    Attributes:
        changes: SNAPSHOT changes, all at one cluster time.
        is_snapshot: Read under snapshot read concern: the documents are exactly of that time.
            Otherwise they may be later, and the stream heals them (`docs/connector.md`).
    """

    changes: list[Change | Poison]
    cluster_time: ClusterTime
    is_snapshot: bool

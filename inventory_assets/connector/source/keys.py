"""What a document is known by in the lake, and what becomes of a key that its document has left.

Here: keys, and tombstones of those that were left. Not here: who reads the documents (`change_events`,
`lookup`), or what hooks do (`transforms`).

A document may take another key in place: `$set: {sku: …}`, or a replacement. To the lake that is a new
key, and the old one would keep its last stock for ever. So the old key gets a tombstone at the position
of the change, which is what the stream would say of a delete and an insert.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from inventory_assets.connector.source.change import Change, Operation

Key = tuple[str, ...]
# By what the lake tells documents apart, beside their _id (RULES 10, 21): what must be there, what may be null.
_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "inventory": (("warehouse_id", "sku"), ()),
    "thresholds": (("level_type",), ("level_id", "warehouse_id")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """How to read the key of a document.

    Attributes:
        roles: Of collections, by real name.
        adapt: What hooks make of a document; None where one drops it or fails. Without hooks not set.
        renamed: Fields that become one of a key, by the collection's real name.
    """

    roles: Mapping[str, str] = field(default_factory=lambda: {role: role for role in _FIELDS})
    adapt: Callable[[Change], Mapping[str, Any] | None] | None = None
    renamed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def collections(self) -> list[str]:
        """Collections whose documents have a key."""
        return [name for name, role in self.roles.items() if role in _FIELDS]

    def fields(self, collection: str) -> tuple[str, ...]:
        """Fields that a key is made of; none where documents have no key. A hook may take others."""
        required, optional = _FIELDS.get(self.roles.get(collection, ""), ((), ()))
        return (*required, *optional, *self.renamed.get(collection, ())) if required else ()

    def keep(self, collection: str, before: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Keep of an image what the key is made of: before it is changed in place, and for long."""
        fields = self.fields(collection)
        if not before or not fields:
            return None
        if self.adapt is not None:
            return copy.deepcopy(dict(before))
        return {name: before[name] for name in ("_id", *fields) if name in before}

    def key_of(self, change: Change) -> Key | None:
        """Read the key of a change's document: empty where it names none, None where that cannot be told."""
        if change.document is None or not self.fields(change.collection):
            return None
        document = change.document if self.adapt is None else self.adapt(change)
        if document is None:
            return None
        role = self.roles[change.collection]
        required, optional = _FIELDS[role]
        values = [_text(document.get(name)) for name in (*required, *optional)]
        if not all(values[: len(required)]) or None in values:
            return ()
        if role == "thresholds" and values[0] == "GLOBAL":
            values[1] = ""  # it covers everything, whatever id stands there (RULES 22)
        return tuple(value or "" for value in values)

    def left(self, change: Change, after: Change | None) -> Change | None:
        """Make the tombstone of the key that a document has left.

        Args:
            change: At the position of the change, with the image before it.
            after: The document as it is now known; None where it is gone.
        """
        if not change.before:
            return None
        tombstone = Change(
            operation=Operation.DELETE, database=change.database, collection=change.collection,
            document_key=change.document_key, document=change.before, cluster_time=change.cluster_time,
            token=change.token,
        )  # fmt: skip
        old = self.key_of(tombstone)
        # Where a hook says nothing of the document, nothing is concluded.
        new = () if after is None else self.key_of(after)
        return tombstone if old and new is not None and old != new else None

    def add_left(self, changes: Iterable[Any]) -> list[Any]:
        """Put before each change that moved its document to another key the tombstone of the one it had."""
        items = list(changes)
        if not any(isinstance(item, Change) and item.before for item in items):
            return items
        # A key that another document takes at the same position, in one MongoDB transaction, is not left.
        taken = {
            (item.cluster_time, item.collection, self.key_of(item))
            for item in items
            if isinstance(item, Change) and item.operation is not Operation.DELETE
        }
        found: list[Any] = []
        for item in items:
            tombstone = self.left(item, item) if isinstance(item, Change) else None
            if tombstone is not None and _place(tombstone, self) not in taken:
                found.append(tombstone)
            found.append(item)
        return found


def _place(change: Change, keys: Keys) -> tuple[Any, ...]:
    return (change.cluster_time, change.collection, keys.key_of(change))


def _text(value: Any) -> str | None:
    """An id as text; empty for none, None for what is no id."""
    if value is None:
        return ""
    if isinstance(value, ObjectId):
        return str(value)
    return value if isinstance(value, str) else None

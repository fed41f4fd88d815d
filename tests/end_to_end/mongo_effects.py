"""The two ends of the chain as comparable facts: what MongoDB's documents went through, what the lake took in.

Belongs here: an observer of a database that knows nothing of the connector, and a reader of the lake.
Written from RULES alone. Does not belong: expectations, which are the tests'.

The observer opens a change stream before the load and reads it whole afterwards. It keeps every document
itself and applies each update's own description to it: a server's looked-up document may be a later one.
"""

import copy
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pymongo import MongoClient

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.settings import Settings

COLLECTIONS = ("inventory", "transactions", "thresholds")
STREAM_OPERATIONS = ("insert", "update", "replace", "delete")
# A collection that nobody watches: the end of the load is marked there, so that reading knows where to stop.
MARKS = "effects_marks"
_EPOCH = datetime(1970, 1, 1)


class Fact(NamedTuple):
    """One effect of one change.

    Attributes:
        kind: `transaction`, `level`, `tombstone` or `rule`.
        ids: What it is about: a transaction's warehouse, id and status; a key; a rule's scope.
        cluster_time: (seconds, increment).
        content: All that must not be another version's: quantities, levels, thresholds, its event time.
    """

    kind: str
    ids: tuple[str | None, ...]
    cluster_time: tuple[int, int]
    content: tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """`changes` against `effects`; empty is right."""

    lost: list[Fact] = field(default_factory=list)
    invented: list[Fact] = field(default_factory=list)
    doubled: list[Fact] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.invented or self.doubled)


def compare(changes: Iterable[Fact], effects: Iterable[Fact]) -> Difference:
    """What is in one and not in the other, and what the lake has more than once."""
    made, taken = set(changes), Counter(effects)
    return Difference(
        lost=sorted(made - taken.keys(), key=repr),
        invented=sorted(taken.keys() - made, key=repr),
        doubled=sorted((fact for fact, count in taken.items() if count > 1), key=repr),
    )


# -- the database ----------------------------------------------------------------------------


class Observer:
    """A change stream of its own, open since before the load."""

    def __init__(self, client: MongoClient, database: str) -> None:
        self._database = client[database]
        with self._database.watch() as stream:
            stream.try_next()
            self._token = stream.resume_token
        # Nothing writes yet, so what is there now is what the stream begins with.
        self._documents = {(name, d["_id"]): d for name in COLLECTIONS for d in self._database[name].find()}

    def facts(self) -> list[Fact]:
        """Every change so far, in order. Call it once, when the load is over."""
        return [fact for change in self._changes() for fact in self._facts_of(change)]

    def _changes(self) -> Iterator[dict[str, Any]]:
        mark = self._database[MARKS].insert_one({}).inserted_id
        with self._database.watch(start_after=self._token) as stream:
            for change in stream:
                name = change.get("ns", {}).get("coll")
                if name == MARKS and change.get("documentKey", {}).get("_id") == mark:
                    return
                if name in COLLECTIONS and change["operationType"] in STREAM_OPERATIONS:
                    yield change

    def _facts_of(self, change: dict[str, Any]) -> Iterator[Fact]:
        name, operation = change["ns"]["coll"], change["operationType"]
        place = (name, change["documentKey"]["_id"])
        if operation == "delete":
            document = self._documents.pop(place)
        elif operation == "update":
            document = self._documents[place] = updated(self._documents[place], change["updateDescription"])
        else:
            document = self._documents[place] = change["fullDocument"]
        at = (change["clusterTime"].time, change["clusterTime"].inc)
        fact = fact_of(name, document, at, is_delete=operation == "delete")
        if fact is not None:
            yield fact


@contextmanager
def changes_of(uri: str, database: str) -> Iterator[Observer]:
    """Open the observer's stream; ask `facts` inside the block, after the load."""
    with MongoClient(uri) as client:
        yield Observer(client, database)


def updated(document: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    """A document after an update, by the update's own description."""
    document = copy.deepcopy(document)
    for cut in description.get("truncatedArrays") or ():
        parent, last = _parent(document, cut["field"])
        parent[last] = parent[last][: cut["newSize"]]
    for path, value in (description.get("updatedFields") or {}).items():
        parent, last = _parent(document, path)
        if isinstance(parent, list) and last == len(parent):
            parent.append(value)
        else:
            parent[last] = value
    for path in description.get("removedFields") or ():
        parent, last = _parent(document, path)
        del parent[last]
    return document


def _parent(document: Any, path: str) -> tuple[Any, Any]:
    # No document of R0 has a dot in a name.
    *parts, last = path.split(".")
    for part in parts:
        document = document[int(part) if isinstance(document, list) else part]
    return document, int(last) if isinstance(document, list) else last


def fact_of(collection: str, document: dict[str, Any], at: tuple[int, int], *, is_delete: bool) -> Fact | None:
    """What a document at a cluster time says; None for archived transactions, which take no stock away."""
    if collection == "transactions":
        return None if is_delete else _transaction_fact(document, at)
    if collection == "inventory":
        key = (document["warehouse_id"], document["sku"])
        return Fact("tombstone", key, at, ()) if is_delete else Fact("level", key, at, _level_content(document))
    level_id = None if document["level_type"] == "GLOBAL" else document["level_id"]
    scope = (document["level_type"], level_id, document.get("warehouse_id"))
    if is_delete or document.get("deleted"):
        return Fact("rule", scope, at, ("deleted",))
    settings = document.get("alert_settings") or {}
    content = (
        document.get("min_threshold_qty"), document.get("reorder_threshold_qty"),
        document.get("min_threshold_days"), document.get("reorder_threshold_days"),
        settings.get("cooldown_period_minutes", 60), settings.get("enabled", True),
        _microseconds(document, "updated_at", "created_at"),
    )  # fmt: skip
    return Fact("rule", scope, at, content)


def _transaction_fact(document: dict[str, Any], at: tuple[int, int]) -> Fact:
    ids = (document["warehouse_id"], document["transaction_id"], document["status"])
    content = (
        document["sku"], document["transaction_type"], document.get("to_warehouse_id"), document["quantity"],
        _microseconds(document, "updated_at", "status_changed_at", "timestamp"),
    )  # fmt: skip
    return Fact("transaction", ids, at, content)


def _level_content(document: dict[str, Any]) -> tuple[Any, ...]:
    parents = ("department_id", "category_id", "brand_id", "product_id")
    return (
        document["current_stock"], document.get("reserved_stock"),
        bool(document.get("restock_in_progress")), *(document.get(parent) or "UNKNOWN" for parent in parents),
        document.get("min_threshold"), document.get("reorder_threshold"),
        _microseconds(document, "updated_at", "status_changed_at", "last_updated"),
    )  # fmt: skip


def _microseconds(document: dict[str, Any], *fields: str) -> int:
    at = next(document[name] for name in fields if document.get(name) is not None)
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return (at - _EPOCH) // timedelta(microseconds=1)


# -- the lake --------------------------------------------------------------------------------

_EFFECTS = f"""
    WITH operations AS (
        SELECT event_id, try(json_extract_string(decode(data), '$.operation')) AS operation, outcome
        FROM raw.messages WHERE event_id IS NOT NULL
    ),
    -- A copy may state what the stream states, too, in either order: the same event id.
    streamed AS (SELECT DISTINCT event_id FROM operations WHERE operation IN {STREAM_OPERATIONS})
    SELECT kind, warehouse_id, sku, to_warehouse_id, transaction_id, type, status, quantity,
        instant // 1000000 AS seconds, increment, epoch_us(event_at) AS event_at, details
    FROM core.events SEMI JOIN streamed USING (event_id) ORDER BY version, seq
"""


def effects_of(settings: Settings) -> list[Fact]:
    """What the lake took in of the stream: a fact per row of core.events, in order of arrival.

    What a copy or a look-up alone has stated is no change's effect and left out.
    """
    return [_effect(row) for row in _query(settings, _EFFECTS)]


def doubled_outcomes(settings: Settings) -> list[tuple[Any, ...]]:
    """Event ids that were applied or superseded more than once; there must be none (RULES 9, 10)."""
    rows = _query(
        settings,
        "SELECT event_id, count(*) AS times FROM raw.messages WHERE outcome IN ('applied', 'superseded') "
        "GROUP BY event_id HAVING count(*) > 1 ORDER BY ALL",
    )
    return [tuple(row.values()) for row in rows]


def dead_letters_of(settings: Settings) -> list[tuple[str, str]]:
    """(reason, detail) of everything refused."""
    rows = _query(settings, "SELECT reason, detail FROM core.dead_letters ORDER BY version, seq")
    return [(row["reason"], row["detail"]) for row in rows]


def _effect(row: dict[str, Any]) -> Fact:
    at = (row["seconds"], row["increment"])
    if row["kind"] == "transaction":
        ids = (row["warehouse_id"], row["transaction_id"], row["status"])
        content = (row["sku"], row["type"], row["to_warehouse_id"], row["quantity"], row["event_at"])
        return Fact("transaction", ids, at, content)
    details = json.loads(row["details"])
    if row["kind"] == "tombstone":
        return Fact("tombstone", (row["warehouse_id"], row["sku"]), at, ())
    if row["kind"] == "level":
        content = (
            details["on_hand"], details["reserved"], details["is_restock_in_progress"], *details["parents"],
            details["min_threshold"], details["reorder_threshold"], row["event_at"],
        )  # fmt: skip
        return Fact("level", (row["warehouse_id"], row["sku"]), at, content)
    scope = (details["level_type"], details["level_id"] or None, details["warehouse_id"])
    if details["is_deleted"]:
        return Fact("rule", scope, at, ("deleted",))
    content = (
        details["min_threshold_qty"], details["reorder_threshold_qty"], details["min_threshold_days"],
        details["reorder_threshold_days"], details["cooldown_minutes"], details["is_enabled"], row["event_at"],
    )  # fmt: skip
    return Fact("rule", scope, at, content)


Stock = dict[tuple[str, str], tuple[int, int, int]]
"""(on_hand, reserved, inbound) by (warehouse_id, sku)."""


def stock_of(settings: Settings) -> Stock:
    """What core.sku_state holds; of deleted products their last stock, as the simulator's ledger has it."""
    rows = _query(settings, "SELECT warehouse_id, sku, on_hand, reserved, inbound FROM core.sku_state")
    return {(r["warehouse_id"], r["sku"]): (r["on_hand"], r["reserved"], r["inbound"]) for r in rows}


def ledger_of(path: Path) -> Stock:
    """What `inventory simulate --ledger FILE` wrote."""
    with path.open(newline="") as source:
        return {
            (row["warehouse_id"], row["sku"]): (int(row["on_hand"]), int(row["reserved"]), int(row["inbound"]))
            for row in csv.DictReader(source)
        }


def _query(settings: Settings, sql: str) -> list[dict[str, Any]]:
    connection = connect(settings, read_only=True)
    try:
        return list(connection.execute(sql).pl().iter_rows(named=True))
    finally:
        connection.close()

"""Read a source database for a check against the lake.

Here: R0's three collections as JSON text, whole and by key. Not here: what is compared
(`quality.source.check`), nor the change stream.

The whole collections are read by plain cursors: a snapshot over all of them would outlive the five
minutes that a server keeps its history by default. That may show a document later than its
neighbour, which the check allows for: what differs is read again, few documents at one cluster time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bson import Timestamp, json_util
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from inventory_assets.connector.source.change import ClusterTime

COLLECTIONS = ("inventory", "transactions", "thresholds")
BATCH = 1_000
# Values of one `$in`: some hundred kilobytes of query, and far less than 16 MB of answer.
ASKED = 500
# Snapshot reads are not to be had: not implemented, not a replica set, an older or other server.
_NO_SNAPSHOT = {20, 72, 115, 123, 246, 263}
_JSON = json_util.RELAXED_JSON_OPTIONS


class ReconcileSource:
    """The collections of one database, of some warehouses."""

    def __init__(
        self, client: MongoClient, database: str, *, names: Mapping[str, str] | None = None,
        warehouse_ids: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Prepare to read.

        Args:
            client: Stays the caller's to close.
            database: Its name.
            names: Where a collection is called otherwise: {"inventory": "stock"}.
            warehouse_ids: Whose documents; none is everyone's.
        """
        self.database = client[database]
        self._names = {name: name for name in COLLECTIONS} | dict(names or {})
        self._scope: dict[str, Any] = {"warehouse_id": {"$in": list(warehouse_ids)}} if warehouse_ids else {}

    def warehouse_ids(self) -> list[str]:
        """The warehouses that the database has documents of."""
        found = self._collection("inventory").distinct("warehouse_id")
        found += self._collection("transactions").distinct("warehouse_id")
        return sorted({name for name in found if isinstance(name, str)})

    def levels(self) -> Iterator[str]:
        """Every inventory document, by warehouse_id and sku as bytes: R0's unique index has this order."""
        cursor = self._collection("inventory").find(self._scope, batch_size=BATCH)
        yield from map(to_json, cursor.sort([("warehouse_id", 1), ("sku", 1)]).allow_disk_use(True))

    def transactions(self) -> Iterator[str]:
        """Every transaction document."""
        yield from map(to_json, self._collection("transactions").find(self._scope, batch_size=BATCH))

    def rules(self) -> Iterator[str]:
        """Every threshold document: of all warehouses or of one."""
        yield from map(to_json, self._collection("thresholds").find({}, batch_size=BATCH))

    def transactions_of(self, keys: Sequence[tuple[str, str]]) -> Iterator[str]:
        """The transaction documents of keys, a transfer's at both."""
        for warehouse_id, skus in _by_warehouse(keys):
            place = [{"warehouse_id": warehouse_id}, {"to_warehouse_id": warehouse_id}]
            query = {"sku": {"$in": skus}, "$or": place}
            yield from map(to_json, self._collection("transactions").find(query, batch_size=BATCH))

    def read_again(
        self, keys: Sequence[tuple[str, str]], transaction_ids: Sequence[str], *, has_rules: bool
    ) -> "SourceReread":
        """Read some documents at one cluster time.

        Without snapshot reads it is the cluster time before them: a document may then be later, and
        never earlier.
        """
        exact = _ExactReads(self.database)
        levels: list[str] = []
        for warehouse_id, skus in _by_warehouse(keys):
            query = {"warehouse_id": warehouse_id, "sku": {"$in": skus}}
            levels += map(to_json, exact.find(self._names["inventory"], query))
        transactions: list[str] = []
        for ids in _cut(sorted(transaction_ids)):
            transactions += map(to_json, exact.find(self._names["transactions"], {"transaction_id": {"$in": ids}}))
        rules = list(map(to_json, exact.find(self._names["thresholds"], {}))) if has_rules else []
        return SourceReread(exact.cluster_time(), levels, transactions, rules)

    def _collection(self, name: str) -> Any:
        return self.database[self._names[name]]


@dataclass(slots=True)
class SourceReread:
    """Documents as JSON, as of one cluster time."""

    cluster_time: ClusterTime
    levels: list[str]
    transactions: list[str]
    rules: list[str]


class _ExactReads:
    """Finds at one cluster time.

    Raw commands: a session's snapshot has the time of its reads, but does not tell it, and the
    time of its last answer may be later than what was read.
    """

    def __init__(self, database: Any) -> None:
        self._database = database
        self._at: Timestamp | None = None
        self._has_snapshot = True

    def cluster_time(self) -> ClusterTime:
        """Of everything read so far."""
        at = self._at or self._now()
        return (at.time, at.inc)

    def find(self, collection: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        reply = self._first_batch(collection, query)
        cursor = reply["cursor"]
        yield from cursor["firstBatch"]
        while cursor["id"]:
            cursor = self._database.command("getMore", cursor["id"], collection=collection)["cursor"]
            yield from cursor["nextBatch"]

    def _first_batch(self, collection: str, query: dict[str, Any]) -> dict[str, Any]:
        find: dict[str, Any] = {"filter": query, "batchSize": BATCH}
        if self._has_snapshot:
            concern: dict[str, Any] = {"level": "snapshot"}
            if self._at is not None:
                concern["atClusterTime"] = self._at
            try:
                reply = self._database.command("find", collection, **find, readConcern=concern)
                self._at = self._at or reply["cursor"].get("atClusterTime")
                if self._at is not None:
                    return reply
            except OperationFailure as error:
                if self._at is not None or error.code not in _NO_SNAPSHOT:
                    raise
            self._has_snapshot = False
        self._at = self._at or self._now()
        return self._database.command("find", collection, **find, readConcern={"level": "majority"})

    def _now(self) -> Timestamp:
        return self._database.command("ping")["operationTime"]


def to_json(document: Mapping[str, Any]) -> str:
    """A document as relaxed Extended JSON, which the lake reads."""
    return json_util.dumps(document, json_options=_JSON)


def _by_warehouse(keys: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    skus: dict[str, list[str]] = {}
    for warehouse_id, sku in sorted(keys):
        skus.setdefault(warehouse_id, []).append(sku)
    for warehouse_id, found in skus.items():
        for part in _cut(found):
            yield warehouse_id, part


def _cut(values: Sequence[str]) -> Iterator[list[str]]:
    waiting = iter(values)
    while part := list(islice(waiting, ASKED)):
        yield part

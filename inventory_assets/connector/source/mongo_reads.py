"""Reading documents as of one cluster time.

Here: finds under snapshot read concern, and what is said of their time where a server refuses
that. Not here: which documents, and what becomes of them (`lookup`, `mongo_source`).
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bson import Int64, Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from inventory_assets.connector.source.change import ClusterTime
from inventory_assets.connector.source.mongo_errors import translate, translated
from inventory_assets.connector.source.raw_documents import RAW, key_of

# "Not here": a server before 5.0, one without majority reads, a storage engine without snapshots.
_NO_SNAPSHOTS = {2, 9, 20, 72, 115, 123, 148, 246, 263}
# Later than any clock says, and still within its 31 bits.
_TO_COME = Timestamp(2**31 - 1, 1)

# What a server tells as its time is visible by then.
_COMMIT_SECONDS = 2
# Beyond the increments that a second's events come to.
_AFTER_EVENTS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Documents read together.

    Attributes:
        documents: BSON.
        cluster_time: Under a snapshot exactly theirs; else no later than it.
        is_last: There is nothing after them.
    """

    documents: list[bytes]
    cluster_time: ClusterTime
    is_snapshot: bool
    is_last: bool


class MongoReads:
    """What lookups and copies ask of one database. Used by one thread.

    Attributes:
        has_snapshots: Reads are of exactly their cluster time; otherwise of it or later.
    """

    def __init__(self, client: MongoClient[Any], database: Database[Any], *, collections: Sequence[str]) -> None:
        self._client = client
        self._database = database
        # Each read says itself how consistent it is.
        self._session: ClientSession = client.start_session(causal_consistency=False)
        self.has_snapshots = self._probe(collections[0])

    def close(self) -> None:
        """Give the session back."""
        self._session.end_session()

    def _probe(self, collection: str) -> bool:
        """Ask once: a refusal in the middle could not be told from a failure.

        A server must also refuse a time to come. One that takes it (a stand-in that speaks the
        protocol) does not read as of any time, and the time it tells may be later than what it read:
        such a position would hide a change for good.
        """
        if not self._accepts(collection, {"level": "snapshot"}):
            return False
        return not self._accepts(collection, {"level": "snapshot", "atClusterTime": _TO_COME})

    def _accepts(self, collection: str, concern: dict[str, Any]) -> bool:
        command = {"find": collection, "limit": 1, "singleBatch": True, "projection": {"_id": 1}}
        try:
            reply = self._database.command({**command, "readConcern": concern}, codec_options=RAW)
        except OperationFailure as error:
            if error.code in _NO_SNAPSHOTS:
                return False
            raise translate(error, doing="did not read a snapshot") from error
        except PyMongoError as error:
            raise translate(error, doing="did not read a snapshot") from error
        return "atClusterTime" in reply["cursor"]

    def find(
        self, collection: str, *, keys: Sequence[bytes], skus: dict[str, set[str]], at: ClusterTime | None
    ) -> Iterator[Page]:
        """Read the documents with these `_id`s or of these SKUs, each once; at least one page.

        Args:
            keys: `{"_id": …}` as BSON.
            skus: By warehouse id.
            at: The time of an earlier page, to read at the same, or one that is known to be over; None for now.
        """
        wanted: list[dict[str, Any]] = []
        if keys:
            wanted.append({"_id": {"$in": [RawBSONDocument(key)["_id"] for key in keys]}})
        wanted += [{"warehouse_id": name, "sku": {"$in": sorted(of)}} for name, of in sorted(skus.items())]
        yield from self._pages({"find": collection, "filter": {"$or": wanted}}, at=at)

    def page(self, collection: str, *, after: bytes | None, limit: int) -> Page:
        """Read up to `limit` documents after a key, in the order of `_id` over all its types."""
        command: dict[str, Any] = {"find": collection, "sort": {"_id": 1}, "hint": {"_id": 1}}
        if after is not None:
            # Not {_id: {$gt: …}}: that finds ids of the same BSON type only. `min` is a bound of
            # the index, which holds all types in one order; it includes the key, if it is still there.
            command["min"] = RawBSONDocument(after)
            limit += 1
        # A limit on the cursor, which tells an end from a full reply.
        command |= {"limit": limit, "batchSize": limit}
        count = 0
        pages = self._pages(command, at=None)
        for page in pages:
            count += len(page.documents)
            documents = [document for document in page.documents if key_of(document) != after]
            is_last = page.is_last and count < limit
            # A reply may hold the key's own document alone, if that is large.
            if documents or page.is_last:
                break
        pages.close()
        return Page(documents=documents, cluster_time=page.cluster_time, is_snapshot=page.is_snapshot, is_last=is_last)

    def _pages(self, command: dict[str, Any], *, at: ClusterTime | None) -> Generator[Page, None, None]:
        if self.has_snapshots:
            concern: dict[str, Any] = {"level": "snapshot"}
            if at is not None:
                concern["atClusterTime"] = Timestamp(*at)
        else:
            concern = {"level": "majority"}
            at = at or self._now()
        collection = next(iter(command.values()))
        cursor = self._read({**command, "readConcern": concern})["cursor"]
        if at is None:
            at = (cursor["atClusterTime"].time, cursor["atClusterTime"].inc)
        batch = "firstBatch"
        try:
            while True:
                documents = [document.raw for document in cursor[batch]]
                is_last = not cursor["id"]
                yield Page(documents=documents, cluster_time=at, is_snapshot=self.has_snapshots, is_last=is_last)
                if is_last:
                    return
                cursor = self._read({"getMore": Int64(cursor["id"]), "collection": collection})["cursor"]
                batch = "nextBatch"
        except GeneratorExit:
            if cursor["id"]:
                with translated("did not close a cursor"):
                    self._read({"killCursors": collection, "cursors": [Int64(cursor["id"])]})
            raise

    def _read(self, command: dict[str, Any]) -> Any:
        with translated(f"did not read ({next(iter(command))})"):
            return self._database.command(command, session=self._session, codec_options=RAW)

    def _now(self) -> ClusterTime:
        """A cluster time that is over for certain, before a read without a snapshot.

        What is read may be later, never earlier. The server's own time may be that of a commit that
        is still under way. And no event has the position, nor another read at another time: under
        one identity there must not be two contents (RULES 11).
        """
        with translated("did not tell its time"):
            time: Timestamp = self._client.admin.command("ping", session=self._session)["operationTime"]
        return (time.time - _COMMIT_SECONDS, _AFTER_EVENTS + time.inc)

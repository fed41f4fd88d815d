"""A change stream's cursor, reply by reply, and one reply ahead.

Here: the commands and the pipeline. Not here: what an event means (`change_events`), or what is
done about a lost token (`service`).

By plain commands and not by the driver's `watch`, which hands out single events: a batch's end,
its resume token and its transaction's end are only to be seen in the reply as a whole. Nor does
anything resume behind our back: whatever fails, the service opens anew at its saved token.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import bson
from bson import Int64
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from inventory_assets.connector.errors import SourceRefusedError, SourceUnavailableError
from inventory_assets.connector.source.change import Token
from inventory_assets.connector.source.images import ImageMode
from inventory_assets.connector.source.keys import Keys
from inventory_assets.connector.source.mongo_errors import TOO_LARGE_CODE, translate, translated
from inventory_assets.connector.source.raw_documents import RAW

WRITES = ("insert", "update", "replace", "delete")
# After these a collection is not what it was, without an event for each of its documents.
UPHEAVALS = ("drop", "rename")
_ENDS = ("dropDatabase", "invalidate")
# Never read here, and a part of a small event's bytes.
_UNUSED = ("collectionUUID", "wallTime", "lsid")
# To ask for what is there already: what comes later is waited for by whoever asks next.
NO_WAIT_MS = 1


class EventTooLargeError(Exception):
    """The next event does not fit into a reply: the server cannot send it as it is."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server.

    Attributes:
        events: In the stream's order.
        token: Resume after all of them with it.
        is_open: The stream goes on.
    """

    events: list[RawBSONDocument]
    token: Token
    is_open: bool


def pipeline(
    token: Token | None,
    *,
    collections: Sequence[str],
    mode: ImageMode,
    has_images: bool,
    keys: Keys,
    is_slim: bool = False,
) -> list[dict[str, Any]]:
    """Build the stream's pipeline.

    Args:
        has_images: As `mongo_client.check_replica_set`.
        keys: What of the document before an update is to be sent.
        is_slim: Without any document: for an event that is too large with them.
    """
    # startAfter, not resumeAfter: the two differ only in that it takes an invalidate's token, too.
    stream: dict[str, Any] = {} if token is None else {"startAfter": token}
    stages: list[dict[str, Any]] = [{"$changeStream": stream}, {"$match": _interesting(collections)}]
    if is_slim:
        kept = ("operationType", "ns", "to", "documentKey", "clusterTime", "txnNumber")
        return [*stages, {"$project": dict.fromkeys(kept, 1)}]
    if has_images:
        # Makes the server say which paths are ambiguous; the other events it adds are filtered.
        stream["showExpandedEvents"] = True
        stream["fullDocumentBeforeChange"] = "whenAvailable"
    if mode is ImageMode.PRE_IMAGES:
        # All of it is used but a replacement's pre-image: to have that cut out costs more than it saves.
        return stages
    if has_images:
        stages.append({"$set": {"fullDocumentBeforeChange": _image_before(keys)}})
        if mode is ImageMode.POST_IMAGES:
            stream["fullDocument"] = "whenAvailable"
    return [*stages, {"$set": {"updateDescription": _description(keys)}}, {"$unset": list(_UNUSED)}]


def _image_before(keys: Keys) -> dict[str, Any]:
    """A pre-image, of which is sent what is used: the whole would double every event."""
    image = "$fullDocumentBeforeChange"
    part: Any = image if keys.adapt is not None else {name: f"{image}.{name}" for name in _sent(keys)}
    has_key = {"$and": [{"$in": ["$ns.coll", keys.collections]}, {"$in": ["$operationType", ["update", "replace"]]}]}
    # Where there is no image, a part of it would look like one.
    is_there = {"$eq": [{"$type": image}, "object"]}
    return {
        "$cond": [
            {"$eq": ["$operationType", "delete"]},
            image,
            {"$cond": [{"$and": [has_key, is_there]}, part, "$$REMOVE"]},
        ]
    }


def _description(keys: Keys) -> dict[str, Any]:
    """What an update did to a document's key, for the case that no image says what that was."""
    updated = {name: f"$updateDescription.updatedFields.{name}" for name in _sent(keys) if name != "_id"}
    part = {"updatedFields": updated, "removedFields": "$updateDescription.removedFields"}
    has_key = {"$and": [{"$in": ["$ns.coll", keys.collections]}, {"$eq": ["$operationType", "update"]}]}
    return {"$cond": [has_key, part, "$$REMOVE"]}


def _sent(keys: Keys) -> list[str]:
    names = [name for collection in keys.collections for name in keys.fields(collection)]
    # Another name cannot be said in an expression.
    return [name for name in dict.fromkeys(("_id", *names)) if name and not name.startswith("$") and "." not in name]


def _interesting(collections: Sequence[str]) -> dict[str, Any]:
    watched = {"$in": list(collections)}
    return {
        "$or": [
            {"operationType": {"$in": [*WRITES, *UPHEAVALS]}, "ns.coll": watched},
            {"operationType": "rename", "to.coll": watched},
            {"operationType": {"$in": list(_ENDS)}},
        ]
    }


class ChangeCursor:
    """One server-side cursor. Used by one thread."""

    def __init__(self, database: Database[Any], session: ClientSession, stages: list[dict[str, Any]]) -> None:
        """Open it without reading: with a first batch the server would look for one until its oplog's end."""
        self._database = database
        self._session = session
        self._id = 0
        self._is_resuming = "startAfter" in stages[0]["$changeStream"]
        command = {"aggregate": 1, "pipeline": stages, "cursor": {"batchSize": 0}}
        with translated("did not open the change stream", is_resuming=self._is_resuming):
            opened = database.command(command, session=session)["cursor"]
        self._id = opened["id"]
        if "postBatchResumeToken" not in opened:
            raise SourceRefusedError("MongoDB sends no resume token with a batch; expected version 4.4 or later.")
        self.token: Token = opened["postBatchResumeToken"]

    def more(self, *, batch_size: int, max_await_ms: int) -> Reply:
        """Read on; waits up to `max_await_ms` for a first event.

        Raises:
            EventTooLargeError: The next event, or one of the next `batch_size`, cannot be sent.
            TokenLostError, SourceUnavailableError, SourceRefusedError: As `ports.ChangeSource`.
        """
        if not self._id:
            raise SourceUnavailableError("MongoDB has closed the change stream: open it anew after the saved token.")
        command = {
            "getMore": Int64(self._id), "collection": "$cmd.aggregate",
            "batchSize": batch_size, "maxTimeMS": max_await_ms,
        }  # fmt: skip
        try:
            reply = self._database.command(command, session=self._session, codec_options=RAW)
        except OperationFailure as error:
            self._id = 0
            if error.code == TOO_LARGE_CODE:
                raise EventTooLargeError from error
            raise translate(error, doing="ended the change stream", is_resuming=self._is_resuming) from error
        except PyMongoError as error:
            self._id = 0
            raise translate(error, doing="did not go on with the change stream") from error
        cursor = reply["cursor"]
        self._id = cursor["id"]
        if "postBatchResumeToken" in cursor:
            self.token = bson.decode(cursor["postBatchResumeToken"].raw)
        return Reply(cursor["nextBatch"], self.token, bool(self._id))

    def close(self) -> None:
        """Let the server forget it. Not after a failure: the server would have to be waited for."""
        if self._id:
            try:
                self._database.command(
                    {"killCursors": "$cmd.aggregate", "cursors": [Int64(self._id)]}, session=self._session
                )
            except PyMongoError:
                pass  # it forgets idle cursors by itself
            self._id = 0


class ReadAhead:
    """A cursor, read one reply ahead while the stream has more. Used by one thread.

    The server makes a reply when it is asked for it. Without this it would idle while we shape and publish,
    and we while it looks through its oplog. Never more than one: a reply has 16 MB at most.
    """

    def __init__(self, cursor: ChangeCursor) -> None:
        self._cursor = cursor
        # While there is one, the cursor and its session are its thread's.
        self._next: Future[Reply] | None = None

    def more(self, *, batch_size: int, max_await_ms: int) -> Reply:
        """Read on; as `ChangeCursor.more`, whose errors come in their turn."""
        ahead, self._next = self._next, None
        if ahead is not None:
            reply = ahead.result()
        else:
            reply = self._cursor.more(batch_size=batch_size, max_await_ms=max_await_ms)
        if reply.events and reply.is_open:
            self._next = _begin(lambda: self._cursor.more(batch_size=batch_size, max_await_ms=NO_WAIT_MS))
        return reply

    def close(self) -> None:
        """Close the cursor, once nothing reads it."""
        if self._next is not None:
            wait([self._next])
            self._next = None
        self._cursor.close()


def _begin(read: Callable[[], Reply]) -> "Future[Reply]":
    future: Future[Reply] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as error:
            future.set_exception(error)

    # Not of a pool: the interpreter waits for those when it ends, and the server may never answer.
    threading.Thread(target=run, name="connector-read-ahead", daemon=True).start()
    return future

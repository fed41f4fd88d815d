"""The change stream of one MongoDB database, as `ports.ChangeSource`.

Here: the stream's life: opening, reading batches, stepping over what the server cannot send; and
whole collections, read beside running writes.
Not here: commands (`change_cursor`), events (`change_events`), lookups (`lookup`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.client_session import ClientSession

from inventory_assets.connector.errors import SourceUnavailableError, TokenLostError
from inventory_assets.connector.source.change import (
    Batch,
    Change,
    Chunk,
    ClusterTime,
    Operation,
    Poison,
    Token,
)
from inventory_assets.connector.source.change_cursor import (
    NO_WAIT_MS,
    ChangeCursor,
    EventTooLargeError,
    ReadAhead,
    Reply,
    pipeline,
)
from inventory_assets.connector.source.change_events import (
    Inexact,
    Read,
    Upheaval,
    add_left,
    only_final,
    read_event,
    read_too_large,
    token_of,
)
from inventory_assets.connector.source.images import ImageMode
from inventory_assets.connector.source.keys import Keys
from inventory_assets.connector.source.lookup import look_up, to_changes
from inventory_assets.connector.source.mongo_client import check_replica_set
from inventory_assets.connector.source.mongo_reads import MongoReads
from inventory_assets.connector.source.raw_documents import key_of

# Looked-up documents are handed on when there are this many bytes of them, not kept for their batch.
_PART_BYTES = 16 * 1024 * 1024
# What claims to be earlier is no time at all.
_YEAR_2004 = 2**30


class MongoChangeSource:
    """Reads one database. Used by one thread; implements `ports.ChangeSource`."""

    def __init__(
        self,
        client: MongoClient[dict[str, Any]],
        database: str,
        *,
        collections: Sequence[str],
        images: ImageMode,
        keys: Keys | None = None,
        batch_size: int = 1000,
        max_await_ms: int = 250,
        chunk_documents: int = 1000,
    ) -> None:
        """Nothing is sent before `open` or `copy`.

        Args:
            client: From `mongo_client.connect`; `close` closes it.
            collections: Those that are watched.
            keys: By what their documents are known.
            batch_size: Events asked for at a time; the server also stops at 16 MB.
            max_await_ms: How long a read waits for a first event. Meanwhile no token is saved of what is confirmed.
            chunk_documents: Documents of a copy read together.
        """
        self._client = client
        self._database = client[database]
        self._collections = list(collections)
        self._images = images
        self._keys = keys or Keys()
        self._batch_size = batch_size
        self._max_await_ms = max_await_ms
        self._chunk_documents = chunk_documents
        self._has_images: bool | None = None
        self._reads: MongoReads | None = None
        self._session: ClientSession | None = None
        self._cursor: ReadAhead | None = None
        # Everything up to it was handed out.
        self._token: Token = {}
        self._batches: Iterator[Batch] = iter(())

    def open(self, token: Token | None) -> Token:
        """Open after a token; as `ports.ChangeSource`.

        A token is tried here, not with the first batch: its refusal should come from here.
        """
        self._close_cursor()
        if self._has_images is None:
            self._has_images = check_replica_set(self._client)
        self._readable()
        # A session that has seen a network error is not to be used again.
        self._session = self._client.start_session(causal_consistency=False)
        cursor = self._open_cursor(token)
        self._cursor = ReadAhead(cursor)
        self._token = cursor.token if token is None else token
        self._batches = self._read(None if token is None else self._try_reply(NO_WAIT_MS))
        return self._token

    def next_batch(self) -> Batch:
        """Read what is there; as `ports.ChangeSource`."""
        batch = next(self._batches, None)
        if batch is None:
            raise SourceUnavailableError("the change stream is not open: open it after the saved token.")
        return batch

    def copy(self, collection: str) -> Iterator[Chunk]:
        """Read a whole collection; as `ports.ChangeSource`."""
        return copy_collection(
            self._readable(), database=self._database.name, collection=collection, chunk_documents=self._chunk_documents
        )

    def close(self) -> None:
        """Close cursor, sessions and client."""
        self._close_cursor()
        if self._reads is not None:
            self._reads.close()
            self._reads = None
        self._client.close()

    def _readable(self) -> MongoReads:
        if self._reads is None:
            self._reads = MongoReads(self._client, self._database, collections=self._collections)
        return self._reads

    def _open_cursor(self, token: Token | None, *, is_slim: bool = False) -> ChangeCursor:
        assert self._has_images is not None and self._session is not None
        stages = pipeline(
            token, collections=self._collections, mode=self._images, has_images=self._has_images,
            keys=self._keys, is_slim=is_slim,
        )  # fmt: skip
        return ChangeCursor(self._database, self._session, stages)

    def _close_cursor(self) -> None:
        self._batches = iter(())
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None
        if self._session is not None:
            self._session.end_session()
            self._session = None

    def _read(self, first: tuple[list[Read], Reply] | None) -> Iterator[Batch]:
        """Read replies for ever, as batches; an error ends it, and the stream."""
        while True:
            items, reply = first or self._try_reply(self._max_await_ms)
            first = None
            sound = only_final(items, self._keys)
            upheaval = next((item for item in items if isinstance(item, Upheaval)), None)
            if upheaval is None:
                yield from self._batches_of(sound, reply.token, len(items))
                continue
            # What came before it counts; its own token is never handed out, so that a restart
            # finds it again.
            before = [item for item in sound if not isinstance(item, Upheaval)]
            if before:
                yield from self._batches_of(before, _last_token(items, self._token), len(before))
            raise TokenLostError(
                f"{upheaval.reason}: its documents changed without an event for each. "
                "Only a copy tells what is there now.",
                code=None,
            )

    def _batches_of(self, items: Sequence[Read], token: Token, count: int) -> Iterator[Batch]:
        """Hand out exact changes, then what was looked up; only the last part has the token."""
        items = add_left(items, self._keys, database=self._database.name)
        part: list[Change | Poison] = [item for item in items if isinstance(item, Change | Poison)]
        wanted = [item for item in items if isinstance(item, Inexact)]
        size = sum(change.size_bytes for change in part)
        if wanted:
            looked_up = look_up(
                wanted, self._readable(), database=self._database.name, collections=self._collections,
                since=max(item.cluster_time for item in items), keys=self._keys,
            )  # fmt: skip
            for more in looked_up:
                added = sum(change.size_bytes for change in more)
                if part and size + added > _PART_BYTES:
                    yield Batch(changes=part, token=self._token, cluster_time=None)
                    part, size = [], 0
                part, size = part + more, size + added
        self._token = token
        times = [item.cluster_time for item in items]
        if (told := _time_in(token)) is not None:
            times.append(told)
        changed = tuple(item.key_change for item in items if isinstance(item, Change | Inexact) and item.key_change)
        yield Batch(changes=part, token=token, cluster_time=max(times, default=None), read=count, key_changes=changed)

    def _try_reply(self, max_await_ms: int) -> tuple[list[Read], Reply]:
        try:
            reply = self._whole_reply(max_await_ms)
            return [self._interpret(raw) for raw in reply.events], reply
        except EventTooLargeError:
            return self._step_over()

    def _interpret(self, raw: Any) -> Read:
        return read_event(raw, database=self._database.name, mode=self._images, keys=self._keys)

    def _whole_reply(self, max_await_ms: int) -> Reply:
        """Read on until no MongoDB transaction is cut in two: `only_final` needs all of it."""
        assert self._cursor is not None
        reply = self._cursor.more(batch_size=self._batch_size, max_await_ms=max_await_ms)
        while reply.is_open and _is_cut(reply):
            more = self._cursor.more(batch_size=self._batch_size, max_await_ms=NO_WAIT_MS)
            if not more.events:
                return Reply(reply.events, more.token, more.is_open)
            reply = Reply(reply.events + more.events, more.token, more.is_open)
        return reply

    def _step_over(self) -> tuple[list[Read], Reply]:
        """Read event by event up to the one that is too large, and of that the outside only."""
        items: list[Read] = []
        token = self._token
        cursor = self._open_cursor(token)
        while True:
            try:
                reply = cursor.more(batch_size=1, max_await_ms=self._max_await_ms)
            except EventTooLargeError:
                break
            items += [self._interpret(raw) for raw in reply.events]
            token = reply.token
            if not reply.events:
                self._cursor = ReadAhead(cursor)
                return items, reply
        # With one event a reply, it is the next one.
        slim = self._open_cursor(token, is_slim=True)
        try:
            outside = slim.more(batch_size=1, max_await_ms=self._max_await_ms).events
        except EventTooLargeError as error:
            raise SourceUnavailableError("MongoDB cannot send an event even without its document.") from error
        slim.close()
        if outside:
            items.append(read_too_large(outside[0], database=self._database.name))
            token = token_of(outside[0])
        self._cursor = ReadAhead(self._open_cursor(token))
        return items, Reply([], token, True)


def _is_cut(reply: Reply) -> bool:
    """Whether the reply may have ended within a MongoDB transaction."""
    if not reply.events or "txnNumber" not in reply.events[-1]:
        return False
    return reply.token == token_of(reply.events[-1])


def _last_token(items: Sequence[Read], default: Token) -> Token:
    """The token of the last change before an upheaval that has one."""
    token = default
    for item in items:
        if isinstance(item, Upheaval):
            return token
        if isinstance(item, Change | Poison) and item.token is not None:
            token = item.token
    return token


def _time_in(token: Token) -> ClusterTime | None:
    """Read the time in mongod's tokens, which is all an empty batch says of how far it came.

    For lag and gaps only, never for a position: the form is not documented. 0x82 says that a
    timestamp follows.
    """
    text = token.get("_data")
    if not isinstance(text, str) or len(text) < 18 or not text.startswith("82"):
        return None
    try:
        packed = bytes.fromhex(text[2:18])
    except ValueError:
        return None
    seconds, increment = int.from_bytes(packed[:4], "big"), int.from_bytes(packed[4:], "big")
    return (seconds, increment) if seconds >= _YEAR_2004 else None


def copy_collection(reads: MongoReads, *, database: str, collection: str, chunk_documents: int) -> Iterator[Chunk]:
    """Read a collection in the order of `_id`, whatever types those have; see `ports.ChangeSource`.

    Each chunk is a read of its own at a time of its own: one snapshot over a long copy would be
    longer than a server keeps them. A document that is written meanwhile is in a later chunk, or it
    is in the stream, which begins before the copy: its positions put both right.
    """
    after: bytes | None = None
    while True:
        page = reads.page(collection, after=after, limit=chunk_documents)
        if page.documents:
            after = key_of(page.documents[-1])
            changes = to_changes(page, operation=Operation.SNAPSHOT, database=database, collection=collection)
            yield Chunk(changes=changes, cluster_time=page.cluster_time, is_snapshot=page.is_snapshot)
        if page.is_last:
            return

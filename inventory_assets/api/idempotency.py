"""What was asked to be written: a row for each request, in a file of the home, so that none is carried out twice.

Here: rows, whose turn it is, and how long they are kept. Not here: what a request says, what it is answered.
A row is written before anything is published, with the messages themselves: whoever finds it unfinished and its
maker dead sends the same bytes, and what had arrived already is a repeat (RULES 9).
"""

import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from inventory_assets.errors import InventoryError
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.holds import hold, living
from inventory_assets.lake.lock import writer_lock
from inventory_assets.private import keep_private
from inventory_assets.settings import Settings

FILE = "requests.sqlite"
HOLDS = "requests"
KEPT_US = 24 * 3_600_000_000
# Of a request half a kilobyte is left, of an event in it a hundred bytes.
MOST_REQUESTS = 200_000
MOST_EVENTS = 2_000_000
# To look for what is too old costs a walk over the index.
ROWS_A_SWEEP = 256
# Longer than a publish may take: a thread of a living process that takes longer is none any more.
LEASE_US = 60_000_000
BUSY_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    request_id TEXT PRIMARY KEY, author TEXT NOT NULL, idempotency_key TEXT, fingerprint BLOB NOT NULL,
    made_at INTEGER NOT NULL, events INTEGER NOT NULL, owner TEXT, lease_until INTEGER NOT NULL, plan BLOB NOT NULL,
    answer BLOB, searched INTEGER NOT NULL, found BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS keys ON requests (author, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS ages ON requests (made_at, events);
"""
_COLUMNS = (
    "request_id, author, idempotency_key, fingerprint, made_at, owner, lease_until, plan, answer, searched, found"
)


class RequestStoreError(InventoryError):
    """`requests.sqlite` cannot be used: nothing is sent that could not be found again."""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A message to publish, or that was: then its bytes are left out."""

    topic: str
    ordering_key: str
    attributes: dict[str, str]
    data: bytes
    event_id: str | None
    message_id: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What a request comes to.

    Attributes:
        sent: Its messages, in order.
        version: The version that was shown when it was accepted.
        said: What its answer says beside the ids.
        warehouses: Which it is about, for who may ask after it; None is none of them in particular.
        key: The shelf whose version matters; None for none.
        if_match: The version that was asked for.
    """

    sent: tuple[Sent, ...]
    version: int
    said: dict[str, Any]
    warehouses: tuple[str, ...] | None = None
    key: tuple[str, str] | None = None
    if_match: int | None = None


class Found(msgspec.Struct, frozen=True, array_like=True):
    """What became of one message: what was first said of it, wherever it came several times."""

    place: int
    version: int
    message_id: str
    outcome: str
    reason: str | None = None
    detail: str | None = None


class Search(msgspec.Struct, frozen=True):
    """How far the outcome has been looked for: up to `searched`, and whether the shelf changed beside it."""

    searched: int
    found: tuple[Found, ...] = ()
    has_changed: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A request's row."""

    request_id: str
    author: str
    idempotency_key: str | None
    fingerprint: bytes
    made_at: int
    owner: str | None
    lease_until: int
    plan: Plan
    answer: bytes | None
    search: Search


_plans = msgspec.msgpack.Decoder(Plan)
_searches = msgspec.msgpack.Decoder(Search)
_encode = msgspec.msgpack.encode


class Requests:
    """The rows of a home, shared by its processes. Thread-safe; opened with the first use."""

    def __init__(self, settings: Settings, now: Callable[[], int]) -> None:
        self.path = settings.home / FILE
        self._folder = settings.home / HOLDS
        self._now = now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner: str | None = None
        self._held: int | None = None
        self._since_sweep = 0

    def find(self, author: str, key: str) -> Kept | None:
        """The request that has this key of somebody's."""
        return self._one("author = ? AND idempotency_key = ?", author, key)

    def get(self, request_id: str) -> Kept | None:
        """A request by its id; None where there is none, or none any more."""
        return self._one("request_id = ?", request_id)

    def begin(self, request_id: str, author: str, key: str | None, fingerprint: bytes, plan: Plan) -> Kept | None:
        """Keep a request before anything of it is sent.

        Returns:
            None, or the one that has taken its key meanwhile.
        """
        with self._writing() as connection:
            now = self._now()
            if key is not None:
                connection.execute(
                    "DELETE FROM requests WHERE author = ? AND idempotency_key = ? AND made_at < ?",
                    (author, key, now - KEPT_US),
                )
            try:
                connection.execute(
                    "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
                    (
                        request_id, author, key, fingerprint, now, len(plan.sent), self._owner, now + LEASE_US,
                        _encode(plan), plan.version, _encode(Search(plan.version)),
                    ),
                )  # fmt: skip
            except sqlite3.IntegrityError:
                if key is None:
                    raise
            else:
                self._since_sweep += 1
                if self._since_sweep >= ROWS_A_SWEEP:
                    self._since_sweep = 0
                    _sweep(connection, now)
                return None
        return self.find(author, key)

    def is_running(self, kept: Kept) -> bool:
        """Whether somebody is at it who lives."""
        if kept.answer is not None or kept.owner is None or kept.lease_until < self._now():
            return False
        return bool(living([self._folder / kept.owner], _bury))

    def take_over(self, kept: Kept) -> bool:
        """Go on with a request that nobody is at; False where another was faster."""
        with self._writing() as connection:
            return connection.execute(
                "UPDATE requests SET owner = ?, lease_until = ? WHERE request_id = ? AND answer IS NULL "
                "AND owner IS ? AND lease_until = ?",
                (self._owner, self._now() + LEASE_US, kept.request_id, kept.owner, kept.lease_until),
            ).rowcount == 1  # fmt: skip

    def finish(self, request_id: str, plan: Plan, message_ids: Sequence[str], answer: bytes) -> None:
        """Its messages are confirmed: from now on it is answered so, and their bytes are let go of."""
        sent = tuple(
            Sent(each.topic, each.ordering_key, {}, b"", each.event_id, message_id)
            for each, message_id in zip(plan.sent, message_ids, strict=True)
        )
        with self._writing() as connection:
            connection.execute(
                "UPDATE requests SET owner = NULL, plan = ?, answer = ? WHERE request_id = ?",
                (_encode(msgspec.structs.replace(plan, sent=sent)), answer, request_id),
            )

    def let_go(self, request_id: str) -> None:
        """It was not confirmed: who asks again with its key goes on with it."""
        with self._writing() as connection:
            connection.execute("UPDATE requests SET owner = NULL WHERE request_id = ?", (request_id,))

    def note(self, request_id: str, before: Search, search: Search) -> None:
        """Keep how far its outcome has been looked for, unless another was further."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE requests SET searched = ?, found = ? WHERE request_id = ? AND searched = ?",
                (search.searched, _encode(search), request_id, before.searched),
            )

    def count(self) -> int:
        """How many are kept."""
        with self._lock, self._told():
            [(count,)] = self._opened().execute("SELECT count(*) FROM requests").fetchall()
        return count

    def close(self) -> None:
        """Let go of the file, and of what is not finished."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._held is not None and self._owner is not None:
                (self._folder / self._owner).unlink(missing_ok=True)
                os.close(self._held)
                self._held = self._owner = None

    def _one(self, condition: str, *parameters: str) -> Kept | None:
        with self._lock, self._told():
            row = self._opened().execute(f"SELECT {_COLUMNS} FROM requests WHERE {condition}", parameters).fetchone()
            if row is None or row[4] < self._now() - KEPT_US:
                return None
            request_id, author, key, fingerprint, made_at, owner, lease_until, plan, answer, _, found = row
            return Kept(
                request_id, author, key, fingerprint, made_at, owner, lease_until, _plans.decode(plan), answer,
                _searches.decode(found),
            )  # fmt: skip

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told():
            connection = self._opened()
            if self._owner is None:
                # What processes that were killed have left.
                living(list(self._folder.iterdir()), _bury)
                owner = f"{os.getpid()}-{uuid.uuid4().hex}"
                self._held = hold(self._folder / owner)
                self._owner = owner
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            keep_private(self.path.parent)
            keep_private(self._folder)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                with writer_lock(self.path.with_suffix(".lock"), timeout_seconds=BUSY_SECONDS):
                    # Of several that make it at once, SQLite would refuse one without waiting.
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(_SCHEMA)
                # What a power cut takes back is sent again with the same ids.
                connection.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError, msgspec.MsgspecError, LakeBusyError) as error:
            raise RequestStoreError(
                f"{str(self.path)!r} could not be used: {error}. Nothing was sent. Mend its disk or its rights, or "
                "move it away: what was sent in the last day is then found neither by its key nor by its request id."
            ) from error


def _bury(path: Path) -> None:
    path.unlink(missing_ok=True)


def _sweep(connection: sqlite3.Connection, now: int) -> None:
    """Let go of what is too old, and of the oldest tenth where there are too many."""
    connection.execute("DELETE FROM requests WHERE made_at < ?", (now - KEPT_US,))
    [(count, events)] = connection.execute("SELECT count(*), coalesce(sum(events), 0) FROM requests").fetchall()
    if count <= MOST_REQUESTS and events <= MOST_EVENTS:
        return
    for made_at, one in connection.execute("SELECT made_at, events FROM requests ORDER BY made_at").fetchall():
        if count <= 0.9 * MOST_REQUESTS and events <= 0.9 * MOST_EVENTS:
            break
        count, events, last = count - 1, events - one, made_at
    connection.execute("DELETE FROM requests WHERE made_at <= ?", (last,))

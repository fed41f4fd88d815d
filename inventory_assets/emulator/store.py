"""SQLite behind the broker: a writer thread with group commit, and recovery.

Belongs here: SQL and its thread. Does not belong: what a message or an ack
means. A row of `backlog` exists as long as that subscription owes the message.

Why it looks like this: `sqlite3` gives up the GIL at every statement step and
has to win it back from the event loop. So a commit runs few, large statements
– many rows a VALUES list, ids as one JSON array – and not one per message.
"""

import json
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    kind TEXT NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,
    created_us INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, size INTEGER NOT NULL,
    ordering_key TEXT NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_topic ON messages (topic_id, id);
CREATE TABLE IF NOT EXISTS backlog (
    owner_id INTEGER NOT NULL, message_id INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner_id, message_id)) WITHOUT ROWID;
"""
_FORMAT = 1
_COLUMNS = "(id, topic_id, size, ordering_key, payload)"
# 5 values a row; SQLite allows 32,766 variables a statement.
_ROW_COUNTS = (1024, 256, 64, 16, 4, 1)


class StoreError(RuntimeError):
    """The database cannot be read or written."""


@dataclass(slots=True)
class Batch:
    """What one group commit writes, in this order."""

    resources: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    messages: list[tuple[int, int, int, str, bytes]] = field(default_factory=list)
    owed: dict[int, list[int]] = field(default_factory=dict)
    attempts: list[tuple[int, int, int]] = field(default_factory=list)
    settled: dict[int, list[int]] = field(default_factory=dict)
    unneeded: list[int] = field(default_factory=list)
    done: list[Callable[[BaseException | None], None]] = field(default_factory=list)

    def put_resource(self, kind: str, body: Any, *, id: int, created_us: int) -> None:
        """Write the row of a resource."""
        self.resources.append(
            (
                "INSERT OR REPLACE INTO resources (kind, name, id, created_us, body) VALUES (?, ?, ?, ?, ?)",
                (kind, body.name, id, created_us, body.SerializeToString()),
            )
        )

    def delete_resource(self, kind: str, name: str) -> None:
        """Delete the row of a resource."""
        self.resources.append(("DELETE FROM resources WHERE kind = ? AND name = ?", (kind, name)))

    def disown(self, owner_id: int) -> None:
        """Delete all that an owner is owed."""
        self.resources.append(("DELETE FROM backlog WHERE owner_id = ?", (owner_id,)))


class Store:
    """One database. `path` None keeps it in memory."""

    def __init__(self, path: Path | None) -> None:
        self.is_durable = path is not None
        target = str(path) if path else ":memory:"
        try:
            self._writer = self._connect(target)
            if path:
                self._writer.execute("PRAGMA auto_vacuum=INCREMENTAL")
                self._writer.execute("PRAGMA journal_mode=WAL")
            # NORMAL: a commit is in the WAL file when it returns, so it outlives
            # kill -9; only a power cut may take the last ones.
            self._writer.execute("PRAGMA synchronous=NORMAL")
            found = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, _FORMAT):
                raise StoreError(
                    f"{target!r} was written by another emulator version (format {found}, "
                    f"expected {_FORMAT}). Use that version, or delete the directory."
                )
            self._writer.executescript(_SCHEMA)
            self._writer.execute(f"PRAGMA user_version={_FORMAT}")
            # Reads do not wait for a commit under way – except in memory, where a
            # second connection would be a second database.
            self._reader = self._connect(target) if path else self._writer
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot open the emulator database {target!r}: {error}. "
                "Check the permissions and free space, or start with another --data."
            ) from error
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="emulator-store", daemon=True)
        self._thread.start()

    # -- written by the loop -------------------------------------------

    def submit(self, batch: Batch) -> None:
        """Queue a batch; its `done` callbacks run in the writer thread after the commit."""
        self._queue.put(batch)

    def close(self) -> None:
        """Write what is queued, and close."""
        self._queue.put(None)
        self._thread.join()
        self._writer.close()
        if self._reader is not self._writer:
            self._reader.close()

    # -- read by the loop ----------------------------------------------

    def resources(self, kind: str) -> list[tuple[str, int, int, bytes]]:
        """(name, id, created µs, body) of one kind."""
        return self._reader.execute(
            "SELECT name, id, created_us, body FROM resources WHERE kind = ? ORDER BY id", (kind,)
        ).fetchall()

    def backlog(self, owner_id: int) -> list[tuple[int, int, int, str]]:
        """(message id, attempts, size, ordering key) of what an owner is owed, oldest first."""
        return self._reader.execute(
            "SELECT message_id, attempts, size, ordering_key FROM backlog "
            "JOIN messages ON messages.id = message_id WHERE owner_id = ? ORDER BY message_id",
            (owner_id,),
        ).fetchall()

    def payloads(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Bytes of messages, by id."""
        return dict(
            self._reader.execute(
                "SELECT id, payload FROM messages WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(ids),),
            ).fetchall()
        )

    def messages_since(self, topic_id: int, first_id: int) -> list[tuple[int, int, bytes]]:
        """(id, size, payload) of a topic's stored messages from an id on."""
        return self._reader.execute(
            "SELECT id, size, payload FROM messages WHERE topic_id = ? AND id >= ? ORDER BY id",
            (topic_id, first_id),
        ).fetchall()

    def sizes(self, topic_id: int, *, after_id: int, before_id: int, limit: int) -> list[tuple[int, int]]:
        """(id, size) of a topic's stored messages between two ids, oldest first."""
        return self._reader.execute(
            "SELECT id, size FROM messages WHERE topic_id = ? AND id > ? AND id < ? ORDER BY id LIMIT ?",
            (topic_id, after_id, before_id, limit),
        ).fetchall()

    def newest_id(self) -> int:
        """Greatest message id stored; 0 for none."""
        return self._reader.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]

    def stored_bytes(self) -> int:
        """Sum of message sizes."""
        return self._reader.execute("SELECT coalesce(sum(size), 0) FROM messages").fetchone()[0]

    # -- the writer thread ---------------------------------------------

    @staticmethod
    def _connect(target: str) -> sqlite3.Connection:
        return sqlite3.connect(target, isolation_level=None, check_same_thread=False, timeout=30.0)

    def _write(self) -> None:
        is_last = False
        while not is_last:
            batches: list[Batch] = []
            item = self._queue.get()
            while True:
                if item is None:
                    is_last = True
                    break
                batches.append(item)
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            error = self._commit(batches) if batches else None
            for batch in batches:
                for callback in batch.done:
                    callback(error)

    def _commit(self, batches: list[Batch]) -> BaseException | None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for batch in batches:
                self._apply(batch)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            return error
        return None

    def _apply(self, batch: Batch) -> None:
        execute = self._writer.execute
        for statement, values in batch.resources:
            # Fetch: a pragma does its work row by row.
            execute(statement, values).fetchall()
        rows, start = batch.messages, 0
        for count in _ROW_COUNTS:
            while len(rows) - start >= count:
                flat = [value for row in rows[start : start + count] for value in row]
                marks = ",".join(["(?,?,?,?,?)"] * count)
                execute(f"INSERT INTO messages {_COLUMNS} VALUES {marks}", flat)
                start += count
        for owner_id, ids in batch.owed.items():
            execute(
                "INSERT OR IGNORE INTO backlog (owner_id, message_id) SELECT ?, value FROM json_each(?)",
                (owner_id, json.dumps(ids)),
            )
        if batch.attempts:
            execute(
                "UPDATE backlog SET attempts = j.value ->> 2 FROM json_each(?) AS j "
                "WHERE owner_id = j.value ->> 0 AND message_id = j.value ->> 1",
                (json.dumps(batch.attempts),),
            )
        for owner_id, ids in batch.settled.items():
            execute(
                "DELETE FROM backlog WHERE owner_id = ? AND message_id IN (SELECT value FROM json_each(?))",
                (owner_id, json.dumps(ids)),
            )
        if batch.unneeded:
            ids_json = json.dumps(batch.unneeded)
            execute("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?))", (ids_json,))

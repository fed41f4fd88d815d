"""Checkpoints in one SQLite file: the embedded default.

Durable against `kill -9` and power loss: WAL with `synchronous=FULL` syncs at every commit. A file
that is damaged, emptied or removed while in use is an error and never "no checkpoint": the connector
would take that for a first start, and the changes in between would be lost without a word.
"""

import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inventory_assets.connector.errors import StoreDamagedError, StoreUnavailableError
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.connector.state.stores import codec
from inventory_assets.private import keep_private

# "ICTS" in ASCII: tells our file from another program's database at the same path.
_APPLICATION_ID = 0x49435453
_PAUSE_SECONDS = 0.02
_SCHEMA = """
    CREATE TABLE checkpoints (
        connector_id TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL
    ) STRICT
"""
# One statement each, so that two writers cannot both find the revision they expect.
_INSERT = """
    INSERT INTO checkpoints (record, connector_id, revision) VALUES (?, ?, ? + 1) ON CONFLICT DO NOTHING
"""
_UPDATE = """
    UPDATE checkpoints SET record = ?, revision = revision + 1 WHERE connector_id = ? AND revision = ?
"""
# SQLite's primary result codes for a file that will not get better by itself.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class SqliteTokenStore:
    """`TokenStore` in a file. Several connectors, threads and processes may share it."""

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        """Open the file, or create it.

        Args:
            busy_seconds: To wait for another connector's save, which takes milliseconds; longer is a stuck
                process or a lost disk.

        Raises:
            StoreUnavailableError: It cannot be opened or created.
            StoreDamagedError: It is there, and no store of checkpoints.
        """
        self._path = path
        self._busy_seconds = busy_seconds
        self._where = f"file {str(path)!r}"
        self._lock = threading.Lock()
        with self._guard("opened"):
            if not path.exists():
                self._create()
            self._connection = self._open()
            self._inode = os.stat(path).st_ino

    def load(self, connector_id: str) -> Checkpoint | None:
        """Read one; see `TokenStore`."""
        with self._lock, self._guard("read"):
            self._check_in_place()
            return self._read(connector_id)

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write one if nobody else has; see `TokenStore`."""
        saved = codec.written(checkpoint)
        text = json.dumps(codec.to_json_values(codec.to_record(saved)))
        with self._lock, self._guard("written"):
            self._check_in_place()
            sql = _INSERT if checkpoint.revision == 0 else _UPDATE
            done = self._connection.execute(sql, (text, checkpoint.connector_id, checkpoint.revision))
            if done.rowcount == 1:
                return saved
            current = self._read(checkpoint.connector_id)
        return codec.settle_conflict(checkpoint, current, where=self._where)

    def list(self) -> Sequence[Checkpoint]:
        """All, by id."""
        with self._lock, self._guard("read"):
            self._check_in_place()
            rows = self._connection.execute("SELECT * FROM checkpoints ORDER BY connector_id").fetchall()
            return [self._decode(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _read(self, connector_id: str) -> Checkpoint | None:
        sql = "SELECT * FROM checkpoints WHERE connector_id = ?"
        row = self._connection.execute(sql, (connector_id,)).fetchone()
        return None if row is None else self._decode(*row)

    def _decode(self, connector_id: str, revision: int, text: str) -> Checkpoint:
        where = f"{self._where}, connector {connector_id!r}"
        try:
            values: Any = json.loads(text)
        except ValueError as error:
            raise StoreDamagedError(f"the checkpoint in {where} is no JSON: {error}. Restore the file.") from error
        if not isinstance(values, dict):
            raise StoreDamagedError(f"the checkpoint in {where} is no JSON object. Restore the file.")
        record = {**codec.from_json_values(values), "connector_id": connector_id, "revision": revision}
        return codec.from_record(record, where=where)

    def _create(self) -> None:
        # Made aside and linked into place, so that a crash half-way leaves no empty file: what is
        # there and empty has been emptied.
        for leftover in (f"{self._path}-wal", f"{self._path}-journal"):
            if os.path.exists(leftover):
                raise StoreDamagedError(
                    f"{self._where} is gone, but {leftover!r} is left of it. Restore it, "
                    "or delete that one as well: the connector then copies the collections anew."
                )
        keep_private(self._path.parent)
        with tempfile.TemporaryDirectory(prefix=".store-", dir=self._path.parent) as directory:
            fresh = Path(directory, "store")
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(_SCHEMA)
            try:
                os.link(fresh, self._path)
            except FileExistsError:
                return  # another connector was first
        _sync_directory(self._path.parent)

    def _open(self) -> sqlite3.Connection:
        # rw, not rwc: a file that vanished since must not come back empty.
        uri = f"{self._path.resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=self._busy_seconds
        )  # fmt: skip
        try:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            if application_id != _APPLICATION_ID:
                raise StoreDamagedError(
                    f"{self._where} is no store of checkpoints (emptied, or another program's). Restore it, "
                    "or name another file; deleting it makes the connector copy the collections anew."
                )
            _use_wal(connection, self._busy_seconds)
            connection.execute("PRAGMA synchronous = FULL")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise StoreDamagedError(f"{self._where} is damaged: {verdict}. Restore it from a backup.")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_in_place(self) -> None:
        # SQLite would go on writing to a file that has no name any more, and call it saved.
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            inode = None
        if inode != self._inode:
            raise StoreDamagedError(
                f"{self._where} was removed or replaced while in use. Put it back and start the connector again."
            )

    @contextmanager
    def _guard(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                raise StoreDamagedError(
                    f"{self._where} is damaged: {error}. Restore it from a backup, or delete it on purpose: "
                    "the connector then copies the collections anew."
                ) from error
            raise StoreUnavailableError(
                f"{self._where} cannot be {verb}: {error}. See that the disk has room and the file can be "
                "written; nothing was skipped, and the connector tries again."
            ) from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _use_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Keep a log beside the file. SQLite waits for nobody here: two that open a new file at once meet."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends_at:
                raise
            time.sleep(_PAUSE_SECONDS)

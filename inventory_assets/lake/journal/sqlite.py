"""A journal in an SQLite file, beside an embedded lake's catalog."""

import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inventory_assets.lake.durable import sync
from inventory_assets.lake.errors import JournalError, LakeError
from inventory_assets.lake.journal.sql import FIRST_HEAD, REMEDY, TABLES, Journal
from inventory_assets.lake.lock import writer_lock

# What another process's commit or checkpoint takes at most, on a slow disk.
BUSY_SECONDS = 30.0
# Free pages are handed back once a jam is over; below this they are used again soon.
SHRINK_PAGES = 4096
# A checkpoint syncs two files: whoever forgets does it, and a commit only where nobody lands.
WAL_PAGES = 16_384
CHECKPOINT_BYTES = 4 << 20
# FULL: a commit is on disk before it is acknowledged.
SYNCHRONOUS = "FULL"


class SqliteJournal(Journal):
    """The journal of an embedded lake: one connection, whose threads take turns."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._turn = threading.RLock()
        self._is_exclusive = False
        self._lander: int | None = None
        if not path.exists():
            raise JournalError(f"the journal {str(path)!r} is missing. {REMEDY}")
        self._file = path.stat().st_ino
        self._connection = _open(path, read_only=read_only)
        for pragma in () if read_only else (
            f"synchronous = {SYNCHRONOUS}", f"wal_autocheckpoint = {WAL_PAGES}", "journal_size_limit = 0",
            "cache_size = -2048",
        ):  # fmt: skip
            self._execute(f"PRAGMA {pragma}")
        self.head()

    def close(self) -> None:
        """Close it."""
        with self._turn:
            self._connection.close()
            if self._lander is not None:
                os.close(self._lander)
                self._lander = None

    def mark_lander(self) -> None:
        """Say, until it is closed, that somebody lands; the kernel forgets it with the process."""
        if self._lander is not None:
            return
        self._lander = os.open(self._lander_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lander, fcntl.LOCK_SH)

    def has_lander(self) -> bool:
        """Whether somebody lives who lands."""
        try:
            descriptor = os.open(self._lander_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:  # not ours to look at
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @property
    def _lander_path(self) -> Path:
        return self.path.with_suffix(".lander")

    def forget(self, now: int) -> None:
        """Let go of landed versions that are old and many; `now` in microseconds."""
        super().forget(now)
        is_shrinking = self._execute("PRAGMA freelist_count")[0][0] > SHRINK_PAGES
        if is_shrinking:
            # A step at a time: a commit waits for it.
            self._run_whole(f"PRAGMA incremental_vacuum({SHRINK_PAGES})")
        wal = self.path.with_name(f"{self.path.name}-wal")
        if is_shrinking or (wal.exists() and wal.stat().st_size > CHECKPOINT_BYTES):
            self._execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers of the journal away: for who was late, to catch up and be first.

        Fair between processes, which SQLite's own waiting is not.
        """
        with self._turn:
            if self._is_exclusive:
                yield
                return
            with writer_lock(self.path.with_suffix(".lock")):
                self._check_place()
                self._is_exclusive = True
                try:
                    yield
                finally:
                    self._is_exclusive = False

    def _check_place(self) -> None:
        """Refuse to write to a file that has gone from its place: what it takes is lost when it is closed."""
        try:
            is_there = self.path.stat().st_ino == self._file
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise JournalError(
                f"the journal {str(self.path)!r} was removed or replaced while this process had it open: a new one was "
                "begun, or a copy put back. Nothing was written; start this process again."
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.exclusive():
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                try:
                    self._connection.execute("ROLLBACK")
                except sqlite3.Error:
                    pass  # a disk that is full has ended it already
                raise

    def _run_whole(self, sql: str) -> None:
        # `execute` leaves a statement whose rows have no columns at its first: of this pragma, one page.
        with self._turn:
            try:
                self._connection.executescript(sql)
            except sqlite3.Error as error:
                raise _in_our_words(error, self.path) from error

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        with self._turn:
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise _in_our_words(error, self.path) from error


def make_sqlite_journal(path: Path, journal_id: str, *, epoch: int, version: int) -> None:
    """Make the journal of a lake that stands at a version: all of its versions have landed.

    Under another name first: a file that has the journal's is whole.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    connection = _open(fresh)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN")
        for statement in TABLES:
            connection.execute(statement.format(blob="BLOB"))
        connection.execute(FIRST_HEAD, (journal_id, epoch, version, version, 0))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise _in_our_words(error, path) from error
    finally:
        connection.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    # While nobody has it open: see `durable.sync_new_files`.
    sync([fresh], path.parent)
    fresh.replace(path)
    sync([], path.parent)


def _in_our_words(error: sqlite3.Error, path: Path) -> LakeError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        free = shutil.disk_usage(path.parent).free
        return LakeError(
            f"the journal {str(path)!r} could not be written: {text}; {free:,} bytes are free on its disk. "
            "Nothing was acknowledged and nothing is lost: make room, then go on."
        )
    if "readonly" in text or "unable to open" in text:
        return LakeError(
            f"the journal {str(path)!r} cannot be written: {text}. Run this as its owner (see `ls -l`), "
            "or set INVENTORY_HOME; commands that only read still do."
        )
    if "locked" in text:
        return LakeError(
            f"the journal {str(path)!r} was locked for {BUSY_SECONDS:.0f} s by another process. See who with "
            "`fuser` on that file; stop it if it hangs, then try again."
        )
    return JournalError(f"the journal {str(path)!r} is damaged, or is none: {text}. {REMEDY}")


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    # Autocommit: transactions are begun by name.
    options: Any = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
    try:
        if read_only:
            return _open_to_read(path, options)
        return sqlite3.connect(path, **options)
    except sqlite3.Error as error:
        raise _in_our_words(error, path) from error


def _open_to_read(path: Path, options: dict[str, Any]) -> sqlite3.Connection:
    """Open a journal that may be where nothing can be written.

    In WAL mode SQLite makes files beside the one it reads; after a writer's clean end none is there, and none is
    needed.
    """
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, **options)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True, **options)
    return connection

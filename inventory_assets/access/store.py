"""`access.sqlite` of the home: how it comes into being, is opened, and is written by several processes at once.

Here: the file, its tables, its errors. Not here: what its rows mean (`tokens`, `audit`), who is let in (`gate`).

A file of its own, beside the lake: a token is revoked within a second, also while the lake is busy, and a copy of
the lake holds none. No descriptor of it is opened but by SQLite: who closes another one takes away all locks that
the process has on it.
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from inventory_assets.errors import InventoryError
from inventory_assets.private import keep_private
from inventory_assets.settings import Settings

FILE = "access.sqlite"
MODE = 0o600
# How long a writer waits for another one; each holds the file for milliseconds.
BUSY_SECONDS = 5.0
# Tests that sync nothing set it.
SYNCHRONOUS = "FULL"
_APPLICATION_ID = 0x494E5641
_LAYOUT = 1
# `generation` moves with every token that is made, or ends: whoever holds tokens in memory looks at it, and reads
# them again where it has moved. Writes are appended beside, so SQLite's own data_version would move all the time.
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_LAYOUT};
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, scope TEXT NOT NULL,
    warehouses TEXT NOT NULL, rate REAL, burst INTEGER NOT NULL, made_at INTEGER NOT NULL, expires_at INTEGER,
    ended_at INTEGER, ended TEXT);
CREATE UNIQUE INDEX living_names ON tokens (name) WHERE ended_at IS NULL;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL);
INSERT INTO state VALUES (1, 0);
CREATE TABLE writes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, token_id TEXT NOT NULL, token TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, resource TEXT NOT NULL, request_id TEXT NOT NULL,
    message_ids TEXT NOT NULL, messages INTEGER NOT NULL, status INTEGER NOT NULL);
CREATE TABLE refusals (
    hour INTEGER NOT NULL, reason TEXT NOT NULL, token_id TEXT NOT NULL, count INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (hour, reason, token_id));
"""


class AccessError(InventoryError):
    """Tokens cannot be made, read or revoked so."""


class AccessStoreError(AccessError):
    """`access.sqlite` cannot be used: nobody is let in by it."""


def store_path(settings: Settings) -> Path:
    """Where the tokens of a home are."""
    return settings.home / FILE


def open_store(path: Path, *, timeout: float = BUSY_SECONDS) -> sqlite3.Connection | None:
    """Open the store; None where there is none.

    Raises:
        AccessStoreError: It cannot be read, is no store of ours, or others than its owner may write it.
    """
    with _told(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise AccessStoreError(f"{str(path)!r} is no file; expected the store of tokens. Move it away.")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            mode = stat.S_IMODE(found.st_mode)
            raise AccessStoreError(
                f"{str(path)!r} may be written by others than its owner (mode {mode:04o}), who could let themselves "
                f"in; expected 0600. Look at `inventory tokens list`, then `chmod 600 {path}`."
            )
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, timeout=timeout, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        try:
            _check(connection, path)
            connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        except BaseException:
            connection.close()
            raise
        return connection


def open_or_make(path: Path, *, timeout: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open the store, made where there is none.

    Raises:
        AccessStoreError: As `open_store`, or it cannot be made.
    """
    connection = open_store(path, timeout=timeout)
    if connection is None:
        with _told(path):
            _make(path)
        connection = open_store(path, timeout=timeout)
    if connection is None:
        raise AccessStoreError(f"{str(path)!r} was removed while it was made. Try again.")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that writes: all of it, or nothing; durable once it is left.

    Raises:
        AccessStoreError: It cannot be written.
    """
    with _told(path):
        # At once, so that what is decided by a row is still so when it is written.
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


@contextmanager
def reading(settings: Settings) -> Iterator[sqlite3.Connection | None]:
    """The store for one look; None where there is none.

    Raises:
        AccessStoreError: It cannot be read.
    """
    path = store_path(settings)
    connection = open_store(path)
    if connection is None:
        yield None
        return
    with _told(path), closing(connection):
        yield connection


@contextmanager
def changing(settings: Settings) -> Iterator[sqlite3.Connection]:
    """One transaction on the store, made where there is none.

    Raises:
        AccessStoreError: It cannot be written.
    """
    path = store_path(settings)
    with closing(open_or_make(path)) as connection, writing(connection, path):
        yield connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    [(application,)] = connection.execute("PRAGMA application_id").fetchall()
    [(layout,)] = connection.execute("PRAGMA user_version").fetchall()
    if application != _APPLICATION_ID:
        # Also a file of no bytes, which SQLite takes for an empty database.
        raise AccessStoreError(
            f"{str(path)!r} is no store of tokens (application id {application:#x}, expected {_APPLICATION_ID:#x}). "
            f"{_next_step(path)}"
        )
    if layout != _LAYOUT:
        raise AccessStoreError(
            f"{str(path)!r} has layout {layout}, expected {_LAYOUT}: another release made it. Use that release."
        )


def _make(path: Path) -> None:
    """Make it whole beside its place, and link it there: of two at once the one is there, and the other lets go."""
    keep_private(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{FILE}.", dir=path.parent)
    os.close(descriptor)  # before SQLite has it, and under a name that nobody else opens
    fresh = Path(name)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        fresh.chmod(MODE)
        with suppress(FileExistsError):
            os.link(fresh, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a rule of ours, which whoever writes knows the words for
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise AccessStoreError(
                f"{str(path)!r} was locked by another process for too long. See who with `fuser {path}`; stop it if "
                "it hangs, then try again."
            ) from error
        raise AccessStoreError(f"{str(path)!r} could not be used: {error}. {_next_step(path)}") from error
    except OSError as error:
        raise AccessStoreError(
            f"{str(path)!r} could not be used: {error.strerror or error}. Nobody is let in by it. Mend that as its "
            "owner (see `ls -l`), then try again."
        ) from error


def _next_step(path: Path) -> str:
    return (
        f"Nobody is let in by it. Put a copy back, or move it away (`mv {path} {path}.damaged`) and make tokens anew: "
        "inventory tokens make NAME --scope read"
    )

"""The file keeps what was called saved, through `kill -9`, and damage is never "no checkpoint"."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys

import pytest

from inventory_assets.connector.errors import StoreDamagedError, StoreUnavailableError
from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore
from tests.connector.state.stores.test_contract import checkpoint

_SAVER = """
import sys
from pathlib import Path
from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore
from tests.connector.state.stores.test_contract import checkpoint

store, saved = SqliteTokenStore(Path(sys.argv[1])), checkpoint()
while True:
    saved = store.save(saved)
    print(saved.revision, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.db"


@contextlib.contextmanager
def opened(path, **options):
    store = SqliteTokenStore(path, **options)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def kept(path):
    """A checkpoint in a file that was closed well."""
    with opened(path) as store:
        return store.save(checkpoint())


def test_what_was_saved_survives_kill_9(path):
    """At whatever statement it comes: what was printed was saved."""
    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _SAVER, str(path.with_suffix(f".{round_}"))], stdout=subprocess.PIPE, text=True
        ) as process:
            printed = [process.stdout.readline() for _ in range(5 + round_)]
            process.send_signal(signal.SIGKILL)
            printed += process.stdout.read().splitlines(keepends=True)
        last = int([line for line in printed if line.endswith("\n")][-1])

        with opened(path.with_suffix(f".{round_}")) as store:
            # One more may have been saved and not printed.
            assert store.load("connector-wh-east-1").revision in (last, last + 1)


def test_saves_are_synced_to_the_disk(path):
    """Power loss takes what is not: a property of the connection, so of every save."""
    with opened(path) as store:
        modes = [store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert ["wal", 2] == modes


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not a database at all, but long enough to be one" * 50,
        lambda content: content[:5000],
        lambda content: content[:100] + b"\xff" * (len(content) - 100),
        lambda content: content.replace(b'"format"', b'"farmat"'),
        lambda content: content.replace(b'{"format"', b'{format"'),
    ],
    ids=["emptied", "overwritten", "cut", "scrambled", "a field changed", "no JSON"],
)
def test_a_damaged_file_is_an_error_and_never_no_checkpoint(path, kept, damage):
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(StoreDamagedError, match="tokens.db"), opened(path) as store:
        store.load("connector-wh-east-1")


def test_another_programs_database_is_not_written_to(path):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")

    with pytest.raises(StoreDamagedError, match="another program"):
        SqliteTokenStore(path)


def test_a_journal_without_its_file_is_an_error(path, kept):
    """SQLite would play a stale journal into a fresh file."""
    path.rename(path.with_suffix(".moved"))
    path.with_name("tokens.db-wal").write_bytes(b"left over")

    with pytest.raises(StoreDamagedError, match="tokens.db-wal"):
        SqliteTokenStore(path)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_removed_while_in_use_is_noticed_at_the_next_save(path, kept, is_replaced):
    """SQLite goes on writing to a file without a name, and would call it saved."""
    with opened(path) as store:
        path.rename(path.with_suffix(".moved"))
        if is_replaced:
            path.write_bytes(path.with_suffix(".moved").read_bytes())

        with pytest.raises(StoreDamagedError, match="removed or replaced"):
            store.save(kept)


def test_a_full_disk_is_said_and_the_next_save_works(path, kept):
    with opened(path) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # The write-ahead log cannot grow past it; Python ignores SIGXFSZ, so writes fail.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            with pytest.raises(StoreUnavailableError, match="has room") as raised:
                store.save(kept)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert StoreDamagedError is not type(raised.value)
        assert kept == store.load(kept.connector_id)
        assert 2 == store.save(kept).revision


def test_a_directory_that_cannot_be_written_is_an_error_of_now(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailableError, match="tokens.db"):
        SqliteTokenStore(tmp_path / "file" / "tokens.db")


def test_a_file_that_another_process_holds_is_an_error_of_now(path, kept):
    with (
        opened(path, busy_seconds=0.01) as store,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailableError, match="locked"):
            store.save(kept)

        other.execute("ROLLBACK")
        assert 2 == store.save(kept).revision


def test_a_crash_while_the_file_is_made_leaves_none(path):
    """What is there and empty has been emptied: so creation must never leave that behind."""
    with opened(path):
        pass

    assert {"tokens.db"} == set(os.listdir(path.parent))

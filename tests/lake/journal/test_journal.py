"""The journal, of both kinds: one head that only moves from where it is known to be, and rows until they are let go."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import pytest

from inventory_assets.lake.errors import JournalError, LakeError, StaleStateError
from inventory_assets.lake.journal import sql, sqlite
from inventory_assets.lake.journal.contract import (
    FORMAT,
    KEPT_SECONDS,
    KEPT_VERSIONS,
    Barrier,
    Head,
    JournaledVersion,
)
from inventory_assets.lake.journal.postgres import PostgresJournal, make_postgres_journal
from inventory_assets.lake.journal.sql import Journal
from inventory_assets.lake.journal.sqlite import SqliteJournal, make_sqlite_journal
from tests.lake.catalog.postgres import database_of
from tests.lake.test_lock import is_held
from tests.messaging.brokers import REPOSITORY, eventually

SECOND = 1_000_000
START = Head("j", 1, 0, 0)
REBUILD = Barrier("rebuild", 1, 0, 2, 1)


@dataclass
class Kind:
    """A journal that stands at version 0, as many processes have it open."""

    make: Callable[[], Journal]
    is_waited_for: Callable[[], bool]
    argument: str
    opened: list[Journal] = field(default_factory=list)

    def open(self) -> Journal:
        """Open it once more."""
        self.opened.append(self.make())
        return self.opened[-1]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.big)])
def kind(request, tmp_path) -> Iterator[Kind]:
    if request.param == "sqlite":
        path = tmp_path / "catalog.journal.sqlite"
        make_sqlite_journal(path, "j", epoch=1, version=0)
        turnstile = path.with_suffix(".turnstile")
        found = Kind(lambda: SqliteJournal(path), lambda: is_held(turnstile), str(path))
    else:
        server = request.getfixturevalue("postgres")
        catalog = server.new_catalog()
        make_postgres_journal(catalog, "j", epoch=1, version=0)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        found = Kind(
            lambda: PostgresJournal(catalog), lambda: server.sql(waiting, database_of(catalog)) != "0", catalog
        )
    yield found
    for journal in found.opened:
        journal.close()


@pytest.fixture
def journal(kind) -> Journal:
    return kind.open()


@pytest.fixture
def path(tmp_path):
    """Of a journal in a file."""
    found = tmp_path / "catalog.journal.sqlite"
    make_sqlite_journal(found, "j", epoch=1, version=0)
    return found


@pytest.fixture
def in_file(path) -> Iterator[SqliteJournal]:
    found = SqliteJournal(path)
    yield found
    found.close()


def entry(version: int, *, body: bytes = b"rows", at: int = 0, stage: str = "burst") -> JournaledVersion:
    """A version."""
    return JournaledVersion(version, stage, at, 1, body)


def add(journal: Journal, *versions: int, **more) -> None:
    """Commit versions, each after the one before."""
    for version in versions:
        journal.commit(1, version - 1, entry(version, **more), {})


def test_a_commit_moves_the_head_and_keeps_the_row(kind):
    journal, other = kind.open(), kind.open()
    assert START == journal.head()

    first, second = entry(1, body=bytes(range(256)), at=7), entry(2, stage="quality")
    journal.commit(1, 0, first, {})
    other.commit(1, 1, second, {})

    assert replace(START, version=2) == journal.head() == other.head()
    assert [first, second] == list(journal.read(0, 2)) == list(other.read(0, 99))
    assert [second] == list(journal.read(1, 2))
    assert (["burst", "quality"], ["quality"], []) == tuple(journal.stages(after, 2) for after in (0, 1, 2))
    assert [first.rows + second.rows, second.rows, 0] == [journal.count_rows(after, 2) for after in (0, 1, 2)]


@pytest.mark.parametrize(("epoch", "known"), [(1, 1), (1, 3), (2, 2), (0, 2), (1, 0)])
def test_a_commit_for_another_state_is_refused_and_writes_nothing(journal, epoch, known):
    add(journal, 1, 2)

    with pytest.raises(StaleStateError, match=r"\(epoch .*, version .*\) any more but at \(1, 2\)"):
        journal.commit(epoch, known, entry(known + 1), {"mark": 1})

    assert replace(START, version=2) == journal.head()
    assert ["burst", "burst"] == journal.stages(0, 99)


def test_a_writer_held_over_a_landing_and_a_forgetting_is_told(kind, monkeypatch):
    """The key is free again then: without the head it would be no compare-and-set."""
    monkeypatch.setattr(sql, "KEPT_VERSIONS", 0)
    held, journal = kind.open(), kind.open()
    known = held.head()
    add(journal, 1, 2)
    journal.note_landed(2, 1)
    journal.forget(KEPT_SECONDS * SECOND + 1)
    assert [] == journal.stages(0, 2)

    with pytest.raises(StaleStateError):
        held.commit(known.epoch, known.version, entry(1), {})

    assert ([], 2) == (held.stages(0, 2), held.head().version)
    held.commit(1, 2, entry(3), {})
    assert [entry(3)] == list(journal.read(0, 3))


def test_marks_stay_until_they_are_set_anew(journal):
    journal.commit(1, 0, entry(1), {"planned": 1, "other": 5})
    journal.commit(1, 1, entry(2), {})
    assert {"planned": 1, "other": 5} == journal.head().marks

    journal.commit(1, 2, entry(3), {"planned": 2})
    with pytest.raises(StaleStateError):
        journal.commit(1, 2, entry(3), {"planned": 9})

    assert {"planned": 2, "other": 5} == journal.head().marks


def test_the_backlog_is_what_has_not_landed(journal):
    assert (0, 0, None) == journal.backlog()
    journal.commit(1, 0, entry(1, body=b"12345", at=10), {})
    journal.commit(1, 1, entry(2, body=b"123", at=11), {})
    assert (2, 8, 10) == journal.backlog()

    journal.note_landed(1, 7)

    assert (1, 3, 11) == journal.backlog()
    assert (1, 7) == (journal.head().landed, journal.head().snapshot)
    journal.note_landed(2, 8)
    # Late: another process has landed more.
    journal.note_landed(1, 7)
    assert ((0, 0, None), 2, 8) == (journal.backlog(), journal.head().landed, journal.head().snapshot)


def test_landed_versions_stay_for_a_minute_or_a_thousand_whichever_is_more(journal, monkeypatch):
    """One that follows the journal finds them."""
    assert (60, 1000) == (KEPT_SECONDS, KEPT_VERSIONS)
    monkeypatch.setattr(sql, "KEPT_VERSIONS", 3)
    for version in range(1, 9):
        journal.commit(1, version - 1, entry(version, at=version * SECOND), {})

    def kept(now: float) -> list[int]:
        journal.forget(int(now * SECOND))
        return [each.version for each in journal.read(0, 99)]

    assert [1, 2, 3, 4, 5, 6, 7, 8] == kept(1000)  # none has landed
    journal.note_landed(7, 1)
    assert [1, 2, 3, 4, 5, 6, 7, 8] == kept(61)
    assert [2, 3, 4, 5, 6, 7, 8] == kept(61.5)
    assert [5, 6, 7, 8] == kept(1000)
    journal.note_landed(8, 2)
    assert [6, 7, 8] == kept(1000)


def test_a_version_that_is_lacking_is_counted(journal):
    add(journal, 1, 2, 3, 4)
    journal.note_landed(1, 1)
    assert 0 == journal.lacking()

    with journal._transaction():
        journal._execute(f"DELETE FROM {sql.VERSIONS} WHERE version IN (1, 3)")

    assert 1 == journal.lacking()
    journal.note_landed(4, 2)
    journal.begin_barrier(Barrier("restore", 1, 4, 2, 90))
    assert 0 == journal.lacking()


def test_nobody_passes_a_barrier_until_it_ends(kind):
    journal, other = kind.open(), kind.open()
    journal.begin_barrier(REBUILD)

    assert REBUILD == other.head().barrier
    for epoch, known in ((1, 0), (2, 1)):
        with pytest.raises(StaleStateError, match=r"being made anew \(rebuild, version 1\)"):
            other.commit(epoch, known, entry(known + 1), {})
    with pytest.raises(StaleStateError):
        other.begin_barrier(Barrier("restore", 2, 1, 3, 2))

    journal.end_barrier(5)
    assert Head("j", 2, 1, 1, snapshot=5) == other.head()
    with pytest.raises(StaleStateError):
        other.commit(1, 0, entry(1), {})
    other.commit(2, 1, entry(2), {})
    assert [entry(2)] == list(journal.read(0, 9))


def test_a_barrier_that_is_withdrawn_leaves_the_head_where_it_was(journal):
    journal.withdraw_barrier()  # none: nothing to do
    journal.begin_barrier(REBUILD)
    journal.withdraw_barrier()

    assert START == journal.head()
    add(journal, 1)


def test_a_barrier_begins_only_where_everything_has_landed(journal):
    add(journal, 1, 2)
    journal.note_landed(1, 1)

    with pytest.raises(StaleStateError, match="2 to 2 were committed meanwhile"):
        journal.begin_barrier(Barrier("rebuild", 1, 2, 2, 3))
    with pytest.raises(StaleStateError):
        journal.begin_barrier(Barrier("rebuild", 1, 1, 2, 2))

    assert replace(START, version=2, landed=1, snapshot=1) == journal.head()


def test_who_waits_commits_before_who_just_did(kind):
    """Two processes that commit without a pause would starve each other."""
    first, second = kind.open(), kind.open()

    def commit_next(journal: Journal, stage: str) -> None:
        with journal.exclusive():
            known = journal.head().version
            journal.commit(1, known, entry(known + 1, stage=stage), {})

    waiter = threading.Thread(target=commit_next, args=(second, "waiting"))
    with first.exclusive():
        add(first, 1, stage="first")
        waiter.start()
        eventually(kind.is_waited_for)
    commit_next(first, "again")
    waiter.join()

    assert ["first", "waiting", "again"] == first.stages(0, 9)


def test_what_fails_with_the_head_held_is_undone_and_the_head_is_free(kind):
    journal, other = kind.open(), kind.open()

    with pytest.raises(ZeroDivisionError), journal.exclusive():
        raise ZeroDivisionError

    add(other, 1)
    add(journal, 2)


def test_somebody_lands_while_he_has_it_open(kind):
    journal, other = kind.open(), kind.open()
    assert not other.has_lander()

    journal.mark_lander()

    assert other.has_lander()
    assert other.has_lander()
    journal.close()
    eventually(lambda: not other.has_lander())


def worker(kind: Kind, *arguments: str) -> subprocess.Popen:
    """A process that has the journal open."""
    command = [sys.executable, "-m", "tests.lake.journal.worker", kind.argument, *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.big
def test_a_lander_that_is_killed_lands_no_more(kind):
    journal = kind.open()
    with worker(kind, "land") as lander:
        assert "landing\n" == lander.stdout.readline()
        assert journal.has_lander()
        lander.kill()

    eventually(lambda: not journal.has_lander())


@pytest.mark.big
def test_two_processes_that_commit_without_a_pause_take_turns(kind):
    journal = kind.open()
    with worker(kind, "a", "100") as first, worker(kind, "b", "100") as second:
        for each in (first, second):
            assert "ready\n" == each.stdout.readline()
        for each in (first, second):
            print("go", file=each.stdin, flush=True)
    assert (0, 0) == (first.returncode, second.returncode)

    stages = journal.stages(0, 200)
    assert {"a": 100, "b": 100} == {name: stages.count(name) for name in "ab"}
    # Until one of them is done; the very first may be alone.
    both = stages[10 : min(len(stages) - 1 - stages[::-1].index(name) for name in "ab")]
    assert max(len(list(run)) for _, run in groupby(both)) <= 10


@pytest.mark.big
def test_a_session_that_the_server_ended_is_replaced_and_lands_still(postgres):
    catalog = postgres.new_catalog()
    make_postgres_journal(catalog, "j", epoch=1, version=0)
    with contextlib.closing(PostgresJournal(catalog)) as journal:
        journal.mark_lander()
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
        assert "1" == postgres.sql(f"{ended} AND pid <> pg_backend_pid()", database_of(catalog))

        add(journal, 1)

        with contextlib.closing(PostgresJournal(catalog)) as other:
            assert other.has_lander()


@pytest.mark.big
def test_a_server_without_the_journal_says_so(postgres):
    with pytest.raises(JournalError, match=r"is missing\. .*`inventory lake new-journal`"):
        PostgresJournal(postgres.new_catalog())


def test_a_full_disk_is_named_and_nothing_is_committed(in_file):
    """Acknowledged would be lost."""
    [(pages,)] = in_file._execute("PRAGMA page_count")
    in_file._execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(
        LakeError, match=r"catalog\.journal\.sqlite' could not be written: .*full; [\d,]+ bytes are free"
    ):
        in_file.commit(1, 0, entry(1, body=os.urandom(100_000)), {"mark": 1})

    assert (START, []) == (in_file.head(), in_file.stages(0, 9))
    in_file._execute("PRAGMA max_page_count = 1000000")
    add(in_file, 1, body=os.urandom(100_000))
    assert 1 == in_file.head().version


@pytest.mark.parametrize("happening", ["removed", "replaced"])
def test_a_file_that_was_put_elsewhere_takes_no_more(in_file, path, happening):
    """It is gone when who has it open closes it, with what was acknowledged."""
    if happening == "removed":
        path.unlink()
    else:
        make_sqlite_journal(path, "new", epoch=1, version=0)

    with pytest.raises(JournalError, match="was removed or replaced while this process had it open"):
        add(in_file, 1)


@pytest.mark.parametrize(
    "content", [b"", b"not a database", os.urandom(20_000), b"SQLite format 3\0" + os.urandom(20_000)]
)
def test_a_file_that_is_no_journal_says_what_may_be_lost_and_what_to_do(path, content):
    path.write_bytes(content)

    with pytest.raises(JournalError, match=r"had not landed in the lake were in it\. .*`inventory lake new-journal`"):
        SqliteJournal(path)


def test_a_missing_file_is_not_made(path):
    path.unlink()

    with pytest.raises(JournalError, match=r"is missing\. .*`inventory lake new-journal`"):
        SqliteJournal(path)

    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"UPDATE {sql.HEAD} SET format = {FORMAT + 1}", "Use the newer release"),
        (f"UPDATE {sql.HEAD} SET marks = 'nonsense'", "head is damaged"),
        (f"UPDATE {sql.HEAD} SET barrier = '{{}}'", "head is damaged"),
        (f"DELETE FROM {sql.HEAD}", "has no head"),
    ],
)
def test_a_head_that_cannot_be_read_stops(path, change, said):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)

    with pytest.raises(JournalError, match=said):
        SqliteJournal(path)


def test_the_file_is_used_again_and_shrinks_after_a_jam(in_file, path, monkeypatch):
    monkeypatch.setattr(sql, "KEPT_VERSIONS", 0)
    monkeypatch.setattr(sqlite, "SHRINK_PAGES", 128)
    jammed = range(1, 9)
    add(in_file, *jammed, body=os.urandom(1 << 18))

    def forget_all() -> int:
        in_file.note_landed(in_file.head().version, 1)
        for _ in range(8):
            in_file.forget(KEPT_SECONDS * SECOND + 1)
        return path.stat().st_size

    in_file._execute("PRAGMA wal_checkpoint(TRUNCATE)")
    full = path.stat().st_size
    assert full > 2_000_000
    small = forget_all()
    assert small < full / 2

    add(in_file, *range(9, 13), body=os.urandom(1 << 16))
    assert forget_all() <= small
    assert 0 == in_file.backlog().versions


def test_a_reader_sees_the_head_and_writes_nothing(in_file, path):
    add(in_file, 1)
    with contextlib.closing(SqliteJournal(path, read_only=True)) as reader:
        assert (1, 1) == (reader.head().version, reader.backlog().versions)
        with pytest.raises(LakeError, match="cannot be written"):
            add(reader, 2)

    assert 1 == in_file.head().version

"""The journal on a real PostgreSQL server: what its commits survive, and who waits for whom."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from inventory_assets.lake.errors import LakeBusyError, LakeError, LakeInterruptedError, StaleStateError
from inventory_assets.lake.journal.contract import JournaledVersion
from inventory_assets.lake.journal.postgres import PostgresJournal, make_postgres_journal
from inventory_assets.lake.journal.server import LAKE_LOCK, open_session, server_lock
from inventory_assets.lake.lander import Lander
from inventory_assets.lake.transaction import Lake
from tests.builders import level, messages, transaction
from tests.facts import STOCK, differences, rows
from tests.lake.catalog.postgres import Cable, database_of
from tests.messaging.brokers import REPOSITORY, eventually

OLD = 1_000_000
BACKENDS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
HOLD = (
    "import sys; from inventory_assets.lake.journal.server import server_lock\n"
    "with server_lock(sys.argv[1], timeout_seconds=5):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def catalog(postgres):
    catalog = postgres.new_catalog()
    make_postgres_journal(catalog, "j", epoch=1, version=0)
    return catalog


@pytest.fixture
def journal(catalog):
    journal = PostgresJournal(catalog)
    yield journal
    journal.close()


def entry(version, body=b"rows"):
    return JournaledVersion(version, "burst", OLD, 1, body)


def end_sessions(postgres, catalog, which="true"):
    """What an administrator does, or a firewall; how many there were."""
    return int(
        postgres.sql(
            f"SELECT count(pg_terminate_backend(pid)) {BACKENDS} AND backend_type = 'client backend' AND {which}",
            database_of(catalog),
        )
    )


def versions(journal):
    return [each.version for each in journal.read(0, journal.head().version)]


def test_a_session_that_ends_while_idle_is_followed_by_another(journal, catalog, postgres):
    journal.mark_lander()
    assert end_sessions(postgres, catalog) == 1
    journal.commit(1, 0, entry(1), {})

    assert versions(journal) == [1]
    # Who lands is still said to: that went with the session.
    other = PostgresJournal(catalog)
    assert other.has_lander()
    journal.close()
    eventually(lambda: not other.has_lander())
    other.close()


def test_a_session_that_ends_within_a_commit_leaves_nothing_of_it(journal, catalog, postgres):
    """In a new session the second half would be a transaction of its own."""
    with pytest.raises(LakeInterruptedError), journal._transaction():
        journal._execute("UPDATE inventory_head SET version = 1")
        end_sessions(postgres, catalog)
        with pytest.raises(LakeInterruptedError):
            journal._execute("SELECT 1")
        journal._execute("UPDATE inventory_head SET version = 2")

    assert journal.head().version == 0
    journal.commit(1, 0, entry(1), {})
    assert versions(journal) == [1]


def test_what_a_statement_that_failed_was_part_of_is_not_committed(journal):
    """The server would answer the COMMIT with a ROLLBACK, and no error."""
    with pytest.raises(LakeError, match="nowhere"), journal._transaction():
        journal._execute("UPDATE inventory_head SET version = 1")
        with pytest.raises(LakeError, match="nowhere"):
            journal._execute("SELECT * FROM nowhere")

    assert journal.head().version == 0


def test_a_commit_whose_answer_is_lost_is_found_to_hold(catalog, postgres):
    cable = Cable(postgres)
    journal = PostgresJournal(catalog.replace(f"host={postgres.directory}", f"host={cable.directory}"))
    cable.is_to_be_cut = True
    journal.commit(1, 0, entry(1), {"plan": 7})

    assert not cable.is_to_be_cut
    assert (journal.head().version, journal.head().marks) == (1, {"plan": 7})
    assert versions(journal) == [1]
    journal.close()
    cable.close()


def test_who_holds_the_head_and_is_cut_off_lets_others_by_and_is_refused(journal, catalog, postgres):
    other = PostgresJournal(catalog)
    with journal.exclusive():
        end_sessions(postgres, catalog, "query LIKE '%pg_advisory_lock(%'")
        other.commit(1, 0, entry(1), {})
        with pytest.raises(StaleStateError):
            journal.commit(1, 0, entry(1), {})
        journal.commit(1, 1, entry(2), {})

    other.commit(1, 2, entry(3), {})
    assert versions(other) == [1, 2, 3]
    other.close()


def test_what_is_committed_with_the_head_held_is_durable_at_once(journal, catalog):
    """The warm state takes it in before the head is let go."""
    other = PostgresJournal(catalog)
    with journal.exclusive():
        journal.commit(1, 0, entry(1), {})
        assert other.head().version == 1
    other.close()


def test_two_writers_who_are_late_in_turn_are_served_in_turn(catalog):
    """One that has just committed does not pass one that waits."""
    order = []

    def write(name, journal):
        for _ in range(20):
            with journal.exclusive():
                head = journal.head()
                order.append(name)
                journal.commit(1, head.version, entry(head.version + 1), {})

    writers = [PostgresJournal(catalog) for _ in "ab"]
    threads = [threading.Thread(target=write, args=pair) for pair in zip("ab", writers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert versions(writers[0]) == [*range(1, 41)]
    # Both are there from the third or so on; then nobody has three in a row while the other waits.
    both = (
        order[order.index("b") : len(order) - order[::-1].index("a")] if order[0] == "a" else order[order.index("a") :]
    )
    assert "aaaa" not in "".join(both[:20]) and "bbbb" not in "".join(both[:20])
    for writer in writers:
        writer.close()


def test_the_threads_of_a_process_take_turns(journal):
    errors = []

    def read():
        for _ in range(50):
            try:
                assert journal.head().version >= 0
            except Exception as error:
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(20):
        journal.commit(1, version, entry(version + 1), {})
    for reader in readers:
        reader.join(60)

    assert errors == []
    assert versions(journal) == [*range(1, 21)]


def test_the_right_to_land_goes_with_whoever_is_killed(catalog):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, catalog], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(LakeBusyError, match=r"not free in 0\.2 s.*pg_locks") as refused,
        server_lock(catalog, timeout_seconds=0.2),
    ):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait(30)

    with server_lock(catalog, timeout_seconds=30):
        pass
    assert "secret" not in str(refused.value)


def test_a_bound_on_statements_is_none_on_waiting_for_the_right_to_land(catalog, postgres):
    """A user may have one of his own, and one on idle sessions."""
    for name, value in (("statement_timeout", "100ms"), ("idle_session_timeout", "100ms")):
        postgres.sql(f"ALTER DATABASE {database_of(catalog)} SET {name} = '{value}'", "postgres")
    is_held, is_over = threading.Event(), threading.Event()

    def hold():
        with server_lock(catalog, timeout_seconds=30):
            is_held.set()
            is_over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(30)
    with pytest.raises(LakeBusyError), server_lock(catalog, timeout_seconds=0.5):
        pass
    is_over.set()
    thread.join(30)


def test_the_server_is_told_what_the_journal_needs(catalog, postgres):
    """Whatever it is told of the user: durable commits, and the schema of DuckLake's own tables."""
    database = database_of(catalog)
    postgres.sql("CREATE SCHEMA mine", database)
    for name, value in (("synchronous_commit", "off"), ("search_path", "mine")):
        postgres.sql(f"ALTER DATABASE {database} SET {name} = {value}", "postgres")
    session = open_session(f"{catalog} options='-csearch_path=mine'")
    told = [
        session.execute(f"SHOW {name}").fetchone()[0]
        for name in ("synchronous_commit", "search_path", "lock_timeout", "idle_session_timeout")
    ]
    seen = session.execute(f"SELECT query {BACKENDS.replace('<>', '=')}").fetchall()
    session.close()

    assert told == ["on", "public", "1min", "0"]
    assert all("secret" not in query for (query,) in seen)


def test_room_is_given_back_after_a_jam(journal, catalog, postgres):
    """Autovacuum's own steps, by hand: rows that landed go, and the file's end with them."""
    database = database_of(catalog)
    options = "SELECT reloptions FROM pg_class WHERE oid = {}"
    table = "'inventory_versions'::regclass"
    toast = f"(SELECT reltoastrelid FROM pg_class WHERE oid = {table})"
    size = f"SELECT pg_total_relation_size({table})"
    body = os.urandom(200_000)
    for version in range(60):
        journal.commit(1, version, entry(version + 1, body), {})
    full = int(postgres.sql(size, database))
    for version in range(60, 1070):
        journal.commit(1, version, entry(version + 1), {})
    journal.note_landed(1070, 1)
    journal.forget(time.time_ns() // 1000)
    postgres.sql("VACUUM inventory_versions", database)

    assert full > 60 * 200_000
    assert int(postgres.sql(size, database)) < full / 10
    assert versions(journal) == [*range(71, 1071)]
    for part, least in ((table, 500), (toast, 2000)):
        found = postgres.sql(options.format(part), database)
        assert f"autovacuum_vacuum_threshold={least}" in found and "scale_factor=0" in found


@pytest.fixture
def stored(settings, postgres):
    """Settings of a lake whose catalog is a database of the test's own."""
    return replace(settings, catalog=postgres.new_catalog())


def test_every_session_may_end_between_two_bursts_and_in_a_landing(open_engine, stored, postgres):
    """The journal's, DuckDB's, and the one that holds the right to land."""
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    for number in range(3):
        assert end_sessions(postgres, stored.catalog) >= 2
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-10)))
    with engine.lake.exclusive():
        holders = f"pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LAKE_LOCK})"
        assert end_sessions(postgres, stored.catalog, holders) == 1
        other = open_engine(chosen=stored)
        other.commit_burst(messages(transaction("T9", quantity=-10)))
    engine.commit_burst(messages(transaction("T8", quantity=-10)))

    assert "secret" not in postgres.sql(f"SELECT query {BACKENDS}", database_of(stored.catalog))
    assert rows(engine.lake, STOCK) == [("W1", "S1", 50, 0, 50, 0)]
    assert rows(engine.lake, "SELECT version FROM meta.versions ORDER BY 1") == [(n,) for n in range(1, 7)]
    assert differences(engine) == []


def test_a_lander_goes_on_when_its_server_is_back(open_engine, stored, postgres):
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    landings = []
    lander = Lander(replace(stored, landing_seconds=0.05), landings.extend)
    engine.lake.is_landed_by_others = True
    postgres.stop()
    lander.wake(1)
    eventually(lambda: lander.failure is not None)
    assert "secret" not in lander.failure
    postgres.start()
    engine.commit_burst(messages(transaction("T1", quantity=-10)))
    lander.wake(1)
    eventually(lambda: landings and landings[-1].last == 2)
    lander.close()

    assert lander.failure is None
    assert Lake(stored).landed().version == 2

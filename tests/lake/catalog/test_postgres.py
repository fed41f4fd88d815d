"""The catalog on a real PostgreSQL server: the same lake, and a server that stops, dies or is cut off."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.catalog.postgres import split_password
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.query.reader import snapshot_reader
from inventory_assets.lake.tables import CORE_EVENTS, SKU_STATE, VERSIONS
from inventory_assets.lake.transaction import Lake
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.quality.judge import judge_rules, latest_results, record
from inventory_assets.quality.rules import RULES
from inventory_assets.settings import Settings, SettingsError, load_settings
from tests.builders import PUBLISHED_AT, cut, level, messages, outgoing, received, rule, simulated, transaction
from tests.facts import (
    ALERTS,
    DEAD_LETTERS,
    OUTCOMES,
    ROLLUPS,
    STATE,
    STOCK,
    differences,
    doubled_events,
    ledger,
    rows,
    value,
    warm,
)
from tests.ingest.writer import BURST, LIVE, SHOP
from tests.lake.catalog.postgres import Cable, database_of
from tests.messaging.brokers import REPOSITORY

INLINED = "SELECT count(*) FROM {} WHERE end_snapshot IS NOT NULL"


class InterruptedLake(Lake):
    """A lake with something that happens before the first statement that begins with `before`."""

    def __init__(self, settings, before, happening):
        super().__init__(settings)
        self.before, self.happening = before, happening
        self.has_happened = False

    @property
    def connection(self):
        return _Watched(super().connection, self)


class _Watched:
    def __init__(self, connection, lake):
        self._connection, self._lake = connection, lake

    def execute(self, sql, *arguments):
        if not self._lake.has_happened and sql.startswith(self._lake.before):
            self._lake.has_happened = True
            self._lake.happening()
        return self._connection.execute(sql, *arguments)

    def __getattr__(self, name):
        return getattr(self._connection, name)


@pytest.fixture
def stored(settings, postgres):
    """Settings of a lake whose catalog is a database of the test's own."""
    return replace(settings, catalog=postgres.new_catalog())


@pytest.fixture
def cable(postgres):
    cable = Cable(postgres)
    yield cable
    cable.close()


def files_named(postgres, settings):
    """Every data file that the catalog names as current."""
    query = (
        "SELECT CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END "
        "FROM ducklake_data_file f JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id) "
        "WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL"
    )
    root = Path(settings.data_uri)
    return [root / name for name in postgres.sql(query, database_of(settings.catalog)).splitlines()]


def test_a_day_of_trade_gives_what_the_embedded_catalog_gives(open_engine, settings, stored, broker):
    """Bursts, repeats, dead letters, alerts; then maintenance, old versions, and a rebuild of changed rows."""
    simulation, sent = simulated(200, seed=23, **SHOP, duplicate_rate=0.05, rule_change_rate=0.01)
    stored = replace(stored, snapshot_retention=timedelta(0), max_messages=60)
    embedded, engine = open_engine(), open_engine(chosen=stored)
    maintenance = Maintenance(engine.lake)
    stock = {}
    for burst in cut(received(sent), 60):
        [commit] = engine.commit_burst(burst)
        embedded.commit_burst(burst)
        stock[commit.version] = rows(engine.lake, STOCK)
        if commit.version % 3 == 0:
            maintenance.compact(SKU_STATE)
            maintenance.rewriter.merge(CORE_EVENTS, commit.version - 2, commit.version)
    maintenance.run_all()

    for question in (STATE, ROLLUPS, OUTCOMES, ALERTS, DEAD_LETTERS):
        assert rows(embedded.lake, question) == rows(engine.lake, question)
    assert ledger(simulation) == rows(engine.lake, STOCK)
    assert differences(engine) == []
    assert warm(open_engine(chosen=stored).state) == warm(engine.state)
    reader = connect(stored, read_only=True)
    show_version(reader, 2)
    assert stock[2] == reader.execute(STOCK).fetchall()
    reader.close()

    tampered = "UPDATE core.sku_state_changes SET on_hand = on_hand + 1 WHERE version = 2"
    engine.lake.connection.execute(tampered)
    follower = open_engine(chosen=stored)
    assert follower.state.version == len(stock)
    found, version = rebuild_lake(engine, Replay(meaning=engine.meaning))
    assert "core.sku_state" in {difference.table for difference in found}
    [commit] = follower.commit_burst(received(sent)[-5:])
    assert (version + 1, {"duplicate": 5}) == (commit.version, commit.outcomes)
    assert ledger(simulation) == rows(engine.lake, STOCK)
    assert differences(follower) == []


def test_upkeep_beside_bursts_changes_no_row_and_leaves_the_catalog_small(open_engine, stored, postgres):
    """Merges, bases and expiry from a session of their own, as the sensor has them."""
    stored = replace(stored, snapshot_retention=timedelta(seconds=3))
    simulation, sent = simulated(150, seed=31, **SHOP)
    engine = open_engine(chosen=stored)
    bursts = list(cut(received(sent), 20))
    for burst in bursts[:3]:
        engine.commit_burst(burst)
    stop = threading.Event()
    problems: list[Exception] = []

    def keep_up():
        maintenance = Maintenance(Lake(stored))
        number = 0
        while not stop.is_set():
            number += 1
            steps = (
                lambda: maintenance.rewriter.merge(CORE_EVENTS, 1, 3),
                lambda: maintenance.compact(SKU_STATE),
                maintenance._expire,
            )
            try:
                steps[number % 3]()
            except duckdb.TransactionException:
                maintenance._lake.abandon()  # `Maintenance.step` puts a lost race off, too
            except Exception as error:
                problems.append(error)

    thread = threading.Thread(target=keep_up)
    thread.start()
    for burst in bursts[3:]:
        engine.commit_burst(burst)
    stop.set()
    thread.join(60)
    Maintenance(Lake(replace(stored, snapshot_retention=timedelta(0))))._expire()

    assert problems == []
    assert ledger(simulation) == rows(engine.lake, STOCK)
    assert differences(engine) == []
    # DuckLake alone would keep the watermark's row of every version.
    kept = postgres.sql("SELECT table_name FROM ducklake_inlined_data_tables", database_of(stored.catalog)).split()
    assert {"0"} == {postgres.sql(INLINED.format(name), database_of(stored.catalog)) for name in kept}


def test_two_processes_at_once_lose_and_double_nothing(open_engine, stored):
    """No lock of ours is between them: they make the lake at once, and meet on the watermark."""
    simulation, sent = simulated(LIVE, seed=29, **SHOP)
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.ingest.writer", str(stored.home), "29", str(part), "2", stored.catalog],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for part in range(2)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
    engine = open_engine(chosen=stored)

    assert [writer.returncode for writer in writers] == [0, 0]
    bursts = -(-len(sent) // BURST)
    assert rows(engine.lake, "SELECT version FROM meta.versions ORDER BY 1") == [(n,) for n in range(1, bursts + 1)]
    assert value(engine.lake, "SELECT count(*) FROM raw.messages") == len(sent)
    assert rows(engine.lake, STOCK) == ledger(simulation)
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


@pytest.mark.parametrize(
    ("how", "before"),
    [("stop", "UPDATE"), ("stop", "COMMIT"), ("kill", "CALL ducklake_add_data_files")],
)
def test_a_server_that_restarts_in_a_burst_costs_it_one_more_try(open_engine, stored, postgres, how, before):
    def restart():
        getattr(postgres, how)()
        postgres.start()

    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    engine.lake.close()
    engine.lake = InterruptedLake(stored, before, restart)
    [commit] = engine.commit_burst(messages(transaction("T1", quantity=-10)))

    assert engine.lake.has_happened
    assert (2, {"applied": 1}) == (commit.version, commit.outcomes)
    assert rows(engine.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]
    assert differences(engine) == []


def test_a_server_away_is_said_gives_messages_back_and_is_found_again(open_engine, stored, postgres, broker):
    """The sensor skips its tick with these words; the next one goes on."""
    engine = open_engine(chosen=stored)
    ingest = Ingest(engine, broker, broker)
    run = {"max_seconds": 60, "wait_seconds": 0, "until_empty": True}
    broker.publish([outgoing(rule(50, 60)), outgoing(level(100))])
    ingest.run(**run)
    postgres.stop()
    broker.publish([outgoing(transaction("T1", quantity=-60))])

    for engine_or_new in (lambda: ingest.run(**run), lambda: connect(stored), lambda: connect(stored, read_only=True)):
        with pytest.raises((duckdb.Error, LakeError), match="connection to server on socket") as refused:
            engine_or_new()
        assert "secret" not in str(refused.value)
    assert broker.leased == 0

    postgres.start()
    ingest.run(**run)
    assert broker.pending == broker.leased == 0
    assert rows(engine.lake, STOCK) == [("W1", "S1", 40, 0, 40, 0)]
    assert len([message for message in broker.published if message.topic == Topic.ALERTS]) == 1
    assert differences(engine) == []


def test_a_commit_whose_answer_is_lost_is_kept_and_not_repeated(open_engine, settings, postgres, cable, broker):
    """DuckLake takes it for failed and removes what it wrote; the catalog would name files that are gone."""
    stored = replace(settings, catalog=postgres.new_catalog(cable.directory))
    engine = open_engine(chosen=stored)
    ingest = Ingest(engine, broker, broker)
    run = {"max_seconds": 60, "wait_seconds": 0, "until_empty": True}
    broker.publish([outgoing(rule(50, 60)), outgoing(level(100))])
    ingest.run(**run)
    broker.publish([outgoing(transaction("T1", quantity=-30)), outgoing(transaction("T2", quantity=-30, at="09:00"))])
    cable.is_to_be_cut = True
    summary = ingest.run(**run)

    assert not cable.is_to_be_cut
    # The server is asked what became of it.
    assert ([2], {"applied": 2}) == (summary.versions, summary.outcomes)
    assert rows(engine.lake, "SELECT version, outcome FROM raw.messages WHERE version > 1 ORDER BY 1") == [
        (2, "applied"), (2, "applied"),
    ]  # fmt: skip
    assert rows(engine.lake, STOCK) == [("W1", "S1", 40, 0, 40, 0)]
    assert len([message for message in broker.published if message.topic == Topic.ALERTS]) == 1

    maintenance = Maintenance(engine.lake)
    for step in (lambda: maintenance.rewriter.merge(CORE_EVENTS, 1, 3), lambda: maintenance.compact(SKU_STATE)):
        cable.is_to_be_cut = True
        step()
        assert not cable.is_to_be_cut
    assert all(path.exists() for path in files_named(postgres, stored))
    assert rows(engine.lake, STOCK) == [("W1", "S1", 40, 0, 40, 0)]
    assert differences(engine) == []


def test_a_landing_whose_answer_is_lost_is_kept_and_not_repeated(open_engine, settings, postgres, cable):
    stored = replace(settings, catalog=postgres.new_catalog(cable.directory))
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    engine.lake.is_landed_by_others = True
    for number in range(3):
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-10)))
    cable.is_to_be_cut = True
    engine.lake.land()

    assert not cable.is_to_be_cut
    assert all(path.exists() for path in files_named(postgres, stored))
    assert (4, 4) == (engine.lake.head().landed, engine.lake.landed().version)
    assert value(engine.lake, "SELECT count(*) FROM raw.messages") == 4
    assert rows(engine.lake, STOCK) == [("W1", "S1", 70, 0, 70, 0)]
    assert differences(engine) == []


def test_a_dump_is_a_backup_while_bursts_go_on(open_engine, stored, postgres):
    """The files of later bursts do it no harm, nor those that upkeep has replaced meanwhile."""
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-10)))
    catalog = postgres.restored(stored.catalog)
    engine.commit_burst(messages(transaction("T2", quantity=-10)))
    Maintenance(engine.lake).rewriter.merge(CORE_EVENTS, 1, 3)
    engine.close()

    restored = open_engine(chosen=replace(stored, catalog=catalog))
    assert rows(restored.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]
    assert differences(restored) == []
    [commit] = restored.commit_burst(messages(transaction("T2", quantity=-10)))
    assert (3, {"applied": 1}) == (commit.version, commit.outcomes)


def test_no_file_of_a_rebuild_lies_across_two_merges(stored):
    """A merge that left part of a file would leave DuckLake's list of deleted rows to a lost answer."""
    lake = Lake(stored)
    with lake.rewriting(None, stage="rebuild", next_version=900) as made:
        made.append(VERSIONS, pl.DataFrame({"version": range(1, 900), "stage": "burst"}))
    versions = f"SELECT min(version), max(version) FROM {VERSIONS.full_name} WHERE stage = 'burst' GROUP BY filename"

    found = rows(lake, f"{versions} ORDER BY 1")

    assert [(1, 768), (769, 899)] == found
    lake.close()


def test_a_reader_of_no_lake_is_told_so(stored):
    with pytest.raises(LakeMissingError, match="there is no lake at"):
        connect(stored, read_only=True)


@pytest.mark.parametrize(
    ("connection", "rest", "password"),
    [
        ("dbname=lake host=h", "dbname=lake host=h", None),
        ("dbname=lake password=hush host=h", "dbname=lake  host=h", "hush"),
        (r"password = 'it\'s \\ hush' dbname=lake", "dbname=lake", r"it's \ hush"),
        ("postgresql://user@host/lake", "postgresql://user@host/lake", None),
        ("//user@host/lake", "postgres://user@host/lake", None),
        ("PassWord=it's dbname=lake passfile=/p", "dbname=lake passfile=/p", "it's"),
    ],
)
def test_a_password_goes_where_no_error_shows_it(connection, rest, password):
    assert (f"postgres:{rest}", password) == split_password(f"postgres:{connection}")
    assert "hush" not in repr(Settings(catalog=f"postgres:{connection}"))


@pytest.mark.parametrize(
    "catalog",
    [
        "postgres:postgresql://user:hush@host/lake",
        "postgres:postgres://host/lake?user=me&password=hush",
        "postgres://user:hush@host/lake",
        "postgres:dbname=lake password=oh hush host=h",
        "postgres:dbname=lake password='it's hush' host=h",
        "postgres:dbname=lake password='oh hush",
        "postgres:dbname=lake passwd=hush",
        "postgres:postgresql://host/lake?sslkey=k&sslpassword=hush",
    ],
)
def test_a_password_that_errors_would_show_is_refused_and_not_shown(settings, catalog):
    for read_only in (False, True):
        with pytest.raises(LakeError, match="PGPASSWORD") as refused:
            connect(replace(settings, catalog=catalog), read_only=read_only)
        assert "hush" not in str(refused.value)


def test_a_setting_that_may_have_a_secret_in_it_is_not_shown_where_it_is_wrong():
    with pytest.raises(SettingsError, match="INVENTORY_CATALOG could not be read: expected sqlite") as refused:
        load_settings({"INVENTORY_CATALOG": "postgresql://user:hush@host/lake"})

    assert "hush" not in str(refused.value)


def test_a_catalog_of_another_kind_is_refused():
    """DuckLake would make a DuckDB file of that name, which one process locks for all others."""
    with pytest.raises(SettingsError, match="INVENTORY_CATALOG"):
        load_settings({"INVENTORY_CATALOG": "postgresql://host/lake"})


def test_the_rules_of_data_quality_see_one_version_and_keep_what_they_find(open_engine, stored):
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(rule(10, 20), level(-3), level(5, sku="S2")))
    with snapshot_reader(stored) as reader:
        engine.commit_burst(messages(level(-1, "08:00", sku="S3")))
        judged = judge_rules(reader, stored, RULES, now=to_microseconds(PUBLISHED_AT))
    record(engine.lake, judged)

    found = {result.rule: result.sample_ids for result in latest_results(engine.lake)}

    assert {*found} == {each.name for each in RULES}
    assert ("W1:S1",) == found["no_stock_is_negative"]
    assert {1} == {each.result.as_of_version for each in judged}

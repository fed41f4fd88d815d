"""Files are exchanged for better ones, and no row, reader or burst notices."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory_assets.lake.catalog.connect import attach_at_snapshot, open_duckdb
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.tables import (
    ALERTS,
    CONNECTORS,
    CORE_EVENTS,
    RAW_MESSAGES,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    VERSIONS,
)
from inventory_assets.lake.transaction import Lake
from inventory_assets.lake.upkeep import maintenance, rewrite
from inventory_assets.lake.upkeep.expiry import hold_snapshots, oldest_kept
from inventory_assets.lake.upkeep.maintenance import MERGE_EVERY, Maintenance, Upkeep
from inventory_assets.lake.upkeep.rewrite import Rewriter
from inventory_assets.settings import Settings
from tests.builders import level, messages

KEPT = "SELECT count(*) FROM lake.snapshots()"


def one(number):
    """A burst of one level, on one of two days."""
    return messages(level(sku=f"SKU-{number}", last_updated=f"2022-04-{19 + number % 2}T07:00:00Z"))


@pytest.fixture
def engine(filled, tmp_path, open_engine):
    """An engine with a few versions over two event dates."""
    return open_engine(chosen=Settings(home=filled(_take_in, tmp_path)))


def _take_in(engine):
    for number in range(6):
        engine.commit_burst(one(number))


def rows(engine, sql):
    return engine.lake.connection.execute(sql).fetchall()


def files_of(engine, table):
    return rows(engine, f"SELECT count(DISTINCT filename) FROM {table.changes}")[0][0]


@pytest.mark.parametrize("table", [RAW_MESSAGES, CORE_EVENTS, SKU_STATE], ids=lambda table: table.name)
def test_a_merge_leaves_one_file_a_partition_and_every_row(engine, table):
    before = rows(engine, f"SELECT * FROM {table.changes} ORDER BY ALL")
    partitions = len(rows(engine, f"SELECT DISTINCT {table.partition_by or '0'} FROM {table.changes}"))

    Rewriter(engine.lake).merge(table, 1, 6)

    assert files_of(engine, table) == partitions
    assert before == rows(engine, f"SELECT * FROM {table.changes} ORDER BY ALL")


def test_a_rebuild_in_between_refuses_the_exchange(engine):
    """The rows that were written aside are no longer those of the lake."""
    rewriter = Rewriter(engine.lake)
    before = rows(engine, f"SELECT * FROM {CORE_EVENTS.changes} ORDER BY ALL")
    write = rewriter._write

    def write_and_rebuild(*arguments):
        files = write(*arguments)
        engine.lake.connection.execute("UPDATE meta.landed SET epoch = epoch + 1")
        return files

    rewriter._write = write_and_rebuild

    with pytest.raises(StaleStateError, match="rebuilt"):
        rewriter.merge(CORE_EVENTS, 1, 6)
    assert before == rows(engine, f"SELECT * FROM {CORE_EVENTS.changes} ORDER BY ALL")


def test_what_a_killed_process_left_is_removed_and_nothing_else(engine):
    """Files are written before they are handed over; a kill in between leaves them to nobody."""
    rewriter = Rewriter(engine.lake)
    orphans = rewriter._write(f"SELECT * FROM {SKU_STATE.changes}", SKU_STATE, None)
    before = rows(engine, f"SELECT * FROM {SKU_STATE.changes} ORDER BY ALL")

    rewriter.remove_orphans("2100-01-01")

    assert not any(Path(orphan).exists() for orphan in orphans)
    assert before == rows(engine, f"SELECT * FROM {SKU_STATE.changes} ORDER BY ALL")


def test_two_that_merge_the_same_rows_leave_them_once(engine):
    """`inventory maintain` beside a running sensor."""
    first, second = Rewriter(engine.lake), Rewriter(Lake(engine.settings))
    before = rows(engine, f"SELECT * FROM {CORE_EVENTS.changes} ORDER BY ALL")
    write = first._write

    def write_and_be_overtaken(*arguments):
        files = write(*arguments)
        second.merge(CORE_EVENTS, 1, 6)
        return files

    first._write = write_and_be_overtaken
    first.merge(CORE_EVENTS, 1, 6)

    assert before == rows(engine, f"SELECT * FROM {CORE_EVENTS.changes} ORDER BY ALL")


def test_a_version_that_is_committed_while_others_are_merged_stays(engine):
    """A block that is asked for before it is complete is merged as far as it exists."""
    rewriter = Rewriter(engine.lake)
    write = rewriter._write

    def write_and_commit(*arguments):
        files = write(*arguments)
        engine.commit_burst(one(9))
        return files

    rewriter._write = write_and_commit
    rewriter.merge(SKU_STATE, 1, 100)

    assert rows(engine, "SELECT count(*) FROM core.sku_state") == [(7,)]


def test_upkeep_runs_beside_bursts_and_stops_after_its_step(engine, monkeypatch):
    """No burst waits for it; closing waits for the step in hand."""
    monkeypatch.setattr(maintenance, "RUN", 3)
    upkeep = Upkeep(engine.settings)
    upkeep.wake(MERGE_EVERY - 1)
    upkeep.wake(1)
    engine.commit_burst(one(9))
    upkeep.finish()
    upkeep.close()

    assert files_of(engine, SKU_STATE) <= 2
    assert rows(engine, "SELECT count(*) FROM core.sku_state") == [(7,)]


def test_run_all_finds_what_earlier_processes_left(engine):
    """A process that ended before its merges were due leaves them to the next."""
    steps = Maintenance(engine.lake).run_all()

    assert f"merge {SKU_STATE.changes}" in steps
    assert (1, 1) == (files_of(engine, SKU_STATE), files_of(engine, VERSIONS))
    assert Maintenance(engine.lake).run_all()[0] == "compact"


def test_every_base_whose_delta_has_grown_is_renewed_when_that_falls_due(engine, monkeypatch):
    """One at a time left a reader of the others with a delta that grew on."""
    monkeypatch.setattr(maintenance, "SMALLEST_DELTA", 2)
    upkeep = Maintenance(engine.lake)

    upkeep.enqueue(maintenance.COMPACT_EVERY)
    while upkeep.step() is not None:
        pass

    grown = (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS)
    assert [6] * len(grown) == [upkeep.rewriter.base_version(table) for table in grown]
    assert upkeep.rewriter.base_version(CONNECTORS) is None


@pytest.mark.parametrize("part_rows", [1, 2, 5])
def test_a_base_in_parts_holds_every_row_once(engine, monkeypatch, part_rows):
    """Null warehouses and quotes in ids fall into one part, too."""
    tables = (SKU_STATE, ROLLUPS, ALERTS)
    engine.commit_burst(messages(level(sku="O'Brien", warehouse_id="W'2"), level(0, sku="B", warehouse_id="A")))
    before = [rows(engine, f"SELECT * FROM {table.full_name} ORDER BY ALL") for table in tables]
    monkeypatch.setattr(rewrite, "PART_ROWS", part_rows)
    upkeep = Maintenance(engine.lake)

    for table in tables:
        upkeep.compact(table)
    engine.commit_burst(messages(level(7, at="09:00", sku="B", warehouse_id="A")))
    for table in tables:
        upkeep.compact(table)

    for table, earlier in zip(tables, before, strict=True):
        after = rows(engine, f"FROM {table.full_name} ORDER BY ALL")
        assert rows(engine, f"FROM ({table.view_query('lake.', None)}) ORDER BY ALL") == after, table.name
        assert len(after) >= len(earlier) > 0, table.name


def test_a_reader_of_a_snapshot_keeps_its_files_for_as_long_as_is_said(engine):
    """A build of the marts reads one moment for a minute, and bursts are merged meanwhile."""
    settings = replace(engine.settings, snapshot_retention=timedelta(minutes=15))
    reader = open_duckdb(settings)
    attach_at_snapshot(reader, settings)
    before = reader.execute("SELECT count(*) FROM lake.core.events").fetchall()
    engine.commit_burst(one(6))
    upkeep = Maintenance(Lake(settings))
    upkeep.rewriter.merge(CORE_EVENTS, 1, 6)
    upkeep._expire()

    assert before == reader.execute("SELECT count(*) FROM lake.core.events").fetchall() == [(6,)]
    reader.close()
    assert rows(engine, KEPT) > [(6,)]
    Maintenance(Lake(replace(settings, snapshot_retention=timedelta(0))))._expire()
    assert rows(engine, KEPT) == [(1,)]


def test_a_reader_that_holds_its_snapshot_keeps_its_files_until_it_lets_go(engine):
    """Snapshots that are kept for everybody make every commit slower."""
    settings = replace(engine.settings, snapshot_retention=timedelta(0))
    upkeep = Maintenance(Lake(settings))
    with hold_snapshots(settings):
        reader = open_duckdb(settings)
        attach_at_snapshot(reader, settings)
        engine.commit_burst(one(6))
        upkeep.rewriter.merge(CORE_EVENTS, 1, 6)
        upkeep._expire()

        assert [(6,)] == reader.execute("SELECT count(*) FROM lake.core.events").fetchall()
        reader.close()
    upkeep._expire()

    assert [(1,)] == rows(engine, KEPT)


def test_a_reader_that_was_killed_holds_nothing(engine):
    settings = replace(engine.settings, snapshot_retention=timedelta(0))
    code = (
        "import sys, time, pathlib; from inventory_assets.settings import Settings; "
        "from inventory_assets.lake.upkeep.expiry import hold_snapshots\n"
        "with hold_snapshots(Settings(home=pathlib.Path(sys.argv[1]))): print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(settings.home)], stdout=subprocess.PIPE) as process:
        assert b"held\n" == process.stdout.readline()
        now = datetime.now(UTC)
        assert now > oldest_kept(settings, now)
        process.kill()

    assert now == oldest_kept(settings, now)

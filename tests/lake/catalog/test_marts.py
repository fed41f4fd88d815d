"""The marts' catalog: attached without a lake, kept small, and never under a reader's feet."""

import os
import time
from datetime import timedelta

import pytest

from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.marts import MartsMissingError, attach_marts, build_lock, built_version, tidy_marts
from inventory_assets.lake.errors import LakeBusyError


@pytest.fixture
def writer(settings):
    connection = open_duckdb(settings, "ducklake")
    attach_marts(connection, settings, read_only=False)
    yield connection
    connection.close()


def files(settings):
    return sorted((settings.marts_path / "data").rglob("*.parquet"))


def test_a_reader_of_no_marts_is_told_what_to_run(settings):
    with pytest.raises(MartsMissingError, match="inventory marts build"):
        attach_marts(open_duckdb(settings, "ducklake"), settings, read_only=True)

    assert not settings.marts_path.exists()


def test_marts_without_an_ended_build_have_no_version(writer):
    assert built_version(writer) is None
    writer.execute("CREATE TABLE marts.main.builds AS SELECT 7::BIGINT AS lake_version")
    assert built_version(writer) == 7


def test_what_a_build_replaced_stays_for_who_reads_it_and_then_goes(settings, writer):
    for number in range(3):
        writer.execute(f"CREATE OR REPLACE TABLE marts.main.t AS SELECT {number} AS n")
    first = writer.execute("SELECT min(snapshot_id) + 1 FROM marts.snapshots()").fetchone()[0]
    tidy_marts(writer)

    assert len(files(settings)) == 3
    assert writer.execute(f"SELECT n FROM marts.main.t AT (VERSION => {first})").fetchall() == [(0,)]
    tidy_marts(writer, kept=timedelta(0))
    assert len(files(settings)) == 1
    assert writer.execute("SELECT n FROM marts.main.t").fetchall() == [(2,)]


def test_files_of_a_killed_build_go_and_those_of_a_running_one_stay(settings, writer):
    writer.execute("CREATE TABLE marts.main.t AS SELECT 1 AS n")
    [file] = files(settings)
    old, new = file.with_name("ducklake-old.parquet"), file.with_name("ducklake-new.parquet")
    for path in (old, new):
        path.write_bytes(file.read_bytes())
    hours_ago = time.time() - 7_200
    os.utime(old, (hours_ago, hours_ago))
    tidy_marts(writer)

    assert files(settings) == sorted([file, new])


def test_one_build_at_a_time(settings):
    with build_lock(settings), pytest.raises(LakeBusyError, match="another build"), build_lock(settings):
        pass

"""A lake that an earlier release made, to whoever only reads it: as a writer would make it, and left as it is."""

import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from inventory_assets.lake.catalog.connect import attach, attach_at_snapshot, connect, open_duckdb
from inventory_assets.lake.catalog.create import TABLES, known_columns
from inventory_assets.lake.catalog.older import is_left_behind, is_older
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.as_of import latest_version, show_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.tables import ALERTS, BASES, LANDED, SKU_STATE, VIEWS, WATERMARKS
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.queries.counts import count_lake
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction

LAKES = Path(__file__).parents[2] / "ingest" / "older"
# No version has bases or a watermark of its own, and the first writer names its journal.
OF_VERSIONS = {each.full_name for each in (*TABLES, *VIEWS)} - {each.full_name for each in (BASES, LANDED, WATERMARKS)}
NOW = OF_VERSIONS | {WATERMARKS.full_name}


@pytest.fixture(params=[1, 2])
def older(request, home) -> Settings:
    """A lake of an earlier release, opened by nobody since."""
    with tarfile.open(LAKES / f"lake-{request.param}.tar.gz") as archive:
        archive.extractall(home.parent, filter="data")
    return Settings(home=home)


def shown(settings: Settings, version: int | None = None) -> dict[str, list]:
    """What a reader sees of each table and view; a row by the names of its columns."""
    with closing(connect(settings, read_only=True)) as connection:
        show_version(connection, version)
        return {name: seen(connection, name) for name in (NOW if version is None else OF_VERSIONS)}


def seen(connection, name: str) -> list:
    found = connection.execute(f"FROM {name}")
    columns = [column[0] for column in found.description]
    return [sorted(columns), *sorted((sorted(zip(columns, row, strict=True)) for row in found.fetchall()), key=repr)]


def stored(settings: Settings) -> dict[str, set[str]]:
    """What the lake itself has."""
    with closing(open_duckdb(settings, "ducklake", "sqlite_scanner")) as connection:
        attach(connection, settings, read_only=True)
        return known_columns(connection)


def test_a_reader_sees_what_it_would_after_a_writer_and_changes_nothing(older):
    before = stored(older)
    now, first = shown(older), shown(older, 1)

    assert before == stored(older)
    assert "core.seasons" not in before
    connect(older).close()
    assert shown(older) == now
    assert shown(older, 1) == first


def test_what_came_since_is_null(older):
    """By hand: both lakes hold dead letters, and neither release knew where one is wrong."""
    with closing(connect(older, read_only=True)) as connection:
        found = connection.execute("SELECT DISTINCT position, data_bytes, error_class FROM core.dead_letters")

        assert found.fetchall() == [(None, None, None)]


def make_older(settings: Settings) -> None:
    """Take from a lake of this release what came last, as one of an earlier release lacks it."""
    with closing(connect(settings)) as connection:
        base = connection.execute("SELECT max(base_version) FROM meta.bases WHERE table_name = 'out.alerts'").fetchall()
        connection.execute("CREATE OR REPLACE VIEW out.alerts AS SELECT 1 AS nothing")
        for table in ("out.alerts_changes", f"out.alerts_base_{base[0][0]}"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN is_untrusted")
        connection.execute("DROP VIEW out.alert_quality")
        connection.execute("DROP TABLE out.quality_results")


@pytest.fixture
def shop(open_engine, settings) -> Settings:
    """A lake whose alerts have a base, and lack a column in it as in the changes since."""
    engine = open_engine()
    engine.commit_burst(messages(rule(10, 20), level(100), transaction("T1", quantity=-95)))
    Maintenance(engine.lake).compact(ALERTS)
    engine.commit_burst(messages(transaction("T2", "RESTOCK", quantity=50, at="09:00"), level(0, sku="S2")))
    engine.close()
    make_older(settings)
    return settings


def test_a_base_and_what_changed_since_are_one(shop):
    with closing(connect(shop, read_only=True)) as connection:
        states = "SELECT sku, state, is_untrusted FROM out.alerts ORDER BY sku"
        now = connection.execute(states).fetchall()
        quality = connection.execute("SELECT count(*) FROM out.alert_quality").fetchall()
        show_version(connection, 1)
        then = connection.execute(states).fetchall()

    assert now == [("S1", "resolved", None), ("S2", "firing", None)]
    assert then == [("S1", "firing", None)]
    assert quality == [(2,)]


def test_its_stored_rows_and_what_ducklake_says_of_it_are_read_too(shop):
    """Some ask by the lake's name, and some ask DuckLake itself."""
    reader = LakeReader(shop)
    with closing(reader.connection):
        stock = current_rows(reader, SKU_STATE)
        counts = {row["what"]: row["count"] for row in count_lake(reader, shop)}

        assert (stock.height, counts["version"], latest_version(reader.connection)) == (2, 2, 2)
        assert counts["data files"] > 0


def test_as_of_a_snapshot_it_is_as_whole(shop):
    """Builds of the marts attach it so."""
    with closing(open_duckdb(shop)) as connection:
        attach_at_snapshot(connection, shop)

        assert connection.execute("SELECT count(is_untrusted), count(*) FROM lake.out.alerts").fetchall() == [(0, 2)]


def test_who_has_it_open_can_tell_when_a_writer_came(shop):
    with closing(connect(shop, read_only=True)) as old, closing(connect(shop, read_only=True)) as unused:
        assert not is_left_behind(old)
        connect(shop).close()

        # What it knew it still shows, and a new look shows all.
        assert old.execute("SELECT count(*) FROM out.alerts").fetchall() == [(2,)]
        assert is_left_behind(old) and is_left_behind(unused)
    with closing(connect(shop, read_only=True)) as new:
        assert not is_left_behind(new)
        assert not is_older(new)


def test_a_catalog_without_tables_is_not_an_older_lake(settings):
    """As it is for a moment while the first writer makes it."""
    settings.lock_path.parent.mkdir(parents=True)
    with closing(open_duckdb(settings, "ducklake", "sqlite_scanner")) as connection:
        attach(connection, settings, read_only=False)

        with pytest.raises(LakeMissingError, match="has no tables yet"):
            is_older(connection)

"""The lake as it was: at any version, however often it is compacted and cleaned up (RULES 31)."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.as_of import latest_version, show_version, version_at
from inventory_assets.lake.tables import APPEND_TABLES, BASES, LANDED, VERSIONED_TABLES
from inventory_assets.lake.upkeep.maintenance import COMPACTED_TABLES, Maintenance
from inventory_assets.settings import Settings
from tests.builders import cut, received, simulated
from tests.facts import STOCK, differences, ledger, rows

NAMES = [t.full_name for t in (*APPEND_TABLES, *VERSIONED_TABLES) if t not in (LANDED, BASES)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("history"), snapshot_retention=timedelta(0))


@pytest.fixture(scope="module")
def lake(settings):
    """(engine, simulation, stock as of each version, taken when it was the latest)."""
    simulation, sent = simulated(500, seed=31, skus=15, warehouses=2, malformed_rate=0.03, rule_change_rate=0.01)
    engine = Engine(settings)
    stock = {}
    for burst in cut(received(sent), 80):
        [commit] = engine.commit_burst(burst)
        stock[commit.version] = rows(engine.lake, STOCK)
    yield engine, simulation, stock
    engine.close()


def whole_lake(settings, version):
    """Every row of every table as of a version."""
    connection = connect(settings, read_only=True)
    try:
        show_version(connection, version)
        return {name: sorted(connection.execute(f"FROM {name}").fetchall(), key=repr) for name in NAMES}
    finally:
        connection.close()


def test_every_version_shows_what_was_there_then(settings, lake):
    _, _, stock = lake
    connection = connect(settings, read_only=True)
    show_version(connection, 2)

    assert connection.execute(STOCK).fetchall() == stock[2]
    assert connection.execute("SELECT max(version) FROM meta.versions").fetchone() == (2,)
    connection.close()


@pytest.mark.big
def test_maintenance_and_expiry_change_no_row_of_any_version(settings, lake):
    """No snapshot is left to go back to: history is in the rows."""
    engine, simulation, stock = lake
    versions = [None, 1, len(stock) // 2, len(stock)]
    before = [whole_lake(settings, version) for version in versions]
    maintenance = Maintenance(engine.lake)
    for table in COMPACTED_TABLES:
        maintenance.compact(table)
    maintenance.run_all()
    after = [whole_lake(settings, version) for version in versions]

    assert rows(engine.lake, "SELECT count(*) FROM ducklake_snapshots('lake')") == [(1,)]
    assert before == after
    assert rows(engine.lake, STOCK) == ledger(simulation)
    assert differences(engine) == []


@pytest.mark.big
def test_compaction_again_and_again_keeps_view_and_history_one(settings, lake):
    """The base moves on while changes are appended; the old base goes (view == plain history)."""
    engine, _, _ = lake
    _, sent = simulated(120, seed=37, skus=15, warehouses=2)
    maintenance = Maintenance(engine.lake)
    for burst in cut(received(sent), 60):
        engine.commit_burst(burst)
        for table in COMPACTED_TABLES:
            maintenance.compact(table)
            maintenance.compact(table)  # twice at one version

    for table in COMPACTED_TABLES:
        plain, view = table.view_query("lake.", None), f"FROM {table.full_name}"
        assert rows(engine.lake, f"({plain}) EXCEPT ALL ({view})") == []
        assert rows(engine.lake, f"({view}) EXCEPT ALL ({plain})") == []
        bases = f"SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '{table.name}_base_%'"
        assert rows(engine.lake, bases) == [(1,)]


@pytest.mark.big
def test_readers_see_whole_versions_while_bases_are_swapped(settings, lake):
    """A reader in the middle of a query never meets a dropped base or half a swap."""
    engine, _, _ = lake
    maintenance = Maintenance(engine.lake)
    expected = rows(engine.lake, STOCK)
    stop = threading.Event()
    answers: list[object] = []

    def read() -> None:
        connection = connect(settings, read_only=True)
        while not stop.is_set():
            try:
                answers.append(connection.execute(STOCK).fetchall())
            except Exception as error:
                answers.append(error)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(3):
        for table in COMPACTED_TABLES:
            maintenance.compact(table)
        if number % 2:
            maintenance.run_all()
    stop.set()
    reader.join()

    assert answers
    assert [answer for answer in answers if answer != expected] == []


def test_a_time_means_the_last_version_committed_by_then(settings, lake):
    engine, _, _ = lake
    [(first,), (second,)] = rows(engine.lake, "SELECT committed_at FROM meta.versions ORDER BY version LIMIT 2")
    connection = connect(settings, read_only=True)

    assert version_at(connection, first.replace(tzinfo=UTC)) == 1
    assert version_at(connection, second.replace(tzinfo=UTC) - timedelta(microseconds=1)) == 1
    assert version_at(connection, datetime.now(UTC)) == latest_version(connection)
    with pytest.raises(LakeMissingError, match="no version was committed by .*the first was at .*inventory stock-at"):
        version_at(connection, first.replace(tzinfo=UTC) - timedelta(microseconds=1))
    connection.close()


@pytest.mark.parametrize("version", [0, -1, 10_000])
def test_a_version_that_never_was_is_refused(settings, lake, version):
    connection = connect(settings, read_only=True)

    with pytest.raises(LakeMissingError, match=f"version was {version}"):
        show_version(connection, version)
    connection.close()


def test_a_reader_of_no_lake_makes_none(settings, tmp_path):
    with pytest.raises(LakeMissingError, match="inventory drain"):
        connect(replace(settings, home=tmp_path / "none"), read_only=True)

    assert list(tmp_path.iterdir()) == []

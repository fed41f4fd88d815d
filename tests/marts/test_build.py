"""How a build goes: offline, beside bursts, interrupted, twice at once; and which test finds which fault."""

import shutil
import signal
import subprocess
import threading
from dataclasses import replace

import pytest

from inventory_assets.lake.errors import LakeBusyError, LakeMissingError
from inventory_assets.lake.marts import MartsMissingError, build_lock, show_marts
from inventory_assets.lake.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import Engine
from inventory_assets.stages.marts import (
    PROJECT_DIR,
    MartsBuildError,
    build_marts,
    dbt_environment,
    dbt_executable,
    load_manifest,
    target_path,
)
from inventory_assets.wiring import LakeReader
from tests.builders import level, messages, transaction
from tests.marts.conftest import make_shop, reader_of
from tests.marts.files import hour, stock, write_files

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Another shop with its marts, for tests that spoil something and build what it concerns again."""
    settings = make_shop(tmp_path_factory.mktemp("spoilt"))
    assert build_marts(settings).failed == []
    return settings


def test_the_marts_of_an_empty_lake_are_empty(settings):
    """Nothing to divide by, no file to read, no version yet."""
    Engine(settings).lake.watermark()

    assert build_marts(settings).failed == []

    connection = LakeReader(settings).connection
    show_marts(connection, settings)
    assert [(None, None, 0)] == connection.execute(
        "SELECT lake_version, as_of_date, snapshot_days FROM marts.builds"
    ).fetchall()
    assert [(0,)] == connection.execute("SELECT count(*) FROM marts.warehouses").fetchall()


def test_without_a_lake_it_says_what_to_do(settings):
    with pytest.raises(LakeMissingError, match="make run"):
        build_marts(settings)

    assert not settings.marts_path.exists()


@pytest.mark.parametrize(
    ("table", "model", "rows", "found"),
    [
        (DAILY_STOCK, "daily_stock_snapshots", [stock(0), stock(0)], "unique_"),
        (DAILY_STOCK, "daily_warehouse_stocks", [stock(0, stockout_seconds=100_000)], "in_stock_share"),
        (HOURLY_TRANSACTIONS, "daily_transactions", [hour(0, transactions=-1)], "transaction_count"),
    ],
    ids=["a row twice", "more seconds than a day has", "fewer than no transaction"],
)
def test_a_fault_in_a_file_is_found_by_its_test(spoilt, table, model, rows, found):
    write_files(spoilt.home, table, rows)

    failed = build_marts(spoilt, select=[model]).failed

    [step] = [step for step in failed if found in step.name]
    # Its query gives the rows that are wrong.
    assert step.failures and reader_of(spoilt).execute(step.query).fetchall()


@pytest.mark.parametrize(
    ("model", "statement", "found"),
    [
        (
            "stock_positions",
            "INSERT INTO core.sku_state_changes SELECT * REPLACE (on_hand + 1 AS on_hand, 99 AS version) "
            "FROM core.sku_state_changes WHERE sku = 'S2'",
            "positions_agree_with_rollups",
        ),
        (
            "stg_core__transactions",
            "INSERT INTO core.events SELECT * REPLACE ('GIFT' AS type, 99 AS version) FROM core.events "
            "WHERE transaction_id = 'T1'",
            "accepted_values_stg_core__transactions_transaction_type",
        ),
        (
            "alert_responses",
            "INSERT INTO out.alerts_changes SELECT * REPLACE (opened_at - INTERVAL 1 DAY AS resolved_at, 99 AS version) "
            "FROM out.alerts_changes WHERE state = 'resolved'",
            "not_before_alert_responses_resolved_at",
        ),
    ],
    ids=["stock beside its sums", "an unknown type", "an end before the beginning"],
)
def test_a_fault_in_the_lake_is_found_by_its_test(spoilt, model, statement, found):
    engine = Engine(spoilt)
    engine.lake.connection.execute(statement)
    engine.close()

    assert [step.name for step in build_marts(spoilt, select=[model]).failed if found in step.name]


def test_bursts_commit_and_readers_read_while_the_marts_are_built(tmp_path):
    """The build reads one moment of the lake, holds no lock of it, and exchanges each table at once."""
    settings = make_shop(tmp_path / "home")
    build_marts(settings, select=["+stock_positions"])
    engine = Engine(settings)
    before = engine.lake.watermark().version
    ended = threading.Event()
    builds = []

    def build():
        try:
            builds.append(build_marts(settings))
        finally:
            ended.set()

    thread = threading.Thread(target=build)
    thread.start()
    commits, positions = 0, set()
    while not ended.is_set():
        engine.commit_burst(messages(transaction(f"X{commits}", quantity=-1, sku="S2")))
        commits += 1
        reader = reader_of(settings)
        positions.add(reader.execute("SELECT count(*) FROM marts.stock_positions").fetchone())
        reader.close()
    thread.join()
    engine.close()

    assert builds[0].failed == []
    assert commits > 10
    assert positions == {(7,)}
    [(built_from,)] = reader_of(settings).execute("SELECT lake_version FROM marts.builds").fetchall()
    # Most of what was committed meanwhile is not in it; all of it is in the lake.
    assert before <= built_from < before + commits
    assert LakeReader(settings).query("SELECT max(version) AS n FROM meta.versions").item() == before + commits


def test_a_second_build_at_once_is_refused(spoilt):
    with build_lock(spoilt), pytest.raises(MartsBuildError, match="another build of the marts"):
        build_marts(spoilt)
    with build_lock(spoilt), pytest.raises(LakeBusyError), build_lock(spoilt):
        pass


def test_a_killed_build_leaves_the_marts_as_they_were_and_the_next_one_whole(spoilt):
    """kill -9 between two models: what was committed stays, what was not is not there."""
    engine = Engine(spoilt)
    engine.commit_burst(messages(level(77, sku="S-NEW")))
    engine.close()
    # Faults of other tests are in this lake: only what is built counts, not whether its tests pass.
    process = subprocess.Popen(
        [dbt_executable(), "run", "--target-path", str(target_path(spoilt)), "--log-path", str(spoilt.home)],
        cwd=PROJECT_DIR, env=dbt_environment(spoilt), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "OK created sql table model main.stock_positions" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(30)
    process.stdout.close()
    new = "SELECT count(*) FROM marts.{} WHERE sku = 'S-NEW'"

    assert process.returncode == -signal.SIGKILL
    killed = reader_of(spoilt)
    assert [(1,)] == killed.execute(new.format("stock_positions")).fetchall()
    assert [(0,)] == killed.execute(new.format("inventory_values")).fetchall()
    killed.close()
    assert build_marts(spoilt, command="run").failed == []
    names = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'marts' AND table_name LIKE '%__dbt_%'"
    whole = reader_of(spoilt)
    assert [(1,)] == whole.execute(new.format("inventory_values")).fetchall()
    assert [] == whole.execute(names).fetchall()


def test_marts_of_a_later_version_are_not_shown_for_an_earlier_one(shop, build):
    """They would tell what nobody could know then."""
    connection = LakeReader(shop).connection

    with pytest.raises(MartsMissingError, match="version 5, later than 3"):
        show_marts(connection, shop, at_version=3)
    show_marts(connection, shop, at_version=5)
    assert connection.execute("SELECT lake_version FROM marts.builds").fetchall() == [(5,)]


def test_a_build_of_some_models_leaves_the_others(shop, build):
    made = build_marts(shop, select=["stockouts"])

    assert {"stockouts"} == {step.name for step in made.steps if step.kind == "model"}
    assert made.failed == []


def test_the_manifest_is_parsed_once_and_again_when_a_source_changes(tmp_path):
    """No lake, no network: a bare machine loads the definitions."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    manifest = project / "target" / "manifest.json"

    load_manifest(project)
    first = manifest.stat().st_mtime_ns
    load_manifest(project)
    assert manifest.stat().st_mtime_ns == first
    model = project / "models" / "marts" / "builds.sql"
    model.write_text(model.read_text() + "\n-- changed\n")
    changed = load_manifest(project)

    assert changed["nodes"]["model.inventory.builds"]["raw_code"].endswith("-- changed")


def test_a_project_that_does_not_parse_says_where(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('nothing') }}")

    with pytest.raises(MartsBuildError, match="nothing"):
        load_manifest(project)


def test_a_postgres_catalog_is_read(settings, postgres, open_engine):
    """The lake's catalog is on a server; the marts' is a file all the same."""
    stored = replace(settings, catalog=postgres.new_catalog())
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-10)))

    assert build_marts(stored).failed == []
    assert [(90,)] == reader_of(stored).execute("SELECT on_hand FROM marts.stock_positions").fetchall()

"""How a build goes: offline, beside bursts, interrupted, twice at once."""

import shutil
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.marts import build_lock, show_marts
from inventory_assets.lake.errors import LakeBusyError, LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.marts.build import (
    PARTIAL_PARSE,
    PROJECT_DIR,
    MartsBuildError,
    build_marts,
    dbt_environment,
    dbt_executable,
    load_manifest,
    read_step,
    target_path,
)
from inventory_assets.settings import Settings
from tests.builders import level, messages, transaction
from tests.marts.conftest import make_shop, reader_of

# How a build goes is the same for a dozen models as for all.
FEW = ("+inventory_values", "+stockouts", "+builds")


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A shop with marts that goes on trading: each test may commit and build."""
    settings = make_shop(tmp_path_factory.mktemp("trading"))
    assert build_marts(settings, select=FEW, command="run").failed == []
    return settings


@pytest.mark.big
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


@pytest.mark.big
def test_bursts_commit_and_readers_read_while_the_marts_are_built(trading):
    """The build reads one moment of the lake, holds no lock of it, and exchanges each table at once."""
    count = "SELECT count(*) FROM marts.stock_positions"
    keys = reader_of(trading).execute(count).fetchone()
    engine = Engine(trading)
    before = engine.lake.watermark().version
    ended = threading.Event()
    builds = []

    def build():
        try:
            builds.append(build_marts(trading, select=FEW, command="run"))
        finally:
            ended.set()

    thread = threading.Thread(target=build)
    thread.start()
    commits, positions = 0, set()
    while not ended.is_set():
        engine.commit_burst(messages(transaction(f"X{commits}", quantity=-1, sku="S2")))
        commits += 1
        reader = reader_of(trading)
        positions.add(reader.execute(count).fetchone())
        reader.close()
    thread.join()
    engine.close()

    assert builds[0].failed == []
    assert commits > 10
    assert positions == {keys}
    [(built_from,)] = reader_of(trading).execute("SELECT lake_version FROM marts.builds").fetchall()
    # Most of what was committed meanwhile is not in it; all of it is in the lake.
    assert before <= built_from < before + commits
    assert LakeReader(trading).query("SELECT max(version) AS n FROM meta.versions").item() == before + commits


@pytest.mark.big
def test_a_second_build_at_once_is_refused(trading):
    with build_lock(trading), pytest.raises(MartsBuildError, match="another build of the marts"):
        build_marts(trading)
    with build_lock(trading), pytest.raises(LakeBusyError), build_lock(trading):
        pass


@pytest.mark.big
def test_a_killed_build_leaves_the_marts_as_they_were_and_the_next_one_whole(trading):
    """kill -9 between two models: what was committed stays, what was not is not there."""
    engine = Engine(trading)
    engine.commit_burst(messages(level(77, sku="S-NEW")))
    engine.close()
    process = subprocess.Popen(
        [dbt_executable(), "run", "--select", *FEW,
         "--target-path", str(target_path(trading)), "--log-path", str(trading.home)],
        cwd=PROJECT_DIR, env=dbt_environment(trading), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "OK created sql table model main.stock_positions" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(30)
    process.stdout.close()
    new = "SELECT count(*) FROM marts.{} WHERE sku = 'S-NEW'"

    assert process.returncode == -signal.SIGKILL
    killed = reader_of(trading)
    assert [(1,)] == killed.execute(new.format("stock_positions")).fetchall()
    assert [(0,)] == killed.execute(new.format("inventory_values")).fetchall()
    killed.close()
    assert build_marts(trading, select=FEW, command="run").failed == []
    names = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'marts' AND table_name LIKE '%__dbt_%'"
    whole = reader_of(trading)
    assert [(1,)] == whole.execute(new.format("inventory_values")).fetchall()
    assert [] == whole.execute(names).fetchall()


@pytest.mark.big
def test_a_build_of_some_models_leaves_the_others(trading):
    made = build_marts(trading, select=["stockouts"])

    assert {"stockouts"} == {step.name for step in made.steps if step.kind == "model"}
    assert made.failed == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Our project with one model: it is parsed as with all of them, and sooner."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs", "models", "tests"))
    model = project / "models" / "marts" / "builds.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1 as build_id")
    return project


@pytest.mark.big
def test_the_manifest_is_parsed_once_and_again_when_a_source_changes(project):
    """No lake, no network: a bare machine loads the definitions."""
    manifest = project / "target" / "manifest.json"

    load_manifest(project)
    assert (project / "target" / PARTIAL_PARSE).exists()
    first = manifest.stat().st_mtime_ns
    load_manifest(project)
    assert manifest.stat().st_mtime_ns == first
    model = project / "models" / "marts" / "builds.sql"
    model.write_text(model.read_text() + "\n-- changed\n")
    changed = load_manifest(project)

    assert changed["nodes"]["model.inventory.builds"]["raw_code"].endswith("-- changed")


@pytest.mark.big
def test_a_project_that_does_not_parse_says_where(project):
    (project / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('nothing') }}")

    with pytest.raises(MartsBuildError, match="nothing"):
        load_manifest(project)


@pytest.mark.big
def test_a_postgres_catalog_is_read(settings, postgres, open_engine):
    """The lake's catalog is on a server; the marts' is a file all the same."""
    stored = replace(settings, catalog=postgres.new_catalog())
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-10)))

    assert build_marts(stored).failed == []
    assert [(90,)] == reader_of(stored).execute("SELECT on_hand FROM marts.stock_positions").fetchall()


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("21:03:05  3 of 129 START sql table model main.fill_rates ...... [RUN]", "3 of 129: sql table model main.fill_rates"),
        ("21:03:06  3 of 129 OK created sql table model main.fill_rates .. [OK in 0.52s]", "3 of 129: sql table model main.fill_rates"),
        ("21:03:06  12 of 129 PASS unique_x ............. [PASS in 0.05s]", "12 of 129: unique_x"),
        ("21:03:06  Finished running 21 table models", None),
    ],
)  # fmt: skip
def test_a_builds_steps_are_read_from_what_dbt_says(line, step):
    """Ten minutes without a word looked like a hang."""
    assert step == read_step(line)

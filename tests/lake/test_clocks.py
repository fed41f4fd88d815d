"""No time without its clock: the list of `lake.clocks` is the tables', and docs/sql.md has it word for word."""

import re

import pytest

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.clocks import CLOCKS, MEANT, Clock
from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES
from inventory_assets.project_files import project_dir
from inventory_assets.settings import Settings

ROOT = project_dir()
# Written by hand beside a rule in words: the marts' times, all but these, are the business's.
MACHINES_OF_MARTS = {"built_at", "lake_committed_at"}


@pytest.fixture(scope="module")
def shown(empty_home):
    """(table, column) of every time and date that a reader of the lake sees, and of the snapshot files."""
    connection = connect(Settings(home=empty_home), read_only=True)
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' "
        "AND schema_name IN ('raw', 'core', 'out', 'meta') AND data_type IN ('TIMESTAMP', 'DATE') "
        "AND NOT regexp_matches(table_name, '_changes$|_base_[0-9]+$')"
    ).fetchall()
    connection.close()
    files = [
        (f"snapshots.{table.name}", name)
        for table in SNAPSHOT_TABLES
        for name, type_ in table.columns.items()
        if type_ in ("TIMESTAMP", "DATE")
    ]
    return {*rows, *files}


def test_every_time_there_is_has_its_clock(shown):
    assert len(shown) > 40
    assert shown == {(table, column) for table, columns in CLOCKS.items() for column in columns}


def test_the_documentation_has_the_list():
    text = (ROOT / "docs" / "sql.md").read_text()
    table = text.partition("| Column | Clock | |\n|---|---|---|\n")[2].partition("\n\n")[0]

    expected = [
        f"| `{table}.{column}` | {clock} | {says} |"
        for table, columns in CLOCKS.items()
        for column, (clock, says) in columns.items()
    ]
    assert expected == table.splitlines()
    assert set(Clock) == set(MEANT)
    for clock, says in MEANT.items():
        assert f"**{clock}**: {says}" in text


def test_the_marts_have_no_time_of_the_machine_but_those_named():
    """Their times come from events and days; what would bring another clock in is found by its name."""
    of_machine = re.compile(r"\b(committed_at|run_started_at|publish_time|attempted_at|current_timestamp|now\(\))")
    found = {
        path.name
        for path in (ROOT / "dbt_project" / "models" / "marts").glob("*.sql")
        if of_machine.search(path.read_text())
    }

    assert {"builds.sql"} == found
    text = (ROOT / "docs" / "sql.md").read_text()
    assert all(f"`{name}`" in text for name in MACHINES_OF_MARTS)

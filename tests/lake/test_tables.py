"""A table knows its columns: what SQL creates, what a frame holds, and what comes back are the same."""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import polars as pl
import pytest

from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES
from inventory_assets.lake.tables import APPEND_TABLES, BIG, DATE, TEXT, TIME, VERSIONED_TABLES, Table

COUNTS = Table(
    "core",
    "counts",
    {"version": BIG, "sku": TEXT, "counted": BIG, "counted_at": TIME, "counted_on": DATE, "note": TEXT},
    "One row per count.",
)


@dataclass
class Count:
    """A value with some of the columns, and something that is none."""

    sku: str
    counted: int | None
    shelf: str = "left"
    version: int = 7


@pytest.mark.parametrize(
    "table", [*APPEND_TABLES, *VERSIONED_TABLES, *SNAPSHOT_TABLES], ids=lambda table: table.full_name
)
def test_a_frame_has_the_types_that_its_table_gives_back(table):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE there ({table.definition})")

        assert connection.execute("FROM there").pl().schema == table.types
    assert {name: type_ for name, type_ in table.types.items() if name != "version"} == table.frame().schema


def test_columns_come_from_the_values_or_are_given_or_null():
    frame = COUNTS.frame([Count("S1", 5), Count("S2", None)], counted_at=[1_000_000, None], counted_on=[1, None])

    assert frame.to_dicts() == [
        {"sku": "S1", "counted": 5, "counted_at": datetime(1970, 1, 1, 0, 0, 1), "counted_on": date(1970, 1, 2),
         "note": None},
        {"sku": "S2", "counted": None, "counted_at": None, "counted_on": None, "note": None},
    ]  # fmt: skip


def test_what_is_given_outdoes_the_values():
    assert COUNTS.frame([Count("S1", 5)], counted=[6])["counted"].to_list() == [6]


def test_a_frame_of_nothing_has_the_columns():
    assert COUNTS.frame([]).schema == COUNTS.frame(sku=[]).schema == COUNTS.frame().schema
    assert COUNTS.frame().columns == ["sku", "counted", "counted_at", "counted_on", "note"]


def test_a_column_that_the_table_lacks_is_refused():
    """A misspelt name would be a column of nulls."""
    with pytest.raises(ValueError, match=r"'cuonted'.*core\.counts has sku, counted"):
        COUNTS.frame(sku=["S1"], cuonted=[1])


def test_a_value_of_another_type_is_refused():
    with pytest.raises(TypeError, match="counted"):
        COUNTS.frame(sku=["S1"], counted=["five"])


def test_times_are_read_as_microseconds():
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE there ({COUNTS.definition})")
        connection.register("rows", COUNTS.frame(sku=["S1"], counted_at=[1_000_000]).to_arrow())
        connection.execute("INSERT INTO there BY NAME FROM rows")
        rows = connection.execute(f"SELECT {COUNTS.select('version', 'note')} FROM there").pl()

    assert rows.schema["counted_at"] == pl.Int64
    assert rows.row(0) == ("S1", None, 1_000_000, None)

"""The current rows of versioned tables: the latest of each key."""

import polars as pl

from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import BASES, CATALOG, VersionedTable


def current_rows(reader: Reader, table: VersionedTable, at_version: int | None = None) -> pl.DataFrame:
    """The stored current rows of a versioned table, hidden columns included."""
    return reader.query(current_rows_query(reader, table, at_version))


def current_rows_query(reader: Reader, table: VersionedTable, at_version: int | None = None) -> str:
    """SQL for the stored current rows of a versioned table; for those of several, see `read_bases`."""
    return table.current_rows("lake.", read_bases(reader).get(table.full_name), at_version)


def read_bases(reader: Reader) -> dict[str, int]:
    """The version of the base in use, by the full name of the tables that have one."""
    # By its full name: a reader may show an earlier version, which has no bases of its own. With a condition DuckLake
    # would look for files to skip.
    rows = reader.query(f"SELECT table_name, max(base_version) AS base FROM {CATALOG}.{BASES.full_name} GROUP BY ALL")
    return dict(rows.iter_rows())

"""The current rows of versioned tables: the latest of each key."""

import polars as pl

from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import BASES, CATALOG, VersionedTable


def current_rows(reader: Reader, table: VersionedTable, at_version: int | None = None) -> pl.DataFrame:
    """The stored current rows of a versioned table, hidden columns included."""
    return reader.query(current_rows_query(reader, table, at_version))


def current_rows_query(reader: Reader, table: VersionedTable, at_version: int | None = None) -> str:
    """SQL for the stored current rows of a versioned table."""
    # By its full name: a reader may show an earlier version, which has no bases of its own.
    base = reader.query(
        f"SELECT max(base_version) AS base FROM {CATALOG}.{BASES.full_name} WHERE table_name = ?", [table.full_name]
    ).item()
    return table.current_rows("lake.", base, at_version)

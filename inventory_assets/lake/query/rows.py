"""The current rows of versioned tables: the latest of each key."""

import polars as pl

from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import VersionedTable


def current_rows(reader: Reader, table: VersionedTable, at_version: int | None = None) -> pl.DataFrame:
    """The stored current rows of a versioned table, hidden columns included."""
    return reader.query(current_rows_query(reader, table, at_version))


def current_rows_query(reader: Reader, table: VersionedTable, at_version: int | None = None) -> str:
    """SQL for the stored current rows of a versioned table."""
    base = reader.query(
        "SELECT max(base_version) AS base FROM meta.bases WHERE table_name = ?", [table.full_name]
    ).item()
    return table.current_rows("lake.", base, at_version)

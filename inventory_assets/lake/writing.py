"""Append rows to a table of the lake, in the open transaction: how that is done on each kind of catalog."""

from collections.abc import Sequence

import duckdb
import polars as pl

from inventory_assets.lake.tables import CATALOG, Table
from inventory_assets.lake.upkeep.orphans import append_as_files


def append_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    rows: pl.DataFrame,
    own_files_at: str | None,
    cuts: Sequence[int] = (),
) -> None:
    """Append rows, versions included; columns by name, missing ones null.

    Args:
        connection: A writer's.
        table: Where to.
        rows: Not empty.
        own_files_at: Where data files of our own go, which the lake takes over; None is an INSERT. Across
            a network the answer to a COMMIT can be lost (`upkeep.orphans`).
        cuts: First versions of files of our own, where rows are of many.
    """
    if own_files_at is not None:
        append_as_files(connection, own_files_at, table, rows, cuts)
        return
    names = ", ".join(rows.columns)
    # A stream: of a table DuckDB would make a pyarrow data set, half of what an insert costs.
    connection.register("_rows", rows.to_arrow().to_reader())
    try:
        connection.execute(f"INSERT INTO {CATALOG}.{table.changes} ({names}) SELECT {names} FROM _rows")
    finally:
        connection.unregister("_rows")

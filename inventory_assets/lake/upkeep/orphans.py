"""Data files that we write and the lake takes over.

DuckLake removes the files it wrote itself when a COMMIT fails. With a catalog
across a network a COMMIT can fail here and hold there: the server dies, or the
connection does, before the answer arrives. The catalog would then name files
that are gone, for good. Files handed over are not DuckLake's to remove; where
the transaction did not hold, nothing refers to them (`Rewriter.remove_orphans`).
"""

import bisect
import uuid
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from inventory_assets.lake.tables import CATALOG, Table


def write_files(
    connection: duckdb.DuckDBPyConnection, data_uri: str, table: Table, query: str, *, partition_by: str | None
) -> list[str]:
    """Write a query's rows to Parquet files beside the lake's own; their names."""
    # A name of its own: two processes may write the same rows, and one of them will lose.
    target = f"{data_uri}/{table.schema}/{table.name}_{uuid.uuid4().hex}"
    if "://" not in target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    # Small row groups: a reader of one key skips most of them, and the writer holds few rows.
    options = "FORMAT parquet, RETURN_FILES true, ROW_GROUP_SIZE 20480"
    if partition_by is None:
        target += ".parquet"
    else:
        options += f", PARTITION_BY ({partition_by}), WRITE_PARTITION_COLUMNS true"
    written = connection.execute(f"COPY ({query}) TO '{_quoted(target)}' ({options})").fetchone()
    return list(written[1]) if written else []


def add_files(connection: duckdb.DuckDBPyConnection, name: str, files: list[str], *, partition_by: str | None) -> None:
    """Hand files over to a table, in the open transaction."""
    schema, _, table = name.partition(".")
    hive = ", hive_partitioning => true" if partition_by else ""
    add = f"CALL ducklake_add_data_files('{CATALOG}', '{table}', ?, schema => '{schema}'{hive})"
    for file in files:
        connection.execute(add, [file])


def append_as_files(
    connection: duckdb.DuckDBPyConnection, data_uri: str, table: Table, rows: pl.DataFrame, cuts: Sequence[int]
) -> None:
    """Append rows, with all of the table's columns or some, in files of our own: one from each cut's version on."""
    # Exactly the table's types: a file handed over is not converted as an INSERT is.
    columns = ", ".join(
        f"CAST({name if name in rows.columns else 'NULL'} AS {type_}) AS {name}"
        for name, type_ in table.columns.items()
    )
    for block in _blocks(rows, cuts):
        connection.register("_rows", block.to_arrow())
        try:
            query = f"SELECT {columns} FROM _rows"
            files = write_files(connection, data_uri, table, query, partition_by=table.partition_by)
        finally:
            connection.unregister("_rows")
        add_files(connection, table.changes, files, partition_by=table.partition_by)


def _blocks(rows: pl.DataFrame, cuts: Sequence[int]) -> list[pl.DataFrame]:
    """Rows of many versions, as a rebuild has them, cut where merges will cut them.

    A merge then replaces whole files. Of a part of one, DuckLake would note the
    deleted rows in a file of its own.
    """
    if not cuts:
        return [rows]
    blocks = {version: bisect.bisect_right(cuts, version) for version in rows["version"].unique().to_list()}
    block = pl.col("version").replace_strict(blocks, return_dtype=pl.Int64)
    return rows.with_columns(block.alias("_block")).partition_by("_block", include_key=False, maintain_order=True)


def _quoted(text: str) -> str:
    return text.replace("'", "''")

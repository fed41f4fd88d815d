"""Read versions from the journal as if they were a lake: for who follows it and would come too late by landings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import polars as pl

from inventory_assets.lake.journal.body import gather
from inventory_assets.lake.journal.sql import Journal
from inventory_assets.lake.query.reader import Reader, read_batches
from inventory_assets.lake.tables import APPEND_TABLES, SCHEMAS, VERSIONED_TABLES


class _Reader:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        return self._connection.execute(sql, parameters or []).pl()

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        return read_batches(self._connection, sql)


@contextmanager
def journaled(journal: Journal, after: int, upto: int) -> Iterator[Reader | None]:
    """The changes that versions brought, in the lake's tables of these names.

    None where it lacks one of the versions, or another release wrote what this one has no column for.

    Tables only, none of the lake's views: `core.sku_state_changes` and not `core.sku_state`.
    """
    entries = list(journal.read(after, upto))
    if [each.version for each in entries] != list(range(after + 1, upto + 1)):
        yield None
        return
    rows = gather((each.version, each.body) for each in entries)
    tables = (*APPEND_TABLES, *VERSIONED_TABLES)
    if any({*rows[table.changes].columns} - {*table.columns} for table in tables if table.changes in rows):
        yield None
        return
    # Nothing spills: it would into the current directory, in every process the same.
    connection = duckdb.connect(config={"temp_directory": ""})
    try:
        connection.execute("SET enable_progress_bar = false")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {schema}")
        for table in tables:
            connection.execute(f"CREATE TABLE {table.changes} ({table.definition})")
            if (frame := rows.get(table.changes)) is not None:
                names = ", ".join(frame.columns)
                connection.register("_rows", frame.to_arrow())
                connection.execute(f"INSERT INTO {table.changes} ({names}) SELECT {names} FROM _rows")
                connection.unregister("_rows")
        yield _Reader(connection)
    finally:
        connection.close()

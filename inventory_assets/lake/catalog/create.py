"""Make the lake's tables and views: all of a new lake's, or those that a newer release brings."""

import uuid
from collections.abc import Callable
from contextlib import suppress

import duckdb

from inventory_assets.lake.durable import METADATA
from inventory_assets.lake.tables import (
    APPEND_TABLES,
    BASES,
    CATALOG,
    LANDED,
    SCHEMAS,
    VERSIONED_TABLES,
    VIEWS,
    WATERMARKS,
    Table,
    VersionedTable,
)

TABLES: tuple[Table, ...] = (*APPEND_TABLES, *VERSIONED_TABLES)


# Of the lake, as `meta.landed` says it. 2: versions are durable in a journal first.
FORMAT = 2

MakeJournal = Callable[[str, int, int], None]
"""Makes a journal of an id, for a lake at (epoch, version); one that is there already goes."""


def ensure_tables(connection: duckdb.DuckDBPyConnection, make_journal: MakeJournal, commit: Callable[[], None]) -> None:
    """Give the lake the tables, columns and views it lacks. Old rows have nulls in new columns.

    `commit` ends the transaction, with its files on disk. A lake without a journal
    is given one first: killed in between, it is still a lake without one, and the
    next start makes it anew.
    """
    known = known_columns(connection)
    lacking = _lacking(known)
    stale = [
        table
        for table in VERSIONED_TABLES
        # A new column may be what its condition asks for.
        if table in lacking or {*table.shown_columns} != known.get(table.full_name)
    ]
    absent = [view for view in VIEWS if view.full_name not in known or (view is WATERMARKS and LANDED in lacking)]
    if not lacking and not stale and not absent:
        return
    connection.execute("BEGIN")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{schema}")
    for table in lacking:
        if table.changes not in known:
            _create_table(connection, table)
    if LANDED in lacking:
        _begin_journal(connection, make_journal, is_new=WATERMARKS.full_name not in known)
    bases = _bases(connection)
    for table in lacking:
        if table.changes in known:
            _add_columns(connection, table, known, bases.get(table.full_name))
    for table in stale:
        query = table.view_query(f"{CATALOG}.", bases.get(table.full_name))
        _create_view(connection, table.full_name, query, table.comment)
    for view in VIEWS if lacking else absent:
        _create_view(connection, view.full_name, view.query.replace("{lake}", f"{CATALOG}."), view.comment)
    commit()
    _note_empty(connection)


def _lacking(known: dict[str, set[str]]) -> list[Table]:
    return [table for table in TABLES if not {*table.columns} <= known.get(table.changes, set())]


def _note_empty(connection: duckdb.DuckDBPyConnection) -> None:
    """Tell DuckLake of each table that never had a row how many it has.

    Without such a note it asks the catalog anew for each column of each query (mended upstream after 1.5.5:
    ducklake#1313): 80 ms where no plan was ever made, 0.4 s of a start. It keeps no least and greatest values of a
    table whose note it did not write, so that there are no wrong ones (docs/adr/0012).
    """
    names = ", ".join(f"'{table.changes}'" for table in TABLES if table is not LANDED)
    # A transaction writes to the lake or to its catalog, so this is one of its own. Killed before it, the lake is as
    # right, and slower until the tables have rows.
    with suppress(duckdb.Error):
        connection.execute(
            f"""
            INSERT INTO {METADATA}.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
            SELECT table_id, 0, 0, 0
            FROM {METADATA}.ducklake_table t JOIN {METADATA}.ducklake_schema s USING (schema_id)
            WHERE t.end_snapshot IS NULL AND s.schema_name || '.' || t.table_name IN ({names})
                AND table_id NOT IN (SELECT table_id FROM {METADATA}.ducklake_table_stats)
            """
        )


def _begin_journal(connection: duckdb.DuckDBPyConnection, make_journal: MakeJournal, *, is_new: bool) -> None:
    """Go on from where the lake stands, by a journal, in the open transaction."""
    row: tuple | None = (1, 0)
    if not is_new:
        row = connection.execute(f"SELECT epoch, version FROM {CATALOG}.{WATERMARKS.full_name}").fetchone()
        # An earlier release writes to the table and not to a view; without either it would begin at version 1.
        connection.execute(f"DROP TABLE {CATALOG}.{WATERMARKS.full_name}")
    assert row is not None  # made with the table
    epoch, version = row
    journal_id = uuid.uuid4().hex
    make_journal(journal_id, epoch, version)
    connection.execute(
        f"INSERT INTO {CATALOG}.{LANDED.full_name} VALUES ('lake', ?, ?, ?, ?)", [epoch, version, FORMAT, journal_id]
    )


def known_columns(connection: duckdb.DuckDBPyConnection, catalog: str = CATALOG) -> dict[str, set[str]]:
    """The columns of each table and view of a catalog, by its full name."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE database_name = ?", [catalog]
    ).fetchall()
    known: dict[str, set[str]] = {}
    for name, column in rows:
        known.setdefault(name, set()).add(column)
    return known


def _bases(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = connection.execute(f"SELECT table_name, max(base_version) FROM {CATALOG}.{BASES.full_name} GROUP BY ALL")
    return dict(rows.fetchall())


def _create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    connection.execute(f"CREATE TABLE {CATALOG}.{table.changes} ({table.definition})")
    if table.partition_by:
        connection.execute(f"ALTER TABLE {CATALOG}.{table.changes} SET PARTITIONED BY ({table.partition_by})")
    if not isinstance(table, VersionedTable):
        connection.execute(f"COMMENT ON TABLE {CATALOG}.{table.full_name} IS '{_quoted(table.comment)}'")


def _add_columns(
    connection: duckdb.DuckDBPyConnection, table: Table, known: dict[str, set[str]], base: int | None
) -> None:
    names = [table.changes]
    if isinstance(table, VersionedTable) and base is not None:
        names.append(table.base_name(base))
    for name in names:
        for column, type_ in table.columns.items():
            if column not in known[name]:
                connection.execute(f"ALTER TABLE {CATALOG}.{name} ADD COLUMN {column} {type_}")


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, query: str, comment: str) -> None:
    connection.execute(f"CREATE OR REPLACE VIEW {CATALOG}.{name} AS {query}")
    connection.execute(f"COMMENT ON VIEW {CATALOG}.{name} IS '{_quoted(comment)}'")


def _quoted(text: str) -> str:
    return text.replace("'", "''")

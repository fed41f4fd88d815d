"""Read a lake that an earlier release made as if it had this one's tables and columns, with nulls in them.

Who writes gives the lake what it lacks (`create`); who only reads, as on a read-only disk, sees it through views in
memory, under the lake's own name. Not here: any past version, which is made of what this shows (`query.as_of`).
"""

import duckdb

from inventory_assets.lake.catalog.create import TABLES, known_columns
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.tables import BASES, CATALOG, SCHEMAS, VERSIONED_TABLES, VIEWS, WATERMARKS, Table

OLDER = "older"
"""The catalog under which such a lake is attached, beside the views that have its name."""


def is_older(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the attached lake lacks tables, columns or views that this release has: none wrote to it yet.

    Raises:
        LakeMissingError: It has no tables at all; the first writer is about to make them.
    """
    known = known_columns(connection)
    if WATERMARKS.full_name not in known:
        raise LakeMissingError("the lake has no tables yet. Publish messages and run `inventory drain`.")
    return _lacks(known)


def is_left_behind(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a connection shows an older lake whole that somebody has brought up to date since: open it anew."""
    shown = connection.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = ?", [OLDER]).fetchone()
    return shown is not None and not _lacks(known_columns(connection, OLDER))


def show_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the lake's names views of the one attached as `OLDER`, with all that it lacks."""
    known = known_columns(connection, OLDER)
    connection.execute(f"ATTACH ':memory:' AS {CATALOG}")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {CATALOG}.{schema}")
    for table in TABLES:
        _create_view(connection, table.changes, _rows(table, table.changes, known))
    bases = dict(
        connection.execute(
            f"SELECT table_name, max(base_version) FROM {OLDER}.{BASES.full_name} GROUP BY ALL"
        ).fetchall()
    )
    for versioned in VERSIONED_TABLES:
        if (base := bases.get(versioned.full_name)) is not None:
            name = versioned.base_name(base)
            _create_view(connection, name, _rows(versioned, name, known))
        _create_view(connection, versioned.full_name, versioned.view_query(f"{CATALOG}.", base))
    for view in VIEWS:
        # Before there was a journal this was a table; either way it is in every lake.
        query = f"SELECT name, epoch, version FROM {OLDER}.{view.full_name}" if view is WATERMARKS else view.query
        _create_view(connection, view.full_name, query.replace("{lake}", f"{CATALOG}."))


def _lacks(known: dict[str, set[str]]) -> bool:
    return (
        any(not {*table.columns} <= known.get(table.changes, set()) for table in TABLES)
        or any(not {*table.shown_columns} <= known.get(table.full_name, set()) for table in VERSIONED_TABLES)
        or any(view.full_name not in known for view in VIEWS)
    )


def _rows(table: Table, name: str, known: dict[str, set[str]]) -> str:
    """The rows of a table of the older lake, with this release's columns in their order."""
    there = known.get(name)
    # By name, not by a star: a writer may add what is lacking while this is open.
    columns = ", ".join(
        column if there and column in there else f"NULL::{type_} AS {column}" for column, type_ in table.columns.items()
    )
    return f"SELECT {columns} FROM {OLDER}.{name}" if there else f"SELECT {columns} WHERE false"


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    connection.execute(f"CREATE VIEW {CATALOG}.{name} AS {query}")

"""Open the lake: extensions from the installed wheels, the catalog, the first tables.

Nothing is downloaded: DuckDB gets an extension directory of our own and is told
not to install anything by itself.
"""

import importlib
from pathlib import Path

import duckdb

from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.tables import APPEND_TABLES, SCHEMAS, VERSIONED_TABLES, Table, VersionedTable
from inventory_assets.settings import Settings

CATALOG = "lake"


def connect(settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a connection with the lake attached as `lake` and in use.

    A writer's first connection makes the lake and its tables.

    Raises:
        LakeMissingError: `read_only`, and there is no lake.
    """
    if settings.is_embedded:
        catalog_path = Path(settings.catalog_uri.removeprefix("sqlite:"))
        if read_only and not catalog_path.exists():
            raise LakeMissingError(
                f"there is no lake at {str(catalog_path)!r} yet. "
                "Start `make run`, or publish messages and run `inventory drain`."
            )
        catalog_path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "extension_directory": str(settings.home / "extensions"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": settings.duckdb_threads,
            "memory_limit": settings.duckdb_memory_limit,
        }
    )
    _load_extensions(connection, settings)
    if read_only:
        _attach(connection, settings, read_only=True)
    elif settings.is_embedded:
        with writer_lock(settings.lock_path):
            _attach(connection, settings, read_only=False)
            _create_tables(connection)
    else:
        _attach(connection, settings, read_only=False)
        _create_tables(connection)
    connection.execute(f"USE {CATALOG}")
    return connection


def _load_extensions(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    names = ["ducklake", "sqlite_scanner" if settings.is_embedded else "postgres_scanner"]
    if "://" in settings.data_uri:
        names.append("httpfs")
    version = duckdb.__version__
    for name in names:
        module = importlib.import_module(f"duckdb_extension_{name}")
        path = Path(module.__path__[0]) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"
        connection.load_extension(str(path))


def _attach(connection: duckdb.DuckDBPyConnection, settings: Settings, *, read_only: bool) -> None:
    # Row inlining is off: it made merges slower when it was measured.
    options = [f"DATA_PATH '{_quoted(settings.data_uri)}'", "DATA_INLINING_ROW_LIMIT 0"]
    if settings.is_embedded:
        options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 5000"]
    if read_only:
        options.append("READ_ONLY")
    connection.execute(f"ATTACH 'ducklake:{_quoted(settings.catalog_uri)}' AS {CATALOG} ({', '.join(options)})")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    existing = {
        schema + "." + name: set(columns)
        for schema, name, columns in connection.execute(
            "SELECT schema_name, table_name, list(column_name) FROM duckdb_columns() "
            "WHERE database_name = ? GROUP BY ALL",
            [CATALOG],
        ).fetchall()
    }
    tables: tuple[Table, ...] = (*APPEND_TABLES, *VERSIONED_TABLES)
    missing = [table for table in tables if table.changes not in existing]
    # What an earlier release made lacks the columns that came since.
    added = [
        (table, name, type_)
        for table in APPEND_TABLES
        for name, type_ in table.columns.items()
        if table.changes in existing and name not in existing[table.changes]
    ]
    if not missing and not added:
        return
    connection.execute("BEGIN")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{schema}")
    for table in missing:
        _create_table(connection, table)
    for table, name, type_ in added:
        connection.execute(f"ALTER TABLE {CATALOG}.{table.changes} ADD COLUMN {name} {type_}")
    if not existing:
        connection.execute(f"INSERT INTO {CATALOG}.meta.watermarks VALUES ('lake', 1, 0)")
    connection.execute("COMMIT")


def _create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f"{name} {type_}" for name, type_ in table.columns.items())
    connection.execute(f"CREATE TABLE {CATALOG}.{table.changes} ({columns})")
    if table.partition_by:
        connection.execute(f"ALTER TABLE {CATALOG}.{table.changes} SET PARTITIONED BY ({table.partition_by})")
    comment = _quoted(table.comment)
    if isinstance(table, VersionedTable):
        query = table.view_query(f"{CATALOG}.", None)
        connection.execute(f"CREATE VIEW {CATALOG}.{table.full_name} AS {query}")
        connection.execute(f"COMMENT ON VIEW {CATALOG}.{table.full_name} IS '{comment}'")
    else:
        connection.execute(f"COMMENT ON TABLE {CATALOG}.{table.full_name} IS '{comment}'")

"""The marts beside the lake: a DuckLake catalog of their own.

Belongs here: attaching it to a connection, and the lock of a build. Does not belong: how marts are
built (`dbt_project`) or who builds them (`marts.build`).

The marts' tables are in the catalog's `main` schema, so that DuckDB finds
`marts.stock_positions` whatever catalog is in use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from inventory_assets.lake.catalog.extensions import load_extension
from inventory_assets.lake.catalog.readable import attach_readable
from inventory_assets.lake.errors import LakeBusyError, LakeMissingError
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.upkeep.expiry import cleanup_statement, expiry_statement
from inventory_assets.settings import Settings

MARTS = "marts"
# A query over marts takes seconds; nobody keeps one open for longer than this.
KEPT = timedelta(hours=1)


class MartsMissingError(LakeMissingError):
    """The marts have not been built yet, or only from a later version than was asked for."""


def attach_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, *, read_only: bool) -> None:
    """Attach the marts as `marts`.

    Raises:
        MartsMissingError: `read_only`, and there are none.
    """
    catalog = settings.marts_path / "catalog.sqlite"
    if read_only and not catalog.exists():
        raise MartsMissingError(f"there are no marts at {str(catalog)!r} yet. Run `inventory marts build`.")
    load_extension(connection, "sqlite_scanner")  # whatever the lake's own catalog is
    options = [
        f"DATA_PATH '{_quoted(str(settings.marts_path / 'data'))}'", "META_BUSY_TIMEOUT 5000",
        "DATA_INLINING_ROW_LIMIT 0", "READ_ONLY" if read_only else "META_JOURNAL_MODE 'WAL'",
    ]  # fmt: skip

    def attach_from(path: Path) -> None:
        connection.execute(f"ATTACH 'ducklake:sqlite:{_quoted(str(path))}' AS {MARTS} ({', '.join(options)})")

    if read_only:
        attach_readable(catalog, attach_from)
    else:
        settings.marts_path.mkdir(parents=True, exist_ok=True)
        attach_from(catalog)


def tidy_marts(connection: duckdb.DuckDBPyConnection, *, kept: timedelta = KEPT) -> None:
    """Let go of what earlier builds wrote; for a while it stays, as queries may still read it."""
    oldest = datetime.now(UTC) - kept
    if statement := expiry_statement(connection, MARTS, oldest):
        connection.execute(statement)
    connection.execute(cleanup_statement(MARTS))
    # What a killed build wrote and never committed.
    connection.execute(
        f"CALL ducklake_delete_orphaned_files('{MARTS}', older_than => TIMESTAMPTZ '{oldest.isoformat()}')"
    )


def built_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The lake version that the attached marts were built from; None where no build has ended."""
    found = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND table_name = 'builds'",
        [MARTS],
    ).fetchone()
    if found is None:
        return None
    row = connection.execute(f"SELECT max(lake_version) FROM {MARTS}.builds").fetchone()
    return row[0] if row else None


def show_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, at_version: int | None = None) -> None:
    """Attach the marts to read, if they were built from no later version than `at_version`.

    Of the marts only the latest build is kept, so an older version cannot be shown as it was then.

    Raises:
        MartsMissingError: There are none, or only such as know more than was asked for.
    """
    attach_marts(connection, settings, read_only=True)
    version = built_version(connection)
    if at_version is not None and version is not None and version > at_version:
        connection.execute(f"DETACH {MARTS}")
        raise MartsMissingError(
            f"the marts were built from version {version}, later than {at_version}, and earlier ones are not kept. "
            "Ask the core, out and snapshots tables, or leave the version out."
        )


@contextmanager
def build_lock(settings: Settings) -> Iterator[None]:
    """Hold the right to build the marts.

    Raises:
        LakeBusyError: Another build runs.
    """
    try:
        lock = writer_lock(settings.marts_path / "build.lock", timeout_seconds=0.5)
        with lock:
            yield
    except LakeBusyError as error:
        raise LakeBusyError(
            f"another build of the marts at {str(settings.marts_path)!r} is running; wait for it to end."
        ) from error


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def list_marts(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int | None, str | None]]:
    """(name, rows, what it holds) of each table and view of the attached marts."""
    # A view has no rows of its own to count.
    return connection.execute(
        "SELECT table_name AS mart, estimated_size AS rows, rtrim(comment, chr(10)) AS holds FROM duckdb_tables() "
        f"WHERE database_name = '{MARTS}' AND schema_name = 'main' UNION ALL BY NAME "
        "SELECT view_name AS mart, rtrim(comment, chr(10)) AS holds FROM duckdb_views() "
        f"WHERE database_name = '{MARTS}' AND schema_name = 'main' ORDER BY mart"
    ).fetchall()


def newest_build(connection: duckdb.DuckDBPyConnection) -> tuple[int, datetime, date | None]:
    """(lake version or 0, when, through which day of snapshots) of the attached marts' build."""
    row = connection.execute(f"SELECT coalesce(lake_version, 0), built_at, as_of_date FROM {MARTS}.builds").fetchone()
    assert row is not None  # a build ends with it
    return row

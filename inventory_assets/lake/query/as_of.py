"""See the lake as it was at one of our versions, however long ago (RULES 31)."""

from datetime import UTC, datetime

import duckdb

from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.tables import APPEND_TABLES, BASES, LANDED, SCHEMAS, VERSIONED_TABLES, VIEWS, WATERMARKS


def latest_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The latest version, 0 before the first."""
    row = connection.execute(f"SELECT version FROM {CATALOG}.meta.watermarks WHERE name = 'lake'").fetchone()
    return row[0] if row else 0


def version_at(connection: duckdb.DuckDBPyConnection, moment: datetime) -> int:
    """The last version committed by a moment.

    Raises:
        LakeMissingError: There was none yet.
    """
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    row = connection.execute(
        f"SELECT max(version) FROM {CATALOG}.meta.versions WHERE committed_at <= ?", [naive]
    ).fetchone()
    if row is None or row[0] is None:
        first = connection.execute(f"SELECT min(committed_at) FROM {CATALOG}.meta.versions").fetchone()
        began = f"the first was at {first[0]:%FT%TZ}" if first and first[0] else "there is none yet"
        raise LakeMissingError(
            f"no version was committed by {naive:%FT%TZ}: {began}. This time is when versions were made, not when "
            f"things happened. Stock at a moment of the business: inventory stock-at {naive:%FT%TZ}, or in SQL "
            f"FROM stock_at('{naive:%F %T}')."
        )
    return row[0]


def show_version(connection: duckdb.DuckDBPyConnection, version: int | None) -> None:
    """Make the schemas raw, core, out and meta show the lake as of `version`; None is now.

    Raises:
        LakeMissingError: There is no such version.
    """
    latest = latest_version(connection)
    if latest == 0:
        raise LakeMissingError("the lake has no version yet. Publish messages and run `inventory drain`.")
    if version is None:
        return
    if not 0 < version <= latest:
        raise LakeMissingError(f"version was {version}; the lake has 1 to {latest}.")
    # In one transaction: each statement of its own would ask the catalog anew what the lake is, thirty times.
    connection.execute("BEGIN")
    try:
        _make_views(connection, version)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _make_views(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    # Views in memory hide the lake's own names; they read rows, never snapshots.
    connection.execute("USE memory")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{schema}")
    for table in APPEND_TABLES:
        if table not in (LANDED, BASES):
            connection.execute(
                f"CREATE VIEW memory.{table.full_name} AS "
                f"SELECT * FROM {CATALOG}.{table.full_name} WHERE version <= {version}"
            )
    for versioned in VERSIONED_TABLES:
        query = versioned.view_query(f"{CATALOG}.", None, version)
        connection.execute(f"CREATE VIEW memory.{versioned.full_name} AS {query}")
        connection.execute(
            f"CREATE VIEW memory.{versioned.changes} AS "
            f"SELECT * FROM {CATALOG}.{versioned.changes} WHERE version <= {version}"
        )
    for view in VIEWS:
        if view is WATERMARKS:
            continue
        connection.execute(f"CREATE VIEW memory.{view.full_name} AS {view.query.replace('{lake}', 'memory.')}")


def pin_version(connection: duckdb.DuckDBPyConnection, version: int | None) -> int:
    """Make a reader's connection see one version until it is pinned anew or closed; None is the latest. Which it is.

    The latest is read in one transaction, whatever others commit meanwhile; an
    earlier one through views over the rows up to it.

    Raises:
        LakeMissingError: There is no such version.
    """
    try:
        connection.execute("ROLLBACK")
    except duckdb.TransactionException:
        pass  # nothing was pinned before
    connection.execute("BEGIN")
    latest = latest_version(connection)
    if version is not None and version != latest:
        connection.execute("ROLLBACK")
        show_version(connection, version)
        return version
    show_version(connection, None)
    return latest

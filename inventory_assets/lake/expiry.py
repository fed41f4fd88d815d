"""Forget old DuckLake snapshots, of whichever catalog, and the files that only they needed.

By number, and not by DuckLake's `older_than`: on an SQLite catalog it compares
two spellings of a time as texts, and takes in every snapshot of the same UTC
day. A reader of a snapshot from a second ago then misses its files.
"""

from datetime import datetime

import duckdb


def expiry_statement(connection: duckdb.DuckDBPyConnection, catalog: str, oldest: datetime) -> str | None:
    """The statement that expires snapshots from before a moment, but for the latest; None where there are none."""
    row = connection.execute(
        f"SELECT list(snapshot_id ORDER BY snapshot_id) FROM {catalog}.snapshots() WHERE snapshot_time < ? "
        f"AND snapshot_id < (SELECT max(snapshot_id) FROM {catalog}.snapshots())",
        [oldest],
    ).fetchone()
    if row is None or not row[0]:
        return None
    return f"CALL ducklake_expire_snapshots('{catalog}', versions => {row[0]})"


def cleanup_statement(catalog: str) -> str:
    """The statement that removes files which no snapshot needs any more."""
    return f"CALL ducklake_cleanup_old_files('{catalog}', cleanup_all => true)"

"""Forget old DuckLake snapshots, of whichever catalog, and the files that only they needed.

By number, and not by DuckLake's `older_than`: on an SQLite catalog it compares
two spellings of a time as texts, and takes in every snapshot of the same UTC
day. A reader of a snapshot from a second ago then misses its files.

Kept for a quarter of an hour, the snapshots of a lake that commits five times a
second made each commit slower. So they go after a minute, but for those that a
reader of minutes holds, as a build of the marts does.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from inventory_assets.lake.holds import hold, living
from inventory_assets.settings import Settings

# A reader that hangs must not make the catalog grow for days.
LONGEST_HOLD = timedelta(hours=2)


def oldest_kept(settings: Settings, now: datetime) -> datetime:
    """Since when snapshots are kept: the settings' time, and what a reader holds."""
    held = max(_oldest_hold(_holds(settings)) or now, now - LONGEST_HOLD)
    return min(held, now - settings.kept_snapshots)


@contextmanager
def hold_snapshots(settings: Settings) -> Iterator[None]:
    """Keep every snapshot from now on, for a reader that takes minutes. Begin before you read.

    Upkeep on other hosts knows nothing of it, nor does it where we may not write. A process that dies lets go.
    """
    folder = _holds(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        descriptor = hold(path)
    except OSError:  # not ours, or a disk that is read-only
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _holds(settings: Settings) -> Path:
    return settings.home / "lake" / "readers"


def _oldest_hold(folder: Path) -> datetime | None:
    """When the oldest reader that lives began; dead readers' files are removed."""
    begun = living(folder.iterdir() if folder.exists() else (), lambda path: path.unlink(missing_ok=True))
    return datetime.fromtimestamp(min(begun), UTC) if begun else None


def expiry_statement(connection: duckdb.DuckDBPyConnection, catalog: str, oldest: datetime) -> str | None:
    """The statement that expires snapshots which were the latest at no time since a moment; None where there are none.

    Who began to read at that moment reads the one that was the latest then, however old it is.
    """
    row = connection.execute(
        f"SELECT list(snapshot_id ORDER BY snapshot_id) FROM {catalog}.snapshots() WHERE snapshot_id < "
        f"(SELECT max(snapshot_id) FROM {catalog}.snapshots() WHERE snapshot_time <= ?)",
        [oldest],
    ).fetchone()
    if row is None or not row[0]:
        return None
    return f"CALL ducklake_expire_snapshots('{catalog}', versions => {row[0]})"


def cleanup_statement(catalog: str) -> str:
    """The statement that removes files which no snapshot needs any more."""
    return f"CALL ducklake_cleanup_old_files('{catalog}', cleanup_all => true)"

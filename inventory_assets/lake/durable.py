"""Make sure that files of the lake are on disk: neither DuckDB nor DuckLake syncs a Parquet file (measured)."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb

from inventory_assets.lake.tables import CATALOG
from inventory_assets.settings import Settings

METADATA = f"__ducklake_metadata_{CATALOG}"

# A file system dates by the last tick of its clock.
MARGIN_SECONDS = 0.1
SYNCED_AT_ONCE = 16


def commit_written(connection: duckdb.DuckDBPyConnection, settings: Settings, since: float) -> None:
    """Commit the open transaction, with every file that was written since a moment of `time.time` on disk before.

    The catalog syncs itself with its COMMIT: after a power cut it would know files that are empty or gone.
    """
    if "://" not in settings.data_uri and (root := Path(settings.data_uri)).exists():
        sync(_written(root, since + _ahead(root) - MARGIN_SECONDS), root)
    connection.execute("COMMIT")


def sync_new_files(connection: duckdb.DuckDBPyConnection, settings: Settings, after: int | None) -> int:
    """Sync every file that the lake took over after a DuckLake snapshot, with the catalog's log; the latest snapshot.

    Without `after` the log alone: the files were synced before they were committed. In a bucket a file is durable
    once it is written, and a server syncs its own catalog.
    """
    row = connection.execute(f"SELECT max(snapshot_id) FROM {METADATA}.ducklake_snapshot").fetchone()
    assert row is not None  # an aggregate
    if after is not None and "://" not in settings.data_uri:
        root = Path(settings.data_uri)
        sync(_new_files(connection, root, after), root)
    if settings.is_embedded:
        catalog = Path(settings.catalog_uri.removeprefix("sqlite:"))
        # Never the catalog itself: who closes a descriptor of it takes away all locks that this process has on it,
        # SQLite's too. Another process then takes itself for the last one, removes the log that we write to, and
        # the catalog is lost. SQLite syncs it whenever it writes it; nobody locks the log.
        sync([catalog.with_name(catalog.name + "-wal")], catalog.parent)
    return row[0] or 0


def sync(files: Iterable[Path], root: Path) -> None:
    """Sync files that are still there, and the folders between them and `root`, which may be new."""
    paths = set(files)
    paths |= {root, *(folder for path in paths for folder in path.parents if folder.is_relative_to(root))}
    # At once: a file system that is asked so by many does one write for several of them.
    try:
        with ThreadPoolExecutor(min(len(paths), SYNCED_AT_ONCE), thread_name_prefix="sync") as syncing:
            for _ in syncing.map(_sync, paths):
                pass  # to be there when one fails
    except RuntimeError:
        # The process ends, and lands what is left: no thread begins any more.
        for path in paths:
            _sync(path)


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # merged into another meanwhile, which is synced where it is written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ahead(folder: Path) -> float:
    """Seconds by which the clock of a file system, another host's perhaps, is ahead of ours."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime - time.time()


def _written(folder: Path, since: float) -> Iterator[Path]:
    # A new file makes its folder new, so few are looked at: of partitions, which hold files only, those that are.
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir()
            with suppress(FileNotFoundError):  # others remove what nobody reads any more
                if is_folder and "=" not in entry.name:
                    yield from _written(Path(entry.path), since)
                elif entry.stat().st_mtime >= since:
                    yield from _written(Path(entry.path), since) if is_folder else (Path(entry.path),)


def _new_files(connection: duckdb.DuckDBPyConnection, root: Path, after: int) -> list[Path]:
    rows = connection.execute(
        f"""
        SELECT s.path, s.path_is_relative, t.path, t.path_is_relative, f.path, f.path_is_relative FROM (
            SELECT table_id, path, path_is_relative, begin_snapshot FROM {METADATA}.ducklake_data_file
            UNION ALL SELECT table_id, path, path_is_relative, begin_snapshot FROM {METADATA}.ducklake_delete_file
        ) f JOIN {METADATA}.ducklake_table t USING (table_id) JOIN {METADATA}.ducklake_schema s USING (schema_id)
        WHERE f.begin_snapshot > ?
        """,
        [after],
    ).fetchall()
    return [_place(root, row) for row in set(rows)]


def _place(root: Path, parts: tuple) -> Path:
    """A path in three steps, each of which may be absolute."""
    place = root
    for path, is_relative in zip(parts[::2], parts[1::2], strict=True):
        place = place / path if is_relative else Path(path)
    return place

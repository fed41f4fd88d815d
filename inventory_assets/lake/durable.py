"""Make sure that files of the lake are on disk: neither DuckDB nor DuckLake syncs a Parquet file (measured)."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from inventory_assets.lake.tables import CATALOG
from inventory_assets.settings import Settings

METADATA = f"__ducklake_metadata_{CATALOG}"

# A file system dates by a clock that may be behind ours.
MARGIN_SECONDS = 2.0


def commit_written(connection: duckdb.DuckDBPyConnection, settings: Settings, since: float) -> None:
    """Commit the open transaction, with every file that was written since a moment of `time.time` on disk before.

    The catalog syncs itself with its COMMIT: after a power cut it would know files that are empty or gone.
    """
    if "://" not in settings.data_uri and (root := Path(settings.data_uri)).exists():
        sync(_written(root, since - MARGIN_SECONDS), root)
    connection.execute("COMMIT")


def sync_new_files(connection: duckdb.DuckDBPyConnection, settings: Settings, after: int) -> int:
    """Sync every file that the lake took over after a DuckLake snapshot, with the catalog; the latest snapshot.

    In a bucket a file is durable once it is written, and a server syncs its own catalog.
    """
    row = connection.execute(f"SELECT max(snapshot_id) FROM {METADATA}.ducklake_snapshot").fetchone()
    assert row is not None  # an aggregate
    if "://" not in settings.data_uri:
        root = Path(settings.data_uri)
        sync(_new_files(connection, root, after), root)
    if settings.is_embedded:
        catalog = Path(settings.catalog_uri.removeprefix("sqlite:"))
        sync((catalog, catalog.with_name(catalog.name + "-wal")), catalog.parent)
    return row[0] or 0


def sync(files: Iterable[Path], root: Path) -> None:
    """Sync files that are still there, and the folders between them and `root`, which may be new."""
    folders = {root}
    for path in files:
        if _sync(path):
            folders.update(folder for folder in path.parents if folder.is_relative_to(root))
    for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
        _sync(folder)


def _sync(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False  # merged into another meanwhile, which is synced where it is written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


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

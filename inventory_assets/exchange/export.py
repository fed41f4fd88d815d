"""Export the lake's current tables and the snapshots as plain Parquet, with a small DuckDB file of views over them.

What is exported needs nothing of ours: no catalog, no extension, no server. Not
here: the history of the tables and the events, which the lake keeps.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import polars as pl

from inventory_assets.lake.files.parquet import to_parquet
from inventory_assets.lake.files.partition_files import (
    SCHEMA,
    SNAPSHOT_TABLES,
    PartitionFiles,
    SnapshotTable,
    view_query,
)
from inventory_assets.lake.files.storage import open_storage
from inventory_assets.lake.query.as_of import latest_version, show_version
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import ALERT_QUALITY, THRESHOLD_AUDIT, TRANSITIONS, VERSIONED_TABLES, VERSIONS

DATABASE = "snapshots.duckdb"
DESCRIPTION = "export.json"
# Older clients open it too.
STORAGE_VERSION = "v1.0.0"

_TABLES = (*VERSIONED_TABLES, TRANSITIONS, THRESHOLD_AUDIT, VERSIONS, ALERT_QUALITY)
_ORDER = {
    **{table.full_name: table.key for table in VERSIONED_TABLES},
    TRANSITIONS.full_name: ("version", "seq"),
    THRESHOLD_AUDIT.full_name: ("version", "seq"),
    VERSIONS.full_name: ("version",),
    ALERT_QUALITY.full_name: ("alert_id",),
}


class Exported(NamedTuple):
    """One exported table; a snapshot table has a file a day."""

    table: str
    files: int
    rows: int
    size: int


def export_lake(
    reader: Reader, connection: duckdb.DuckDBPyConnection, snapshots_uri: str, target: str, *,
    at_version: int | None = None,
) -> Iterator[Exported]:  # fmt: skip
    """Write everything to a directory or bucket; what was exported there before is replaced.

    Args:
        reader: The lake.
        connection: The reader's own.
        snapshots_uri: Where the snapshots are. They are copied as they are.
        target: A directory or `gs://bucket/prefix`.
        at_version: The tables as of a version; default: now. All are of one version.

    Raises:
        LakeMissingError: There is no such version.
        LakeError: A snapshot's file is not what its manifest says.
    """
    storage = open_storage(target)
    # Whoever finds no description finds an export that did not end.
    storage.delete(DESCRIPTION)
    found = []
    with _pinned(connection, at_version) as version:
        empty: dict[str, bytes] = {}
        for table in _TABLES:
            order = ", ".join(_ORDER[table.full_name])
            rows = reader.query(f"SELECT * FROM {table.full_name} ORDER BY {order}")
            content = to_parquet(rows)
            storage.write(_file(table.full_name), content)
            empty[table.full_name] = to_parquet(rows.clear())
            found.append(Exported(table.full_name, 1, rows.height, len(content)))
            yield found[-1]
    for snapshot in SNAPSHOT_TABLES:
        copied = PartitionFiles(snapshots_uri, snapshot).copy_to(
            PartitionFiles(f"{target}/{SCHEMA}", snapshot, is_shared=False)
        )
        size = sum(each.size for each in copied)
        found.append(Exported(snapshot.full_name, len(copied), sum(each.rows for each in copied), size))
        yield found[-1]
    storage.write(DATABASE, _views(empty, {each.table for each in found if each.files}))
    written = {each.table: {"files": each.files, "rows": each.rows, "bytes": each.size} for each in found}
    storage.write(DESCRIPTION, msgspec.json.format(msgspec.json.encode({"lake_version": version, "tables": written})))


@contextmanager
def _pinned(connection: duckdb.DuckDBPyConnection, at_version: int | None) -> Iterator[int]:
    """Let every query of the body see one version; which."""
    show_version(connection, at_version)
    if at_version is not None:
        yield at_version
        return
    connection.execute("BEGIN")
    try:
        yield latest_version(connection)
    finally:
        connection.execute("ROLLBACK")


def _views(empty: dict[str, bytes], filled: set[str]) -> bytes:
    """A DuckDB file of views whose paths are relative to where it is opened from."""
    with tempfile.TemporaryDirectory(prefix="inventory-export-") as folder:
        # A view is bound when it is made: files of the same columns stand where the true ones will.
        for name, content in empty.items():
            _put(Path(folder), _file(name), content)
        for table in SNAPSHOT_TABLES:
            _put(Path(folder), _any_day(table).replace("*", "any"), to_parquet(pl.DataFrame(schema=table.types)))
        connection = duckdb.connect(config={"file_search_path": folder, "temp_directory": ""})
        path = Path(folder) / DATABASE
        connection.execute(f"ATTACH '{path}' AS made (STORAGE_VERSION '{STORAGE_VERSION}')")
        for name in empty:
            schema, _, table_name = name.partition(".")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS made.{schema}")
            query = f"SELECT * FROM read_parquet('{_file(name)}')"
            connection.execute(f"CREATE VIEW made.{schema}.{table_name} AS {query}")
        # The file's own name is the catalog's: opened by it, they are `snapshots.<name>`.
        for table in SNAPSHOT_TABLES:
            query = view_query(table, [_any_day(table)] if table.full_name in filled else [])
            connection.execute(f"CREATE VIEW made.main.{table.name} AS {query}")
        connection.execute("DETACH made")
        connection.close()
        return path.read_bytes()


def _file(name: str) -> str:
    return f"{name.replace('.', '/', 1)}.parquet"


def _any_day(table: SnapshotTable) -> str:
    return f"{SCHEMA}/{table.name}/*/data.parquet"


def _put(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

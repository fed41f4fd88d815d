"""Snapshot tables: one Parquet file a UTC day, outside the lake (docs/adr/0007).

Belongs here: what such a table is, writing a day's file, its manifest, and the
SQL that reads the files. Not here: what the rows mean, or which days are stale.

A partition counts only with its manifest. That goes first and comes back last,
so a crash in between leaves a partition that is made again, and never one that
is half of two.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb
import msgspec
import polars as pl

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.parquet import in_order, to_parquet
from inventory_assets.lake.files.storage import Opener, open_storage, reach
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.tables import BIG, DATE, FLAG, TEXT, TIME, Table
from inventory_assets.settings import Settings

FORMAT = "1"
"""Moves when the same events would give other bytes: then every partition is made again."""

SCHEMA = "snapshots"
"""What the tables are called by in queries, before their name."""

LOCK_SECONDS = 60.0
READ_TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class SnapshotTable(Table):
    """A table in daily files. `key` is the grain and the order of the rows."""

    key: tuple[str, ...] = ()


DAILY_STOCK = SnapshotTable(
    SCHEMA,
    "daily_stock",
    {
        "snapshot_date": DATE, "warehouse_id": TEXT, "sku": TEXT, "on_hand": BIG, "reserved": BIG,
        "available": BIG, "inbound": BIG, "is_active": FLAG, "stockout_seconds": BIG, "sold_units": BIG,
        "last_event_at": TIME, "version": BIG,
    },
    "One row per (snapshot_date, warehouse_id, sku) with an event by then: stock in units at the end of that UTC day.",
    key=("snapshot_date", "warehouse_id", "sku"),
)  # fmt: skip
HOURLY_TRANSACTIONS = SnapshotTable(
    SCHEMA,
    "hourly_transactions",
    {
        "hour": TIME, "event_date": DATE, "warehouse_id": TEXT, "sku": TEXT, "type": TEXT, "status": TEXT,
        "transactions": BIG, "quantity": BIG, "largest_quantity": BIG, "version": BIG,
    },
    "One row per (hour, warehouse_id, sku, type, status): transaction versions that happened in that UTC hour.",
    key=("hour", "warehouse_id", "sku", "type", "status"),
)  # fmt: skip
SNAPSHOT_TABLES = (DAILY_STOCK, HOURLY_TRANSACTIONS)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a partition's file was made from, and what it must be.

    `lake_version` and `epoch`: the lake's when its events were read.
    """

    table: str
    date: date
    lake_version: int
    epoch: int
    rows: int
    size: int
    sha256: str
    code_version: str = FORMAT


@dataclass(frozen=True, slots=True)
class Checked:
    """Files that are what the lake's events up to a version give: by day, their hashes.

    A file that was replaced since has another hash, and is not meant. Losing
    this costs time and nothing else.
    """

    epoch: int
    version: int
    sha256: dict[date, str]


NEVER = Checked(-1, -1, {})


class PartitionFiles:
    """One snapshot table's files below a place."""

    def __init__(
        self, uri: str, table: SnapshotTable, *, is_shared: bool = True, opener: Opener = open_storage
    ) -> None:
        """Files below `uri`; `is_shared`: other processes may write them, too."""
        self.table = table
        self._storage = opener(uri)
        self._lock_path = Path(uri) / table.name / ".lock" if is_shared and "://" not in uri else None

    def path(self, day: date) -> str:
        """Where a day's file is."""
        return f"{self._storage.uri}/{_data_name(self.table, day)}"

    def manifests(self) -> dict[date, Manifest]:
        """The partitions that count, by day: with a manifest, and a file of the size it says."""
        sizes = self._storage.sizes(self.table.name)
        names = sorted(name for name in sizes if name.endswith("/manifest.json"))
        found = {}
        for content in self._storage.read_all(names).values():
            manifest = _parse(content)
            if manifest is not None and sizes.get(_data_name(self.table, manifest.date)) == manifest.size:
                found[manifest.date] = manifest
        return dict(sorted(found.items()))

    def write(self, day: date, rows: pl.DataFrame, *, lake_version: int, epoch: int) -> Manifest:
        """Replace a day's partition; the manifest now in force.

        A partition that was made of a later version meanwhile stays: it holds
        all that this one does.
        """
        content = encode(self.table, rows)
        manifest = Manifest(self.table.name, day, lake_version, epoch, rows.height, len(content), _hash(content))
        with self._locked():
            present = self.manifest(day)
            is_comparable = present is not None and (present.epoch, present.code_version) == (epoch, FORMAT)
            if present is not None and is_comparable and present.lake_version > lake_version:
                return present
            self._put(manifest, content)
        return manifest

    def manifest(self, day: date) -> Manifest | None:
        """A day's manifest; None where there is none that can be read."""
        return _parse(self._storage.read(_manifest_name(self.table, day)))

    def read(self, day: date) -> pl.DataFrame | None:
        """A day's rows; None where its file is not what its manifest says."""
        manifest, content = self.manifest(day), self._storage.read(_data_name(self.table, day))
        if manifest is None or content is None or _hash(content) != manifest.sha256:
            return None
        return pl.read_parquet(io.BytesIO(content))

    def copy_to(self, other: "PartitionFiles") -> list[Manifest]:
        """Make another place hold the same partitions, and no others; those it has are left. All of them.

        Raises:
            LakeError: A file is not what its manifest says.
        """
        present, kept = self.manifests(), other.manifests()
        for day in kept.keys() - present.keys():
            other.remove(day)
        for day, manifest in present.items():
            if kept.get(day) != manifest:
                other._replace(*self._whole(day))
        return sorted(other.manifests().values(), key=lambda manifest: manifest.date)

    def remove(self, day: date) -> None:
        """Remove a day's partition, if it is there."""
        with self._locked():
            self._storage.delete(_manifest_name(self.table, day))
            self._storage.delete(_data_name(self.table, day))

    def content(self, day: date) -> bytes | None:
        """A day's file as it is."""
        return self._storage.read(_data_name(self.table, day))

    def checked(self) -> Checked:
        """Up to where the partitions were last compared with the lake."""
        try:
            content = self._storage.read(f"{self.table.name}/checked.json")
            return NEVER if content is None else msgspec.json.decode(content, type=Checked)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return NEVER

    def record_checked(self, checked: Checked) -> None:
        """Keep what was found, so that the next comparison begins there."""
        self._storage.write(f"{self.table.name}/checked.json", msgspec.json.encode(checked))

    def _whole(self, day: date) -> tuple[Manifest, bytes]:
        # A build may replace the one between the reading of the two.
        for _ in range(READ_TRIES):
            manifest, content = self.manifest(day), self.content(day)
            if manifest is not None and content is not None and _hash(content) == manifest.sha256:
                return manifest, content
        raise LakeError(
            f"{self.path(day)!r} is not what its manifest says, or is being made. "
            f"Make it anew: inventory snapshots build --from {day} --table {self.table.name}"
        )

    def _replace(self, manifest: Manifest, content: bytes) -> None:
        with self._locked():
            self._put(manifest, content)

    def _put(self, manifest: Manifest, content: bytes) -> None:
        self._storage.delete(_manifest_name(self.table, manifest.date))
        self._storage.write(_data_name(self.table, manifest.date), content)
        self._storage.write(_manifest_name(self.table, manifest.date), _dump(manifest))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # One partition at a time: two builds of it would leave one's file with the other's manifest.
        # A bucket has no such lock; there the sizes and hashes tell, and runs queue in Dagster.
        if self._lock_path is None:
            with nullcontext():
                yield
            return
        with writer_lock(self._lock_path, timeout_seconds=LOCK_SECONDS):
            yield


def encode(table: SnapshotTable, rows: pl.DataFrame) -> bytes:
    """Rows as a Parquet file: the same rows in any order give the same bytes."""
    ordered = rows.select(*table.columns).cast(table.types)  # type: ignore[arg-type]
    return to_parquet(in_order(ordered, table.key))


def view_query(table: SnapshotTable, paths: Iterable[str]) -> str:
    """SQL of a view over files; over none, an empty one with the right columns."""
    listed = ", ".join(f"'{_quoted(path)}'" for path in paths)
    if not listed:
        columns = ", ".join(f"NULL::{type_} AS {name}" for name, type_ in table.columns.items())
        return f"SELECT {columns} WHERE false"
    # The folder's name would become a column of its own.
    return f"SELECT {', '.join(table.columns)} FROM read_parquet([{listed}], hive_partitioning = false)"


def attach_views(connection: duckdb.DuckDBPyConnection, uri: str) -> None:
    """Let a connection see the snapshot tables as `snapshots.<name>`, over the partitions that count now."""
    reach(connection, uri)
    # A catalog's name and a schema's look the same in a query, and the lake is attached read-only.
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {SCHEMA}")
    for table in SNAPSHOT_TABLES:
        files = PartitionFiles(uri, table)
        paths = [files.path(day) for day in sorted(files.manifests())]
        connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.main.{table.name} AS {view_query(table, paths)}")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _data_name(table: SnapshotTable, day: date) -> str:
    return f"{table.name}/date={day.isoformat()}/data.parquet"


def _manifest_name(table: SnapshotTable, day: date) -> str:
    return f"{table.name}/date={day.isoformat()}/manifest.json"


def _dump(manifest: Manifest) -> bytes:
    fields = {**asdict(manifest), "date": manifest.date.isoformat()}
    return json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n"


def _parse(content: bytes | None) -> Manifest | None:
    # One that cannot be read is one that is not there: the partition is made again.
    try:
        return None if content is None else msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def snapshot_files(settings: Settings, table: SnapshotTable, opener: Opener = open_storage) -> PartitionFiles:
    """One snapshot table's files, where the settings put them."""
    return PartitionFiles(settings.snapshots_uri, table, opener=opener)

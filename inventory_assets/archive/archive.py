"""Copy old days of the lake to plain Parquet, verified. The lake stays as it is (ADR 0011).

Here: which days are due, the copy, the proof. Not here: files (`lake.files.archive_files`),
the way back (`restore`).

Archived are events and messages, and the rows that no replay gives: versions,
products, velocities, what was told. So a lake can be made from an archive alone.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import duckdb

from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.verify import DERIVED
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.files.archive_files import ArchiveError, ArchiveFiles, Manifest
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.lake.fresh import land_all
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.lake.stages import MADE_LAKE, Stage
from inventory_assets.lake.tables import (
    APPEND_TABLES,
    BASES,
    CATALOG,
    CORE_EVENTS,
    LANDED,
    RAW_MESSAGES,
    VERSIONED_TABLES,
    VERSIONS,
    WATERMARKS,
    Table,
    VersionedTable,
)
from inventory_assets.settings import Settings, archive_place

IDENTITY = "lake.json"
LOCK_SECONDS = 0.5
# The stage of what a restore writes, and the count that says that it made the lake.
# Later than any event time.
EVERY_DAY = "9999-12-31"
# What no replay gives, by the date of the version that wrote it. Versions come last: where one
# is archived, all that belongs to it is.
GIVEN: tuple[Table, ...] = (
    *(
        table
        for table in (*APPEND_TABLES, *VERSIONED_TABLES)
        if table not in (*DERIVED, RAW_MESSAGES, VERSIONS, LANDED, BASES) and "version" in table.columns
    ),
    VERSIONS,
)
ARCHIVED: tuple[Table, ...] = (CORE_EVENTS, RAW_MESSAGES, *GIVEN)


@dataclass(frozen=True, slots=True)
class Archived:
    """What an archiving did to one table."""

    table: str
    days: int
    copied_days: int
    copied_rows: int


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of a table in the lake."""

    date: str
    rows: int
    last_version: int


class Archiver:
    """Copies days of one lake, as it stood when this was made, to one archive."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, reader: Reader, uri: str, *, opener: Opener = open_storage
    ) -> None:
        self._connection = connection
        self._reader = reader
        self.files = ArchiveFiles(connection, uri, opener=opener)
        self.epoch, self.version = self._watermark()

    def run(self, before: str, on_day: Callable[[str, str], None] | None = None) -> Iterator[Archived]:
        """Copy every day before a date that is not in the archive as it is in the lake.

        Raises:
            ArchiveError: The archive is another lake's, has rows that the lake
                lacks, or a copy was not what was copied.
        """
        if self.version == 0:
            return
        self._claim()
        for table in ARCHIVED:
            manifests, sizes = self.files.manifests(table), self.files.sizes(table)
            days = self._days(table, before)
            self._check_no_day_is_lost(table, before, manifests, days)
            copied = rows = 0
            for day in days:
                known = manifests.get(day.date)
                if known is not None and self._is_current(table, day, known, sizes.get(day.date)):
                    continue
                if on_day is not None:
                    on_day(table.full_name, day.date)
                self._copy(table, day, known)
                copied, rows = copied + 1, rows + day.rows
            yield Archived(table.full_name, len(days), copied, rows)
        if self._watermark()[0] != self.epoch:
            raise ArchiveError("the lake was rebuilt meanwhile; run `inventory archive` again.")

    def _watermark(self) -> tuple[int, int]:
        return self._reader.query(f"SELECT epoch, version FROM {CATALOG}.{WATERMARKS.full_name}").row(0)

    def _claim(self) -> None:
        ours, theirs = identity_of(self._reader), self.files.read_json(IDENTITY)
        if theirs is None:
            self.files.write_json(IDENTITY, ours)
        elif theirs != ours:
            raise ArchiveError(
                f"the archive at {self.files.uri!r} is of another lake ({theirs}; this one: {ours}). A lake that was "
                "made from an archive begins one of its own: choose another --to."
            )

    def _days(self, table: Table, before: str) -> list[_Day]:
        rows = self._reader.query(
            f"SELECT date::VARCHAR AS date, count(*) AS rows, max(version) AS last_version "
            f"FROM ({self._rows(table)}) WHERE date < ?::DATE GROUP BY 1 ORDER BY 1",
            [before],
        )
        return [_Day(*row) for row in rows.iter_rows()]

    def _rows(self, table: Table) -> str:
        """SQL for a table's rows with the date that they are archived under."""
        bound = f"version <= {self.version}"
        if table.partition_by is not None:
            return f"SELECT *, {table.partition_by} AS date FROM {CATALOG}.{table.changes} WHERE {bound}"
        if table is VERSIONS:
            return f"SELECT *, committed_at::DATE AS date FROM {CATALOG}.{table.changes} WHERE {bound}"
        return (
            f"SELECT t.*, v.committed_at::DATE AS date FROM {CATALOG}.{table.changes} t "
            f"JOIN {CATALOG}.{VERSIONS.full_name} v USING (version) WHERE {bound}"
        )

    def _is_current(self, table: Table, day: _Day, known: Manifest, size: int | None) -> bool:
        return (
            self._is_bound(table, known)
            and (known.rows, known.last_version) == (day.rows, day.last_version)
            and size == known.bytes
        )

    def _copy(self, table: Table, day: _Day, known: Manifest | None) -> None:
        names = ", ".join(table.columns)
        rows = f"SELECT {names} FROM ({self._rows(table)}) WHERE date = DATE '{day.date}'"
        if known is not None and self._is_bound(table, known):
            self._check_nothing_is_lost(table, day, rows, known)
        keys = table.key if isinstance(table, VersionedTable) else ("seq",) if "seq" in table.columns else ()
        # A total order: the same rows give the same bytes.
        order = ", ".join(dict.fromkeys(["version", *(keys or table.columns)]))
        with self.files.replacing(table, day.date, f"{rows} ORDER BY {order}") as written:
            ours, theirs = self._sum(table, rows), self._sum(table, self.files.read_rows(str(written)))
            if ours != theirs or ours[0] != day.rows:
                raise ArchiveError(
                    f"{table.full_name} of {day.date} was copied as {theirs[0]} rows, expected {ours[0]}, or its "
                    "contents differ. Nothing was replaced; check the disk and run `inventory archive` again."
                )
            size = written.stat().st_size
            with open(written, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.files.write_manifest(
            table,
            Manifest(table.full_name, day.date, day.rows, day.last_version, self.epoch, size, sha256, CODE_VERSION),
        )

    def _is_bound(self, table: Table, known: Manifest) -> bool:
        """Whether the lake must still have what was copied: only a rebuild changes rows, and of derived tables only."""
        return known.epoch == self.epoch or table not in DERIVED

    def _check_no_day_is_lost(
        self, table: Table, before: str, manifests: dict[str, Manifest], days: list[_Day]
    ) -> None:
        there = {day.date for day in days}
        lost = [
            date
            for date, known in sorted(manifests.items())
            if date < before and date not in there and self._is_bound(table, known)
        ]
        if lost:
            raise ArchiveError(
                f"the archive has {table.full_name} of {', '.join(lost[:5])}, of which the lake has no row. "
                "Bring them back with `inventory archive restore`, then archive again."
            )

    def _check_nothing_is_lost(self, table: Table, day: _Day, rows: str, known: Manifest) -> None:
        """A lake that has lost rows must not take them out of its archive, too."""
        if self.files.sha256(table, day.date) != known.sha256:
            return  # gone or damaged: it cannot be held against the lake
        file = self.files.file(table, day.date)
        # A file of an earlier release lacks columns that came since.
        shared = ", ".join(name for name in self.files.columns(file) if name in table.columns)
        lost = self._reader.query(
            f"SELECT count(*) AS n FROM "
            f"(SELECT {shared} {self.files.read_rows(file)} EXCEPT ALL SELECT {shared} FROM ({rows}))"
        ).item()
        if lost:
            raise ArchiveError(
                f"the archive has {lost} rows of {table.full_name} of {day.date} that the lake lacks. Nothing was "
                "replaced. Bring them back with `inventory archive restore`, then archive again."
            )

    def _sum(self, table: Table, rows: str) -> tuple[int, int]:
        """Count rows and add up their hashes: the same for the same rows in any order."""
        hashed = f"hash({', '.join(table.columns)})"
        row = self._connection.execute(f"SELECT count(*), coalesce(sum({hashed}::HUGEINT), 0) FROM ({rows})").fetchone()
        assert row is not None  # an aggregate has a row
        return row


def identity_of(reader: Reader) -> dict[str, str]:
    """What tells a lake from every other: when its first version was committed, and when it was last made anew.

    A lake that was made from an archive goes on differently from the one that
    the archive is of, under the same version numbers.
    """
    row = reader.query(
        f"SELECT min(committed_at) FILTER (version = 1) AS first, "
        f"max(committed_at) FILTER (stage = '{Stage.RESTORE}' AND counts LIKE '%\"{MADE_LAKE}\"%') AS made "
        f"FROM {CATALOG}.{VERSIONS.full_name}"
    ).row(0)
    if row[0] is None:
        raise ArchiveError("the lake has lost its first version, so nobody can say whose archive is its own.")
    return {"first_version_at": f"{row[0].isoformat()}Z", "made_at": "" if row[1] is None else f"{row[1].isoformat()}Z"}


@contextmanager
def archiver_of(settings: Settings, to: str | None = None, *, opener: Opener = open_storage) -> Iterator[Archiver]:
    """The archiver of this process, with a reader of its own, closed afterwards.

    Raises:
        LakeMissingError: There is no lake.
        LakeBusyError: Another process archives already.
        ArchiveError: The place is among the lake's own files.
    """
    place = archive_place(settings, to)
    if f"{place}/".startswith(f"{archive_place(settings, settings.data_uri)}/"):
        # Upkeep removes there what the catalog does not name.
        raise ArchiveError(f"{place!r} is inside the lake's data {settings.data_uri!r}; choose another place.")
    LakeReader(settings).connection.close()  # before the lock's file is made: it says where there is no lake
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(settings.home / "archive.lock", timeout_seconds=LOCK_SECONDS))
        except LakeBusyError as error:
            raise LakeBusyError("another process archives already. Wait for it.") from error
        land_all(settings)
        reader = LakeReader(settings)
        stack.callback(reader.connection.close)
        yield Archiver(reader.connection, reader, place, opener=opener)

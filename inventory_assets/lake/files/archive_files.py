"""The archive's files: where a day's rows are, what is written beside them, and views over all of it.

`<archive>/<schema>_<table>/date=YYYY-MM-DD/data.parquet` and a `manifest.json`
beside each. A file is whole or absent; its manifest is written last, so a file
that its manifest does not fit is one that a killed process left.

Not here: which days are due (`archive.archive`), what comes back (`archive.restore`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.storage import Opener, open_storage, reach
from inventory_assets.lake.tables import CATALOG, CORE_EVENTS, RAW_MESSAGES, Table

# The name that `inventory sql` has the views under.
SCHEMA = "archive"
SHOWN_TABLES = (CORE_EVENTS, RAW_MESSAGES)
# Rows of a message may have megabytes: a group of few rows bounds what a reader holds.
ROW_GROUP = 20_480


class ArchiveError(LakeError):
    """The archive is not what it says it is, or not this lake's."""


class Manifest(msgspec.Struct, frozen=True):
    """What a day's file holds. `epoch` is the lake's when it was copied; a rebuild begins a new one."""

    table: str
    date: str
    rows: int
    last_version: int
    epoch: int
    bytes: int
    sha256: str
    code_version: str


class ArchiveFiles:
    """The files of one archive, in a directory or a bucket."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, uri: str, *, opener: Opener = open_storage) -> None:
        """The archive at `uri`, whose rows `connection` reads."""
        self._connection = connection
        self._storage = opener(uri)
        self.uri = self._storage.uri
        reach(connection, uri)

    def file(self, table: Table, date: str) -> str:
        """Where a day's rows are."""
        return f"{self.uri}/{_data_name(table, date)}"

    def manifests(self, table: Table) -> dict[str, Manifest]:
        """What a table's days hold, by date."""
        names = [name for name in self._storage.sizes(_folder(table)) if name.endswith("/manifest.json")]
        found = [_decode(f"{self.uri}/{name}", text) for name, text in self._storage.read_all(names).items()]
        return {manifest.date: manifest for manifest in sorted(found, key=lambda manifest: manifest.date)}

    def sizes(self, table: Table) -> dict[str, int]:
        """The bytes of a table's files, by date."""
        found = self._storage.sizes(_folder(table))
        return {
            name.split("/")[1].removeprefix("date="): size
            for name, size in found.items()
            if name.endswith("/data.parquet")
        }

    def sha256(self, table: Table, date: str) -> str | None:
        """The hash of a day's file; None where there is none."""
        return self._storage.sha256(_data_name(table, date))

    def read_rows(self, file: str) -> str:
        """SQL for a file's rows."""
        return f"FROM read_parquet({_literal(file)}, hive_partitioning => false)"

    def columns(self, file: str) -> list[str]:
        """The names of a file's columns."""
        return [row[0] for row in self._connection.execute(f"DESCRIBE {self.read_rows(file)}").fetchall()]

    @contextmanager
    def replacing(self, table: Table, date: str, query: str) -> Iterator[Path]:
        """Write a day's rows to a file of this machine; it is put in its place when the body ends well."""
        with _on_disk(self.file(table, date)):
            # One process archives at a time: what another left, nobody finishes.
            self._storage.remove_unfinished(f"{_folder(table)}/date={date}")
            with self._storage.replacing(_data_name(table, date)) as written:
                self._connection.execute(
                    f"COPY ({query}) TO {_literal(str(written))} "
                    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
                )
                yield written

    def write_manifest(self, table: Table, manifest: Manifest) -> None:
        """Say what a day's file, which is in its place, holds."""
        self.write_json(f"{_folder(table)}/date={manifest.date}/manifest.json", msgspec.to_builtins(manifest))

    def check(self, table: Table, manifest: Manifest) -> None:
        """Make sure that a day's file is what its manifest says.

        Raises:
            ArchiveError: It is not.
        """
        file = self.file(table, manifest.date)
        try:
            found = self.sha256(table, manifest.date)
        except OSError as error:
            raise ArchiveError(f"{file!r} cannot be read: {error}") from error
        if found is None:
            raise ArchiveError(f"{file!r} is gone. Run `inventory archive` where the lake still has the day.")
        if found != manifest.sha256:
            raise ArchiveError(
                f"{file!r} is not what its manifest says (sha256 {found[:12]}…, expected {manifest.sha256[:12]}…): it "
                "was damaged, or an `inventory archive` was killed. Run that again where the lake still has the day."
            )

    def read_json(self, name: str) -> dict | None:
        """A small file of the archive; None where there is none."""
        content = self._storage.read(name)
        return None if content is None else msgspec.json.decode(content)

    def write_json(self, name: str, values: dict) -> None:
        """Write a small file, whole or not at all."""
        with _on_disk(f"{self.uri}/{name}"):
            self._storage.write(name, msgspec.json.encode(values) + b"\n")


def show_archive(connection: duckdb.DuckDBPyConnection, uri: str, version: int | None = None) -> None:
    """Make `archive.core_events` and `archive.raw_messages` views over the files; empty where there are none."""
    files = ArchiveFiles(connection, uri)
    connection.execute(f"ATTACH ':memory:' AS {SCHEMA}")
    bound = "" if version is None else f" WHERE version <= {version}"
    for table in SHOWN_TABLES:
        # The lake's own columns, so that a file of an earlier release lacks none.
        query = f"SELECT *, NULL::DATE AS date FROM {CATALOG}.{table.full_name} WHERE false"
        if files.sizes(table):
            pattern = _literal(files.file(table, "*"))
            options = "hive_partitioning => true, hive_types => {'date': DATE}, union_by_name => true"
            query += f" UNION ALL BY NAME SELECT * FROM read_parquet({pattern}, {options}){bound}"
        connection.execute(f"CREATE VIEW {SCHEMA}.{table.schema}_{table.name} AS {query}")


@contextmanager
def _on_disk(file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"{file!r} cannot be written: {error.strerror}. Mend that, or choose another place with --to or "
            "INVENTORY_ARCHIVE_PATH, and archive again."
        ) from error


def _folder(table: Table) -> str:
    return f"{table.schema}_{table.name}"


def _data_name(table: Table, date: str) -> str:
    return f"{_folder(table)}/date={date}/data.parquet"


def _decode(name: str, text: bytes) -> Manifest:
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ArchiveError(
            f"{name!r} was no manifest: {error}. Delete it; `inventory archive` copies the day again."
        ) from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""The archive's files: where a day's rows are, what is written beside them, and views over all of it.

`<archive>/<schema>_<table>/date=YYYY-MM-DD/data.parquet` and a `manifest.json`
beside each. A file is whole or absent; its manifest is written last, so a file
that its manifest does not fit is one that a killed process left.

Not here: which days are due (`archive.archive`), what comes back (`archive.restore`).
"""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from inventory_assets.lake.errors import LakeError
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

    def __init__(self, connection: duckdb.DuckDBPyConnection, uri: str) -> None:
        self._connection = connection
        self.uri = uri.rstrip("/")
        self.is_remote = "://" in uri

    def folder(self, table: Table) -> str:
        """Where a table's days are."""
        return f"{self.uri}/{table.schema}_{table.name}"

    def file(self, table: Table, date: str) -> str:
        """A day's rows."""
        return f"{self.folder(table)}/date={date}/data.parquet"

    def manifests(self, table: Table) -> dict[str, Manifest]:
        """What a table's days hold, by date."""
        texts = self._texts(f"{self.folder(table)}/date=*/manifest.json")
        found = [_decode(name, text) for name, text in texts]
        return {manifest.date: manifest for manifest in found}

    def has_files(self, table: Table) -> bool:
        """Whether any day of a table is there."""
        pattern = f"{self.folder(table)}/date=*/data.parquet"
        return self._connection.execute("SELECT count(*) > 0 FROM glob(?)", [pattern]).fetchone() == (True,)

    def size(self, file: str) -> int | None:
        """A file's bytes; None where there is none."""
        if not self.is_remote:
            return Path(file).stat().st_size if Path(file).exists() else None
        row = self._connection.execute("SELECT max(size) FROM read_blob(?)", [file]).fetchone()
        return row[0] if row else None

    def sha256(self, file: str) -> str:
        """A file's hash."""
        if not self.is_remote:
            with open(file, "rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest()
        row = self._connection.execute("SELECT sha256(content) FROM read_blob(?)", [file]).fetchone()
        if row is None:
            raise ArchiveError(f"{file!r} is gone. Run `inventory archive` to copy the day again.")
        return row[0]

    def read_rows(self, file: str) -> str:
        """SQL for a file's rows."""
        return f"FROM read_parquet({_literal(file)}, hive_partitioning => false)"

    def columns(self, file: str) -> list[str]:
        """The names of a file's columns."""
        return [row[0] for row in self._connection.execute(f"DESCRIBE {self.read_rows(file)}").fetchall()]

    def begin(self, table: Table, date: str, query: str) -> str:
        """Write a day's rows, not yet in their place; where they are."""
        file = self.file(table, date)
        if not self.is_remote:
            folder = Path(file).parent
            with _on_disk(file):
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.glob("*.tmp"):
                    left.unlink()
            file = f"{file}.{uuid.uuid4().hex[:8]}.tmp"
        self._connection.execute(
            f"COPY ({query}) TO {_literal(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        return file

    def finish(self, table: Table, written: str, manifest: Manifest) -> None:
        """Put a written and verified file in its place, then say what it holds."""
        file = self.file(table, manifest.date)
        if written != file:
            with _on_disk(file):
                Path(written).replace(file)
        self.write_json(f"{self.folder(table)}/date={manifest.date}/manifest.json", msgspec.to_builtins(manifest))

    def discard(self, written: str) -> None:
        """Remove a written file that is not to be kept."""
        if not self.is_remote:
            Path(written).unlink(missing_ok=True)

    def check(self, table: Table, manifest: Manifest) -> None:
        """Make sure that a day's file is what its manifest says.

        Raises:
            ArchiveError: It is not.
        """
        file = self.file(table, manifest.date)
        try:
            found = self.sha256(file)
        except (OSError, duckdb.Error) as error:
            raise ArchiveError(f"{file!r} cannot be read: {error}") from error
        if found != manifest.sha256:
            raise ArchiveError(
                f"{file!r} is not what its manifest says (sha256 {found[:12]}…, expected {manifest.sha256[:12]}…): it "
                "was damaged, or an `inventory archive` was killed. Run that again where the lake still has the day."
            )

    def read_json(self, name: str) -> dict | None:
        """A small file of the archive's root; None where there is none."""
        texts = self._texts(f"{self.uri}/{name}")
        return msgspec.json.decode(texts[0][1]) if texts else None

    def write_json(self, file: str, values: dict) -> None:
        """Write a small file, whole or not at all."""
        text = msgspec.json.encode(values)
        if not self.is_remote:
            fresh = Path(f"{file}.tmp")
            with _on_disk(file):
                fresh.parent.mkdir(parents=True, exist_ok=True)
                fresh.write_bytes(text + b"\n")
                fresh.replace(file)
            return
        columns = ", ".join(
            f"{_literal(value) if isinstance(value, str) else value} AS {name}" for name, value in values.items()
        )
        self._connection.execute(f"COPY (SELECT {columns}) TO {_literal(file)} (FORMAT json)")

    def _texts(self, pattern: str) -> list[tuple[str, str]]:
        try:
            return self._connection.execute("SELECT filename, content FROM read_text(?)", [pattern]).fetchall()
        except duckdb.Error as error:
            # A pattern that matches nothing, and an object that is not there.
            if "No files found" in str(error) or "404 (Not Found)" in str(error) or "HTTP 404" in str(error):
                return []
            raise


def show_archive(connection: duckdb.DuckDBPyConnection, uri: str, version: int | None = None) -> None:
    """Make `archive.core_events` and `archive.raw_messages` views over the files; empty where there are none."""
    files = ArchiveFiles(connection, uri)
    connection.execute(f"ATTACH ':memory:' AS {SCHEMA}")
    bound = "" if version is None else f" WHERE version <= {version}"
    for table in SHOWN_TABLES:
        # The lake's own columns, so that a file of an earlier release lacks none.
        query = f"SELECT *, NULL::DATE AS date FROM {CATALOG}.{table.full_name} WHERE false"
        if files.has_files(table):
            pattern = _literal(f"{files.folder(table)}/date=*/data.parquet")
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


def _decode(name: str, text: str) -> Manifest:
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ArchiveError(
            f"{name!r} was no manifest: {error}. Delete it; `inventory archive` copies the day again."
        ) from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""Whole files in a directory or a bucket: read, replace at once, list.

Belongs here: what both kinds of place can do, so that who writes reports or
snapshots need not ask which it is, and how DuckDB reads a bucket's files where
they are. Not here: what the files mean.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import duckdb

from inventory_assets.lake.errors import LakeError

UNFINISHED = ".unfinished"
# Of a name, in characters, which take four bytes each at most.
_BEGINNING = 40


class Mark(NamedTuple):
    """A file's size in bytes, and a word that is another whenever its content is."""

    size: int
    word: str


class Storage(Protocol):
    """A place of files. Names are relative to it, with `/`; a file is replaced as a whole or not at all."""

    uri: str

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        ...

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of many small files; without those that are not there."""
        ...

    def sha256(self, name: str) -> str | None:
        """A file's hash, of any size; None where there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Replace a file: who reads meanwhile sees the old content or the new."""
        ...

    def replacing(self, name: str) -> AbstractContextManager[Path]:
        """A local path for a large file, which takes the name's place when the body ends without an error."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every finished file below a folder, with its size in bytes."""
        ...

    def marks(self) -> dict[str, Mark]:
        """Every file, those that others are still writing included, with what tells when it has changed."""
        ...

    def remove_unfinished(self, below: str) -> None:
        """Remove what killed processes left below a folder; for who knows that nobody else writes there."""
        ...


Opener = Callable[[str], Storage]
"""What opens the place that a URI names: `open_storage`, or a resource's method."""


class Directory:
    """Files in a directory, which is made when the first one is written."""

    def __init__(self, path: Path) -> None:
        self.uri = str(path)
        self._path = path

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of many small files; without those that are not there."""
        return {name: content for name in names if (content := self.read(name)) is not None}

    def sha256(self, name: str) -> str | None:
        """A file's hash, of any size; None where there is none."""
        try:
            with open(self._path / name, "rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a file by one rename."""
        with self.replacing(name) as unfinished:
            unfinished.write_bytes(content)

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """A path beside the file, which is renamed to it when the body ends without an error."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: two processes may write one file at once, and each must finish its own.
        # Only a beginning of the file's: of one that is as long as may be, there is no room for more.
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_BEGINNING]}.", suffix=UNFINISHED)
        os.close(handle)
        try:
            yield Path(unfinished)
            # mkstemp lets nobody else read; what is published follows the umask, as any file does.
            os.chmod(unfinished, 0o666 & ~_umask())
            os.replace(unfinished, path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._path / name).unlink(missing_ok=True)

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every finished file below a folder, with its size in bytes."""
        found = {}
        for folder, _, names in os.walk(self._path / below):
            for name in names:
                path = Path(folder) / name
                if not name.endswith(UNFINISHED):
                    found[path.relative_to(self._path).as_posix()] = path.stat().st_size
        return found

    def marks(self) -> dict[str, Mark]:
        """Every plain file: a link may lead anywhere, and a pipe's reader waits for its writer."""
        found: dict[str, Mark] = {}
        if not self._path.exists():
            return found
        os.scandir(self._path).close()  # `walk` would take a folder that is closed to us for an empty one
        for folder, _, names in os.walk(self._path):
            for name in names:
                path = Path(folder) / name
                try:
                    status = path.lstat()
                except FileNotFoundError:
                    continue  # gone since it was listed
                if stat.S_ISREG(status.st_mode):
                    # Not the time of its content alone: that one can be set, as by `cp -p`.
                    word = f"{status.st_size}-{status.st_ctime_ns}-{status.st_ino}"
                    found[path.relative_to(self._path).as_posix()] = Mark(status.st_size, word)
        return found

    def remove_unfinished(self, below: str) -> None:
        """Remove what killed processes left below a folder; for who knows that nobody else writes there."""
        for left in (self._path / below).rglob(f"*{UNFINISHED}"):
            left.unlink()


def open_storage(uri: str, *, project: str | None = None) -> Storage:
    """The place that a directory's path or `gs://bucket/prefix` names; STORAGE_EMULATOR_HOST means what it always does.

    Args:
        uri: Which place.
        project: Google's, for a bucket; None is what the environment and the credentials say.

    Raises:
        LakeError: There is no such kind of place, or no credentials for it.
    """
    if uri.startswith("gs://"):
        # Here: they take seconds, and most commands never need them.
        from inventory_assets.lake.files.bucket import Bucket, refusals
        from resources.gcs import gcs_client

        with refusals(uri):
            return Bucket(uri, gcs_client(project))
    if "://" in uri:
        raise LakeError(f"the place was {uri!r}; expected a directory or gs://bucket/prefix.")
    path = Path(uri)
    if path.exists() and not path.is_dir():
        raise LakeError(
            f"the place was {uri!r}, which is a file; expected a directory or gs://bucket/prefix. Change the option "
            "that names it, or INVENTORY_REPORTS_PATH, INVENTORY_SNAPSHOTS_PATH, INVENTORY_ARCHIVE_PATH or "
            "INVENTORY_DROP_FOLDER."
        )
    return Directory(path)


def reach(connection: duckdb.DuckDBPyConnection, uri: str) -> None:
    """Let a connection read the files at a place, in a bucket with the credentials that they were written with."""
    if uri.startswith("gs://") and not _has_bucket_key(connection) and not connection.filesystem_is_registered("gs"):
        connection.register_filesystem(bucket_files())


def _has_bucket_key(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether DuckDB can sign requests itself (`lake.connect`), which it does faster."""
    row = connection.execute("SELECT count(*) > 0 FROM duckdb_secrets() WHERE type = 'gcs'").fetchone()
    return row == (True,)


def bucket_files() -> Any:
    """Google Cloud Storage as a file system of fsspec's: what DuckDB takes, which takes no client of Google's."""
    # Here: it takes half a second, and most commands never need it.
    from gcsfs.core import GCSFileSystem

    # `gcsfs.GCSFileSystem` is another: it asks a second service what kind of bucket it is, and warns if that fails.
    class Files(GCSFileSystem):
        def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            # The default cache reads ahead in tasks that outlive a DuckDB connection.
            return super().open(path, mode, **{"cache_type": "readahead", **options})

    # What another process wrote a moment ago must be seen.
    token = "anon" if os.environ.get("STORAGE_EMULATOR_HOST") else None
    return Files(token=token, use_listings_cache=False, skip_instance_cache=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

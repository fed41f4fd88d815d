"""Whole files in a directory or a bucket: read, replace at once, list.

Belongs here: what both kinds of place can do, so that who writes reports or
snapshots need not ask which it is. Not here: what the files mean.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from inventory_assets.lake.errors import LakeError

UNFINISHED = ".unfinished"


class Storage(Protocol):
    """A place of files. Names are relative to it, with `/`; a file is replaced as a whole or not at all."""

    uri: str

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        ...

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of many small files; without those that are not there."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Replace a file: who reads meanwhile sees the old content or the new."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every finished file below a folder, with its size in bytes."""
        ...


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

    def write(self, name: str, content: bytes) -> None:
        """Replace a file by one rename."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: two processes may write one file at once, and each must finish its own.
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
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


class Bucket:
    """Objects of Google Cloud Storage below a prefix, or of the emulator that STORAGE_EMULATOR_HOST names."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._files = bucket_files()

    def read(self, name: str) -> bytes | None:
        """An object's content; None where there is none."""
        try:
            return self._files.cat_file(f"{self.uri}/{name}")
        except FileNotFoundError:
            return None

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of many small objects, asked for side by side; without those that are not there."""
        root = f"{self.uri.removeprefix('gs://')}/"
        found = self._files.cat([f"{self.uri}/{name}" for name in names], on_error="return") if names else {}
        for error in found.values():
            if isinstance(error, Exception) and not isinstance(error, FileNotFoundError):
                raise error
        return {name.removeprefix(root): each for name, each in found.items() if isinstance(each, bytes)}

    def write(self, name: str, content: bytes) -> None:
        """Replace an object by one upload, which shows when it is complete."""
        self._files.pipe_file(f"{self.uri}/{name}", content)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            self._files.rm_file(f"{self.uri}/{name}")
        except FileNotFoundError:
            pass

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every object below a folder, with its size in bytes."""
        root = self.uri.removeprefix("gs://") + "/"
        found = self._files.find(f"{self.uri}/{below}".rstrip("/"), detail=True)
        return {name.removeprefix(root): int(entry["size"]) for name, entry in found.items()}


def open_storage(uri: str) -> Storage:
    """The place that a directory's path or `gs://bucket/prefix` names."""
    if uri.startswith("gs://"):
        return Bucket(uri)
    if "://" in uri:
        raise LakeError(f"the place was {uri!r}; expected a directory or gs://bucket/prefix.")
    return Directory(Path(uri))


def bucket_files() -> Any:
    """Google Cloud Storage as a file system of fsspec's, for whatever takes one."""
    # Here: it takes half a second, and most commands never need it.
    import gcsfs

    class Files(gcsfs.GCSFileSystem):
        def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            # The default cache reads ahead in tasks that outlive a DuckDB connection.
            return super().open(path, mode, **{"cache_type": "readahead", **options})

    # What another process wrote a moment ago must be seen.
    return Files(use_listings_cache=False, skip_instance_cache=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

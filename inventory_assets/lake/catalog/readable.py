"""Read a catalog where nothing can be written: another's home, a read-only disk.

Here: the choice between the file itself and a copy. Not here: attaching (`connect`, `marts`).

SQLite in WAL mode makes `-wal` and `-shm` beside the file to read it, too. A writer that ends removes both;
whoever may not write there then opens nothing. SQLite's `immutable` would do, but DuckDB takes a path, no URI.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb

# What SQLite says that cannot make its files.
_NEEDS_WRITING = ("unable to open database file", "attempt to write a readonly database")
_TRIES = 5

_State = tuple[tuple[int, int, int] | None, ...]
_copies: dict[tuple[Path, _State], Path] = {}


def attach_readable(catalog: Path, attach: Callable[[Path], None]) -> None:
    """Attach a catalog to read: the file itself, else a copy of what it is now.

    Args:
        catalog: The SQLite file.
        attach: Attaches the file it is given.
    """
    for number in range(_TRIES):
        try:
            return attach(catalog)
        except duckdb.Error as error:
            if not _is_to_be_copied(catalog, str(error)):
                raise
            # A writer that comes meanwhile makes the files, and the next try reads beside it.
            if (copy := _copied(catalog)) is None and number == _TRIES - 1:
                raise
        if copy is not None:
            return attach(copy)


def can_write(folder: Path) -> bool:
    """Whether this process may make files in a folder that is there."""
    return os.access(folder, os.W_OK | os.X_OK)


def scratch() -> Path:
    """A folder of this process's own, gone with it."""
    return Path(_scratch().name)


def copies_of(connection: duckdb.DuckDBPyConnection) -> list[Path]:
    """The folders of the copies that a connection has attached."""
    attached = connection.execute("SELECT path FROM duckdb_databases()").fetchall()
    paths = [Path(str(path).removeprefix("sqlite:")) for (path,) in attached]
    return [path.parent for path in paths if path.is_relative_to(scratch())]


@cache
def _scratch() -> tempfile.TemporaryDirectory:
    # Removed at the interpreter's end, not before: DuckDB opens the catalog anew for each transaction.
    return tempfile.TemporaryDirectory(prefix="inventory-reader-")


def _is_to_be_copied(catalog: Path, said: str) -> bool:
    return any(sign in said for sign in _NEEDS_WRITING) and os.access(catalog, os.R_OK)


def _copied(catalog: Path) -> Path | None:
    """A copy of the catalog with its log; None where somebody wrote meanwhile."""
    before = _state(catalog)
    if (known := _copies.get((catalog, before))) is not None:
        return known
    copy = Path(tempfile.mkdtemp(dir=scratch())) / catalog.name
    for path in _files(catalog):
        if path.exists():
            shutil.copyfile(path, copy.with_name(path.name))
    if _state(catalog) != before:
        return None
    return _copies.setdefault((catalog, before), copy)


def _state(catalog: Path) -> _State:
    return tuple(_stat(path) for path in _files(catalog))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _files(catalog: Path) -> tuple[Path, Path]:
    # Without its log, a copy lacks what a writer that was killed had committed.
    return catalog, catalog.with_name(f"{catalog.name}-wal")

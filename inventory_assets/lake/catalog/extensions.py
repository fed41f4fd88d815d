"""DuckDB's extensions: from the installed wheels, checked where they have changed.

Belongs here: which file, and whether its signature was checked. Does not
belong: which extensions a lake needs (`connect`).
"""

import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

# By identity, what DuckDB has checked for this process: another home, or one that cannot be written, needs no other.
_checked_here: set[str] = set()


def open_with_extensions(config: Mapping[str, Any], *names: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory with extensions, each of which DuckDB has checked as it is now on disk.

    Each check hashes 35 MB: both of an embedded lake take 0.3 s of a command's one second. What was checked is
    noted in the extension directory by the file's identity; what was exchanged since is another file.
    """
    paths = [extension_path(name) for name in names]
    found = {_identity(path) for path in paths}
    notes = Path(config["extension_directory"]) / "checked.json"
    noted = _read(notes)
    is_checked = bool(found) and found <= noted | _checked_here
    connection = duckdb.connect(config={**config, "allow_unsigned_extensions": is_checked})
    for path in paths:
        connection.load_extension(str(path))
    # For good: DuckDB lets nobody set it back. What is loaded later is checked.
    connection.execute("SET allow_unsigned_extensions = false")
    _checked_here.update(found)
    if not found <= noted:
        _note(notes, noted | found)
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension into a connection that is open; loaded already, it is no second time."""
    connection.load_extension(str(extension_path(name)))


def extension_path(name: str) -> Path:
    """The file in the extension's wheel."""
    module = importlib.import_module(f"duckdb_extension_{name}")
    return Path(module.__path__[0]) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def _identity(path: Path) -> str:
    # One that was exchanged is another file, or has another size or time.
    found = os.stat(path)
    return ":".join(map(str, (path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)))


def _read(notes: Path) -> set[str]:
    try:
        return set(json.loads(notes.read_bytes()))
    except (OSError, ValueError):
        return set()


def _note(notes: Path, checked: set[str]) -> None:
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        unfinished = notes.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(sorted(checked)))
        unfinished.replace(notes)
    except OSError:
        pass  # a home that cannot be written costs each process the check once

"""DuckDB's extensions: from the installed wheels, checked once a process.

Belongs here: which file, and whether its signature was checked. Does not
belong: which extensions a lake needs (`connect`).
"""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

# Files whose signature DuckDB has checked in this process. Each check hashes 35 MB: both of an embedded lake
# took 0.3 s of a connection's 0.4 s, and commands and ticks open several.
_checked: set[tuple[int, ...]] = set()


def open_with_extensions(config: Mapping[str, Any], *names: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory with extensions, each of which was checked before it runs in this process."""
    paths = [extension_path(name) for name in names]
    found = {_identity(path) for path in paths}
    is_checked = bool(found) and found <= _checked
    connection = duckdb.connect(config={**config, "allow_unsigned_extensions": is_checked})
    for path in paths:
        connection.load_extension(str(path))
    # For good: DuckDB lets nobody set it back. What is loaded later is checked.
    connection.execute("SET allow_unsigned_extensions = false")
    if not is_checked:
        _checked.update(found)
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension into a connection that is open; loaded already, it is no second time."""
    connection.load_extension(str(extension_path(name)))


def extension_path(name: str) -> Path:
    """The file in the extension's wheel."""
    module = importlib.import_module(f"duckdb_extension_{name}")
    return Path(module.__path__[0]) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def _identity(path: Path) -> tuple[int, ...]:
    # One that was exchanged is another file, or has another size or time.
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

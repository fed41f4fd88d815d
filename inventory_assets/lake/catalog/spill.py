"""Where a DuckDB spills what does not fit into its memory: a folder for each instance.

DuckDB calls its files the same in every instance (`duckdb_temp_storage_S32K-0.tmp`) and takes the folder
for its own alone. Two instances in one folder write into each other's files, read the other's blocks as
their own, and delete both's at their end: wrong rows, or the end of the process by a signal.
"""

import atexit
import contextlib
import os
import shutil
import time
import uuid
from functools import cache
from pathlib import Path

from inventory_assets.lake.catalog.readable import can_write, scratch
from inventory_assets.lake.holds import hold, living

_LOCK = ".lock"
# What an older release left: it spilled into the place itself, and may be running.
_OLD_FILES = "duckdb_temp_*"
_OLD_SECONDS = 86_400


def spill_folder(home: Path) -> Path:
    """Name a folder for one DuckDB instance to spill into; it makes it when it needs it, and removes it at its end.

    What is left at the process's end goes with it; of a killed one, with the next.
    """
    place = home / "tmp" if can_write(home) or not home.exists() else scratch() / "tmp"
    try:
        mark = _mark(place, os.getpid())
    except OSError:  # full, or read-only after all
        place = scratch() / "tmp"
        mark = _mark(place, os.getpid())
    return place / f"{mark}-{uuid.uuid4().hex[:8]}"


@cache
def _mark(place: Path, process: int) -> str:
    """What this process's folders begin with: the name of a file that it holds locked while it lives."""
    place.mkdir(parents=True, exist_ok=True)
    mark = f"{process}-{uuid.uuid4().hex[:8]}"
    hold(place / f"{mark}{_LOCK}")
    _remove_dead(place)
    atexit.register(_remove, place, mark, process)
    return mark


def _remove(place: Path, mark: str, process: int) -> None:
    if os.getpid() != process:  # a fork's end is not its parent's
        return
    for folder in place.glob(f"{mark}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    # Last: without it nobody would know whose the folders are.
    (place / f"{mark}{_LOCK}").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        place.rmdir()


def _remove_dead(place: Path) -> None:
    living(place.glob(f"*{_LOCK}"), lambda path: _remove(place, path.name.removesuffix(_LOCK), os.getpid()))
    for path in place.glob(_OLD_FILES):
        if time.time() - path.stat().st_mtime > _OLD_SECONDS:
            path.unlink(missing_ok=True)

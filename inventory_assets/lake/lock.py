"""A fair lock between processes that write one embedded lake.

SQLite lets any two overlapping write transactions conflict at commit, so
whoever writes the lake itself (landings, upkeep, a rebuild) queues here first; whoever
commits queues for the journal by a lock of the same kind. Two files make it fair: who waits holds the
turnstile, so a writer that releases the lock cannot take it again past one
that waits. The kernel frees both when a process dies. A PostgreSQL
catalog's server has the locks instead (`journal.server`).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory_assets.lake.errors import LakeBusyError

# A landing takes 0.1 to 0.3 s and maintenance holds about 0.1 s, so a minute means a stuck process.
DEFAULT_TIMEOUT_SECONDS = 60.0
_PID_WIDTH = 10


@contextmanager
def writer_lock(path: Path, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the lake's writer lock.

    Raises:
        LakeBusyError: Not free within `timeout_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    turnstile = os.open(path.with_suffix(".turnstile"), os.O_CREAT | os.O_RDWR, 0o600)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _acquire(turnstile, path, deadline)
        _acquire(lock, path, deadline)
        # For who waits in vain: the kernel knows the holder, and does not tell.
        os.pwrite(lock, f"{os.getpid():<{_PID_WIDTH}}".encode(), 0)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
    finally:
        os.close(lock)
        os.close(turnstile)


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    pause = 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LakeBusyError(
                    f"{holder_of(path)} is writing below {str(path.parent)!r} and did not let go in time. What is "
                    "committed is safe. Try again when that is done; if it hangs, end it and try again."
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)


def holder_of(path: Path) -> str:
    """Who had a lock last, as a person knows it: the command, and the process's number."""
    try:
        pid = int(path.read_text())
    except (OSError, ValueError):
        return "another process"  # of a release that wrote no number, or between two holders
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        words = []  # gone, or no Linux
    names = [Path(word).name for word in words]
    if "inventory" in names:
        command = " ".join(["inventory", *words[names.index("inventory") + 1 :][:1]]).strip()
        return f"`{command}` (process {pid})"
    if any(word.startswith("dagster") for word in words) or "inventory_assets.definitions" in words:
        return f"Dagster, as `make run` starts it (process {pid})"
    return f"process {pid}"


class TellingLock:
    """Who tells what it committed shares it; who tells for others has it alone.

    So nobody takes for owed what another process is about to tell and has not
    written down yet; the kernel frees it when a process dies. It is of one
    host: on a catalog of several, an alert can be told twice, under one id.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def share(self) -> None:
        """Say that we tell what we commit; waits while another process reads what is owed."""
        fcntl.flock(self._open(), fcntl.LOCK_SH)

    def try_alone(self) -> bool:
        """Have it alone, where nobody else has anything to tell. Shared before, it is lost where that fails."""
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Everything is told and written down, or left to others."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        return self._descriptor

"""Files that say of a process that it lives: it holds them locked, and the kernel lets go when it dies.

Here: making one, telling the living from the dead. Not here: what they stand for (`upkeep.expiry`, `catalog.spill`).
"""

import fcntl
import os
from collections.abc import Callable, Iterable
from pathlib import Path


def hold(path: Path) -> int:
    """Make a file and lock it for as long as the descriptor is open.

    Raises:
        OSError: The file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return descriptor
        # Another came before the lock, and took it for a dead one's.
        os.close(descriptor)


def living(paths: Iterable[Path], bury: Callable[[Path], object]) -> list[float]:
    """When each that is held was made, in seconds since 1970; `bury` is called with those that nobody holds."""
    made = []
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        except PermissionError:  # another user's: nobody here can tell, so it lives
            made.append(path.stat().st_mtime)
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            made.append(os.fstat(descriptor).st_mtime)
        else:
            bury(path)
        finally:
            os.close(descriptor)
    return made

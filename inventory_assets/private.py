"""Files of the home are their owner's alone: 0700 and 0600, as databases have it.

Here: the mode of what this process makes, and a word about an older home that is open. A leaf: whoever
writes uses it, the emulator and the connector, too.

By the process's umask, not file by file: DuckDB and SQLite make files of their own (data, `-wal`, what
spills to disk), and nothing tells them a mode.
"""

import logging
import os
import stat
from pathlib import Path

PRIVATE_UMASK = 0o077
_logger = logging.getLogger(__name__)
_told: set[Path] = set()


def make_private() -> None:
    """From now on, what this process and its children write is their owner's alone."""
    # Stricter where somebody has set it so.
    os.umask(os.umask(PRIVATE_UMASK) | PRIVATE_UMASK)


def keep_private(folder: Path) -> None:
    """Make a folder that only its owner may enter; say so once where an older one is open to others.

    It is not closed: somebody may share it on purpose, and whoever reads it would be locked out.
    """
    make_private()
    folder.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & PRIVATE_UMASK and folder not in _told:
        _told.add(folder)
        _logger.warning(
            "%s is open to other users of this machine (mode %04o), expected 0700: stock, alerts and reports can be "
            "read. Close it with `chmod -R go-rwx`, unless it is shared on purpose.", folder, mode,
        )  # fmt: skip

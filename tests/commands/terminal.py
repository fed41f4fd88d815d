"""A terminal of its own for a command: what a person types, and what is shown.

Belongs here: typing and reading. Does not belong: what a command must show.
"""

import os
import pty
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.commands.conftest import COMMAND

# A busy machine starts a command in seconds; nothing is judged by it.
PATIENCE_SECONDS = 120


class Terminal:
    """A person at a terminal."""

    def __init__(self, pid: int, at: int) -> None:
        self._pid, self._at = pid, at

    def type(self, text: str, until: str = "") -> str:
        """Type; what is shown from then on until a text is."""
        os.write(self._at, text.encode())
        return self.read(until) if until else ""

    def read(self, until: str) -> str:
        """What is shown until a text is."""
        found, end = "", time.monotonic() + PATIENCE_SECONDS
        while until not in found:
            assert time.monotonic() < end, found
            if select.select([self._at], [], [], 0.2)[0]:
                with suppress(OSError):
                    found += os.read(self._at, 65_536).decode(errors="replace")
        return found

    def rest(self) -> tuple[str, int]:
        """What is shown until the command ends, and its exit code."""
        found = ""
        while True:
            try:
                part = os.read(self._at, 65_536)
            except OSError:
                part = b""  # the command has let go of the terminal
            if not part:
                break
            found += part.decode(errors="replace")
        _, status = os.waitpid(self._pid, 0)
        return found, os.waitstatus_to_exitcode(status)


@contextmanager
def terminal(*words: str, home: Path, **environment: str) -> Iterator[Terminal]:
    """A command at a terminal of 80 columns, killed where it has not ended."""
    pid, at = pty.fork()
    if pid == 0:
        shown = {"INVENTORY_HOME": str(home), "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
        os.execve(COMMAND, [str(COMMAND), *words], {**os.environ, **shown, **environment})
    try:
        yield Terminal(pid, at)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(at)

"""Processes of ours, for tests that stop or kill them."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 90.0


def within(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return look()
        except (OSError, TypeError, IndexError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def started(log: Path, *words: str) -> tuple[subprocess.Popen[bytes], str]:
    """A process of ours, and HOST:PORT where it listens."""
    with log.open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", "inventory_assets.cli", *words], stdout=said, stderr=said)
    return process, within(lambda: re.search(r"(?:http://)?(\S+:\d+)", log.read_text())[1])  # type: ignore[index]

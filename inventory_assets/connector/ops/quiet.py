"""Say once, then rarely, what happens over and over: an outage fails tens of requests a second.

Here: when to speak. Not here: the words (`operations`), or sampling of what is well (`logs`).
"""

import threading
from collections.abc import Hashable
from datetime import datetime, timedelta

# As often as a heartbeat: who reads the log sees that it lasts.
_EVERY = timedelta(seconds=30)


class Quiet:
    """Counts what is alike between two lines. Thread-safe."""

    def __init__(self, every: timedelta = _EVERY) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._counts: dict[Hashable, int] = {}
        self._spoken_at: dict[Hashable, datetime] = {}

    def count(self, kind: Hashable, now: datetime) -> int | None:
        """Count one more; how many since the last line if it is time for one, else None."""
        with self._lock:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            spoken_at = self._spoken_at.get(kind)
            # `abs`: a clock set back must not silence it.
            if spoken_at is not None and abs(now - spoken_at) < self._every:
                return None
            self._spoken_at[kind] = now
            self._counts[kind] = 0
            return count

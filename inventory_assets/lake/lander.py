"""Land what a process commits, on a thread beside its bursts.

A burst is durable before this begins; readers see it a landing later. How a
landing goes is `landing`'s.
"""

import logging
import threading
import time
from collections.abc import Callable

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.landing import Landing
from inventory_assets.lake.memory import release_memory
from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# Twenty bursts of a thousand messages, with all that follows from them: landed without waiting for the time to be up.
EARLY_ROWS = 120_000
RETRY_SECONDS = 1.0
# DuckLake keeps what it knew of past snapshots until memory is short.
MEMORY = "128MB"


class Lander:
    """The thread, with a DuckDB of its own.

    Attributes:
        failure: Why the last landing failed; None where it did not.
    """

    def __init__(self, settings: Settings, on_landing: Callable[[list[Landing]], None]) -> None:
        self._lake = Lake(settings)
        self._every = settings.landing_seconds
        self._on_landing = on_landing
        self._condition = threading.Condition()
        self._rows = 0
        self._due_at: float | None = None
        self._is_closing = False
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._work, name="lander", daemon=True)
        self._thread.start()

    def wake(self, rows: int) -> None:
        """Something was committed."""
        with self._condition:
            self._rows += rows
            if self._due_at is None:
                self._due_at = time.monotonic() + self._every
            if self._rows >= EARLY_ROWS:
                self._due_at = time.monotonic()
            self._condition.notify()

    def close(self) -> None:
        """Land what there is, and end; where it cannot be landed it stays in the journal."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._mark()
            while self._wait():
                self._land()
            self._land()
        finally:
            self._lake.close()
            release_memory()

    def _mark(self) -> None:
        try:
            self._lake.journal.mark_lander()
            self._lake.limit_memory(MEMORY)
        except (LakeError, duckdb.Error, OSError) as error:
            self.failure = str(error)  # the first landing says it

    def _wait(self) -> bool:
        """Wait until a landing is due; False at the end."""
        with self._condition:
            while not self._is_closing:
                left = None if self._due_at is None else self._due_at - time.monotonic()
                if left is not None and left <= 0:
                    self._due_at, self._rows = None, 0
                    return True
                self._condition.wait(left)
            return False

    def _land(self) -> None:
        try:
            self._lake.journal.mark_lander()  # again where it could not be said, or the journal was opened anew
            landings = self._lake.land()
            self.failure = None
        except Exception as error:  # the thread must live: without it the journal fills, and nobody says why
            # What is journaled is safe; bursts go on until the journal is full.
            if self.failure is None:
                logger.warning("versions stay in the journal: %s", error)
            self.failure = str(error)
            with self._condition:
                self._due_at = time.monotonic() + RETRY_SECONDS
            return
        if landings:
            try:
                self._on_landing(landings)
            except Exception as error:  # upkeep can wait: a full disk, the process's end
                logger.warning("upkeep failed: %s", error)

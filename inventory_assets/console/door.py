"""The one way to the lake: one connection that only reads, one thread, answers kept for a second.

However many look at a page, the lake is asked once. Here: when to ask, whom to
tell, when to open the lake anew. Not here: the questions.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb

from inventory_assets.console.keeping import KEEP_SECONDS, Keeping
from inventory_assets.lake.catalog.older import is_left_behind
from inventory_assets.lake.catalog.readable import can_write, copies_of
from inventory_assets.lake.query.guard import only_read
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import Settings

T = TypeVar("T")

# Of a home that cannot be written, a copy of the catalog may be read; another door may still be at it.
COPY_SECONDS = 30.0
# The lists of a page need little; what does not fit spills below the home.
MEMORY = "128MB"


class Door:
    """Answers questions about the lake, one after the other."""

    def __init__(
        self, settings: Settings, *, keep_seconds: float = KEEP_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._reading = replace(settings, duckdb_memory_limit=MEMORY)
        self._keeping = Keeping(keep_seconds, clock)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake")
        self._reader: LakeReader | None = None
        self._place: object = None
        self._left: list[tuple[float, Path]] = []

    async def ask(self, name: Hashable, question: Callable[[LakeReader], T]) -> T:
        """Answer a question; the same one within a second, or while it is being answered, gets the same answer.

        Args:
            name: What tells this question from others.
            question: Reads and returns; all its queries see one version.

        Raises:
            LakeMissingError: There is no lake yet.
        """
        return await self._keeping.ask(name, lambda: self._answer_later(question))

    async def ask_now(self, question: Callable[[LakeReader], T]) -> T:
        """Answer a question as the lake is now: what a change is checked against must not be a second old."""
        return await self._answer_later(question)

    async def _answer_later(self, question: Callable[[LakeReader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[LakeReader], T]) -> T:
        try:
            return self._answer_once(question)
        except duckdb.Error:
            # A file that upkeep has removed, a catalog that was made anew: look again with fresh eyes, once.
            self._shut()
            return self._answer_once(question)

    def _answer_once(self, question: Callable[[LakeReader], T]) -> T:
        reader = self._open()
        reader.connection.execute("BEGIN")
        try:
            return question(reader)
        finally:
            try:
                reader.connection.execute("ROLLBACK")
            except duckdb.Error:
                pass  # the error that ended the transaction is on its way up already

    def _open(self) -> LakeReader:
        place = self._place_now()
        is_old = self._reader is not None and is_left_behind(self._reader.connection)
        if self._reader is None or place != self._place or is_old:
            self._leave_copy()
            self._shut()
            self._reader, self._place = LakeReader(self._reading), place
            # Whatever a request may bring about: it reads the lake, and no other file.
            only_read(self._reader.connection, self._reading)
        return self._reader

    def _place_now(self) -> object:
        """What tells this lake from another that was put in its place: the catalog's file.

        Of a home that cannot be written, what is in it as well: a copy may be open, in which no writer is seen.
        """
        if not self.settings.is_embedded:
            return self.settings.catalog_uri
        catalog = Path(self.settings.catalog_uri.removeprefix("sqlite:"))
        try:
            found = catalog.stat()
        except OSError:
            return None
        place = (found.st_dev, found.st_ino)
        return place if can_write(catalog.parent) else (*place, found.st_size, found.st_mtime_ns, _log_of(catalog))

    def _leave_copy(self) -> None:
        """Remove the copies of what the catalog is no more, a while after the last look at them."""
        now = self._clock()
        if self._reader is not None:
            self._left += [(now, folder) for folder in copies_of(self._reader.connection)]
        for at, folder in [each for each in self._left if each[0] <= now - COPY_SECONDS]:
            shutil.rmtree(folder, ignore_errors=True)
            self._left.remove((at, folder))

    def _shut(self) -> None:
        if self._reader is not None:
            self._reader.connection.close()
            self._reader = None

    def close(self) -> None:
        """End the thread and the connection."""
        self._thread.submit(self._shut)
        self._thread.shutdown()


def _log_of(catalog: Path) -> tuple[int, int] | None:
    """Size and time of what a writer has not moved into the catalog yet."""
    try:
        found = catalog.with_name(f"{catalog.name}-wal").stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns)

"""What every shelf sells a day, kept: the one number of a list's days of cover that the picture lacks.

It changes once an hour (`refresh.velocity`), so that a list that is sorted by it asks DuckDB nothing. Not here: what
else a page says of a shelf (`facts`).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from sys import intern

from inventory_assets.console.door import Door
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.at_stake import is_velocity_newer, iter_daily_units, newest_version

# How often it is looked whether there are newer ones.
LOOK_SECONDS = 10.0
logger = logging.getLogger(__name__)


class Sales:
    """Units sold a day of every shelf, by warehouse and SKU, as the lake had them a moment ago."""

    def __init__(self, door: Door, *, is_exact: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it.

        Args:
            door: The way to the lake.
            is_exact: Each look sees all that has landed by then.
            clock: Seconds.
        """
        self._door = door
        self._is_exact = is_exact
        self._clock = clock
        self._reader: LakeReader | None = None
        self._version = 0
        self._looked_at: float | None = None
        self._round: asyncio.Task[None] | None = None
        self.daily_units: Mapping[str, Mapping[str, float]] = {}

    async def look(self) -> None:
        """See that they are there; what is known and old is used, and looked at meanwhile."""
        if self._looked_at is None or self._is_exact:
            await asyncio.shield(self._begin())
        elif self._clock() - self._looked_at > LOOK_SECONDS:
            self._begin().add_done_callback(_let_fail)

    def _begin(self) -> asyncio.Task[None]:
        if self._round is None:
            self._round = asyncio.ensure_future(self._look())
        return self._round

    async def _look(self) -> None:
        try:
            found = await self._door.ask_now(self._read)
            if found is not None:
                self.daily_units = found
            self._looked_at = self._clock()
        finally:
            self._round = None

    def _read(self, reader: LakeReader) -> Mapping[str, Mapping[str, float]] | None:
        version = newest_version(reader)
        is_same_lake = reader is self._reader and version >= self._version
        if is_same_lake and (version == self._version or not is_velocity_newer(reader, self._version)):
            self._version = version
            return None
        found: dict[str, dict[str, float]] = {}
        for warehouse_id, sku, daily_units in iter_daily_units(reader):
            # Of twenty warehouses a SKU is one text.
            found.setdefault(warehouse_id, {})[intern(sku)] = daily_units
        self._reader, self._version = reader, version
        return found


def _let_fail(task: asyncio.Task[None]) -> None:
    # The next list looks again.
    with suppress(asyncio.CancelledError):
        if error := task.exception():
            logger.warning("what is sold a day could not be looked up: %s", error)

"""What a page says of a shelf and only the lake knows: what to do about it, and what it sells a day.

Kept by SKU: a list that is looked at again asks DuckDB only for what has changed. What is known and old is shown, and
asked for meanwhile; what many pages lack is asked for at once.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from inventory_assets.console.door import Door
from inventory_assets.console.questions import latest_version, sold_a_day
from inventory_assets.console.sales import Sales
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.advise import advise
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import to_do_now

# Decisions, days and seasons change what to do, too, and no stock.
FRESH_SECONDS = 10.0
# The lake is behind the picture: who asks again at once is told the same.
AGAIN_SECONDS = 1.0
# Nobody is shown what is older than this, by an old page that was left open.
OLDEST_SECONDS = 120.0
# Of twenty warehouses each: some 30 MB.
MOST_SKUS = 1_000
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a SKU, by warehouse; of what is not there, nothing is.

    Attributes:
        version: The lake's, as of which.
        read_at: When, as the clock of `Facts` counts.
        to_do: As `replenish.present.to_do_now`.
        daily_units: Sold a day.
    """

    version: int
    read_at: float
    to_do: Mapping[str, Mapping[str, Any]]
    daily_units: Mapping[str, float]

    def to_do_at(self, warehouse_id: str) -> Mapping[str, Any]:
        """What to do about a shelf, of which nothing may be known."""
        return self.to_do.get(warehouse_id, NOTHING)


NOTHING = to_do_now(None)


class Facts:
    """Looks SKUs up, and remembers."""

    def __init__(self, door: Door, *, is_exact: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it.

        Args:
            door: The way to the lake.
            is_exact: Nothing is remembered.
            clock: Seconds.
        """
        self.sales = Sales(door, is_exact=is_exact, clock=clock)
        self._door = door
        self._is_exact = is_exact
        self._clock = clock
        self._known: OrderedDict[str, Fact] = OrderedDict()
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._round: asyncio.Task[None] | None = None

    async def of(self, versions: Mapping[str, int]) -> dict[str, Fact]:
        """What is known of some SKUs.

        Args:
            versions: By SKU, which last changed its stock.
        """
        now = self._clock()
        if self._is_exact:
            self._known.clear()
        lacking = {sku for sku in versions if self._age(sku, now) > OLDEST_SECONDS}
        old = {sku for sku in versions.keys() - lacking if self._is_old(sku, versions[sku], now)}
        found = {sku: self._known[sku] for sku in versions.keys() - lacking}
        for sku in found:
            self._known.move_to_end(sku)
        self._wanted |= old - self._asked
        if lacking:
            self._wanted |= lacking
            while lacking & (self._wanted | self._asked):
                await asyncio.shield(self._begin())
            # What so many ask for at once that it is forgotten again is not known.
            found |= {sku: self._known[sku] for sku in lacking if sku in self._known}
        elif old:
            self._begin().add_done_callback(_let_fail)
        return found

    def _age(self, sku: str, now: float) -> float:
        known = self._known.get(sku)
        return float("inf") if known is None else now - known.read_at

    def _is_old(self, sku: str, version: int, now: float) -> bool:
        age = self._age(sku, now)
        return age > FRESH_SECONDS or (age > AGAIN_SECONDS and self._known[sku].version < version)

    def _begin(self) -> asyncio.Task[None]:
        if self._round is None:
            self._round = asyncio.ensure_future(self._look())
        return self._round

    async def _look(self) -> None:
        self._asked, self._wanted = self._wanted, set()
        try:
            skus = self._asked
            known = await self._door.ask_now(lambda reader: _read(reader, skus, self._clock()))
            self._known |= known
            while len(self._known) > max(MOST_SKUS, len(known)):
                self._known.popitem(last=False)
        finally:
            self._asked = set()
            self._round = None


def _let_fail(task: asyncio.Task[None]) -> None:
    # Nobody waits for it; the next page asks again.
    with suppress(asyncio.CancelledError):
        if error := task.exception():
            logger.warning("what to do could not be looked up: %s", error)


def _read(reader: LakeReader, skus: Collection[str], now: float) -> dict[str, Fact]:
    version = latest_version(reader)
    lines = advise(reader, skus, settings_of(reader.settings), version=version)
    to_do: dict[str, dict[str, Any]] = {sku: {} for sku in skus}
    for (warehouse_id, sku), line in lines.items():
        to_do[sku][warehouse_id] = to_do_now(line)
    sold: dict[str, dict[str, float]] = {sku: {} for sku in skus}
    for warehouse_id, sku, daily_units in sold_a_day(reader, skus):
        sold[sku][warehouse_id] = daily_units
    return {sku: Fact(version, now, to_do[sku], sold[sku]) for sku in skus}

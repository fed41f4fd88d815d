"""Stock as pages and answers show it: the tree of now or of a moment, and a SKU's past.

Of now the tree comes from the picture; of a moment it is folded anew from the events, which takes seconds where there
are many shelves, and is kept. Both the past and a SKU's history are read by a way to the lake of their own, so that
nobody else waits. Not here: what a page says.
"""

import asyncio
import time
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

from inventory_assets.clock import clock_of
from inventory_assets.console.door import Door
from inventory_assets.console.keeping import KEEP_SECONDS
from inventory_assets.console.pictured import Pictured, Shown
from inventory_assets.console.questions import latest_version
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.tree import Counts, PictureTree, count_alerts
from inventory_assets.domain.stock.tree import Branch, Place, StockFrame, Tree
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.shelf_history import (
    SkuHistory,
    read_shelves,
    read_shelves_at,
    read_sku_history,
    warehouses_of,
)
from inventory_assets.replenish.moment import moment_of
from inventory_assets.settings import Settings

# A page says that it is being worked out rather than wait longer.
PATIENCE_SECONDS = 0.25
# Of 200,000 shelves each 14 MB.
MOST_PASTS = 4
# An event that comes late changes what a moment was.
PAST_SECONDS = 600.0
# Of a node with thousands of children the list is sorted and named once for each version.
MOST_LISTS = 32
# On an axis of weeks nobody sees half a minute; to look when a version was takes a query over the events.
MOMENT_SECONDS = 30.0


class Shelves:
    """Answers about stock."""

    def __init__(self, settings: Settings, pictured: Pictured, *, keep_seconds: float = KEEP_SECONDS) -> None:
        self._settings = settings
        self._pictured = pictured
        self._is_exact = not keep_seconds
        self._door = Door(settings, keep_seconds=keep_seconds)
        # What takes seconds must not hold up a SKU's page.
        self._past_door = Door(settings, keep_seconds=keep_seconds)
        self._counted: tuple[weakref.ref[Picture], int, Counts] | None = None
        self._lists: OrderedDict[tuple[Place, str | None], tuple[weakref.ref[Picture], int, list[Branch]]] = (
            OrderedDict()
        )
        self._pasts: OrderedDict[int, tuple[float, asyncio.Task[StockFrame]]] = OrderedDict()
        self._moment: tuple[float, int] | None = None

    async def tree(self) -> tuple[Tree, Shown | None]:
        """The tree of now, and of which version it is; None is the lake's."""
        picture = await self._pictured.picture()
        if picture is None:
            frame = await self._door.ask("shelves", lambda reader: StockFrame(read_shelves(reader)))
            return frame, None
        return _Kept(picture, self._counts(picture), self._lists), self._pictured.shown(picture)

    async def tree_at(self, moment: int, *, patience: float | None = PATIENCE_SECONDS) -> Tree | None:
        """The tree of a moment of event time; None where it is still being worked out.

        Args:
            moment: Microseconds.
            patience: How long to wait; None is until it is there.
        """
        asked = self._pasts.get(moment)
        if asked is None or asked[0] + PAST_SECONDS < time.monotonic() or _has_failed(asked[1]) or self._is_exact:
            task = asyncio.ensure_future(
                self._past_door.ask_now(lambda reader: StockFrame(read_shelves_at(reader, moment)))
            )
            asked = self._pasts[moment] = (time.monotonic(), task)
            while len(self._pasts) > MOST_PASTS:
                self._pasts.popitem(last=False)
        self._pasts.move_to_end(moment)
        wait = None if self._is_exact else patience
        done, _ = await asyncio.wait({asked[1]}, timeout=wait)
        return asked[1].result() if done else None

    async def history(self, sku: str, warehouse: str | None = None) -> SkuHistory:
        """The past of a SKU, in all warehouses that have had it or in one."""
        picture = await self._pictured.picture()
        known = None if picture is None else [row.warehouse_id for row in picture.stock_of_sku(sku)]

        def ask(reader: LakeReader) -> SkuHistory:
            places: Sequence[str] = warehouses_of(reader, sku) if known is None else known
            return read_sku_history(reader, sku, [each for each in places if warehouse in (None, each)])

        return await self._door.ask(("history", sku, warehouse, None if picture is None else picture.version), ask)

    async def now(self) -> int:
        """The moment that the lake speaks of, in microseconds of event time (`replenish.moment`)."""
        if self._moment is None or self._is_exact or self._moment[0] + MOMENT_SECONDS < time.monotonic():
            clock = clock_of(self._settings)

            def ask(reader: LakeReader) -> datetime | None:
                return moment_of(reader, latest_version(reader))

            found = await self._door.ask("moment", ask)
            at = clock.now() if found is None else found.replace(tzinfo=UTC)
            self._moment = (time.monotonic(), to_microseconds(at))
        return self._moment[1]

    def close(self) -> None:
        """End the threads."""
        self._door.close()
        self._past_door.close()

    def _counts(self, picture: Picture) -> Counts:
        kept, newest = self._counted, picture.alerts.newest
        if kept is None or kept[0]() is not picture or kept[1] != newest:
            kept = self._counted = (weakref.ref(picture), newest, count_alerts(picture))
        return kept[2]


class _Kept(PictureTree):
    """Lists of children are made once for each version."""

    def __init__(
        self, picture: Picture, counts: Counts,
        lists: OrderedDict[tuple[Place, str | None], tuple[weakref.ref[Picture], int, list[Branch]]],
    ) -> None:  # fmt: skip
        super().__init__(picture, counts)
        self._lists = lists

    def children(self, place: Place, warehouse: str | None) -> list[Branch]:
        name, picture = (place, warehouse), self._picture
        kept = self._lists.get(name)
        if kept is None or kept[0]() is not picture or kept[1] != picture.version:
            kept = self._lists[name] = (weakref.ref(picture), picture.version, super().children(place, warehouse))
            while len(self._lists) > MOST_LISTS:
                self._lists.popitem(last=False)
        return kept[2]


def _has_failed(task: asyncio.Task[StockFrame]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)

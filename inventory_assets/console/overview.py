"""What the Overview shows, by warehouse: what is so now, what changed since yesterday, what the marts say of a month.

What is so now comes from the picture, of the version that the page shows. What changed is asked of the lake, which is
a second behind, and the marts are as old as their build: both are kept, and each says as of when it is. The words
"changed", "ran out" and "fill rate" are the reports' and the marts' own. Not here: what a page says of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from inventory_assets.clock import clock_of
from inventory_assets.console.door import Door
from inventory_assets.console.keeping import KEEP_SECONDS, Latest
from inventory_assets.console.pictured import Pictured
from inventory_assets.console.planning import Heads
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.reports.read.overview import (
    AlertCounts,
    Changes,
    Fills,
    read_alerts,
    read_changes,
    read_fills,
)
from inventory_assets.reports.read.shelf_sums import BySite, KeptSums, read_sums
from inventory_assets.settings import Settings

# A page waits so long for what it has not asked before; then it says that it is being worked out.
PATIENCE_SECONDS = 0.2
CHANGES_SECONDS = 3.0
# Marts are built once a day.
MARTS_SECONDS = 60.0


class Overview:
    """Answers for the Overview."""

    def __init__(
        self, settings: Settings, pictured: Pictured, ask_plan: Callable[[], Awaitable[Heads]], *,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._pictured = pictured
        is_exact = not keep_seconds
        # What takes a second must hold up nobody else's page.
        self._door = Door(settings, keep_seconds=keep_seconds)
        self._sums = KeptSums()
        self._changes: Latest[Changes | None] = Latest(
            self._ask_changes, fresh_seconds=CHANGES_SECONDS, is_exact=is_exact
        )
        self._plan = Latest(ask_plan, fresh_seconds=KEEP_SECONDS, is_exact=is_exact)
        self._fills = Latest(self._ask_fills, fresh_seconds=MARTS_SECONDS, is_exact=is_exact)
        self._known_fills: tuple[int, Fills | None] | None = None

    async def sums(self, picture: Picture | None) -> BySite:
        """Shelves, stock and value now."""
        if picture is not None:
            return self._sums.of(picture)
        return await self._door.ask("sums", read_sums)

    async def alerts(self, picture: Picture | None) -> AlertCounts:
        """Open alerts now."""
        if picture is not None:
            return self._pictured.alerts_by_warehouse(picture)
        return await self._door.ask("alerts", read_alerts)

    async def changes(self) -> Changes | None:
        """What changed; None while it is worked out for the first time."""
        return await self._changes.get(patience=PATIENCE_SECONDS)

    async def plan(self) -> Heads | None:
        """How much of the plan there is to do; None while it is read for the first time."""
        return await self._plan.get(patience=PATIENCE_SECONDS)

    async def fills(self) -> tuple[Fills | None, bool]:
        """What the marts say, None without any; and whether that is known yet."""
        found = await self._fills.get(patience=PATIENCE_SECONDS)
        return (None, False) if found is None else (found[0], True)

    async def _ask_changes(self) -> Changes | None:
        today = clock_of(self._settings).today()
        return await self._door.ask_now(lambda reader: read_changes(reader, today))

    async def _ask_fills(self) -> tuple[Fills | None]:
        return (await asyncio.to_thread(self._look_at_fills),)

    def _look_at_fills(self) -> Fills | None:
        at = _written_at(self._settings.marts_path / "catalog.sqlite")
        if at is None:
            return None
        if self._known_fills is None or self._known_fills[0] != at:
            self._known_fills = at, read_fills(self._settings)
        return self._known_fills[1]

    def close(self) -> None:
        """End the thread."""
        self._door.close()


def _written_at(catalog: Path) -> int | None:
    """When a catalog was last written, its log too; None where there is none."""
    try:
        log = catalog.with_name(f"{catalog.name}-wal")
        return max(catalog.stat().st_mtime_ns, log.stat().st_mtime_ns if log.exists() else 0)
    except OSError:
        return None

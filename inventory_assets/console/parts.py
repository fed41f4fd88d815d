"""What every handler of the console shares: the way to the lake, the way out, who may ask."""

import logging
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import duckdb

from inventory_assets.changes.publish import Outlet, Publish
from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.console import questions
from inventory_assets.console.access import Access
from inventory_assets.console.desk import Desk
from inventory_assets.console.door import Door
from inventory_assets.console.facts import Facts
from inventory_assets.console.keeping import KEEP_SECONDS, Keeping, Latest
from inventory_assets.console.news import News
from inventory_assets.console.overview import Overview
from inventory_assets.console.pictured import Pictured
from inventory_assets.console.planning import Planning
from inventory_assets.console.shelves import Shelves
from inventory_assets.console.trial import Trials
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.live import Live
from inventory_assets.quality.lags import Lag, find_lags
from inventory_assets.queries.alerts import version_of
from inventory_assets.queries.ids import UnknownAlertError
from inventory_assets.settings import Settings

MAX_EXPLAINED = 64
# A look takes some milliseconds, and what is behind is so for a minute at least.
LAGS_SECONDS = 3.0
LAGS_PATIENCE_SECONDS = 0.1
logger = logging.getLogger(__name__)


class Console:
    """What the handlers share: the way to the lake, the way out, the tokens' rules."""

    def __init__(
        self, settings: Settings, access: Access, *, publish: Publish | None = None,
        keep_seconds: float = KEEP_SECONDS, live: Live | None = None, now: Callable[[], int] = machine_microseconds,
    ) -> None:  # fmt: skip
        self.settings = settings
        self._now = now
        is_exact = not keep_seconds
        self.access = access
        self.door = Door(settings, keep_seconds=keep_seconds)
        # A probe does not wait behind a page's long question.
        self.health_door = Door(settings, keep_seconds=keep_seconds)
        # Whoever gave the picture follows; without one, the lake is asked for everything.
        self.pictured = Pictured(settings, live, Facts(self.door, is_exact=is_exact), is_exact=is_exact)
        self.pages = Keeping(keep_seconds)
        self.shelves = Shelves(settings, self.pictured, keep_seconds=keep_seconds)
        self.desk = Desk(settings, self.door, publish or Outlet(settings))
        self.trials = Trials()
        self.planning = Planning(settings)
        self.overview = Overview(
            settings, self.pictured, lambda: self.door.ask("plan heads", self.planning.heads()),
            keep_seconds=keep_seconds,
        )  # fmt: skip
        self._lags = Latest(self._look_for_lags, fresh_seconds=LAGS_SECONDS, is_exact=is_exact)
        self.news = News(self._mark)
        self._explained: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()

    async def lags(self) -> list[Lag]:
        """What is behind, the cause first; nothing where that cannot be said, as nothing else can be shown then."""
        try:
            found = await self._lags.get(patience=LAGS_PATIENCE_SECONDS)
        except (LakeError, duckdb.Error, OSError) as error:
            if not isinstance(error, LakeMissingError):
                logger.warning("what is behind could not be looked up: %s", error)
            return []
        own = self.pictured.lag()
        return [*([own] if own else []), *(found or ())]

    async def _mark(self) -> str:
        picture = await self.pictured.picture()
        shown = "lake" if picture is None else f"{picture.epoch}-{picture.version}"
        behind = "".join(f"{each.name}\n" for each in await self.lags())
        return f"{shown}-{zlib.crc32(behind.encode()):08x}"

    async def _look_for_lags(self) -> list[Lag]:
        def ask(reader: LakeReader) -> list[Lag]:
            return find_lags(reader, self.settings, now=self._now(), shown=clock_of(self.settings))

        return await self.health_door.ask_now(ask)

    async def explain(self, alert_id: str) -> dict[str, Any]:
        """An alert's explanation; kept for as long as the alert does not change, as it replays a SKU's life."""

        def ask_version(reader: Any) -> int:
            version = version_of(reader, alert_id)
            if version is None:
                raise UnknownAlertError(f"no alert {alert_id!r}")
            return version

        name = (alert_id, await self.door.ask(("alert version", alert_id), ask_version))
        if name not in self._explained:
            question = questions.explain(self.settings, alert_id)
            self._explained[name] = await self.door.ask(("explain", *name), question)
            if len(self._explained) > MAX_EXPLAINED:
                self._explained.popitem(last=False)
        return self._explained[name]

    def close(self) -> None:
        """End the threads."""
        self.news.close()
        self.desk.close()
        self.door.close()
        self.health_door.close()
        self.shelves.close()
        self.overview.close()
        if self.access.gate is not None:
            self.access.gate.close()

"""What every handler of the console shares: the way to the lake, the way out, who may ask."""

from collections import OrderedDict
from typing import Any

from inventory_assets.changes.publish import Outlet, Publish
from inventory_assets.console import questions
from inventory_assets.console.access import Access
from inventory_assets.console.desk import Desk
from inventory_assets.console.door import Door
from inventory_assets.console.facts import Facts
from inventory_assets.console.keeping import KEEP_SECONDS, Keeping
from inventory_assets.console.pictured import Pictured
from inventory_assets.console.planning import Planning
from inventory_assets.console.shelves import Shelves
from inventory_assets.console.trial import Trials
from inventory_assets.picture.live import Live
from inventory_assets.queries.alerts import version_of
from inventory_assets.queries.ids import UnknownAlertError
from inventory_assets.settings import Settings

MAX_EXPLAINED = 64


class Console:
    """What the handlers share: the way to the lake, the way out, the tokens' rules."""

    def __init__(
        self, settings: Settings, access: Access, *, publish: Publish | None = None,
        keep_seconds: float = KEEP_SECONDS, live: Live | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
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
        self._explained: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()

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
        self.desk.close()
        self.door.close()
        self.health_door.close()
        self.shelves.close()
        if self.access.gate is not None:
            self.access.gate.close()

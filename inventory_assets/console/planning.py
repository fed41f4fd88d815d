"""What the Replenish page, its files and `/api/plan` ask: a part of the plan, chosen and sorted, and why a line is so.

Here: the questions, and what is kept of their answers. Not here: which lines there are (`replenish.sheet`), HTTP.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from inventory_assets.console.problems import Refused
from inventory_assets.domain.events.kinds import Key
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish import sheet
from inventory_assets.replenish.explain import LineExplanation, explain_line
from inventory_assets.replenish.lines import Made, UnknownLineError
from inventory_assets.replenish.ordered import Ordered, read_ordered_at_once
from inventory_assets.replenish.sheet import Choices, Group, Head, Line, Part, Sheet, Sheets, StockNow, Wanted
from inventory_assets.settings import Settings

MAX_EXPLAINED = 64
MAX_CHOSEN = 32


class Planned(NamedTuple):
    """A part of the plan. `total`: lines of the whole choice."""

    made: Made | None
    choices: Choices
    head: Head
    groups: list[Group]
    parts: list[Part]
    total: int
    stock: dict[Key, StockNow]


class Heads(NamedTuple):
    """How much there is to do: of the whole plan, and by warehouse."""

    made: Made | None
    whole: Head
    by_warehouse: dict[str, Head]


class Planning:
    """The plan in memory, and the lines that were explained."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sheets = Sheets()
        self._sheet: Sheet | None = None
        self._heads: tuple[Sheet, Heads] | None = None
        self._chosen: OrderedDict[Wanted, tuple[Head, list[Group]]] = OrderedDict()
        self._explained: OrderedDict[tuple[str, int], LineExplanation] = OrderedDict()
        # Each has a connection of its own to the lake.
        self._turn = asyncio.Semaphore(1)

    def part(
        self, wanted: Wanted, limit: int, offset: int, *, with_stock: bool = False
    ) -> Callable[[LakeReader], Planned]:
        """A part of the plan's lines; with their stock of now where the lake is to say it."""

        def ask(reader: LakeReader) -> Planned:
            found = self._sheets.read(reader)
            head, groups = self._choose(found, wanted)
            parts = sheet.cut(groups, offset, limit)
            keys = [(line["warehouse_id"], line["sku"]) for part in parts for line in part.lines]
            stock = sheet.read_stock(reader, keys) if with_stock and keys else {}
            total = sum(each.sums.lines for each in groups)
            return Planned(found.made, found.choices, head, groups, parts, total, stock)

        return ask

    def heads(self) -> Callable[[LakeReader], Heads]:
        """How much there is to do: of the whole plan, and by warehouse; as `part` heads each of them."""

        def ask(reader: LakeReader) -> Heads:
            found = self._sheets.read(reader)
            if self._heads is None or self._heads[0] is not found:
                by_warehouse: dict[str, list[Line]] = {}
                for line in found.lines:
                    by_warehouse.setdefault(line["warehouse_id"], []).append(line)
                heads = {name: sheet.head(lines) for name, lines in by_warehouse.items()}
                self._heads = found, Heads(found.made, sheet.head(found.lines), heads)
            return self._heads[1]

        return ask

    def lines(self, wanted: Wanted) -> Callable[[LakeReader], tuple[Made | None, list[Line]]]:
        """All lines of a choice."""

        def ask(reader: LakeReader) -> tuple[Made | None, list[Line]]:
            found = self._sheets.read(reader)
            _, groups = self._choose(found, wanted)
            return found.made, [line for each in groups for line in each.lines]

        return ask

    def ordered(self, reader: LakeReader) -> Ordered:
        """What was accepted of every plan's lines, also what has not landed yet."""
        return read_ordered_at_once(reader)

    def _choose(self, found: Sheet, wanted: Wanted) -> tuple[Head, list[Group]]:
        # Who turns pages asks the same again and again, of eight thousand lines.
        if found is not self._sheet:
            self._sheet = found
            self._chosen.clear()
        if wanted not in self._chosen:
            chosen = sheet.choose(found.lines, wanted)
            groups = sheet.group(sheet.shown(chosen, wanted.show), wanted.sort, wanted.show)
            self._chosen[wanted] = sheet.head(chosen), groups
            if len(self._chosen) > MAX_CHOSEN:
                self._chosen.popitem(last=False)
        return self._chosen[wanted]

    async def explain(self, line_id: str, version: int) -> LineExplanation:
        """A line derived again; kept, as it replays the sales of twelve weeks.

        Args:
            line_id: Which.
            version: The lake's: an explanation says whether a newer line has come.

        Raises:
            Refused: No plan has it.
        """
        name = (line_id, version)
        async with self._turn:
            if name not in self._explained:
                try:
                    self._explained[name] = await asyncio.to_thread(explain_line, self._settings, line_id)
                except UnknownLineError as error:
                    raise Refused(404, str(error)) from error
                if len(self._explained) > MAX_EXPLAINED:
                    self._explained.popitem(last=False)
            return self._explained[name]

"""A table that fits: whole where there is room, else fewer columns, and what is left is wrapped by word.

Here: which columns stay, how wide each is, where a cell breaks. Not here: what a table is of (`output`).
"""

import os
import re
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from inventory_assets.words.numbers import UNKNOWN
from inventory_assets.words.text import visible

# From here on there is room for lines between columns.
ROOMY = 100
WIDEST = 10_000
# Ids are long: narrower columns break them, and a wider one would leave nothing to its neighbours.
LONGEST_WORD = 24
# A sentence in a narrower column is a word a line.
SENTENCE = 20
# After these a long id may break, rather than anywhere.
_JOINTS = re.compile(r"(?<=[-/_.,:;|›])")
_WORDS = re.compile(r"\S+\s*|\s+")


def asked_width() -> int | None:
    """The width that COLUMNS asks for; None where it asks for none that could be."""
    text = os.environ.get("COLUMNS", "")
    return min(int(text), WIDEST) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) else None


def is_bounded(console: Console) -> bool:
    """Whether what is printed has a right edge: a pipe has none unless COLUMNS says so."""
    return console.file.isatty() or asked_width() is not None


class Rows:
    """Rows with columns by name.

    A text from outside is one line, as ours are but where `Text` says otherwise: no cell can forge a line.

    Args:
        names: The columns' headers.
        numbers: Those of them on the right.
        leaving: Which leave where all do not fit, the first first; by default from the right, and never the first.
    """

    def __init__(
        self, names: Sequence[str], numbers: Sequence[str] = (), *, title: str = "",
        leaving: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.names, self.title = tuple(names), title
        self._numbers = frozenset(numbers)
        self._leaving = tuple(reversed(names[1:])) if leaving is None else tuple(leaving)
        self._rows: list[tuple[list[Text], str]] = []
        self.left_out: list[str] = []

    def add_row(self, *cells: str | Text, style: str | None = None) -> None:
        """Add a row, with a cell for each column."""
        made = [cell if isinstance(cell, Text) else Text(visible(cell)) for cell in cells]
        self._rows.append((made, style or ""))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is drawn; `left_out` says afterwards which columns are not."""
        if self.title:
            yield Text(visible(self.title), style="table.title")
        if self.names:
            yield self._fit(options.max_width, is_bounded=is_bounded(console))

    def _fit(self, width: int, *, is_bounded: bool) -> Table:
        is_roomy = width >= ROOMY
        natural, floors = self._measure()
        kept = list(range(len(self.names)))
        leaving = [each for name in self._leaving for each in kept if self.names[each] == name] if is_bounded else []
        # What says nothing makes room first.
        leaving.sort(key=lambda each: not self._is_empty(each))
        if not is_bounded:
            # Nothing is gained by breaking what is short.
            floors = [max(floor, min(like, SENTENCE)) for floor, like in zip(floors, natural, strict=True)]
            width = max(width, sum(floors) + _edges(len(kept), is_roomy=is_roomy))
        while leaving and sum(floors[each] for each in kept) + _edges(len(kept), is_roomy=is_roomy) > width:
            kept.remove(leaving.pop(0))
        self.left_out = [name for each, name in enumerate(self.names) if each not in kept]
        room = max(len(kept), width - _edges(len(kept), is_roomy=is_roomy))
        widths = _share([natural[each] for each in kept], [floors[each] for each in kept], room)
        return self._draw(kept, widths, is_roomy=is_roomy)

    def _is_empty(self, column: int) -> bool:
        return all(cells[column].plain in ("", UNKNOWN) for cells, _ in self._rows)

    def _measure(self) -> tuple[list[int], list[int]]:
        """The width that each column would like, and the least that it is drawn at."""
        natural, floors = [0] * len(self.names), [0] * len(self.names)
        header = [Text(visible(name)) for name in self.names]
        for cells in (header, *(cells for cells, _ in self._rows)):
            for each, cell in enumerate(cells):
                text = cell.plain
                wide = max(map(cell_len, text.split("\n")), default=0)
                natural[each] = max(natural[each], wide)
                if wide > floors[each]:
                    floors[each] = max(floors[each], max(map(cell_len, text.split()), default=0))
        return natural, [
            min(like, max(min(word, LONGEST_WORD), SENTENCE if like > SENTENCE else 0))
            for like, word in zip(natural, floors, strict=True)
        ]

    def _draw(self, kept: Sequence[int], widths: Sequence[int], *, is_roomy: bool) -> Table:
        table = Table(
            box=box.HEAVY_HEAD if is_roomy else box.SIMPLE_HEAD, header_style="bold", pad_edge=is_roomy,
            show_edge=is_roomy, collapse_padding=not is_roomy,
            # Else it is squeezed into what a pipe is taken for.
            width=sum(widths) + _edges(len(kept), is_roomy=is_roomy),
        )  # fmt: skip
        for each, width in zip(kept, widths, strict=True):
            name = self.names[each]
            table.add_column(
                wrapped(Text(visible(name)), width), justify="right" if name in self._numbers else "left",
                width=width, overflow="fold",
            )  # fmt: skip
        for cells, style in self._rows:
            shown = [wrapped(cells[each], width) for each, width in zip(kept, widths, strict=True)]
            table.add_row(*shown, style=style)
        return table


def _edges(columns: int, *, is_roomy: bool) -> int:
    return 3 * columns + 1 if is_roomy else 2 * columns - 2


def _share(natural: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """Give each column what it likes as far as there is room; who needs least gets it first."""
    widths = list(floors)
    while sum(widths) > room:
        widest = widths.index(max(widths))
        widths[widest] -= 1
    spare = room - sum(widths)
    wanting = sorted(range(len(widths)), key=lambda each: natural[each] - widths[each])
    for number, each in enumerate(wanting):
        given = min(natural[each] - widths[each], spare // (len(wanting) - number))
        widths[each] += given
        spare -= given
    return widths


def wrapped(text: Text, width: int) -> Text:
    """A text with its lines broken to a width: between words, else after a hyphen and its like, else anywhere."""
    width = max(1, width)
    if all(cell_len(line) <= width for line in text.plain.split("\n")):
        return text
    lines: list[Text] = []
    for line in text.split("\n"):
        offsets = list(_breaks(line.plain, width))
        lines += [part.copy() for part in line.divide(offsets)] if offsets else [line]
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)


def _breaks(line: str, width: int) -> Iterator[int]:
    """Where a line breaks."""
    used = position = 0
    for word in _WORDS.findall(line):
        parts = [word]
        if cell_len(word.rstrip()) > width:
            parts = [piece for joint in _JOINTS.split(word) if joint for piece in _pieces(joint, width)]
        for part in parts:
            if used and used + cell_len(part.rstrip()) > width:
                yield position
                used = 0
            used += cell_len(part)
            position += len(part)


def _pieces(text: str, width: int) -> list[str]:
    return [text] if cell_len(text.rstrip()) <= width else chop_cells(text, width)

"""Print rows as a table, JSON or CSV: the same rows, whoever asks."""

import codecs
import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

import click
from rich.console import Console, ConsoleDimensions
from rich.padding import Padding
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from inventory_assets.commands.table import Rows, asked_width, is_bounded
from inventory_assets.domain.json_values import to_json
from inventory_assets.errors import InventoryError
from inventory_assets.option_types import ROWS
from inventory_assets.words.numbers import UNKNOWN, number
from inventory_assets.words.text import formula_safe, spaced, visible, visible_json, visible_lines
from inventory_assets.words.times import to_second

FORMATS = ("table", "json", "csv")

# Piped output has no terminal to ask: wide enough for every table, whatever the reader.
PIPED_WIDTH = 160

# Corners, and a space beside each.
_FRAME = 6


class OutputError(InventoryError):
    """Standard output could not be written to its end."""


class _Terminal(Console):
    """A console on which what comes from outside is visible, and a string is one line; what has more is a `Text`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, with every invisible character of a text as an escape.

        `soft_wrap` is for what should stay one line: a command to copy, on standard error; elsewhere a
        sentence, which is wrapped by word all the same where there is an edge.
        """
        if not self.stderr and is_bounded(self):
            options.pop("soft_wrap", None)
            objects = tuple(_below(each) if isinstance(each, str) else each for each in objects)
        if any(isinstance(each, Rows) for each in objects):
            options.setdefault("crop", False)
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)

    @property
    def size(self) -> ConsoleDimensions:
        """What COLUMNS says, else the terminal, else what a pipe gets."""
        width, height = super().size
        return ConsoleDimensions(asked_width() or (width if self.file.isatty() else PIPED_WIDTH), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """What is printed, whatever built it: a title, a table, a text with styles."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


def _below(text: str) -> str | Padding:
    """A line that begins with spaces goes on below its first word, not below the edge."""
    indent = len(text) - len(text.lstrip(" "))
    return Padding(Text(visible(text[indent:])), (0, 0, 0, indent), expand=False) if indent else text


def _console(*, is_error: bool) -> Console:
    # Ids and names come from other people's systems and may hold `[/b]` or `:x:` (RULES 4): no string is markup
    # here. What is ours is styled with `Text` and `style=`. A panel's title is markup all the same: give it a `Text`.
    # COLUMNS is read where it is asked for: Rich takes `²` for a number, and ends.
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return _Terminal(stderr=is_error, markup=False, emoji=False, highlight=False, _environ=known)


console = _console(is_error=False)
notes = _console(is_error=True)


def format_option(command: Callable) -> Callable:
    """Add `--format table|json|csv` to a command."""
    return click.option(
        "--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True,
        help="How rows are printed; json is one array of objects.",
    )(command)  # fmt: skip


def limit_option(command: Callable) -> Callable:
    """Add `--limit` to a command whose list may be long."""
    return click.option(
        "--limit", type=ROWS, default=50, show_default=True, help="Rows of a table; json and csv have all."
    )(command)


def print_rows(
    rows: Sequence[dict[str, Any]], format_: str, *, columns: Sequence[str] | None = None, title: str = "",
    leaving: Sequence[str] | None = None, limit: int | None = None, is_verbatim: bool = False,
) -> None:  # fmt: skip
    """Print rows. `columns` chooses and orders those of a table; json and csv have all.

    `leaving`: of a table, those that go where all do not fit, the first first (default: from the right).
    `limit`: rows of a table; how many more there are is said.
    `is_verbatim`: the columns have names that somebody else gave, to be copied as they are.
    """
    if format_ == "json":
        with written_as_utf8() as out:
            out.write(f"[{', '.join(map(_json, rows))}]\n")
    elif format_ == "csv":
        names = list(columns or (rows[0] if rows else ()))
        with written_as_utf8() as out:
            _write_csv(_csv_writer(names, out), names, rows)
    else:
        with _told():
            _print_table(
                rows[:limit], list(columns or (rows[0] if rows else ())), title, name_of=str if is_verbatim else spaced,
                leaving=leaving,
            )  # fmt: skip
        if limit is not None:
            print_more(rows, limit)


@contextmanager
def written_as_utf8() -> Iterator[TextIO]:
    """Standard output for what programs read: UTF-8, whatever the terminal has.

    Raises:
        OutputError: It cannot be written.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and codecs.lookup(out.encoding).name != "utf-8":
        out.reconfigure(encoding="utf-8", errors="backslashreplace")
    with _told():
        yield out


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"standard output could not be written: {why}. What is there is not all of it.") from error


def print_line(what: dict[str, Any] | str) -> None:
    """Print one of a row of things that has no end, at once: an object as a line of JSON, or a text as one line."""
    with written_as_utf8() as out:
        out.write(f"{visible(what) if isinstance(what, str) else _json(what)}\n")
        out.flush()


def print_batches(names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]], format_: str) -> None:
    """Print rows as they come, however many: one array, one CSV, or a table for each batch."""
    found = iter(batches)
    # Before anything is printed: a question that fails at its first row has no answer.
    batch = next(found, [])
    if format_ == "table":
        print_rows(_named(names, batch), "table", columns=names, is_verbatim=True)
        for batch in found:
            print_rows(_named(names, batch), "table", columns=names, is_verbatim=True)
    elif format_ == "csv":
        with written_as_utf8() as out:
            writer = _csv_writer(names, out)
            while batch:
                _write_csv(writer, names, _named(names, batch))
                batch = next(found, [])
    else:
        with written_as_utf8() as out:
            separator = "["
            while batch:
                for row in _named(names, batch):
                    out.write(separator + _json(row))
                    separator = ", "
                batch = next(found, [])
            out.write("[]\n" if separator == "[" else "]\n")


def _named(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _json(row: dict[str, Any]) -> str:
    return visible_json(json.dumps(to_json(row), ensure_ascii=False, allow_nan=False))


def _csv_writer(names: Sequence[str], out: TextIO) -> Any:
    # Not the CRLF of RFC 4180: a shell would take the \r into the last cell.
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    return writer


def _write_csv(writer: Any, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    # A file or a pipe gets what there is; a terminal would obey it.
    shown = visible if sys.stdout.isatty() else str
    for row in rows:
        cells = [_cell(row.get(name)) for name in names]
        writer.writerow([shown(cell) if isinstance(cell, str) else cell for cell in cells])


def print_found(
    rows: Sequence[dict[str, Any]], format_: str, nothing: str = "", *, limit: int | None = None,
    leaving: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Print what was found or done; for a reader of tables, instead of an empty one, that there was nothing."""
    if rows or format_ != "table":
        print_rows(rows, format_, limit=limit, leaving=leaving)
    if not rows and nothing:
        notes.print(nothing, style="dim")


def print_more(rows: Sized, limit: int) -> None:
    """Say that a table ends before its rows do."""
    if len(rows) > limit:
        notes.print(f"{len(rows) - limit:,} more: --limit {len(rows)}", style="dim")


def print_older(rows: Sequence[object], limit: int) -> None:
    """The same where nobody counted: one row was read beyond the limit, to know that there are more."""
    if len(rows) > limit:
        notes.print(f"older ones are left out: --limit {10 * limit} shows more", style="dim")


def new_table(
    names: Sequence[str], *numbers: str, title: str | None = None, leaving: Sequence[str] | None = None
) -> Rows:
    """A table with columns by name; `numbers` are on the right, and `leaving` go first where all do not fit."""
    return Rows(names, numbers, title=title or "", leaving=leaving)


def print_table(table: Rows, elsewhere: str = "--format json") -> None:
    """Print a table, and say which columns there was no room for and where they are."""
    console.print(table)
    if table.left_out:
        notes.print(
            f"no room at {console.width} columns for: {', '.join(table.left_out)}. "
            f"A wider window shows them, or COLUMNS={PIPED_WIDTH}, or {elsewhere}.",
            style="dim",
        )


def no_stock_of(warehouse_id: str, sku: str) -> click.ClickException:
    """What to answer who asks about a key that the lake does not know."""
    return click.ClickException(
        f"no stock is known of SKU {sku!r} at {warehouse_id!r}. "
        'See what is: inventory sql "SELECT warehouse_id, sku FROM core.sku_state"'
    )


def print_headed(text: Text, heading: str, style: str) -> None:
    """Print a text in a frame with an id above it: in the frame's line where there is room, never cut."""
    if len(heading) + _FRAME > console.width:
        console.print(Panel(Text.assemble((visible(heading), "bold"), "\n", text), border_style=style))
    else:
        console.print(Panel(text, title=Text(heading), border_style=style))


def print_agreement(differences: Sequence[str], different: str, same: str) -> None:
    """Say whether what was derived again is the same, and what is not."""
    if not differences:
        console.print(f"✓ {same}", style="green")
        return
    console.print(different, style="bold red")
    for difference in differences:
        console.print(f"  {difference}")


def _cell(value: Any) -> Any:
    value = to_json(value)  # also of a number that JSON has not, such as infinity: null, an empty cell
    if isinstance(value, dict | list):
        value = json.dumps(value)
    return formula_safe(value) if isinstance(value, str) else value


def _print_table(
    rows: Sequence[dict[str, Any]], names: list[str], title: str, *, name_of: Callable[[str], str],
    leaving: Sequence[str] | None,
) -> None:  # fmt: skip
    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    numbers = [name_of(name) for name in names if any(is_number(row.get(name)) for row in rows)]
    table = new_table(
        [name_of(name) for name in names],
        *numbers,
        title=title,
        leaving=None if leaving is None else [name_of(name) for name in leaving],
    )
    for row in rows:
        table.add_row(*[_shown(row.get(name)) for name in names])
    if names:
        print_table(table)
    if not rows:
        notes.print("no rows", style="dim")


def _shown(value: Any) -> str | Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return to_second(value)
    if isinstance(value, int | float):
        return number(value)
    return str(to_json(value))

"""Print rows as a table, JSON or CSV: the same rows, whoever asks."""

import codecs
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table

from inventory_assets.domain.json_values import to_json
from inventory_assets.errors import InventoryError
from inventory_assets.words.numbers import UNKNOWN, number
from inventory_assets.words.text import formula_safe, spaced
from inventory_assets.words.times import to_second

FORMATS = ("table", "json", "csv")

# Piped output has no terminal to ask: wide enough for every table, whatever the reader.
PIPED_WIDTH = 160


class OutputError(InventoryError):
    """Standard output could not be written to its end."""


def _console(stream: TextIO | None, *, is_error: bool) -> Console:
    # Ids and names come from other people's systems and may hold `[/b]` or `:x:` (RULES 4): no string is markup
    # here. What is ours is styled with `Text` and `style=`. A panel's title is markup all the same: give it a `Text`.
    width = None if stream is not None and stream.isatty() else PIPED_WIDTH
    return Console(stderr=is_error, width=width, markup=False, emoji=False, highlight=False)


console = _console(sys.stdout, is_error=False)
notes = _console(sys.stderr, is_error=True)


def format_option(command: Callable) -> Callable:
    """Add `--format table|json|csv` to a command."""
    return click.option(
        "--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True,
        help="How rows are printed; json is one array of objects.",
    )(command)  # fmt: skip


def print_rows(
    rows: Sequence[dict[str, Any]], format_: str, *, columns: Sequence[str] | None = None, title: str = ""
) -> None:
    """Print rows. `columns` chooses and orders those of a table; json and csv have all."""
    if format_ == "json":
        with written_as_utf8() as out:
            json.dump([to_json(row) for row in rows], out, ensure_ascii=False, allow_nan=False)
            out.write("\n")
    elif format_ == "csv":
        with written_as_utf8() as out:
            _print_csv(rows, list(columns or (rows[0] if rows else ())), out)
    else:
        with _told():
            _print_table(rows, list(columns or (rows[0] if rows else ())), title)


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


def _print_csv(rows: Sequence[dict[str, Any]], names: list[str], out: TextIO) -> None:
    # Not the CRLF of RFC 4180: a shell would take the \r into the last cell.
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])


def print_found(rows: Sequence[dict[str, Any]], format_: str, nothing: str = "") -> None:
    """Print what was found or done; for a reader of tables, instead of an empty one, that there was nothing."""
    if rows or format_ != "table":
        print_rows(rows, format_)
    if not rows and nothing:
        notes.print(nothing, style="dim")


def print_more(rows: Sequence[object], limit: int) -> None:
    """Say that a table ends before its rows do."""
    if len(rows) > limit:
        notes.print(f"{len(rows) - limit} more: --limit {len(rows)}", style="dim")


def new_table(names: Sequence[str], *numbers: str, title: str | None = None) -> Table:
    """A table with columns by name; `numbers` are on the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def no_stock_of(warehouse_id: str, sku: str) -> click.ClickException:
    """What to answer who asks about a key that the lake does not know."""
    return click.ClickException(
        f"no stock is known of SKU {sku!r} at {warehouse_id!r}. "
        'See what is: inventory sql "SELECT warehouse_id, sku FROM core.sku_state"'
    )


def print_agreement(differences: Sequence[str], different: str, same: str) -> None:
    """Say whether what was derived again is the same, and what is not."""
    if not differences:
        console.print(f"✓ {same}", style="green")
        return
    console.print(different, style="bold red")
    for difference in differences:
        console.print(f"  {difference}")


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return value  # `nan` and `inf` are numbers to what reads a CSV
    value = to_json(value)
    if isinstance(value, dict | list):
        value = json.dumps(value)
    return formula_safe(value) if isinstance(value, str) else value


def _print_table(rows: Sequence[dict[str, Any]], names: list[str], title: str) -> None:
    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    numbers = [spaced(name) for name in names if any(is_number(row.get(name)) for row in rows)]
    table = new_table([spaced(name) for name in names], *numbers, title=title or None)
    for row in rows:
        table.add_row(*[_shown(row.get(name)) for name in names])
    if names:
        console.print(table)
    if not rows:
        notes.print("no rows", style="dim")


def _shown(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return to_second(value)
    if isinstance(value, int | float):
        return number(value)
    return str(to_json(value))

"""The prompt of `inventory sql`: statements over several lines, a history, completion; a pipe has only the statements.

Each question is asked as `inventory sql "…"` asks it, on a connection of its own: the lake goes on meanwhile.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click
import duckdb

from inventory_assets.clock import machine_now
from inventory_assets.commands.lake.sql import Asked, ask, names_of
from inventory_assets.commands.output import FORMATS, console, new_table, notes, print_table
from inventory_assets.errors import InventoryError
from inventory_assets.lake.query.completion import completions
from inventory_assets.lake.query.names import Names
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.query.statements import is_blank, one_line, split_statements
from inventory_assets.queries.versions import newest_version
from inventory_assets.settings import Settings
from inventory_assets.words.text import visible_lines
from inventory_assets.words.times import ago

PROMPT, GOES_ON = "inventory> ", "      ...> "
HISTORY_NAME = "sql_history"
# Some months of asking, and read in a moment.
MOST_REMEMBERED = 5_000
COMMANDS = {
    ".help": "this list",
    ".tables [PART]": "what can be asked, or what has PART in its name",
    ".columns TABLE": "a table's columns",
    ".mode table|json|csv": "how answers are printed",
    ".limit N": "rows of a table that are shown",
    ".version N|now": "ask the lake as it was at a version, or as it is",
    ".quit": "leave; Ctrl-D does, too",
}
# A name with its schema is one word to complete.
_BETWEEN_WORDS = " \t\n()=<>,;'\"+-*/%|"


class Shell:
    """Asks one question after the other."""

    def __init__(self, settings: Settings, how: Asked) -> None:
        self._settings, self._how = settings, how
        self._names: Names | None = None
        self._text = ""

    def run(self, source: TextIO) -> None:
        """Read and answer until the end; at a terminal with a prompt, from a pipe up to the first error."""
        if not source.isatty():
            self._answer_all(source)
            return
        reader = LakeReader(self._settings)  # says clearly where there is no lake
        version, committed_at = newest_version(reader)
        reader.connection.close()
        age = "" if committed_at is None else f", committed {ago((_now() - committed_at).total_seconds())}"
        notes.print(f"Lake version {version:,}{age}. A question ends with `;`. .help says what else there is.")
        with _editing(self._complete, self._settings.home / HISTORY_NAME) as remember:
            self._converse(remember)

    def _converse(self, remember: Callable[[str], None]) -> None:
        while True:
            try:
                line = input(GOES_ON if self._text.strip() else PROMPT)
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                # What was typed is given up; nobody leaves by mistake.
                self._text = ""
                click.echo()
                continue
            if not self._text.strip() and line.lstrip().startswith("."):
                remember(line.strip())
                if not self._obey(line.split()):
                    return
                continue
            found, self._text = split_statements(f"{self._text}{line}\n")
            if is_blank(self._text):
                self._text = ""
            for statement in found:
                remember(f"{one_line(statement)};")
                self._answer(statement)

    def _answer_all(self, source: Iterable[str]) -> None:
        asked = 0
        for line in source:
            found, self._text = split_statements(self._text + line)
            for statement in found:
                ask(self._settings, statement, self._how)
            asked += len(found)
        if not is_blank(self._text):
            ask(self._settings, self._text, self._how)
        elif not asked:
            raise click.UsageError("no QUERY was given, and there is none on standard input.")

    def _answer(self, statement: str) -> None:
        try:
            ask(self._settings, statement, self._how)
        except KeyboardInterrupt:
            notes.print("interrupted", style="yellow")
        except click.ClickException as error:
            _say(error.format_message())
        except (InventoryError, duckdb.Error) as error:
            _say(str(error))
        with suppress(OSError):
            sys.stdout.flush()

    def _obey(self, words: Sequence[str]) -> bool:
        """Do what begins with a dot; whether to go on."""
        match words:
            case [".quit" | ".exit" | ".q"]:
                return False
            case [".help"]:
                self._print_help()
            case [".tables", *parts]:
                self._print_tables(parts[0] if parts else "")
            case [".columns" | ".schema", table]:
                self._print_columns(table)
            case [".mode", mode] if mode in FORMATS:
                self._how = replace(self._how, format_=mode)
            case [".limit", count] if count.isascii() and count.isdecimal() and 0 < int(count) <= 1_000_000:
                self._how = replace(self._how, limit=int(count))
            case [".version", "now"]:
                self._how, self._names = replace(self._how, at_version=None), None
            case [".version", count] if count.isascii() and count.isdecimal() and 0 < int(count) < 2**63:
                self._how, self._names = replace(self._how, at_version=int(count)), None
            case _:
                _say(f"{' '.join(words)!r} was not understood; expected one of: {', '.join(COMMANDS)}.")
        return True

    def _print_help(self) -> None:
        table = new_table(("command", "what it does"))
        for name, about in COMMANDS.items():
            table.add_row(name, about)
        print_table(table)
        console.print("A question may go over several lines and ends with `;`. Tab completes tables and columns.")
        console.print("Ctrl-C gives up what was typed, or a question that takes too long.")

    def _print_tables(self, part: str) -> None:
        table = new_table(("table", "columns", "what a row is"), "columns", leaving=("columns",))
        for shown in self._known().tables.values():
            # The changes behind a table are asked by who knows of them.
            if part.lower() in shown.name.lower() and (part or not shown.name.endswith("_changes")):
                table.add_row(shown.name, f"{len(shown.columns):,}", shown.about or "")
        print_table(table, "a shorter list: .tables PART")

    def _print_columns(self, name: str) -> None:
        known = self._known().tables
        shown = known.get(name.lower().rstrip(";")) or next(
            (each for each in known.values() if each.name.lower().endswith(f".{name.lower()}")), None
        )
        if shown is None:
            _say(f"there is no table {name!r}. .tables lists them.")
            return
        table = new_table(("column", "type"), title=shown.name)
        for column, type_ in shown.columns:
            table.add_row(column, type_)
        print_table(table)
        if shown.about:
            console.print(shown.about, style="dim")

    def _known(self) -> Names:
        if self._names is None:
            try:
                self._names = names_of(self._settings, self._how.at_version)
            except (InventoryError, duckdb.Error, click.ClickException) as error:
                _say(str(error))
                return Names()
        return self._names

    def _complete(self, line: str, word: str) -> list[str]:
        if not self._text.strip() and line.lstrip().startswith("."):
            first, *rest = line.split(maxsplit=1)
            if rest or line.endswith(" "):
                return completions(f"FROM {word}", word, self._known()) if first in (".columns", ".schema") else []
            return [name.split()[0] for name in COMMANDS if name.startswith(word)]
        return completions(self._text + line, word, self._known())


@contextmanager
def _editing(complete: Callable[[str, str], list[str]], path: Path) -> Iterator[Callable[[str], None]]:
    """Edit lines with completion and a history; what to call with each statement that is to be remembered."""
    try:
        import readline
    except ImportError:
        yield lambda statement: None  # a Python without it: lines are read all the same
        return
    found: list[str] = []

    def next_completion(word: str, number: int) -> str | None:
        if number == 0:
            # An error in here would be swallowed, and nothing complete.
            found[:] = complete(readline.get_line_buffer()[: readline.get_endidx()], word)
        return found[number] if number < len(found) else None

    readline.set_completer(next_completion)
    readline.set_completer_delims(_BETWEEN_WORDS)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    # A statement is remembered whole, not line by line.
    readline.set_auto_history(False)
    is_kept = _open_history(readline, path)

    def remember(statement: str) -> None:
        nonlocal is_kept
        count = readline.get_current_history_length()
        if count and readline.get_history_item(count) == statement:
            return
        readline.add_history(statement)
        if is_kept:
            try:
                # At once: a terminal that is closed forgets nothing, and two prompts keep both their questions.
                readline.append_history_file(1, str(path))
            except OSError:
                is_kept = False

    try:
        yield remember
    finally:
        readline.set_completer(None)
        readline.clear_history()


def _open_history(readline: Any, path: Path) -> bool:
    """Read what was asked before; whether it can be added to. The file is its owner's alone."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
        path.chmod(0o600)
        readline.read_history_file(str(path))
        if readline.get_current_history_length() > MOST_REMEMBERED:
            readline.set_history_length(MOST_REMEMBERED)
            readline.write_history_file(str(path))
            readline.set_history_length(-1)
            path.chmod(0o600)
    except OSError as error:
        notes.print(f"no history is kept: {path} cannot be written ({error.strerror})", style="dim")
        return False
    return True


def _now() -> Any:
    return machine_now().replace(tzinfo=None)


def _say(message: str) -> None:
    click.echo(f"Error: {visible_lines(message)}", err=True)

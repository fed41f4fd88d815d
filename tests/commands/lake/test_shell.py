"""The prompt of `inventory sql`, at a terminal of its own and from a pipe."""

import os
import pty
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.commands.conftest import COMMAND


class Terminal:
    """A person at a terminal."""

    def __init__(self, at: int) -> None:
        self._at = at

    def type(self, text: str, until: str) -> str:
        os.write(self._at, text.encode())
        return self.read(until)

    def read(self, until: str, seconds: float = 60) -> str:
        found, end = "", time.monotonic() + seconds
        while until not in found:
            assert time.monotonic() < end, found
            if select.select([self._at], [], [], 0.2)[0]:
                with suppress(OSError):
                    found += os.read(self._at, 65_536).decode(errors="replace")
        return found


@contextmanager
def terminal(*words: str, home: Path) -> Iterator[tuple[Terminal, int]]:
    pid, at = pty.fork()
    if pid == 0:
        environment = {**os.environ, "INVENTORY_HOME": str(home), "TERM": "dumb", "COLUMNS": "80", "NO_COLOR": "1"}
        os.execve(COMMAND, [str(COMMAND), *words], environment)
    try:
        yield Terminal(at), pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(at)


def test_a_terminal_is_asked_until_it_leaves(shop_home):
    """Over several lines, completed, after a mistake, after Ctrl-C; remembered in a file of its owner's alone."""
    with terminal("sql", home=shop_home) as (person, pid):
        person.read("inventory> ")
        person.type("SELECT count(*) AS keys\n", "...> ")
        counted = person.type("FROM core.sku_st\t;\n", "inventory> ")
        mistaken = person.type("SELCT;\n", "inventory> ")
        person.type("SELECT what I do not want\x03", "inventory> ")
        tables = person.type(".tables alerts\n", "inventory> ")
        unknown = person.type(".tabels\n", "inventory> ")
        os.write(person._at, b"\x04")
        _, ended = os.waitpid(pid, 0)

    assert "core.sku_state;" in counted and "keys" in counted and "2" in counted
    assert "Error: " in mistaken and "Traceback" not in mistaken
    assert "out.alerts" in tables
    assert "'.tabels' was not understood" in unknown and ".tables" in unknown
    assert 0 == ended
    history = shop_home / "sql_history"
    assert 0o600 == stat.S_IMODE(history.stat().st_mode)
    assert "SELECT count(*) AS keys FROM core.sku_state;" in history.read_text().splitlines()


def test_a_pipe_is_read_statement_by_statement(run, shop_home):
    statements = b"SELECT 1 AS a; -- one\nSELECT ';' AS\n b;\nSELECT 3 AS c"

    found = run("sql", "--format", "csv", at=shop_home, stdin=statements)

    assert (0, "a\n1\nb\n;\nc\n3\n", "") == (found.code, found.out, found.err)


@pytest.mark.parametrize("nothing", [b"", b" \n", b"-- only words\n;\n"])
def test_a_pipe_without_a_statement_asks_nothing(run, shop_home, nothing):
    found = run("sql", at=shop_home, stdin=nothing)

    assert (0, "") == (found.code, found.out)


def test_a_pipe_ends_at_the_first_error(run, shop_home):
    found = run("sql", "--format", "csv", at=shop_home, stdin=b"SELECT 1 AS a; SELCT 2; SELECT 3 AS c;")

    assert (1, "a\n1\n") == (found.code, found.out)
    assert "SELCT" in found.err


@pytest.mark.parametrize("refused", [b"DROP TABLE core.events;", b"SET memory_limit = '1GB';"])
def test_a_pipe_may_do_no_more_than_a_question(run, shop_home, refused):
    assert 1 == run("sql", at=shop_home, stdin=refused).code

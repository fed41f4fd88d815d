"""The prompt of `inventory sql`, at a terminal of its own and from a pipe."""

import stat

import pytest

from tests.commands.terminal import terminal


def test_a_terminal_is_asked_until_it_leaves(shop_home):
    """Over several lines, completed, after a mistake, after Ctrl-C; remembered in a file of its owner's alone."""
    with terminal("sql", home=shop_home) as person:
        person.read("inventory> ")
        person.type("SELECT count(*) AS keys\n", "...> ")
        counted = person.type("FROM core.sku_st\t;\n", "inventory> ")
        mistaken = person.type("SELCT;\n", "inventory> ")
        person.type("SELECT what I do not want\x03", "inventory> ")
        tables = person.type(".tables alerts\n", "inventory> ")
        unknown = person.type(".tabels\n", "inventory> ")
        person.type("\x04")
        _, code = person.rest()

    assert "core.sku_state;" in counted and "keys" in counted and "2" in counted
    assert "Error: " in mistaken and "Traceback" not in mistaken
    assert "out.alerts" in tables
    assert "'.tabels' was not understood" in unknown and ".tables" in unknown
    assert 0 == code
    history = shop_home / "sql_history"
    assert 0o600 == stat.S_IMODE(history.stat().st_mode)
    assert "SELECT count(*) AS keys FROM core.sku_state;" in history.read_text().splitlines()


def test_a_pipe_is_read_statement_by_statement(run, shop_home):
    statements = b"SELECT 1 AS a; -- one\nSELECT ';' AS\n b;\nSELECT 3 AS c"

    found = run("sql", "--format", "csv", at=shop_home, stdin=statements)

    assert (0, "a\n1\nb\n;\nc\n3\n", "") == (found.code, found.out, found.err)


@pytest.mark.parametrize("nothing", [b"", b" \n", b"-- only words\n;\n"])
def test_a_pipe_without_a_statement_is_a_mistake(run, shop_home, nothing):
    found = run("sql", at=shop_home, stdin=nothing)

    assert (2, "") == (found.code, found.out)
    assert "no QUERY was given" in found.err


def test_a_pipe_ends_at_the_first_error(run, shop_home):
    found = run("sql", "--format", "csv", at=shop_home, stdin=b"SELECT 1 AS a; SELCT 2; SELECT 3 AS c;")

    assert (1, "a\n1\n") == (found.code, found.out)
    assert "SELCT" in found.err


@pytest.mark.parametrize("refused", [b"DROP TABLE core.events;", b"SET memory_limit = '1GB';"])
def test_a_pipe_may_do_no_more_than_a_question(run, shop_home, refused):
    assert 1 == run("sql", at=shop_home, stdin=refused).code

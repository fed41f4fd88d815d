"""`inventory stock-at` and `FROM stock_at(…)`, as an analyst asks them."""

import pytest

from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import Settings


def test_it_says_what_there_was_and_as_of_what(run, shop_home):
    found = run("stock-at", "2022-04-20T08:59:59Z", "--sku", "S1", at=shop_home)

    assert found.code == 0
    assert "1 keys at 2022-04-20 08:59:59 UTC by event time, as version 3 knows it" in found.err
    assert "nothing is known of what happened after" not in found.err
    (line,) = [line for line in found.out.splitlines() if "S1" in line]
    assert "5" in line.split()


def test_command_and_sql_agree(run, shop_home):
    command = run("stock-at", "2022-04-20T08:59:59Z", "--format", "json", at=shop_home).rows
    question = "FROM stock_at('2022-04-20 08:59:59') ORDER BY warehouse_id, sku"

    assert command == run("sql", question, "--format", "json", at=shop_home).rows
    assert [5, 50] == [row["on_hand"] for row in command]


def test_a_version_and_a_moment_go_together(run, shop_home):
    """What was known of an hour, and when."""
    options = ("--at-version", "1", "--format", "json")
    found = run("stock-at", "2022-04-20T08:59:59Z", *options, at=shop_home).rows
    asked = run("sql", "SELECT on_hand FROM stock_at('2022-04-20 08:59:59') ORDER BY sku DESC", *options, at=shop_home)

    assert [100, 50] == [row["on_hand"] for row in found] == [row["on_hand"] for row in asked.rows]


def test_a_moment_after_all_events_says_so(run, shop_home):
    found = run("stock-at", "2023-01-01", at=shop_home)

    assert "nothing is known of what happened after 2022-04-20 09:00:00 UTC" in found.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((), "MOMENT is missing"), (("noon",), "MOMENT was 'noon'; expected a time"), (("2999-01-01",), "yet to come")],
)
def test_what_is_no_moment_is_refused(run, shop_home, arguments, expected):
    found = run("stock-at", *arguments, at=shop_home)

    assert 2 == found.code
    assert expected in " ".join(found.err.split())


def test_time_of_commits_leads_to_time_of_events(run, shop_home):
    """Whoever asks `--at` for a time before the lake means the business's."""
    found = run("sql", "SELECT 1", "--at", "2022-04-20T12:00:00Z", at=shop_home)

    assert 1 == found.code
    assert "inventory stock-at 2022-04-20T12:00:00Z" in " ".join(found.err.split())


def test_the_macro_makes_it_in_a_duckdb_of_ones_own(run, shop_home):
    """With the lake attached as `lake`, as docs/sql.md has it."""
    macro = run("stock-at", "--macro").out
    connection = LakeReader(Settings(home=shop_home)).connection
    connection.execute("USE memory")
    connection.execute(macro)

    query = "SELECT on_hand FROM stock_at('2022-04-20 08:59:59') WHERE sku = 'S1'"
    assert [(5,)] == connection.execute(query).fetchall()


def test_it_reads_no_more_than_a_question_may(run, shop_home):
    """The macro is let through, what stands in its argument is not."""
    found = run("sql", "FROM stock_at((SELECT content FROM read_text('/etc/hostname')))", at=shop_home)

    assert 1 == found.code
    assert "read_text() was refused" in found.err

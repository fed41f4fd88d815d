"""`inventory quality`: what it prints, what it leaves, and how it ends."""

import pytest

from inventory_assets.quality.rules import LIGHT_RULES, RULES
from tests.builders import level, messages, rule
from tests.facts import rows

JSON = ("--format", "json")
UNTRUSTED = "SELECT warehouse_id, sku FROM out.alerts WHERE is_untrusted"


@pytest.fixture
def engine(open_filled):
    """A shop with an alert and a key below nothing."""
    return open_filled(_open_stock)


def _open_stock(engine):
    engine.commit_burst(messages(rule(10, 20), level(5), level(-3, sku="S2")))


def break_stock(engine):
    engine.lake.connection.execute("UPDATE lake.core.sku_state_changes SET reserved = 7 WHERE sku = 'S1'")


def test_warnings_alone_exit_0_and_nothing_is_written(run, engine):
    version = engine.lake.watermark().version

    found = run("quality", *JSON)

    assert 0 == found.code
    assert [rule.name for rule in RULES] != [row["rule"] for row in found.rows]
    assert {rule.name for rule in RULES} == {row["rule"] for row in found.rows}
    first = found.rows[0]
    assert ("fail", "WARN") == (first["status"], first["severity"])
    [negative] = [row for row in found.rows if row["rule"] == "no_stock_is_negative"]
    assert (1, ["W1:S2"], [-3]) == (
        negative["failing_count"], negative["sample_ids"], [row["on_hand"] for row in negative["rows"]],
    )  # fmt: skip
    assert version == engine.lake.watermark().version


def test_an_error_exits_1_is_first_and_says_what_to_do(run, engine):
    break_stock(engine)

    found = run("quality")

    assert 1 == found.code
    assert found.out.index("stock_follows_from_events") < found.out.index("no_stock_is_negative")
    assert "Do not rely on these numbers yet: 2 errors" in found.err
    assert "inventory rebuild" in found.err
    assert [] == rows(engine.lake, UNTRUSTED)


def test_record_keeps_and_holds_and_history_shows(run, engine):
    """As the asset checks do; the second time there is nothing new."""
    break_stock(engine)
    chosen = ("--rule", "stock_follows_from_events", "--rule", "no_stock_is_negative")
    assert 1 == run("quality", *chosen, "--record").code
    engine.refresh()
    assert [("W1", "S1")] == rows(engine.lake, UNTRUSTED)
    version = engine.lake.watermark().version

    assert "0 results kept" in run("quality", *chosen, "--record").err
    assert version == engine.lake.watermark().version
    assert {"stock_follows_from_events", "no_stock_is_negative"} == {
        row["rule"] for row in run("quality", "history", *JSON).rows
    }
    [row] = run("quality", "history", "--rule", "no_stock_is_negative", *JSON).rows
    assert (1, "fail", ["W1:S2"]) == (row["failing_count"], row["status"], row["sample_ids"])
    assert "trend: █  1 (first time)" in run("quality", "history", "--rule", "no_stock_is_negative").err


def test_light_judges_the_light_ones(run, engine):
    assert {rule.name for rule in LIGHT_RULES} == {row["rule"] for row in run("quality", "--light", *JSON).rows}


def test_a_history_of_nothing_says_how_to_begin(run, engine):
    found = run("quality", "history")

    assert (0, True) == (found.code, "inventory quality --record" in found.err)
    assert [] == run("quality", "history", *JSON).rows
    assert 1 == run("quality", "history", "--rule", "nonsense").code


def test_a_csv_starts_no_formula(run, engine):
    """A key's id may begin with what a spreadsheet takes for one."""
    engine.commit_burst(messages(level(-3, sku="=1+1"), level(-3, warehouse_id="=W", sku="S")))

    found = run("quality", "--rule", "no_stock_is_negative", "--format", "csv")

    assert not [line for line in found.out.splitlines() if line.startswith(("=", "+", "-", "@"))]
    assert ',"=' not in found.out

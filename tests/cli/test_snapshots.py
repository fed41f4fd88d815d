"""`inventory snapshots`: what a person types and reads."""

import pytest

from inventory_assets.settings import Settings
from inventory_assets.stages.engine import Engine
from tests.builders import level, messages, transaction


@pytest.fixture
def home(home):
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(5, "2022-04-18T08:00:00Z", sku="it's=1"), transaction("T1", quantity=-9)))
    engine.close()
    return home


def build(run, first, last, *more):
    return run("snapshots", "build", "--from", first, "--to", last, "--format", "json", *more)


def test_built_days_are_printed_and_asked(run):
    built = build(run, "2022-04-18", "2022-04-20")
    asked = run("sql", "SELECT snapshot_date, sku, on_hand FROM snapshots.daily_stock ORDER BY ALL", "--format", "json")

    assert [("daily_stock", f"2022-04-{day}", keys) for day, keys in ((18, 1), (19, 1), (20, 2))] == [
        (row["table"], row["date"], row["rows"]) for row in built.rows[:3]
    ]
    assert [("2022-04-18", "it's=1", 5), ("2022-04-19", "it's=1", 5), ("2022-04-20", "S1", -9),
            ("2022-04-20", "it's=1", 5)] == [tuple(row.values()) for row in asked.rows]  # fmt: skip


def test_building_again_gives_the_same_hashes(run):
    before = build(run, "2022-04-18", "2022-04-20").rows

    assert before == build(run, "2022-04-18", "2022-04-20").rows


def test_snapshots_are_asked_before_there_are_any_and_at_a_past_version(run):
    query = ("SELECT count(*) AS n FROM snapshots.hourly_transactions", "--format", "json")

    assert [{"n": 0}] == run("sql", *query).rows
    build(run, "2022-04-20", "2022-04-20", "--table", "hourly_transactions")
    assert [{"n": 1}] == run("sql", *query, "--at-version", "1").rows


@pytest.mark.parametrize(("first", "last"), [("2022-04-20", "2022-04-19"), ("2022-04-20", "2999-01-01")])
def test_a_range_that_cannot_be_is_a_usage_error(run, first, last):
    found = build(run, first, last)

    assert 2 == found.code
    assert last in found.err

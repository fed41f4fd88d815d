"""`inventory coverage` and `inventory thresholds dynamic` as a planner uses them."""

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, message, transaction
from tests.conftest import copy_home
from tests.domain.histories import LATER


@pytest.fixture(scope="module")
def home(empty_home, tmp_path_factory):
    home = copy_home(empty_home, tmp_path_factory.mktemp("demand"))
    engine = Engine(Settings(home=home))
    sent = (level(10, "2022-04-20T07:00:00Z"), transaction("T1", quantity=-4, at="2022-04-21T08:00:00Z"))
    engine.commit_burst([message(document, published_at=LATER) for document in sent])
    engine.close()
    return home


def test_before_it_is_measured_it_says_how(run):
    every, one = run("coverage"), run("coverage", "W1", "S1")

    assert (0, 1) == (every.code, one.code)
    assert "inventory coverage --refresh" in every.err and "inventory coverage --refresh" in one.err


@pytest.mark.parametrize("key", [(), ("W1", "S1"), ("W9", "S9")])
def test_a_refresh_that_finds_nothing_does_not_advise_itself(run, home, tmp_path, key):
    """It was told to run what it had just run."""
    found = run("coverage", *key, "--refresh", "--as-of", "2022-04-19", at=copy_home(home, tmp_path / "other"))

    assert (1 if key else 0) == found.code
    assert "--refresh" not in found.err
    assert "before 2022-04-19" in found.err and "no demand to measure" in found.err


def test_refresh_measures_and_prints(run):
    found = run("coverage", "--refresh", "--as-of", "2022-04-24", "--format", "json")

    (row,) = found.rows
    assert (6, 3, 4 / 3, 4.5) == tuple(
        row[name] for name in ("available", "in_stock_days", "daily_units", "cover_days")
    )
    assert row["cover_days_low"] < 4.5 < row["cover_days_high"]


@pytest.mark.parametrize("arguments", [("W1",), ("--as-of", "2022-04-24")])
def test_half_a_key_and_a_day_without_a_refresh_are_usage_errors(run, arguments):
    assert 2 == run("coverage", *arguments).code


def test_dynamic_with_no_dynamic_rule_changes_nothing(run):
    found = run("thresholds", "dynamic", "--format", "json")

    assert (0, []) == (found.code, found.rows)
    assert "0 keys under dynamic rules" in found.err

"""`inventory thresholds backtest` as a planner and a CI job use it."""

import json

import pytest

RULES = """
- level_type: SKU
  level_id: S1
  min_threshold_qty: 60
  reorder_threshold_qty: 70
"""


@pytest.fixture
def home(shop_home):
    return shop_home


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


def test_scores_are_a_row_a_rule_then_all_then_the_present(run, rules):
    found = run("thresholds", "backtest", rules, "--format", "json")

    assert 0 == found.code, found.err
    assert ["rule", "rule", "total", "present"] == [row["kind"] for row in found.rows]
    assert {"SKU S1", "system default"} == {row["rule"] for row in found.rows if row["kind"] == "rule"}


def test_the_table_fits_a_terminal_and_ends_in_a_sentence(run, rules):
    found = run("thresholds", "backtest", rules)

    assert "present rules" in found.out and "Alerts: 0 gained" in found.err
    assert max(map(len, found.out.splitlines())) <= 160


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--fail-if-recall-below", "recall was unknown (no stock ran out in the window), expected at least 0.5"),
        ("--fail-if-precision-below", None),
    ],
)
def test_a_gate_fails_with_exit_1_and_says_why(run, rules, option, text):
    """An unknown figure is no pass: nothing was shown."""
    found = run("thresholds", "backtest", rules, option, "0.5")

    assert (0 if text is None else 1) == found.code, found.err
    assert text is None or text in found.err


def test_listed_rows_name_their_alert(run, tmp_path):
    path = tmp_path / "one.json"
    path.write_text('[{"level_type": "SKU", "level_id": "S1", "min_threshold_qty": 1}]')

    (row,) = run("thresholds", "backtest", str(path), "--list", "lost", "--format", "json").rows

    assert ("S1", "SKU S1") == (row["sku"], row["rule"])
    assert row["alert_id"].startswith("alt-20220420-W1-S1-")


def test_the_picture_is_well_formed(run, rules, tmp_path):
    from xml.etree import ElementTree

    path = tmp_path / "plot.svg"

    assert 0 == run("thresholds", "backtest", rules, "--plot", str(path)).code
    assert "svg" in ElementTree.parse(path).getroot().tag


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--plot", "plot.png"), 2, "SVG"),
        (("--fail-if-recall-below", "2"), 2, "recall"),
        (("--days", "0"), 2, "--days"),
    ],
)
def test_usage_errors(run, rules, arguments, code, text):
    found = run("thresholds", "backtest", rules, *arguments)

    assert (code, True) == (found.code, text in found.err)


def test_a_missing_lake_and_a_bad_file_are_one_clear_line(run, rules, tmp_path):
    empty = tmp_path / "nowhere"
    empty.mkdir()
    missing = run("thresholds", "backtest", rules, at=empty)
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps([{"level_type": "GLOBAL", "min_threshold_qty": -1}]))
    refused = run("thresholds", "backtest", str(bad))

    assert (1, 1) == (missing.code, refused.code)
    assert "there is no lake" in missing.err
    assert "rule 1: min_threshold_qty was -1" in refused.err

"""`inventory reports`, as typed."""

import pytest

from tests.builders import level, messages


@pytest.fixture
def empty_shelf(filled, home):
    """A home whose lake has one."""
    return filled(_empty_a_shelf, home)


def _empty_a_shelf(engine):
    engine.commit_burst(messages(level(0)))


def test_a_report_is_built_listed_and_named(run, empty_shelf):
    built = run("reports", "build", "--date", "2022-04-20", "--format", "json")

    assert built.code == 0, built.err
    [row] = built.rows
    assert ("nightly", "2022-04-20", 1) == (row["report"], row["date"], row["version"])
    assert b"1 shelf is empty" in (empty_shelf / "reports" / "nightly" / "2022-04-20" / "report.html").read_bytes()
    assert [row] == run("reports", "list", "--format", "json").rows


def test_nothing_is_reported_of_a_day_to_come_or_a_version_that_is_not(run, empty_shelf):
    future = run("reports", "build", "--date", "2999-01-01")
    missing = run("reports", "build", "--date", "2022-04-20", "--at-version", "9")

    assert (2, 1) == (future.code, missing.code)
    assert "expected a day from 1970-01-01 to one that has begun" in future.err
    assert "the lake has 1 to 1" in missing.err
    assert not (empty_shelf / "reports").exists()


def test_without_a_lake_the_next_step_is_said(run):
    ran = run("reports", "build")

    assert ran.code == 1
    assert "there is no lake" in ran.err
    assert [] == run("reports", "list", "--format", "json").rows


def test_a_place_that_cannot_be_written_is_named(run, empty_shelf, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("INVENTORY_REPORTS_PATH", str(tmp_path / "file"))

    ran = run("reports", "build", "--date", "2022-04-20")

    assert ran.code == 1
    assert "INVENTORY_REPORTS_PATH" in ran.err
    assert "which is a file; expected a directory" in ran.err
    assert run("alerts").code == 0  # whoever writes no report does not mind


def test_a_place_that_lets_nobody_write_is_named(run, empty_shelf, monkeypatch, tmp_path):
    # A file where a report's folder is to be: even root cannot make it.
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "nightly").write_text("no directory")
    monkeypatch.setenv("INVENTORY_REPORTS_PATH", str(tmp_path / "reports"))

    ran = run("reports", "build", "--date", "2022-04-20")

    assert ran.code == 1
    assert "reports cannot be written to" in ran.err
    assert "INVENTORY_REPORTS_PATH" in ran.err

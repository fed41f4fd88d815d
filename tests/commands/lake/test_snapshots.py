"""`inventory snapshots`: what a person types and reads."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, transaction


@pytest.fixture
def home(filled, home):
    return filled(_sell, home)


def _sell(engine):
    engine.commit_burst(messages(level(5, "2022-04-18T08:00:00Z", sku="it's=1"), transaction("T1", quantity=-9)))


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


def status(run, *more):
    found = run("snapshots", "status", "--format", "json", *more)
    assert found.code == 0
    return found.rows


@pytest.fixture
def since(monkeypatch):
    """The product's days begin on the day the stock does, so that few are missing."""
    monkeypatch.setenv("INVENTORY_PARTITIONS_START_DATE", (datetime.now(UTC).date() - timedelta(days=3)).isoformat())


def test_status_and_build_agree_on_what_is_missing(run, since):
    before = {row["table"]: row for row in status(run)}
    days = [row["date"] for row in status(run, "--days", "--table", "daily_stock")]
    built = run("snapshots", "build", "--missing", "--format", "json").rows
    after = {row["table"]: (row["days"], row["missing"], row["stale"]) for row in status(run)}

    assert 3 == before["daily_stock"]["missing"] == len(days)
    assert days == [row["date"] for row in built]
    assert {"daily_stock": (3, 0, 0), "hourly_transactions": (0, 0, 0)} == after


@pytest.mark.big
def test_status_and_build_agree_on_what_is_stale_and_why(run, home):
    build(run, "2022-04-18", "2022-04-22")
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(transaction("LATE", at="2022-04-20T09:00:00Z", sku="it's=1")))
    engine.close()

    found = status(run, "--days")
    stale = [(row["table"], row["date"], row["why"]) for row in found if row["state"] == "stale"]
    built = run("snapshots", "build", "--stale", "--format", "json").rows

    assert [
        *(("daily_stock", f"2022-04-{day}", "late events changed 1 key") for day in (20, 21, 22)),
        ("hourly_transactions", "2022-04-20", "1 transaction came late"),
    ] == stale
    assert [each[:2] for each in stale] == [(row["table"], row["date"]) for row in built]
    assert [] == run("snapshots", "build", "--stale", "--format", "json").rows


@pytest.mark.parametrize(
    "arguments", [(), ("--to", "2022-04-20"), ("--from", "2022-04-20", "--stale"), ("--stale", "--to", "2022-04-20")]
)
def test_a_range_or_what_needs_it_but_not_both(run, arguments):
    assert 2 == run("snapshots", "build", *arguments).code


@pytest.mark.parametrize("arguments", [("status",), ("build", "--stale"), ("build", "--from", "2022-04-20")])
def test_without_a_lake_the_way_to_one_is_told(run, tmp_path, arguments):
    found = run("snapshots", *arguments, at=tmp_path / "nowhere")

    assert 1 == found.code
    assert "inventory drain" in found.err


def test_a_file_that_somebody_changed_is_found_and_not_exported(run, home, tmp_path):
    build(run, "2022-04-18", "2022-04-20", "--table", "daily_stock")
    path = home / "snapshots" / "daily_stock" / "date=2022-04-19" / "data.parquet"
    path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:])

    found = [(row["date"], row["state"]) for row in status(run, "--days", "--check") if row["state"] != "missing"]
    exported = run("export", str(tmp_path / "out"))
    build(run, "2022-04-19", "2022-04-19", "--table", "daily_stock")

    assert [("2022-04-19", "damaged")] == found
    assert 1 == exported.code
    assert "snapshots build --from 2022-04-19" in exported.err
    assert 0 == run("export", str(tmp_path / "out")).code

"""`inventory archive`, `archive restore`, `products discontinued` and `clean-up`, as typed."""

import os
import subprocess

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.lake.lock import writer_lock
from inventory_assets.refresh.products import import_products
from tests.builders import level, messages, rule, transaction
from tests.commands.conftest import COMMAND
from tests.messaging.brokers import REPOSITORY

STATE = "SELECT * FROM core.sku_state ORDER BY ALL"


@pytest.fixture
def traded(filled, home):
    """A home whose lake has stock, product data, and one SKU that was sold out long before the other's last event."""
    return filled(_trade, home)


def _trade(engine):
    import_products(engine, [Product("S1", product_name="Lamp"), Product("old", product_name="=Radio")])
    engine.commit_burst(messages(rule(10, 20), level(0, sku="old", at="2021-01-01T00:00:00Z"), level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))


def test_a_home_is_archived_asked_and_made_again(run, traded, tmp_path):
    last = ("--before", "2999-01-01", "--format", "json")
    first, second = run("archive", *last), run("archive", *last)
    asked = run("sql", "SELECT date, count(*) AS n FROM archive.core_events GROUP BY 1 ORDER BY 1", "--format", "json")
    made = run("archive", "restore", "--archive", str(traded / "archive"), "--format", "json", at=tmp_path / "new")
    verified = run("verify", at=tmp_path / "new")

    assert (first.code, second.code, made.code, verified.code) == (0, 0, 0, 0)
    assert {row["table"]: row["copied_rows"] for row in first.rows}["raw.messages"] == 4
    assert sum(row["copied_days"] for row in second.rows) == 0
    assert asked.rows == [
        {"date": "2021-01-01", "n": 1}, {"date": "2022-04-15", "n": 1}, {"date": "2022-04-20", "n": 2},
    ]  # fmt: skip
    assert run("sql", STATE, "--format", "json").rows == run("sql", STATE, "--format", "json", at=tmp_path / "new").rows


def test_days_are_complete_ones_unless_said_otherwise(run, traded):
    """Versions are of today, so none of them is archived yet; and what has no version there cannot be restored."""
    done = run("archive", "--format", "json")
    refused = run("archive", "restore", "--archive", str(traded / "archive"), at=traded / "new")

    assert {row["table"]: row["days"] for row in done.rows}["meta.versions"] == 0
    assert (refused.code, "begins in the middle" in refused.err) == (1, True)


def test_where_to_is_said_or_set(run, traded, tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_ARCHIVE_PATH", str(tmp_path / "set"))
    run("archive")
    run("archive", "--to", str(tmp_path / "said = it's"))

    assert (tmp_path / "set" / "lake.json").exists()
    assert (tmp_path / "said = it's" / "core_events" / "date=2022-04-20" / "data.parquet").exists()
    assert not (traded / "archive").exists()


def test_mistakes_are_said(run, traded, home, tmp_path):
    none = run("archive", at=tmp_path / "none")
    nothing = run("archive", "restore", "--archive", str(tmp_path / "nothing"))
    day = run("archive", "--before", "yesterday")
    inside = run("archive", "--to", str(home / "lake" / "data" / "old"))
    with writer_lock(home / "archive.lock"):
        second = run("archive")

    assert [found.code for found in (none, nothing, day, second, inside)] == [1, 1, 2, 1, 1]
    # Upkeep would take it for what a killed process left, and delete it.
    assert "inside the lake's data" in inside.err
    assert "there is no lake" in none.err
    assert "there is no archive" in nothing.err
    assert "archives already" in second.err
    assert "Traceback" not in none.err + nothing.err + day.err + second.err


def test_an_empty_archive_is_an_empty_schema(run, traded):
    assert run("sql", "SELECT count(*) AS n FROM archive.raw_messages", "--format", "json").rows == [{"n": 0}]
    assert run("sql", "COPY archive.raw_messages TO 'x'").code == 1


def test_clean_up_archives_first_and_leaves_stock(run, traded):
    listed = run("products", "discontinued", "--format", "json")
    tried = run("products", "clean-up", "--dry-run", "--format", "json")
    kept = run("sql", "SELECT sku FROM core.products ORDER BY 1", "--format", "json").rows
    archived_by_then = (traded / "archive").exists()
    before = run("sql", STATE, "--format", "json").rows
    done = run("products", "clean-up", "--format", "json")
    again = run("products", "clean-up", "--format", "json")

    assert listed.rows == tried.rows == done.rows
    assert [(row["sku"], row["product_name"], row["quiet_days"]) for row in listed.rows] == [("old", "=Radio", 474)]
    assert (kept, archived_by_then) == ([{"sku": "S1"}, {"sku": "old"}], False)
    assert run("sql", "SELECT sku FROM core.products", "--format", "json").rows == [{"sku": "S1"}]
    assert run("sql", "SELECT sku FROM core.products ORDER BY 1", "--at-version", "1", "--format", "json").rows == kept
    assert before == run("sql", STATE, "--format", "json").rows
    assert again.rows == []
    assert list((traded / "archive" / "core_products").rglob("data.parquet"))
    assert run("verify").code == 0


def test_a_clean_up_that_cannot_archive_removes_nothing(run, traded):
    (traded / "archive").write_text("in the way")

    done = run("products", "clean-up")

    assert done.code == 1
    assert len(run("sql", "SELECT sku FROM core.products", "--format", "json").rows) == 2


def test_days_without_stock_come_from_the_settings(run, traded, monkeypatch):
    monkeypatch.setenv("INVENTORY_DISCONTINUED_AFTER", "475")

    assert run("products", "discontinued", "--format", "json").rows == []


@pytest.mark.big
def test_an_archive_killed_in_the_middle_is_finished_by_the_next(run, traded):
    """kill -9 as soon as there is a file; a reader of what is there sees whole days only."""
    process = subprocess.Popen(
        [str(COMMAND), "archive", "--before", "2999-01-01"],
        cwd=REPOSITORY, env={**os.environ, "INVENTORY_HOME": str(traded)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list((traded / "archive").glob("*/*/data.parquet")) and process.poll() is None:
        pass
    process.kill()
    process.wait()
    partly = run("sql", "SELECT count(*) AS n FROM archive.core_events", "--format", "json")
    run("archive", "--before", "2999-01-01")
    made = run("archive", "restore", "--archive", str(traded / "archive"), at=traded / "new")

    assert partly.code == 0
    assert made.code == 0
    assert run("verify", at=traded / "new").code == 0

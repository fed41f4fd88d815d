"""`inventory drop` takes what is there, waits for what is being written, and says what became of each."""

import os
import shutil
import uuid

import pytest

from tests.conftest import copy_home
from tests.messaging.brokers import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def folder(emulator, empty_home, home, monkeypatch):
    copy_home(empty_home, home)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", f"p{uuid.uuid4().hex[:8]}")
    (home / "drop").mkdir()
    return home / "drop"


def test_the_example_is_published_from_a_folder_and_drained(run, folder):
    shutil.copy(EXAMPLES / "inventory_adjustments.csv", folder)
    shutil.copy(EXAMPLES / "inventory_adjustments.toml", folder / "drop.toml")

    first, second = run("drop", "--now", "--format", "json"), run("drop", "--now")

    [row] = first.rows
    assert (0, "published", 10) == (first.code, row["verdict"], row["sent"])
    assert (0, "") == (second.code, second.out)
    assert f"nothing new in {folder}" in "".join(second.err.split("\n"))
    assert [{"outcome": "applied", "messages": 10}] == run("drain", "--wait", "3", "--format", "json").rows
    assert "10 messages published." in (folder / "inventory_adjustments.csv.report.txt").read_text()


def test_a_refused_file_is_exit_1_and_its_report_says_why(run, folder):
    (folder / "a.csv").write_text("sku,warehouse_id,quantity,timestamp\nS1,W1,half,2025-03-01T08:00:00Z\n")

    found = run("drop", "--now", "--format", "json")

    assert (1, "refused", 1) == (found.code, found.rows[0]["verdict"], found.rows[0]["wrong"])
    assert "line 2: invalid_value" in (folder / "a.csv.report.txt").read_text()


def test_without_the_folder_it_says_how_to_have_one(run, home, monkeypatch):
    found = run("drop")
    monkeypatch.setenv("INVENTORY_DROP_FOLDER", "s3://x")
    wrong = run("drop")

    assert (1, 1) == (found.code, wrong.code)
    assert "no folder" in found.err and "INVENTORY_DROP_FOLDER" in found.err
    assert "INVENTORY_DROP_FOLDER was 's3://x'" in wrong.err
    assert not os.path.exists(home)

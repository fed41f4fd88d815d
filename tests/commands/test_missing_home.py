"""Whoever only asks makes nothing: where there is no home, a command says what is missing, and there is none after it."""

import shutil

import pytest

from tests.commands.test_hostile_ids import ALERT, PRINTS

NAMES = {"alert": f"{ALERT}1", "incident": "inc-1", "notification": "ntf-1"}
OTHERS = [
    ("archive",), ("archive", "restore"), ("connector", "list"), ("coverage",), ("deliver", "--once"), ("drop", "--now"),
    ("export", "{out}"), ("exchange", "push", "--to", "dbname=none"), ("lake", "downgrade"),
    ("lake", "new-journal", "--yes"), ("maintain",), ("marts", "build"), ("marts", "status"), ("plan",),
    ("plan", "backtest"), ("plan", "verify"), ("products", "clean-up"), ("products", "discontinued"), ("quality",),
    ("rebuild",), ("replay-dead-letters", "--dry-run"), ("reports", "build"), ("snapshots", "build", "--missing"),
    ("snapshots", "status"), ("sql", "SELECT 1", "--fresh"), ("sql", "SELECT 1", "--at-version", "1"), ("stats",),
    ("thresholds", "dynamic"), ("velocity",), ("verify",), ("verify", "--quick"),
]  # fmt: skip
# What they ask is not the lake's.
NEED_NO_LAKE = [("alerting", "check"), ("reports", "list"), ("schema", "show")]


def asked(words, folder):
    given = NAMES | {"rules": str(folder / "rules.yaml"), "rows": str(folder / "rows.csv"), "out": str(folder / "out")}
    return [given.get(each.strip("{}"), each) if each[:1] == "{" else each for each in words]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.yaml").write_text("- {level_type: GLOBAL, alert_settings: {enabled: false}}\n")
    (tmp_path / "rows.csv").write_text("sku,warehouse,qty,time\nS1,W1,1,2022-04-20T07:00:00Z\n")
    return tmp_path


def test_no_command_that_asks_makes_a_home(run, home, folder):
    there = {path.name for path in folder.iterdir()}
    odd = {}
    for words in (*PRINTS, *OTHERS):
        ran = run(*asked(words, folder))
        says = any(each in ran.err for each in ("there is no lake", "there is no archive", "there is no folder"))
        if home.exists() or (words[0] != "publish" and (ran.code, says) != (1, True)):
            odd[words] = (ran.code, home.exists(), ran.err)
            shutil.rmtree(home, ignore_errors=True)

    assert odd == {}
    assert {path.name for path in folder.iterdir()} == there


@pytest.mark.parametrize("words", NEED_NO_LAKE)
def test_what_asks_no_lake_makes_none(run, home, words):
    assert run(*words).code == 0
    assert not home.exists()

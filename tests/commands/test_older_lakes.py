"""A lake of an earlier release on a read-only disk: every command that reads answers, as far as that release knew."""

import os
import tarfile
from pathlib import Path

import pytest

LAKES = Path(__file__).parents[1] / "ingest" / "older"
ALERTS = {1: "alt-20220420-W1-S9-STOCKOUT-854b758e", 2: "alt-20220420-W1-S2-STOCKOUT-ac9073fe"}
# Each asks for tables or columns that one of the two lacks.
NEWER = [
    ("dead-letters",), ("explain", "{alert}"), ("plan",), ("plan", "verify"), ("stats",),
    ("sql", "SELECT position, data_bytes FROM core.dead_letters"),
    ("sql", "--at-version", "2", "SELECT season_of FROM out.plans"),
]  # fmt: skip
READING = [
    ("alerts",), ("alerts", "show", "{alert}"), ("alerts", "stats"), ("alerts", "notifications"),
    ("why-not", "W1", "S1"), ("incidents",), ("coverage",), ("thresholds", "list"),
    ("thresholds", "resolve", "W1", "S1"), ("thresholds", "history"), ("thresholds", "validate"),
    ("thresholds", "export"), ("quality", "history"), ("connector", "list"), ("verify",), ("verify", "--quick"),
    ("snapshots", "status"), ("products", "discontinued"), ("sql", "SELECT * FROM core.seasons"),
]  # fmt: skip


@pytest.fixture
def older(home, monkeypatch):
    """Unpack a lake; from then on nothing can be written."""
    can = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and can(path, mode))

    def unpack(number: int) -> str:
        with tarfile.open(LAKES / f"lake-{number}.tar.gz") as archive:
            archive.extractall(home.parent, filter="data")
        return ALERTS[number]

    return unpack


def failed(run, commands, alert: str) -> dict[tuple[str, ...], str]:
    """What commands that failed said."""
    ran = {words: run(*(each.replace("{alert}", alert) for each in words)) for words in commands}
    return {words: each.err for words, each in ran.items() if each.code}


@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.big)])
def test_what_came_since_can_be_asked_for(run, older, number):
    assert failed(run, NEWER, older(number)) == {}


@pytest.mark.big
@pytest.mark.parametrize("number", [1, 2])
def test_every_command_that_reads_answers(run, older, number):
    assert failed(run, READING, older(number)) == {}


def test_what_it_lacks_is_told_as_unknown(run, older):
    older(2)
    letters = run("dead-letters", "--format", "json").rows

    assert {each["reason"] for each in letters} == {"unsupported_kind", "wrong_topic", "unknown_kind"}
    assert sum(each["messages"] for each in letters) == 11

"""What was refused, by cause, readable in a terminal; and again after a fix, where its body is still there."""

import io
import json

import pytest
from rich.console import Console

from inventory_assets.commands.run.dead_letters import print_causes
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.dead_letters import find_causes
from inventory_assets.settings import Settings
from inventory_assets.words.dead_letters import WHAT_TO_DO
from tests.builders import THRESHOLDS, message, messages, rule, transaction
from tests.conftest import copy_home
from tests.fakes import AllergicEngine


@pytest.fixture(scope="module")
def refused(empty_home, tmp_path_factory):
    """A home with dead letters of several causes."""
    home = copy_home(empty_home, tmp_path_factory.mktemp("refused") / "home")
    engine = AllergicEngine(Settings(home=home))
    engine.commit_burst(
        messages(
            transaction("A", quantity="two"), transaction("B", quantity="three"), transaction("C", sku=" S"),
            b'{"quantity": }', b"[", transaction("POISON"),
        )
    )  # fmt: skip
    engine.commit_burst([message(rule(1, 2) | {"note": "x" * 1_000_000}, topic=THRESHOLDS)])
    engine.close()
    return home


@pytest.fixture
def home(refused):
    return refused


def test_causes_are_counted_the_most_frequent_first(run):
    found = run("dead-letters", "--format", "json")

    assert (0, 5) == (found.code, len(found.rows))
    first, second = found.rows[:2]
    assert [2, 2, 1, 1, 1] == [row["messages"] for row in found.rows]
    assert {("invalid_value", "quantity"), ("invalid_json", None)} == {
        (row["reason"], row["position"]) for row in (first, second)
    }
    for row in found.rows:
        assert WHAT_TO_DO[row["reason"]] == row["what_to_do"]
        assert row["first_seen"] <= row["last_seen"] and row["example_message_id"] and row["example_detail"]
    by_reason = {row["reason"]: row for row in found.rows}
    assert "fault" == by_reason["invariant_violation"]["error_class"]
    assert by_reason["invariant_violation"]["position"].startswith("inventory_assets/domain/ingest/process.py:")
    # The example is one letter, not the best of several.
    assert by_reason["invalid_json"]["example_position"] == "line 1, column 2 (byte 1)"


@pytest.mark.parametrize("option", [("--reason", "invalid_id"), ("--topic", THRESHOLDS)])
def test_causes_of_a_reason_or_a_topic(run, option):
    assert 1 == len(run("dead-letters", *option, "--format", "json").rows)
    assert 2 == len(run("dead-letters", *option, "--format", "csv").out.splitlines())


def test_causes_stand_in_eighty_columns(refused):
    written = io.StringIO()
    rows = find_causes(LakeReader(Settings(home=refused)))

    print_causes(
        [{**row, "what_to_do": WHAT_TO_DO[row["reason"]]} for row in rows],
        Console(file=written, width=80, markup=False, highlight=False),
    )

    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "invalid_value at quantity, on inventory-transactions-topic" in lines
    assert "  mend the value" in [line.rstrip() for line in lines]


def test_one_whole_has_its_trace(run):
    [fault] = run("dead-letters", "--reason", "invariant_violation", "--format", "json").rows

    shown = run("dead-letters", fault["example_message_id"])

    assert 0 == shown.code
    assert "ZeroDivisionError: a message that breaks the code" in shown.out.splitlines()[-1]
    assert "POISON" in shown.out
    [letter] = run("dead-letters", fault["example_message_id"], "--format", "json").rows
    assert letter["is_whole"] and "process_burst" in letter["trace"]


def test_an_unknown_message_is_said(run):
    shown = run("dead-letters", "no-such")

    assert (1, True) == (shown.code, "'no-such'" in shown.err)
    assert 2 == run("dead-letters", "no-such", "--reason", "invalid_id").code


def test_what_is_gone_cannot_be_replayed_and_that_is_said(run):
    alone = run("replay-dead-letters", "--reason", "too_large", "--format", "json")
    among = run("replay-dead-letters", "--dry-run", "--format", "json")

    assert (1, []) == (alone.code, json.loads(alone.out))
    assert "1 message cannot be replayed" in alone.err
    assert "1,000 bytes" in among.err and 0 == among.code
    assert "too_large" not in {row["reason"] for row in among.rows}


def test_nothing_refused_is_said(run, empty_home, tmp_path):
    home = copy_home(empty_home, tmp_path / "other")
    engine = Engine(Settings(home=home))
    engine.close()

    assert "nothing was refused" in run("dead-letters", at=home).err
    assert [] == run("dead-letters", "--format", "json", at=home).rows

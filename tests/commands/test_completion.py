"""A shell completes commands, options and ids, and never runs one."""

import os
import subprocess

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule
from tests.commands.conftest import COMMAND, run_process
from tests.conftest import copy_home

HOSTILE = ("$(touch x)", "a;b", "-rf", "a b", "`x`")


@pytest.fixture(scope="module")
def home(empty_home, tmp_path_factory):
    home = copy_home(empty_home, tmp_path_factory.mktemp("completed") / "home")
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20), level(0), *(level(0, warehouse_id=each) for each in HOSTILE)))
    engine.close()
    return home


def completed(line: str, home) -> list[str]:
    words = line.split(" ")
    found = run_process(
        home=home, _INVENTORY_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
    )  # fmt: skip
    assert ("", 0) == (found.err, found.code)
    return [each.removeprefix("plain,") for each in found.out.splitlines() if each]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("inventory aler", ["alerting", "alerts"]),
        ("inventory alerts uns", ["unsilence"]),
        ("inventory alerts --ware", ["--warehouse"]),
        ("inventory alerts --warehouse w", ["W1"]),
        ("inventory why-not W1 s", ["S1"]),
    ],
)
def test_commands_options_and_ids_are_completed(home, line, expected):
    assert expected == completed(line, home)


def test_an_id_that_a_shell_would_run_is_not_offered(home):
    """A shell puts in what it is offered as it is; the next Enter runs it."""
    assert ["W1"] == completed("inventory alerts --warehouse ", home)


def test_without_a_lake_nothing_is_offered_and_nothing_said(tmp_path):
    assert [] == completed("inventory alerts --warehouse ", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_one_line_has_bash_complete():
    done = subprocess.run(
        ["bash", "-c", 'eval "$(inventory completion bash)"; complete -p inventory'],
        capture_output=True, text=True, check=False, timeout=240,
        env={**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
    )  # fmt: skip

    assert ("", 0) == (done.stderr, done.returncode)
    assert done.stdout.split()[-1] == "inventory"


@pytest.mark.parametrize(
    ("shell", "known_by"), [("zsh", "#compdef inventory"), ("fish", "function _inventory_completion")]
)
def test_other_shells_have_their_own(run, shell, known_by):
    found = run("completion", shell)

    assert 0 == found.code
    assert known_by in found.out

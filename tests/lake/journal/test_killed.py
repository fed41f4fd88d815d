"""kill -9 at each step of a commit, a landing and a barrier: nothing is lost and nothing doubled."""

import subprocess
import sys

import pytest

from tests.messaging.brokers import REPOSITORY


def kill(*arguments: str) -> str:
    """What `tests.lake.journal.killing` says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.lake.journal.killing", *arguments], cwd=REPOSITORY, capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.big
def test_a_process_killed_at_any_step_leaves_a_lake_that_the_next_one_makes_whole(tmp_path):
    assert kill(str(tmp_path)) == "seed 1: nothing lost, nothing doubled"


@pytest.mark.big
def test_so_it_is_with_the_journal_on_a_server(tmp_path, postgres):
    catalog = postgres.new_catalog()

    assert kill(str(tmp_path), "--catalog", catalog) == "seed 1: nothing lost, nothing doubled"

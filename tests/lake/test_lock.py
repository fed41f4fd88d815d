"""The writer lock: one at a time, in turn, and free when its holder dies."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.lock import holder_of, writer_lock
from tests.messaging.brokers import REPOSITORY, eventually


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock file."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def test_who_waits_comes_before_who_just_had_it(tmp_path):
    """Continuous bursts must not starve a maintenance step, nor it them."""
    path = tmp_path / "writer.lock"
    order = []

    def wait_for_a_turn() -> None:
        with writer_lock(path):
            order.append("waiting")

    with writer_lock(path):
        order.append("first")
        waiter = threading.Thread(target=wait_for_a_turn)
        waiter.start()
        eventually(lambda: is_held(path.with_suffix(".turnstile")))
    with writer_lock(path):
        order.append("again")
    waiter.join()

    assert order == ["first", "waiting", "again"]


def test_lock_excludes_and_says_who_has_it(tmp_path):
    """Whoever is told knows commands and processes, no locks."""
    path = tmp_path / "writer.lock"

    with writer_lock(path):
        with (
            pytest.raises(LakeBusyError, match=f"process {os.getpid()}.* is writing below .*Try again"),
            writer_lock(path, timeout_seconds=0.05),
        ):
            pass
        assert f"process {os.getpid()}" in holder_of(path)


def test_a_lock_without_a_number_is_another_processs(tmp_path):
    """Of an earlier release, whose file is empty."""
    (tmp_path / "writer.lock").touch()

    assert "another process" == holder_of(tmp_path / "writer.lock")
    assert "another process" == holder_of(tmp_path / "none.lock")


def test_a_wait_that_timed_out_leaves_nobody_in_the_turnstile(tmp_path):
    path = tmp_path / "writer.lock"
    with writer_lock(path):
        with pytest.raises(LakeBusyError), writer_lock(path, timeout_seconds=0.05):
            pass

        assert not is_held(path.with_suffix(".turnstile"))


def test_an_error_inside_frees_the_lock(tmp_path):
    path = tmp_path / "writer.lock"
    with pytest.raises(ZeroDivisionError), writer_lock(path):
        raise ZeroDivisionError

    assert not is_held(path)


def test_kill_9_of_the_holder_frees_the_lock(tmp_path):
    """The kernel frees it: no stale lock file to remove by hand."""
    path = tmp_path / "writer.lock"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lake.worker", str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(path)

        holder.kill()
        holder.wait()

    with writer_lock(path, timeout_seconds=60.0):
        pass

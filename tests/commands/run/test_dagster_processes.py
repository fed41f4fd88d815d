"""Dagster's processes: which are started, and what follows a code server that died.

That messages are taken in again, and none is lost, is in `tests/end_to_end/test_code_server.py`.
"""

import stat
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from inventory_assets.commands.run.dagster_processes import DagsterProcesses
from inventory_assets.commands.run.processes import Processes, free_port

# In Dagster's place: one that listens where it is told, one that serves the port, one that does nothing.
STAND_IN = """
import socket, sys, time
words = sys.argv
if "--socket" in words:
    held = socket.socket(socket.AF_UNIX); held.bind(words[words.index("--socket") + 1]); held.listen()
if "--port" in words:
    held = socket.create_server(("127.0.0.1", int(words[words.index("--port") + 1])))
time.sleep(600)
"""


class StandIns(Processes):
    """Starts `script` where Dagster was asked for, and knows what was asked."""

    script = STAND_IN

    def start(self, name, command, **options):
        self.asked = [*getattr(self, "asked", []), (name, command)]
        return super().start(name, [sys.executable, "-c", self.script, *command], **options)


@pytest.fixture
def processes(tmp_path):
    found = StandIns(tmp_path / "run.json")
    yield found
    found.stop()


@pytest.fixture
def port():
    return free_port(3950)


@pytest.fixture
def dagster(processes, tmp_path):
    found = DagsterProcesses(processes, logs=tmp_path / "logs", env={}, cwd=tmp_path)
    yield found
    found.close()


def test_all_meet_at_a_socket_of_nobody_else(dagster, processes, port):
    assert dagster.start(port) is None

    [server, ui, daemon] = [command for _, command in processes.asked]
    assert "inventory_assets.console.dagster_ui" in ui and "dagster._daemon" in daemon
    workspace = yaml.safe_load(Path(ui[-1]).read_text())
    [listed] = workspace["load_from"]
    assert ui[-1] == daemon[-1] and listed["grpc_server"]["socket"] == server[server.index("--socket") + 1]
    folder = dagster.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    dagster.close()
    assert not folder.exists()


def test_a_code_server_that_died_is_started_again_in_its_place(dagster, processes, port):
    dagster.start(port)
    first = psutil.Process(dagster.server_pid)
    assert not dagster.replace_dead()
    first.kill()
    first.wait()

    assert [True, False] == [dagster.replace_dead(), dagster.replace_dead()]

    assert [] == processes.dead() and dagster.server_pid != first.pid
    assert processes.asked[0] == processes.asked[-1]


def test_what_does_not_come_up_is_named(dagster, processes, port):
    processes.script = "raise SystemExit(1)"

    assert "code-server" == dagster.start(port)

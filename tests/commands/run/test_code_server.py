"""Dagster's code server: whose proxy is ended, and whose is not.

Belongs here: the choice. Does not belong: that Dagster then starts another
(`tests/end_to_end/test_code_server.py`).
"""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from inventory_assets.commands.run.code_server import CodeServers
from tests.messaging.brokers import eventually

# Each process is known by its words alone: a leader, below it a proxy, below that a server.
SERVER = "import time; time.sleep(600)"
PROXY = f"""
import subprocess, sys
sys.stdin.readline()
subprocess.Popen([sys.executable, "-c", {SERVER!r}, "api", "grpc"]).wait()
sys.stdin.readline()
"""
LEADER = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {PROXY!r}, "code-server", "start"]).wait()
sys.stdin.read()
"""


@pytest.fixture
def leader():
    process = subprocess.Popen([sys.executable, "-c", LEADER], stdin=subprocess.PIPE, start_new_session=True)
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def servers(leader):
    return CodeServers(leader.pid)


def start_server(leader, servers) -> psutil.Process:
    leader.stdin.write(b"start\n")
    leader.stdin.flush()
    [server] = eventually(servers.alive)
    return server


def proxies(leader) -> list[psutil.Process]:
    found = psutil.Process(leader.pid).children()
    return [each for each in found if each.status() != psutil.STATUS_ZOMBIE and "code-server" in each.cmdline()]


def test_a_proxy_that_is_starting_is_left_alone(leader, servers):
    """It has no server yet, as one whose server died has none."""
    eventually(lambda: proxies(leader))

    assert 0 == servers.replace_dead()
    assert [] != proxies(leader)


def test_a_proxy_whose_server_lives_is_left_alone(leader, servers):
    start_server(leader, servers)

    assert [0, 0] == [servers.replace_dead(), servers.replace_dead()]
    assert [] != proxies(leader)


def test_a_proxy_whose_server_was_killed_is_ended_once(leader, servers):
    server = start_server(leader, servers)
    servers.replace_dead()
    proxy = proxies(leader)
    server.kill()

    assert 1 == eventually(servers.replace_dead)
    psutil.wait_procs(proxy)
    assert 0 == servers.replace_dead()


def test_without_dagster_there_is_nothing_to_do(leader, servers):
    leader.kill()
    leader.wait()

    assert (0, []) == (servers.replace_dead(), servers.alive())

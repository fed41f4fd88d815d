"""kill -9 of the code server under `dagster dev`, mid-stream: Dagster starts another, and nothing is lost."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inventory_assets.commands.processes import free_port, python_environment
from inventory_assets.messaging.client import PubSubPublisher
from inventory_assets.messaging.topology import apply_topology
from tests.builders import cut, published, simulated
from tests.end_to_end.test_kills import MESSAGES, PROJECT, SHOP, Stage, check
from tests.messaging.brokers import REPOSITORY, eventually

pytestmark = pytest.mark.slow

START_SECONDS = 120


class Dagster:
    """`dagster dev` on a stage's lake and emulator, with every process it starts."""

    def __init__(self, stage: Stage) -> None:
        home = stage.home / "dagster"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text((REPOSITORY / "deploy" / "dagster.yaml").read_text())
        environment = python_environment(**stage.environment, INVENTORY_HOME=str(stage.home), DAGSTER_HOME=str(home))
        dagster = Path(sys.executable).with_name("dagster")
        self._log = (stage.home / "dagster.log").open("wb")
        self.process = subprocess.Popen(
            [str(dagster), "dev", "-w", str(REPOSITORY / "workspace.yaml"), "-h", "127.0.0.1",
             "-p", str(free_port(23_000)), "--log-level", "warning"],
            cwd=REPOSITORY, env=environment, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def code_servers(self) -> list[psutil.Process]:
        """The processes that hold our code: where the sensor's ticks run."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if "grpc" in words and "api" in words:
                found.append(process)
        return found

    def kill_code_servers(self) -> int:
        """kill -9 each; how many."""
        servers = self.code_servers()
        for server in servers:
            server.kill()
        return len(servers)

    def close(self) -> None:
        """kill -9 of the whole tree."""
        leader = psutil.Process(self.process.pid)
        for process in [*leader.children(recursive=True), leader]:
            try:
                process.kill()
            except psutil.Error:
                continue
        self.process.wait()
        self._log.close()


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.close()


@pytest.mark.timeout(420)
def test_a_killed_code_server_is_followed_by_one_that_finishes(stage):
    """The sensor's process dies between any two steps; the lake and the broker hold all that counts."""
    apply_topology(PROJECT, emulator_host=stage.host)
    publisher = PubSubPublisher(PROJECT, emulator_host=stage.host)
    simulation, sent = simulated(MESSAGES, seed=43, **SHOP)
    first, second = cut(published(sent), -(-len(sent) // 2))
    dagster = Dagster(stage)
    try:
        confirmed = set(publisher.publish(first))
        eventually(lambda: stage.version() > 0, seconds=START_SECONDS)
        confirmed |= set(publisher.publish(second))
        seen = stage.version()

        assert dagster.kill_code_servers() > 0

        eventually(lambda: stage.version() > seen, seconds=START_SECONDS)
    finally:
        dagster.close()
        publisher.close()
    # The daemon is gone, too: what it had leased comes back when the emulator forgets its leases.
    stage.emulator.kill()
    stage.start_emulator()
    stage.drain()

    check(stage, simulation, confirmed)

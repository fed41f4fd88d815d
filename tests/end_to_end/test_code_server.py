"""kill -9 of the code server under `dagster dev`, mid-stream: there is another, and nothing is lost."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inventory_assets.commands.run.code_server import CodeServers
from inventory_assets.commands.run.processes import python_environment
from inventory_assets.messaging.client import PubSubPublisher
from inventory_assets.messaging.topology_apply import apply_topology
from tests.builders import cut, published, simulated
from tests.end_to_end.test_kills import MESSAGES, PROJECT, SHOP, Stage, check
from tests.messaging.brokers import REPOSITORY, eventually

pytestmark = pytest.mark.big

# Dagster takes 15 s to its first tick on an idle machine. After the kill it is at most
# 2 s until `replace_dead` looks, 5 s until Dagster looks after the proxy, then our code
# is loaded and the next tick starts: 15 s again. What the dead server had leased may
# hold back later messages of the same key for 60 s more.
PATIENCE_SECONDS = 300


class Dagster:
    """`dagster dev` on a stage's lake and emulator, with every process it starts."""

    def __init__(self, stage: Stage, **settings: str) -> None:
        home = stage.home / "dagster"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text((REPOSITORY / "deploy" / "dagster.yaml").read_text())
        environment = python_environment(
            **stage.environment, INVENTORY_HOME=str(stage.home), DAGSTER_HOME=str(home), **settings
        )
        self.home = home
        dagster = Path(sys.executable).with_name("dagster")
        self._log = (stage.home / "dagster.log").open("wb")
        # Port 0: the web server chooses as it binds. Chosen here, a port may be taken by then.
        self.process = subprocess.Popen(
            [str(dagster), "dev", "-w", str(REPOSITORY / "workspace.yaml"), "-h", "127.0.0.1",
             "-p", "0", "--log-level", "warning"],
            cwd=REPOSITORY, env=environment, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self.code_servers = CodeServers(self.process.pid)

    def close(self) -> None:
        """kill -9 of the whole tree."""
        if self.process.poll() is not None:
            return
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


@pytest.fixture
def dagster(stage):
    apply_topology(PROJECT, emulator_host=stage.host)
    found = Dagster(stage)
    yield found
    found.close()


@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_a_killed_code_server_is_followed_by_one_that_finishes(stage, dagster):
    """The sensor's process dies between any two steps; the lake and the broker hold all that counts."""
    publisher = PubSubPublisher(PROJECT, emulator_host=stage.host)
    simulation, sent = simulated(MESSAGES, seed=43, **SHOP)
    first, second, third = cut(published(sent), -(-len(sent) // 3))
    confirmed = set(publisher.publish(first))
    eventually(lambda: stage.version() > 0, seconds=PATIENCE_SECONDS, every=0.2)
    assert dagster.code_servers.replace_dead() == 0
    killed = dagster.code_servers.alive()
    # Whether the kill comes before, in or after their bursts is left to chance; each must do.
    confirmed |= set(publisher.publish(second))
    for server in killed:
        server.kill()
    # What is published now, no dead process can have taken in.
    later = set(publisher.publish(third))
    publisher.close()

    def has_taken_in_later_ones() -> bool:
        dagster.code_servers.replace_dead()  # as `inventory run` does every 2 s
        return bool(later & stage.message_ids())

    eventually(has_taken_in_later_ones, seconds=PATIENCE_SECONDS, every=1)
    assert killed != []
    assert not set(killed) & set(dagster.code_servers.alive())

    dagster.close()
    # What that one had leased comes back when the emulator forgets its leases.
    stage.emulator.kill()
    stage.start_emulator()
    stage.drain()

    check(stage, simulation, confirmed | later)

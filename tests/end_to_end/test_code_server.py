"""kill -9 of the code server, mid-stream: there is another, and nothing is lost."""

import json
from contextlib import suppress

import psutil
import pytest

from inventory_assets.commands.run.dagster_processes import DagsterProcesses
from inventory_assets.commands.run.processes import Processes, free_port, python_environment
from inventory_assets.messaging.client import PubSubPublisher
from inventory_assets.messaging.topology_apply import apply_topology
from tests.builders import cut, published, simulated
from tests.end_to_end.test_kills import MESSAGES, PROJECT, SHOP, Stage, check
from tests.messaging.brokers import REPOSITORY, eventually

pytestmark = pytest.mark.big

# Dagster takes 15 s to its first tick on an idle machine. After the kill it is at most
# 2 s until `replace_dead` looks, then our code is loaded and the next tick starts: 15 s
# again. What the dead server had leased may hold back later messages of the same key
# for 60 s more.
PATIENCE_SECONDS = 300


class Dagster:
    """Dagster as `inventory run` starts it, on a stage's lake and emulator."""

    def __init__(self, stage: Stage, **settings: str) -> None:
        home = stage.home / "dagster"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text((REPOSITORY / "deploy" / "dagster.yaml").read_text())
        environment = python_environment(
            **stage.environment, INVENTORY_HOME=str(stage.home), DAGSTER_HOME=str(home), **settings
        )
        self.home = home
        self._record = stage.home / "dagster-run.json"
        self._all = Processes(self._record)
        self._dagster = DagsterProcesses(self._all, logs=stage.home / "logs", env=environment, cwd=REPOSITORY)
        assert self._dagster.start(free_port(3900)) is None

    def server(self) -> psutil.Process:
        """The process that holds our code."""
        return psutil.Process(self._dagster.server_pid)

    def replace_dead(self) -> bool:
        """What `inventory run` does every 2 s."""
        return self._dagster.replace_dead()

    def close(self) -> None:
        """kill -9 of all of them."""
        recorded = json.loads(self._record.read_text()) if self._record.exists() else []
        for entry in recorded:
            with suppress(psutil.Error):
                leader = psutil.Process(entry["pid"])
                for process in [*leader.children(recursive=True), leader]:
                    process.kill()
        self._all.stop()
        self._dagster.close()


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
    assert not dagster.replace_dead()
    killed = dagster.server()
    # Whether the kill comes before, in or after their bursts is left to chance; each must do.
    confirmed |= set(publisher.publish(second))
    killed.kill()
    # What is published now, no dead process can have taken in.
    later = set(publisher.publish(third))
    publisher.close()

    def has_taken_in_later_ones() -> bool:
        dagster.replace_dead()
        return bool(later & stage.message_ids())

    eventually(has_taken_in_later_ones, seconds=PATIENCE_SECONDS, every=1)
    assert killed != dagster.server()

    dagster.close()
    # What that one had leased comes back when the emulator forgets its leases.
    stage.emulator.kill()
    stage.start_emulator()
    stage.drain()

    check(stage, simulation, confirmed | later)

"""kill -9 of the drain and of the emulator, mid-stream, as real processes.

The issue's "Done when": the ids confirmed to the publisher equal the ids in
`raw.messages`, `inventory verify` exits 0, and the simulator's ledger equals
`core.sku_state`.
"""

import os
import random
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.client import PublishError, PubSubPublisher
from inventory_assets.messaging.topology_apply import apply_topology
from inventory_assets.settings import Settings
from tests.builders import cut, published, simulated
from tests.commands.conftest import COMMAND, run_process
from tests.facts import ledger
from tests.messaging.brokers import REPOSITORY, EmulatorProcess, eventually, unclaimed_port

PROJECT = "end-to-end"
SHOP = {"skus": 20, "warehouses": 2, "disorder_rate": 0.1, "malformed_rate": 0.02, "duplicate_rate": 0.02}
MESSAGES = 3000
# A lease ends after 60 s; what else these processes wait for is over in seconds on an idle machine.
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.big


class Stage:
    """An emulator with its data, a lake, and the processes between them."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.data = tmp_path / "emulator"
        self.port = unclaimed_port()
        self.emulator = EmulatorProcess(self.data, port=self.port)
        self.host = f"127.0.0.1:{self.port}"
        self.drains: list[subprocess.Popen] = []

    def start_emulator(self) -> None:
        """Start it again, on its port and data."""
        self.emulator = EmulatorProcess(self.data, port=self.port)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands are told."""
        return {"PUBSUB_EMULATOR_HOST": self.host, "GOOGLE_CLOUD_PROJECT": PROJECT}

    def start_drain(self) -> subprocess.Popen:
        """Begin to drain, in a process of its own."""
        environment = {**os.environ, **self.environment, "INVENTORY_HOME": str(self.home)}
        self.drains.append(
            subprocess.Popen(
                [str(COMMAND), "drain", "--wait", "10"], cwd=REPOSITORY, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        return self.drains[-1]

    def drain(self) -> None:
        """Drain to the end."""
        # On a busy machine the emulator may take seconds to answer; an early end would look like a loss.
        done = run_process("drain", "--wait", "10", home=self.home, **self.environment)
        assert done.code == 0, done.err

    def query(self, sql: str) -> list:
        """Ask the lake."""
        connection = connect(Settings(home=self.home), read_only=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def version(self) -> int:
        """The lake's latest version; 0 while there is no lake, or one in the making."""
        try:
            return self.query("SELECT coalesce(max(version), 0) FROM meta.versions")[0][0]
        except (LakeError, duckdb.Error):
            return 0

    def message_ids(self) -> set[str]:
        """What was taken in; none while the lake cannot be read."""
        try:
            return {found for (found,) in self.query("SELECT DISTINCT message_id FROM raw.messages")}
        except (LakeError, duckdb.Error):
            return set()

    def close(self) -> None:
        """End what still runs."""
        for drain in self.drains:
            if drain.poll() is None:
                drain.kill()
            drain.wait()
        if self.emulator.process.poll() is None:
            self.emulator.kill()


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.close()


@pytest.fixture
def publisher(stage):
    apply_topology(PROJECT, emulator_host=stage.host)
    found = PubSubPublisher(PROJECT, emulator_host=stage.host)
    yield found
    found.close()


def check(stage, simulation, confirmed: set[str], *, is_exact: bool = True) -> None:
    """The three promises."""
    found = {message_id for (message_id,) in stage.query("SELECT DISTINCT message_id FROM raw.messages")}
    assert confirmed - found == set()
    if is_exact:
        assert found == confirmed
    columns = "warehouse_id, sku, on_hand, reserved, available, inbound"
    assert stage.query(f"SELECT {columns} FROM core.sku_state ORDER BY ALL") == ledger(simulation)
    verified = run_process("verify", home=stage.home)
    assert verified.code == 0, verified.out + verified.err


def test_kills_of_drain_and_emulator_at_random_points_lose_and_double_nothing(stage, publisher):
    """Several times over: let some versions commit, kill one or both, start again."""
    rng = random.Random(41)
    simulation, sent = simulated(MESSAGES, seed=41, **SHOP)
    confirmed: set[str] = set()
    for part in cut(published(sent), -(-len(sent) // 3)):
        confirmed.update(publisher.publish(part))
        seen = stage.version()
        drain = stage.start_drain()
        eventually(lambda: stage.version() > seen, seconds=PATIENCE_SECONDS)  # noqa: B023
        moment = time.monotonic() + rng.uniform(0, 0.3)
        eventually(lambda: time.monotonic() > moment)  # noqa: B023
        drain.kill()
        # The emulator forgets its leases when it dies, so nothing waits for a deadline.
        stage.emulator.kill()
        drain.wait()
        stage.start_emulator()

    stage.drain()

    check(stage, simulation, confirmed)


def test_an_emulator_killed_under_a_running_drain_and_publisher(stage, publisher):
    """Both ride it out or say so; what was confirmed arrives, what was not may."""
    rng = random.Random(43)
    simulation, sent = simulated(MESSAGES // 2, seed=43, **SHOP)
    outgoing = published(sent)
    confirmed: set[str] = set()
    kill_after = sorted(rng.sample(range(2, len(outgoing) // 200), 2))
    drain = stage.start_drain()
    for number, part in enumerate(cut(outgoing, 200)):
        if number in kill_after:
            stage.emulator.kill()
            stage.start_emulator()
        waiting = part
        while waiting:
            try:
                confirmed.update(publisher.publish(waiting))
                waiting = []
            except PublishError as error:
                confirmed.update(filter(None, error.message_ids))
                waiting = [waiting[place] for place in error.failures]
        if drain.poll() is not None:
            drain = stage.start_drain()
    drain.wait(timeout=PATIENCE_SECONDS)

    stage.drain()

    # A request may be stored and its answer lost: it is sent again under another id.
    check(stage, simulation, confirmed, is_exact=False)


def test_a_killed_drain_alone_gets_its_messages_back_when_the_lease_ends(stage, publisher):
    """Nobody restarts Pub/Sub: the next drain waits for the 60 s deadline, and then has everything."""
    simulation, sent = simulated(600, seed=47, **SHOP)
    confirmed = set(publisher.publish(published(sent)))
    drain = stage.start_drain()
    eventually(lambda: stage.version() > 0, seconds=PATIENCE_SECONDS)
    drain.kill()
    drain.wait()

    def is_complete() -> bool:
        stage.drain()
        return stage.message_ids() == confirmed

    eventually(is_complete, seconds=PATIENCE_SECONDS)

    check(stage, simulation, confirmed)

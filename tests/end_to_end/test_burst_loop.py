"""Bursts between the ticks of a real Dagster: while the sensor is on, no longer than its lease, and not past an end."""

import fcntl
import signal

import dagster as dg
import pytest

from inventory_assets.messaging.client import PubSubPublisher
from inventory_assets.messaging.topology_apply import apply_topology
from tests.assets.dagster_internals import InstigatorStatus
from tests.builders import outgoing, transaction
from tests.end_to_end.test_code_server import PATIENCE_SECONDS, Dagster
from tests.end_to_end.test_kills import PROJECT, Stage
from tests.messaging.brokers import eventually

pytestmark = pytest.mark.big

# Dagster looks every 5 s whether the sensor is on.
QUIET_SECONDS = 12
END_SECONDS = 30


class Switch:
    """The sensor's switch in the UI: where it stands is in Dagster's storage."""

    def __init__(self, dagster: Dagster) -> None:
        self._instance = dg.DagsterInstance.from_config(str(dagster.home))

    def turn(self, status: InstigatorStatus) -> None:
        """Turn the sensor on or off."""
        [state] = [each for each in self._instance.all_instigator_state() if each.name == "bursts"]
        self._instance.update_instigator_state(state.with_status(status))


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.close()


@pytest.fixture
def dagster(stage):
    apply_topology(PROJECT, emulator_host=stage.host)
    found = Dagster(stage, INVENTORY_LEASE_SECONDS="12")
    yield found
    found.close()


def is_running(stage: Stage) -> bool:
    """Whether a loop holds its lock."""
    path = stage.home / "loop.lock"
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.timeout(4 * PATIENCE_SECONDS)
def test_bursts_end_with_the_lease_of_a_sensor_switched_off_and_go_on_when_it_is_on(stage, dagster):
    publisher = PubSubPublisher(PROJECT, emulator_host=stage.host)

    def publish(name: str) -> set[str]:
        return set(publisher.publish([outgoing(transaction(name, quantity=-1))]))

    first = publish("FIRST")
    eventually(lambda: first <= stage.message_ids(), seconds=PATIENCE_SECONDS, every=0.2)
    assert is_running(stage)
    switch = Switch(dagster)

    switch.turn(InstigatorStatus.STOPPED)
    eventually(lambda: not is_running(stage), seconds=PATIENCE_SECONDS, every=0.2)
    version = stage.version()
    later = publish("LATER")
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: is_running(stage) or stage.version() > version, seconds=QUIET_SECONDS, every=0.5)
    assert not later & stage.message_ids()

    switch.turn(InstigatorStatus.RUNNING)
    eventually(lambda: later <= stage.message_ids(), seconds=PATIENCE_SECONDS, every=0.2)

    # Ctrl-C and SIGTERM reach the code server so. What it had fetched would rest for a minute at the broker.
    server = dagster.server()
    server.send_signal(signal.SIGTERM)
    server.wait(END_SECONDS)
    assert not is_running(stage)
    last = publish("LAST")
    stage.drain()
    assert last <= stage.message_ids()
    publisher.close()

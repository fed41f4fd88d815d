"""A backlog in our emulator: how quickly `inventory drain` takes it in."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Traffic
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.settings import Settings
from inventory_assets.wiring import ensure_topics, publisher_of
from tests.messaging.brokers import EmulatorProcess

BACKLOG = 300_000
AT_ONCE = 20_000


def run(*, backlog: int = BACKLOG, skus: int = 10_000, warehouses: int = 20) -> None:
    """Print how many messages a second leave the emulator and are in the lake.

    Args:
        backlog: How many wait, after an opening level of each key.
        skus, warehouses: Of how many keys.
    """
    print(f"\nbacklog: {backlog:,} messages in our emulator, {skus * warehouses:,} keys")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as place:
        emulator = EmulatorProcess(Path(place) / "emulator")
        home = str(Path(place) / "home")
        environment = {"PUBSUB_EMULATOR_HOST": emulator.host, "INVENTORY_HOME": home}
        try:
            os.environ.update(environment)
            settings = Settings(home=Path(home), emulator_host=emulator.host)
            ensure_topics(settings)
            traffic = Traffic(skus=skus, warehouses=warehouses)
            _publish(settings, [each.data for each in traffic.opening()], "inventory-updates-topic")
            print(f"  the opening: {_drained(environment):,.0f} messages/s")
            _publish(settings, [each.data for each in traffic.burst(backlog)], "inventory-transactions-topic")
            print(f"  the backlog (aim 9,000): {_drained(environment):,.0f} messages/s, the command's start included")
        finally:
            for name in environment:
                os.environ.pop(name, None)
            emulator.stop()


def _publish(settings: Settings, bodies: list[bytes], topic: str) -> None:
    with publisher_of(settings) as publisher:
        for first in range(0, len(bodies), AT_ONCE):
            publisher.publish([OutgoingMessage(topic, body) for body in bodies[first : first + AT_ONCE]])


def _drained(environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "inventory_assets.cli", "drain", "--format", "json"]
    began = time.perf_counter()
    answer = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=True).stdout
    spent = time.perf_counter() - began
    return sum(row["messages"] for row in json.loads(answer)) / spent

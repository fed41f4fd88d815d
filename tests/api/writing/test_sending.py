"""A process of the service that is killed while it writes: what was answered 202 is there, and nothing twice."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.api.processes import PATIENCE_SECONDS, started, within
from tests.builders import level, messages


@pytest.mark.big
def test_killed_while_it_writes_it_loses_nothing_and_doubles_nothing(tmp_path, home, monkeypatch):
    """Each key is asked for until it is answered, over kills: an adjustment of one unit each."""
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(0, reserved_stock=0)))
    engine.lake.land()
    engine.close()
    monkeypatch.setenv("INVENTORY_HOME", str(home))
    emulator, address = started(tmp_path / "emulator.log", "emulator", "--port", "0", "--in-memory")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    service, url = started(tmp_path / "api.log", "serve", "api", "--port", "0")
    port = url.rpartition(":")[2]
    answered: list[int] = []

    def write(numbers: range) -> None:
        for number in numbers:
            headers = {"Idempotency-Key": f"k{number}", "Content-Type": "application/json"}
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/inventory/W1/S1", b'{"quantity_change": 1}', headers, method="PATCH"
            )
            within(lambda asked=asked: urllib.request.urlopen(asked, timeout=20).close())
            answered.append(number)

    try:
        within(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close())
        writers = [threading.Thread(target=write, args=(range(begin, 40, 4),)) for begin in range(4)]
        for each in writers:
            each.start()
        for count in (8, 20):
            within(lambda count=count: answered[count])
            service.send_signal(signal.SIGKILL)
            service.wait()
            service, _ = started(tmp_path / "api.log", "serve", "api", "--port", port)
        for each in writers:
            each.join(PATIENCE_SECONDS)
        subprocess.run([sys.executable, "-m", "inventory_assets.cli", "drain"], check=True, env=os.environ)
    finally:
        for process in (service, emulator):
            process.kill()
            process.wait()

    assert sorted(answered) == list(range(40))
    engine = Engine(Settings(home=home))
    [(on_hand,)] = engine.lake.query_landed("SELECT on_hand FROM core.sku_state WHERE sku = 'S1'").rows()
    engine.close()
    assert on_hand == 40

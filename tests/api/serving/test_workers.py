"""Workers as processes: each answers right, also after one was stopped for longer than the journal remembers."""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.journal.sql import VERSIONS
from inventory_assets.settings import Settings
from tests.api.processes import started, within
from tests.builders import level, messages

PAUSE_SECONDS = 10.0


def _asked(address: str, path: str) -> tuple[str, int]:
    """The body of an answer by whichever worker takes the connection, and the version that it shows."""
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
        return answer.read().decode(), int(answer.headers.get("Lake-Version") or 0)


@pytest.mark.big
def test_a_worker_that_was_paused_answers_as_the_other(tmp_path, home, monkeypatch):
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(1, 1)))
    engine.lake.land()
    monkeypatch.setenv("INVENTORY_HOME", str(home))
    service, address = started(tmp_path / "api.log", "serve", "api", "--port", "0", "--workers", "2")
    try:
        within(lambda: _asked(address, "/health"))
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
        paused, other = map(int, children)
        os.kill(paused, signal.SIGSTOP)
        for number in range(2, 8):
            engine.commit_burst(messages(level(number, number)))
        engine.lake.land()
        engine.lake.journal._execute(f"DELETE FROM {VERSIONS} WHERE version <= ?", (4,))
        time.sleep(PAUSE_SECONDS)
        os.kill(paused, signal.SIGCONT)

        def seen_by_both() -> set[int]:
            found = {}
            for _ in range(40):
                body, version = _asked(address, "/v1/stock/W1/S1")
                # Whichever version it shows: what that version had.
                assert json.loads(body)["on_hand"] == version
                lines, _ = _asked(address, "/metrics")
                found[int(lines.partition('process="')[2].partition('"')[0])] = version
            if set(found.values()) != {7} or len(found) < 2:
                raise OSError(str(found))
            return set(found)

        assert within(seen_by_both) == {paused, other}
    finally:
        service.terminate()
        service.wait()
        engine.close()

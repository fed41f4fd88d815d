"""`inventory deliver` as a process, killed and started again, against a real HTTP server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, transaction
from tests.facts import rows
from tests.messaging.brokers import PATIENCE_SECONDS, eventually
from tests.notify.servers import HttpServer, http_server

POLICY = """
[channels.hook]
kind = "webhook"
url = "{url}"
secret_env = "HOOK_SECRET"
allow_hosts = ["127.0.0.1"]
timeout_seconds = 30
[[routes]]
channels = ["hook"]
"""


@pytest.fixture
def server():
    with http_server() as found:
        yield found


@pytest.fixture
def shop(home: Path, server: HttpServer) -> Path:
    """A home with six firing alerts and a policy with one webhook."""
    engine = Engine(Settings(home=home))
    skus = [f"S{number}" for number in range(6)]
    engine.commit_burst(messages(*(level(100, sku=sku, min_threshold=50) for sku in skus)))
    engine.commit_burst(messages(*(transaction(f"T{sku}", quantity=-60, sku=sku) for sku in skus)))
    engine.close()
    (home / "alerting.toml").write_text(POLICY.format(url=server.url))
    return home


def deliver(home: Path, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "INVENTORY_HOME": str(home), "HOOK_SECRET": "s3cret"}
    command = [sys.executable, "-m", "inventory_assets.cli", "deliver", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def keys(server: HttpServer) -> list[str]:
    return [request.headers["idempotency-key"] for request in server.received]


def test_kill_9_between_sending_and_recording_loses_nothing_and_repeats_under_the_same_ids(shop, server):
    first = deliver(shop)
    eventually(lambda: len(server.received) >= 6, every=0.005)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    sent = keys(server)

    again = deliver(shop, "--once")
    _, errors = again.communicate(timeout=PATIENCE_SECONDS)
    last = deliver(shop, "--once")
    last.communicate(timeout=PATIENCE_SECONDS)

    assert (0, 0) == (again.returncode, last.returncode), errors
    assert 6 == len(set(sent)) == len(set(keys(server)))
    assert len(keys(server)) <= 12
    engine = Engine(Settings(home=shop))
    settled = rows(engine.lake, "SELECT count(DISTINCT subject_id) FROM out.deliveries WHERE status = 'sent'")
    engine.close()
    assert [(6,)] == settled


@pytest.mark.big
def test_sigterm_records_what_was_sent(shop, server):
    process = deliver(shop)
    eventually(lambda: len(server.received) >= 6)
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)

    again = deliver(shop, "--once")
    again.communicate(timeout=PATIENCE_SECONDS)

    assert 0 == process.returncode, errors
    assert 6 == len(server.received)


@pytest.mark.big
def test_a_second_deliverer_is_told_that_there_is_one(shop, server):
    first = deliver(shop)
    eventually(lambda: server.received)

    second = deliver(shop, "--once")
    _, errors = second.communicate(timeout=PATIENCE_SECONDS)
    first.terminate()
    first.communicate(timeout=PATIENCE_SECONDS)

    assert 1 == second.returncode
    assert "another process delivers" in errors

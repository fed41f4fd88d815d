"""`inventory serve-push`: what it needs before it starts; and all of it, from a push subscription to the input topic."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from inventory_assets.messaging.topology_apply import apply_topology
from tests.commands.conftest import run
from tests.messaging.brokers import (
    CALL_SECONDS,
    PATIENCE_SECONDS,
    Broker,
    EmulatorProcess,
    bodies,
    eventually,
    unclaimed_port,
)
from tests.push.issuer import EMAIL

__all__ = ["run"]
AUDIENCE = "https://push.example.com"
ADJUSTMENT = b'{"item_id": "S1", "adjustment": -3, "timestamp": "2022-04-20T07:00:00Z", "warehouse_id": "W1"}'


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("AUDIENCE", "", "INVENTORY_PUSH_AUDIENCE is not set"),
        ("ACCOUNTS", "", "INVENTORY_PUSH_ACCOUNTS is not set"),
        ("ACCOUNTS", "nobody", "emails of service accounts"),
        ("ACCOUNTS", "a@b,,c@d", "none of them empty"),
        ("KEYS", "http://keys.example.com/certs", "http:// to this machine"),
        ("KEYS", "ftp://keys.example.com/certs", "expected a file"),
        ("KEYS", "https://user:hush@keys.example.com/", "without a password"),
        ("TOPIC", "alerts-topic", "expected one of control-topic"),
    ],
)
def test_it_does_not_start_where_nobody_could_get_in(run, monkeypatch, setting, value, said):
    monkeypatch.setenv("INVENTORY_PUSH_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("INVENTORY_PUSH_ACCOUNTS", EMAIL)
    monkeypatch.setenv(f"INVENTORY_PUSH_{setting}", value)
    found = run("serve-push", "--port", "0")

    assert found.code == 1
    assert said in found.err


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    """An emulator that serves its key set."""
    started = EmulatorProcess(None, oidc=["--oidc-port", "0"])
    yield started
    started.stop()


def start(emulator: EmulatorProcess, home: Path, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    """A service as a process of its own, and its URL."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("INVENTORY_", "GOOGLE_"))}
    environment |= {
        "PUBSUB_EMULATOR_HOST": emulator.host, "GOOGLE_CLOUD_PROJECT": "p", "INVENTORY_HOME": str(home),
        "INVENTORY_PUSH_AUDIENCE": AUDIENCE, "INVENTORY_PUSH_ACCOUNTS": EMAIL, "INVENTORY_PUSH_KEYS": emulator.keys,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "inventory_assets.cli", "serve-push", "--port", str(port)],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("push  http://"), line + process.stderr.read()
    return process, line.removeprefix("push").strip().removesuffix("/")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The services' home, which has no lake."""
    return tmp_path_factory.mktemp("push") / "home"


@pytest.fixture(scope="module")
def url(emulator: EmulatorProcess, home: Path) -> Iterator[str]:
    """A service beside the emulator."""
    process, found = start(emulator, home)
    yield found
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)


def test_a_push_subscription_feeds_the_input_topic(emulator, url):
    """Signed, verified by the emulator's key set, published, confirmed, acknowledged; a wrong audience is not."""
    apply_topology("p", emulator_host=emulator.host)
    broker = Broker(emulator.host, project="p")
    token = {"service_account_email": EMAIL, "audience": AUDIENCE}
    config = {"push_endpoint": f"{url}/adjustments", "oidc_token": token}
    broker.create("shop", "shop-push", push_config=config)
    broker.create("stray", "stray-push", push_config=config | {"oidc_token": token | {"audience": "https://other"}})
    broker.publish(b"stray", topic="stray")
    broker.publish(ADJUSTMENT, topic="shop", key="S1")
    [came] = broker.pull("inventory-sub")

    assert (came.message.data, came.message.ordering_key) == (ADJUSTMENT, "S1")
    assert came.message.attributes["pushed_from"] == "projects/p/subscriptions/shop-push"
    broker.close()


def test_a_scheduler_with_the_emulators_token_gets_in(emulator, url):
    """The lake is not there, which says that the token was good."""
    asked = f"{emulator.keys.removesuffix('/certs')}/token"
    fields = {"email": EMAIL, "audience": AUDIENCE}
    signed = urllib3.request("GET", asked, fields=fields, timeout=CALL_SECONDS).data.decode().strip()
    headers = {"Authorization": f"Bearer {signed}"}
    answer = eventually(lambda: urllib3.request("POST", f"{url}/reports", headers=headers, timeout=CALL_SECONDS))

    assert answer.status == 503
    assert "log says why" in json.loads(answer.data)["error"]


@pytest.mark.big
def test_a_killed_service_loses_nothing(emulator, home):
    """What was under way was not acknowledged: it is pushed again to the next one, and repeats are duplicates."""
    apply_topology("p", emulator_host=emulator.host)
    broker, port = Broker(emulator.host, project="p"), unclaimed_port()
    first, url = start(emulator, home, port)
    token = {"service_account_email": EMAIL, "audience": AUDIENCE}
    config = {"push_endpoint": f"{url}/adjustments", "oidc_token": token}
    broker.create("till", "till-push", enable_message_ordering=True, push_config=config)
    sent = [f"{key}{number}".encode() for number in range(25) for key in "ab"]
    for body in sent:
        broker.publish(body, topic="till", key=body[:1].decode())
    came: list[bytes] = []

    def take(least: int) -> bool:
        received = broker.pull_now("inventory-sub")
        if received:
            broker.acknowledge(received, "inventory-sub")
        came.extend(body for body in bodies(received) if body in sent)
        return len(set(came)) >= least

    eventually(lambda: take(5))
    first.kill()
    first.communicate(timeout=PATIENCE_SECONDS)
    second, _ = start(emulator, home, port)
    eventually(lambda: take(len(sent)))
    second.terminate()
    second.communicate(timeout=PATIENCE_SECONDS)
    broker.close()

    firsts = list(dict.fromkeys(came))
    assert sorted(firsts) == sorted(sent)
    for key in (b"a", b"b"):
        assert [body for body in firsts if body.startswith(key)] == [body for body in sent if body.startswith(key)]

"""`inventory tail`: what is shown, when it ends, and what it leaves behind."""

import json
import signal
import subprocess
import uuid

import pytest

from tests import builders
from tests.commands.conftest import COMMAND
from tests.messaging.brokers import Broker, eventually

SINCE = ("--since", "2024-01-01T00:00:00Z")
SECONDS = ("--for", "20")


@pytest.fixture
def watched(run, emulator, monkeypatch):
    """A project of the test's own, with the product's topics."""
    project = f"p{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    assert run("topics", "apply").code == 0
    broker = Broker(emulator, project=project)
    yield broker
    broker.close()


def tails(broker: Broker) -> list[str]:
    found = broker.subscriber.list_subscriptions(project=f"projects/{broker.project}", timeout=30)
    return [each.name for each in found if "/inventory-tail-" in each.name]


def test_each_message_is_a_line_of_json_with_what_is_wrong(run, watched):
    watched.publish(json.dumps(builders.level(5)).encode(), topic=builders.UPDATES, row_id="a:2")
    watched.publish(b"{\xff", topic=builders.UPDATES)

    found = run("tail", "--topic", builders.UPDATES, "--format", "json", "--limit", "2", *SINCE, *SECONDS)

    lines = sorted(map(json.loads, found.out.splitlines()), key=lambda line: int(line["message_id"]))
    assert (0, [None, True]) == (found.code, [line["problem"] and "invalid_json" in line["problem"] for line in lines])
    assert ("level", "r0", {"row_id": "a:2"}) == tuple(lines[0][name] for name in ("kind", "envelope", "attributes"))
    assert (builders.level(5), None, "{\\xff") == (lines[0]["document"], lines[1]["document"], lines[1]["data"])
    assert lines[0]["publish_time"].endswith("Z")
    assert "from 2024-01-01 00:00:00 UTC on; it keeps messages for 7 days" in found.err
    assert "2 messages, 1 of them wrong" in found.err
    assert [] == tails(watched)


def test_a_terminal_sees_a_line_each_and_is_not_commanded(run, watched):
    body = json.dumps(builders.level(5, sku="\x1b[31mS1")).encode()
    watched.publish(body, topic=builders.UPDATES, key="lane-3", note="a\nb")

    found = run("tail", "--topic", builders.UPDATES, "--limit", "1", *SINCE, *SECONDS)

    [line] = found.out.splitlines()
    assert " - r0 key=lane-3 note=a\\u000ab ✗ invalid_id: sku" in line and "\x1b" not in found.out


def test_a_message_in_another_envelope_than_asked_for_is_wrong(run, watched):
    watched.publish(json.dumps(builders.level(5)).encode(), topic="inventory-topic")

    arguments = ("--topic", "inventory-topic", "--limit", "1", *SINCE, *SECONDS)
    found = [run("tail", *arguments, "--format", each).out for each in ("cloudevents", "protobuf")]

    assert "other_envelope: it is in r0, not cloudevents" in found[0]
    assert "missing_field: required and absent or null: item_id, adjustment" in found[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--topic"),
        (("--topic", "a b"), "--topic was 'a b'"),
        (("--topic", "alerts-topic", "--since", "2999-01-01T00:00:00Z"), "yet to come"),
        (("--topic", "alerts-topic", "--filter", "priority = HIGH"), "'attributes' was expected at 0"),
        (("--topic", "alerts-topic", "--limit", "0"), "from 1 to"),
    ],
)
def test_wrong_usage_says_what_and_asks_no_broker(run, monkeypatch, arguments, said):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    found = run("tail", *arguments)

    assert (2, "") == (found.code, found.out)
    assert said in " ".join(found.err.split())


@pytest.mark.big
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it_and_only_a_kill_leaves_what_expires(watched, number):
    process = subprocess.Popen([str(COMMAND), "tail", "--topic", "alerts-topic"], stderr=subprocess.DEVNULL)
    [path] = eventually(lambda: tails(watched))

    process.send_signal(number)
    code = process.wait(timeout=60)

    if number == signal.SIGKILL:
        found = watched.subscriber.get_subscription(subscription=path, timeout=30)
        assert 86_400 == found.expiration_policy.ttl.total_seconds()
    else:
        assert (0, []) == (code, tails(watched))

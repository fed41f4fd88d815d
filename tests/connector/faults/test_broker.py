"""Pub/Sub is down, slow, or not as it should be: nothing is lost, and everybody can see what is wrong."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from tests.connector.faults.ends import Inbox, out_of_order
from tests.connector.faults.rig import Running
from tests.connector.faults.wire import Wire
from tests.connector.publish.scripted_broker import ScriptedBroker
from tests.messaging.brokers import Broker, EmulatorProcess, eventually, unclaimed_port


@pytest.fixture
def wire(broker: Broker) -> Iterator[Wire]:
    """The connector's way to the broker; the test's own is another."""
    found = Wire(broker.host)
    yield found
    found.close()


def test_what_was_written_while_the_broker_was_down_arrives_in_order_once_it_is_back(
    settings, start, shop, inbox, observe, wire
):
    """A short outage: the client's own retries mend it; not one message fails."""
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host))
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(20)

    wire.cut()
    shop.trade(40)
    connector.await_event("request_failed")
    wire.mend()
    shop.trade(20)

    expected = changes.facts()
    inbox.await_facts(expected)
    assert connector.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert len(expected) == 160
    assert out_of_order(inbox) == []
    assert connector.events("recovering") == []


def test_thirty_seconds_without_a_broker_lose_nothing(settings, start, shop, inbox, observe, wire):
    """The shop trades on meanwhile. With the default timeout of a minute no message fails for good."""
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host, PUBLISH_TIMEOUT_SECONDS=60))
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(5)

    wire.cut()
    end = time.monotonic() + 30
    pause = threading.Event()
    while time.monotonic() < end:
        shop.trade(1)
        pause.wait(0.5)
    assert connector.ask("/health")[0] == 200
    wire.mend()
    shop.trade(5)

    expected = changes.facts()
    inbox.await_facts(expected)
    assert connector.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert out_of_order(inbox) == []
    assert connector.events("recovering") == []


def test_an_outage_longer_than_the_publish_timeout_is_recovered_from(settings, start, shop, inbox, observe, wire):
    """Futures fail, keys pause, the circuit opens: the stream is read again from the saved token."""
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host, PUBLISH_TIMEOUT_SECONDS=0.5))
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(20)

    wire.cut()
    shop.trade(40)
    connector.await_(lambda: _reasons_with(connector, "pubsub is not asked"))
    assert connector.ask("/readiness")[0] == 503
    assert connector.ask("/health")[0] == 200
    wire.mend()
    shop.trade(20)

    expected = changes.facts()
    inbox.await_facts(expected)
    connector.await_readiness(True)
    inbox.await_status("connector_circuit_closed")
    assert connector.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert out_of_order(inbox) == []


def test_a_broker_that_is_killed_and_restarted_loses_nothing(settings, start, shop, observe, tmp_path):
    """`kill -9` of a broker with a disk; the client's retries reach its successor."""
    port = unclaimed_port()
    killed = EmulatorProcess(tmp_path / "broker", port=port)
    broker = Broker(killed.host)
    inbox = Inbox(broker)
    connector = start(settings(PUBSUB_EMULATOR_HOST=killed.host, PUBSUB_PROJECT=broker.project))
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(20)
    killed.kill()
    shop.trade(20)
    connector.await_event("request_failed")
    successor = EmulatorProcess(tmp_path / "broker", port=port)
    try:
        expected = changes.facts()
        inbox.await_facts(expected)
        assert connector.end() == 0
        inbox.pull()
        assert set(inbox.facts()) == set(expected)
        assert out_of_order(inbox) == []
    finally:
        broker.close()
        successor.stop()


def test_a_missing_topic_is_named_and_everything_arrives_once_it_is_there(settings, start, shop, broker):
    """Already the first copy waits for it; the circuit shows that somebody has to do something."""
    inbox = Inbox(broker, topics=("status-topic", "inventory-transactions-topic", "dead-letter-topic"))
    connector = start(settings())
    opened = inbox.await_status("connector_circuit_opened")
    assert "Topic not found" in opened["circuits"][1]["last_error"]
    assert "inventory-updates-topic" in opened["circuits"][1]["last_error"]
    assert "Create it" in str(connector.await_readiness(False)["reasons"])

    inbox.subscribe("inventory-updates-topic", "thresholds-topic")
    connector.await_event("stream_opened")
    inbox.await_final(shop.database)
    inbox.await_status("connector_circuit_closed")
    connector.await_readiness(True)
    assert connector.end() == 0


@pytest.fixture
def scripted() -> Iterator[ScriptedBroker]:
    """A broker that answers as the test says."""
    found = ScriptedBroker()
    yield found
    found.close()


def test_a_missing_permission_is_named_and_waited_out(settings, start, shop, scripted):
    """An operator can grant it while the connector waits: nothing is lost, nothing dropped."""
    scripted.answer = lambda request: (
        None if request.topic.endswith("status-topic") else grpc.StatusCode.PERMISSION_DENIED
    )
    connector = start(settings(PUBSUB_EMULATOR_HOST=scripted.host))
    reasons = connector.await_(lambda: _reasons_with(connector, "PERMISSION_DENIED"))
    assert any("pubsub is not asked" in reason or "anew" in reason for reason in reasons)

    scripted.answer = lambda request: None
    connector.await_event("stream_opened")
    shop.trade(4)
    topic = "inventory-transactions-topic"
    eventually(lambda: sum(len(each.messages) for each in scripted.taken if each.topic.endswith(topic)) == 4)
    assert connector.end() == 0


def _reasons_with(connector: Running, text: str) -> list[str] | None:
    reasons = connector.ask("/readiness")[1]["reasons"]
    return reasons if text in str(reasons) else None


def test_a_health_port_that_is_taken_is_said_at_the_start(settings, start_process, shop):
    """One line, exit code 1, and nothing was begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start_process(settings(HEALTH_PORT=port))
        assert process.join() == 1

    (line,) = process.errors.splitlines()
    assert f"port {port}: Address already in use" in line
    assert "HEALTH_PORT" in line


def test_a_broker_that_is_not_there_at_the_start_of_an_emulated_product_is_one_line(settings, start_process):
    """With a real Pub/Sub topics are not ours to create, and the connector waits instead."""
    process = start_process(settings(PUBSUB_EMULATOR_HOST=f"127.0.0.1:{unclaimed_port()}"))

    assert process.join() == 1
    (line,) = process.errors.splitlines()
    assert line.startswith("Error: Pub/Sub at ")


def test_a_message_that_pubsub_refuses_becomes_a_dead_letter_and_its_neighbours_arrive(settings, start, shop, scripted):
    """The service refuses a whole request for one message in it, so they are sent one by one until it is found."""
    scripted.answer = lambda request: (
        grpc.StatusCode.INVALID_ARGUMENT
        if request.topic.endswith("transactions-topic") and any(b'"T5"' in each.data for each in request.messages)
        else None
    )
    # In one lane, so that it has neighbours in its request.
    connector = start(settings(PUBSUB_EMULATOR_HOST=scripted.host, ORDERING=1))
    connector.await_event("stream_opened")
    shop.trade(10)

    def ids(topic: str) -> list[str]:
        messages = [each for request in scripted.taken if request.topic.endswith(topic) for each in request.messages]
        return [json.loads(each.data)["document_key"]["_id"] for each in messages]

    eventually(lambda: "T9" in ids("transactions-topic"))
    assert connector.end() == 0
    assert list(dict.fromkeys(ids("transactions-topic"))) == [f"T{number}" for number in range(10) if number != 5]
    assert ids("dead-letter-topic") == ["T5"]
    (reason,) = {
        each.attributes["reason"]
        for request in scripted.taken
        if request.topic.endswith("dead-letter-topic")
        for each in request.messages
    }
    assert reason == "refused_by_pubsub"

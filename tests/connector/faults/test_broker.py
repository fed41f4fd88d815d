"""Pub/Sub is down, slow, or not as it should be: nothing is lost, and everybody can see what is wrong."""

import threading
from collections.abc import Iterator

import pytest

from tests.connector.faults.rig import Inbox, out_of_order, repeats
from tests.connector.faults.wire import Wire
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


def test_an_outage_longer_than_the_publish_timeout_is_recovered_from(settings, start, shop, inbox, observe, wire):
    """Futures fail, keys pause, the circuit opens: the stream is read again from the saved token."""
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host, PUBLISH_TIMEOUT_SECONDS=0.5))
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(20)

    wire.cut()
    shop.trade(40)
    body = connector.await_(
        lambda: (answer := connector.ask("/readiness")[1]) and any("pubsub" in each for each in answer["reasons"]) and answer
    )
    assert not body["is_ready"]
    assert body["is_alive"]
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

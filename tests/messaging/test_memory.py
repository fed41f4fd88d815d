"""The in-memory twin keeps the promises of the ports.

Belongs here: `InMemoryBroker`.
"""

import threading

import pytest

from inventory_assets.messaging.errors import PublishError, SourceClosedError
from inventory_assets.messaging.messages import BurstSource, OutgoingMessage, Publisher
from tests.messaging.memory import InMemoryBroker


def _broker(**settings) -> InMemoryBroker:
    return InMemoryBroker(subscriptions={"sub": "topic"}, **settings)


def _burst(broker: InMemoryBroker, *, max_messages: int = 100, max_bytes: int = 10**6):
    return broker.next_burst(max_messages=max_messages, max_bytes=max_bytes, wait_seconds=0.0)


def _publish(broker: InMemoryBroker, *bodies: bytes) -> list[str]:
    return broker.publish([OutgoingMessage("topic", body) for body in bodies])


def test_it_is_both_ports_over_the_inputs_of_the_manifest():
    broker = InMemoryBroker()
    publisher: Publisher = broker
    source: BurstSource = broker
    publisher.publish([OutgoingMessage("inventory-topic", b"x"), OutgoingMessage("other", b"y")])
    burst = source.next_burst(max_messages=10, max_bytes=100, wait_seconds=0.0)

    assert [(each.subscription, each.data) for each in burst] == [("inventory-sub", b"x")]
    assert [each.data for each in broker.published] == [b"x", b"y"]


def test_what_is_not_acknowledged_comes_again_after_a_crash():
    broker = _broker()
    _publish(broker, b"a", b"b")
    first = _burst(broker)
    broker.acknowledge(first[:1])
    broker.expire_leases()
    [again] = _burst(broker)

    assert (again.data, again.delivery_attempt) == (b"b", 2)
    assert (broker.pending, broker.leased) == (0, 1)


def test_a_deadline_is_counted_on_its_clock():
    now = [0.0]
    broker = _broker(ack_deadline_seconds=10, clock=lambda: now[0])
    _publish(broker, b"x")
    _burst(broker)
    now[0] = 9.9
    early = _burst(broker)
    now[0] = 10.0

    assert early == []
    assert len(_burst(broker)) == 1


def test_bounds_hold():
    broker = _broker()
    _publish(broker, b"x" * 10, b"x" * 10, b"x" * 500, b"y")

    assert len(_burst(broker, max_messages=1)) == 1
    assert len(_burst(broker, max_bytes=15)) == 1
    assert len(_burst(broker, max_bytes=15)) == 1
    assert len(_burst(broker)) == 1


def test_a_failing_topic_fails_only_its_messages():
    broker = _broker()
    broker.failing_topics.add("alerts-topic")

    with pytest.raises(PublishError) as raised:
        broker.publish([OutgoingMessage("alerts-topic", b"x"), OutgoingMessage("topic", b"y")])
    assert raised.value.message_ids == [None, "1"]
    assert [each.data for each in _burst(broker)] == [b"y"]


def test_a_waiting_burst_ends_with_a_message_or_a_close():
    broker = _broker()
    threading.Timer(0.05, _publish, [broker, b"x"]).start()
    burst = broker.next_burst(max_messages=1, max_bytes=10, wait_seconds=5.0)
    broker.release(burst)
    threading.Timer(0.05, broker.close).start()

    assert [each.data for each in burst] == [b"x"]
    assert len(_burst(broker)) == 1
    with pytest.raises(SourceClosedError):
        broker.next_burst(max_messages=1, max_bytes=10, wait_seconds=5.0)

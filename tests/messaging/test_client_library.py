"""google-cloud-pubsub's own high-level clients against our emulator.

Belongs here: `subscribe()` and the batching publisher. Does not belong: what
our own clients do.
"""

import threading
import time
from concurrent import futures
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError

from tests.messaging.brokers import Broker, eventually


@pytest.fixture
def clients(ours, monkeypatch):
    """(publisher, subscriber) as an application makes them."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", ours.host)
    publisher = pubsub_v1.PublisherClient(
        publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True),
        credentials=AnonymousCredentials(),
    )
    subscriber = pubsub_v1.SubscriberClient(credentials=AnonymousCredentials())
    yield publisher, subscriber
    subscriber.close()
    publisher.stop()


def test_a_streaming_pull_gets_everything_a_batching_publisher_sends(ours, clients):
    publisher, subscriber = clients
    ours.create()
    lock, found = threading.Lock(), set()

    def receive(message) -> None:
        with lock:
            found.add(message.data)
        message.ack()

    stream = subscriber.subscribe(ours.subscription_path("sub"), callback=receive)
    sent = [publisher.publish(ours.topic_path("topic"), str(number).encode(), n=str(number)) for number in range(2_000)]
    futures.wait(sent, timeout=60)
    eventually(lambda: len(found) == 2_000)
    stream.cancel()
    stream.result(timeout=60)

    assert len({each.result() for each in sent}) == 2_000


def test_a_streaming_pull_keeps_the_order_of_a_key(ours, clients):
    publisher, subscriber = clients
    ours.create(enable_message_ordering=True)
    found: dict[str, list[int]] = {"a": [], "b": []}

    def receive(message) -> None:
        found[message.ordering_key].append(int(message.data))
        message.ack()

    for number in range(100):
        for key in found:
            publisher.publish(ours.topic_path("topic"), str(number).encode(), ordering_key=key)
    stream = subscriber.subscribe(ours.subscription_path("sub"), callback=receive)
    eventually(lambda: all(len(each) >= 100 for each in found.values()))
    stream.cancel()
    stream.result(timeout=60)

    assert found == {"a": list(range(100)), "b": list(range(100))}


def test_a_streaming_pull_respects_its_flow_control(ours, clients):
    _, subscriber = clients
    ours.create(ack_deadline_seconds=600)
    ours.publish(*[b"x"] * 50)
    held: list[Any] = []
    stream = subscriber.subscribe(
        ours.subscription_path("sub"),
        callback=held.append,
        flow_control=pubsub_v1.types.FlowControl(max_messages=5),
    )
    eventually(lambda: len(held) == 5)

    # The other 45 were not sent to this stream: another consumer gets them.
    assert len(ours.pull(count=45)) == 45
    for message in list(held):
        message.ack()
    stream.cancel()
    stream.result(timeout=60)


def test_exactly_once_confirms_an_ack_and_refuses_the_second(ours: Broker, clients):
    _, subscriber = clients
    ours.create(enable_exactly_once_delivery=True, ack_deadline_seconds=60)
    results: list[Any] = []

    def receive(message) -> None:
        results.append(message.ack_with_response())
        results.append(message.ack_id)

    stream = subscriber.subscribe(ours.subscription_path("sub"), callback=receive)
    ours.publish(b"x")
    eventually(lambda: len(results) == 2)
    acked, ack_id = results

    assert acked.result(timeout=30).name == "SUCCESS"
    with pytest.raises(Exception, match="EXACTLY_ONCE_ACKID_FAILURE"):
        ours.subscriber.acknowledge(subscription=ours.subscription_path("sub"), ack_ids=[ack_id], timeout=30)
    stream.cancel()
    stream.result(timeout=60)


def test_exactly_once_tells_a_consumer_that_came_too_late(ours: Broker, clients):
    """Deadline over: the ack future fails, and the message is somebody else's."""
    _, subscriber = clients
    ours.create(enable_exactly_once_delivery=True, ack_deadline_seconds=60)
    held: list[Any] = []
    stream = subscriber.subscribe(ours.subscription_path("sub"), callback=held.append)
    ours.publish(b"x")
    first = eventually(lambda: held and held[0])
    request = {
        "subscription": ours.subscription_path("sub"),
        "ack_ids": [first.ack_id],
        "ack_deadline_seconds": 0,
    }
    ours.subscriber.modify_ack_deadline(request=request, timeout=30)
    eventually(lambda: len(held) == 2)

    with pytest.raises(AcknowledgeError):
        first.ack_with_response().result(timeout=30)
    assert held[1].ack_with_response().result(timeout=30).name == "SUCCESS"
    stream.cancel()
    stream.result(timeout=60)


def test_a_stream_over_a_deleted_subscription_ends_with_not_found(ours, clients):
    _, subscriber = clients
    ours.create()
    stream = subscriber.subscribe(ours.subscription_path("sub"), callback=lambda message: None)
    start = time.monotonic()
    eventually(lambda: not stream.done())
    ours.subscriber.delete_subscription(subscription=ours.subscription_path("sub"), timeout=30)

    with pytest.raises(Exception, match="not found"):
        stream.result(timeout=60)
    assert time.monotonic() - start < 60

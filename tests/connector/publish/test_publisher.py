"""The sink over real brokers and a scripted one.

Belongs here: what a confirmation means, backpressure, pauses, the end. Does not belong: what a
failure's text is (`test_failures`).
"""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import grpc
import pytest

from inventory_assets.connector.publish.failures import FailureKind, classify
from inventory_assets.connector.publish.publisher import MessageRefusedError, PubSubSink
from inventory_assets.connector.publish.pubsub_client import PublishAbandonedError, SinkSettings
from inventory_assets.connector.shape.routing import Router
from inventory_assets.messaging.messages import OutgoingMessage
from tests.connector.publish.scripted_broker import ScriptedBroker
from tests.messaging.brokers import (
    PATIENCE_SECONDS,
    Broker,
    EmulatorProcess,
    eventually,
    google_emulator,
    google_emulator_absence,
    our_emulator,
    unclaimed_port,
)

SKUS = [f"SKU-{number}" for number in range(40)]
ROUTER = Router(topics={"transactions": "topic"}, ordering=4)


class Requests:
    """An observer of requests that remembers."""

    def __init__(self) -> None:
        self.published: list[tuple[str, int, int]] = []
        self.failed: list[tuple[str, int, str]] = []

    def on_published(self, topic: str, *, messages: int, size_bytes: int, seconds: float) -> None:
        self.published.append((topic, messages, size_bytes))

    def on_request_failed(self, topic: str, *, messages: int, code: str, seconds: float) -> None:
        self.failed.append((topic, messages, code))


@pytest.fixture(scope="module")
def our_host() -> Iterator[str]:
    with our_emulator() as host:
        yield host


@pytest.fixture(scope="module")
def google_host() -> Iterator[str]:
    if absence := google_emulator_absence():
        pytest.skip(absence)
    with google_emulator() as host:
        yield host


@pytest.fixture(params=["our", pytest.param("google", marks=pytest.mark.big)])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Either emulator, with `topic` and an ordered `sub`."""
    found = Broker(request.getfixturevalue(f"{request.param}_host"))
    found.create(enable_message_ordering=True, ack_deadline_seconds=600)
    yield found
    found.close()


@pytest.fixture
def scripted() -> Iterator[ScriptedBroker]:
    found = ScriptedBroker()
    yield found
    found.close()


@pytest.fixture
def open_sink() -> Iterator[Callable[..., PubSubSink]]:
    """Open sinks; what is left open at the end is abandoned."""
    opened: list[PubSubSink] = []

    def open_(host: str | None, *, project: str = "p", observer: Any = None, **settings: Any) -> PubSubSink:
        opened.append(
            PubSubSink(project, settings=SinkSettings(**settings), emulator_host=host, observer=observer),
        )
        return opened[-1]

    yield open_
    for sink in opened:
        sink.close(timeout_seconds=0)


def of_sku(sku: str, number: int) -> OutgoingMessage:
    return OutgoingMessage("topic", json.dumps([sku, number]).encode(), {"sku": sku}, ROUTER.key_of(sku))


def settled(futures: list["Future[str]"]) -> list[BaseException | None]:
    assert not wait(futures, PATIENCE_SECONDS).not_done
    return [future.exception() for future in futures]


def first_deliveries(broker: Broker, expected: int) -> dict[str, list[int]]:
    """Numbers of each SKU in the order in which they came first."""
    found: dict[str, dict[int, None]] = {}

    def is_complete() -> bool:
        received = broker.pull_now(count=1_000)
        for each in received:
            sku, number = json.loads(each.message.data)
            found.setdefault(sku, {})[number] = None
        if received:
            broker.acknowledge(received)
        return sum(map(len, found.values())) >= expected

    eventually(is_complete)
    return {sku: list(numbers) for sku, numbers in found.items()}


def test_every_message_arrives_in_the_order_of_its_sku(broker, open_sink):
    """Lanes share keys among SKUs; within a SKU nothing overtakes."""
    sink = open_sink(broker.host, project=broker.project)

    futures = [sink.publish(of_sku(sku, number)) for number in range(25) for sku in SKUS]

    assert settled(futures) == [None] * 1_000
    assert first_deliveries(broker, 1_000) == {sku: list(range(25)) for sku in SKUS}
    assert len({future.result() for future in futures}) == 1_000


def test_a_broker_killed_and_started_again_loses_and_reorders_nothing(tmp_path, open_sink):
    """kill -9 under load: the client tries again by itself; repeats are allowed, another order is not."""
    port = unclaimed_port()
    emulator = EmulatorProcess(tmp_path, port=port)
    broker = Broker(emulator.host)
    broker.create(enable_message_ordering=True, ack_deadline_seconds=600)
    observer = Requests()
    sink = open_sink(emulator.host, project=broker.project, observer=observer)
    try:
        futures = [sink.publish(of_sku(sku, number)) for number in range(40) for sku in SKUS]
        # Some are confirmed, some under way, some wait for a batch.
        eventually(lambda: futures[0].done())
        emulator.kill()
        futures += [sink.publish(of_sku(sku, number)) for number in range(40, 100) for sku in SKUS]
        emulator = EmulatorProcess(tmp_path, port=port)

        assert settled(futures) == [None] * 4_000
        assert first_deliveries(broker, 4_000) == {sku: list(range(100)) for sku in SKUS}
        assert "UNAVAILABLE" in {code for _, _, code in observer.failed}
    finally:
        broker.close()
        emulator.kill()


def test_publish_blocks_while_a_slow_broker_owes_confirmations(scripted, open_sink):
    """Backpressure: the reader is as slow as Pub/Sub, and memory holds the cap and one message at most."""
    cap, size = 100_000, 30_000
    scripted.gate.clear()
    sink = open_sink(scripted.host, max_outstanding_bytes=cap)
    futures: list[Future[str]] = []
    held: list[int] = []

    def read_and_publish() -> None:
        for _ in range(50):
            futures.append(sink.publish(OutgoingMessage("topic", b"x" * size, {}, "key")))
            held.append(sink.outstanding_bytes)

    reader = threading.Thread(target=read_and_publish, daemon=True)
    reader.start()
    eventually(lambda: len(futures) == 3 and scripted.received)
    while_closed = len(futures), reader.is_alive()
    scripted.gate.set()
    reader.join(PATIENCE_SECONDS)

    assert while_closed == (3, True)
    assert settled(futures) == [None] * 50
    assert max(held) <= cap + size
    # The client's callback, then ours: what is counted falls to nothing with the last.
    eventually(lambda: sink.outstanding_messages == 0)


def test_the_number_of_messages_is_bounded_too(scripted, open_sink):
    scripted.gate.clear()
    sink = open_sink(scripted.host, max_outstanding_messages=10)
    futures: list[Future[str]] = []
    reader = threading.Thread(
        target=lambda: futures.extend(sink.publish(OutgoingMessage("topic", b"x")) for _ in range(100)), daemon=True
    )
    reader.start()
    eventually(lambda: sink.outstanding_messages == 10 and scripted.received)
    scripted.gate.set()
    reader.join(PATIENCE_SECONDS)

    assert settled(futures) == [None] * 100


@pytest.mark.parametrize(
    "end", [PubSubSink.abandon, lambda sink: sink.close(timeout_seconds=0)], ids=["abandon", "close"]
)
def test_a_stop_ends_a_publish_that_blocks(scripted, open_sink, end):
    """SIGTERM while Pub/Sub hangs: nothing waits for the deadline of 60 s."""
    scripted.gate.clear()
    sink = open_sink(scripted.host, max_outstanding_messages=5)
    futures: list[Future[str]] = []
    reader = threading.Thread(
        target=lambda: futures.extend([sink.publish(OutgoingMessage("topic", b"x", {}, "key")) for _ in range(20)]),
        daemon=True,
    )
    reader.start()
    eventually(lambda: sink.outstanding_messages == 5 and scripted.received)

    end(sink)
    reader.join(PATIENCE_SECONDS)

    assert not reader.is_alive()
    assert len(futures) == 20
    assert {classify(error)[0] for error in settled(futures)} <= {FailureKind.ABANDONED, FailureKind.FOLLOWS}
    assert isinstance(sink.publish(OutgoingMessage("topic", b"x")).exception(), PublishAbandonedError)


def test_a_failed_key_pauses_alone_and_resumes(scripted, open_sink):
    """Nothing of the key goes out after the failure, so that nothing overtakes it."""
    sink = open_sink(scripted.host)
    scripted.answer = lambda request: (
        grpc.StatusCode.INVALID_ARGUMENT if request.messages[0].ordering_key == "bad" else None
    )
    failed = sink.publish(OutgoingMessage("topic", b"1", {}, "bad"))
    settled([failed])
    following = sink.publish(OutgoingMessage("topic", b"2", {}, "bad"))
    other = sink.publish(OutgoingMessage("topic", b"3", {}, "good"))
    kinds = [classify(error)[0] for error in settled([failed, following]) if error]
    good = settled([other])
    scripted.answer = lambda request: None
    sink.resume()
    again = [sink.publish(OutgoingMessage("topic", body, {}, "bad")) for body in (b"1", b"2")]

    assert kinds == [FailureKind.REFUSED, FailureKind.FOLLOWS]
    assert good == [None]
    assert settled(again) == [None, None]
    assert scripted.bodies("bad") == [b"1", b"2"]


def test_resume_right_after_a_failure_is_not_too_early(scripted, open_sink):
    """Whoever waits for a future is woken before its callbacks run; a key missed then would fail once more."""
    sink = open_sink(scripted.host, batch_latency_seconds=0.0)
    scripted.answer = lambda request: grpc.StatusCode.NOT_FOUND if request.messages[0].data == b"bad" else None
    errors: list[BaseException | None] = []
    for _ in range(50):
        sink.publish(OutgoingMessage("topic", b"bad", {}, "key")).exception(PATIENCE_SECONDS)
        sink.resume()
        errors.append(sink.publish(OutgoingMessage("topic", b"good", {}, "key")).exception(PATIENCE_SECONDS))

    assert errors == [None] * 50


def test_resume_without_a_failure_does_nothing(scripted, open_sink):
    sink = open_sink(scripted.host)
    settled([sink.publish(OutgoingMessage("topic", b"1", {}, "key"))])

    sink.resume()

    assert settled([sink.publish(OutgoingMessage("topic", b"2", {}, "key"))]) == [None]


def test_a_missing_topic_fails_at_once_and_works_when_it_is_made(our_host, open_sink):
    """An operator mends it while the connector waits; no restart."""
    broker = Broker(our_host)
    sink = open_sink(our_host, project=broker.project)
    missing = settled([sink.publish(OutgoingMessage("topic", b"1", {}, "key"))])
    broker.create()
    sink.resume()

    assert classify(missing[0])[0] is FailureKind.MENDABLE
    assert "NOT_FOUND" in classify(missing[0])[1]
    assert settled([sink.publish(OutgoingMessage("topic", b"1", {}, "key"))]) == [None]
    broker.close()


def test_a_request_is_tried_until_the_deadline_and_then_says_why(scripted, open_sink):
    """With ordering on, the client alone would try for 136 years."""
    scripted.answer = lambda request: grpc.StatusCode.UNAVAILABLE
    observer = Requests()
    sink = open_sink(scripted.host, deadline_seconds=0.5, observer=observer)

    errors = settled([sink.publish(OutgoingMessage("topic", b"x", {}, "key"))])

    assert classify(errors[0])[0] is FailureKind.TRANSIENT
    assert classify(errors[0])[1].startswith("UNAVAILABLE: ")
    assert len(observer.failed) >= 2
    assert set(observer.failed) == {("topic", 1, "UNAVAILABLE")}


def test_a_request_that_hangs_is_sent_again(scripted, open_sink):
    """A broker that keeps the connection and never answers is no reason to wait for ever."""
    scripted.gate.clear()
    sink = open_sink(scripted.host, request_timeout_seconds=0.2)
    future = sink.publish(OutgoingMessage("topic", b"x", {}, "key"))

    eventually(lambda: len(scripted.received) >= 2)
    scripted.gate.set()

    assert settled([future]) == [None]


def test_an_error_of_another_kind_does_not_leave_futures_behind(scripted, open_sink):
    """The client's thread dies of it; an observer that fails must not be the cause."""

    class Broken(Requests):
        def on_published(self, topic: str, *, messages: int, size_bytes: int, seconds: float) -> None:
            raise ZeroDivisionError

    sink = open_sink(scripted.host, observer=Broken())

    assert settled([sink.publish(OutgoingMessage("topic", b"x", {}, "key"))]) == [None]


def test_the_observer_hears_of_every_message_once(scripted, open_sink):
    observer = Requests()
    sink = open_sink(scripted.host, observer=observer, batch_messages=11)
    settled([sink.publish(OutgoingMessage("topic", b"x" * 100, {}, f"key-{number % 2}")) for number in range(40)])

    assert {topic for topic, _, _ in observer.published} == {"topic"}
    assert sum(messages for _, messages, _ in observer.published) == 40
    assert max(messages for _, messages, _ in observer.published) <= 10
    assert sum(size for _, _, size in observer.published) > 40 * 100


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (OutgoingMessage("topic", b"x" * 10_000_000), "bytes of data"),
        (OutgoingMessage("topic", b"x", {"topic": "t"}), "reserved"),
        (OutgoingMessage("topic", b"x", {"timeout": "5"}), "reserved"),
        (OutgoingMessage("topic", b"x", {"note": "ü" * 600}), "1024 bytes"),
        (OutgoingMessage("topic", b"x", {}, "ü" * 600), "1024 bytes"),
    ],
    ids=["too large", "attribute topic", "attribute timeout", "attribute too long", "key too long"],
)
def test_what_pubsub_would_refuse_is_not_sent_to_be_refused_with_others(scripted, open_sink, message, said):
    """And takes no room for ever, as a message that the client refuses does."""
    sink = open_sink(scripted.host, max_outstanding_messages=2)
    refused = [sink.publish(message) for _ in range(5)]
    fine = [sink.publish(OutgoingMessage("topic", b"fine")) for _ in range(5)]

    assert all(isinstance(error, MessageRefusedError) and said in str(error) for error in settled(refused))
    assert settled(fine) == [None] * 5


def test_close_sends_everything_that_waits(scripted, open_sink):
    """The client's own stop cancels what waits behind a key's first batch."""
    sink = open_sink(scripted.host, batch_messages=3)
    futures = [sink.publish(OutgoingMessage("topic", str(number).encode(), {}, "key")) for number in range(20)]

    sink.close(timeout_seconds=PATIENCE_SECONDS)

    assert [future.done() for future in futures] == [True] * 20
    assert scripted.bodies("key") == [str(number).encode() for number in range(20)]


def test_close_does_not_wait_longer_than_it_may(scripted, open_sink):
    """A grace period ends; what was not confirmed fails and is read again by the next process."""
    scripted.gate.clear()
    sink = open_sink(scripted.host)
    futures = [sink.publish(OutgoingMessage("topic", b"x", {}, "key")) for _ in range(3)]
    eventually(lambda: scripted.received)

    sink.close(timeout_seconds=0)

    assert all(error is not None for error in settled(futures))


def test_a_busy_sink_waits_for_fuller_batches(scripted, open_sink):
    """A request costs as much as ten messages; when little is under way, latency counts instead."""
    scripted.gate.clear()
    sink = open_sink(scripted.host, batch_latency_seconds=0.0, busy_latency_seconds=60.0, busy_messages=0)
    first = sink.publish(OutgoingMessage("topic", b"0", {}, "key"))
    eventually(lambda: scripted.received)
    rest = [sink.publish(OutgoingMessage("topic", str(number).encode(), {}, "key")) for number in range(1, 20)]
    scripted.gate.set()

    assert settled([first]) == [None]
    assert not any(future.done() for future in rest)
    assert scripted.bodies("key") == [b"0"]


def test_the_emulator_is_found_by_its_variable(our_host, monkeypatch, open_sink):
    broker = Broker(our_host)
    broker.create()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", our_host)
    sink = open_sink(None, project="not-used")

    future = sink.publish(OutgoingMessage(broker.topic_path("topic"), b"x"))

    assert settled([future]) == [None]
    assert [each.message.data for each in broker.pull()] == [b"x"]
    broker.close()


def test_without_an_emulator_the_service_is_addressed(tmp_path, monkeypatch):
    """Opening connects to nothing: credentials are taken as the client takes them."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    credentials = tmp_path / "credentials.json"
    credentials.write_text(
        json.dumps({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"})
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials))

    sink = PubSubSink("p")

    assert sink._client.target == "pubsub.googleapis.com:443"
    sink.close(timeout_seconds=0)

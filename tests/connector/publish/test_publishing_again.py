"""Sink, in-flight batches and memory together, as the service uses them when Pub/Sub fails for good.

Belongs here: that publishing again after a settlement loses and reorders nothing. Does not belong:
each part alone.
"""

import json
from concurrent.futures import Future
from dataclasses import dataclass, field

from inventory_assets.connector.publish.in_flight import ConfirmedMemory, InFlight, Settlement
from inventory_assets.connector.publish.publisher import PubSubSink
from inventory_assets.connector.publish.pubsub_client import SinkSettings
from inventory_assets.connector.shape.routing import lane_key
from inventory_assets.messaging.messages import OutgoingMessage
from tests.messaging.brokers import PATIENCE_SECONDS, Broker, EmulatorProcess, eventually, unclaimed_port

SKUS = [f"SKU-{number}" for number in range(10)]
BATCH = 50
CHANGES = [(sku, version) for version in range(100) for sku in SKUS]


@dataclass
class Stream:
    """Changes in batches of 50; its token is the number of changes up to there."""

    sink: PubSubSink
    memory: ConfirmedMemory = field(default_factory=ConfirmedMemory)
    saved: int = 0
    skipped: int = 0

    def run(self, in_flight: InFlight, *, until: int) -> None:
        """Publish from the saved token on; what the memory has is skipped."""
        for start in range(self.saved, until, BATCH):
            futures: list[Future[str]] = []
            changes = []
            for number in range(start, start + BATCH):
                identity = (number, (number, 1))
                if identity in self.memory:
                    self.skipped += 1
                    continue
                sku, version = CHANGES[number]
                data = json.dumps([sku, version]).encode()
                futures.append(self.sink.publish(OutgoingMessage("topic", data, {}, lane_key(sku, 4))))
                changes.append(identity)
            in_flight.add({"_data": str(start + BATCH)}, (start + BATCH, 1), futures, changes)

    def settle(self, in_flight: InFlight) -> Settlement:
        settlement = in_flight.settle(PATIENCE_SECONDS)
        if settlement.confirmed:
            self.saved = int(settlement.confirmed.token["_data"])
        self.memory.remember(settlement.confirmed_identities)
        self.memory.forget_before((self.saved, 1))
        self.sink.resume()
        return settlement


def test_an_outage_longer_than_the_deadline_loses_doubles_and_reorders_nothing(tmp_path):
    """The token stays where everything was confirmed; what was confirmed beyond it is not sent twice."""
    port = unclaimed_port()
    emulator = EmulatorProcess(tmp_path, port=port)
    broker = Broker(emulator.host)
    broker.create(enable_message_ordering=True, ack_deadline_seconds=600)
    sink = PubSubSink(broker.project, emulator_host=emulator.host, settings=SinkSettings(deadline_seconds=0.3))
    stream, in_flight = Stream(sink), InFlight()
    try:
        stream.run(in_flight, until=500)
        eventually(lambda: sink.outstanding_messages == 0)
        emulator.kill()
        stream.run(in_flight, until=700)
        during = stream.settle(in_flight)
        saved = stream.saved
        emulator = EmulatorProcess(tmp_path, port=port)
        while stream.saved < len(CHANGES):
            stream.run(in_flight, until=len(CHANGES))
            stream.settle(in_flight)
        received = [tuple(json.loads(each.message.data)) for each in drain(broker)]

        assert not during.is_complete
        assert saved == 500
        assert {sku: [v for s, v in received if s == sku] for sku in SKUS} == {sku: list(range(100)) for sku in SKUS}
    finally:
        sink.close(timeout_seconds=0)
        broker.close()
        emulator.kill()


def test_what_was_confirmed_behind_a_failure_is_not_sent_again():
    """One lane failed, the others did not: re-reading skips theirs."""
    emulator = EmulatorProcess(None)
    broker = Broker(emulator.host)
    broker.create(enable_message_ordering=True, ack_deadline_seconds=600)
    sink = PubSubSink(broker.project, emulator_host=emulator.host)
    stream, in_flight = Stream(sink), InFlight()
    failed = Future[str]()
    failed.set_exception(ConnectionError("one message of the first batch"))
    try:
        in_flight.add({"_data": "0"}, (0, 1), [failed], [None])
        stream.run(in_flight, until=500)
        stream.settle(in_flight)
        remembered = len(stream.memory)
        stream.run(in_flight, until=len(CHANGES))
        stream.settle(in_flight)
        received = [tuple(json.loads(each.message.data)) for each in drain(broker)]

        assert (remembered, stream.skipped, stream.saved) == (500, 500, 1_000)
        assert sorted(received) == sorted(CHANGES)
        assert len(stream.memory) == 0
    finally:
        sink.close(timeout_seconds=0)
        broker.close()
        emulator.kill()


def drain(broker: Broker) -> list:
    """Everything in the subscription, and nothing that comes twice unseen."""
    found: list = []

    def is_empty() -> bool:
        received = broker.pull_now(count=1_000)
        found.extend(received)
        if received:
            broker.acknowledge(received)
        return len(found) >= len(CHANGES) and not received

    eventually(is_empty)
    return found

"""A slow Pub/Sub and large documents: the reading waits, and memory stays bounded."""

import signal
from collections.abc import Iterator

import pytest

from tests.connector.faults.ends import documents_of
from tests.connector.faults.rig import ConnectorProcess, ask
from tests.connector.faults.wire import Wire
from tests.messaging.brokers import eventually

# The default.
CAP = 64_000_000
DOCUMENT = 500_000
COUNT = 700
# What is in flight is kept as a message, in a batch, as a request and in gRPC's hands; beside it a reply
# of MongoDB of 16 MB as BSON, as documents and as JSON, and what malloc keeps of earlier ones.
# Measured: 159 MB with the cap, 408 MB without it.
BOUND = 2 * CAP + 8 * 16_000_000
# mongod ends a reply at 16 MB, SecantusDB not even at what the driver takes.
READ_BATCH = 8


@pytest.fixture
def wire(broker) -> Iterator[Wire]:
    """The connector's way to the broker."""
    found = Wire(broker.host)
    yield found
    found.close()


def test_a_broker_that_takes_nothing_stops_the_reading_before_memory_is_full(
    settings, start_process, shop, inbox, wire, tmp_path
):
    """350 MB wait in the database. Without the cap all are read at once: so it is the cap that helps."""
    shared = {"PUBSUB_EMULATOR_HOST": wire.host, "READ_BATCH": READ_BATCH}
    free = start_process(
        settings(**shared, CONNECTOR_ID="c-2", MAX_OUTSTANDING_BYTES=4_000_000_000, RESUME_TOKEN_PATH=tmp_path / "c-2")
    )
    connector = start_process(settings(**shared, MAX_OUTSTANDING_BYTES=CAP))
    inbox.await_status("connector_snapshot_finished", count=2)
    before, before_without = connector.resident_bytes(), free.resident_bytes()
    wire.hold()
    shop.fill(COUNT, bytes_each=DOCUMENT)
    growth_without = _await_in_flight(free, COUNT * DOCUMENT) - before_without
    free.close()
    peaks = [_await_in_flight(connector, CAP - DOCUMENT)]
    assert _in_flight(connector) <= CAP
    wire.release()
    expected = documents_of(shop.database)

    def has_arrived() -> bool:
        inbox.pull()
        peaks.append(connector.resident_bytes())
        return len(inbox.messages["inventory-transactions-topic"]) >= COUNT and inbox.final_documents() == expected

    eventually(has_arrived)
    connector.send(signal.SIGTERM)
    assert connector.join() == 0
    assert max(peaks) - before < BOUND
    assert growth_without > BOUND


def _await_in_flight(connector: ConnectorProcess, size_bytes: int) -> int:
    """Wait until it has handed over so much that is not confirmed; its memory then."""
    eventually(lambda: _in_flight(connector) >= size_bytes)
    return connector.resident_bytes()


def _in_flight(connector: ConnectorProcess) -> int:
    url = connector.await_event("serving")["message"].split()[-1]
    return ask(url)[1]["in_flight_bytes"]

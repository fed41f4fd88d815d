"""When a run of bursts ends by itself."""

from datetime import UTC, datetime

from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.client import OutgoingMessage
from tests.builders import heartbeat, level, outgoing
from tests.messaging.memory import InMemoryBroker


class Beating(InMemoryBroker):
    """A broker at which another heartbeat is there whenever somebody looks, and for some looks contents, too."""

    def __init__(self, contents: list[OutgoingMessage]) -> None:
        super().__init__()
        self._contents = contents

    def next_burst(self, **bounds):
        """Take what is there."""
        beat = outgoing(heartbeat(last_error=datetime.now(UTC).isoformat()), topic="inventory-updates-topic")
        self.publish([beat, *self._contents[:1]])
        del self._contents[:1]
        return super().next_burst(**bounds)


def test_heartbeats_do_not_keep_who_waits_for_the_end(engine):
    """`inventory drain` with some connectors running must end, and not before the contents do."""
    contents = [outgoing(level(number, f"07:0{number}")) for number in range(3)]
    broker = Beating(contents)

    summary = Ingest(engine, broker, broker).run(max_seconds=600, wait_seconds=0.1, until_empty=True)

    assert 3 == summary.contents == summary.outcomes["applied"]
    assert 0 == broker.leased

"""The simulator's independent books against the lake: the same stock, whatever happens on the way."""

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.client import OutgoingMessage
from tests.builders import ROUGH, published, received, simulated
from tests.facts import (
    DEAD_LETTERS,
    OUTCOMES,
    STOCK,
    differences,
    doubled_events,
    ledger,
    rows,
)
from tests.messaging.memory import InMemoryBroker


def drain(engine: Engine, broker: InMemoryBroker):
    """Take in all that waits."""
    return Ingest(engine, broker, broker).run(max_seconds=120, wait_seconds=0, until_empty=True)


def check_books(engine: Engine, simulation) -> None:
    assert rows(engine.lake, STOCK) == ledger(simulation)
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


def test_drained_lake_agrees_with_the_simulators_books(engine, broker):
    simulation, sent = simulated(2000, seed=3, **ROUGH)
    broker.publish(published(sent))

    summary = drain(engine, broker)

    check_books(engine, simulation)
    assert broker.leased == broker.pending == 0
    assert summary.messages == len(sent) == sum(count for _, count in rows(engine.lake, OUTCOMES))
    outcomes = dict(rows(engine.lake, OUTCOMES))
    assert outcomes == summary.outcomes
    assert outcomes["duplicate"] == simulation.counts["duplicate"]
    malformed = [m.data for m in sent if m.kind.startswith("malformed")]
    assert sorted(data for _, data in rows(engine.lake, DEAD_LETTERS)) == sorted(malformed)
    assert outcomes["dead_lettered"] == len(malformed)


def test_every_malformed_kind_is_refused(engine):
    """The simulator's own list of defects, each at least once."""
    simulation, sent = simulated(1500, seed=5, skus=5, warehouses=2, malformed_rate=0.5)
    kinds = {m.kind for m in sent if m.kind.startswith("malformed")}
    assert len(kinds) > 40

    [commit] = engine.commit_burst(received(sent))

    assert commit.outcomes["dead_lettered"] == sum(m.kind in kinds for m in sent)
    assert commit.violations == []
    assert rows(engine.lake, STOCK) == ledger(simulation)


def test_equal_rows_of_a_file_are_separate_events_and_the_file_again_is_not(engine, broker):
    """RULES 10: the row's place is its identity, so equal lines count, and a second upload does not."""
    line = b'{"transaction_type":"ORDER","status":"COMPLETED","sku":"S1","warehouse_id":"W1","quantity":"-2",'
    line += b'"timestamp":"2022-04-20T08:00:00Z","transaction_id":"%s"}'
    upload = [
        OutgoingMessage("inventory-transactions-topic", line % b"T%d" % number, {"row_id": f"file:{number}"})
        for number in (2, 3, 4)
    ]
    broker.publish([*upload, *upload])

    drain(engine, broker)

    assert rows(engine.lake, STOCK) == [("W1", "S1", -6, 0, -6, 0)]
    assert dict(rows(engine.lake, OUTCOMES)) == {"applied": 3, "duplicate": 3}

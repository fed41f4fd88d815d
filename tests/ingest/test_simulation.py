"""The simulator's independent books against the lake: the same stock, whatever happens on the way."""

from dataclasses import replace

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.settings import Settings
from tests.builders import cut, published, received, simulated
from tests.facts import (
    ALERTS,
    DEAD_LETTERS,
    OUTCOMES,
    ROLLUPS,
    STATE,
    STOCK,
    differences,
    doubled_events,
    ledger,
    remembered,
    rows,
    value,
    warm,
)
from tests.messaging.memory import InMemoryBroker

ROUGH = {
    "skus": 40, "warehouses": 3, "malformed_rate": 0.03, "disorder_rate": 0.15, "duplicate_rate": 0.08,
    "cycle_count_rate": 0.03, "rule_change_rate": 0.01, "control_rate": 0.002, "opening_breach_rate": 0.1,
}  # fmt: skip


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


def test_restart_after_every_burst_changes_nothing(engine, tmp_path):
    """What is loaded is what was live, and what follows from it is the same, in the same order."""
    _, sent = simulated(1000, seed=13, **ROUGH)
    steady = Engine(Settings(home=tmp_path / "steady"))
    for burst in cut(received(sent), 160):
        steady.commit_burst(burst)
        engine.commit_burst(burst)
        engine.drop_state()

        assert warm(engine.state) == warm(steady.state)
        assert remembered(engine.state) == remembered(steady.state)
    assert differences(engine) == []
    for query in (STATE, ROLLUPS, ALERTS, "SELECT * FROM out.alert_transitions ORDER BY version, seq"):
        assert rows(engine.lake, query) == rows(steady.lake, query)
    steady.close()


def test_little_memory_gives_what_much_memory_gives(settings, open_engine, tmp_path):
    """With 50 known events in memory nearly everything is recalled from the lake."""
    simulation, sent = simulated(1400, seed=17, **ROUGH)
    forgetful = open_engine(chosen=replace(settings, cached_entities=50))
    ample = Engine(Settings(home=tmp_path / "ample"))
    bursts = list(cut(received(sent), 250))
    for number, burst in enumerate(bursts):
        forgetful.commit_burst(burst)
        ample.commit_burst(burst)
        if number % 3 == 2:
            forgetful.drop_state()

    assert len(forgetful.index) > len(forgetful.state.events)
    for query in (STATE, ROLLUPS, OUTCOMES, ALERTS, DEAD_LETTERS):
        assert rows(forgetful.lake, query) == rows(ample.lake, query)
    check_books(forgetful, simulation)
    ample.close()


@pytest.mark.parametrize("cached_entities", [1, 200_000])
def test_redelivery_of_everything_changes_nothing(settings, open_engine, cached_entities):
    """Pub/Sub may deliver all of history again, to a process that remembers none of it."""
    simulation, sent = simulated(600, seed=19, skus=15, warehouses=2, disorder_rate=0.2)
    engine = open_engine(chosen=replace(settings, cached_entities=cached_entities))
    for burst in cut(received(sent), 100):
        engine.commit_burst(burst)
    before = [rows(engine.lake, query) for query in (STATE, ROLLUPS, ALERTS)]
    taken_in = value(engine.lake, "SELECT count(*) FROM core.events")

    engine.drop_state()
    again = [commit.outcomes for burst in cut(received(sent), 300) for commit in engine.commit_burst(burst)]

    assert {name for outcomes in again for name in outcomes} <= {"duplicate", "dead_lettered"}
    assert value(engine.lake, "SELECT count(*) FROM core.events") == taken_in
    assert [rows(engine.lake, query) for query in (STATE, ROLLUPS, ALERTS)] == before
    check_books(engine, simulation)


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

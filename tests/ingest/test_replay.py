"""Recorded bursts run again are what they were."""

import pytest

from inventory_assets.ingest import replay as replay_module
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay, read_bursts
from tests.builders import command, level, message, messages, rule, transaction
from tests.facts import OUTCOMES, STOCK, differences, rows
from tests.fakes import AllergicEngine


def test_code_without_the_fault_replays_an_offender_as_it_was(open_engine):
    """Verify and rebuild reproduce the lake, not what newer code would have made of it."""
    engine = open_engine(AllergicEngine)
    engine.commit_burst([message(b) for b in (level(100), transaction("POISON"), transaction("T1", quantity=-2))])
    mended = open_engine(Engine)

    assert differences(mended) == []
    replay = Replay(meaning=mended.meaning)
    trace = "SELECT trace LIKE '%ZeroDivisionError%' AND position IS NOT NULL FROM core.dead_letters"
    assert rebuild_lake(mended, replay)[0] == []
    assert rows(mended.lake, trace) == [(True,)]
    assert rows(mended.lake, STOCK) == [("W1", "S1", 98, 0, 98, 0)]

    # Sent again after the fix, it counts.
    [commit] = mended.commit_burst([message(transaction("POISON"), replay_of="x", replay_attempt="1")])
    assert commit.outcomes == {"applied": 1}
    assert dict(rows(mended.lake, OUTCOMES)) == {"applied": 3, "dead_lettered": 1}
    assert differences(mended) == []


class _Counting:
    """A reader that counts what it is asked."""

    def __init__(self, reader) -> None:
        self._reader = reader
        self.asked = 0

    def query(self, sql, parameters=None):
        self.asked += 1
        return self._reader.query(sql, parameters)


def test_of_one_sku_only_versions_that_matter_to_it_are_read(engine, monkeypatch: pytest.MonkeyPatch):
    """In a lake of a day's bursts, to look for them a slice at a time took all night."""
    monkeypatch.setattr(replay_module, "SLICE", 2)
    engine.commit_burst(messages(level(100), level(100, sku="S2")))
    for number in range(20):
        engine.commit_burst(messages(transaction(f"O{number}", sku="S2", quantity=-1)))
    engine.commit_burst(messages(rule(10, 20)))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))
    engine.commit_burst(messages(transaction("O20", sku="S2", quantity=-1)))
    engine.commit_burst(messages(command("re-evaluate")))

    reader = _Counting(engine.lake)
    found = [(burst.version, len(burst.messages)) for burst in read_bursts(reader, sku="S1")]

    assert found == [(1, 1), (22, 1), (23, 1), (25, 1)]
    # Which, and three questions for each slice of two.
    assert reader.asked == 2 + 2 * 3
    replay = Replay(meaning=engine.meaning)
    for burst in read_bursts(engine.lake, sku="S1"):
        replay.apply(burst)
    assert replay.state.keys["W1", "S1"] == engine.state.keys["W1", "S1"]
    assert replay.state.alerts["W1", "S1"] == engine.state.alerts["W1", "S1"]

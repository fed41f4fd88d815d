"""Recorded bursts run again are what they were."""

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from tests.builders import level, message, transaction
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

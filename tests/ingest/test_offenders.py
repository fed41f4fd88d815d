"""A message that breaks the code is found by halving and set aside; the rest commits (RULES 35)."""

from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from tests.builders import level, message, outgoing, transaction
from tests.facts import OUTCOMES, STOCK, differences, rows, value
from tests.fakes import AllergicEngine


def test_offenders_are_dead_lettered_and_the_rest_commits(open_engine, broker):
    bodies = [level(100), *(transaction(f"T{i}", quantity=-1, at=600 + i) for i in range(20))]
    bodies[7:7] = [transaction("POISON-1", quantity=-50, at=601)]
    bodies.append(transaction("POISON-2", quantity=-50, at=602))
    broker.publish([outgoing(body) for body in bodies])
    engine = open_engine(AllergicEngine)

    summary = Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert summary.outcomes == {"applied": 21, "dead_lettered": 2}
    assert len(summary.violations) == 2
    assert rows(engine.lake, STOCK) == [("W1", "S1", 80, 0, 80, 0)]
    letters = rows(engine.lake, "SELECT reason, detail, data FROM core.dead_letters ORDER BY version, seq")
    assert [letter[:2] for letter in letters] == [
        ("invariant_violation", "ZeroDivisionError: a message that breaks the code")
    ] * 2
    assert [letter[2] for letter in letters] == [message(bodies[7]).data, message(bodies[-1]).data]
    assert value(engine.lake, "SELECT count(DISTINCT message_id) FROM raw.messages") == len(bodies)
    assert broker.pending == broker.leased == 0
    topics = [m.topic for m in broker.published]
    assert topics.count(Topic.DEAD_LETTERS) == 2
    assert topics.count(Topic.STATUS) == 2


def test_code_without_the_fault_replays_an_offender_as_it_was(open_engine):
    """Verify and rebuild reproduce the lake, not what newer code would have made of it."""
    engine = open_engine(AllergicEngine)
    engine.commit_burst([message(b) for b in (level(100), transaction("POISON"), transaction("T1", quantity=-2))])
    mended = open_engine(Engine)

    assert differences(mended) == []
    replay = Replay(defaults=mended.state.defaults, settings=mended.parse_settings)
    assert rebuild_lake(mended, replay)[0] == []
    assert rows(mended.lake, STOCK) == [("W1", "S1", 98, 0, 98, 0)]

    # Sent again after the fix, it counts.
    [commit] = mended.commit_burst([message(transaction("POISON"), replay_of="x", replay_attempt="1")])
    assert commit.outcomes == {"applied": 1}
    assert dict(rows(mended.lake, OUTCOMES)) == {"applied": 3, "dead_lettered": 1}
    assert differences(mended) == []

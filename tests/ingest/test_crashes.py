"""Die between any two steps: nothing lost, nothing doubled, alerts under the same id.

RULES 18 and 33, DESIGN idea 4. An alert may be delivered twice, never with two
ids; every effect in the lake happens once.
"""

import duckdb
import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.ingest import Ingest
from tests.builders import command, level, message, messages, outgoing, rule, transaction
from tests.facts import OUTCOMES, STOCK, differences, doubled_events, remembered, rows, value, warm
from tests.fakes import Crash, CrashingEngine


def burst(number: int) -> list:
    """A burst that writes to every table: new key, rule, alert, dead letter."""
    sku = f"S{number}"
    return messages(
        rule(10, 20 + number, updated_at=f"2022-04-15T00:{number:02d}:00Z"), level(100, sku=sku), transaction(f"T{number}", quantity=-95, sku=sku), b"broken",
        command("re-evaluate", sku=sku),
    )  # fmt: skip


def test_a_crash_before_any_statement_leaves_lake_and_warm_state_as_they_were(open_engine):
    """After BEGIN, between every two appends, before COMMIT; then the same burst goes through."""
    engine = open_engine(CrashingEngine)
    engine.commit_burst(burst(0))
    connection = engine.lake.connection
    steps = len(connection.statements)
    assert steps > 10
    for step in range(steps):
        before, known = warm(engine.state), remembered(engine.state)
        connection.fail_before = step
        attempted = burst(step + 1)

        with pytest.raises(Crash):
            engine.commit_burst(attempted)

        assert warm(engine.state) == before
        assert remembered(engine.state) == known
        assert engine.lake.watermark().version == step + 1
        [commit] = engine.commit_burst(attempted)
        assert commit.version == step + 2
        assert commit.outcomes == {"applied": 4, "dead_lettered": 1}

    assert value(engine.lake, "SELECT count(*) FROM out.alerts") == steps + 1
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


def test_a_commit_whose_answer_was_lost_is_found_to_have_happened(open_engine):
    """The same process tries again: the watermark says no, the reload says why, dedupe does the rest."""
    engine = open_engine(CrashingEngine)
    engine.commit_burst(burst(0))
    engine.lake.connection.fail_after_commit = True
    attempted = burst(1)
    with pytest.raises(Crash):
        engine.commit_burst(attempted)

    [commit] = engine.commit_burst(attempted)

    assert commit.outcomes == {"duplicate": 4, "dead_lettered": 1}
    assert rows(engine.lake, STOCK) == [("W1", "S0", 5, 0, 5, 0), ("W1", "S1", 5, 0, 5, 0)]
    assert differences(engine) == []


def test_a_catalog_locked_by_another_program_is_waited_for(open_engine):
    """Some tool had the catalog open: no error, no gap, no double."""
    engine = open_engine(lambda settings: CrashingEngine(settings, lambda: duckdb.IOException("database is locked")))
    engine.commit_burst(burst(0))
    engine.lake.connection.fail_before = 5

    [commit] = engine.commit_burst(burst(1))

    assert commit.version == 2
    assert differences(engine) == []


CUES = ("before_publish", "after_publish", "before_acknowledge", "after_acknowledge")


@pytest.fixture
def bodies():
    return [rule(10, 20), level(100), *(transaction(f"T{i}", quantity=-19, at=f"08:0{i}") for i in range(5)), b"broken"]


def drain(engine, broker):
    return Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)


@pytest.mark.parametrize("cue", CUES)
def test_a_process_that_dies_beside_its_commit_is_followed_by_one_that_finishes(open_engine, broker, bodies, cue):
    """After COMMIT before the publish, after it before the record, before and after the ack."""
    broker.publish([outgoing(body) for body in bodies])
    broker.crash_on = cue
    first = open_engine()
    with pytest.raises(Crash):
        drain(first, broker)
    first.close()
    broker.expire_leases()

    second = open_engine()
    drain(second, broker)

    assert rows(second.lake, STOCK) == [("W1", "S1", 5, 0, 5, 0)]
    assert doubled_events(second.lake) == []
    assert broker.pending == broker.leased == 0
    outcomes = dict(rows(second.lake, OUTCOMES))
    redelivered = cue != "after_acknowledge"
    assert outcomes == (
        {"applied": 7, "duplicate": 7, "dead_lettered": 2} if redelivered else {"applied": 7, "dead_lettered": 1}
    )
    told = [m.attributes["alert_id"] for m in broker.published if m.topic == Topic.ALERTS]
    assert sorted(set(told)) == [id_ for (id_,) in rows(second.lake, "SELECT alert_id FROM out.alerts ORDER BY 1")]
    # Told and not recorded is told again; told and recorded, or never told, is told once.
    assert len(told) == len(set(told)) * (1 if cue == "before_publish" else 2)
    assert differences(second) == []


def test_an_engine_that_survives_a_lost_answer_still_tells_the_alert(open_engine, broker):
    """The commit is in the lake, its notification only there: the next run must find it."""
    engine = open_engine(CrashingEngine)
    ingest = Ingest(engine, broker, broker)
    broker.publish([outgoing(level(100))])
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    broker.publish([outgoing(transaction("T1", quantity=-100))])
    engine.lake.connection.fail_after_commit = True
    with pytest.raises(Crash):
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    broker.expire_leases()

    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")
    assert [m.attributes["alert_id"] for m in broker.published if m.topic == Topic.ALERTS] == [alert_id]
    assert rows(engine.lake, "SELECT subject_id, status FROM out.deliveries") == [(alert_id, "sent")]


def test_messages_come_in_any_subscription_order_after_a_crash(open_engine, broker):
    """Redelivery puts old messages behind new ones: the stock does not care."""
    broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-10, status="PENDING", at="07:10"))])
    broker.crash_on = "before_acknowledge"
    engine = open_engine()
    with pytest.raises(Crash):
        drain(engine, broker)
    engine.commit_burst([message(transaction("T1", quantity=-10, at="07:20"))])
    broker.expire_leases()

    drain(engine, broker)

    assert rows(engine.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]
    assert differences(engine) == []

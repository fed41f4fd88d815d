"""A burst commits whole or not at all (RULES 18, 33, 35), and catching up gives what loading anew gives."""

import duckdb
import msgspec
import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.values import read_time
from inventory_assets.ingest import engine as module
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.meaning import parsing_of
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.stages import Stage
from tests.builders import (
    command,
    cut,
    level,
    message,
    messages,
    moment,
    outgoing,
    received,
    rule,
    simulated,
    transaction,
)
from tests.facts import STOCK, differences, doubled_events, remembered, rows, value, warm
from tests.fakes import AllergicEngine, Crash, CrashingEngine


@pytest.fixture
def pair(open_engine):
    """Two engines on one lake, both warm."""
    first, second = open_engine(), open_engine()
    first.commit_burst(messages(rule(10, 20), level(100, category_id="C1"), transaction("T1", quantity=-95)))
    assert second.state.version == 1
    return first, second


def test_it_is_what_loading_gives_after_bursts_commands_and_sweeps(pair, open_engine, monkeypatch):
    first, second = pair
    _, sent = simulated(600, seed=2, skus=20, warehouses=2)
    for burst in cut(received(sent), 200):
        first.commit_burst(burst)
    alert_id = next(a.alert_id for alerts in first.state.alerts.values() for a in alerts.values())
    later = {"timestamp": moment("09:00")}
    first.commit_burst(messages(command("silence", category_id="C1", minutes=60, **later), command("pause", sku="S9")))
    first.commit_burst(messages(command("ack", alert_id=alert_id, **later), b"broken"))
    first.commit_burst([], inputs=BurstInputs(sweep_at=read_time("t", moment("12:00"))), stage="sweep")
    first.commit_burst([], inputs=BurstInputs(velocity_date="2022-04-21", velocities=(("W1", "S1", 3.5),)))
    first.commit_note(Stage.QUALITY, lambda transaction: None)
    # What is dropped is loaded anew by the next use, and would hide a catching up that did nothing.
    monkeypatch.setattr(second, "drop_state", lambda: pytest.fail("loaded anew"))

    second.refresh()

    fresh = open_engine()
    assert warm(second.state) == warm(first.state) == warm(fresh.state)
    assert remembered(second.state) == remembered(first.state)
    assert second.state.silences == fresh.state.silences
    monkeypatch.undo()
    second.commit_burst(messages(transaction("T9", quantity=-5, at="13:00")))
    assert differences(second) == []


def test_few_versions_of_many_rows_load_anew(pair, monkeypatch):
    """Beside a process that takes a past in, to do its bursts again took half a minute and a gigabyte."""
    first, second = pair
    old = second.state
    monkeypatch.setattr(module, "MAX_CATCH_UP_ROWS", 20)
    second.refresh()
    first.commit_burst(messages(transaction("O1", quantity=-1, at="09:00", sku="S2")))
    second.refresh()
    assert second.state is old

    first.commit_burst(messages(*(transaction(f"M{number}", quantity=-1, at="09:00", sku="S2") for number in range(9))))
    monkeypatch.setattr(module, "journaled", lambda *_: pytest.fail("read the rows"))
    second.refresh()

    assert second.state is not old
    assert warm(second.state) == warm(first.state)


@pytest.mark.big
def test_a_rebuild_or_many_versions_load_anew(pair, monkeypatch):
    first, second = pair
    monkeypatch.setattr(module, "MAX_CATCH_UP_VERSIONS", 2)
    for number in range(3):
        first.commit_burst(messages(transaction(f"O{number}", quantity=-1, at="09:00", sku="S2")))
    old = second.state
    second.refresh()
    assert second.state is not old and second.state.version == 4

    rebuild_lake(first, Replay(meaning=first.meaning))
    old = second.state
    second.refresh()
    assert second.state is not old and warm(second.state) == warm(first.state)


def burst(number: int) -> list:
    """A burst that writes to every table: new key, rule, alert, dead letter."""
    sku = f"S{number}"
    return messages(
        rule(10, 20 + number, updated_at=f"2022-04-15T00:{number:02d}:00Z"), level(100, sku=sku), transaction(f"T{number}", quantity=-95, sku=sku), b"broken",
        command("re-evaluate", sku=sku),
    )  # fmt: skip


def test_a_crash_before_any_statement_leaves_lake_and_warm_state_as_they_were(open_engine):
    """Before the journal's BEGIN, its head, the insert, COMMIT; then the same burst goes through."""
    engine = open_engine(CrashingEngine)
    engine.commit_burst(burst(0))
    journaling, steps = engine.lake.journaling, 5
    for step in range(steps):
        before, known = warm(engine.state), remembered(engine.state)
        journaling.fail_before = step
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
    engine.lake.journaling.fail_after_commit = True
    attempted = burst(1)
    with pytest.raises(Crash):
        engine.commit_burst(attempted)

    [commit] = engine.commit_burst(attempted)

    assert commit.outcomes == {"duplicate": 4, "dead_lettered": 1}
    assert rows(engine.lake, STOCK) == [("W1", "S0", 5, 0, 5, 0), ("W1", "S1", 5, 0, 5, 0)]
    assert differences(engine) == []


def test_a_crash_at_any_step_of_a_landing_loses_nothing_and_doubles_nothing(open_engine):
    """The burst is durable by then: the process goes on from the journal, and the next landing from the lake."""
    engine = open_engine(CrashingEngine)
    engine.commit_burst(burst(0))
    connection = engine.lake.connection
    steps = len(connection.statements)
    assert steps > 10
    for step in range(steps):
        connection.fail_before = step
        with pytest.raises(Crash):
            engine.commit_burst(burst(step + 1))
        assert engine.lake.watermark().version == step + 2
    engine.commit_burst(burst(steps + 1))

    assert value(engine.lake, "SELECT count(*) FROM out.alerts") == steps + 2
    assert differences(engine) == []


def test_a_catalog_locked_by_another_program_is_waited_for(open_engine):
    """Some tool had the catalog open: no error, no gap, no double."""
    engine = open_engine(lambda settings: CrashingEngine(settings, lambda: duckdb.IOException("database is locked")))
    engine.commit_burst(burst(0))
    engine.lake.connection.fail_before = 5

    [commit] = engine.commit_burst(burst(1))

    assert commit.version == 2
    assert differences(engine) == []


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
    evidence = rows(engine.lake, "SELECT DISTINCT error_class, position[:-4], trace FROM core.dead_letters")
    [(error_class, position, trace)] = evidence
    assert ("fault", "inventory_assets/domain/ingest/process.py:") == (error_class, position.rstrip("0123456789"))
    assert trace.endswith("ZeroDivisionError: a message that breaks the code") and "in process_burst" in trace
    topics = [m.topic for m in broker.published]
    assert [m.attributes["error_class"] for m in broker.published if m.topic == Topic.DEAD_LETTERS] == ["fault"] * 2
    assert topics.count(Topic.DEAD_LETTERS) == 2
    assert topics.count(Topic.STATUS) == 2


LARGE = {"note": "x" * 1_000_000}


@pytest.mark.big
def test_of_a_body_over_its_topics_limit_the_lake_keeps_the_beginning(open_engine):
    """RULES 9: one outcome, which `verify` and `rebuild` find again without the body."""
    engine = open_engine()
    large = message(rule(10, 20) | LARGE)

    [commit] = engine.commit_burst([message(level(100)), large, message(transaction("T1", quantity=-2))])

    assert {"applied": 2, "dead_lettered": 1} == commit.outcomes
    size = len(large.data)
    assert rows(engine.lake, "SELECT seq, octet_length(data), data_bytes FROM raw.messages WHERE seq = 1") == [
        (1, 1_000, size)
    ]
    letter = "SELECT reason, error_class, octet_length(data), data_bytes FROM core.dead_letters"
    assert rows(engine.lake, letter) == [("too_large", "size", 1_000, size)]
    assert differences(engine) == []
    assert rebuild_lake(engine, Replay(meaning=engine.meaning))[0] == []
    assert rows(engine.lake, letter) == [("too_large", "size", 1_000, size)]
    assert open_engine().state.version == engine.state.version


@pytest.mark.big
def test_what_was_taken_in_before_there_were_limits_stays_taken_in(open_engine):
    """The limits are recorded with each version, as every setting with meaning is."""
    older = open_engine()
    older.meaning = msgspec.structs.replace(older.meaning, message_limits={})
    older._parsing = parsing_of(older.meaning)
    older.commit_burst([message(rule(10, 20) | LARGE), message(level(100))])

    newer = open_engine()
    newer.commit_burst([message(rule(30, 40, updated_at=moment("09:00")) | LARGE)])

    assert rows(newer.lake, "SELECT min_threshold_qty FROM core.threshold_rules") == [(10,)]
    assert differences(newer) == []
    assert rebuild_lake(newer, Replay(meaning=newer.meaning))[0] == []

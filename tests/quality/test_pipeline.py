"""What the lake knows of connectors: rows, facts, what was told, and holds, against a real lake."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from inventory_assets.clock import clock_of, set_clock
from inventory_assets.domain.quality.pipeline import (
    FindingKind,
    PipelineFinding,
    Severity,
    compare_findings,
)
from inventory_assets.domain.values import HOUR_US, MINUTE_US, to_microseconds
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import CONNECTORS
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.quality.pipeline import (
    append_findings,
    connector_rows,
    explain_age_now,
    finding_message,
    hold_silent,
    look,
    read_connectors,
    read_flow,
    read_moved,
    read_open,
)
from tests.builders import envelope, heartbeat, level, message, transaction
from tests.facts import differences, rows, value, warm


@pytest.fixture
def now() -> datetime:
    """Commits carry the machine's time, so what is judged beside them does, too."""
    return datetime.now(UTC)


def beat(at: datetime, connector_id: str = "connector-w1", **more: object):
    return message(
        heartbeat(connector_id, **({"started_at": "2026-01-01T00:00:00Z"} | more)),
        topic="inventory-updates-topic", published_at=at,
    )  # fmt: skip


def test_a_connector_is_a_row_as_it_was_last_heard(engine, now):
    """A redelivery of an hour ago is no sign of life, and no reason to believe it stopped."""
    late = beat(now - timedelta(hours=1), state="stopping")
    engine.commit_burst([beat(now, published_until="2026-03-04T11:59:59Z", open_gaps=2), message(level())])
    engine.commit_burst([late])

    [row] = engine.lake.query("SELECT * FROM meta.connectors").to_dicts()

    assert ("connector-w1", "W1", "streaming", 2, 10, 10, "process-1", 1) == (
        row["connector_id"], row["warehouse_id"], row["state"], row["open_gaps"], row["read"], row["published"],
        row["owner_id"], row["version"],
    )  # fmt: skip
    assert now.replace(tzinfo=None) == row["last_heard_at"]
    assert datetime(2026, 3, 4, 11, 59, 59) == row["published_until"]
    assert [("filtered", 2)] == rows(
        engine.lake, "SELECT outcome, count(*) FROM raw.messages WHERE outcome = 'filtered' GROUP BY ALL"
    )


def test_what_was_heard_is_a_function_of_the_messages(engine, open_engine, now):
    """Loading, catching up, verifying and rebuilding all give the same."""
    other = open_engine()
    other.commit_burst([beat(now - timedelta(minutes=2), "c2")])
    assert "c2" in other.state.connectors
    engine.commit_burst([beat(now, "c1"), beat(now, "c2", warehouse_id=None)])
    engine.commit_burst([beat(now - timedelta(minutes=1), "c2")])

    other.refresh()

    assert warm(engine.state) == warm(other.state)
    engine.drop_state()
    assert warm(engine.state) == warm(other.state)
    assert [] == differences(engine)
    shown = rows(engine.lake, "SELECT * FROM meta.connectors ORDER BY ALL")
    replay = Replay(meaning=engine.meaning)
    assert [] == rebuild_lake(engine, replay)[0]
    assert shown == rows(engine.lake, "SELECT * FROM meta.connectors ORDER BY ALL")


def test_a_compacted_lake_shows_the_same_connectors(engine, now):
    engine.commit_burst([beat(now, "c1"), beat(now, "c2")])
    engine.commit_burst([beat(now + timedelta(seconds=30), "c1")])
    before = rows(engine.lake, "SELECT * FROM meta.connectors ORDER BY ALL")

    Maintenance(engine.lake).compact(CONNECTORS)
    engine.commit_burst([beat(now + timedelta(seconds=60), "c2")])

    after = rows(engine.lake, "SELECT * FROM meta.connectors ORDER BY ALL")
    assert (before[0], 2) == (after[0], len(after))
    assert after[1][2] > before[1][2]


def test_a_lake_without_connectors_is_asked_once_and_briefly(engine, now):
    """Whether transactions were refused as moved; of what else is refused nothing is read."""
    engine.commit_burst([message(level()), message(transaction("T1"))])
    asked: list[str] = []

    class Counting:
        def query(self, sql: str, *parameters: object):
            asked.append(sql)
            return engine.lake.query(sql, *parameters)

    assert [] == read_connectors(engine.lake)
    assert [] == look(Counting(), engine.state.connectors.values(), now=to_microseconds(now))
    assert 1 == len(asked) and "meta.versions" in asked[0]
    assert 0 == value(engine.lake, "SELECT count(*) FROM meta.connectors_changes")


def test_refused_moves_are_counted_by_the_warehouse_of_their_document(engine, now):
    """Of the last hour, whatever the envelope."""
    assert {} == read_moved(engine.lake, to_microseconds(now))
    engine.commit_burst([message(transaction(f"T{n}", warehouse_id=place)) for n in range(3) for place in ("W1", "W2")])
    engine.commit_burst(
        [
            message(transaction("T1", sku="S2")),
            message(transaction("T2", status="CANCELLED", sku="S3")),
            message(envelope(transaction("T2", sku="S2", warehouse_id="W2"), 30_000, warehouse_id="W9")),
            message(transaction("T2", quantity=5)),
            message(transaction("T3", warehouse_id="W3")),
            message(b"broken"),
        ]
    )

    at = to_microseconds(datetime.now(UTC))
    assert {"W1": (4, 1), "W2": (4, 1)} == read_moved(engine.lake, at)
    assert {} == read_moved(engine.lake, at + 2 * HOUR_US)
    found = look(engine.lake, [], now=at)
    assert ["W1", "W2"] == [each.subject for each in found if each.kind is FindingKind.MOVED]


def test_the_facts_are_those_of_the_bursts(engine, now):
    """Heartbeats are no content, commands no sign of life, and counters begin anew with a process."""
    hour_ago = now - timedelta(minutes=70)
    engine.commit_burst(
        [
            beat(hour_ago, counters={"read": 50, "published": 40}),
            beat(now - timedelta(minutes=50), counters={"read": 100, "published": 90}, started_at="2026-01-01T00:00:00Z"),
        ]
    )  # fmt: skip
    engine.commit_burst(
        [beat(now - timedelta(minutes=9), counters={"read": 130, "published": 120, "dead_lettered": 4})]
    )
    engine.commit_burst(
        [
            beat(now - timedelta(minutes=6), counters={"read": 150, "published": 150, "dead_lettered": 4}),
            message(level(), published_at=now - timedelta(minutes=3)),
            message(transaction("T1"), published_at=now - timedelta(minutes=3)),
            message(b"broken", published_at=now - timedelta(minutes=3)),
        ]
    )
    engine.commit_burst([beat(now, owner_id="process-2", started_at=now.isoformat(), counters={"read": 5})])

    found = read_flow(engine.lake, to_microseconds(datetime.now(UTC)))

    assert (3, 1, 3, 30) == (found.messages, found.refused, found.recent, found.published)
    assert {"connector-w1": (55, 4)} == found.of_connectors
    assert 175_000_000 < found.latency["inventory-transactions-topic"] < HOUR_US
    assert found.last_taken_in_at is not None and found.last_taken_in_at > to_microseconds(now)


def test_a_silent_connector_is_found_and_its_warehouse_named(engine, now):
    engine.commit_burst([beat(now - timedelta(minutes=25)), beat(now, "c2", warehouse_id="W2")])
    at = to_microseconds(now)

    # That it came in late, as it did here, is another finding.
    [found] = [
        each
        for each in look(engine.lake, engine.state.connectors.values(), now=at)
        if each.kind is not FindingKind.SLOW
    ]

    assert (FindingKind.SILENT, "connector-w1") == (found.kind, found.subject)
    assert (found.text, None) == (
        explain_age_now(engine.lake, "W1", now=at),
        explain_age_now(engine.lake, "W2", now=at),
    )


def test_a_connector_is_silent_as_the_homes_clock_shows_it(engine, now):
    """Six minutes of a machine's silence are fourteen hours of a demo: told as such, and not after two seconds."""
    settings = engine.settings
    set_clock(settings, shown=now - timedelta(days=150), speed=144)
    clock, at = clock_of(settings), to_microseconds(now + timedelta(minutes=7))
    engine.commit_burst([beat(now + timedelta(minutes=1)), beat(now + timedelta(minutes=6), "c2", warehouse_id="W2")])
    connectors = read_connectors(engine.lake)

    [found] = [each for each in look(engine.lake, connectors, now=at, clock=clock) if each.kind is FindingKind.SILENT]

    assert found.subject == "connector-w1" and "(14 h)" in found.text
    assert found.since == clock.shown_at(to_microseconds(now + timedelta(minutes=1)))
    assert found.text == explain_age_now(engine.lake, "W1", now=at, clock=clock)
    rows_of = {row["connector_id"]: row for row in connector_rows(connectors, now=at, clock=clock)}
    first, second = rows_of["connector-w1"], rows_of["c2"]
    assert ("connector_silent", None) == (first["finding"], second["finding"])
    assert first["silent_seconds"] // 60 == pytest.approx(6 * 144, abs=1)
    assert first["last_heard_at"] < now - timedelta(days=149)


def test_after_hours_of_silence_it_is_known_what_came_in_last(engine, now):
    engine.commit_burst([beat(now)])

    kinds = {
        each.kind for each in look(engine.lake, read_connectors(engine.lake), now=to_microseconds(now) + 3 * HOUR_US)
    }

    assert {FindingKind.SILENT, FindingKind.STALLED} == kinds


SILENT = PipelineFinding(
    kind=FindingKind.SILENT, subject="connector-w1", severity=Severity.WARNING, text="W1 was not heard of",
    what_to_do="look", warehouse_id="W1", since=1_772_607_900_000_000 - 25 * MINUTE_US,
)  # fmt: skip


def test_what_was_told_outlives_the_process(engine, open_engine):
    """A restarted sensor neither repeats what it told nor forgets to tell that it is over."""
    now = SILENT.since + 25 * MINUTE_US
    [began] = compare_findings(read_open(engine.lake), [SILENT], now=now)
    engine.commit_note(Stage.OPERATIONS, lambda transaction: append_findings(transaction, [began]))

    other = open_engine()
    assert [] == compare_findings(read_open(other.lake), [SILENT], now=now + MINUTE_US)
    [over] = compare_findings(read_open(other.lake), [], now=now + MINUTE_US)
    other.commit_note(Stage.OPERATIONS, lambda transaction: append_findings(transaction, [over]))

    assert [] == read_open(engine.lake)
    assert [("connector_silent", "connector-w1", "W1", "warning", False, 26 * 60)] == rows(
        engine.lake,
        "SELECT kind, subject, warehouse_id, severity, is_open, epoch(ended_at - begun_at)::INT "
        "FROM meta.pipeline_findings",
    )
    assert [True, False] == [
        is_open
        for (is_open,) in rows(engine.lake, "SELECT is_open FROM meta.pipeline_findings_changes ORDER BY version")
    ]
    engine.refresh()
    assert [] == differences(engine)


def test_a_message_says_what_began_and_what_is_over_under_one_id():
    now = SILENT.since + 25 * MINUTE_US
    [began] = compare_findings([], [SILENT], now=now)
    [over] = compare_findings([began], [], now=now + MINUTE_US)

    first, last = (json.loads(finding_message(each).data) for each in (began, over))

    assert "status-topic" == finding_message(began).topic
    assert {"type": "pipeline_finding"} == finding_message(began).attributes
    assert first["finding_id"] == last["finding_id"] == "connector_silent:connector-w1:2026-03-04T06:40:00.000Z"
    assert ("open", "warning", None) == (first["state"], first["severity"], first["ended_at"])
    assert ("over", "info", "2026-03-04T07:06:00.000Z") == (last["state"], last["severity"], last["ended_at"])


def test_a_silent_warehouses_alerts_are_held_only_where_that_is_set_and_until_it_is_heard(engine):
    """A stale number must not page anybody; off unless asked for, so that a real stockout is not hidden."""
    now = SILENT.since + 25 * MINUTE_US
    engine.commit_burst([message(level(3, min_threshold=10, reorder_threshold=20))])
    held = "SELECT inhibited_by FROM out.alerts"
    unplaced = msgspec.structs.replace(SILENT, warehouse_id=None, subject="c2")

    assert [] == hold_silent(engine, [SILENT], now=now, after=None)
    assert [] == hold_silent(engine, [SILENT], now=now, after=timedelta(minutes=30))
    assert 1 == len(hold_silent(engine, [SILENT, unplaced], now=now, after=timedelta(minutes=20)))
    assert [("warehouse:connector:connector-w1",)] == rows(engine.lake, held)
    assert [] == hold_silent(engine, [SILENT], now=now + MINUTE_US, after=timedelta(minutes=20))

    assert 1 == len(hold_silent(engine, [], now=now + 2 * MINUTE_US, after=timedelta(minutes=20)))
    assert [(None,)] == rows(engine.lake, held)
    assert [] == differences(engine)

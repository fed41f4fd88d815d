"""When the numbers are not of now, and who is told what: R0's operational alerts."""

import msgspec
import pytest

from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.quality.pipeline import (
    FindingKind,
    Flow,
    PipelineFinding,
    Severity,
    StoredFinding,
    clock,
    compare_findings,
    explain_age,
    judge_pipeline,
    span,
)
from inventory_assets.domain.values import DAY_US, HOUR_US, MINUTE_US

# 2026-03-04 07:05 UTC.
NOW = 1_772_607_900_000_000
WELL = Flow(last_taken_in_at=NOW - 2_000_000, messages=5_000, recent=400, published=200)


def heard(minutes: float = 0.5, **fields) -> Heard:
    """A connector that is well, heard so long ago and known up to two seconds before."""
    at = NOW - int(minutes * MINUTE_US)
    base = {
        "connector_id": "connector-wh-east-1", "warehouse_id": "WH-EAST-1", "heard_at": at, "state": "streaming",
        "published_until": at - 2_000_000, "started_at": NOW - DAY_US,
    }  # fmt: skip
    return Heard(**(base | fields))


def flow(**fields) -> Flow:
    return msgspec.structs.replace(WELL, **fields)


@pytest.mark.parametrize(
    ("why", "connector", "came_in", "expected"),
    [
        ("all is well", heard(), WELL, []),
        ("nine heartbeats may get lost", heard(4.9), WELL, []),
        ("the tenth may not", heard(5.1), WELL, [FindingKind.SILENT]),
        ("it said goodbye", heard(25, state="stopping"), WELL, [FindingKind.STOPPED]),
        ("it died saying so", heard(1, state="failed"), WELL, [FindingKind.FAILED]),
        ("the database is away for a minute", heard(state="recovering"), WELL, []),
        (
            "the database is away",
            heard(state="recovering", published_until=NOW - 20 * MINUTE_US), WELL, [FindingKind.DISCONNECTED],
        ),
        ("it does not keep up", heard(published_until=NOW - 3 * MINUTE_US), WELL, [FindingKind.BEHIND]),
        ("a copy is behind by nature", heard(state="copying", published_until=NOW - HOUR_US), WELL, [FindingKind.COPYING]),
        ("a copy that is silent is silent", heard(6, state="copying"), WELL, [FindingKind.SILENT]),
        ("how far it is, is not known", heard(published_until=None), WELL, []),
        ("history is lost", heard(open_gaps=1), WELL, [FindingKind.GAP]),
        ("its epoch went back", heard(source_epoch=0, outranked_by=7), WELL, [FindingKind.OUTRANKED]),
        ("it was taken away long ago", heard(31 * 24 * 60), WELL, []),
        (
            "not even heartbeats come in", heard(6), flow(last_taken_in_at=NOW - 6 * MINUTE_US),
            [FindingKind.SILENT, FindingKind.STALLED],
        ),
        (
            "nothing comes in because all said goodbye", heard(60, state="stopping"),
            flow(last_taken_in_at=NOW - HOUR_US), [FindingKind.STOPPED],
        ),
        ("what is published does not come in", heard(), flow(recent=0), [FindingKind.NOT_ARRIVING]),
        ("nothing is published, nothing comes in", heard(), flow(recent=0, published=0), []),
        ("two minutes is the limit", heard(), flow(latency={"t": 2 * MINUTE_US}), []),
        ("one topic is slow", heard(), flow(latency={"t": 2 * MINUTE_US + 1, "u": 5}), [FindingKind.SLOW]),
        ("one in a hundred is the limit", heard(), flow(messages=1_000, refused=10), []),
        ("more than one in a hundred", heard(), flow(messages=1_000, refused=11), [FindingKind.ERRORS]),
        ("one bad message of three", heard(), flow(messages=3, refused=1), []),
        ("all of fifty", heard(), flow(messages=50, refused=50), [FindingKind.ERRORS]),
        (
            "refused before it reached us", heard(),
            flow(of_connectors={"connector-wh-east-1": (900, 30)}), [FindingKind.ERRORS],
        ),
        ("one move in a hundred is the limit", heard(), flow(moved={"W1": (100, 1), "W2": (1_000, 10)}), []),
        ("a little more, in a warehouse of its own", heard(), flow(moved={"W1": (99, 1), "W2": (999, 9)}),
         [FindingKind.MOVED]),
    ],
)  # fmt: skip
def test_what_is_wrong(why, connector, came_in, expected):
    found = judge_pipeline([connector], came_in, now=NOW)

    assert sorted(expected) == sorted(each.kind for each in found), why
    assert all(each.text and each.what_to_do for each in found)


def test_without_a_connector_nothing_is_judged():
    """What simulators and files publish has no rhythm to miss."""
    assert [] == judge_pipeline([], Flow(last_taken_in_at=NOW - DAY_US, messages=9, refused=9), now=NOW)


def test_moved_transactions_are_told_with_share_and_way_out_by_warehouse_without_a_connector_too():
    """RULES 13: whoever sends them, each is stock that is lost."""
    found = judge_pipeline([], Flow(moved={"W2": (3, 3), "W1": (200, 50), "W3": (500, 1)}), now=NOW)

    assert [("transactions_moved", "W1", "W1"), ("transactions_moved", "W2", "W2")] == [
        (*each.name, each.warehouse_id) for each in found
    ]
    assert found[0].text.startswith("50 of 200 transactions of W1 in the last hour (25.0%)")
    assert "line_id" in found[0].what_to_do and "ADJUSTMENT" in found[0].what_to_do


def test_at_seven_a_planner_reads_since_when_the_numbers_are_old():
    connectors = [heard(25), heard(connector_id="connector-wh-west-1", warehouse_id="WH-WEST-1")]

    assert explain_age("WH-EAST-1", connectors, now=NOW) == (
        "WH-EAST-1 was not heard of since 06:40 UTC (25 min): its numbers are as of 06:39 UTC."
    )
    assert explain_age("WH-WEST-1", connectors, now=NOW) is None
    assert explain_age("WH-ELSEWHERE", connectors, now=NOW) is None


def test_a_copy_does_not_make_numbers_old():
    assert explain_age("WH-EAST-1", [heard(state="copying")], now=NOW) is None


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(-5, "0 s"), (59_000_000, "59 s"), (25 * MINUTE_US, "25 min"), (3 * HOUR_US, "3 h"), (9 * DAY_US, "9 days")],
)
def test_a_duration_is_said_in_one_unit(duration, expected):
    assert expected == span(duration)


def test_another_day_is_named():
    assert ("06:40 UTC", "Mar 03 07:05 UTC") == (clock(NOW - 25 * MINUTE_US, NOW), clock(NOW - DAY_US, NOW))


# ---- what began and what ended


def finding(**fields) -> PipelineFinding:
    base = {
        "kind": FindingKind.SILENT, "subject": "c1", "severity": Severity.WARNING, "text": "silent since 06:40",
        "what_to_do": "look", "since": NOW - 25 * MINUTE_US,
    }  # fmt: skip
    return PipelineFinding(**(base | fields))


def test_a_finding_is_told_once_when_it_begins_and_once_when_it_is_over():
    [began] = compare_findings([], [finding()], now=NOW)
    later = finding(text="silent since 06:40 (26 min)")

    assert began == StoredFinding(finding=finding(), begun_at=NOW - 25 * MINUTE_US)
    assert [] == compare_findings([began], [later], now=NOW + MINUTE_US)
    [over] = compare_findings([began], [], now=NOW + MINUTE_US)
    assert (False, NOW + MINUTE_US, began.begun_at) == (over.is_open, over.ended_at, over.begun_at)


def test_the_same_of_another_connector_is_another_finding():
    [began] = compare_findings([], [finding()], now=NOW)

    changes = compare_findings([began], [finding(subject="c2", since=None)], now=NOW)

    assert [("c2", NOW, None), ("c1", NOW - 25 * MINUTE_US, NOW)] == [
        (each.finding.subject, each.begun_at, each.ended_at) for each in changes
    ]


def test_what_became_more_severe_is_told_again_as_the_same():
    [began] = compare_findings([], [finding()], now=NOW)

    [worse] = compare_findings([began], [finding(severity=Severity.ALARM)], now=NOW + MINUTE_US)

    assert (began.begun_at, Severity.ALARM) == (worse.begun_at, worse.finding.severity)

"""A change from here is a message like any other: it takes at once, touches what it must, and replays."""

from datetime import UTC, datetime

import pytest

from inventory_assets.domain.thresholds.changes import deleted_rule, find_edits, wanted_rule
from inventory_assets.domain.values import to_microseconds
from inventory_assets.thresholds.edits import (
    TRIES,
    RuleChangeError,
    RulesMovedError,
    commit_edits,
    preview_edits,
    read_rules,
)
from tests.builders import DAY, envelope, level, message, messages, rule, transaction
from tests.facts import differences, rows, value

NOW = to_microseconds(datetime(2022, 5, 1, tzinfo=UTC))
RESOLVED = "SELECT sku, rule_level_type, min_threshold_qty, version FROM core.resolved_thresholds ORDER BY sku"


def wanted(**document):
    problems = []
    found = wanted_rule({"level_type": "GLOBAL", **document}, problems)
    assert problems == []
    return found


def setter(*documents):
    return lambda known: find_edits(known, [wanted(**document) for document in documents])


def change(engine, find, **more):
    return commit_edits(engine, find, **{"author": "ann", "reason": "why", "now": lambda: NOW, **more})


def test_a_change_is_one_version_that_alerts_replays_and_verifies(engine):
    engine.commit_burst(messages(level(30)))

    edits, commit = change(engine, setter({"min_threshold_qty": 50}))

    assert [(edit.action, edit.scope) for edit in edits] == [("added", ("GLOBAL", "", None))]
    assert (commit.version, len(commit.notifications)) == (2, 1)
    found = "SELECT stage, topic, outcome FROM meta.versions JOIN raw.messages USING (version) WHERE version = 2"
    assert rows(engine.lake, found) == [("thresholds", "thresholds-topic", "applied")]
    assert rows(engine.lake, "SELECT author, reason FROM core.threshold_audit") == [("ann", "why")]
    assert differences(engine) == []


def test_what_the_lake_has_already_is_left_alone(engine):
    change(engine, setter({"min_threshold_qty": 50}))

    edits, commit = change(engine, setter({"min_threshold_qty": 50, "updated_by": "bob"}))

    assert (edits, commit) == ([], None)
    assert engine.lake.watermark().version == 1


def test_another_channel_alone_is_a_change(engine):
    change(engine, setter({"min_threshold_qty": 50}))

    _, commit = change(engine, setter({"min_threshold_qty": 50, "alert_settings": {"notification_channel": "SMS"}}),
                       now=lambda: NOW + 1)  # fmt: skip

    assert commit.outcomes == {"applied": 1}
    assert value(engine.lake, "SELECT alert_settings FROM core.threshold_rules") == '{"notification_channel":"SMS"}'


def test_a_preview_says_what_the_commit_does_and_writes_nothing(engine):
    engine.commit_burst(messages(rule(10, 20), level(15), level(30, sku="S2"), level(3, sku="S3", category_id="C")))
    find = setter({"min_threshold_qty": 20}, {"level_type": "CATEGORY", "level_id": "C", "min_threshold_qty": 1})

    effect = preview_edits(engine, find(engine.state.rules), now=NOW)

    assert engine.lake.watermark().version == engine.state.version == 1
    assert effect.keys == {("GLOBAL", "", None): 2, ("CATEGORY", "C", None): 1}
    steps = {(alert.sku, alert.alert_type, alert.step, alert.reason) for alert in effect.alerts}
    _, commit = change(engine, find)
    found = "SELECT a.sku, a.alert_type, t.transition, t.reason FROM out.alert_transitions t JOIN out.alerts a USING (alert_id) WHERE t.version = 2"
    assert set(rows(engine.lake, found)) == steps
    assert (commit.counts["thresholds"], len(commit.notifications)) == (3, effect.count("notified"))


def test_a_change_re_evaluates_what_it_touches_and_nothing_else(engine):
    """Keys under a more specific rule keep their row, their version and their alerts."""
    engine.commit_burst(
        messages(
            rule(10, 20), rule(5, 6, level_type="CATEGORY", level_id="C"), rule(1, 2, level_type="SKU", level_id="S3"),
            level(15, category_id="C"), level(15, sku="S2"), level(15, sku="S3", category_id="C"),
            level(15, sku="S1", category_id="C", warehouse_id="W2"),
        )
    )  # fmt: skip
    before = rows(engine.lake, "SELECT * FROM core.resolved_thresholds WHERE sku <> 'S1' ORDER BY ALL")

    _, commit = change(engine, setter({"level_type": "CATEGORY", "level_id": "C", "min_threshold_qty": 16}))

    assert commit.counts["thresholds"] == 2
    assert {row[:3] for row in rows(engine.lake, RESOLVED) if row[3] == 2} == {("S1", "CATEGORY", 16)}
    assert rows(engine.lake, "SELECT * FROM core.resolved_thresholds WHERE sku <> 'S1' ORDER BY ALL") == before
    assert set(rows(engine.lake, "SELECT sku, alert_type FROM out.alerts WHERE version = 2")) == {("S1", "LOW_STOCK")}
    _, commit = change(engine, lambda known: find_edits(known, [deleted_rule(("CATEGORY", "C", None))]),
                       now=lambda: NOW + 1)  # fmt: skip
    assert commit.counts["thresholds"] == 2
    assert [row[:3] for row in rows(engine.lake, RESOLVED)] == [
        ("S1", "GLOBAL", 10), ("S1", "GLOBAL", 10), ("S2", "GLOBAL", 10), ("S3", "SKU", 1),
    ]  # fmt: skip
    assert differences(engine) == []


def test_a_change_comes_after_a_rule_dated_ahead_or_numbered_by_a_connector(engine):
    """Latest position wins (RULES 22): a change that would be superseded at once is no change."""
    ahead = rule(1, 2, updated_at="2022-04-21T20:00:00Z")
    numbered = envelope(rule(1, 2, level_type="SKU", level_id="S1"), 86_000, source_epoch=3, namespace="x.thresholds")
    engine.commit_burst([message(ahead), message(numbered, topic="thresholds-topic")])
    at = to_microseconds(DAY) + 86_400_000_000

    _, commit = change(
        engine, setter({"min_threshold_qty": 7}, {"level_type": "SKU", "level_id": "S1", "min_threshold_qty": 7}),
        now=lambda: at,
    )  # fmt: skip

    assert commit.outcomes == {"applied": 2}
    assert [stored.rule.min_threshold_qty for stored in read_rules(engine.lake).values()] == [7, 7]
    assert differences(engine) == []


def test_a_rule_from_the_far_future_is_named_and_nothing_is_written(engine):
    document = rule(1, 2)
    far = envelope(document, 10**9, namespace="x.thresholds")
    engine.commit_burst([message(far, topic="thresholds-topic")])

    with pytest.raises(RuleChangeError, match=r"GLOBAL is dated 2053.*nothing was written"):
        change(engine, setter({"min_threshold_qty": 7}))

    assert engine.lake.watermark().version == 1


def test_a_writer_between_look_and_commit_makes_it_look_again(open_engine):
    """A change that keeps the rest of a rule must keep the rest that is there now."""
    first, second = open_engine(), open_engine()
    change(first, setter({"min_threshold_qty": 5, "reorder_threshold_qty": 16}))
    looks = []

    def find(known):
        stored = known[("GLOBAL", "", None)].rule
        looks.append(stored.reorder_threshold_qty)
        if len(looks) == 1:
            change(second, setter({"min_threshold_qty": 5, "reorder_threshold_qty": 60}), now=lambda: NOW + 1)
        return find_edits(known, [wanted(min_threshold_qty=9, reorder_threshold_qty=stored.reorder_threshold_qty)])

    _, commit = change(first, find, now=lambda: NOW + 2)

    assert looks == [16, 60]
    [stored] = read_rules(first.lake).values()
    assert (stored.rule.min_threshold_qty, stored.rule.reorder_threshold_qty, commit.version) == (9, 60, 3)
    assert differences(first) == []


def test_a_writer_that_is_always_first_makes_it_give_up_without_a_trace(open_engine):
    first, second = open_engine(), open_engine()
    count = 0

    def find(known):
        nonlocal count
        count += 1
        change(second, setter({"min_threshold_qty": count}), now=lambda: NOW + count)
        return find_edits(known, [wanted(min_threshold_qty=99)])

    with pytest.raises(RulesMovedError, match="GLOBAL"):
        change(first, find, now=lambda: NOW + 1000)

    assert count == TRIES
    assert value(first.lake, "SELECT min_threshold_qty FROM core.threshold_rules") == TRIES
    assert value(first.lake, "SELECT count(*) FROM core.threshold_audit") == TRIES


def test_other_traffic_between_look_and_commit_does_not_matter(open_engine):
    first, second = open_engine(), open_engine()
    first.commit_burst(messages(level(100)))

    def find(known):
        second.commit_burst(messages(transaction(f"T{second.state.version}", quantity=-60)))
        return find_edits(known, [wanted(min_threshold_qty=50)])

    _, commit = change(first, find)

    assert (commit.version, len(commit.notifications)) == (3, 1)
    assert differences(first) == []

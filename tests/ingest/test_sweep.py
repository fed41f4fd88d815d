"""Time's part at the lake: sweeps that commit only what is due, and replay."""

import json
from dataclasses import replace

from inventory_assets.domain.ingest.state import Newest
from inventory_assets.domain.values import read_time
from inventory_assets.ingest.sweep import is_sweep_due, sweep
from tests.builders import command, level, messages, moment, rule, transaction
from tests.facts import differences, rows, value

TRANSITIONS = "SELECT transition, reason, actor FROM out.alert_transitions ORDER BY version, seq"


def at(time):
    return read_time("time", moment(time))


def live(engine):
    """As if each event had been committed as it happened: a sweep's moment is then the clock."""
    newest = engine.state.newest
    newest.update({warehouse_id: Newest(each.event_at, each.event_at) for warehouse_id, each in newest.items()})


def low(name="T1", time="08:00", **more):
    return transaction(name, quantity=-95, at=time, **more)


def test_a_sweep_records_its_moment_and_policy_and_replays(open_engine, settings):
    engine = open_engine(chosen=replace(settings, escalate_after=(("HIGH", 60),)))
    engine.commit_burst(messages(rule(10, 20), level(100), low()))
    live(engine)

    assert sweep(engine, at("08:59")) == []
    assert len(sweep(engine, at("09:00"))) == 1
    assert sweep(engine, at("09:00")) == []

    assert rows(engine.lake, TRANSITIONS)[2:] == [
        ("escalated_level", "unacknowledged", "policy"), ("notified", "escalated_level", "policy"),
    ]  # fmt: skip
    inputs = json.loads(value(engine.lake, "SELECT inputs FROM meta.versions WHERE stage = 'sweep'"))
    assert (inputs["sweep_at"], inputs["moments"]) == (at("09:00"), {"W1": at("09:00")})
    assert inputs["policy"] == {"escalate": {"HIGH": 60}}
    assert differences(engine) == []
    assert rows(engine.lake, "SELECT escalated_level, notification_count FROM out.alerts") == [(1, 2)]


def test_a_paused_or_inhibited_alert_is_not_swept_for_ever(engine):
    """It stays due, and no version is made of that every ten seconds."""
    engine.commit_burst(messages(rule(10, 20), level(100), level(100, sku="S2"), command("pause", sku="S1")))
    engine.commit_burst(messages(command("inhibit", warehouse_id="W1"), low(), low("T2", sku="S2")))

    assert engine.state.due_alerts
    assert not is_sweep_due(engine, at("23:00"))

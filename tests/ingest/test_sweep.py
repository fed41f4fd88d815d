"""Time's part at the lake: sweeps that commit only what is due, and replay; commands of other processes are told."""

import json
from dataclasses import replace

from inventory_assets.control.issue import issue
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import read_time
from inventory_assets.ingest import ingest as ingest_module
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.sweep import is_sweep_due, sweep
from tests.builders import command, level, messages, moment, outgoing, rule, transaction
from tests.facts import differences, rows, value, warm

TRANSITIONS = "SELECT transition, reason, actor FROM out.alert_transitions ORDER BY version, seq"


def at(time):
    return read_time("time", moment(time))


def low(name="T1", time="08:00", **more):
    return transaction(name, quantity=-95, at=time, **more)


def test_a_sweep_records_its_moment_and_policy_and_replays(open_engine, settings):
    engine = open_engine(chosen=replace(settings, escalate_after=(("HIGH", 60),)))
    engine.commit_burst(messages(rule(10, 20), level(100), low()))

    assert sweep(engine, at("08:59")) == []
    assert len(sweep(engine, at("09:00"))) == 1
    assert sweep(engine, at("09:00")) == []

    assert rows(engine.lake, TRANSITIONS)[2:] == [
        ("escalated_level", "unacknowledged", "policy"), ("notified", "escalated_level", "policy"),
    ]  # fmt: skip
    inputs = json.loads(value(engine.lake, "SELECT inputs FROM meta.versions WHERE stage = 'sweep'"))
    assert inputs == {"sweep_at": at("09:00"), "policy": {"escalate": {"HIGH": 60}}}
    assert differences(engine) == []
    assert rows(engine.lake, "SELECT escalated_level, notification_count FROM out.alerts") == [(1, 2)]


def test_a_paused_or_inhibited_alert_is_not_swept_for_ever(engine):
    """It stays due, and no version is made of that every ten seconds."""
    engine.commit_burst(messages(rule(10, 20), level(100), level(100, sku="S2"), command("pause", sku="S1")))
    engine.commit_burst(messages(command("inhibit", warehouse_id="W1"), low(), low("T2", sku="S2")))

    assert engine.state.due_alerts
    assert not is_sweep_due(engine, at("23:00"))


def test_what_commands_left_is_the_same_after_a_restart(open_engine):
    first = open_engine()
    first.commit_burst(messages(rule(10, 20), level(100, category_id="C1"), low()))
    alert_id = value(first.lake, "SELECT alert_id FROM out.alerts")
    later = {"timestamp": moment("09:00")}
    first.commit_burst(
        messages(
            command("silence", category_id="C1", minutes=600, **later),
            command("silence", sku="S9", minutes=60, **later),
            command("unsilence", sku="S9", timestamp=moment("09:10")),
            command("inhibit", warehouse_id="W1", issued_by="connector", **later),
            command("inhibit", category_id="C1", alert_type="STOCKOUT", source="inc-1", **later),
            command("ack", alert_id=alert_id, **later), command("ack", alert_id="alt-none", **later),
        )
    )  # fmt: skip

    second = open_engine()
    assert warm(second.state) == warm(first.state)
    assert second.state.silences == first.state.silences
    assert second.state.inhibitions == first.state.inhibitions
    assert sorted(place[-1] for place in second.state.inhibitions) == ["inc-1", "warehouse:connector"]
    assert differences(second) == []


def test_a_command_of_another_process_is_told_by_the_one_that_runs(open_engine, broker, monkeypatch):
    """The CLI writes to the lake alone; the sensor's process finds what that owes."""
    monkeypatch.setattr(ingest_module, "SWEEP_EVERY_SECONDS", 0.0)
    broker.publish([outgoing(rule(10, 20)), outgoing(level(100)), outgoing(low())])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")

    issue(
        open_engine(), [{"command": "escalate", "alert_id": alert_id, "reason": "r", "issued_by": "dana"}],
        now=at("09:00"),
    )  # fmt: skip
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [m.attributes["notification"] for m in broker.published if m.topic == Topic.ALERTS]
    assert told == ["1", "2"]


def test_a_command_between_two_bursts_is_told_with_the_second(open_engine, broker, monkeypatch):
    monkeypatch.setattr(ingest_module, "SWEEP_EVERY_SECONDS", 1e9)
    broker.publish([outgoing(rule(10, 20)), outgoing(level(100)), outgoing(low())])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")
    issue(
        open_engine(), [{"command": "escalate", "alert_id": alert_id, "reason": "r", "issued_by": "dana"}],
        now=at("09:00"),
    )  # fmt: skip

    broker.publish([outgoing(level(2, sku="S2"))])
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [(m.attributes["alert_id"] == alert_id, m.attributes["notification"]) for m in broker.published
            if m.topic == Topic.ALERTS]  # fmt: skip
    assert sorted(told) == [(False, "1"), (True, "1"), (True, "2")]

"""What is owed is told at least once, under one id, and what was told is written down."""

import json

from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.outgoing.metrics import PAUSE_SECONDS
from inventory_assets.ingest.outgoing.outbox import Outbox
from inventory_assets.ingest.outgoing.owed import Notification, owed_alert, owed_on_alerts
from tests.builders import level, message, messages, outgoing, rule, transaction
from tests.domain.outbox.test_alerts import WIRE
from tests.facts import rows, value

DELIVERIES = (
    "SELECT subject_id, notification, channel, status, error IS NULL FROM out.deliveries ORDER BY version, status"
)

BODY = json.dumps(WIRE).encode()


def drain(ingest):
    return ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)


def told(broker, topic):
    return [m for m in broker.published if m.topic == topic]


def numbered(broker, topic=Topic.ALERTS):
    """Which alerts were sent, and the how many-th time it was."""
    return [(m.attributes["alert_id"], m.attributes["notification"]) for m in told(broker, topic)]


def test_a_topic_that_fails_delays_its_messages_and_holds_up_nothing(open_engine, broker):
    """Alerts stay owed, are tried again, and survive a restart; dead letters go out meanwhile."""
    broker.failing_topics.add(Topic.ALERTS)
    broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-100)), outgoing(b"broken")])
    first = open_engine()
    ingest = Ingest(first, broker, broker)

    summary = drain(ingest)

    assert summary.notified == 1
    assert broker.pending == broker.leased == 0
    alert_id = value(first.lake, "SELECT alert_id FROM out.alerts")
    # A message id is unique within its topic only.
    letter = value(first.lake, "SELECT topic || '/' || message_id FROM core.dead_letters")
    assert set(rows(first.lake, DELIVERIES)) == {
        (alert_id, 1, Topic.ALERTS, "failed", False),
        (alert_id, 1, Topic.LOW_STOCK, "sent", True),
        (letter, 0, Topic.DEAD_LETTERS, "sent", True),
    }
    assert ingest.outbox.owed_count == 1
    assert [m.data for m in told(broker, Topic.DEAD_LETTERS)] == [b"broken"]

    # A process that knows nothing of it finds the debt in the lake, and only the alert's.
    first.close()
    broker.failing_topics.clear()
    second = open_engine()
    drain(Ingest(second, broker, broker))
    drain(Ingest(second, broker, broker))

    assert numbered(broker) == numbered(broker, Topic.LOW_STOCK) == [(alert_id, "1")]
    assert len(told(broker, Topic.DEAD_LETTERS)) == 1
    body = value(second.lake, "SELECT body FROM out.alerts")
    assert told(broker, Topic.ALERTS)[0].data == body.encode()
    assert rows(second.lake, DELIVERIES)[-1] == (alert_id, 1, Topic.ALERTS, "sent", True)


def test_a_topic_that_recovers_is_told_by_the_same_process(open_engine, broker):
    broker.failing_topics |= {Topic.ALERTS, Topic.DEAD_LETTERS}
    broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-100)), outgoing(b"broken")])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    drain(ingest)
    broker.failing_topics.clear()

    drain(ingest)

    assert (len(told(broker, Topic.ALERTS)), len(told(broker, Topic.DEAD_LETTERS))) == (1, 1)
    assert ingest.outbox.owed_count == ingest.outbox.unrecorded_count == 0
    found = "SELECT channel, status, count(*) > 0 FROM out.deliveries GROUP BY ALL ORDER BY ALL"
    assert rows(engine.lake, found) == [
        (topic, status, True) for topic in (Topic.ALERTS, Topic.DEAD_LETTERS) for status in ("failed", "sent")
    ] + [(Topic.LOW_STOCK, "sent", True)]


def test_a_second_telling_of_an_alert_has_its_own_number_and_the_same_id(open_engine, broker):
    """The cooldown ends with the alert open: told again, once (RULES 28)."""
    times = ("08:00", "08:10", "08:20", "10:00")
    steps = (-60, 20, -20, -1)
    broker.publish([outgoing(rule(50, 50)), outgoing(level(100))])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    drain(ingest)
    for number, (at, step) in enumerate(zip(times, steps, strict=True)):
        type_ = "ORDER" if step < 0 else "RESTOCK"
        broker.publish([outgoing(transaction(f"T{number}", type_, step, at))])
        drain(ingest)

    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")
    assert numbered(broker) == numbered(broker, Topic.LOW_STOCK) == [(alert_id, "1"), (alert_id, "2")]
    assert value(engine.lake, "SELECT notification_count FROM out.alerts") == 2


def test_what_another_process_owes_is_told_by_the_running_one(open_engine, broker):
    """A rule set on the command line beside a sensor: the sensor's next tick tells what it set off."""
    sensor = Ingest(open_engine(), broker, broker)
    broker.publish([outgoing(level(30))])
    drain(sensor)
    other = open_engine()

    other.commit_burst(messages(rule(50, 100)))

    assert told(broker, Topic.ALERTS) == []
    drain(sensor)
    drain(sensor)
    assert len(told(broker, Topic.ALERTS)) == 1
    assert sensor.outbox.owed_count == sensor.outbox.unrecorded_count == 0


def kept(numbers):
    """Tellings of one alert, by their numbers."""
    return [owed_on_alerts(Notification("alt-1", number, b"{}", "LOW_STOCK", "W1", "S1")) for number in numbers]


def test_a_reload_owes_nothing_that_was_told_and_waits_to_be_recorded(broker):
    """The lake does not know yet: it still says that it is owed."""
    outbox = Outbox(broker)
    outbox.add(kept([1]))
    outbox.send()

    outbox.reload(kept([1, 2]))

    assert (1, 1) == (outbox.owed_count, outbox.unrecorded_count)
    outbox.send()
    assert ["1", "2"] == [m.attributes["notification"] for m in told(broker, Topic.ALERTS)]


def test_a_reload_owes_what_failed(broker):
    broker.failing_topics.add(Topic.ALERTS)
    outbox = Outbox(broker)
    outbox.add(kept([1]))
    outbox.send()

    outbox.reload(kept([1]))

    assert 1 == outbox.owed_count
    broker.failing_topics.clear()
    outbox.send()
    assert ["1"] == [m.attributes["notification"] for m in told(broker, Topic.ALERTS)]


def test_a_reload_owes_what_the_lake_says_and_nothing_else(broker):
    """Another process may have told it meanwhile."""
    outbox = Outbox(broker)
    outbox.add(kept([1]))

    outbox.reload(kept([2]))
    outbox.send()

    assert ["2"] == [m.attributes["notification"] for m in told(broker, Topic.ALERTS)]


def test_what_is_committed_as_the_past_is_recorded_as_told_then_and_told_to_nobody(open_engine, broker):
    """A history taken in at once would else ring every bell of its months."""
    engine = open_engine()
    with engine.past():
        engine.commit_burst([*messages(level(100), transaction("T1", quantity=-100)), message(b"broken")])

    assert engine.take_untold() == []
    drain(Ingest(engine, broker, broker))

    assert broker.published == []
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts WHERE state = 'firing'")
    moment = "SELECT subject_id, channel, status, attempted_at FROM out.deliveries ORDER BY channel"
    first, second, third = rows(engine.lake, moment)
    assert third == (alert_id, Topic.LOW_STOCK, "past", None)
    assert first == (alert_id, Topic.ALERTS, "past", None)
    assert second[1:] == (Topic.DEAD_LETTERS, "past", None)


def test_an_alert_of_the_past_is_told_when_it_is_due_again(open_engine, broker):
    """Open since the past, restocked, and out again after its cooldown: that is news."""
    engine = open_engine()
    with engine.past():
        engine.commit_burst(messages(rule(50, 50), level(100), transaction("T1", quantity=-60, at="08:00")))
    ingest = Ingest(engine, broker, broker)
    for number, (step, at) in enumerate([(20, "08:10"), (-20, "08:20"), (-1, "10:00")]):
        broker.publish([outgoing(transaction(f"N{number}", "RESTOCK" if step > 0 else "ORDER", step, at))])
        drain(ingest)

    assert [{"notification": "2"}] == [
        {"notification": m.attributes["notification"]} for m in told(broker, Topic.ALERTS)
    ]


def test_a_burst_of_the_past_that_is_not_committed_settles_nothing(open_engine, broker):
    """Its tellings are recorded with its rows: neither without the other."""
    first, second = open_engine(), open_engine()
    first.commit_burst(messages(level(100)))
    with first.past():
        first.commit_burst(messages(transaction("T1", quantity=-100)))
    second.commit_burst(messages(transaction("T2", quantity=-1)))

    versions = "SELECT DISTINCT version FROM {} WHERE version IS NOT NULL"
    assert rows(second.lake, versions.format("out.deliveries")) == [(2,)]
    assert rows(second.lake, "SELECT max(version) FROM out.alert_transitions WHERE transition = 'notified'") == [(2,)]


def test_a_topic_of_the_second_kind_that_fails_rests_and_holds_up_nothing(broker):
    """It may have been deleted: asked with each burst, it would cost more than the burst."""
    now = [0.0]
    outbox = Outbox(broker, lambda: now[0])
    broker.failing_topics.add(Topic.LOW_STOCK)
    outbox.add(owed_alert(Notification("alt-1", 1, BODY, "LOW_STOCK", "W1", "S1")))

    assert (1, 0, 0) == (outbox.send(), outbox.send(), outbox.send())
    assert (1, 2) == (outbox.owed_count, outbox.unrecorded_count)

    broker.failing_topics.clear()
    now[0] = PAUSE_SECONDS
    assert 1 == outbox.send()
    assert [("alt-1", "1")] == numbered(broker, Topic.LOW_STOCK)

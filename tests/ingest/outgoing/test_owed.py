"""What commits owe beside alerts-topic: each alert's second message, and what the plan asks for.

A crash between any two steps repeats it, byte for byte, and loses nothing.
"""

import json
from collections import Counter
from datetime import date

import pytest

from inventory_assets.control.issue import issue
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.outgoing.outbox import Outbox
from inventory_assets.ingest.outgoing.owed import (
    Notification,
    load_owed,
    load_reorders,
    owed_dead_letter,
    owed_incident,
    owed_on_alerts,
    owed_second,
)
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.messaging.topology import topic_spec
from tests.builders import CONTROL, command, level, messages, outgoing, rule, transaction
from tests.domain.histories import LATER
from tests.domain.outbox.test_alerts import WIRE
from tests.facts import differences, rows
from tests.fakes import Crash
from tests.messaging.memory import InMemoryBroker
from tests.replenish.shop import fill, plan, take

LINE = "pln-20220520-W1-S1"
SECOND = (Topic.LOW_STOCK, Topic.REORDERS)


def drain(engine, broker):
    """What `inventory drain` does, in one process."""
    return Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)


def sent(broker, *topics):
    """What left on some topics: topic, body, attributes, key."""
    return [
        (m.topic, m.data, tuple(sorted(m.attributes.items())), m.ordering_key)
        for m in broker.published
        if m.topic in topics
    ]


def events(broker):
    """What reorder-events carries: (type, SKU, units, reference)."""
    found = [json.loads(m.data) for m in broker.published if m.topic == Topic.REORDERS]
    return [(e["eventType"], e["sku"], e["quantityChange"], e["referenceId"]) for e in found]


def three_alerts(broker):
    """A shelf of each condition."""
    broker.publish([outgoing(rule(10, 20))])
    broker.publish([outgoing(level(units, sku=sku)) for sku, units in (("OUT", 0), ("LOW", 5), ("REORDER", 15))])


def test_each_alert_leaves_by_alerts_topic_and_by_one_more(open_engine, broker):
    three_alerts(broker)
    engine = open_engine()
    drain(engine, broker)

    ids = dict(rows(engine.lake, "SELECT sku, alert_id FROM out.alerts"))
    low = {m.attributes["alert_id"]: m for m in broker.published if m.topic == Topic.LOW_STOCK}
    assert {ids["OUT"], ids["LOW"]} == set(low)
    assert [("REORDER_TRIGGER", "REORDER", None, ids["REORDER"])] == [
        (kind, sku, None, reference) for kind, sku, _, reference in events(broker)
    ]
    found = low[ids["LOW"]]
    assert ("LOW", 5, 10) == tuple(json.loads(found.data)[name] for name in ("item_id", "current_stock", "threshold"))
    assert {"kind": "LOW_STOCK", "severity": "HIGH", "warehouse_id": "W1", "event_id": f"{ids['LOW']}/1"}.items() <= (
        found.attributes.items()
    )
    first = {m.attributes["event_id"] for m in broker.published if m.topic == Topic.ALERTS}
    assert {m.attributes["event_id"] for m in low.values()} < first


@pytest.mark.parametrize(
    "cue",
    [
        "after_publish",
        *(
            pytest.param(cue, marks=pytest.mark.big)
            for cue in ("before_publish", "before_acknowledge", "after_acknowledge")
        ),
    ],
)
def test_a_crash_between_two_steps_repeats_the_same_bytes_and_loses_nothing(open_engine, broker, cue):
    three_alerts(broker)
    broker.crash_on = cue
    with pytest.raises(Crash):
        drain(open_engine(), broker)

    broker.expire_leases()
    engine = open_engine()
    drain(engine, broker)
    drain(open_engine(), broker)

    times = Counter(sent(broker, *SECOND))
    assert 3 == len(times)
    # After the broker had them the lake did not know yet: they left twice, as the alerts did.
    assert {1 if cue == "before_publish" else 2} == set(times.values())
    assert 3 == len(set(sent(broker, Topic.ALERTS)))
    assert [(0,)] == rows(engine.lake, "SELECT count(*) FROM out.deliveries WHERE status <> 'sent'")


def test_a_topic_that_fails_from_the_beginning_is_owed_to_the_next_process(open_engine, broker):
    three_alerts(broker)
    broker.failing_topics |= set(SECOND)
    first = open_engine()
    drain(first, broker)
    assert [] == sent(broker, *SECOND)

    broker.failing_topics.clear()
    drain(open_engine(), broker)

    assert 3 == len(sent(broker, *SECOND))
    assert 3 == len(sent(broker, Topic.ALERTS))


def test_what_an_earlier_release_sent_is_no_news(open_engine, broker):
    """It knew alerts-topic alone. Years of alerts must not ring when it is updated."""
    engine = open_engine()
    engine.commit_burst(messages(rule(10, 20), level(0, sku="OLD")))
    [(alert_id,)] = rows(engine.lake, "SELECT alert_id FROM out.alerts")
    row = DELIVERIES.frame(subject_id=[alert_id], notification=[1], channel=[str(Topic.ALERTS)], status=["sent"])
    engine.commit_note(Stage.DELIVERIES, lambda transaction: transaction.append(DELIVERIES, row))
    assert [] == load_owed(engine.lake)

    broker.publish([outgoing(level(0, "2022-04-20T09:00:00Z", sku="NEW"))])
    drain(open_engine(), broker)

    assert [("NEW", 1)] == [(json.loads(body)["item_id"], 1) for _, body, _, _ in sent(broker, Topic.LOW_STOCK)]
    assert [] == load_owed(open_engine().lake)


def accept(line_id=LINE, name="accept", **more):
    """A decision as it comes on control-topic."""
    body = {"command": f"plan-{name}", "plan_line_id": line_id, "reason": "ordered", "issued_by": "ann",
            "timestamp": "2022-05-20T09:00:00Z", **more}  # fmt: skip
    return outgoing(body, topic=CONTROL)


def fill_and_plan(engine):
    """S1 at W1 is empty before an order of 84 can arrive; the other two shelves ask for nothing."""
    fill(engine)
    plan(engine)


@pytest.fixture
def planned(open_filled):
    return open_filled(fill_and_plan)


def test_a_plan_recommends_each_line_that_cannot_wait_once(planned, broker):
    drain(planned, broker)
    assert [("REORDER_RECOMMENDATION", "S1", 84, LINE)] == [e for e in events(broker) if e[0] != "REORDER_TRIGGER"]

    # The line has another number now, and is the same line.
    take(planned, transaction("T9", quantity=-5, at="2022-05-20T09:00:00Z"))
    plan(planned)
    drain(planned, broker)

    assert 1 == sum(kind == "REORDER_RECOMMENDATION" for kind, *_ in events(broker))
    assert [] == load_owed(planned.lake)
    assert [] == differences(planned)


def test_a_plan_leaves_with_who_made_it(open_filled, broker):
    """A run of Dagster has a process of its own, and no burst loop."""
    engine = open_filled(fill)
    engine.take_untold()
    [commit] = plan(engine)

    assert commit.owes_reorders
    assert [commit] == engine.take_untold()
    assert [LINE] == [owed.subject_id for version, owed in load_reorders(engine.lake) if version == commit.version]


@pytest.mark.parametrize("cue", [pytest.param("before_publish", marks=pytest.mark.big), "after_publish"])
def test_a_recommendation_repeats_after_a_crash_as_it_was_though_the_plan_has_moved_on(
    planned, open_engine, broker, cue
):
    broker.crash_on = cue
    with pytest.raises(Crash):
        drain(planned, broker)
    take(planned, transaction("T9", quantity=-5, at="2022-05-20T09:00:00Z"))
    plan(planned)

    drain(open_engine(), broker)

    found = [each for each in sent(broker, Topic.REORDERS) if b"RECOMMENDATION" in each[1]]
    assert (2 if cue == "after_publish" else 1, 1) == (len(found), len(set(found)))
    assert 84 == json.loads(found[0][1])["quantityChange"]


def test_what_somebody_decides_is_sent_once_and_what_is_refused_is_not(planned, broker):
    drain(planned, broker)
    broker.published.clear()
    broker.publish([accept(quantity=60), accept(quantity=60), accept("pln-20220520-W9-S9")])
    drain(planned, broker)
    assert [("PURCHASE_ORDER", "S1", 60, LINE)] == events(broker)

    broker.publish([accept(name="dismiss", timestamp="2022-05-20T10:00:00Z")])
    broker.publish([accept(name="snooze", minutes=600, timestamp="2022-05-20T11:00:00Z")])
    drain(planned, broker)

    assert ("REORDER_CANCELLED", "S1", 0, LINE) == events(broker)[-1]
    assert 2 == len(events(broker))
    assert [] == load_owed(planned.lake)


def test_an_order_leaves_with_the_burst_that_took_it_also_beside_another_loop(planned, open_engine, broker):
    """Both tell what they commit, for hours: neither can read all that is owed."""
    drain(planned, broker)
    broker.published.clear()
    beside = open_engine()
    beside.telling.share()
    broker.publish([accept(quantity=60)])

    drain(planned, broker)

    assert [("PURCHASE_ORDER", "S1", 60, LINE)] == events(broker)
    Ingest(beside, InMemoryBroker(), broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    drain(open_engine(), broker)
    assert 1 == len(events(broker))
    assert [] == load_owed(planned.lake)


@pytest.mark.big
def test_an_order_accepted_by_another_process_is_sent_and_says_what_was_accepted(planned, open_engine, broker):
    """At the terminal, beside the loop; of a line whose plan is gone when it leaves."""
    drain(planned, broker)
    broker.published.clear()
    body = {"command": "plan-accept", "plan_line_id": LINE, "reason": "ordered", "issued_by": "ann"}
    issue(planned, [body], now=to_microseconds(LATER))
    take(planned, transaction("T9", quantity=-5, at="2022-05-20T09:00:00Z"))
    plan(planned)

    drain(open_engine(), broker)

    assert ("PURCHASE_ORDER", "S1", 84, LINE) in events(broker)


def test_nothing_of_the_past_is_owed(open_filled, broker):
    engine = open_filled(fill)
    with engine.past():
        plan(engine)
        take(engine, command("plan-accept", plan_line_id=LINE, timestamp="2022-05-20T09:00:00Z"))

    assert [] == load_reorders(engine.lake)
    drain(engine, broker)
    assert [] == [each for each in events(broker) if each[0] != "REORDER_TRIGGER"]


def test_a_plan_of_an_earlier_day_than_the_newest_recommends_nothing(planned, broker):
    """Somebody looks at what a plan of last week would have said."""
    drain(planned, broker)
    broker.published.clear()

    plan(planned, day=date(2022, 5, 19))
    drain(planned, broker)

    assert [] == [each for each in events(broker) if each[0] == "REORDER_RECOMMENDATION"]


def test_an_alert_too_long_for_its_topic_is_shortened_and_says_so():
    most = topic_spec(Topic.LOW_STOCK).max_message_bytes
    long = WIRE | {"lineage": WIRE["lineage"] | {"event_ids": [f"transaction:W1:{n:09d}" for n in range(100_000)]}}
    told = Notification("alt-1", 1, json.dumps(long).encode(), "LOW_STOCK", "W1", "S1")

    for owed in (owed_on_alerts(told), owed_second(told)):
        body = json.loads(owed.message.data)
        assert len(owed.message.data) <= most
        assert (True, "true") == (body["truncated"], owed.message.attributes["truncated"])
        assert ("e1", 20) == (body["lineage"]["opening_event_id"], body["threshold"])
    assert owed_second(told) == owed_second(told)


def test_an_incident_of_more_shelves_than_a_message_holds_is_shortened():
    owed = owed_incident(
        "inc-1", 1, {"kind": "k", "members": [{"warehouse_id": "W1", "sku": f"S{n}"} for n in range(60_000)]}
    )

    assert len(owed.message.data) <= topic_spec(Topic.STATUS).max_message_bytes
    assert json.loads(owed.message.data)["truncated"] is True


def test_a_dead_letter_too_long_keeps_its_beginning():
    owed = owed_dead_letter("1", "inventory-topic", "too_large", "d", b"x" * 10_000_001)

    assert (10_000_000, "true", "10000001") == (
        len(owed.message.data), owed.message.attributes["truncated"], owed.message.attributes["truncated_from_bytes"],
    )  # fmt: skip


def test_two_loads_of_the_same_debt_send_it_once(open_engine, broker):
    """The lake says that it is owed until the attempt is written."""
    engine = open_engine()
    engine.commit_burst(messages(rule(10, 20), level(0)))
    outbox = Outbox(broker)
    outbox.reload(load_owed(engine.lake))
    outbox.send()
    outbox.reload(load_owed(engine.lake))
    outbox.send()

    assert 1 == len(sent(broker, Topic.LOW_STOCK)) == len(sent(broker, Topic.ALERTS))

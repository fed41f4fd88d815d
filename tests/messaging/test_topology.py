"""The manifest, and applying it.

Belongs here: names and policies other programs rely on; idempotence. Does not
belong: what the policies do at a broker (`test_contract`).
"""

import re
import threading
from dataclasses import replace

import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.envelope import attributes_of
from inventory_assets.messaging.errors import BrokerUnavailableError, TopologyError
from inventory_assets.messaging.topology import (
    ChangeAction,
    TopicRole,
    Topology,
    TopologyChange,
    load_topology,
    topic_spec,
)
from inventory_assets.messaging.topology_apply import apply_topology

OPTIONAL = {
    "alerts-critical", "low-stock-critical", "low-stock-one-warehouse", "purchase-orders",
    "analytics-events-subscription",
}  # fmt: skip


def test_the_manifest_names_what_others_rely_on():
    topology = load_topology()

    outputs = tuple(each.name for each in topology.topics if each.role is TopicRole.OUTPUT)
    assert {*topology.input_topics, *outputs} == set(Topic)
    assert topology.input_topics == (
        "inventory-transactions-topic",
        "inventory-updates-topic",
        "thresholds-topic",
        "control-topic",
        "inventory-topic",
        "inventory-events",
    )
    assert outputs == (
        "alerts-topic",
        "status-topic",
        "dead-letter-topic",
        "low-stock-alerts",
        "reorder-events",
        "analytics-events",
    )
    assert topology.input_subscriptions == (
        "inventory-transactions-subscription",
        "inventory-updates-subscription",
        "thresholds-subscription",
        "control-subscription",
        "inventory-sub",
        "inventory-events-subscription",
    )
    assert {each.name for each in topology.subscriptions} - set(topology.input_subscriptions) == {
        "alerts-subscription",
        "status-subscription",
        "dead-letter-subscription",
        "low-stock-consumer",
        "reorder-events-subscription",
    } | OPTIONAL


def test_what_is_optional_is_of_what_leaves_and_by_attributes_that_it_has():
    """What nobody reads piles up, so a start makes none of them."""
    topology = load_topology()
    optional = {each.name: each for each in topology.subscriptions if each.is_optional}

    assert set(optional) == OPTIONAL
    assert not {each.topic for each in optional.values()} & set(topology.input_topics)
    named = {name for each in optional.values() for name in re.findall(r"attributes\.(\w+)", each.filter)}
    assert named == {"kind", "severity", "warehouse_id"}
    attributes = attributes_of(schema="a/1", kind="k", severity="s", warehouse_id="w", event_id="e")
    assert named <= set(attributes)


def test_each_topic_says_its_limits_and_where_what_cannot_be_delivered_goes():
    topics = load_topology().topics

    assert {topic.dead_letter_topic for topic in topics if topic.role is TopicRole.INPUT} == {"dead-letter-topic"}
    # What is off there, and why, docs/adr/0027 says.
    assert {topic.dead_letter_topic for topic in topics if topic.role is TopicRole.OUTPUT} == {""}
    assert {topic.name: topic.max_messages_per_second for topic in topics if topic.max_messages_per_second} == {
        "analytics-events": 100
    }
    assert topic_spec("analytics-events").max_messages_per_second == 100


def test_inputs_have_a_minute_and_a_dead_letter_topic():
    topology = load_topology()
    inputs = [each for each in topology.subscriptions if each.name in topology.input_subscriptions]

    assert {each.ack_deadline_seconds for each in inputs} == {60}
    assert {each.dead_letter.topic for each in inputs if each.dead_letter} == {"dead-letter-topic"}
    assert not any(each.exactly_once for each in topology.subscriptions)


def test_retention_is_that_of_the_architecture():
    days = {topic.name: topic.retention_days for topic in load_topology().topics}

    assert {name for name, kept in days.items() if kept != 7} == {
        "control-topic",
        "status-topic",
        "dead-letter-topic",
        # Not of the architecture: a day's figures are replaced by the next day's.
        "analytics-events",
    }
    assert (days["control-topic"], days["dead-letter-topic"], days["analytics-events"]) == (3, 14, 0)


def test_a_topic_that_kept_messages_and_is_to_no_more_is_updated(ours):
    apply_topology(ours.project, emulator_host=ours.host)
    topology = load_topology()
    wanted = replace(
        topology,
        topics=tuple(replace(each, retention_days=2 if each.name == "analytics-events" else each.retention_days)
                     for each in topology.topics),
    )  # fmt: skip
    apply_topology(ours.project, topology=wanted, emulator_host=ours.host)

    [change] = apply_topology(ours.project, emulator_host=ours.host)

    assert (ChangeAction.UPDATED, "analytics-events") == (change.action, change.name)
    assert apply_topology(ours.project, emulator_host=ours.host) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[defaults]", "incomplete"),
        (
            '[defaults]\n[[topics]]\nname="a"\nrole="input"\nretention_days=7\n'
            'max_message_bytes=1\npurpose=""\n[[subscriptions]]\nname="s"\ntopic="b"\n'
            'ack_deadline_seconds=60\nretention_days=7\nordering=false\nfilter=""\n'
            "exactly_once=false",
            "'b'",
        ),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_refused(text, expected):
    with pytest.raises(TopologyError, match=expected):
        load_topology(text)


def test_applying_creates_everything_once(broker):
    topology = load_topology()
    first = apply_topology(broker.project, emulator_host=broker.host)
    second = apply_topology(broker.project, emulator_host=broker.host)

    assert {each.action for each in first} == {ChangeAction.CREATED}
    assert len(first) == len(topology.topics) + len(topology.subscriptions) - len(OPTIONAL)
    assert second == []


def _changed(topology: Topology, name: str, **changes) -> Topology:
    return replace(
        topology,
        subscriptions=tuple(replace(each, **changes) if each.name == name else each for each in topology.subscriptions),
    )


def test_applying_updates_what_differs(ours):
    apply_topology(ours.project, emulator_host=ours.host)
    wanted = _changed(load_topology(), "control-subscription", ack_deadline_seconds=30)
    changes = apply_topology(ours.project, topology=wanted, emulator_host=ours.host)

    assert changes == [
        TopologyChange(ChangeAction.UPDATED, "subscription", "control-subscription", "ack_deadline_seconds")
    ]
    assert apply_topology(ours.project, topology=wanted, emulator_host=ours.host) == []


def test_what_cannot_be_changed_in_place_is_reported(ours):
    apply_topology(ours.project, emulator_host=ours.host)
    wanted = _changed(load_topology(), "control-subscription", ordering=True)
    [change] = apply_topology(ours.project, topology=wanted, emulator_host=ours.host)

    assert (change.action, change.name) == (ChangeAction.CONFLICT, "control-subscription")
    assert "enable_message_ordering" in change.detail


def test_another_filter_is_refused_with_the_way_before_anything_is_changed(ours):
    """Pub/Sub ignores it in an update: what looks applied would filter as before."""
    apply_topology(ours.project, emulator_host=ours.host)
    # Both differ; the one that could be changed comes first.
    wanted = _changed(load_topology(), "thresholds-subscription", ack_deadline_seconds=30)
    wanted = _changed(wanted, "low-stock-consumer", filter='attributes.severity = "HIGH"')

    with pytest.raises(TopologyError, match=r"'low-stock-consumer'.*nothing was changed.*second subscription.*delete"):
        apply_topology(ours.project, topology=wanted, emulator_host=ours.host)

    found = [change.name for change in apply_topology(ours.project, emulator_host=ours.host)]
    assert found == []


def test_a_start_leaves_a_filter_that_somebody_chose_as_it_is(ours):
    apply_topology(ours.project, emulator_host=ours.host)
    wanted = _changed(load_topology(), "low-stock-consumer", filter='attributes.severity = "HIGH"')

    [change] = apply_topology(ours.project, topology=wanted, emulator_host=ours.host, keeps_filters=True)

    assert (ChangeAction.CONFLICT, "filter: fixed at creation") == (change.action, change.detail.partition(";")[0])


def test_an_optional_subscription_is_made_where_it_is_asked_for(ours):
    apply_topology(ours.project, emulator_host=ours.host)

    [change] = apply_topology(ours.project, optional=["low-stock-critical"], emulator_host=ours.host)

    assert (ChangeAction.CREATED, "low-stock-critical") == (change.action, change.name)
    assert apply_topology(ours.project, emulator_host=ours.host) == []


def test_a_name_that_is_no_subscription_is_refused_with_those_that_are(ours):
    with pytest.raises(TopologyError, match=r"'low-stock'.*expected some of .*low-stock-critical"):
        apply_topology(ours.project, optional=["low-stock"], emulator_host=ours.host)


def test_two_processes_may_apply_at_the_same_time(ours):
    errors: list[BaseException] = []
    changes: list[TopologyChange] = []

    def apply() -> None:
        try:
            changes.extend(apply_topology(ours.project, emulator_host=ours.host))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=apply) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    created = [each.name for each in changes]
    assert sorted(created) == sorted(set(created))


def test_no_broker_is_a_clear_error():
    with pytest.raises(BrokerUnavailableError, match="does not answer.*inventory emulator"):
        apply_topology("project", emulator_host="127.0.0.1:1")

"""The manifest, and applying it.

Belongs here: names and policies other programs rely on; idempotence. Does not
belong: what the policies do at a broker (`test_contract`).
"""

import threading
from dataclasses import replace

import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.messaging.errors import BrokerUnavailableError, TopologyError
from inventory_assets.messaging.topology import (
    ChangeAction,
    TopicRole,
    Topology,
    TopologyChange,
    load_topology,
)
from inventory_assets.messaging.topology_apply import apply_topology


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
    }


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
    }
    assert (days["control-topic"], days["dead-letter-topic"]) == (3, 14)


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
    assert len(first) == len(topology.topics) + len(topology.subscriptions)
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
    wanted = _changed(load_topology(), "control-subscription", filter="attributes:x")
    [change] = apply_topology(ours.project, topology=wanted, emulator_host=ours.host)

    assert (change.action, change.name) == (ChangeAction.CONFLICT, "control-subscription")
    assert "filter" in change.detail


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

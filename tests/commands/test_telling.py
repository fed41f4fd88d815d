"""A command that opens alerts publishes them, or says in a line who will."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from inventory_assets.commands import telling
from inventory_assets.domain.events.topics import Topic
from inventory_assets.settings import Settings
from inventory_assets.wiring import reach_publisher
from tests.builders import level, messages, rule, transaction
from tests.messaging.memory import InMemoryBroker


@pytest.mark.parametrize("is_there", [True, False])
def test_velocity_that_opens_an_alert_publishes_it(run, open_engine, monkeypatch, is_there):
    engine = open_engine()
    engine.commit_burst(messages(rule(0, 0, min_threshold_days=8), level(100), transaction("T1", quantity=-80)))
    engine.close()
    broker = InMemoryBroker()
    monkeypatch.setattr(telling, "reach_publisher", lambda settings: nullcontext(broker) if is_there else None)

    ran = run("velocity", "--as-of", "2022-04-21")

    assert 0 == ran.code
    assert is_there == any(message.topic == Topic.ALERTS for message in broker.published)
    assert is_there != ("2 messages are owed" in ran.err)


def test_a_broker_that_does_not_listen_is_not_waited_for(home):
    """A command that has done its work must not hang for the publisher's deadline."""
    assert reach_publisher(replace(Settings(home=home), emulator_host="127.0.0.1:1")) is None

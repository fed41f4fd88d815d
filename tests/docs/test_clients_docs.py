"""The clients of `docs/clients.md` run as they stand, and what they publish is taken in."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.events.tail import look_at
from inventory_assets.domain.values import to_microseconds
from inventory_assets.messaging.envelopes import decode_protobuf
from inventory_assets.messaging.tail import tail_of
from inventory_assets.messaging.topology_apply import apply_topology
from tests.docs.markdown import ROOT, blocks
from tests.messaging.brokers import eventually, our_emulator

CLIENTS = [block for block in blocks(ROOT / "docs" / "clients.md") if block.language == "python"]
SETTINGS = ParseSettings(decode_protobuf=decode_protobuf)


@pytest.fixture
def project(monkeypatch):
    with our_emulator() as host:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project := f"p{uuid.uuid4().hex[:8]}")
        apply_topology(project)
        yield project


def test_clients_run_as_they_stand_and_what_they_publish_is_taken_in(project, capsys):
    """Each block alone, in the order of the page: the last one receives what the first published."""
    for block in CLIENTS:
        exec(compile(block.code, block.place, "exec"), {"__name__": block.place})

    assert "('/shop', '7f30')" in capsys.readouterr().out
    assert ["adjustment", "adjustment", "cloudevents"] == sorted(passed(project))


def passed(project: str) -> list[str]:
    """The envelopes of what was published, none of it wrong."""
    found = []
    for topic, count in (("inventory-topic", 2), ("inventory-events", 1)):
        with tail_of(project, topic, since=datetime.now(UTC) - timedelta(hours=1)) as tail:
            messages = []
            eventually(lambda tail=tail, count=count, into=messages: into.extend(tail.next(0.2)) or len(into) >= count)
        for each in messages:
            at = to_microseconds(each.publish_time)
            seen = look_at(each.topic, each.data, each.attributes, at, SETTINGS)
            assert "" == seen.problem
            found.append(seen.envelope)
    return found

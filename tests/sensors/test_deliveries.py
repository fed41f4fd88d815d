"""The delivery sensor: starts delivery, takes up a changed policy, and never fails a tick."""

import dagster as dg
import psutil
import pytest

from inventory_assets.ingest.ingest import Ingest
from inventory_assets.session import SESSIONS
from resources import InventoryResource
from sensors.deliveries import delivery_sensor
from tests.builders import level, outgoing, transaction
from tests.conftest import copy_home
from tests.facts import engine_of, value
from tests.messaging.brokers import eventually
from tests.messaging.memory import InMemoryBroker

POLICY = '[channels.{name}]\nkind = "console"\n[[routes]]\nchannels = ["{name}"]\n'


@pytest.fixture
def inventory(tmp_path, empty_home, monkeypatch):
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    copy_home(empty_home, tmp_path)
    resource = InventoryResource(home=str(tmp_path))
    broker = InMemoryBroker()
    resource.session().use(Ingest(engine_of(resource), broker, broker))
    broker.publish([outgoing(level(100, min_threshold=50)), outgoing(transaction("T1", quantity=-60))])
    yield resource
    SESSIONS.close()


def delivering() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "inventory_assets.commands.run.notifier" in each.cmdline()]


@pytest.fixture
def tick(inventory, instance):
    def tick_() -> str:
        found = delivery_sensor(dg.build_sensor_context(instance=instance))
        assert isinstance(found, dg.SkipReason)
        return found.skip_message or ""

    return tick_


@pytest.mark.big
def test_ticks_alone_deliver_where_no_burst_comes(inventory, tmp_path, tick):
    with inventory.session().ingest() as ingest:
        ingest.run(max_seconds=60, wait_seconds=0.2, until_empty=True)
    assert "no alerting policy" in tick()
    (tmp_path / "alerting.toml").write_text(POLICY.format(name="screen"))

    eventually(lambda: "screen: 1 sent" in tick(), every=0.2)

    assert 1 == value(engine_of(inventory).lake, "SELECT count(*) FROM out.notifications")


@pytest.mark.big
def test_a_policy_with_problems_is_said_and_the_earlier_one_stays_at_work(inventory, tmp_path, tick):
    path = tmp_path / "alerting.toml"
    path.write_text(POLICY.format(name="first"))
    eventually(lambda: "first: " in tick(), every=0.2)
    path.write_text("[[routes]]\nchannels = ['nobody']")

    said = tick()

    assert "no channel 'nobody'" in said
    path.write_text(POLICY.format(name="second"))
    eventually(lambda: "second: " in tick(), every=0.2)


@pytest.mark.big
def test_a_delivery_that_was_killed_is_started_again_and_tells_what_is_owed(inventory, tmp_path, tick):
    (tmp_path / "alerting.toml").write_text(POLICY.format(name="screen"))
    eventually(lambda: "screen: " in tick(), every=0.2)

    for process in delivering():
        process.kill()
        process.wait()
    with inventory.session().ingest() as ingest:
        ingest.run(max_seconds=60, wait_seconds=0.2, until_empty=True)
    eventually(lambda: "screen: 1 sent" in tick(), every=0.2)

    assert 1 == len(delivering())
    inventory.session().stop_delivering()
    assert [] == delivering()


def test_why_a_channel_cannot_be_set_up_is_said_by_the_tick(inventory, tmp_path, tick):
    text = '[channels.hook]\nkind = "webhook"\nurl = "http://127.0.0.1:9/"\nsecret_env = "NOT_SET"\n[[routes]]\nchannels = ["hook"]\n'
    (tmp_path / "alerting.toml").write_text(text)

    eventually(lambda: "NOT_SET" in tick(), every=0.2)

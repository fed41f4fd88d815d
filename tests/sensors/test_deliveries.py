"""The delivery sensor: starts delivery, takes up a changed policy, and never fails a tick."""

import dagster as dg
import pytest

from inventory_assets.messaging.memory import InMemoryBroker
from inventory_assets.stages.ingest import Ingest
from resources import InventoryResource
from sensors.deliveries import delivery_sensor
from tests.builders import level, outgoing, transaction
from tests.facts import value
from tests.messaging.brokers import eventually

POLICY = '[channels.{name}]\nkind = "console"\n[[routes]]\nchannels = ["{name}"]\n'


@pytest.fixture
def inventory(tmp_path):
    resource = InventoryResource(home=str(tmp_path))
    process = resource.process()
    broker = InMemoryBroker()
    process.use(Ingest(process.engine, broker, broker))
    broker.publish([outgoing(level(100, min_threshold=50)), outgoing(transaction("T1", quantity=-60))])
    yield resource
    process.stop_delivering()
    process.engine.close()


def tick(inventory) -> str:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"inventory": inventory})
        found = delivery_sensor(context)
    assert isinstance(found, dg.SkipReason)
    return found.skip_message or ""


@pytest.mark.slow
def test_ticks_alone_deliver_where_no_burst_comes(inventory, tmp_path):
    process = inventory.process()
    process.ingest().run(max_seconds=60, wait_seconds=0.2, until_empty=True)
    assert "no alerting policy" in tick(inventory)
    (tmp_path / "alerting.toml").write_text(POLICY.format(name="screen"))

    eventually(lambda: "screen: 1 sent" in tick(inventory), every=0.2)

    assert 1 == value(process.engine.lake, "SELECT count(*) FROM out.notifications")


@pytest.mark.slow
def test_a_policy_with_problems_is_said_and_the_earlier_one_stays_at_work(inventory, tmp_path):
    path = tmp_path / "alerting.toml"
    path.write_text(POLICY.format(name="first"))
    assert "first: " in tick(inventory)
    path.write_text("[[routes]]\nchannels = ['nobody']")

    said = tick(inventory)

    assert "no channel 'nobody'" in said
    path.write_text(POLICY.format(name="second"))
    assert "second: " in tick(inventory)

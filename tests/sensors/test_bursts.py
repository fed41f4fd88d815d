"""The burst sensor: its ticks keep the loop going and say what became of it; bursts go on between them."""

import fcntl
import time

import dagster as dg
import pytest

from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.errors import BrokerUnavailableError
from inventory_assets.session import SESSIONS
from resources import InventoryResource
from sensors.bursts import burst_sensor
from sensors.deliveries import delivery_sensor
from sensors.report import ReportCursor
from tests.builders import level, outgoing, transaction
from tests.conftest import copy_home
from tests.facts import engine_of, value
from tests.messaging.brokers import eventually
from tests.messaging.memory import InMemoryBroker

# Reported just now, as far as the sensor knows: no tick builds a report.
REPORTED = ReportCursor(0, 4e9).dump()


class Broker(InMemoryBroker):
    """A broker that fails on cue."""

    error: Exception | None = None

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float):
        """Fail once, or wait for a burst."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return super().next_burst(max_messages=max_messages, max_bytes=max_bytes, wait_seconds=wait_seconds)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def inventory(tmp_path, empty_home, broker, monkeypatch):
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    copy_home(empty_home, tmp_path)
    resource = InventoryResource(home=str(tmp_path))
    resource.session().use(Ingest(engine_of(resource), broker, broker))
    yield resource
    SESSIONS.close()


@pytest.fixture
def tick(inventory, instance):
    def tick_(cursor: str | None = REPORTED) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        return burst_sensor(context)

    return tick_


def said(found: dg.SensorResult | dg.SkipReason) -> str:
    skipped = found if isinstance(found, dg.SkipReason) else found.skip_reason
    return skipped.skip_message or ""


def taken_in(inventory) -> int:
    with inventory.session().engine() as engine:
        return value(engine.lake, "SELECT count(*) FROM raw.messages")


def test_bursts_go_on_between_ticks_and_the_next_one_says_so(inventory, broker, tick):
    """What came between two ticks waited for the next one: half a second and more."""
    assert "no messages came" == said(tick())
    broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-1))])
    eventually(lambda: taken_in(inventory) == 2)

    first, second = said(tick()), said(tick())

    assert first.startswith("2 messages in 1 bursts: 2 applied") and "lake version" in first
    assert "no messages came" == second


def test_the_first_tick_of_all_waits_for_content_and_reports_it(inventory, broker, tick):
    """Whoever opens the UI for the first time should not look at empty assets."""
    broker.publish([outgoing(level(100))])

    found = tick(None)

    assert isinstance(found, dg.SensorResult)
    tables = {
        event.asset_key.to_user_string() for event in found.asset_events if isinstance(event, dg.AssetMaterialization)
    }
    assert {"raw/messages", "core/sku_state"} <= tables
    assert said(found).startswith("1 messages in 1 bursts")


def test_why_the_loop_ended_is_said_by_one_tick_which_starts_it_again(inventory, broker, tick):
    broker.error = BrokerUnavailableError(target="memory", reason="away, as the test asked")
    tick()
    loop = inventory.session().loop
    loop.wait(60)
    broker.publish([outgoing(level(100))])

    told, later = said(tick()), said(tick())

    assert "away, as the test asked" in told
    assert "away" not in later
    eventually(lambda: taken_in(inventory) == 1)


def test_what_nobody_expects_fails_one_tick_and_the_loop_is_back(inventory, broker, tick):
    """A fault of ours is to be seen as one in the UI, and bursts are to go on all the same."""
    broker.error = ZeroDivisionError("a fault of ours")
    tick()
    inventory.session().loop.wait(60)
    broker.publish([outgoing(level(100))])

    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        tick()

    eventually(lambda: taken_in(inventory) == 1)


def test_a_tick_beside_another_process_loop_names_it_and_takes_nothing_in(inventory, broker, tick):
    path = inventory.session().settings.home / "loop.lock"
    with path.open("w") as other:
        other.write("4711\n")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        broker.publish([outgoing(level(100))])

        found = said(tick())

        assert "process 4711" in found and str(path) in found and "stop one of them" in found
        assert (1, False) == (broker.pending, inventory.session().loop.is_running)
    assert "no messages came" in said(tick()) or inventory.session().loop.is_running
    eventually(lambda: taken_in(inventory) == 1)


def test_a_session_that_is_closed_leaves_no_loop_behind(inventory, broker, tick):
    tick()
    loop = inventory.session().loop
    assert loop.is_running

    SESSIONS.close()

    assert not loop.is_running


def test_a_waiting_user_of_the_engine_is_served_while_messages_keep_coming(inventory, broker, tick):
    """The delivery sensor waits a second at most, and the loop would never let it in."""
    tick()
    for n in range(5):
        broker.publish([outgoing(transaction(f"T{n}", quantity=-1))])
        with inventory.session().engine(wait_seconds=30) as engine:
            assert engine.lake.watermark().version >= 0
    eventually(lambda: taken_in(inventory) == 5)


def test_a_step_without_end_is_said(inventory, tick):
    """The tick itself no longer hangs with it."""
    loop = inventory.session().loop
    with inventory.session().engine():
        assert "one step" not in said(tick())
        until = time.monotonic() + 30
        while not inventory.session()._turn.is_wanted:  # its thread may begin late, on a busy machine
            assert time.monotonic() < until
            time.sleep(0.01)
        later = time.monotonic() + 90
        loop._clock = lambda: later

        found = said(tick())

    assert "at one step for 90 s" in found and "reload the code location" in found


def test_ticks_that_come_often_are_handed_no_resource():
    """Dagster opens its own storage to hand one over: 0.09 s of the interpreter that bursts run on."""
    assert (set(), set()) == (burst_sensor.required_resource_keys, delivery_sensor.required_resource_keys)

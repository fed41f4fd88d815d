"""The sensor of late events asks for runs of exactly the stale days, and does not forget one that failed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Event

import dagster as dg
import pytest

from inventory_assets.lake.files.partition_files import DAILY_STOCK, SNAPSHOT_TABLES, Manifest, PartitionFiles
from inventory_assets.session import SESSIONS
from inventory_assets.snapshots.build import build_partitions
from resources import InventoryResource
from sensors.stale_partitions import LOOKING, plan_runs, stale_partitions_sensor
from tests.builders import level, message, transaction
from tests.facts import engine_of
from tests.messaging.brokers import eventually
from tests.sensors.looking import look

NOW = datetime(2026, 3, 9, 10, 30, tzinfo=UTC)
DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(6)]
MANIFESTS = {day: Manifest("daily_stock", day, 5, 0, 10, 100, f"hash of {day}") for day in DAYS}


def plan(*days, manifests=MANIFESTS, now=NOW, why="late"):
    return plan_runs(DAILY_STOCK, dict.fromkeys(days, why), manifests, now=now)


def test_contiguous_days_are_one_run():
    assert [(DAYS[0], DAYS[2]), (DAYS[4], DAYS[4])] == [each[:2] for each in plan(*DAYS[:3], DAYS[4])]
    assert [] == plan()


def test_the_same_files_are_asked_for_once_an_hour():
    """A tick comes each minute, and the run may be waiting still."""
    (first,) = plan(DAYS[0])

    assert [first] == plan(DAYS[0], now=NOW + timedelta(minutes=20))
    assert [first] != plan(DAYS[0], now=NOW + timedelta(hours=1)), "a failed run would never be tried again"


@pytest.mark.parametrize(
    "changed", [{"lake_version": 6}, {"sha256": "another"}], ids=["made anew, same rows", "made anew, other rows"]
)
def test_a_day_that_is_stale_again_is_asked_for_again(changed):
    later = {**MANIFESTS, DAYS[0]: replace(MANIFESTS[DAYS[0]], **changed)}

    assert plan(DAYS[0])[0].run_key != plan(DAYS[0], manifests=later)[0].run_key


@pytest.fixture
def inventory(tmp_path):
    """Two keys, with files of five days."""
    resource = InventoryResource(home=str(tmp_path))
    engine = engine_of(resource)
    sent = [
        level(50, "2026-03-01T00:00:00Z"),
        level(50, "2026-03-01T00:00:00Z", sku="S2"),
        transaction("T1", at="2026-03-02T08:00:00Z"),
        level(30, "2026-03-04T00:00:00Z"),
    ]
    engine.commit_burst([message(each, published_at=NOW) for each in sent])
    for table in SNAPSHOT_TABLES:
        files = PartitionFiles(str(tmp_path / "snapshots"), table)
        list(build_partitions(engine.lake, files, DAYS[0], DAYS[4], today=NOW.date()))
    yield resource
    SESSIONS.close()


def tick(inventory):
    """What a tick asks for: (asset, first day, last day, only what changed)."""
    result = look(inventory)
    requests = result.run_requests if isinstance(result, dg.SensorResult) else []
    return [
        (
            request.asset_selection[0].to_user_string(),
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
            *(op["config"]["only_changed"] for op in request.run_config["ops"].values()),
        )
        for request in requests or []
    ]


def test_nothing_is_asked_for_where_nothing_came_late(inventory):
    assert [] == tick(inventory)


def test_late_events_have_the_days_they_reach_made_anew_and_no_others(inventory):
    late = transaction("LATE", at="2026-03-02T09:00:00Z")
    engine_of(inventory).commit_burst([message(late, published_at=NOW)])

    # Up to the level of the fourth; the hours, of that day alone.
    expected = [
        ("snapshots/daily_stock", "2026-03-02", "2026-03-03", True),
        ("snapshots/hourly_transactions", "2026-03-02", "2026-03-02", True),
    ]
    assert expected == tick(inventory)
    assert expected == tick(inventory), "until they are made, they are asked for"


def test_a_tick_says_what_waits_for_its_run(inventory, instance):
    """Dagster starts a run key once: the ticks after that were skipped without a word."""
    late = transaction("LATE", at="2026-03-02T09:00:00Z")
    engine_of(inventory).commit_burst([message(late, published_at=NOW)])
    asked = look(inventory)

    def tick_later():
        context = dg.build_sensor_context(instance=instance, resources={"inventory": inventory}, cursor=asked.cursor)
        found = stale_partitions_sensor(context)
        return None if getattr(found, "skip_message", None) == LOOKING else found

    later = eventually(tick_later, every=0.05)

    assert 2 == len(asked.run_requests)
    assert not later.run_requests
    assert "2 runs asked for already" in later.skip_reason.skip_message
    assert "daily_stock: 2 of 5 days stale" in later.skip_reason.skip_message


def test_days_before_the_first_partition_are_left_to_people(inventory, monkeypatch):
    monkeypatch.setenv("INVENTORY_PARTITIONS_START_DATE", "2026-03-03")
    late = transaction("LATE", at="2026-03-02T09:00:00Z")
    engine_of(inventory).commit_burst([message(late, published_at=NOW)])

    assert [("snapshots/daily_stock", "2026-03-03", "2026-03-03", True)] == tick(inventory)


def test_a_tick_without_a_lake_says_so(tmp_path):
    assert "no lake" in look(InventoryResource(home=str(tmp_path / "nowhere"))).skip_message


def test_a_tick_waits_for_no_look(inventory):
    """Sensors take turns: bursts would wait as well."""
    gate = Event()
    inventory.session().late.begin(lambda: gate.wait(60))

    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"inventory": inventory})
        assert LOOKING == stale_partitions_sensor(context).skip_message

    gate.set()

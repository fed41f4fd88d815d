"""Days of Dagster: reckoned by the machine's clock, and lists that follow the trade where it has its own."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from inventory_assets.clock import clock_of, set_clock
from inventory_assets.definitions import build_defs
from inventory_assets.demo.retailer import retailer_path
from inventory_assets.partitions import complete_days, complete_weeks, daily_partitions, reach, reach_reported
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from sensors.trade_days import trade_days_sensor
from tests.builders import level, message

# A Tuesday; and a Wednesday two weeks later.
FIRST, TODAY = date(2026, 3, 3), datetime(2026, 3, 18, 9, tzinfo=UTC)
DAYS = [f"2026-03-{day:02d}" for day in range(3, 19)]


@pytest.fixture
def demo(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_PARTITIONS_START_DATE", str(FIRST))
    settings = Settings(home=tmp_path, partitions_start_date=FIRST)
    set_clock(settings, shown=TODAY, speed=144)
    return settings


def lengthen(instance: dg.DagsterInstance, requests) -> None:
    for request in requests:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))


def keys(instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition) -> list[str]:
    return list(partitions.get_partition_keys(dynamic_partitions_store=instance))


def test_in_a_demo_they_end_with_the_trades_today_and_go_on_with_it(demo):
    """Reckoned by the machine's clock, 150 days to come show as missing."""
    with dg.DagsterInstance.ephemeral() as instance:
        first = trade_days_sensor(dg.build_sensor_context(instance=instance))
        lengthen(instance, first.dynamic_partitions_requests)
        found = [keys(instance, each(demo)) for each in (daily_partitions, complete_days, complete_weeks)]
        again = trade_days_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        set_clock(demo, shown=TODAY.replace(day=23), speed=144)
        later = trade_days_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        lengthen(instance, later.dynamic_partitions_requests)
        weeks = keys(instance, complete_weeks(demo))
        last = keys(instance, complete_days(demo))[-1]

    assert [DAYS, DAYS[:-1], ["2026-03-09"]] == found
    assert [] == again.dynamic_partitions_requests
    assert (["2026-03-09", "2026-03-16"], "2026-03-22") == (weeks, last)


def test_they_go_on_when_the_demo_has_caught_up(demo):
    """At the machine's pace the schedules ask for runs, of days that must be there."""
    set_clock(demo, shown=datetime.now(UTC), speed=144)
    result = trade_days_sensor(dg.build_sensor_context())

    assert not result.run_requests
    assert str(clock_of(demo).today()) == result.dynamic_partitions_requests[0].partition_keys[-1]


def test_a_day_that_is_told_of_is_in_its_list_first(demo):
    """Dagster passes over what is told of a day that it does not know, and never looks again."""
    [request] = reach_reported(demo, ["2026-03-05", "2026-03-04"])

    assert DAYS[:3] == list(request.partition_keys)
    assert [] == reach_reported(demo, [])


def test_elsewhere_they_are_reckoned(tmp_path):
    settings = Settings(home=tmp_path, partitions_start_date=FIRST)
    today = clock_of(settings).today()

    assert isinstance(daily_partitions(settings), dg.DailyPartitionsDefinition)
    assert ([], []) == (reach(settings, today), reach_reported(settings, ["2026-03-05"]))
    # Whose past is being built has no clock of its own yet, and Dagster loads what there is once.
    retailer_path(settings).touch()
    assert isinstance(daily_partitions(settings), dg.DynamicPartitionsDefinition)


def test_dagster_makes_a_range_of_listed_days(filled, demo):
    """As a schedule, a backfill or the sensor of late events asks for it."""
    filled(lambda engine: engine.commit_burst([message(level(5), published_at=TODAY)]), demo.home)
    key = dg.AssetKey(["snapshots", "daily_stock"])
    inventory = InventoryResource(home=str(demo.home))
    defs = build_defs(demo, resource_overrides={"inventory": inventory})
    with dg.DagsterInstance.ephemeral() as instance:
        lengthen(instance, reach(demo, TODAY.date()))
        tags = {"dagster/asset_partition_range_start": DAYS[1], "dagster/asset_partition_range_end": DAYS[3]}
        result = defs.resolve_implicit_job_def_def_for_assets([key]).execute_in_process(
            instance=instance, tags=tags, asset_selection=[key], resources={"inventory": inventory}
        )
        made = {record.partition_key for record in instance.fetch_materializations(key, limit=10).records}
    SESSIONS.close()

    assert result.success
    assert set(DAYS[1:4]) <= made

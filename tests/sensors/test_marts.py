"""When the marts are built: once for each day, after its snapshots, whatever the clock says."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from inventory_assets.assets.marts import marts_build_job
from inventory_assets.clock import clock_of, set_clock
from inventory_assets.definitions import build_defs
from inventory_assets.settings import Settings
from sensors import marts as sensor_module
from sensors.marts import decide, made_at

TODAY = date(2026, 4, 1)
AT = datetime(2026, 4, 1, 2, 5, tzinfo=UTC)


def test_both_snapshots_of_yesterday_ask_for_a_build():
    request = decide(TODAY, {"snapshots/daily_stock": AT, "snapshots/hourly_transactions": AT})

    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-03-31"


def test_a_missing_one_is_waited_for_by_name():
    skipped = decide(TODAY, {"snapshots/daily_stock": None, "snapshots/hourly_transactions": AT})

    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "snapshots/daily_stock: no partition of 2026-03-31 yet"


@pytest.mark.parametrize(("today", "is_made"), [(0, True), (1, False)])
def test_a_partition_counts_if_it_was_made_after_its_day_ended(today, is_made, tmp_path):
    """Hourly aggregates of a day that goes on are made while it does."""
    key, clock = dg.AssetKey(["snapshots", "hourly_transactions"]), clock_of(Settings(home=tmp_path))
    now = datetime.now(UTC).date()
    day = date.fromordinal(now.toordinal() + today)
    yesterday = date.fromordinal(day.toordinal() - 1).isoformat()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=yesterday))
        context = dg.build_sensor_context(instance=instance)

        assert (made_at(context, key, day, clock) is not None) == is_made
        assert made_at(context, dg.AssetKey(["snapshots", "daily_stock"]), day, clock) is None


@pytest.mark.parametrize(
    ("day", "yesterday", "is_made"), [(date(2026, 4, 1), "2026-03-31", True), (date(2026, 4, 2), "2026-04-01", False)]
)
def test_on_a_clock_of_its_own_it_is_that_clocks_day(day, yesterday, is_made, tmp_path):
    """Dagster dates what it records by the machine's, months after a demo's: a day is over when that clock says so."""
    settings, key = Settings(home=tmp_path), dg.AssetKey(["snapshots", "daily_stock"])
    shown = datetime(2026, 4, 1, 12, tzinfo=UTC)
    set_clock(settings, shown=shown, speed=144)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=yesterday))
        context = dg.build_sensor_context(instance=instance)

        assert (made_at(context, key, day, clock_of(settings)) is not None) == is_made


def test_the_sensor_looks_at_the_instance():
    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor_module.marts_after_snapshots(dg.build_sensor_context(instance=instance))

    assert isinstance(result, dg.SkipReason)


def test_the_job_builds_the_marts_and_nothing_else():
    job = build_defs(Settings()).resolve_job_def(marts_build_job.name)

    assert {key.path[0] for key in job.asset_layer.executable_asset_keys} == {"staging", "intermediate", "marts"}

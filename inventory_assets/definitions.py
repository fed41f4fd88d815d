"""Everything Dagster loads: assets, checks, sensors, jobs, schedules, part by part.

Nothing is opened here; see `resources` for what is built on first use.
"""

import dagster as dg

from inventory_assets.assets import derived, marts, quality, recompute, reports, snapshot_runs, snapshots, upkeep
from inventory_assets.assets.checks import build_checks
from inventory_assets.assets.drop import DROPPED_FILES
from inventory_assets.assets.tables import build_table_assets
from inventory_assets.partitions import arrival_partitions, complete_days, complete_weeks, daily_partitions
from inventory_assets.settings import Settings, load_settings
from resources import InventoryResource, StorageResource
from sensors.bursts import burst_sensor
from sensors.deliveries import delivery_sensor
from sensors.drop import drop_sensor
from sensors.marts import marts_after_snapshots
from sensors.pipeline import operations_sensor
from sensors.run_failures import run_failure_status
from sensors.stale_partitions import stale_partitions_sensor
from sensors.trade_days import trade_days_sensor


def build_defs(
    settings: Settings | None = None, *, resource_overrides: dict[str, object] | None = None
) -> dg.Definitions:
    """Build the definitions.

    Args:
        settings: Default: from the environment.
        resource_overrides: Resources by name, for tests.
    """
    settings = settings or load_settings()
    return dg.Definitions.merge(
        _lake(settings),
        _snapshots(settings),
        _marts(),
        _quality(),
        _reports(settings),
        dg.Definitions(
            resources={"inventory": InventoryResource(), "storage": StorageResource(), **(resource_overrides or {})},
            # Steps share the process's warm engine; separate processes would each load it.
            executor=dg.in_process_executor,
        ),
    )


def _lake(settings: Settings) -> dg.Definitions:
    tables = build_table_assets(daily_partitions(settings), arrival_partitions(settings))
    inventory_job = dg.define_asset_job(
        "inventory",
        # What is built of the lake for people to read has jobs of its own.
        selection=dg.AssetSelection.assets(*tables),
        description="Take in what waits, catch every table up, judge the data.",
    )
    return dg.Definitions(
        assets=[*tables, DROPPED_FILES],
        asset_checks=build_checks(),
        jobs=[
            inventory_job,
            *upkeep.FIGURE_JOBS,
            upkeep.maintenance_job,
            upkeep.alert_sweep_job,
            upkeep.archive_job,
            recompute.recompute_job,
        ],
        schedules=[
            upkeep.velocity_schedule,
            upkeep.demand_schedule,
            upkeep.plan_schedule,
            upkeep.maintenance_schedule,
            upkeep.alert_sweep_schedule,
            upkeep.incident_schedule,
            upkeep.archive_schedule,
            recompute.recompute_schedule,
        ],
        sensors=[burst_sensor, delivery_sensor, drop_sensor, operations_sensor, run_failure_status],
    )


def _snapshots(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=snapshots.build_snapshot_assets(daily_partitions(settings), complete_days(settings)),
        jobs=list(snapshot_runs.SNAPSHOT_JOBS.values()),
        schedules=[snapshot_runs.hourly_schedule, snapshot_runs.daily_schedule],
        sensors=[stale_partitions_sensor],
    )


def _marts() -> dg.Definitions:
    return dg.Definitions(
        assets=[marts.build_mart_assets()], jobs=[marts.marts_build_job], sensors=[marts_after_snapshots]
    )


def _quality() -> dg.Definitions:
    return dg.Definitions(
        assets=[quality.quality_report],
        jobs=[quality.quality_job, quality.low_stock_sweep_job],
        schedules=[
            quality.hourly_quality_schedule,
            quality.daily_quality_schedule,
            quality.low_stock_sweep_schedule,
        ],
    )


def _reports(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=reports.build_report_assets(complete_days(settings), complete_weeks(settings)),
        jobs=[reports.nightly_report_job, reports.weekly_report_job, derived.trade_days_job],
        schedules=[reports.nightly_report_schedule, reports.weekly_report_schedule],
        sensors=[trade_days_sensor],
    )


defs = build_defs()

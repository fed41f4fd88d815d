"""Everything Dagster loads: assets, checks, the sensor, jobs, schedules.

Nothing is opened here; see `resources` for what is built on first use.
"""

import dagster as dg

from inventory_assets.assets.checks import build_checks
from inventory_assets.assets.quality import (
    daily_quality_schedule,
    hourly_quality_schedule,
    low_stock_sweep_job,
    low_stock_sweep_schedule,
    quality_job,
    quality_report,
)
from inventory_assets.assets.reports import (
    build_report_assets,
    nightly_report_job,
    nightly_report_schedule,
    weekly_report_job,
    weekly_report_schedule,
)
from inventory_assets.assets.snapshot_runs import SNAPSHOT_JOBS, daily_schedule, hourly_schedule
from inventory_assets.assets.snapshots import GROUP as SNAPSHOTS
from inventory_assets.assets.snapshots import build_snapshot_assets
from inventory_assets.assets.tables import build_table_assets
from inventory_assets.assets.upkeep import (
    alert_sweep_job,
    alert_sweep_schedule,
    demand_schedule,
    incident_schedule,
    maintenance_job,
    maintenance_schedule,
    velocity_schedule,
)
from inventory_assets.partitions import complete_days, complete_weeks, daily_partitions
from inventory_assets.settings import Settings, load_settings
from resources import InventoryResource
from sensors.bursts import burst_sensor
from sensors.deliveries import delivery_sensor
from sensors.stale_partitions import stale_partitions_sensor


def build_defs(
    settings: Settings | None = None, *, resource_overrides: dict[str, object] | None = None
) -> dg.Definitions:
    """Build the definitions.

    Args:
        settings: Default: from the environment.
        resource_overrides: Resources by name, for tests.
    """
    settings = settings or load_settings()
    partitions = daily_partitions(settings)
    inventory_job = dg.define_asset_job(
        "inventory",
        # Snapshots and reports are of whole periods, and wait for none of this.
        # The quality report is of a job of its own: here its rules run as checks, and a failed one would skip it.
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups("quality", SNAPSHOTS, "reports"),
        description="Take in what waits, catch every table up, judge the data.",
    )
    return dg.Definitions(
        assets=[
            *build_table_assets(partitions),
            quality_report,
            *build_snapshot_assets(partitions, complete_days(settings)),
            *build_report_assets(complete_days(settings), complete_weeks(settings)),
        ],
        asset_checks=build_checks(),
        jobs=[
            inventory_job,
            maintenance_job,
            alert_sweep_job,
            quality_job,
            low_stock_sweep_job,
            *SNAPSHOT_JOBS.values(),
            nightly_report_job,
            weekly_report_job,
        ],
        schedules=[
            velocity_schedule,
            demand_schedule,
            maintenance_schedule,
            alert_sweep_schedule,
            incident_schedule,
            hourly_quality_schedule,
            daily_quality_schedule,
            low_stock_sweep_schedule,
            hourly_schedule,
            daily_schedule,
            nightly_report_schedule,
            weekly_report_schedule,
        ],
        sensors=[burst_sensor, delivery_sensor, stale_partitions_sensor],
        resources={"inventory": InventoryResource(), **(resource_overrides or {})},
        # Steps share the process's warm engine; separate processes would each load it.
        executor=dg.in_process_executor,
    )


defs = build_defs()

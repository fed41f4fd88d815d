"""Everything Dagster loads: assets, checks, the sensor, jobs, schedules.

Nothing is opened here; see `resources` for what is built on first use.
"""

import dagster as dg

from inventory_assets.assets.checks import build_checks
from inventory_assets.assets.marts import GROUPS, build_mart_assets, build_marts_schedule
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
from inventory_assets.partitions import complete_days, daily_partitions
from inventory_assets.settings import Settings, load_settings
from resources import InventoryResource
from sensors.bursts import burst_sensor
from sensors.deliveries import delivery_sensor
from sensors.run_failures import run_failure_status


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
        # Snapshots are of whole days, and wait for none of this; the marts are long, and wait for a day's snapshots.
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups(SNAPSHOTS, *GROUPS),
        description="Take in what waits, catch every table up, check the invariants.",
    )
    return dg.Definitions(
        assets=[
            *build_table_assets(partitions),
            *build_snapshot_assets(partitions, complete_days(settings)),
            build_mart_assets(),
        ],
        asset_checks=build_checks(),
        jobs=[inventory_job, maintenance_job, alert_sweep_job],
        schedules=[velocity_schedule, demand_schedule, maintenance_schedule, alert_sweep_schedule, incident_schedule, build_marts_schedule()],
        sensors=[burst_sensor, delivery_sensor, run_failure_status],
        resources={"inventory": InventoryResource(), **(resource_overrides or {})},
        # Steps share the process's warm engine; separate processes would each load it.
        executor=dg.in_process_executor,
    )


defs = build_defs()

"""The marts' sensor: builds them once a day's snapshots are there, whenever that is.

A clock would have to guess how long the snapshots take. Files made again later,
for an event that came late, wait for the next day's build.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DefaultSensorStatus,
    RunRequest,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from inventory_assets.assets.marts import marts_build_job
from inventory_assets.assets.snapshots import asset_key
from inventory_assets.clock import Clock, clock_of
from inventory_assets.domain.values import midnight
from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES
from resources import InventoryResource


@sensor(
    name="marts_after_snapshots",
    job=marts_build_job,
    description="Builds the marts when both snapshot tables have yesterday's partition, made after it ended.",
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
)
def marts_after_snapshots(context: SensorEvaluationContext) -> RunRequest | SkipReason:
    """Ask for a build, once for each day."""
    clock = clock_of(InventoryResource().settings())
    today = clock.today()
    made = {
        asset_key(table).to_user_string(): made_at(context, asset_key(table), today, clock) for table in SNAPSHOT_TABLES
    }
    return decide(today, made)


def decide(today: date, made: Mapping[str, datetime | None]) -> RunRequest | SkipReason:
    """Whether to build the marts now. Dagster begins no second run of a day, which is the run key.

    Args:
        today: The UTC day.
        made: When each snapshot table's partition of yesterday was last made, after that day had ended.
    """
    day = (today - timedelta(days=1)).isoformat()
    waiting = sorted(name for name, at in made.items() if at is None)
    if waiting:
        return SkipReason(f"{', '.join(waiting)}: no partition of {day} yet")
    return RunRequest(run_key=day, tags={"inventory/day": day})


def made_at(context: SensorEvaluationContext, key: AssetKey, today: date, clock: Clock) -> datetime | None:
    """When yesterday's partition was last made, by the machine's clock as Dagster has it, if after the day ended."""
    ended_at = clock.machine_at(midnight(today.isoformat()))
    found = context.instance.fetch_materializations(
        AssetRecordsFilter(
            asset_key=key,
            asset_partitions=[(today - timedelta(days=1)).isoformat()],
            after_timestamp=ended_at / 1_000_000,
        ),
        limit=1,
    )
    return datetime.fromtimestamp(found.records[0].timestamp, UTC) if found.records else None

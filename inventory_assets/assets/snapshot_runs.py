"""When snapshots are made: the jobs, their schedules, and what a run of a range of days is asked with.

Belongs here: requests of runs. Not here: what is stale (the sensor asks the lake).
"""

from collections.abc import Iterable
from contextlib import closing
from datetime import date, timedelta

import dagster as dg

from inventory_assets.assets.dagster_internals import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from inventory_assets.assets.snapshots import asset_key
from inventory_assets.assets.specs import asking, shown_day
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    SNAPSHOT_TABLES,
    SnapshotTable,
    snapshot_files,
)
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import Settings
from inventory_assets.snapshots.staleness import find_missing, ranges
from resources import InventoryResource

# A job each: the assets of one must have the same days, and today has no closing stock.
SNAPSHOT_JOBS = {
    table.name: dg.define_asset_job(
        f"snapshot_{table.name}",
        selection=dg.AssetSelection.assets(asset_key(table)),
        description=table.comment,
        executor_def=dg.in_process_executor,
    )
    for table in SNAPSHOT_TABLES
}


def request_range(
    table: SnapshotTable, first: date, last: date, *, only_changed: bool = False, run_key: str | None = None
) -> dg.RunRequest:
    """Ask for one run of a range of days."""
    key = asset_key(table)
    return dg.RunRequest(
        run_key=run_key,
        job_name=SNAPSHOT_JOBS[table.name].name,
        asset_selection=[key],
        tags={ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()},
        run_config={"ops": {key.to_python_identifier(): {"config": {"only_changed": only_changed}}}},
    )


@asking(
    job=SNAPSHOT_JOBS[HOURLY_TRANSACTIONS.name], name="hourly_aggregates", cron_schedule="7 * * * *",
    description="Transactions of today's hours so far, and of the days since the last file.",
)  # fmt: skip
def hourly_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Today, and every day since the one that was made last: just after midnight that is yesterday."""
    settings = inventory.settings()
    today = shown_day(settings, context.scheduled_execution_time)
    if not _has_lake(settings):
        return dg.SkipReason("there is no lake yet")
    made = [day for day in snapshot_files(settings, HOURLY_TRANSACTIONS).manifests() if day <= today]
    first = max(max(made, default=today), settings.partitions_start_date)
    return [request_range(HOURLY_TRANSACTIONS, first, today)]


# On Mondays before the weekly report, which includes the Sunday; the night's turn then finds it made.
@asking(
    job=SNAPSHOT_JOBS[DAILY_STOCK.name], name="daily_snapshot", cron_schedule=["0 2 * * *", "30 0 * * 1"],
    description="Yesterday's closing stock, and that of any day missing since the last file.",
)  # fmt: skip
def daily_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Two hours after the day's end: what comes later makes its day stale, and the sensor has it made anew."""
    settings = inventory.settings()
    today = shown_day(settings, context.scheduled_execution_time)
    if not _has_lake(settings):
        return dg.SkipReason("there is no lake yet")
    days = list(missing_since_last(settings, today=today))
    if not days:
        return dg.SkipReason("yesterday's closing stock is there")
    return [request_range(DAILY_STOCK, first, last) for first, last in ranges(days)]


def missing_since_last(settings: Settings, *, today: date) -> Iterable[date]:
    """Days without closing stock since the last that has one; without any, yesterday alone."""
    files = snapshot_files(settings, DAILY_STOCK)
    made = [day for day in files.manifests() if day < today]
    first = max(max(made, default=today - timedelta(days=1)), settings.partitions_start_date)
    reader = LakeReader(settings)
    with closing(reader.connection):
        return find_missing(reader, files, first=first, today=today)


def _has_lake(settings: Settings) -> bool:
    try:
        LakeReader(settings).connection.close()
    except LakeError:
        return False
    return True

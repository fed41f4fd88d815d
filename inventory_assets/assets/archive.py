"""The archive's job and its daily schedule, for whoever has named a place for it."""

from datetime import UTC, datetime

import dagster as dg

from inventory_assets.archive.archive import archiver_of
from inventory_assets.assets.specs import BUILD_POOL
from resources import InventoryResource, StorageResource


@dg.op(pool=BUILD_POOL)
def archive_days(context: dg.OpExecutionContext, inventory: InventoryResource, storage: StorageResource) -> None:
    """Copy the complete days that the archive lacks or has otherwise."""
    # A reader of its own: bursts go on meanwhile.
    with archiver_of(inventory.settings(), opener=storage.open) as archiver:
        done = list(archiver.run(f"{datetime.now(UTC):%Y-%m-%d}"))
    days, rows = sum(each.copied_days for each in done), sum(each.copied_rows for each in done)
    context.log.info(f"{days} days with {rows} rows copied to {archiver.files.uri!r}")


@dg.job(description="Copy old days of the lake to plain Parquet, verified.", executor_def=dg.in_process_executor)
def archive_job() -> None:
    """Archive once."""
    archive_days()


@dg.schedule(
    job=archive_job,
    name="daily_archive",
    cron_schedule="20 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Copies complete days to INVENTORY_ARCHIVE_PATH; idle where that is not set.",
)
def archive_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.SkipReason | dg.RunRequest:
    """Start a run only where somebody has said where to."""
    if not inventory.settings().archive_path:
        return dg.SkipReason("INVENTORY_ARCHIVE_PATH is not set")
    return dg.RunRequest()

"""Schedules and their jobs: figures made daily, the lake and Dagster's own records kept small, old days archived."""

from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from inventory_assets.archive.archive import archiver_of
from inventory_assets.assets.dagster_internals import SqlEventLogStorage, SqlEventLogStorageTable
from inventory_assets.assets.specs import BUILD_POOL, LAKE_POOL, asking, running
from inventory_assets.clock import clock_of, machine_now
from inventory_assets.ingest.sweep import is_sweep_due, sweep
from inventory_assets.lake.upkeep.maintenance import Maintenance
from resources import InventoryResource, StorageResource

KEPT_RUN_DAYS = 14
KEPT_EVENT_DAYS = 7
PRUNED_AT_ONCE = 500


@dg.op(pool=LAKE_POOL)
def maintain_lake(context: dg.OpExecutionContext, inventory: InventoryResource) -> None:
    """Merge files, renew bases, expire snapshots."""
    with inventory.session().engine() as engine:
        done = Maintenance(engine.lake).run_all()
    context.log.info(f"{len(done)} maintenance steps done")


@dg.op
def prune_dagster(context: dg.OpExecutionContext) -> None:
    """Delete old runs and the runless events of ticks; `retention` covers neither."""
    runs = prune_runs(context.instance, older_than=machine_now() - timedelta(days=KEPT_RUN_DAYS))
    events = prune_runless_events(context.instance, older_than=machine_now() - timedelta(days=KEPT_EVENT_DAYS))
    context.log.info(f"pruned {runs} runs and {events} runless events")


def prune_runs(instance: dg.DagsterInstance, *, older_than: datetime) -> int:
    """Delete finished runs created before a moment; how many."""
    filters = dg.RunsFilter(
        created_before=older_than,
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    pruned = 0
    while run_ids := instance.get_run_ids(filters, limit=PRUNED_AT_ONCE):
        for run_id in run_ids:
            instance.delete_run(run_id)
        pruned += len(run_ids)
    return pruned


def prune_runless_events(instance: dg.DagsterInstance, *, older_than: datetime) -> int:
    """Delete events that belong to no run and are older than a moment; how many.

    What an asset last was stays known: Dagster keeps that beside its key.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    statement = SqlEventLogStorageTable.delete().where(
        sa.and_(
            SqlEventLogStorageTable.c.run_id == "",
            SqlEventLogStorageTable.c.timestamp < older_than.replace(tzinfo=None),
        )
    )
    with storage.index_connection() as connection:
        return connection.execute(statement).rowcount


@dg.job(description="Keep the lake quick and Dagster's records small.", executor_def=dg.in_process_executor)
def maintenance_job() -> None:
    """Maintain the lake, then prune Dagster's storage."""
    maintain_lake()
    prune_dagster()


def _figures(name: str, description: str, *keys: str) -> Any:
    """A job of some of the lake's figures: a run of a nameless one cannot be found in *Runs*."""
    return dg.define_asset_job(
        name, selection=dg.AssetSelection.assets(*(key.split("/") for key in keys)), description=description
    )


velocity_job = _figures("velocity", "Mean daily units sold, as of the last complete UTC day.", "core/velocity")
incidents_job = _figures("incidents", "Business alerts: open, follow and resolve them.", "out/incidents")
demand_job = _figures(
    "demand", "Demand on days with stock, days of cover, and the limits computed from it.",
    "core/coverage", "core/dynamic_thresholds",
)  # fmt: skip
plan_job = _figures("plan", "What to order by when and what to move, of every shelf.", "out/plans")
FIGURE_JOBS = (velocity_job, incidents_job, demand_job, plan_job)

velocity_schedule = running(
    "hourly_velocity", velocity_job, "10 * * * *",
    "Mean daily units sold over the last complete UTC days; within a day only late orders change it.",
)  # fmt: skip


@dg.op(pool=LAKE_POOL)
def sweep_alerts(context: dg.OpExecutionContext, inventory: InventoryResource) -> None:
    """Do what time has made due for alerts."""
    with inventory.session().engine() as engine:
        commits = sweep(engine, clock_of(engine.settings).microseconds(), run_id=context.run.run_id)
    context.log.info(f"{len(commits)} sweeps committed")


@dg.job(description="Ends of cooldowns and silences, escalation, repeats, expiry.", executor_def=dg.in_process_executor)
def alert_sweep_job() -> None:
    """Sweep the alerts once."""
    sweep_alerts()


@asking(
    job=alert_sweep_job, name="alert_sweep", cron_schedule="*/5 * * * *",
    description="For what time makes due while no burst sensor runs; a running one does it every 10 s.",
)  # fmt: skip
def alert_sweep_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.SkipReason | dg.RunRequest:
    """Start a run only where something is due."""
    with inventory.session().engine() as engine:
        is_due = is_sweep_due(engine, clock_of(engine.settings).microseconds())
    return dg.RunRequest() if is_due else dg.SkipReason("nothing is due")


incident_schedule = running(
    "hourly_incidents", incidents_job, "5 * * * *",
    "Business alerts: stockouts of a category (a running sensor finds them within two minutes), "
    "unusual sales, overdue restocks, breach trends.",
)  # fmt: skip

demand_schedule = running(
    "daily_demand", demand_job, "25 0 * * *",
    "Demand on days with stock, days of cover, and dynamic thresholds, after the UTC day is complete.",
)  # fmt: skip

plan_schedule = running(
    "daily_plan", plan_job, "40 0 * * *",
    "What to order by when and what to move, after the UTC day is complete.",
)  # fmt: skip

maintenance_schedule = running(
    "daily_maintenance", maintenance_job, "40 3 * * *",
    "File merging, snapshot expiry, pruning of old runs and events.",
)  # fmt: skip


# ---- the archive, for whoever has named a place for it


@dg.op(pool=BUILD_POOL)
def archive_days(context: dg.OpExecutionContext, inventory: InventoryResource, storage: StorageResource) -> None:
    """Copy the complete days that the archive lacks or has otherwise."""
    # A reader of its own: bursts go on meanwhile.
    with archiver_of(inventory.settings(), opener=storage.open) as archiver:
        done = list(archiver.run(f"{clock_of(inventory.settings()).today()}"))
    days, rows = sum(each.copied_days for each in done), sum(each.copied_rows for each in done)
    context.log.info(f"{days} days with {rows} rows copied to {archiver.files.uri!r}")


@dg.job(description="Copy old days of the lake to plain Parquet, verified.", executor_def=dg.in_process_executor)
def archive_job() -> None:
    """Archive once."""
    archive_days()


@asking(
    job=archive_job, name="daily_archive", cron_schedule="20 4 * * *",
    description="Copies complete days to INVENTORY_ARCHIVE_PATH; idle where that is not set.",
)  # fmt: skip
def archive_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.SkipReason | dg.RunRequest:
    """Start a run only where somebody has said where to."""
    if not inventory.settings().archive_path:
        return dg.SkipReason("INVENTORY_ARCHIVE_PATH is not set")
    return dg.RunRequest()

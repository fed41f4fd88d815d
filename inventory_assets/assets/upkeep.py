"""Schedules and the maintenance job: velocities daily, the lake and Dagster's own records kept small."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from inventory_assets.assets.dagster_internals import SqlEventLogStorage, SqlEventLogStorageTable
from inventory_assets.assets.specs import LAKE_POOL
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.sweep import is_sweep_due, sweep
from inventory_assets.lake.upkeep.maintenance import Maintenance
from resources import InventoryResource

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
    runs = prune_runs(context.instance, older_than=datetime.now(UTC) - timedelta(days=KEPT_RUN_DAYS))
    events = prune_runless_events(context.instance, older_than=datetime.now(UTC) - timedelta(days=KEPT_EVENT_DAYS))
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


velocity_schedule = dg.ScheduleDefinition(
    name="daily_velocity",
    target=dg.AssetSelection.assets(dg.AssetKey(["core", "velocity"])),
    cron_schedule="10 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mean daily units sold, after the UTC day is complete.",
)


@dg.op(pool=LAKE_POOL)
def sweep_alerts(context: dg.OpExecutionContext, inventory: InventoryResource) -> None:
    """Do what time has made due for alerts."""
    with inventory.session().engine() as engine:
        commits = sweep(engine, to_microseconds(datetime.now(UTC)), run_id=context.run.run_id)
    context.log.info(f"{len(commits)} sweeps committed")


@dg.job(description="Ends of cooldowns and silences, escalation, repeats, expiry.", executor_def=dg.in_process_executor)
def alert_sweep_job() -> None:
    """Sweep the alerts once."""
    sweep_alerts()


@dg.schedule(
    job=alert_sweep_job,
    name="alert_sweep",
    cron_schedule="*/5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="For what time makes due while no burst sensor runs; a running one does it every 10 s.",
)
def alert_sweep_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.SkipReason | dg.RunRequest:
    """Start a run only where something is due."""
    with inventory.session().engine() as engine:
        is_due = is_sweep_due(engine, to_microseconds(datetime.now(UTC)))
    return dg.RunRequest() if is_due else dg.SkipReason("nothing is due")


incident_schedule = dg.ScheduleDefinition(
    name="hourly_incidents",
    target=dg.AssetSelection.assets(dg.AssetKey(["out", "incidents"])),
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Business alerts: stockouts of a category (a running sensor finds them within two minutes), "
    "unusual sales, overdue restocks, breach trends.",
)

demand_schedule = dg.ScheduleDefinition(
    name="daily_demand",
    target=dg.AssetSelection.assets(dg.AssetKey(["core", "coverage"]), dg.AssetKey(["core", "dynamic_thresholds"])),
    cron_schedule="25 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Demand on days with stock, days of cover, and dynamic thresholds, after the UTC day is complete.",
)

maintenance_schedule = dg.ScheduleDefinition(
    name="daily_maintenance",
    job=maintenance_job,
    cron_schedule="40 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="File merging, snapshot expiry, pruning of old runs and events.",
)

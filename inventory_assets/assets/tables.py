"""The lake's tables as assets. Materializing catches up; a backfill re-derives (RULES 34)."""

from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    DataVersion,
    MaterializeResult,
    PartitionsDefinition,
    asset,
)

from inventory_assets.assets.metadata import counts_metadata, table_metadata, table_version
from inventory_assets.assets.recompute import BY_BURSTS, BY_SETS, numbers_of, recompute_tables, result_of, specs_of
from inventory_assets.assets.specs import DAILY_BY_FIVE, LAKE_POOL, RETRIES, SPECS, TableSpec
from inventory_assets.clock import clock_of
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.lake.tables import (
    CORE_EVENTS,
    COVERAGE,
    DYNAMIC_THRESHOLDS,
    INCIDENTS,
    PLANS,
    RAW_MESSAGES,
    VELOCITY,
    VersionedTable,
)
from inventory_assets.recompute.run import RECOMPUTED
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.incidents import refresh_incidents
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.replenish.make import refresh_plan, settings_of
from inventory_assets.session import Session
from resources import InventoryResource

# A run takes in what waits and ends; the sensor is there for what comes later.
RUN_SECONDS = 600.0
QUIET_SECONDS = 1.0
# The sensor reports the others as often as they change, which on a quiet night is never.
DAILY_TABLES = (VELOCITY, COVERAGE, DYNAMIC_THRESHOLDS, PLANS)


class TableConfig(Config):
    """Whether to derive the tables anew from raw.messages instead of catching up; of which warehouses to recompute.

    `warehouses` is for the tables that a run computes a second time; none means all.
    """

    rebuild: bool = False
    warehouses: list[str] = []


def build_table_assets(days: PartitionsDefinition, arrivals: PartitionsDefinition | None) -> list[AssetsDefinition]:
    """One asset per table of `SPECS`; messages are by the day on which they came."""
    partitions = {True: days, False: None}
    return [_build(spec, arrivals if spec.table is RAW_MESSAGES else partitions[spec.is_partitioned]) for spec in SPECS]


def _build(spec: TableSpec, partitions: PartitionsDefinition | None) -> AssetsDefinition:
    function = _FUNCTIONS.get(spec.table.full_name, _catch_up)

    @asset(
        key=AssetKey(spec.key),
        description=spec.description,
        group_name=spec.group,
        kinds=set(spec.kinds),
        code_version=CODE_VERSION,
        deps=[AssetKey(table.full_name.split(".")) for table in spec.inputs],
        partitions_def=partitions,
        backfill_policy=BackfillPolicy.single_run() if partitions else None,
        metadata={"grain": spec.table.comment},
        check_specs=specs_of(spec.table),
        pool=LAKE_POOL,
        retry_policy=RETRIES,
        freshness_policy=DAILY_BY_FIVE if spec.table in DAILY_TABLES else None,
    )
    def table_asset(
        context: AssetExecutionContext, config: TableConfig, inventory: InventoryResource
    ) -> MaterializeResult:
        session = inventory.session()
        extra: dict[str, Any] = counts_metadata(function(context, config, session))
        checks = []
        if isinstance(spec.table, VersionedTable) and spec.table in RECOMPUTED:
            found = recompute_tables(session.settings, context.log, [spec.table], config.warehouses)
            checks.append(result_of(spec.table, found))
            extra |= {"computed_by": BY_BURSTS, "compared_with": BY_SETS, **numbers_of(found)}
        with session.engine() as engine:
            return report(engine, spec, extra)._replace(check_results=checks)

    return table_asset


def report(engine: Engine, spec: TableSpec, extra: dict[str, Any]) -> MaterializeResult:
    """Report a table as it is; unchanged tables keep their data version."""
    return MaterializeResult(
        metadata={**table_metadata(engine.lake, spec, settings_of(engine.settings)), **extra},
        data_version=DataVersion(str(table_version(engine.lake, spec))),
    )


def _take_in(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Run bursts until the subscriptions are empty."""
    with session.ingest() as ingest:
        return ingest.run(
            max_seconds=RUN_SECONDS,
            wait_seconds=QUIET_SECONDS,
            run_id=context.run.run_id,
            until_empty=True,
            on_commit=lambda commit: context.log.info(f"version {commit.version}: {commit.outcomes}"),
        ).outcomes


def _catch_up(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Bring this process up to the lake's version: every burst wrote this table with its messages."""
    with session.engine() as engine:
        if engine.lake.watermark().version != engine.state.version:
            engine.drop_state()
    return {}


def _events(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Catch up, or re-derive everything when asked to or backfilled."""
    if not config.rebuild and "dagster/backfill" not in context.run.tags:
        return _catch_up(context, config, session)
    with session.engine() as engine:
        replay = Replay(meaning=engine.meaning)
        differences, version = rebuild_lake(engine, replay)
    for difference in differences:
        context.log.error(f"{difference.table}: {difference.missing} missing, {difference.unexpected} unexpected")
    context.log.info(f"rebuilt as version {version}")
    return {"differences": len(differences)}


def _velocity(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Refresh velocities as of today and judge days-of-cover limits again."""
    today = clock_of(session.settings).today()
    with session.engine() as engine:
        commits = refresh_velocity(engine, today, run_id=context.run.run_id)
    return commits[0].counts if commits else {}


def _incidents(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Open, follow and resolve incidents as of now."""
    now = clock_of(session.settings).microseconds()
    with session.engine() as engine:
        commits = refresh_incidents(engine, now, run_id=context.run.run_id)
    return commits[0].counts if commits else {}


def _coverage(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Measure demand and cover as of today."""
    with session.engine() as engine, history_reader(engine.settings) as reader:
        changed = refresh_coverage(engine, reader, clock_of(session.settings).today(), run_id=context.run.run_id)
    return {"keys": changed}


def _dynamic(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Compute the limits of keys under dynamic rules as of today, and judge those keys again."""
    with session.engine() as engine, history_reader(engine.settings) as reader:
        commits = refresh_dynamic(engine, reader, clock_of(session.settings).today(), run_id=context.run.run_id)
    return commits[0].counts if commits else {}


def _plan(context: AssetExecutionContext, config: TableConfig, session: Session) -> dict[str, int]:
    """Plan every shelf as of today."""
    with session.engine() as engine, history_reader(engine.settings) as reader:
        today, how = clock_of(engine.settings).today(), settings_of(engine.settings)
        commits = refresh_plan(engine, reader, today, how, run_id=context.run.run_id)
    return commits[0].counts if commits else {}


_FUNCTIONS = {
    RAW_MESSAGES.full_name: _take_in,
    CORE_EVENTS.full_name: _events,
    VELOCITY.full_name: _velocity,
    INCIDENTS.full_name: _incidents,
    COVERAGE.full_name: _coverage,
    DYNAMIC_THRESHOLDS.full_name: _dynamic,
    PLANS.full_name: _plan,
}

"""The marts in Dagster: each dbt model an asset, each dbt test a check, in one graph with the lake's tables.

Belongs here: names, groups, and how a run calls dbt. Does not belong: SQL.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from inventory_assets.stages.marts import PROJECT_DIR, dbt_environment, dbt_executable, load_manifest, target_path
from resources import InventoryResource

GROUPS = ("staging", "intermediate", "marts")
SNAPSHOTS = (dg.AssetKey(["snapshots", "daily_stock"]), dg.AssetKey(["snapshots", "hourly_transactions"]))


class Translator(DagsterDbtTranslator):
    """Keys: a source is the lake's asset, a model its layer and name."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_duplicate_source_asset_keys=True)
        )

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: staging, intermediate or marts."""
        return dbt_resource_props["config"].get("schema")


def build_mart_assets() -> dg.AssetsDefinition:
    """All models and tests, built by one dbt in a process of its own."""

    @dbt_assets(manifest=load_manifest(), dagster_dbt_translator=Translator(), name="dbt_marts", pool="dbt")
    def marts(context: dg.AssetExecutionContext, inventory: InventoryResource) -> Iterator[Any]:
        settings = inventory.settings()
        dbt = DbtCliResource(
            project_dir=str(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=dbt_executable()
        )
        # Not the engine's lock: dbt attaches the lake read-only and writes a catalog of its own.
        with _environment(dbt_environment(settings)):
            build = dbt.cli(["build"], context=context, target_path=target_path(settings) / context.run.run_id)
        yield from build.stream()

    return marts


def build_marts_schedule() -> dg.ScheduleDefinition:
    """One job for a UTC day's snapshots and then the marts, and the schedule that runs it for yesterday.

    The marts follow the snapshots because they depend on them in one run, however long
    those take: no clock says when they are done.
    """
    job = dg.define_asset_job(
        "daily_etl",
        selection=dg.AssetSelection.assets(*SNAPSHOTS) | dg.AssetSelection.groups(*GROUPS),
        description="Snapshots of a UTC day, then every mart and its tests.",
    )

    @dg.schedule(
        job=job, name="marts_build", cron_schedule="0 2 * * *", execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Yesterday's snapshots, then the marts.",
    )  # fmt: skip
    def marts_build(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = (context.scheduled_execution_time - timedelta(days=1)).strftime("%Y-%m-%d")
        return dg.RunRequest(run_key=day, partition_key=day)

    return marts_build


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    # dagster-dbt hands a new process the environment of this one and nothing else.
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

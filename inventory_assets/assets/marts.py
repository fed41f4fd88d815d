"""The marts in Dagster: each dbt model an asset, each dbt test a check, in one graph with the lake's tables.

Belongs here: names, groups, and how a run calls dbt. Does not belong: SQL.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from inventory_assets.assets.quality import PUBLICATION_GATE
from inventory_assets.assets.specs import BUILD_POOL
from inventory_assets.stages.marts import PROJECT_DIR, dbt_environment, dbt_executable, load_manifest, target_path
from resources import InventoryResource

GROUPS = ("staging", "intermediate", "marts")


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

    @dbt_assets(
        manifest=load_manifest(),
        dagster_dbt_translator=Translator(),
        name="dbt_marts",
        pool=BUILD_POOL,
    )
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


# Begun by `sensors.marts`, once a day's snapshots are there.
marts_build_job = dg.define_asset_job(
    "marts_build",
    selection=dg.AssetSelection.groups(*GROUPS) | PUBLICATION_GATE,
    description="Every mart and its tests, from the snapshots there are, if the lake's own checks allow it.",
)


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

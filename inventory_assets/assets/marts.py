"""The marts in Dagster: each dbt model an asset, each dbt test a check, in one graph with the lake's tables.

Belongs here: names, groups, and how a run calls dbt. Does not belong: SQL.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets
from dagster_shared.record import replace

from inventory_assets.assets.quality import PUBLICATION_GATE
from inventory_assets.assets.specs import BUILD_POOL
from inventory_assets.lake.fresh import land_all
from inventory_assets.marts.build import PROJECT_DIR, dbt_environment, dbt_executable, load_manifest, target_path
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

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The grain, and a query to start from, as the lake's tables have it."""
        layer, name = dbt_resource_props["config"].get("schema"), dbt_resource_props["name"]
        table = f"marts.{name}" if layer == "marts" else f"marts.{layer}.{name}"
        example = f'inventory sql "SELECT * FROM {table} LIMIT 20"'
        return f"{dbt_resource_props['description'].strip()}\n\n```\n{example}\n```"

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """A dbt test with what it asks, in words."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return None if spec is None else replace(spec, description=check_words(manifest["nodes"][unique_id]))


def check_words(test: Mapping[str, Any]) -> str:
    """What a dbt test asks, for who reads a failed check."""
    kind, column = (test.get("test_metadata") or {}).get("name", ""), f"`{test.get('column_name')}`"
    asked = (test.get("test_metadata") or {}).get("kwargs", {})
    words = {
        "unique": f"{column} is another in every row.",
        "not_null": f"{column} is never null.",
        "accepted_values": f"{column} is null or one of {', '.join(asked.get('values', []))}.",
        "relationships": f"{column} is null, or a {asked.get('field')} that is there.",
        "within": f"{column} is null, or {_bounds(asked)}.",
        "not_before": f"{column} is null, or not before `{asked.get('other')}`.",
    }
    # A test of its own says in a comment what it asks.
    comments = [line[2:].strip() for line in test.get("raw_code", "").splitlines() if line.startswith("--")]
    return words.get(kind, " ".join(comments))


def _bounds(asked: Mapping[str, Any]) -> str:
    names = {"at_least": "at least", "at_most": "at most"}
    return " and ".join(f"{word} {asked[name]}" for name, word in names.items() if name in asked)


def build_mart_assets() -> dg.AssetsDefinition:
    """All models and tests, built by one dbt in a process of its own."""

    @dbt_assets(manifest=load_manifest(), dagster_dbt_translator=Translator(), name="dbt_marts", pool=BUILD_POOL)
    def marts(context: dg.AssetExecutionContext, inventory: InventoryResource) -> Iterator[Any]:
        settings = inventory.settings()
        dbt = DbtCliResource(
            project_dir=str(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=dbt_executable()
        )
        land_all(settings)
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

"""dbt's models as `dagster_dbt` has them: what each is called and asks, and the run that builds them.

A process of its own describes them, and a run that builds them loads this: with dbt's libraries and its manifest it
takes 140 MiB, which the process that takes bursts in, and every other run, do without (`marts`).
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets
from dagster_shared.record import replace

from inventory_assets.marts.build import PROJECT_DIR, dbt_environment, dbt_executable, load_manifest, target_path
from inventory_assets.settings import Settings


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


def models() -> dg.AssetsDefinition:
    """The models and tests as `dagster_dbt` makes assets of them."""

    @dbt_assets(manifest=load_manifest(), dagster_dbt_translator=Translator(), name="dbt_marts")
    def described() -> Iterator[Any]:
        """Never run: `marts.build_mart_assets` makes what is."""
        yield from ()

    return described


def stream_build(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Any]:
    """Build what a run has selected, by one dbt in a process of its own; its results as they come."""
    dbt = DbtCliResource(project_dir=str(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=dbt_executable())
    with _environment(dbt_environment(settings)):
        build = dbt.cli(
            ["build"],
            context=_OfModels(context.op_execution_context, models()),  # type: ignore[arg-type]
            target_path=target_path(settings) / context.run.run_id,
        )
    yield from build.stream()


class _OfModels:
    """A run's context to which `dagster_dbt`'s own assets are those that run: they are the same by key and by name."""

    def __init__(self, context: dg.OpExecutionContext, assets_def: dg.AssetsDefinition) -> None:
        self._context = context
        self.assets_def = assets_def

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


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


# ---- what they are, for a process that does not load this


def describe() -> dict[str, Any]:
    """All that Dagster shows of the models and tests, as JSON: see `marts.to_assets`."""
    found = models()
    return {
        "name": found.op.name,
        "tags": dict(found.op.tags),
        "models": [
            {
                "key": spec.key.path, "deps": sorted(dep.asset_key.path for dep in spec.deps), "group": spec.group_name,
                "description": spec.description, "kinds": sorted(spec.kinds), "code_version": spec.code_version,
                "metadata": {name: text for name, value in spec.metadata.items() if (text := _text(value)) is not None},
                "columns": [
                    [column.name, column.type, column.description]
                    for column in spec.metadata["dagster/column_schema"].columns
                ],
            }
            for spec in sorted(found.specs, key=lambda spec: spec.key)
        ],
        "tests": [
            {
                "name": spec.name, "asset": spec.asset_key.path, "description": spec.description,
                "blocking": spec.blocking, "deps": [dep.asset_key.path for dep in spec.additional_deps],
                "metadata": {name: text for name, value in spec.metadata.items() if (text := _text(value)) is not None},
            }
            for spec in sorted(found.check_specs, key=lambda spec: (spec.asset_key, spec.name))
        ],
    }  # fmt: skip


def _text(value: Any) -> str | None:
    """A text of metadata; None of what only `dagster_dbt` reads."""
    if isinstance(value, dg.TextMetadataValue):
        return value.text
    return value if isinstance(value, str) else None


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)

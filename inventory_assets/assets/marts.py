"""The marts in Dagster: each dbt model an asset, each dbt test a check, in one graph with the lake's tables.

Belongs here: what Dagster shows of them, as a process of its own has described it once for each state of the project.
Does not belong: SQL; nor dbt's libraries, which only the run that builds them loads (`dbt_marts`).
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from inventory_assets.assets.quality import PUBLICATION_GATE
from inventory_assets.assets.specs import BUILD_POOL
from inventory_assets.lake.fresh import land_all
from inventory_assets.marts.build import MartsBuildError, parsed_manifest
from resources import InventoryResource

GROUPS = ("staging", "intermediate", "marts")
DESCRIBING = "inventory_assets.assets.dbt_marts"


def build_mart_assets() -> dg.AssetsDefinition:
    """All models and tests, built by one dbt in a process of its own."""
    described = describe_models()

    @dg.multi_asset(
        name=described["name"],
        specs=[_to_spec(model) for model in described["models"]],
        check_specs=[_to_check_spec(test) for test in described["tests"]],
        can_subset=True,
        op_tags=described["tags"],
        pool=BUILD_POOL,
    )
    def marts(context: dg.AssetExecutionContext, inventory: InventoryResource) -> Iterator[Any]:
        from inventory_assets.assets.dbt_marts import stream_build

        settings = inventory.settings()
        land_all(settings)
        # Not the engine's lock: dbt attaches the lake read-only and writes a catalog of its own.
        yield from stream_build(context, settings)

    return marts


def _to_spec(model: Mapping[str, Any]) -> dg.AssetSpec:
    columns = [dg.TableColumn(name, type_, description) for name, type_, description in model["columns"]]
    return dg.AssetSpec(
        model["key"],
        deps=[dg.AssetKey(path) for path in model["deps"]],
        description=model["description"],
        group_name=model["group"],
        kinds=set(model["kinds"]),
        code_version=model["code_version"],
        skippable=True,
        metadata={**model["metadata"], "dagster/column_schema": dg.TableSchema(columns)},
    )


def _to_check_spec(test: Mapping[str, Any]) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        test["name"],
        asset=dg.AssetKey(test["asset"]),
        description=test["description"],
        blocking=test["blocking"],
        additional_deps=[dg.AssetKey(path) for path in test["deps"]],
        metadata=test["metadata"],
    )


def describe_models() -> dict[str, Any]:
    """What the models and tests are: as it was described last, or anew where anything it depends on has changed.

    Raises:
        MartsBuildError: The project does not parse, or could not be described.
    """
    manifest, digest = parsed_manifest()
    code = Path(__file__).with_name("dbt_marts.py").read_bytes()
    wanted = hashlib.sha256(f"{digest} {version('dagster-dbt')}\0".encode() + code).hexdigest()
    kept = manifest.with_name("assets.json")
    try:
        found = json.loads(kept.read_text())
        if found["digest"] == wanted:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or half of one: it is made
    done = subprocess.run([sys.executable, "-m", DESCRIBING], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MartsBuildError(f"the models could not be described by `python -m {DESCRIBING}`:\n{done.stderr[-2_000:]}")
    found = {"digest": wanted, **json.loads(done.stdout)}
    fresh = kept.with_name(f"{kept.name}.{os.getpid()}")
    fresh.write_text(json.dumps(found))
    fresh.replace(kept)
    return found


# Begun by `sensors.marts`, once a day's snapshots are there.
marts_build_job = dg.define_asset_job(
    "marts_build",
    selection=dg.AssetSelection.groups(*GROUPS) | PUBLICATION_GATE,
    description="Every mart and its tests, from the snapshots there are, if the lake's own checks allow it.",
)

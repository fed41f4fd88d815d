"""The marts in Dagster's graph: keys, lineage, checks; and a run that builds them."""

import dagster as dg
import pytest

from inventory_assets.assets.marts import GROUPS, build_mart_assets, describe_models
from inventory_assets.definitions import build_defs
from inventory_assets.lake.files.partition_files import DAILY_STOCK
from inventory_assets.marts.build import load_manifest, parsed_manifest
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.house.test_startup import loaded_by
from tests.marts.conftest import make_shop, reader_of
from tests.marts.files import stock, write_files


def test_every_model_is_an_asset_below_its_layer():
    graph = build_defs(Settings()).resolve_asset_graph()
    models = {
        f"{node['config']['schema']}/{node['name']}"
        for node in load_manifest()["nodes"].values()
        if node["resource_type"] == "model"
    }

    found = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).group_name in GROUPS}
    assert models == found
    assert {name.split("/")[0] for name in found} == {*GROUPS}


def test_sources_are_the_assets_that_the_sensors_fill():
    """One graph: what a mart comes from can be followed to the messages."""
    graph = build_defs(Settings()).resolve_asset_graph()
    above = {
        parent.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).group_name == "staging"
        for parent in graph.get(key).parent_keys
    }

    assert above == {
        "core/coverage", "core/events", "core/products", "core/resolved_thresholds", "core/rollups",
        "core/sku_state", "core/velocity", "out/alerts", "out/alert_transitions", "out/plans", "raw/messages",
        "snapshots/daily_stock", "snapshots/hourly_transactions",
    }  # fmt: skip


def test_every_dbt_test_is_a_check_of_its_model():
    graph = build_defs(Settings()).resolve_asset_graph()
    checks = {key.asset_key.to_user_string() for key in graph.asset_check_keys}

    marts = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).group_name == "marts"}
    assert marts <= checks


def test_every_check_says_what_it_asks():
    graph = build_defs(Settings()).resolve_asset_graph()
    words = {
        key.name: graph.get_check_spec(key).description
        for key in graph.asset_check_keys
        if key.asset_key.path[0] in GROUPS
    }

    assert len(words) > 100
    assert [name for name, text in words.items() if not text or not text.endswith((".", ":"))] == []
    assert words["unique_stockouts_stockout_id"] == "`stockout_id` is another in every row."
    assert "`in_stock_share` is null, or at least 0 and at most 1." in words.values()
    assert words["weeks_agree_with_days"] == "A sale is in exactly one week."


@pytest.mark.big
def test_what_is_kept_of_the_models_is_made_anew_where_it_is_no_longer_theirs():
    kept = parsed_manifest()[0].with_name("assets.json")
    before = describe_models()
    kept.write_text(kept.read_text().replace(before["digest"], "another"))
    assert before == describe_models()
    kept.write_text("{")

    assert before == describe_models()


@pytest.mark.big
def test_what_is_shown_is_what_dagster_dbt_has():
    """What a run finds of them by key and by name is its own; a bursts' process does without its libraries."""
    from inventory_assets.assets.dbt_marts import models

    ours, theirs = build_mart_assets(), models()

    assert theirs.op.name == ours.op.name and theirs.op.tags.items() <= ours.op.tags.items()
    assert set(theirs.op.output_dict) == set(ours.op.output_dict)
    assert set(theirs.op.input_dict) == set(ours.op.input_dict)
    for mine, other in zip(*(sorted(each.specs, key=lambda spec: spec.key) for each in (ours, theirs)), strict=True):
        assert {dep.asset_key for dep in other.deps} == {dep.asset_key for dep in mine.deps}
        same = ("key", "description", "group_name", "kinds", "code_version", "skippable")
        assert [getattr(other, name) for name in same] == [getattr(mine, name) for name in same]
        assert other.metadata["dagster/column_schema"] == mine.metadata["dagster/column_schema"]
    tests = ({spec.key: (spec.description, spec.blocking) for spec in each.check_specs} for each in (ours, theirs))
    assert next(tests) == next(tests)


@pytest.mark.big
def test_the_definitions_load_nothing_of_dbt():
    """140 MiB in the process that takes bursts in, and in every run."""
    loaded = loaded_by("import inventory_assets.definitions")

    assert {"dagster", "polars"} <= loaded
    assert set() == loaded & {"dagster_dbt", "dbt", "sqlglot", "agate"}


def test_the_marts_are_no_part_of_the_job_that_takes_messages_in():
    """They are long; a burst must not wait for them."""
    job = build_defs(Settings()).resolve_job_def("inventory")

    assert not any(key.path[0] in GROUPS for key in job.asset_layer.executable_asset_keys)


@pytest.mark.big
def test_a_run_builds_the_marts_and_reports_each_test(tmp_path, monkeypatch):
    """Here with a fault: its check fails, what follows from it is skipped, all else is built."""
    settings = make_shop(tmp_path / "home")
    write_files(settings.home, DAILY_STOCK, [stock(0), stock(0)])
    monkeypatch.setenv("INVENTORY_HOME", "somewhere/else")

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [build_mart_assets()], instance=instance, raise_on_error=False,
            resources={"inventory": InventoryResource(home=str(settings.home))},
        )  # fmt: skip

    checks = {(each.asset_key.path[-1], each.check_name): each.passed for each in result.get_asset_check_evaluations()}
    failed = {asset for (asset, _), passed in checks.items() if not passed}
    built = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert not result.success
    assert failed == {"daily_stock_snapshots"}
    assert {"stock_positions", "warehouses", "daily_warehouse_stocks"} <= built
    assert reader_of(settings).execute("SELECT count(*) FROM marts.warehouses").fetchone() > (1,)

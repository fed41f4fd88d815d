"""The rules of data quality as Dagster shows and runs them."""

import dagster as dg
import pytest

from inventory_assets.assets.marts import GROUPS
from inventory_assets.assets.quality import PUBLICATION_GATE
from inventory_assets.assets.recompute import CHECK
from inventory_assets.definitions import build_defs
from inventory_assets.lake.tables import SKU_STATE
from inventory_assets.quality.rules import RULES
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.builders import level, messages, rule
from tests.facts import engine_of, rows, value

WRONG = "UPDATE lake.core.sku_state_changes SET on_hand = on_hand + 1 WHERE sku = 'S2'"
RIGHT = "UPDATE lake.core.sku_state_changes SET on_hand = on_hand - 1 WHERE sku = 'S2'"
UNTRUSTED = "SELECT warehouse_id, sku FROM out.alerts WHERE is_untrusted ORDER BY ALL"


@dg.asset(key=["snapshots", "stock"], deps=[dg.AssetKey(["core", "sku_state"])])
def published():
    """Stands for a snapshot: what is made of stock in the same run."""


@pytest.fixture
def inventory(filled, tmp_path):
    """A shop with two keys, an alert on one of them."""
    yield InventoryResource(home=str(filled(_open_stock, tmp_path)))
    SESSIONS.close()


def _open_stock(engine):
    engine.commit_burst(messages(rule(10, 20), level(50), level(5, sku="S2")))


def run(inventory, selection):
    """Run a selection in a job of its own; the run, and the checks it evaluated."""
    defs = dg.Definitions.merge(
        build_defs(Settings(), resource_overrides={"inventory": inventory}), dg.Definitions(assets=[published])
    )
    job = dg.define_asset_job("chosen", selection=selection)
    repository = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = repository.resolve_job_def("chosen").execute_in_process(instance=instance, raise_on_error=False)
    found = [e.event_specific_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    return result, {each.check_name: each for each in found}


def checks_of(table):
    """The rules about a table, without the check that only a run of the table itself makes."""
    asset = dg.AssetKey(table.full_name.split("."))
    return dg.AssetSelection.checks_for_assets(asset) - dg.AssetSelection.checks(dg.AssetCheckKey(asset, CHECK))


def materialized(result):
    return [e.asset_key.to_user_string() for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]


def test_a_critical_failure_stops_publication_and_holds_the_alerts_on_wrong_stock(inventory):
    engine = engine_of(inventory)
    engine.lake.connection.execute(WRONG)
    chosen = checks_of(SKU_STATE) | dg.AssetSelection.assets(published)

    result, checks = run(inventory, chosen)

    assert not result.success
    assert [] == materialized(result)
    failed = checks["stock_follows_from_events"]
    assert (False, dg.AssetCheckSeverity.ERROR, True) == (failed.passed, failed.severity, failed.blocking)
    [record] = failed.metadata["failing_rows"].records
    assert ("W1:S2", 6, 5) == tuple(record.data[name] for name in ("id", "on_hand", "on_hand_by_events"))
    assert "inhibited" in failed.metadata["alerts"].text
    assert [("W1", "S2")] == rows(engine.lake, UNTRUSTED)

    engine.lake.connection.execute(RIGHT)
    result, checks = run(inventory, chosen)

    assert result.success
    assert ["snapshots/stock"] == materialized(result)
    assert [] == rows(engine.lake, UNTRUSTED)
    assert "▁" in checks["stock_follows_from_events"].metadata["trend"].text


def test_a_warning_stops_nothing(inventory):
    engine = engine_of(inventory)
    engine.commit_burst(messages(level(-3, "08:00")))

    result, checks = run(inventory, checks_of(SKU_STATE) | dg.AssetSelection.assets(published))

    assert result.success
    assert ["snapshots/stock"] == materialized(result)
    failed = checks["no_stock_is_negative"]
    assert (False, dg.AssetCheckSeverity.WARN) == (failed.passed, failed.severity)
    assert [] == rows(engine.lake, UNTRUSTED)


def test_the_checks_of_a_run_are_one_version_and_none_where_nothing_is_new(inventory):
    engine = engine_of(inventory)
    run(inventory, checks_of(SKU_STATE))
    version = engine.lake.watermark().version

    run(inventory, checks_of(SKU_STATE))

    assert (2, 2) == (version, engine.lake.watermark().version)


def test_one_check_alone_judges_one_rule(inventory):
    key = dg.AssetCheckKey(dg.AssetKey(["core", "sku_state"]), "no_stock_is_negative")

    _, checks = run(inventory, dg.AssetSelection.checks(key))

    assert ["no_stock_is_negative"] == list(checks)
    assert 1 == value(engine_of(inventory).lake, "SELECT count(*) FROM out.quality_results")


@pytest.mark.big
def test_no_mart_is_built_of_wrong_stock(inventory):
    """The tables are not made in the job: their checks alone stand before it."""
    engine_of(inventory).lake.connection.execute(WRONG)

    result, _ = run(inventory, dg.AssetSelection.groups(*GROUPS) | PUBLICATION_GATE)

    assert not result.success
    assert "dbt_marts" not in {e.step_key for e in result.all_events if e.event_type_value == "STEP_START"}


def test_the_report_is_made_where_errors_are_found(inventory):
    """It is about them, so none of them may stop it."""
    engine = engine_of(inventory)
    engine.lake.connection.execute(WRONG)
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})

    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("quality").execute_in_process(instance=instance)

    found = [e.event_specific_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    assert {each.name for each in RULES} == {each.check_name for each in found}
    [event] = [e for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    report = event.step_materialization_data.materialization.metadata
    assert "Do not rely on these numbers yet: 2 errors, 1 warning." == report["verdict"].text
    assert "**stock follows from events** (core.sku_state): 1 of 2" in report["report"].md_str
    assert [("W1", "S2")] == rows(engine.lake, UNTRUSTED)


def test_the_sweep_finds_a_missing_alert_and_makes_none(inventory):
    engine = engine_of(inventory)
    for table in ("alerts_changes", "alert_transitions"):
        engine.lake.connection.execute(f"DELETE FROM lake.out.{table}")
    engine.drop_state()
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})

    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("low_stock_sweep_job").execute_in_process(instance=instance, raise_on_error=False)

    [check] = [e.event_specific_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    [record] = check.metadata["failing_rows"].records
    assert ("W1:S2", "missing", "LOW_STOCK") == tuple(record.data[name] for name in ("id", "finding", "should_be"))
    assert 0 == value(engine.lake, "SELECT count(*) FROM out.alerts")
    assert [("alerts_agree_with_stock", '["W1:S2"]')] == rows(
        engine.lake, "SELECT rule, sample_ids FROM out.quality_results"
    )

"""What a run of `core/sku_state` and its like shows of the second engine."""

import dagster as dg
import pytest

from inventory_assets.assets.recompute import BY_SETS, CHECK, recompute_job
from inventory_assets.definitions import build_defs
from inventory_assets.recompute.run import RECOMPUTED
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.builders import level, messages, transaction
from tests.conftest import copy_home


@pytest.fixture
def inventory(tmp_path, empty_home, monkeypatch):
    """The resource over a lake with two keys."""
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    copy_home(empty_home, tmp_path)
    resource = InventoryResource(home=str(tmp_path))
    with resource.session().engine() as engine:
        engine.commit_burst(messages(level(100), level(5, sku="S2"), transaction("T1", quantity=-10)))
    yield resource
    SESSIONS.close()


def run_job(inventory: InventoryResource) -> dg.ExecuteInProcessResult:
    """The nightly job."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def(recompute_job.name).execute_in_process(instance=instance)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Evaluations by asset."""
    return {each.asset_key.to_user_string(): each for each in result.get_asset_check_evaluations()}


def test_a_run_computes_its_tables_by_sets_and_compares(inventory):
    result = run_job(inventory)
    made = result.asset_materializations_for_node("core__sku_state")[0].metadata
    checks = checks_of(result)
    with inventory.session().engine() as engine:
        engine.lake.connection.execute("UPDATE core.sku_state_changes SET on_hand = 91 WHERE sku = 'S1'")
    failed = checks_of(run_job(inventory))

    assert {".".join(name.split("/")) for name in checks} == {table.full_name for table in RECOMPUTED}
    assert {CHECK} == {each.check_name for each in checks.values()}
    assert all(each.passed for each in checks.values())
    assert (BY_SETS, "1", "3", "2") == tuple(
        made[name].value
        for name in ("compared_with", "recomputed_at_version", "recomputed_from_events", "recomputed_keys")
    )
    assert ["core/sku_state"] == [name for name, each in failed.items() if not each.passed]
    found = failed["core/sku_state"].metadata
    assert 1 == found["differing_rows"].value
    rows = [tuple(record.data.values()) for record in found["differences"].value.records]
    key = '{"warehouse_id":"W1","sku":"S1"}'
    assert [(key, "available", "91", "90"), (key, "on_hand", "91", "90")] == rows

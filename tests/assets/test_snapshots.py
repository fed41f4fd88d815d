"""Snapshot assets: a range in one run, a data version per day, no trace in the lake."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from inventory_assets.definitions import build_defs
from inventory_assets.lake.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS, PartitionFiles
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.builders import level, message, transaction

PUBLISHED = datetime(2026, 3, 10, tzinfo=UTC)
DAYS = [f"2026-03-0{day}" for day in range(1, 6)]


def commit(process, *documents):
    process.engine.commit_burst([message(document, published_at=PUBLISHED) for document in documents])


@pytest.fixture
def inventory(tmp_path):
    resource = InventoryResource(home=str(tmp_path))
    process = resource.process()
    commit(
        process,
        level(50, "2026-03-01T08:00:00Z"),
        transaction("T1", quantity=-5, at="2026-03-02T08:00:00Z"),
        level(7, "2026-03-04T08:00:00Z"),
    )
    yield resource
    process.engine.close()


def materialize(instance, inventory, table, first, last):
    """Run a range as a backfill does; its materializations."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    key = dg.AssetKey(["snapshots", table])
    job = defs.resolve_implicit_job_def_def_for_assets([key])
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = job.execute_in_process(
        instance=instance, tags=tags, asset_selection=[key], resources={"inventory": inventory}
    )
    assert result.success
    return result


def latest(instance, table):
    """Per day: the data version and the metadata of the latest materialization."""
    key = dg.AssetKey(["snapshots", table])
    found = {}
    for record in reversed(instance.fetch_materializations(key, limit=1000).records):
        event = record.asset_materialization
        found[event.partition] = event
    return found


@pytest.mark.slow
@pytest.mark.parametrize("table", [DAILY_STOCK, HOURLY_TRANSACTIONS], ids=lambda table: table.name)
def test_a_range_is_one_run_and_each_day_has_its_files_hash(inventory, tmp_path, table):
    files = PartitionFiles(str(tmp_path / "snapshots"), table)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(instance, inventory, table.name, DAYS[0], DAYS[-1])
        events = latest(instance, table.name)

    assert 1 == len([e for e in result.all_events if e.event_type_value == "STEP_SUCCESS"])
    expected = {day.isoformat(): manifest for day, manifest in files.manifests().items()}
    assert DAYS == list(expected)
    assert {d: m.sha256 for d, m in expected.items()} == {d: e.tags["dagster/data_version"] for d, e in events.items()}
    assert {d: m.rows for d, m in expected.items()} == {
        d: e.metadata["dagster/row_count"].value for d, e in events.items()
    }
    assert {files.path(date.fromisoformat(d)) for d in DAYS} == {e.metadata["path"].value for e in events.values()}


@pytest.mark.slow
def test_a_day_that_did_not_change_keeps_its_data_version(inventory):
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[-1])
        before = {day: event.tags["dagster/data_version"] for day, event in latest(instance, "daily_stock").items()}
        commit(inventory.process(), transaction("T2", quantity=-1, at="2026-03-02T09:00:00Z"))
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[-1])
        after = {day: event.tags["dagster/data_version"] for day, event in latest(instance, "daily_stock").items()}

    assert [DAYS[1], DAYS[2]] == [day for day in DAYS if before[day] != after[day]]


@pytest.mark.slow
def test_a_backfill_alerts_nobody_and_writes_nothing_to_the_lake(inventory):
    lake = inventory.process().engine.lake
    snapshots = "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')"
    before = (lake.watermark().version, lake.query(snapshots).item())
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[-1])

    assert before == (lake.watermark().version, lake.query(snapshots).item())


def test_closing_stock_has_no_partition_of_today():
    graph = build_defs(Settings()).resolve_asset_graph()
    today = datetime.now(UTC).date().isoformat()

    keys = {
        table.name: graph.get(dg.AssetKey(["snapshots", table.name])).partitions_def.get_last_partition_key()
        for table in (DAILY_STOCK, HOURLY_TRANSACTIONS)
    }

    assert keys["daily_stock"] < today <= keys["hourly_transactions"]

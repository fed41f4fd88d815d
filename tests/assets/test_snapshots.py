"""Snapshot assets: a range in one run, a data version per day, no trace in the lake."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from inventory_assets.definitions import build_defs
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS, PartitionFiles
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from inventory_assets.snapshots.build import build_partitions
from resources import InventoryResource, StorageResource
from tests.builders import level, message, transaction
from tests.facts import engine_of
from tests.sensors.looking import look

PUBLISHED = datetime(2026, 3, 10, tzinfo=UTC)
DAYS = [f"2026-03-0{day}" for day in range(1, 6)]


def commit(inventory, *documents):
    engine_of(inventory).commit_burst([message(document, published_at=PUBLISHED) for document in documents])


@pytest.fixture
def inventory(filled, tmp_path):
    yield InventoryResource(home=str(filled(_trade, tmp_path)))
    SESSIONS.close()


def _trade(engine):
    sent = (
        level(50, "2026-03-01T08:00:00Z"),
        transaction("T1", quantity=-5, at="2026-03-02T08:00:00Z"),
        level(7, "2026-03-04T08:00:00Z"),
    )
    engine.commit_burst([message(document, published_at=PUBLISHED) for document in sent])


def materialize(instance, inventory, table, first, last, run_config=None, **resources):
    """Run a range as a backfill does."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory, **resources})
    key = dg.AssetKey(["snapshots", table])
    job = defs.resolve_implicit_job_def_def_for_assets([key])
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = job.execute_in_process(
        instance=instance, tags=tags, asset_selection=[key], resources={"inventory": inventory}, run_config=run_config
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


def test_a_bucket_gets_its_days_by_the_storage_resource(inventory, shop_bucket, monkeypatch):
    monkeypatch.setenv("INVENTORY_SNAPSHOTS_PATH", "gs://shop/snapshots")
    opened = []

    class Noted(StorageResource):
        def open(self, uri):
            opened.append(uri)
            return super().open(uri)

    with dg.DagsterInstance.ephemeral() as instance:
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[1], storage=Noted(project="shops"))

    assert ["gs://shop/snapshots"] == opened
    assert {
        f"snapshots/daily_stock/date={day}/{name}" for day in DAYS[:2] for name in ("data.parquet", "manifest.json")
    } == (set(shop_bucket.objects("shop")))


def test_a_day_that_did_not_change_keeps_its_data_version(inventory):
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[-1])
        before = {day: event.tags["dagster/data_version"] for day, event in latest(instance, "daily_stock").items()}
        commit(inventory, transaction("T2", quantity=-1, at="2026-03-02T09:00:00Z"))
        materialize(instance, inventory, "daily_stock", DAYS[0], DAYS[-1])
        after = {day: event.tags["dagster/data_version"] for day, event in latest(instance, "daily_stock").items()}

    assert [DAYS[1], DAYS[2]] == [day for day in DAYS if before[day] != after[day]]


def test_a_backfill_alerts_nobody_and_writes_nothing_to_the_lake(inventory):
    lake = engine_of(inventory).lake
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


@pytest.mark.big
def test_events_late_for_three_days_make_those_aggregates_and_the_snapshots_they_reach_anew(inventory, tmp_path):
    """By the sensor's own requests; nothing else is materialized, and all is as made from nothing."""
    late = [transaction(f"LATE{day}", quantity=-1, at=f"2026-03-0{day}T09:00:00Z", sku=f"S{day}") for day in (1, 2, 5)]
    tables = (DAILY_STOCK, HOURLY_TRANSACTIONS)
    commit(inventory, level(9, "2026-03-01T00:00:00Z", sku="S1"), level(9, "2026-03-03T00:00:00Z", sku="S1"))
    with dg.DagsterInstance.ephemeral() as instance:
        for table in tables:
            materialize(instance, inventory, table.name, DAYS[0], DAYS[-1])
        commit(inventory, *late)
        made = {table.name: set() for table in tables}
        for request in look(inventory).run_requests:
            table = request.asset_selection[0].path[-1]
            bounds = [request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
            result = materialize(instance, inventory, table, *bounds, request.run_config)
            made[table] |= {event.partition for event in result.get_asset_materialization_events()}
        again = look(inventory, anew=True)

    # S1 up to its level of the third; S2 from its first day on; S5 on its day.
    assert {"daily_stock": set(DAYS), "hourly_transactions": {DAYS[0], DAYS[1], DAYS[4]}} == made
    assert not again.run_requests
    for table in tables:
        kept, anew = PartitionFiles(str(tmp_path / "snapshots"), table), PartitionFiles(str(tmp_path / "anew"), table)
        first, last = date.fromisoformat(DAYS[0]), date.fromisoformat(DAYS[-1])
        list(build_partitions(engine_of(inventory).lake, anew, first, last, today=PUBLISHED.date()))
        assert {day: anew.content(day) for day in anew.manifests()} == {
            day: kept.content(day) for day in kept.manifests()
        }


def requested(inventory, name, moment):
    """The ranges that a schedule asks for at a moment, or why it does not."""
    schedule = build_defs(Settings(), resource_overrides={"inventory": inventory}).resolve_schedule_def(name)
    with dg.build_schedule_context(scheduled_execution_time=moment, resources={"inventory": inventory}) as context:
        data = schedule.evaluate_tick(context)
    return [
        tuple(request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        for request in data.run_requests or []
    ]


def build(inventory, tmp_path, table, first, last, today):
    files = PartitionFiles(str(tmp_path / "snapshots"), table)
    list(build_partitions(engine_of(inventory).lake, files, first, last, today=today))


def test_at_two_yesterday_is_made_and_what_a_stopped_daemon_missed(inventory, tmp_path):
    night = datetime(2026, 3, 6, 2, tzinfo=UTC)

    assert [("2026-03-05", "2026-03-05")] == requested(inventory, "daily_snapshot", night)
    build(inventory, tmp_path, DAILY_STOCK, date(2026, 3, 2), date(2026, 3, 2), night.date())
    assert [("2026-03-03", "2026-03-05")] == requested(inventory, "daily_snapshot", night)
    build(inventory, tmp_path, DAILY_STOCK, date(2026, 3, 3), date(2026, 3, 5), night.date())
    assert [] == requested(inventory, "daily_snapshot", night)


def test_each_hour_today_is_made_and_after_midnight_yesterday_to_its_end(inventory, tmp_path):
    midnight = datetime(2026, 3, 6, 0, 7, tzinfo=UTC)

    assert [("2026-03-06", "2026-03-06")] == requested(inventory, "hourly_aggregates", midnight)
    build(inventory, tmp_path, HOURLY_TRANSACTIONS, date(2026, 3, 5), date(2026, 3, 5), date(2026, 3, 5))
    assert [("2026-03-05", "2026-03-06")] == requested(inventory, "hourly_aggregates", midnight)


def test_a_schedule_without_a_lake_asks_for_nothing(tmp_path):
    nowhere = InventoryResource(home=str(tmp_path / "nowhere"))

    for name in ("daily_snapshot", "hourly_aggregates"):
        assert [] == requested(nowhere, name, datetime(2026, 3, 6, 2, tzinfo=UTC))

"""A backfill of an old partition, as the UI launches it, succeeds beside bursts, and the lake is right afterwards."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
import pytest

from inventory_assets.definitions import build_defs
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.builders import level, message, transaction
from tests.facts import differences, engine_of, value
from tests.messaging.memory import InMemoryBroker

AT = datetime(2026, 3, 10, tzinfo=UTC)
OLD = "2026-03-02"
# Days in a row or a week; the messages' days are those on which they came.
PARTITIONED = {
    "raw/messages": OLD,
    "core/events": OLD,
    "snapshots/daily_stock": OLD,
    "snapshots/hourly_transactions": OLD,
    "reports/nightly": OLD,
    "reports/weekly": OLD,  # a Monday
}
QUICK = "snapshots/daily_stock"
BETWEEN_SECONDS = 0.1


@pytest.fixture
def inventory(filled, tmp_path, monkeypatch) -> Iterator[InventoryResource]:
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    resource = InventoryResource(home=str(filled(_trade, tmp_path)))
    broker = InMemoryBroker()
    resource.session().use(Ingest(engine_of(resource), broker, broker))
    yield resource
    SESSIONS.close()


def _trade(engine: Engine) -> None:
    sent = (level(50, "2026-03-01T08:00:00Z"), transaction("T1", quantity=-5, at="2026-03-02T08:00:00Z"))
    engine.commit_burst([message(document, published_at=AT) for document in sent])


@contextmanager
def bursts_of_another_process(settings: Settings) -> Iterator[list[int]]:
    """Another engine of the lake commits burst upon burst; the versions it made. One that fails is raised."""
    versions: list[int] = []
    is_over, has_begun = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def commit() -> None:
        engine = Engine(settings)
        try:
            while not is_over.is_set() or not versions:
                sale = transaction(f"B{len(versions)}", quantity=-1, at="2026-03-09T08:00:00Z")
                versions.extend(each.version for each in engine.commit_burst([message(sale, published_at=AT)]))
                has_begun.set()
                # As far apart as messages are: an engine that never pauses has the lake's lock most of the time.
                is_over.wait(BETWEEN_SECONDS)
        except BaseException as error:
            failed.append(error)
            has_begun.set()
        finally:
            engine.close()

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        assert has_begun.wait(60)
        yield versions
    finally:
        is_over.set()
        thread.join(120)
    assert not failed, failed


def test_every_partitioned_asset_is_tried():
    graph = build_defs(Settings()).resolve_asset_graph()

    assert set(PARTITIONED) == {
        key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned
    }


@pytest.mark.parametrize(
    "name",
    [name if name == QUICK else pytest.param(name, marks=pytest.mark.big) for name in PARTITIONED],
)
def test_a_backfill_of_an_old_partition_succeeds_beside_bursts(inventory, name):
    """RULES 34 for `core/events`, which it derives anew; nothing that bursts commit meanwhile is lost."""
    key = dg.AssetKey(name.split("/"))
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    job = defs.resolve_implicit_job_def_def_for_assets([key])
    tags = {
        "dagster/backfill": "one-day",
        "dagster/asset_partition_range_start": PARTITIONED[name],
        "dagster/asset_partition_range_end": PARTITIONED[name],
    }
    with dg.DagsterInstance.ephemeral() as instance, bursts_of_another_process(inventory.settings()) as versions:
        before = len(versions)
        result = job.execute_in_process(instance=instance, tags=tags, asset_selection=[key], raise_on_error=False)
        during = len(versions) - before

        assert result.success, [event.message for event in result.all_events if event.is_failure]
        assert {PARTITIONED[name]} == instance.get_materialized_partitions(key)
    lake = engine_of(inventory).lake

    assert during > 0, "no burst came while it ran"
    assert len(versions) == value(
        lake, "SELECT count(*) FROM core.events WHERE event_id LIKE '%B%' AND kind = 'transaction'"
    )
    assert [] == differences(engine_of(inventory))

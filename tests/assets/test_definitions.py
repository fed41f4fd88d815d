"""What Dagster loads, and what materializing does, without a daemon or a broker of Google's."""

import asyncio
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from inventory_assets.assets.checks import find_offenders
from inventory_assets.assets.marts import GROUPS
from inventory_assets.definitions import build_defs
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake import transaction as transactions
from inventory_assets.lake.tables import APPEND_TABLES, VERSIONED_TABLES
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from sensors.bursts import burst_sensor
from sensors.events import build_report, keep_evaluated
from sensors.report import ReportCursor
from tests.assets.dagster_internals import (
    CachingStaleStatusResolver,
    LoadingContextForTest,
    StaleStatus,
    schedule_execution_time_iterator,
)
from tests.builders import level, message, outgoing, transaction
from tests.conftest import copy_home
from tests.facts import engine_of
from tests.fakes import AllergicEngine
from tests.messaging.brokers import eventually
from tests.messaging.memory import InMemoryBroker

LEVEL = (
    b'{"sku":"S1","warehouse_id":"W1","current_stock":40,"reserved_stock":0,"department_id":"D","category_id":"C",'
    b'"brand_id":"B","product_id":"P","min_threshold":50,"reorder_threshold":100,"last_updated":"2026-03-01T08:00:00Z"}'
)

LAKE_GROUPS = {"ingest", "stock", "thresholds", "alerts", "plan"}
REPORT_INPUTS = [
    "core/coverage", "out/alerts", "quality/report", "snapshots/daily_stock", "snapshots/hourly_transactions",
]  # fmt: skip


@pytest.fixture
def inventory(tmp_path, empty_home, monkeypatch):
    """The resource with its burst loop on an in-memory broker."""
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    copy_home(empty_home, tmp_path)
    resource = InventoryResource(home=str(tmp_path))
    broker = InMemoryBroker()
    resource.session().use(Ingest(engine_of(resource), broker, broker))
    broker.publish(
        [OutgoingMessage("inventory-updates-topic", LEVEL), OutgoingMessage("inventory-updates-topic", b"x")]
    )
    yield resource
    SESSIONS.close()


def test_the_asset_graph_is_the_lake():
    """Golden: an asset that appears or vanishes unnoticed breaks somebody's dashboard."""
    expected = {
        "drop/files": [],
        "raw/messages": [],
        "core/events": ["raw/messages"],
        "core/dead_letters": ["raw/messages"],
        "core/sku_state": ["core/events"],
        "core/rollups": ["core/sku_state"],
        "core/products": [],
        "core/threshold_rules": ["raw/messages"],
        "core/threshold_audit": ["core/threshold_rules"],
        "core/resolved_thresholds": ["core/dynamic_thresholds", "core/sku_state", "core/threshold_rules"],
        "core/coverage": ["core/events"],
        "core/dynamic_thresholds": ["core/events", "core/products", "core/threshold_rules"],
        "core/velocity": ["core/events"],
        "out/alerts": ["core/products", "core/resolved_thresholds", "core/sku_state", "core/velocity"],
        "out/alert_transitions": ["out/alerts"],
        "out/incidents": ["core/events", "core/products", "core/sku_state", "out/alerts"],
        "out/plans": [
            "core/events",
            "core/products",
            "core/resolved_thresholds",
            "core/sku_state",
            "core/velocity",
        ],
        "snapshots/daily_stock": ["core/events"],
        "snapshots/hourly_transactions": ["core/events"],
        "quality/report": [
            "core/dead_letters",
            "core/events",
            "core/products",
            "core/resolved_thresholds",
            "core/rollups",
            "core/sku_state",
            "core/threshold_rules",
            "out/alert_transitions",
            "out/alerts",
            "raw/messages",
        ],
        "reports/nightly": REPORT_INPUTS,
        "reports/weekly": REPORT_INPUTS,
    }

    graph = build_defs(Settings()).resolve_asset_graph()

    actual = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
        # The marts are held against dbt's own project in test_marts.
        if graph.get(key).group_name not in GROUPS
    }
    assert expected == actual


def test_every_asset_states_its_grain():
    graph = build_defs(Settings()).resolve_asset_graph()

    for key in graph.get_all_asset_keys():
        grain = {"reports": "One report per", "drop": "One event per"}.get(key.path[0], "One row per")
        assert grain in (graph.get(key).description or ""), key
        assert graph.get(key).group_name in {*LAKE_GROUPS, "snapshots", "quality", "reports", "drop", *GROUPS}


def test_every_derived_table_is_an_asset():
    tables = {table.full_name for table in (*APPEND_TABLES, *VERSIONED_TABLES)}
    own = {
        "meta.versions",
        "meta.landed",
        "meta.bases",
        "meta.connectors",
        "meta.pipeline_findings",
        "out.deliveries",
        "out.notifications",
        "out.quality_results",
        "core.seasons",  # measured weekly within core/coverage
    }

    graph = build_defs(Settings()).resolve_asset_graph()
    keys = {".".join(key.path) for key in graph.get_all_asset_keys() if graph.get(key).group_name in LAKE_GROUPS}

    assert tables - own == keys


@pytest.mark.big
def test_materializing_with_the_daemon_off_takes_in_what_waits(inventory):
    """The UI's "Materialize" runs the same code as the sensor."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    job = defs.resolve_job_def("inventory")

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, partition_key="2026-03-01")

        assert result.success
        checks = [e for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        assert {True} == {e.event_specific_data.passed for e in checks}
        again = job.execute_in_process(instance=instance, partition_key="2026-03-01")

        versions = [
            {
                event.asset_key.to_user_string(): event.step_materialization_data.materialization.tags[
                    "dagster/data_version"
                ]
                for event in run.all_events
                if event.event_type_value == "ASSET_MATERIALIZATION"
            }
            for run in (result, again)
        ]
        assert versions[0] == versions[1]
    state = engine_of(inventory).lake.query("SELECT warehouse_id, sku, on_hand FROM core.sku_state")
    assert [("W1", "S1", 40)] == state.rows()
    alerts = engine_of(inventory).lake.query("SELECT alert_type, state FROM out.alerts")
    assert [("LOW_STOCK", "firing")] == alerts.rows()


def test_a_tick_takes_bursts_in_and_reports_each_table_and_partition(inventory):
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance)
        result = burst_sensor(context)

    assert isinstance(result, dg.SensorResult)
    reported = {
        (event.asset_key.to_user_string(), event.partition)
        for event in result.asset_events
        if isinstance(event, dg.AssetMaterialization)
    }
    assert ("core/events", "2026-03-01") in reported
    assert ("core/sku_state", None) in reported
    assert ("out/alerts", None) in reported
    assert {True} == {e.passed for e in result.asset_events if isinstance(e, dg.AssetCheckEvaluation)}
    with inventory.session().engine() as engine:
        assert engine.lake.watermark().version >= ReportCursor.parse(result.cursor).version > 0


def test_an_offender_is_a_failed_check_in_the_report_of_its_version_and_in_no_other(inventory):
    """RULES 35: who looks at the UI sees it, with the ids to ask for; the topic alone had it."""
    broker = InMemoryBroker()
    offender = AllergicEngine(inventory.settings())
    inventory.session().use(Ingest(offender, broker, broker))
    ids = broker.publish([outgoing(level(40)), outgoing(transaction("POISON", quantity=-1)), outgoing(b"x")])

    def check_of(events):
        [found] = [each for each in events if getattr(each, "check_name", "") == "no_message_breaks_an_invariant"]
        return found

    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"inventory": inventory})
        result = burst_sensor(context)
    failed, reported = check_of(result.asset_events), ReportCursor.parse(result.cursor)
    [commit] = engine_of(inventory).commit_burst([message(transaction("T-LATER", quantity=-1))])
    passed = check_of(build_report(inventory.settings(), ReportCursor(reported.version)).events)
    by_hand = find_offenders(engine_of(inventory).lake)
    offender.close()

    assert (False, True) == (failed.passed, passed.passed)
    assert "core/dead_letters" == failed.asset_key.to_user_string()
    assert [ids[1]] == failed.metadata["message_ids"].value == by_hand["message_ids"]
    assert ["ZeroDivisionError: a message that breaks the code"] == failed.metadata["details"].value
    assert 0 == passed.metadata["offenders"].value
    assert commit.version > reported.version


def test_an_offender_that_was_published_again_is_done(inventory):
    with inventory.session().engine() as engine:
        engine.lake.connection.execute(
            "INSERT INTO core.dead_letters BY NAME SELECT 1 AS version, 1 AS seq, 'm' AS message_id, 't' AS topic, "
            "'invariant_violation' AS reason, 'd' AS detail, 1 AS attempts"
        )
        before = find_offenders(engine.lake)
        engine.lake.connection.execute(
            "INSERT INTO raw.messages BY NAME SELECT 2 AS version, 1 AS seq, 'n' AS message_id, 't' AS topic, "
            """'{"replay_of": "m"}' AS attributes"""
        )

        assert (["m"], []) == (before["message_ids"], find_offenders(engine.lake)["message_ids"])


def test_what_a_tick_reports_is_in_sync_for_dagster(inventory):
    """A planner who sees "Unsynced" on the alerts does not trust them."""
    graph = build_defs(Settings()).resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        result = burst_sensor(dg.build_sensor_context(instance=instance))
        for event in result.asset_events:
            instance.report_runless_asset_event(event)
        loading = LoadingContextForTest(instance)
        resolver = CachingStaleStatusResolver(instance=instance, asset_graph=graph, loading_context=loading)
        reported = {event.asset_key for event in result.asset_events if not graph.get(event.asset_key).is_partitioned}
        status = {key.to_user_string(): resolver.get_status(key) for key in sorted(reported)}

    assert {"core/sku_state", "core/rollups", "core/resolved_thresholds", "out/alerts"} <= set(status)
    assert {StaleStatus.FRESH} == set(status.values()), status


def test_what_bursts_leave_as_it_was_stays_in_sync(inventory):
    """A sale touches no limit and no dead letter: they are of now all the same."""
    graph = build_defs(Settings()).resolve_asset_graph()
    kept = ["core/dead_letters", "core/resolved_thresholds"]
    with dg.DagsterInstance.ephemeral() as instance:
        first = burst_sensor(dg.build_sensor_context(instance=instance))
        engine_of(inventory).commit_burst([message(transaction("T-LATER", quantity=-1, warehouse_id="W1", sku="S1"))])
        second = build_report(inventory.settings(), ReportCursor(ReportCursor.parse(first.cursor).version))
        for event in (*first.asset_events, *second.events):
            instance.report_runless_asset_event(event)
        loading = LoadingContextForTest(instance)
        resolver = CachingStaleStatusResolver(instance=instance, asset_graph=graph, loading_context=loading)
        status = {key: resolver.get_status(dg.AssetKey(key.split("/"))) for key in kept}
    versions = {
        event.asset_key.to_user_string(): event.tags["dagster/data_version"]
        for event in second.events
        if isinstance(event, dg.AssetMaterialization)
    }

    assert dict.fromkeys(kept, StaleStatus.FRESH) == status
    assert all(int(versions["core/sku_state"]) > int(versions[key]) for key in kept)
    assert "core/threshold_rules" not in versions, "there has never been one"


def test_a_check_that_a_run_evaluated_stays_evaluated(inventory):
    """A report a minute later is a newer materialization: the check's page went back to "Not evaluated"."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    repository = defs.get_repository_def()
    key = dg.AssetCheckKey(dg.AssetKey(["out", "alerts"]), "alerts_agree_with_stock")
    with dg.DagsterInstance.ephemeral() as instance:

        def tell(events):
            for event in events:
                instance.report_runless_asset_event(event)

        def is_evaluated():
            record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
            return asyncio.run(record.targets_latest_materialization(LoadingContextForTest(instance)))

        tell(burst_sensor(dg.build_sensor_context(instance=instance)).asset_events)
        run = defs.resolve_job_def("low_stock_sweep_job").execute_in_process(instance=instance)
        by_run = is_evaluated()
        context = dg.build_sensor_context(instance=instance, repository_def=repository)
        told = burst_sensor(context).asset_events
        [again] = [each for each in told if getattr(each, "asset_check_key", None) == key]
        events = [each for each in told if each is not again]
        tell(events)
        without = is_evaluated()
        tell([again])
        kept = is_evaluated()
        tell(events)

        assert (True, False, True, True) == (by_run, without, kept, is_evaluated())
        assert (key, True) == (again.asset_check_key, again.passed)
        assert run.run_id == again.metadata["judged_by"].value
        assert [] == keep_evaluated(instance, repository.asset_graph.asset_check_keys, events), "it is said once"


def test_every_run_has_a_job_with_a_name():
    """Hours later nobody finds the plan's run among six called `__anonymous_asset_job`."""
    repository = build_defs(Settings()).get_repository_def()
    jobs = {each.job_name for each in repository.schedule_defs}

    assert {"velocity", "demand", "plan", "incidents"} <= jobs
    assert [] == [name for name in jobs if name.startswith("__")]
    assert [] == [
        job.name for job in repository.get_all_jobs() if not job.name.startswith("__") and not job.description
    ]


def test_a_later_tick_tells_the_report_that_was_built_beside_its_bursts(inventory, tmp_path):
    """The first tick waits for its report; after that no burst does."""
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor):
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            return burst_sensor(context)

        first = ReportCursor.parse(tick(None).cursor)
        with inventory.session().engine() as engine:
            [commit] = engine.commit_burst([message(transaction("T-LATER", quantity=-1))])
        told = eventually(lambda: getattr(tick(ReportCursor(first.version).dump()), "asset_events", None), seconds=60)

    versions = {event.metadata["version"].value for event in told if isinstance(event, dg.AssetMaterialization)}
    assert max(versions) >= commit.version


@pytest.mark.big
def test_a_backfill_of_event_dates_rebuilds_and_changes_nothing(inventory):
    """RULES 34: a backfill re-derives; the same messages give the same rows."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    job = defs.resolve_job_def("inventory")

    with inventory.session().ingest() as ingest:
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    with dg.DagsterInstance.ephemeral() as instance:
        lake = engine_of(inventory).lake
        before = lake.query("SELECT * FROM core.events ORDER BY event_id").rows()
        epoch = lake.watermark().epoch
        result = job.execute_in_process(
            instance=instance, partition_key="2026-03-01", tags={"dagster/backfill": "test"}
        )

    assert result.success
    assert epoch + 1 == lake.watermark().epoch
    assert before == lake.query("SELECT * FROM core.events ORDER BY event_id").rows()


def test_the_alert_sweep_starts_a_run_only_where_something_is_due(inventory, monkeypatch):
    monkeypatch.setenv("INVENTORY_REPEAT_EVERY", "HIGH=1h")
    monkeypatch.setattr(transactions, "clock", lambda: 1_650_500_000_000_000)  # as the events happened, long ago
    with inventory.session().ingest() as ingest:
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    engine_of(inventory).settings = inventory.settings()
    resources = {"inventory": inventory}
    schedule = build_defs(Settings(), resource_overrides=resources).resolve_schedule_def("alert_sweep")
    job = build_defs(Settings(), resource_overrides=resources).resolve_job_def("alert_sweep_job")

    def requests():
        with dg.build_schedule_context(resources=resources) as context:
            return len(schedule.evaluate_tick(context).run_requests)

    assert requests() == 1
    assert job.execute_in_process(resources=resources).success
    assert requests() == 0


def test_the_archive_waits_for_a_place_and_then_copies(inventory, tmp_path, monkeypatch):
    resources = {"inventory": inventory}
    definitions = build_defs(Settings(), resource_overrides=resources)
    schedule = definitions.resolve_schedule_def("daily_archive")
    with inventory.session().ingest() as ingest:
        ingest.run(max_seconds=2, wait_seconds=0.5, until_empty=True)

    with dg.build_schedule_context(resources=resources) as context:
        idle = schedule.evaluate_tick(context)
        monkeypatch.setenv("INVENTORY_ARCHIVE_PATH", str(tmp_path / "old"))
        due = schedule.evaluate_tick(context)
    result = definitions.resolve_job_def("archive_job").execute_in_process(resources=resources)

    assert (idle.skip_message, len(due.run_requests)) == ("INVENTORY_ARCHIVE_PATH is not set", 1)
    assert result.success
    assert (tmp_path / "old" / "core_events" / "date=2026-03-01" / "data.parquet").exists()


def test_what_people_read_in_the_morning_has_a_deadline_and_builds_take_turns():
    """Otherwise a night's build that never ran looks like one that found nothing."""
    graph = build_defs(Settings()).resolve_asset_graph()
    due = {
        key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy_or_from_metadata
    }

    assert due == {
        "core/velocity",
        "core/coverage",
        "core/dynamic_thresholds",
        "out/plans",
        "snapshots/daily_stock",
        "snapshots/hourly_transactions",
        "quality/report",
        "reports/nightly",
        "reports/weekly",
    }
    pools = {key.path[0]: graph.get(key).pools for key in graph.get_all_asset_keys()}
    assert {"lake"} == pools["core"] == pools["out"]
    assert {"builds"} == pools["snapshots"] == pools["marts"] == pools["reports"]


@pytest.mark.parametrize(("report", "day"), [("nightly_report", 10), ("weekly_report", 9)])
def test_the_closing_stock_of_a_period_is_asked_for_before_its_report(report, day):
    """The weekly report, on Monday the ninth, includes the Sunday that ended an hour before."""
    repository = build_defs(Settings()).get_repository_def()
    midnight = datetime(2026, 3, day, tzinfo=UTC).timestamp()

    def first(name: str) -> datetime:
        return next(schedule_execution_time_iterator(midnight, repository.get_schedule_def(name).cron_schedule, "UTC"))

    assert first("daily_snapshot") < first(report) < first("daily_snapshot") + timedelta(hours=2)

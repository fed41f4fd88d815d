"""The report assets: partitions, schedules, and what materializing one leaves."""

import socket
from datetime import UTC, datetime

import dagster as dg
import pytest

from inventory_assets.assets.reports import build_report_assets
from inventory_assets.definitions import build_defs
from inventory_assets.ingest.engine import Engine
from inventory_assets.partitions import complete_days, complete_weeks
from inventory_assets.settings import Settings
from resources import InventoryResource, StorageResource
from tests.builders import level, message
from tests.notify.servers import smtp_server

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def inventory(filled, tmp_path) -> InventoryResource:
    """A lake with one empty shelf, on a Monday."""
    return InventoryResource(home=str(filled(_empty_a_shelf, tmp_path)))


def _empty_a_shelf(engine: Engine) -> None:
    engine.commit_burst([message(level(0, AT.isoformat(), warehouse_id="W_1*"), published_at=AT)])


def definitions(inventory: InventoryResource) -> dg.Definitions:
    return build_defs(Settings(), resource_overrides={"inventory": inventory})


@pytest.mark.parametrize(
    ("job", "key", "page"),
    [
        ("nightly_report", "2026-03-02", "reports/nightly/2026-03-02/report.html"),
        ("weekly_report", "2026-03-02", "reports/weekly/2026-03-02/report.html"),
    ],
)
def test_materializing_a_partition_publishes_its_report(inventory, tmp_path, job, key, page):
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions(inventory).resolve_job_def(job).execute_in_process(instance=instance, partition_key=key)

    assert result.success
    assert (tmp_path / page).is_file()
    [event] = [each for each in result.all_events if each.event_type_value == "ASSET_MATERIALIZATION"]
    metadata = event.step_materialization_data.materialization.metadata
    assert str(tmp_path / page) == metadata["page"].value
    assert "The data" in metadata["headline"].value
    assert 1 == metadata["warehouses"].value


@pytest.mark.big
def test_a_backfill_makes_each_day_after_the_one_before(inventory, tmp_path):
    job = definitions(inventory).resolve_job_def("nightly_report")
    span = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-03"}

    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, tags=span).success

    folders = sorted(path.name for path in (tmp_path / "reports" / "nightly").iterdir())
    assert ["2026-03-01", "2026-03-02", "2026-03-03"] == folders
    last = (tmp_path / "reports" / "nightly" / "2026-03-03" / "report.html").read_text()
    assert "Since the report of 2026-03-02" in last


def test_a_week_includes_its_sunday(inventory):
    """On Monday at 01:00 the week that ended an hour before; daily at 03:00 the day before."""
    defs = definitions(inventory)

    keys = {}
    for name, at in (
        ("weekly_report", datetime(2026, 3, 9, 1, tzinfo=UTC)),
        ("nightly_report", datetime(2026, 3, 9, 3, tzinfo=UTC)),
    ):
        schedule = defs.resolve_schedule_def(name)
        with dg.build_schedule_context(
            scheduled_execution_time=at, resources={"inventory": inventory}, repository_def=defs.get_repository_def()
        ) as context:
            [request] = schedule.evaluate_tick(context).run_requests
        keys[name] = (schedule.cron_schedule, request.partition_key)

    assert {"weekly_report": ("0 1 * * 1", "2026-03-02"), "nightly_report": ("0 3 * * *", "2026-03-08")} == keys


def test_a_mail_that_is_not_taken_fails_the_run_and_leaves_the_report(inventory, tmp_path):
    """Whoever watches runs hears of it; whoever opens the page finds it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (tmp_path / "alerting.toml").write_text(
            "[channels.mail]\nkind = 'email'\nhost = '127.0.0.1'\nsecurity = 'none'\nfrom = 'a@example.com'\n"
            f"to = ['b@example.com']\nport = {closed.getsockname()[1]}\n[reports]\nchannel = 'mail'\n"
        )
        settings = Settings()
        [nightly, _] = build_report_assets(complete_days(settings), complete_weeks(settings), retries=None)
        result = dg.materialize(
            [nightly],
            partition_key="2026-03-02",
            resources={"inventory": inventory, "storage": StorageResource()},
            raise_on_error=False,
        )

    assert not result.success
    assert 1 == len(result.get_asset_materialization_events())
    assert (tmp_path / "reports" / "nightly" / "2026-03-02" / "report.html").is_file()


@pytest.mark.big
def test_a_backfill_mails_nothing(inventory, tmp_path):
    with smtp_server() as (mailbox, port):
        (tmp_path / "alerting.toml").write_text(
            "[channels.mail]\nkind = 'email'\nhost = '127.0.0.1'\nsecurity = 'none'\nfrom = 'a@example.com'\n"
            f"to = ['b@example.com']\nport = {port}\n[reports]\nchannel = 'mail'\n"
        )
        job = definitions(inventory).resolve_job_def("nightly_report")
        with dg.DagsterInstance.ephemeral() as instance:
            for tags in ({"dagster/backfill": "b1"}, {}, {}):
                assert job.execute_in_process(instance=instance, partition_key="2026-03-02", tags=tags).success

    # Of the two that mail, the second finds it sent.
    assert 1 == len(mailbox.mails)

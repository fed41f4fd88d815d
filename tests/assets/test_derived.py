"""All that follows from some days, in one run: each asset's page has what its own run would tell."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from inventory_assets.definitions import build_defs
from inventory_assets.derived import Step, derive, periods
from inventory_assets.quality.rules import RULES
from inventory_assets.session import SESSIONS
from inventory_assets.settings import Settings
from resources import InventoryResource
from tests.builders import level, message, transaction

PUBLISHED = datetime(2026, 3, 10, tzinfo=UTC)
# A week's last two days, and the Monday after it.
FIRST, LAST = date(2026, 3, 7), date(2026, 3, 8)


@pytest.fixture
def inventory(filled, tmp_path):
    yield InventoryResource(home=str(filled(_trade, tmp_path)))
    SESSIONS.close()


def _trade(engine):
    sent = (
        level(50, "2026-03-06T08:00:00Z"),
        transaction("T1", quantity=-5, at="2026-03-07T08:00:00Z"),
        transaction("T2", quantity=-5, at="2026-03-09T08:00:00Z"),
    )
    engine.commit_burst([message(document, published_at=PUBLISHED) for document in sent])


def partitions(instance: dg.DagsterInstance, *path: str) -> list[str | None]:
    records = instance.fetch_materializations(dg.AssetKey(path), limit=100).records
    return sorted(record.partition_key for record in records)


@pytest.mark.big
def test_one_run_fills_what_a_user_expects_full(inventory, tmp_path):
    """Closing stock of the days, today's transactions so far, the judgement, last night's and last week's report."""
    defs = build_defs(Settings(), resource_overrides={"inventory": inventory})
    config = {"ops": {"derive_days": {"config": {"first": str(FIRST), "last": str(LAST)}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("trade_days_job").execute_in_process(instance=instance, run_config=config)
        judged = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey(rule.table.full_name.split(".")), rule.name) for rule in RULES]
        )

        assert result.success
        assert len(RULES) == len(judged)
        assert ["2026-03-07", "2026-03-08"] == partitions(instance, "snapshots", "daily_stock")
        assert ["2026-03-07", "2026-03-08", "2026-03-09"] == partitions(instance, "snapshots", "hourly_transactions")
        assert ["2026-03-08"] == partitions(instance, "reports", "nightly")
        assert ["2026-03-02"] == partitions(instance, "reports", "weekly")
        [report] = instance.fetch_materializations(dg.AssetKey(["quality", "report"]), limit=9).records
        assert "judged_now" in report.asset_materialization.metadata
    assert (tmp_path / "reports" / "nightly" / "2026-03-08" / "report.html").is_file()


@pytest.mark.big
def test_doing_it_again_changes_no_file(inventory, tmp_path):
    said = steps(inventory.settings(), LAST)
    before = files(tmp_path)
    again = steps(inventory.settings(), LAST)

    assert before and before == files(tmp_path)
    assert said == again
    assert ["the nightly report", "the weekly report"] == said[-2:]


def steps(settings: Settings, last: date) -> list[str]:
    return [each.name for each in derive(settings, first=FIRST, last=last) if isinstance(each, Step)]


def files(home) -> dict[str, bytes]:
    found = [*(home / "snapshots").rglob("data.parquet"), *(home / "reports").rglob("*.csv")]
    return {str(path): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("first", "as_of", "expected"),
    [
        # Of a Tuesday only the night's; on Monday the week's, too; of months the last of each.
        (date(2026, 3, 10), date(2026, 3, 11), ["nightly 2026-03-10"]),
        (date(2026, 3, 8), date(2026, 3, 9), ["nightly 2026-03-08", "weekly 2026-03-02"]),
        (date(2025, 12, 11), date(2026, 3, 11), ["nightly 2026-03-10", "weekly 2026-03-02"]),
    ],
)
def test_a_report_is_made_where_its_period_ended_within_the_days(first, as_of, expected):
    assert expected == [f"{kind} {period.key}" for kind, period in periods(first, as_of)]


def test_a_day_that_is_not_over_is_refused(inventory):
    with pytest.raises(ValueError, match="closing stock is known from the next day on"):
        steps(inventory.settings(), datetime.now(UTC).date())

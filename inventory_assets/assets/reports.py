"""The reports as assets: one per UTC day, one per week from its Monday, and the schedules that make them."""

import logging
from collections.abc import Iterator
from datetime import date

import dagster as dg

from inventory_assets.assets.specs import BUILD_POOL, DAILY_BY_FIVE, WEEKLY_BY_FIVE, asking, shown_day
from inventory_assets.clock import clock_of, machine_seconds
from inventory_assets.domain.notify.notifications import DeliveryError
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.lake.tables import ALERTS, COVERAGE
from inventory_assets.reports.make import mail_report, make_report
from inventory_assets.reports.period import MADE_AT_HOUR, Kind, last_complete, period_of
from inventory_assets.reports.publish import PAGE_NAME, Manifest, Rendered
from inventory_assets.settings import Settings
from resources import InventoryResource, StorageResource

GROUP = "reports"
WEEKLY_AT_HOUR = 1

_TEXTS = {
    Kind.NIGHTLY: "One report per UTC day: what ran out, what will, what to order or move, what changed, how far the "
    "data can be trusted. A page and CSV files.",
    Kind.WEEKLY: "One report per week, Monday to Sunday: trade against the week before, worst stockouts, dead stock, "
    "warehouses compared, how the thresholds did. A page and CSV files.",
}
_INPUTS = (
    ("snapshots", "daily_stock"), ("snapshots", "hourly_transactions"), ALERTS.full_name.split("."),
    COVERAGE.full_name.split("."), ("quality", "report"),
)  # fmt: skip


class ReportConfig(dg.Config):
    """Whether to mail the report to whom the alerting policy names, and whether though it was mailed before."""

    send: bool = True
    send_again: bool = False


# A mail server that is away for minutes: the report itself is built by then.
RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)


def build_report_assets(
    days: dg.PartitionsDefinition,
    weeks: dg.PartitionsDefinition,
    *,
    retries: dg.RetryPolicy | None = RETRIES,
) -> list[dg.AssetsDefinition]:
    """One asset per kind of report."""
    return [_build(Kind.NIGHTLY, days, retries), _build(Kind.WEEKLY, weeks, retries)]


def _build(kind: Kind, partitions: dg.PartitionsDefinition, retries: dg.RetryPolicy | None) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([GROUP, str(kind)]),
        description=f"{_TEXTS[kind]}\n\n```\ninventory reports build {kind}\n```",
        group_name=GROUP,
        kinds={"html", "csv"},
        code_version=CODE_VERSION,
        deps=[dg.AssetKey(list(path)) for path in _INPUTS],
        partitions_def=partitions,
        # In order of days, each compares with the one before it.
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=retries,
        metadata={"grain": _TEXTS[kind].partition(":")[0]},
        pool=BUILD_POOL,
        freshness_policy=DAILY_BY_FIVE if kind is Kind.NIGHTLY else WEEKLY_BY_FIVE,
    )
    def report_asset(
        context: dg.AssetExecutionContext, config: ReportConfig, inventory: InventoryResource, storage: StorageResource
    ) -> Iterator[dg.MaterializeResult]:
        settings = inventory.settings()
        today = clock_of(settings).today()
        # The lake is read by a reader of its own: bursts go on meanwhile.
        for key in sorted(context.partition_keys):
            period = period_of(kind, date.fromisoformat(key))
            made, report = make_report(settings, kind, period, today=today, opener=storage.open)
            context.log.info(f"{made.title}: {made.headline}")
        yield dg.MaterializeResult(metadata=report_metadata(settings, made, report))
        # Whoever backfills a year does not want a year of mails.
        if config.send and "dagster/backfill" not in context.run.tags:
            send_by_mail(context.log, settings, report, again=config.send_again)

    return report_asset


def report_metadata(settings: Settings, made: Manifest, report: Rendered) -> dict[str, dg.MetadataValue]:
    """A report's page: its headline, where it is, and how much is in it."""
    counts = {name: dg.MetadataValue.int(rows) for name, rows in report.counts.items()}
    return {
        "headline": dg.MetadataValue.md(f"**{_markdown(made.title)}** {_markdown(made.headline)}"),
        "page": dg.MetadataValue.path(f"{settings.reports_uri}/{made.folder}/{PAGE_NAME}"),
        "version": dg.MetadataValue.int(made.lake_version),
        "as_of": dg.MetadataValue.timestamp(made.as_of),
        **counts,
    }


def _markdown(text: str) -> str:
    # Warehouses' names are other people's text.
    return "".join(f"\\{each}" if each in "\\`*_[]<>#|!" else each for each in text)


def send_by_mail(log: logging.Logger, settings: Settings, report: Rendered, *, again: bool = False) -> None:
    """Mail a report to whom the alerting policy names.

    Raises:
        Failure: The mail was not taken.
    """
    try:
        sent = mail_report(settings, report, now=machine_seconds(), again=again)
    except DeliveryError as error:
        raise dg.Failure(f"the report is built, but its mail was not accepted: {error}") from error
    log.info("nobody is to get it by mail" if sent is None else f"mail {sent.status}: {sent.report_id}")


nightly_report_job = dg.define_asset_job(
    "nightly_report",
    selection=dg.AssetSelection.assets(dg.AssetKey([GROUP, str(Kind.NIGHTLY)])),
    description="The report of a UTC day.",
)
weekly_report_job = dg.define_asset_job(
    "weekly_report",
    selection=dg.AssetSelection.assets(dg.AssetKey([GROUP, str(Kind.WEEKLY)])),
    description="The report of a week, its Sunday included.",
)


@asking(
    job=nightly_report_job, name="nightly_report", cron_schedule=f"0 {MADE_AT_HOUR} * * *",
    description="After the day's demand and snapshots, before anybody is at work.",
)  # fmt: skip
def nightly_report_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.RunRequest | dg.SkipReason:
    """Yesterday's, as the trade's clock has it."""
    return _request(context, inventory, Kind.NIGHTLY)


@asking(
    job=weekly_report_job, name="weekly_report", cron_schedule=f"0 {WEEKLY_AT_HOUR} * * 1",
    description="On Monday, of the week that ended with Sunday.",
)  # fmt: skip
def weekly_report_schedule(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource
) -> dg.RunRequest | dg.SkipReason:
    """The last whole week's."""
    return _request(context, inventory, Kind.WEEKLY)


def _request(
    context: dg.ScheduleEvaluationContext, inventory: InventoryResource, kind: Kind
) -> dg.RunRequest | dg.SkipReason:
    settings = inventory.settings()
    period = last_complete(kind, shown_day(settings, context.scheduled_execution_time))
    if period.first_date < settings.partitions_start_date:
        return dg.SkipReason(f"partitions begin on {settings.partitions_start_date}, after {period.title} began")
    return dg.RunRequest(partition_key=period.key)

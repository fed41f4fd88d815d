"""All that follows from some days, in one run: for a past that was taken in, and where days are over in minutes.

Here: the job, and what it tells Dagster of each asset. Not here: how it is made (`inventory_assets.derived`), or when
(`sensors.trade_days`).
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from inventory_assets.assets.dagster_internals import CODE_VERSION_TAG, DATA_VERSION_TAG
from inventory_assets.assets.quality import REPORT_KEY, report_metadata, to_check
from inventory_assets.assets.reports import GROUP as REPORTS
from inventory_assets.assets.reports import report_metadata as published_metadata
from inventory_assets.assets.reports import send_by_mail
from inventory_assets.assets.snapshots import day_materialization, describe_day
from inventory_assets.assets.specs import LAKE_POOL, evaluation_of
from inventory_assets.derived import DayMade, Judgement, Made, ReportMade, Step, derive
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.settings import Settings
from resources import InventoryResource

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


def events_of(settings: Settings, made: Made) -> Iterator[Event]:
    """What Dagster should know of something that was made, as the asset's own run would tell it."""
    match made:
        case DayMade(files, manifest, rows):
            yield day_materialization(files.table, manifest, describe_day(files, manifest, rows))
        case Judgement(results, known):
            yield from (evaluation_of(to_check(result)) for result in results)
            yield dg.AssetMaterialization(REPORT_KEY, metadata=report_metadata(known, judged=len(results)))
        case ReportMade(manifest, report):
            yield dg.AssetMaterialization(
                dg.AssetKey([REPORTS, str(report.basis.period.kind)]),
                partition=report.basis.period.key,
                metadata=published_metadata(settings, manifest, report),
                tags={DATA_VERSION_TAG: str(manifest.lake_version), CODE_VERSION_TAG: CODE_VERSION},
            )


class DaysConfig(dg.Config):
    """Which days, both included, as 2026-01-31."""

    first: str
    last: str


@dg.op(pool=LAKE_POOL)
def derive_days(context: dg.OpExecutionContext, config: DaysConfig, inventory: InventoryResource) -> None:
    """Make all that follows from some days, and tell of each part."""
    settings = inventory.settings()
    for made in derive(settings, first=date.fromisoformat(config.first), last=date.fromisoformat(config.last)):
        if isinstance(made, Step):
            context.log.info(made.name)
        for event in events_of(settings, made):
            # The log of a run takes no check: that one is told beside it.
            if isinstance(event, dg.AssetMaterialization):
                context.log_event(event)
            else:
                context.instance.report_runless_asset_event(event)
        if isinstance(made, ReportMade):
            send_by_mail(context.log, settings, made.report)


@dg.job(description="All figures, snapshots and reports of some days, in one go.", executor_def=dg.in_process_executor)
def trade_days_job() -> None:
    """Make them once."""
    derive_days()


def request_days(first: date, last: date) -> dg.RunRequest:
    """Ask for one run of some days."""
    days = DaysConfig(first=first.isoformat(), last=last.isoformat())
    return dg.RunRequest(
        run_key=f"{first}:{last}",
        run_config=dg.RunConfig(ops={derive_days.name: days}),
        tags={"inventory/day": str(last)},
    )

"""The burst sensor: long-polls Pub/Sub, commits bursts, reports materializations.

A tick takes in bursts for `tick_seconds` (the first one less) and returns at once into the next one,
so that messages never wait for Dagster. Runs are not involved: one run per
burst would take seconds. A report is built beside the bursts, on a thread, and
told at the end of the tick that finds it finished.
"""

import time
from functools import partial

import duckdb
from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from inventory_assets.assets.checks import hold_findings
from inventory_assets.ingest.ingest import IngestSummary
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from resources import InventoryResource
from sensors.events import build_report
from sensors.report import ReportCursor, is_report_due

WAIT_SECONDS = 5.0
# Whoever opens the UI for the first time should not look at empty assets.
FIRST_TICK_SECONDS = 8.0


@sensor(
    name="bursts",
    description="Takes Pub/Sub messages in, burst by burst: each burst is the lake's next version.",
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def burst_sensor(context: SensorEvaluationContext, inventory: InventoryResource) -> SensorResult | SkipReason:
    """Take in bursts, then report what is due."""
    session = inventory.session()
    cursor = ReportCursor.parse(context.cursor)
    report = partial(build_report, session.settings, cursor)
    try:
        if context.cursor and is_report_due(cursor, now=time.time()):
            session.aside.begin(report)
        with session.ingest() as ingest:
            seconds = session.settings.tick_seconds if context.cursor else FIRST_TICK_SECONDS
            summary = ingest.run(max_seconds=seconds, wait_seconds=WAIT_SECONDS)
        if not context.cursor:
            session.aside.begin(report)
        built = session.aside.take(wait=not context.cursor)
        if built is not None:
            with session.engine() as engine:
                hold_findings(engine, built.findings)
    except (MessagingError, LakeError, duckdb.Error, OSError) as error:
        # What was not committed was given back, so nothing is lost: the next tick tries again.
        return SkipReason(str(error))
    if built is None:
        return SkipReason(_sentence(summary))
    return SensorResult(
        asset_events=built.events, cursor=built.cursor.dump(), skip_reason=SkipReason(_sentence(summary))
    )


def _sentence(summary: IngestSummary) -> str:
    if not summary.messages:
        return "no messages came"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.outcomes.items()))
    return (
        f"{summary.messages:,} messages in {len(summary.versions)} bursts: {outcomes}; "
        f"{summary.notified} alerts notified; lake version {summary.versions[-1]}"
    )

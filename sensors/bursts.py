"""The burst sensor: keeps the burst loop going, reports materializations.

Bursts go on between ticks, on a thread of the code server (`ingest.loop`): messages never wait for
Dagster. A tick renews the loop's lease and says what it took in since the last one. Runs are not involved:
one run per burst would take seconds. A report is built beside the bursts, on another thread, and told at
the end of the tick that finds it finished.
"""

from functools import partial

import duckdb
from dagster import AssetCheckEvaluation, DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from inventory_assets.assets.checks import hold_findings
from inventory_assets.clock import machine_seconds
from inventory_assets.ingest.ingest import IngestSummary
from inventory_assets.ingest.loop import LoopBusyError
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.session import Session
from resources import InventoryResource
from sensors.events import BuiltReport, build_report, keep_evaluated, lists_for
from sensors.report import ReportCursor, is_report_due

# Of a lease of 30 s, so that one may be late. Each costs about 0.1 s of CPU in the daemon, whatever it does.
TICK_EVERY_SECONDS = 15
# Whoever opens the UI for the first time should not look at empty assets.
FIRST_TICK_SECONDS = 8.0
# A burst takes a tenth of a second, its wait for messages five; a start on millions of keys a minute.
LONGEST_STEP_SECONDS = 60.0
# What was not committed was given back, so nothing is lost: the next tick tries again.
EXPECTED = (MessagingError, LakeError, duckdb.Error, OSError)


@sensor(
    name="bursts",
    description="Takes Pub/Sub messages in, burst by burst: each burst is the lake's next version.",
    minimum_interval_seconds=TICK_EVERY_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
)
def burst_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """Keep the burst loop going, then report what is due."""
    # Not a parameter: to hand a resource to a tick, Dagster opens its own storage, and loads 88 scripts of
    # migrations for that. It is 0.09 s of the interpreter, in the middle of bursts.
    session = InventoryResource().session()
    cursor = ReportCursor.parse(context.cursor)
    report = partial(build_report, session.settings, cursor)
    if context.cursor and is_report_due(cursor, now=machine_seconds()):
        session.aside.begin(report)
    try:
        said = _keep_going(session, is_first=not context.cursor)
        if not context.cursor:
            session.aside.begin(report)
        built = _take_report(session, wait=not context.cursor)
    except EXPECTED as error:
        return SkipReason(str(error))
    if built is None:
        return SkipReason(said)
    return SensorResult(
        asset_events=[*built.events, *_kept(context, built)],
        dynamic_partitions_requests=lists_for(built.events, session.settings),
        cursor=built.cursor.dump(),
        skip_reason=SkipReason(said),
    )


def _kept(context: SensorEvaluationContext, built: BuiltReport) -> list[AssetCheckEvaluation]:
    # Where there is something to tell, once a minute at most: Dagster's storage is opened for it.
    if context.repository_def is None:
        return []
    return keep_evaluated(context.instance, context.repository_def.asset_graph.asset_check_keys, built.events)


def _keep_going(session: Session, *, is_first: bool) -> str:
    """Renew the loop's lease and wait a little; what came of it since the last tick."""
    busy: LoopBusyError | None = None
    try:
        session.loop.renew()
    except LoopBusyError as other:
        busy = other
    seconds = FIRST_TICK_SECONDS if is_first else session.settings.tick_seconds
    # The lease is to be renewed long before its end.
    session.loop.wait(min(seconds, session.settings.lease_seconds / 2), for_content=is_first)
    summary, error = session.loop.take()
    if error is not None and not isinstance(error, EXPECTED):
        raise error
    problems = [str(each) for each in (busy, error) if each is not None]
    if (silent := session.loop.silent_seconds) > LONGEST_STEP_SECONDS:
        problems.append(
            f"the burst loop has been at one step for {silent:.0f} s; expected {LONGEST_STEP_SECONDS:g} s at most. "
            "If it neither loads a large lake nor waits for a run of this process, reload the code location"
        )
    return "; ".join(problems + ([_sentence(summary)] if summary.messages or not problems else []))


def _take_report(session: Session, *, wait: bool) -> BuiltReport | None:
    built = session.aside.take(wait=wait)
    if built is not None:
        with session.engine() as engine:
            hold_findings(engine, built.findings)
    return built


def _sentence(summary: IngestSummary) -> str:
    if not summary.messages:
        return "no messages came"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.outcomes.items()))
    return (
        f"{summary.messages:,} messages in {len(summary.versions)} bursts: {outcomes}; "
        f"{summary.notified} alerts notified; lake version {summary.versions[-1]}"
    )

"""What follows from the lake a day at a time, in one go: figures of demand, snapshots, the judgement of data, reports.

For a past that was just taken in, and for a clock on which a day is over in minutes: there one go is cheaper than a run
for each. Not here: the marts, which dbt builds once a day's snapshots are there; nor when it is time (`sensors`).
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from inventory_assets.clock import clock_of
from inventory_assets.domain.quality.results import QualityResult
from inventory_assets.ingest.telling import telling
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    PartitionFiles,
    snapshot_files,
)
from inventory_assets.lake.files.partition_files import Manifest as DayManifest
from inventory_assets.lake.query.reader import history_reader, snapshot_reader
from inventory_assets.quality.judge import Judged, hold_judged, judge_rules, latest_results, record, with_trends
from inventory_assets.quality.rules import RULES
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.incidents import refresh_incidents
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.replenish.make import refresh_plan, settings_of
from inventory_assets.reports.make import make_report
from inventory_assets.reports.period import Kind, Period, last_complete
from inventory_assets.reports.publish import Manifest as ReportManifest
from inventory_assets.reports.publish import Rendered
from inventory_assets.settings import Settings
from inventory_assets.snapshots.build import build_partitions, check_days
from inventory_assets.wiring import engine_of, reach_publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """What is begun now."""

    name: str


@dataclass(frozen=True, slots=True)
class DayMade:
    """A day's file of a snapshot table, and its rows."""

    files: PartitionFiles
    manifest: DayManifest
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Judgement:
    """What every rule of data quality found now, and what is known of each since earlier."""

    results: list[QualityResult]
    known: list[QualityResult]


@dataclass(frozen=True, slots=True)
class ReportMade:
    """A report that was published."""

    manifest: ReportManifest
    report: Rendered


Made = Step | DayMade | Judgement | ReportMade


def derive(settings: Settings, *, first: date, last: date) -> Iterator[Made]:
    """Make all of some days that are over, step by step; bursts go on meanwhile. Doing it again changes nothing.

    Args:
        settings: Whose lake.
        first, last: Both included; figures and reports are as of the day after the last.

    Raises:
        ValueError: The days are the wrong way round, or the last is not over.
        LakeError: There is no lake, or it could not be written.
    """
    clock = clock_of(settings)
    check_days(DAILY_STOCK, first, last, today=clock.today())
    as_of = last + timedelta(days=1)
    now = clock.microseconds()
    with (
        engine_of(settings) as engine,
        telling(engine, lambda: reach_publisher(settings), _log_owed),
        ThreadPoolExecutor(1, thread_name_prefix="judgement") as worker,
    ):
        # For a past somebody waits: most of its time is DuckDB's, so it takes the other core, and 120 MiB more at once.
        judging = worker.submit(_judge, settings, now) if first < last else None
        yield Step("demand, velocity and dynamic limits")
        with history_reader(settings) as reader:
            refresh_velocity(engine, as_of)
            refresh_coverage(engine, reader, as_of)
            refresh_dynamic(engine, reader, as_of)
        yield Step("the plan")
        with history_reader(settings) as reader:
            refresh_plan(engine, reader, as_of, settings_of(settings))
        yield Step("snapshots of stock and transactions")
        with history_reader(settings) as reader:
            for table, until in ((DAILY_STOCK, last), (HOURLY_TRANSACTIONS, min(as_of, clock.today()))):
                files = snapshot_files(settings, table)
                for manifest, rows in build_partitions(reader, files, first, until, today=clock.today()):
                    yield DayMade(files, manifest, rows)
        yield Step("business incidents")
        refresh_incidents(engine, clock.microseconds())
        yield Step("the judgement of the data")
        judged = _judge(settings, now) if judging is None else judging.result()
        record(engine.lake, judged)
        hold_judged(engine, judged, now=now)
        results = with_trends(engine.lake, [each.result for each in judged])
        yield Judgement(results, latest_results(engine.lake))
    for kind, period in periods(first, as_of):
        yield Step(f"the {kind} report")
        yield ReportMade(*make_report(settings, kind, period, today=clock.today()))


def _judge(settings: Settings, now: int) -> list[Judged]:
    with snapshot_reader(settings) as reader:
        return judge_rules(reader, settings, RULES, now=now)


def periods(first: date, as_of: date) -> Iterator[tuple[Kind, Period]]:
    """The last night and week before a day that ended on the first day or later."""
    for kind in Kind:
        period = last_complete(kind, as_of)
        if period.last_date >= first:
            yield kind, period


def _log_owed(count: int) -> None:
    logger.warning("%d messages are owed, as no broker took them: the next burst loop sends them", count)

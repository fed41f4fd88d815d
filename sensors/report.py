"""Decide what a tick reports: the versions since the last report, thinned. Pure.

The cursor is the last reported version (DESIGN idea 3): a tick reports all of
`meta.versions` after it, so a crash loses no report. One report a minute keeps
Dagster's event log small; the lake has every version anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sensors.cursor import Cursor

REPORT_EVERY_SECONDS = 60.0


class ReportCursor(Cursor, frozen=True):
    """Where reporting stands: the last reported version and when (epoch seconds)."""

    version: int = 0
    reported_at: float = 0.0


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A row of meta.versions, as far as reports need it."""

    version: int
    stage: str
    messages: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """What to tell Dagster: how much changed, in which versions."""

    first_version: int
    last_version: int
    messages: int
    counts: dict[str, int]


def is_report_due(cursor: ReportCursor, *, now: float) -> bool:
    """Whether the last report is old enough for another one; `now` in epoch seconds."""
    return now - cursor.reported_at >= REPORT_EVERY_SECONDS


def plan_report(
    cursor: ReportCursor, versions: Sequence[VersionRow], *, now: float
) -> tuple[Report | None, ReportCursor]:
    """Sum up the versions to report now, if it is time.

    Args:
        cursor: Where the last report ended.
        versions: The rows after the cursor, ascending.
        now: Epoch seconds.

    Returns:
        (report, cursor): no report and the same cursor where there is nothing
        new or the last report is younger than a minute.
    """
    if not versions or not is_report_due(cursor, now=now):
        return None, cursor
    counts: dict[str, int] = {}
    for row in versions:
        for name, count in row.counts.items():
            counts[name] = counts.get(name, 0) + count
    report = Report(versions[0].version, versions[-1].version, sum(row.messages for row in versions), counts)
    return report, ReportCursor(report.last_version, now)

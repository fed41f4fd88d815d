"""The nightly report of a day, for who asks by HTTP: built once, however many ask, however often.

Belongs here: which day, and that one builds. Does not belong: the report
(`reports.make`).
"""

import re
from datetime import date, timedelta

from inventory_assets.clock import clock_of
from inventory_assets.errors import InventoryError
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.files.storage import Storage, open_storage
from inventory_assets.lake.lock import writer_lock
from inventory_assets.ranges import FIRST_DAY
from inventory_assets.reports.make import make_report
from inventory_assets.reports.period import Kind, Period, period_of
from inventory_assets.reports.publish import Manifest, folder_of, read_manifest
from inventory_assets.settings import Settings

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Cloud Scheduler waits three minutes by default.
WAIT_SECONDS = 150.0
_SETTLED = "settled.json"


class DayError(InventoryError, ValueError):
    """A day of which there can be no report."""


class ReportBusyError(InventoryError):
    """Another one builds a report."""


def read_day(text: str | None, today: date) -> date:
    """The day that is asked for; None is yesterday.

    Raises:
        DayError: It is none, or not over.
    """
    if text is None:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day < today:
        raise DayError(
            f"the day was {text[:20]!r}; expected one that is over, from {FIRST_DAY} to {today - timedelta(days=1)} "
            "UTC, as 2026-01-31"
        )
    return day


def report_of_day(
    settings: Settings, day: date, *, wait_seconds: float = WAIT_SECONDS
) -> tuple[Manifest, bool]:  # fmt: skip
    """The report of a day, and whether it was built now.

    The lock is of one home: containers that share nothing may build the same
    report at once, and write the same bytes.

    Raises:
        ReportBusyError: Another one builds a report for longer than we wait.
        LakeError: There is no lake, or the report cannot be written.
    """
    storage, period = open_storage(settings.reports_uri), period_of(Kind.NIGHTLY, day)
    made = _settled(storage, period)
    if made is not None:
        return made, False
    try:
        with writer_lock(settings.home / "report.lock", timeout_seconds=wait_seconds):
            made = _settled(storage, period)
            if made is not None:
                return made, False
            made, _ = make_report(settings, Kind.NIGHTLY, period, today=clock_of(settings).today())
            storage.write(f"{folder_of(period)}/{_SETTLED}", b"{}\n")
            return made, True
    except LakeBusyError as error:
        if (made := _settled(storage, period)) is not None:
            return made, False
        raise ReportBusyError(
            f"a report is being built, for over {wait_seconds:.0f} s now; ask again in a while."
        ) from error


def _settled(storage: Storage, period: Period) -> Manifest | None:
    """The report that is there, unless somebody built it before its day was over."""
    made = read_manifest(storage, folder_of(period))
    if made is None or made.as_of.replace(tzinfo=None) >= period.end_at:
        return made
    # It speaks of an earlier moment: the day was not over, or nothing was committed since.
    return made if storage.read(f"{folder_of(period)}/{_SETTLED}") is not None else None

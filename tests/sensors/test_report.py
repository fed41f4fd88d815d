"""The pure decision behind the burst sensor's reports."""

import threading

import pytest

from inventory_assets.session import Aside
from sensors.report import Report, ReportCursor, VersionRow, plan_report


def row(version: int, **counts: int) -> VersionRow:
    return VersionRow(version, "burst", sum(counts.values()), counts)


def test_everything_since_the_last_report_is_in_the_next_one():
    """A crash between ticks must lose no report, so the cursor moves only with one."""
    cursor = ReportCursor(version=3, reported_at=100.0)

    report, moved = plan_report(cursor, [row(4, applied=2), row(5, applied=3, duplicate=1)], now=200.0)

    assert Report(4, 5, 6, {"applied": 5, "duplicate": 1}) == report
    assert ReportCursor(5, 200.0) == moved


def test_reports_are_a_minute_apart():
    """Dagster's event log would grow by gigabytes a day otherwise."""
    cursor = ReportCursor(version=3, reported_at=100.0)

    report, kept = plan_report(cursor, [row(4, applied=2)], now=159.9)

    assert report is None
    assert cursor == kept


def test_nothing_new_reports_nothing():
    cursor = ReportCursor(version=3, reported_at=0.0)

    assert (None, cursor) == plan_report(cursor, [], now=1_000.0)


@pytest.mark.parametrize("text", [None, "", "rubbish", "[]", '{"version": "x"}'])
def test_an_unreadable_cursor_starts_over(text):
    """Repeating reports is harmless; losing them is not."""
    assert ReportCursor() == ReportCursor.parse(text)


def test_a_cursor_survives_its_text():
    cursor = ReportCursor(7, 12.5)

    assert cursor == ReportCursor.parse(cursor.dump())


def test_a_job_beside_the_bursts_is_taken_once_and_never_waited_for():
    gate = threading.Event()
    aside = Aside()
    aside.begin(lambda: gate.wait(60) and "built")
    aside.begin(lambda: "another")

    assert aside.take(wait=False) is None
    gate.set()

    assert aside.take(wait=True) == "built"
    assert aside.take(wait=True) is None


def test_what_a_job_raised_is_said_to_who_takes_it_and_the_next_can_begin():
    aside = Aside()
    aside.begin(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        aside.take(wait=True)

    aside.begin(lambda: "next")
    assert aside.take(wait=True) == "next"

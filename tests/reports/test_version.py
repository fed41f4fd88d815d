"""A report of a day speaks of that day's version, whenever it is built."""

import json
from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pytest

from inventory_assets.clock import Clock
from inventory_assets.reports.period import Kind, period_of
from inventory_assets.reports.read.version import choose_version

DAY, NEXT_DAY = date(2026, 3, 6), date(2026, 3, 7)
FRIDAY, WEEK = period_of(Kind.NIGHTLY, DAY), period_of(Kind.WEEKLY, DAY)


class Lake:
    """Versions and events alone, as a report's choice asks for them."""

    def __init__(self, *versions):
        """Versions as (commit, event times…), each a naive time."""
        self.connection = duckdb.connect()
        for statement in (
            "CREATE SCHEMA meta", "CREATE SCHEMA core",
            "CREATE TABLE meta.versions (version BIGINT, committed_at TIMESTAMP)",
            "CREATE TABLE core.events (version BIGINT, kind VARCHAR, event_at TIMESTAMP, event_date DATE)",
        ):  # fmt: skip
            self.connection.execute(statement)
        for number, (committed_at, *events) in enumerate(versions, start=1):
            self.connection.execute("INSERT INTO meta.versions VALUES (?, ?)", [number, committed_at])
            for at in events:
                row = [number, "transaction", at, at.date()]
                self.connection.execute("INSERT INTO core.events VALUES (?, ?, ?, ?)", row)

    def query(self, sql, parameters=None):
        return pl.DataFrame(self.connection.sql(sql, params=parameters or []))


def at(hour, minute=0, day=DAY):
    return datetime(day.year, day.month, day.day, hour, minute)


LIVE = Lake(
    (at(12), at(12)),
    (at(23, 59), at(23, 58)),
    (at(2, 30, NEXT_DAY), at(2, 29, NEXT_DAY)),
    (at(9, 0, NEXT_DAY), at(8, 59, NEXT_DAY)),
)


def test_of_the_newest_day_too_what_was_known_when_it_was_due():
    """Built at noon it spoke from noon."""
    assert 3 == choose_version(LIVE, FRIDAY, NEXT_DAY)


def test_before_it_is_due_the_latest():
    lake = Lake((at(12), at(12)), (at(0, 10, NEXT_DAY), at(0, 9, NEXT_DAY)))

    assert 2 == choose_version(lake, FRIDAY, NEXT_DAY)


def test_of_an_earlier_day_what_its_own_report_would_have_read():
    assert 3 == choose_version(LIVE, FRIDAY, NEXT_DAY + timedelta(days=30))


def test_a_day_that_came_as_a_file_the_next_morning_is_not_reported_without_it():
    lake = Lake((at(12, 0, DAY - timedelta(days=1)), at(11, 0, DAY - timedelta(days=1))), (at(9, 0, NEXT_DAY), at(12)))

    assert choose_version(lake, FRIDAY, NEXT_DAY) is None


def test_history_that_was_taken_in_afterwards_is_read_as_it_is():
    assert choose_version(Lake((at(9, 0, NEXT_DAY), at(12))), FRIDAY, NEXT_DAY) is None


@pytest.fixture
def fast(tmp_path):
    """A clock that showed Friday, 22:00 at noon of another day, and runs a day in ten minutes."""
    began = datetime(2026, 11, 30, 12, tzinfo=UTC)
    path = tmp_path / "clock.json"
    text = {"real": f"{began:%Y-%m-%dT%H:%M:%SZ}", "shown": "2026-03-06T22:00:00Z", "speed": 144}
    path.write_text(json.dumps(text))
    return Clock(path, lambda: began + timedelta(minutes=8))


def real(minutes, seconds=0):
    return datetime(2026, 11, 30, 12) + timedelta(minutes=minutes, seconds=seconds)


def test_on_a_fast_clock_a_late_report_speaks_of_its_own_night(fast):
    """Two minutes late is five hours: Friday's report spoke from Saturday evening."""
    lake = Lake(
        (real(-5), at(12)),  # the past, taken in before the clock began
        (real(1), at(0, 20, NEXT_DAY)),
        # The daily figures of 00:50 bring no event: their moment is the newest event's and what passed since.
        (real(1, 12),),
        (real(2), at(2, 44, NEXT_DAY)),
        (real(3),),
        (real(7), at(14, 45, NEXT_DAY)),
    )

    assert 4 == choose_version(lake, FRIDAY, NEXT_DAY, fast)


def test_a_day_of_before_the_clock_was_set_is_found_by_its_events(fast):
    """A demo that was stopped and goes on has a clock that knows nothing of the days before."""
    lake = Lake(
        (real(-60), at(12, 0, DAY - timedelta(days=1))), (real(-59), at(2, 50)), (real(-58), at(3, 10)),
        (real(1), at(0, 20, NEXT_DAY)),
    )  # fmt: skip

    thursday = period_of(Kind.NIGHTLY, DAY - timedelta(days=1))
    assert 2 == choose_version(lake, thursday, NEXT_DAY, fast)
    assert choose_version(lake, period_of(Kind.NIGHTLY, DAY - timedelta(days=9)), NEXT_DAY, fast) is None


def test_a_week_ends_with_its_sunday_night():
    monday = date(2026, 3, 9)
    lake = Lake((at(12), at(12)), (at(2, 0, monday), at(1, 0, monday)), (at(8, 0, monday), at(7, 0, monday)))

    assert 2 == choose_version(lake, WEEK, monday)

"""The report of a day by HTTP: built once, and the same one again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from inventory_assets.clock import clock_of
from inventory_assets.lake.lock import writer_lock
from inventory_assets.push.days import DayError, ReportBusyError, read_day, report_of_day
from inventory_assets.reports.make import make_report
from inventory_assets.reports.period import Kind, period_of
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.push.conftest import Service

DAY = date(2022, 4, 20)


def _trade(engine) -> None:
    engine.commit_burst(messages(rule(10, 20), level(100), transaction("T1", quantity=-95)))


@pytest.fixture
def lake(open_filled) -> Settings:
    """A lake with a day of trade, committed long after it."""
    return open_filled(_trade).settings


def test_a_day_is_built_once(lake):
    first, is_new = report_of_day(lake, DAY)
    second, is_new_again = report_of_day(lake, DAY)

    assert (is_new, is_new_again) == (True, False)
    assert first == second
    assert first.date == "2022-04-20"


def test_two_at_once_build_one(lake):
    with ThreadPoolExecutor(4) as threads:
        made = [each.result() for each in [threads.submit(report_of_day, lake, DAY) for _ in range(4)]]

    assert sorted(is_new for _, is_new in made) == [False, False, False, True]
    assert len({manifest.lake_version for manifest, _ in made}) == 1


def test_a_report_that_dagster_made_is_the_one(lake):
    made, _ = make_report(lake, Kind.NIGHTLY, period_of(Kind.NIGHTLY, DAY), today=date(2022, 4, 21))

    assert report_of_day(lake, DAY) == (made, False)


def test_who_cannot_wait_is_told_to_come_again(lake):
    with writer_lock(lake.home / "report.lock"), pytest.raises(ReportBusyError, match="being built"):
        report_of_day(lake, DAY, wait_seconds=0.0)


def test_over_http_it_says_where_it_is(lake, service: Service):
    assert service.settings.home == lake.home
    answers = [service.ask("/reports/2022-04-20") for _ in range(2)]

    assert [status for status, _, _ in answers] == [200, 200]
    assert [body.pop("is_new") for _, body, _ in answers] == [True, False]
    assert answers[0][1] == answers[1][1]
    assert Path(answers[0][1]["page"]).read_text().startswith("<!")


@pytest.mark.parametrize(("text", "day"), [(None, date(2026, 1, 30)), ("2026-01-30", date(2026, 1, 30))])
def test_without_a_day_it_is_yesterday(text, day):
    assert read_day(text, date(2026, 1, 31)) == day


@pytest.mark.parametrize("text", ["", "2026-01-31", "2026-02-01", "20260130", "2026-W05-5", "-1", "../x", "٢٠٢٦-01-30"])
def test_a_day_is_written_in_one_way_and_over(text):
    with pytest.raises(DayError):
        read_day(text, date(2026, 1, 31))


def test_a_report_made_before_its_day_was_over_is_made_again(lake):
    """And once: where nothing was committed since, what it says stays so."""
    today = clock_of(lake).today()  # it was filled today
    early, _ = make_report(lake, Kind.NIGHTLY, period_of(Kind.NIGHTLY, today), today=today)
    assert early.as_of.date() == today

    assert [report_of_day(lake, today)[1] for _ in range(2)] == [True, False]

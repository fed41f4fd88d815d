"""Days of a fast clock: asked for once, when they are over, and never where the clock is the machine's."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from inventory_assets.clock import set_clock
from inventory_assets.settings import load_settings
from sensors.trade_days import DayCursor, decide, trade_days_sensor

TODAY = date(2026, 7, 14)
BEGINS = date(2026, 7, 2)


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        ("2026-07-13", ("2026-07-13", "2026-07-13")),
        ("2026-07-11", ("2026-07-11", "2026-07-13")),
        # A night in which nothing ran.
        ("2026-03-01", ("2026-06-30", "2026-07-13")),
        ("2026-07-14", None),
        # A clock that was set back.
        ("2026-07-15", None),
        # The first look: a past that was taken in.
        ("", ("2026-07-02", "2026-07-13")),
    ],
)
def test_a_day_is_asked_for_when_it_is_over_and_once(seen, asked):
    days, cursor = decide(DayCursor(seen), TODAY, 144, begins=BEGINS)

    assert asked == (None if days is None else tuple(day.isoformat() for day in days))
    assert max(seen, TODAY.isoformat()) == cursor.today
    assert (None, cursor) == decide(cursor, TODAY, 144, begins=BEGINS)


def test_a_retailer_that_opens_today_has_no_past():
    assert (None, DayCursor("2026-07-14")) == decide(DayCursor(), TODAY, 144, begins=TODAY)


def test_at_the_machines_pace_the_schedules_do_it():
    assert (None, DayCursor("2026-07-01")) == decide(DayCursor("2026-07-01"), TODAY, 1, begins=BEGINS)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_PARTITIONS_START_DATE", "2026-07-14")
    return load_settings()


def test_the_sensor_asks_by_the_homes_clock(home):
    shown = datetime(2026, 7, 14, 9, tzinfo=UTC)
    set_clock(home, shown=shown, speed=144)
    with dg.DagsterInstance.ephemeral() as instance:
        first = trade_days_sensor(dg.build_sensor_context(instance=instance))
        set_clock(home, shown=shown + timedelta(days=1), speed=144)
        second = trade_days_sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))

    assert ([], "2026-07-14 goes on") == (first.run_requests, first.skip_reason.skip_message)
    [request] = second.run_requests
    assert {"first": "2026-07-14", "last": "2026-07-14"} == request.run_config["ops"]["derive_days"]["config"]
    assert DayCursor("2026-07-15", listed="2026-07-15") == DayCursor.parse(second.cursor)


def test_without_a_clock_of_its_own_the_sensor_says_who_does_it(home):
    with dg.DagsterInstance.ephemeral() as instance:
        result = trade_days_sensor(dg.build_sensor_context(instance=instance))

    assert not result.run_requests
    assert "the schedules do this" in result.skip_reason.skip_message

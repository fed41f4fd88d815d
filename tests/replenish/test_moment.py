"""As of when a version speaks: the same by looking at few days as at all, and the same for messages and reports."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_assets.clock import set_clock
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.stages import Stage
from inventory_assets.replenish import moment
from inventory_assets.replenish.moment import last_day, moment_of
from inventory_assets.reports.period import Kind, period_of
from inventory_assets.reports.read.collect import find_basis
from tests.builders import level, rule
from tests.replenish.shop import take

_ALL = (
    f"SELECT max(event_at) AS at FROM core.events WHERE kind IN {STOCK_KINDS} AND version <= ?"  # as it was looked for
)


def commit_at(engine, version, at):
    """As though a version had been committed then."""
    engine.land()
    engine.lake.connection.execute("UPDATE lake.meta.versions SET committed_at = ? WHERE version = ?", [at, version])


def night(engine):
    """The last sale at 23:50, and at half past midnight a note that brings no event."""
    take(engine, level(9, "2022-05-19T23:50:00Z"))
    engine.commit_note(Stage.OPERATIONS, lambda _: None)
    commit_at(engine, 1, datetime(2022, 5, 19, 23, 50, 2))
    commit_at(engine, 2, datetime(2022, 5, 20, 0, 30))


def test_after_midnight_it_is_the_new_day_also_without_an_event(engine):
    """Version 1 speaks from the evening; it is the second that messages after midnight are planned at."""
    night(engine)

    assert datetime(2022, 5, 19, 23, 50) == moment_of(engine.lake, 1)
    assert datetime(2022, 5, 20, 0, 29, 58) == moment_of(engine.lake, 2)


@pytest.mark.parametrize("version", [1, 2])
def test_messages_and_the_report_of_a_night_are_of_one_day(engine, version):
    night(engine)

    basis = find_basis(engine.lake, period_of(Kind.NIGHTLY, date(2022, 5, 19)), version, "", None)

    assert basis.today == last_day(engine.lake, version)


def test_history_taken_in_at_once_speaks_from_its_own_end(engine):
    take(engine, level(9, "2022-05-19T06:00:00Z"))
    take(engine, rule(1, 15))
    engine.land()

    assert date(2022, 5, 19) == last_day(engine.lake, 2)


def test_no_version_and_no_event_are_no_moment(engine):
    take(engine, rule(1, 15))
    engine.land()

    assert (None, None) == (moment_of(engine.lake, 1), moment_of(engine.lake, 9))


def test_time_passes_as_the_homes_own_clock_has_it(engine):
    """Ten seconds at sixty times the speed are ten minutes."""
    night(engine)
    machine = datetime.now(UTC)
    set_clock(engine.settings, shown=datetime(2022, 5, 19, 23, 50, tzinfo=UTC), speed=60)
    commit_at(engine, 1, (machine + timedelta(seconds=5)).replace(tzinfo=None))
    commit_at(engine, 2, (machine + timedelta(seconds=15)).replace(tzinfo=None))
    reader = LakeReader(engine.settings)

    found = moment_of(reader, 2)

    reader.connection.close()
    assert found is not None
    assert abs(found - datetime(2022, 5, 20, 0, 0)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    "look_back",
    [
        pytest.param(-1, marks=pytest.mark.big),
        0,
        pytest.param(2, marks=pytest.mark.big),
        pytest.param(3_000, marks=pytest.mark.big),
    ],
)
def test_few_days_say_what_all_of_them_say(engine, monkeypatch, look_back):
    """Late, old and future events, each version: the time that a look through all events finds."""
    for at in ("2022-05-19T08:00:00Z", "2022-05-18T08:00:00Z", "2019-01-01T00:00:00Z", "2022-05-19T09:00:00Z"):
        take(engine, level(9, at, sku=f"S{at}"))
    take(engine, level(9, "2022-05-20T08:00:00Z", sku="S9"))
    commit = datetime(2022, 5, 20, 7)
    for version in range(1, 6):
        commit_at(engine, version, commit)
    monkeypatch.setattr(moment, "_LOOK_BACK_DAYS", look_back)

    found = [moment_of(engine.lake, version) for version in range(1, 6)]

    newest = [engine.lake.query(_ALL, [version])["at"].item() for version in range(1, 6)]
    assert [min(at, commit) for at in newest] == found
    assert [19, 19, 19, 19, 20] == [at.day for at in found if at is not None]

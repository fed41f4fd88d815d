"""Days and hours unlike the same weekdays before."""

from datetime import date, datetime, timedelta

import pytest

from inventory_assets.domain.quality.days import find_silent, find_unusual_days

MONDAY = date(2026, 3, 2)


def weeks(*counts, day=MONDAY):
    """Counts of the same weekday, the judged one last, after a first day that is no history."""
    days = {day - timedelta(weeks=len(counts) - 1 - number): count for number, count in enumerate(counts)}
    return {"W1": {min(days) - timedelta(days=1): 1, **days}}


@pytest.mark.parametrize(
    ("counts", "is_found"),
    [
        ((50, 52, 48, 50, 120), True),
        ((50, 52, 48, 50, 5), True),
        ((50, 52, 48, 50, 60), False),
        # By its own scatter it is an outlier, and yet no third off.
        ((1000, 1001, 1000, 999, 1200), False),
        ((10, 90, 30, 70, 120), False),
        # None at all is a silent day, not an unusual one.
        ((50, 52, 48, 50, 0), False),
    ],
)
def test_a_day_is_unusual_against_its_weekday(counts, is_found):
    judged = find_unusual_days(weeks(*counts), [MONDAY], "transactions")

    assert (1, is_found) == (judged.judged, bool(judged.rows))


def test_fewer_than_four_weeks_judge_nothing():
    judged = find_unusual_days(weeks(50, 50, 50, 500), [MONDAY], "transactions")

    assert ([], 0, 3) == judged


@pytest.mark.parametrize(
    ("counts", "is_found"),
    [((6, 9, 7, 8, 0), True), ((6, 9, 7, 8, 1), False), ((6, 0, 7, 8, 0), False), ((1, 2, 1, 2, 0), False)],
)
def test_silence_is_found_where_there_always_was_something(counts, is_found):
    judged = find_silent(weeks(*counts), [MONDAY], "date")

    assert ([{"date": "2026-03-02"}] if is_found else []) == [{"date": row["date"]} for row in judged.rows]


def test_an_hour_is_judged_by_the_same_hour_of_the_week():
    hour = datetime(2026, 3, 2, 7)
    judged = find_silent(weeks(6, 6, 6, 6, 0, day=hour), [hour, hour + timedelta(hours=1)], "hour")

    assert ["2026-03-02T07:00Z"] == [row["hour"] for row in judged.rows]

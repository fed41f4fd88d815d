"""A day's row is the fold of exactly the events before its end, whatever the two clocks say (RULES 12-17)."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst
from inventory_assets.domain.stock.daily_stock import DAY_SECONDS, StockByDay, end_days
from inventory_assets.domain.stock.stock_in_time import run_in_time
from tests.builders import envelope, level, transaction
from tests.domain.histories import history_of
from tests.hunting import tried
from tests.rules.days import DAYS, FIRST, accepted, expected_rows, spell, streams_of_days

FIRST_DAY = (FIRST - date(1970, 1, 1)).days


def history(documents):
    """The history and its keys, each event of a version of its own, in the order of arrival."""
    parsed = parse_burst(accepted(documents)[0], ParseSettings())
    events, keys = history_of(parsed)
    versions = {event.event_id: number for number, event in enumerate(parsed, start=1)}
    return events.with_columns(version=pl.col("event_id").replace_strict(versions, return_dtype=pl.Int64)), keys


def rows_of(documents, first=0):
    """What the product says from a day on, by (day, key)."""
    events, keys = history(documents)
    points = end_days(run_in_time(events), FIRST_DAY + first)
    stock = StockByDay(len(keys))
    stock.begin(points.take(points.day < FIRST_DAY + first))
    found = {}
    for day in range(first, DAYS):
        stock.pass_day(points.take(points.day == FIRST_DAY + day))
        places = np.flatnonzero(stock.is_known)
        rows = stock.now.take(places)
        columns = (
            rows.on_hand,
            rows.reserved,
            rows.inbound,
            rows.is_active,
            rows.stockout,
            rows.sold,
            rows.at,
            rows.version,
        )
        for place, *values, at, version in zip(places.tolist(), *(each.tolist() for each in columns), strict=True):
            found[day, keys[place]] = (*values, datetime.fromtimestamp(at / 1e6, UTC), version)
    return found


@tried(100)
@given(streams_of_days())
def test_every_row_is_the_oracles_fold_of_the_events_before_the_days_end(documents):
    events = accepted(documents)[1]
    versions = {event.event_id: number for number, event in enumerate(events, start=1)}
    expected = expected_rows(events, versions)

    assert expected == rows_of(documents)


@tried(30)
@given(streams_of_days(), st.integers(1, DAYS - 1))
def test_a_range_that_begins_later_has_the_same_rows(documents, first):
    whole = rows_of(documents)

    assert {place: row for place, row in whole.items() if place[0] >= first} == rows_of(documents, first)


def test_keys_apart_and_together_have_the_same_points():
    """A frame holds many keys; one that must be folded by time leaves its neighbours alone."""
    documents = [
        level(5, spell(10), sku="A"),
        # Stated at 30 and put down at 40; what happened at 35 was put down before it, so the level has it.
        envelope(level(3, spell(30), sku="B"), 40 * 60),
        envelope(transaction("T1", quantity=-1, at=spell(35), sku="B"), 20 * 60),
        transaction("T2", quantity=-4, at=spell(20), sku="C"),
    ]

    rows = rows_of(documents)

    assert (5, True, 0) == (rows[0, ("W1", "A")][0], *rows[0, ("W1", "A")][3:5])
    assert 3 == rows[0, ("W1", "B")][0]
    assert (-4, 0, 0, True, DAY_SECONDS - 20 * 60, 4) == rows[0, ("W1", "C")][:6]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((), [DAY_SECONDS] * 5),
        ((1439,), [DAY_SECONDS - 60, 0, 0, 0, 0]),
        ((1440,), [DAY_SECONDS, 0, 0, 0, 0]),
        ((1440 + 30,), [DAY_SECONDS, 1800, 0, 0, 0]),
    ],
)
def test_a_stockout_lasts_until_the_moment_stock_comes(minutes, expected):
    """A key that is out from its first midnight on; a restock of 1 at some minute."""
    documents = [level(0, spell(0)), *(transaction("T1", "RESTOCK", 1, spell(minute)) for minute in minutes)]

    rows = rows_of(documents)

    assert expected == [rows[day, ("W1", "S1")][4] for day in range(DAYS)]


def test_an_order_cancelled_on_a_later_day_is_taken_back_on_that_day():
    """So the days' sums are what was sold, whatever the window."""
    documents = [
        transaction("T1", quantity=-4, at=spell(60)),
        transaction("T1", quantity=-4, at=spell(1440 * 2), status="CANCELLED"),
    ]

    rows = rows_of(documents)

    assert [4, 0, -4, 0, 0] == [rows[day, ("W1", "S1")][5] for day in range(DAYS)]


def test_a_level_ends_what_a_late_event_changes():
    """Else a late event would make every later day's file anew, with the same stock."""
    documents = [level(5, spell(0)), transaction("T1", at=spell(1441)), level(9, spell(1440 * 2))]
    before, after = rows_of(documents), rows_of([*documents, transaction("LATE", at=spell(10))])

    assert [0, 1] == [day for day in range(DAYS) if before[day, ("W1", "S1")] != after[day, ("W1", "S1")]]


def test_what_was_put_down_after_two_levels_counts_on_top_of_both():
    """It happened before either was stated, but neither holds it: their position is earlier (RULES 12)."""
    documents = [
        envelope(transaction("T1", quantity=-1, at=spell(1)), 40 * 60),
        envelope(level(10, spell(2)), 10 * 60),
        envelope(level(20, spell(3)), 20 * 60),
    ]

    assert 19 == rows_of(documents)[0, ("W1", "S1")][0]

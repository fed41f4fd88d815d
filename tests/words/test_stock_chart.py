"""A drawing stands where its numbers are, has round ticks with units and dates, and says what it shows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.values import DAY_US, HOUR_US
from inventory_assets.words.stock_chart import (
    BOTTOM,
    BOX,
    MOST_TICKS,
    TOP,
    Opened,
    Outlook,
    draw_stock,
    draw_weeks,
    time_ticks,
    value_ticks,
)

# 1 March 2026, a Sunday.
MARCH = 20513 * DAY_US


def draw(series, first=MARCH, days=10, **more):
    given_ = {"low": [], "reorder": [], "arrivals": [], "alerts": [], "outlook": None, "what": "S1"} | more
    return draw_stock(series, first=first, last=first + days * DAY_US, **given_)


def test_a_line_has_a_step_where_stock_changes():
    found = draw([(MARCH - DAY_US, 100), (MARCH + 5 * DAY_US, 50)])

    assert f"M0.0,{TOP}H500.0V{BOTTOM - (BOTTOM - TOP) / 2}H1000.0V140.0" == found["line"].replace(f"{TOP}.0", str(TOP))
    assert {"x": 100.0, "y": 140.0, "value": 50} == found["now"]
    assert "S1: available, in units, from 1 March 2026 to 11 March 2026. First 100, lowest 50" in found["words"]


def test_values_and_times_are_labelled():
    found = draw([(MARCH, 83)])

    assert ["0", "20", "40", "60", "80", "100"] == [each["words"] for each in found["values"]]
    assert ["3 Mar", "5 Mar", "7 Mar", "9 Mar"] == [each["words"] for each in found["times"]]


def test_limits_have_gaps_where_there_are_none():
    found = draw([(MARCH, 100)], low=[(0, 10), (MARCH + DAY_US, -1), (MARCH + 2 * DAY_US, 20)], reorder=[(0, -1)])

    assert ["M0.0,", "M200.0,"] == re.findall(r"M[\d.]+,", found["limits"]["low"])
    assert "" == found["limits"]["reorder"]


def test_arrivals_and_alerts_are_marked_with_words():
    alerts = [Opened(MARCH + DAY_US, MARCH + 2 * DAY_US, "Low stock at W1", "high"),
              Opened(MARCH - DAY_US, None, "Out of stock at W1", "critical"), Opened(0, 1, "Long ago", "high")]  # fmt: skip
    found = draw([(MARCH - DAY_US, 5)], arrivals=[(MARCH + 5 * DAY_US, 40), (0, 1)], alerts=alerts)

    assert ["40 arrived, 6 Mar 00:00 UTC"] == [each["words"] for each in found["arrivals"]]
    assert [(10.0, 10.0, True), (0.0, 100.0, False)] == [
        (each["x"], each["width"], each["is_inside"]) for each in found["alerts"]
    ]
    assert "Low stock at W1: from 2 Mar 00:00 UTC, until 3 Mar 00:00" == found["alerts"][0]["words"]
    assert found["alerts"][1]["words"].endswith("still open")


def test_what_is_expected_goes_on_from_now():
    end = MARCH + 20 * DAY_US
    found = draw([(MARCH, 100)], outlook=Outlook(MARCH + 10 * DAY_US, end, 40, 0, 80))

    assert 50.0 == found["now"]["x"]
    assert found["outlook"]["line"].startswith("M500.0,") and "L1000.0," in found["outlook"]["line"]
    assert "40 expected on 21 March 2026, 0 to 80 in four of five cases" == found["outlook"]["words"]


def test_of_a_time_before_all_there_is_no_drawing():
    assert draw([(MARCH + 99 * DAY_US, 5)]) is None
    assert draw_weeks([], first=0, last=1) is None


def test_a_long_history_is_thinned_and_keeps_what_can_be_seen():
    series = [(MARCH + minute * 60_000_000, 500 if minute == 7_777 else minute % 7) for minute in range(14_400)]

    found = draw(series)

    assert found["line"].count("V") <= 4 * BOX + 4
    assert f"V{TOP}" in found["line"].replace(f"{TOP}.0", str(TOP))


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12))
def test_ticks_of_values_hold_them_all_and_are_few(low, size):
    found = value_ticks(low, low + size + 1)

    assert found[0] <= low and low + size + 1 <= found[-1]
    assert 2 <= len(found) <= 8


@pytest.mark.parametrize("hours", [1, 5, 24, 24 * 7, 24 * 30, 24 * 90, 24 * 365, 24 * 3650])
def test_ticks_of_times_are_few_and_inside(hours):
    found = time_ticks(MARCH, MARCH + hours * HOUR_US)

    assert 1 <= len(found) <= MOST_TICKS + 2
    assert all(MARCH <= at <= MARCH + hours * HOUR_US for at, _ in found)


def test_weeks_are_bars_with_words():
    found = draw_weeks([(MARCH, 0), (MARCH + 7 * DAY_US, 10)], first=MARCH, last=MARCH + 9 * DAY_US)

    assert [0, 64.0] == [each["height"] for each in found["bars"]]
    assert "10 sold in the week of 8 March 2026" == found["bars"][1]["words"]
    assert ("1 Mar", "8 Mar", "10") == (found["from"], found["to"], found["highest"])

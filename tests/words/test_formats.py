"""Numbers, counts, times and spans as people read them; one example a line."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_assets.words import charts, numbers, text, times
from inventory_assets.words.alerts import describe_step, handled, tally

AT = datetime(2025, 3, 4, 22, 33, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("1,234", numbers.number(1234)), ("0.5", numbers.number(0.5)), ("1,000", numbers.number(1000.0)),
        ("3.14", numbers.number(3.14159)), ("3.1", numbers.figure(3.14159)), ("–", numbers.figure(None)),
        ("1 shelf", numbers.shelves(1)), ("2 shelves", numbers.shelves(2)), ("0 alerts", numbers.counted(0, "alert")),
        ("1.5M", numbers.short(1_500_000)), ("12k", numbers.short(12_345)), ("9.5", numbers.short(9.5)),
        ("12 more", numbers.change(15, 3)), ("3 fewer", numbers.change(0, 3)), ("the same", numbers.change(3, 3)),
        ("", numbers.change(None, 3)), ("+12 %", numbers.percent(112, 100)), ("−50 %", numbers.percent(1, 2)),
        ("2025-03-04 22:33", times.to_minute(AT)), ("2025-03-04 22:33:07", times.to_second(AT)),
        ("2025-03-04 22:33 UTC", times.wire_moment("2025-03-04T22:33:07.000Z")),
        ("2025-03-04 22:33 UTC", times.moment_of(1_741_127_587_000_000)),
        ("4 Mar 22:33", times.moment(AT)), ("4 Mar 2025 22:33", times.moment(AT, now=AT + timedelta(days=365))),
        ("4 March 2025, 22:33 UTC", times.full_moment(AT)), ("Tue 4 Mar", times.day(date(2025, 3, 4))),
        ("40 min", times.span(2 / 3)), ("15 h", times.span(15.4)), ("3 days", times.span(72)), ("–", times.span(None)),
        ("12 min", times.duration(timedelta(minutes=12))), ("1,000d 4h", times.duration(timedelta(1000, 14_400))),
        ("45 s ago", times.ago(45)), ("2h 0m ago", times.ago(7200)), ("never", times.ago(None)),
        ("1 day", times.day_count(1.0)), ("2.5 days", times.day_count(2.5)), ("3.2 days", times.days(3.2)),
        ("a, b and c", text.listed(["a", "b", "c"])), ("It is so.", text.sentence("it is so")),
        ("▁▅█", charts.sparkline([2, 4, 5])), ("", charts.sparkline([])),
    ],
)  # fmt: skip
def test_a_value_is_said(expected, said):
    assert expected == said


@pytest.mark.parametrize(
    ("values", "threshold", "has_limit"),
    [([5, 4, 3], 4, True), ([5, 5], 5, True), ([100, 90], 5, False), ([0, 0, 0], 0.0, True), ([-5, 10**12], 10, True)],
)
def test_a_picture_stays_in_its_frame(values, threshold, has_limit):
    found = charts.line_points(values, threshold)

    assert (found["limit"] is not None) is has_limit
    for x, y in (point.split(",") for point in found["points"].split()):
        assert 0 <= float(x) <= found["width"] and 0 <= float(y) <= found["height"]
    assert charts.line_points([5], 4) is None


def test_alerts_are_counted_by_what_is_wrong():
    assert "2 out of stock, 1 to reorder" == tally(["REORDER", "STOCKOUT", "STOCKOUT"])


def test_what_was_done_about_an_alert_is_said():
    row = dict.fromkeys(("resolved_reason", "escalated_level", "inhibited_by", "is_untrusted"))
    row |= {"state": "firing", "acknowledged_by": "dana", "silenced_until": AT}

    assert ["acknowledged by dana", "silenced until 4 Mar 22:33 UTC"] == handled(row)
    assert "inhibited by connector" in handled({**row, "inhibited_by": "connector"})
    assert "notified with its incident" in handled({**row, "inhibited_by": "inc-20250304-x"})


def test_a_step_has_our_words_or_a_persons():
    assert ("notified again: nobody had acknowledged it", "") == describe_step("notified", "repeat")
    assert ("no longer inhibited", "heard again") == describe_step("uninhibited", "heard again")
    assert ("acknowledged", "seen") == describe_step("acknowledged", "seen")

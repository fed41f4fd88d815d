"""Results of the rules as values: trend, verdict, names of rows, words that are safe to show."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_assets.domain.quality.days import find_silent, find_unusual_days
from inventory_assets.domain.quality.report import markdown_text, shown_id, to_markdown
from inventory_assets.domain.quality.results import (
    QualityResult,
    ResultStatus,
    Severity,
    TrendPoint,
    describe_trend,
    row_id,
    sparkline,
    summarize,
)

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MONDAY = date(2026, 3, 2)


def result(status=ResultStatus.FAIL, severity=Severity.ERROR, **more):
    """A result of two rows found."""
    base = {
        "rule": "no_key_lost", "table": "core.sku_state", "text": "Every key has a row.", "severity": severity,
        "status": status, "failing_count": 2, "checked_count": 9, "sample_ids": ("W1:S1", "W1:S2"), "rows": (),
        "reason": "", "what_to_do": "Run `inventory verify`.", "as_of_version": 3, "checked_at": AT,
    }  # fmt: skip
    return QualityResult(**{**base, **more})


def trend(*counts):
    return [TrendPoint(AT + timedelta(days=number), count) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((), "first time"),
        ((0,), "▁  0 (first time)"),
        ((0, 0), "▁▁  0, as before"),
        ((0, 1), "▁█  1, 1 more than before"),
        ((1, 1_000), "▂█  1,000, 999 more than before"),
        ((8, 4, 0), "█▅▁  0, 4 fewer than before"),
    ],
)
def test_a_trend_is_one_line(counts, expected):
    assert expected == describe_trend(trend(*counts))


def test_a_single_row_shows_beside_a_million():
    """A fault that has just begun must not look like none."""
    assert "▁▂█" == sparkline([0, 1, 1_000_000])


@pytest.mark.parametrize(
    ("results", "verdict", "is_trusted"),
    [
        ([], "Nothing was checked yet.", True),
        ([result(ResultStatus.PASS)], "The numbers hold. Nothing was found wrong.", True),
        ([result(ResultStatus.NOT_JUDGED)], "Nothing was checked yet.", True),
        ([result(severity=Severity.WARN)], "The numbers hold. 1 warning about what was sent to us.", True),
        ([result(), result(severity=Severity.WARN)], "Do not rely on these numbers yet: 1 error, 1 warning.", False),
    ],
)
def test_the_verdict_goes_by_errors_only(results, verdict, is_trusted):
    summary = summarize(results)

    assert (verdict, is_trusted) == (summary.verdict, summary.is_trusted)


def test_no_two_rows_have_one_name():
    names = ("warehouse_id", "sku")
    one, other = {"warehouse_id": "a:b", "sku": "c"}, {"warehouse_id": "a", "sku": "b:c"}

    assert ("a%3Ab:c", "a:b%3Ac") == (row_id(one, names), row_id(other, names))
    assert "a:b" == row_id(one, names[:1])
    assert "a:" == row_id({"warehouse_id": "a", "sku": None}, names)


def test_ids_are_shown_as_they_are_and_do_nothing():
    assert r"\<b\>x\</b\>\`\[a\]\(http\://x\)\|" == markdown_text("<b>x</b>`[a](http://x)|")
    assert r"a\u202eb\u0007" == shown_id("a\u202eb\x07")
    assert ("x" * 59 + "…", 300) == (shown_id("x" * 300, longest=60), len(shown_id("x" * 300, longest=300)))


def test_the_report_says_what_is_wrong_and_what_to_do():
    found = result(trend=tuple(trend(0, 2)), sample_ids=("W1:<i>", "W1:S2"))
    text = to_markdown([found, result(ResultStatus.NOT_JUDGED, reason="no history", rule="volume_is_usual")])

    assert "## Do not rely on these numbers yet: 1 error, 0 warnings." in text
    assert "**no key lost** (core.sku_state): 2 of 9" in text
    assert r"- Found: W1\:\<i\>, W1\:S2" in text
    assert "- Trend: ▁█  2, 2 more than before" in text
    assert "- What to do: Run `inventory verify`." in text
    assert "- **volume is usual**: no history" in text


def test_a_report_of_nothing_says_how_to_begin():
    assert "inventory quality --record" in to_markdown([])


# ---- days


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

"""Data quality in words: trend, verdict, report, names that are safe to show."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.domain.quality.results import QualityResult, ResultStatus, Severity, TrendPoint, summarize
from inventory_assets.words.charts import count_bars
from inventory_assets.words.quality import describe_trend, markdown_text, shown_id, to_markdown
from inventory_assets.words.quality import verdict as verdict_of

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


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
    assert "▁▂█" == count_bars([0, 1, 1_000_000])


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

    assert (verdict, is_trusted) == (verdict_of(summary), summary.is_trusted)


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

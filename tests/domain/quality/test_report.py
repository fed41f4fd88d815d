"""The report is words that are safe to show."""

from inventory_assets.domain.quality.report import markdown_text, shown_id, to_markdown

from inventory_assets.domain.quality.results import (
    ResultStatus,
)
from tests.domain.quality.test_results import result, trend


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

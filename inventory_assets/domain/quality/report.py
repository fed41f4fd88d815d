"""The quality report as markdown: for a reader who built none of it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from inventory_assets.domain.quality.results import (
    QualityResult,
    ResultStatus,
    Severity,
    describe_trend,
    summarize,
)

# Ids of a finding in a line; the check's own page has more.
SHOWN_IDS = 3
MAX_SHOWN = 120

# Control, format (which turns the direction of writing), private, surrogate, line and paragraph ends.
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~=:@$])")


def shown_id(text: str, *, longest: int = MAX_SHOWN) -> str:
    """An id as it can be shown anywhere: no invisible or turning characters, and not endless."""
    visible = "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _INVISIBLE else character for character in text
    )
    return visible if len(visible) <= longest else visible[: longest - 1] + "…"


def markdown_text(text: str) -> str:
    """Text that markdown shows as it is: ids may hold tags, tables, links."""
    return _SPECIAL.sub(r"\\\1", shown_id(text)).replace("\n", " ")


def to_markdown(results: Sequence[QualityResult]) -> str:
    """Write the report: the verdict, what is wrong and what to do, then what holds."""
    summary = summarize(results)
    failed = [result for result in results if result.status is ResultStatus.FAIL]
    parts = [f"## {summary.verdict}", _counts(results)]
    for severity, title in (
        (Severity.ERROR, "### Errors: a number of ours is wrong"),
        (Severity.WARN, "### Warnings: what was sent to us looks wrong, and was taken as it came"),
    ):
        chosen = [result for result in failed if result.severity is severity]
        if chosen:
            parts += [title, *(_finding(result) for result in chosen)]
    unjudged = [result for result in results if result.status is ResultStatus.NOT_JUDGED]
    if unjudged:
        lines = (f"- **{_words(result.rule)}**: {result.reason}" for result in unjudged)
        parts += ["### Not judged", "\n".join(lines)]
    passed = [result for result in results if result.status is ResultStatus.PASS]
    if passed:
        parts += ["### What holds", _table(passed)]
    return "\n\n".join(parts) + "\n"


def _counts(results: Sequence[QualityResult]) -> str:
    if not results:
        return "Run the job `quality`, or `inventory quality --record`."
    summary = summarize(results)
    latest = max(result.checked_at for result in results)
    version = max(result.as_of_version for result in results)
    return (
        f"{len(results)} rules: {summary.passed} hold, {summary.failed} errors, {summary.warned} warnings, "
        f"{summary.not_judged} not judged. Last result {latest:%Y-%m-%d %H:%M} UTC, lake version {version:,}."
    )


def _finding(result: QualityResult) -> str:
    of = "" if result.checked_count is None else f" of {result.checked_count:,}"
    ids = ", ".join(markdown_text(each) for each in result.sample_ids[:SHOWN_IDS])
    more = result.failing_count - min(SHOWN_IDS, len(result.sample_ids))
    ids += f" and {more:,} more" if more > 0 else ""
    lines = [
        f"**{_words(result.rule)}** ({result.table}): {result.failing_count:,}{of}",
        f"- Should hold: {result.text}",
        f"- Found: {ids}",
        f"- Trend: {describe_trend(result.trend)}",
        f"- What to do: {result.what_to_do}",
    ]
    return "\n".join([lines[0], "", *lines[1:]])


def _table(results: Iterable[QualityResult]) -> str:
    rows = [f"| {_words(result.rule)} | {result.table} | {result.text} |" for result in results]
    return "\n".join(["| rule | table | what holds |", "|---|---|---|", *rows])


def _words(rule: str) -> str:
    # A name of ours, in words.
    return rule.replace("_", " ")

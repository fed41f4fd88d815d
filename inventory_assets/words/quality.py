"""Data quality in words: the verdict, a trend, and the report as markdown for a reader who built none of it. Pure."""

import re
from collections.abc import Iterable, Sequence

from inventory_assets.domain.quality.results import (
    QualityResult,
    QualitySummary,
    ResultStatus,
    Severity,
    TrendPoint,
    summarize,
)
from inventory_assets.words.charts import count_bars
from inventory_assets.words.numbers import change, counted
from inventory_assets.words.text import spaced, visible
from inventory_assets.words.times import to_minute

# Ids of a finding in a line; the check's own page has more.
SHOWN_IDS = 3
MAX_SHOWN = 120

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~=:@$])")


def shown_id(text: str, *, longest: int = MAX_SHOWN) -> str:
    """An id as it can be shown anywhere: no invisible or turning characters, and not endless."""
    shown = visible(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def markdown_text(text: str) -> str:
    """Text that markdown shows as it is: ids may hold tags, tables, links."""
    return _SPECIAL.sub(r"\\\1", shown_id(text))


def markdown_code(text: str) -> str:
    """A text as code on one line of markdown, whatever backquotes are in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{text}{space}{fence}"


def verdict(summary: QualitySummary) -> str:
    """How far the numbers can be trusted, in one sentence or two."""
    warnings = counted(summary.warned, "warning")
    if summary.failed:
        return f"Do not rely on these numbers yet: {counted(summary.failed, 'error')}, {warnings}."
    if summary.warned:
        return f"The numbers hold. {warnings} about what was sent to us."
    return "The numbers hold. Nothing was found wrong." if summary.passed else "Nothing was checked yet."


def describe_trend(trend: Sequence[TrendPoint]) -> str:
    """Say a trend in one line: bars, the last counts, and the change since the one before."""
    if not trend:
        return "first time"
    counts = [point.failing_count for point in trend]
    bars = f"{count_bars(counts)}  {counts[-1]:,}"
    if len(counts) == 1:
        return f"{bars} (first time)"
    difference = change(counts[-1], counts[-2], same="")
    return f"{bars}, {difference} than before" if difference else f"{bars}, as before"


def how_many(result: QualityResult) -> str:
    """`2 of 9`; only how many were found where nobody counted the rows."""
    return f"{result.failing_count:,}" + ("" if result.checked_count is None else f" of {result.checked_count:,}")


def to_markdown(results: Sequence[QualityResult]) -> str:
    """Write the report: the verdict, what is wrong and what to do, then what holds."""
    summary = summarize(results)
    failed = [result for result in results if result.status is ResultStatus.FAIL]
    parts = [f"## {verdict(summary)}", _counts(results)]
    for severity, title in (
        (Severity.ERROR, "### Errors: a number of ours is wrong"),
        (Severity.WARN, "### Warnings: what was sent to us looks wrong, and was taken as it came"),
    ):
        chosen = [result for result in failed if result.severity is severity]
        if chosen:
            parts += [title, *(_finding(result) for result in chosen)]
    unjudged = [result for result in results if result.status is ResultStatus.NOT_JUDGED]
    if unjudged:
        lines = (f"- **{spaced(result.rule)}**: {result.reason}" for result in unjudged)
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
        f"{summary.not_judged} not judged. Last result {to_minute(latest)} UTC, lake version {version:,}."
    )


def _finding(result: QualityResult) -> str:
    ids = ", ".join(markdown_text(each) for each in result.sample_ids[:SHOWN_IDS])
    more = result.failing_count - min(SHOWN_IDS, len(result.sample_ids))
    ids += f" and {more:,} more" if more > 0 else ""
    lines = [
        f"**{spaced(result.rule)}** ({result.table}): {how_many(result)}",
        f"- Should hold: {result.text}",
        f"- Found: {ids}",
        f"- Trend: {describe_trend(result.trend)}",
        f"- What to do: {result.what_to_do}",
    ]
    return "\n".join([lines[0], "", *lines[1:]])


def _table(results: Iterable[QualityResult]) -> str:
    rows = [f"| {spaced(result.rule)} | {result.table} | {result.text} |" for result in results]
    return "\n".join(["| rule | table | what holds |", "|---|---|---|", *rows])

"""What the rules of data quality found, as values: results, their trend, the verdict over all of them.

Not here: the rules (`quality.rules`), reading the lake, or what becomes
of a result (`quality.judge`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from inventory_assets.domain.events.kinds import join_id


class Severity(StrEnum):
    """ERROR: a number of ours is not what its events say. WARN: what came in looks wrong and is kept as it came."""

    ERROR = "ERROR"
    WARN = "WARN"


class ResultStatus(StrEnum):
    """How a rule went. What cannot be judged, for want of history or data, neither passes nor fails."""

    PASS = "pass"
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """How many rows a rule found at a time; `checked_at` is UTC."""

    checked_at: datetime
    failing_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityResult:
    """One rule's result as of one lake version.

    Attributes:
        rule: The rule's name.
        table: What it judges, as `core.events`.
        text: One sentence: what holds where it passes.
        severity, status: See there.
        failing_count: Offending rows, exactly; 0 where not judged.
        checked_count: Rows looked at; null where they were not counted.
        sample_ids: Ids of some offending rows, in order. Ids come from other systems: escape them.
        rows: Those rows in full.
        reason: Why it was not judged; else empty.
        what_to_do: What a reader can do about it.
        as_of_version: The lake version judged.
        checked_at: UTC.
        run_id: The Dagster run; empty at the terminal.
        trend: The recorded counts up to this one, oldest first.
    """

    rule: str
    table: str
    text: str
    severity: Severity
    status: ResultStatus
    failing_count: int
    checked_count: int | None
    sample_ids: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    reason: str
    what_to_do: str
    as_of_version: int
    checked_at: datetime
    run_id: str = ""
    trend: tuple[TrendPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class QualitySummary:
    """How far the data can be trusted: how many rules went how, and one sentence."""

    passed: int
    warned: int
    failed: int
    not_judged: int
    verdict: str
    rules_failed: tuple[str, ...] = field(default=())

    @property
    def is_trusted(self) -> bool:
        """Whether no rule of severity ERROR fails."""
        return self.failed == 0


def summarize(results: Iterable[QualityResult]) -> QualitySummary:
    """Sum up results, one a rule."""
    passed = warned = not_judged = 0
    failed: list[str] = []
    for result in results:
        if result.status is ResultStatus.PASS:
            passed += 1
        elif result.status is ResultStatus.NOT_JUDGED:
            not_judged += 1
        elif result.severity is Severity.ERROR:
            failed.append(result.rule)
        else:
            warned += 1
    if failed:
        verdict = f"Do not rely on these numbers yet: {_count(len(failed), 'error')}, {_count(warned, 'warning')}."
    elif warned:
        verdict = f"The numbers hold. {_count(warned, 'warning')} about what was sent to us."
    elif passed:
        verdict = "The numbers hold. Nothing was found wrong."
    else:
        verdict = "Nothing was checked yet."
    return QualitySummary(passed, warned, len(failed), not_judged, verdict, tuple(failed))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def row_id(row: Mapping[str, Any], id_columns: Sequence[str]) -> str:
    """Name a row by its id columns: one as it is, several joined so that no two rows share a name."""
    parts = ["" if row[name] is None else str(row[name]) for name in id_columns]
    return parts[0] if len(parts) == 1 else join_id(*parts)


def is_same_finding(one: QualityResult, other: QualityResult) -> bool:
    """Whether two results of a rule say the same of the data; when and of which version is not of it."""
    return (one.status, one.severity, one.failing_count, one.sample_ids) == (
        other.status, other.severity, other.failing_count, other.sample_ids,
    )  # fmt: skip


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(counts: Sequence[int]) -> str:
    """Draw counts as bars; none at all is the lowest bar, so that a single row shows."""
    highest = max(counts, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-count * steps // highest) if highest else 0] for count in counts)


def describe_trend(trend: Sequence[TrendPoint]) -> str:
    """Say a trend in one line: bars, the last counts, and the change since the one before."""
    if not trend:
        return "first time"
    counts = [point.failing_count for point in trend]
    if len(counts) == 1:
        return f"{sparkline(counts)}  {counts[0]:,} (first time)"
    change = counts[-1] - counts[-2]
    word = "as before" if change == 0 else f"{abs(change):,} {'more' if change > 0 else 'fewer'} than before"
    return f"{sparkline(counts)}  {counts[-1]:,}, {word}"

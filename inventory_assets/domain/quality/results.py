"""What the rules of data quality found, as values: results, their trend, how many went how.

Not here: the rules (`quality.rules`), reading the lake, what becomes of a
result (`quality.judge`), or how it is said (`words.quality`).
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
    """How far the data can be trusted: how many rules went how."""

    passed: int
    warned: int
    failed: int
    not_judged: int
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
    return QualitySummary(passed, warned, len(failed), not_judged, tuple(failed))


def row_id(row: Mapping[str, Any], id_columns: Sequence[str]) -> str:
    """Name a row by its id columns: one as it is, several joined so that no two rows share a name."""
    parts = ["" if row[name] is None else str(row[name]) for name in id_columns]
    return parts[0] if len(parts) == 1 else join_id(*parts)


def is_same_finding(one: QualityResult, other: QualityResult) -> bool:
    """Whether two results of a rule say the same of the data; when and of which version is not of it."""
    return (one.status, one.severity, one.failing_count, one.sample_ids) == (
        other.status, other.severity, other.failing_count, other.sample_ids,
    )  # fmt: skip

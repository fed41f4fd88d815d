"""Judge the lake by the rules of data quality, keep what was found, and read it back.

A pass reads and never writes; `record` appends to `out.quality_results`. A
result that says the same as the last one adds no row until the next UTC day:
hourly passes over sound data would otherwise make a version each, and a trend
of daily points and changes is what a reader looks at anyway.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from inventory_assets.control.untrusted import Place, hold_untrusted, source_of
from inventory_assets.domain.quality.results import (
    QualityResult,
    ResultStatus,
    Severity,
    TrendPoint,
    is_same_finding,
    row_id,
)
from inventory_assets.domain.values import to_datetime
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.notes import LakeNotes
from inventory_assets.ingest.warm import load_inhibitions
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import QUALITY_RESULTS
from inventory_assets.lake.transaction import Lake
from inventory_assets.quality.rule import Pass, Rule, judge_query
from inventory_assets.quality.rules import RULES
from inventory_assets.settings import Settings

# What a sparkline shows: a month of daily points where nothing changes.
TREND_POINTS = 30
_NEWEST = "checked_at DESC, version DESC"
# Each hold is a message for ever. A warehouse with more wrong keys is in doubt as a whole.
MAX_HELD_KEYS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule, its result, and every place whose stock it finds wrong."""

    rule: Rule
    result: QualityResult
    places: list[Place]


def judge_rules(
    reader: Reader, settings: Settings, rules: Iterable[Rule], *, now: int, run_id: str = "",
    on_rule: Callable[[Rule], object] = lambda rule: None,
) -> list[Judged]:  # fmt: skip
    """Judge the lake by some rules, all of them as of one version if the reader is in a transaction.

    Args:
        reader: Of its own, so that no burst waits.
        settings: Of the product.
        rules: Which ones.
        now: Microseconds.
        run_id: For the history.
        on_rule: Told of each rule before it is judged.
    """
    look = Pass(reader, settings, now)
    judged = []
    for rule in rules:
        on_rule(rule)
        judged.append(_judge(rule, look, run_id))
    return judged


def _judge(rule: Rule, look: Pass, run_id: str) -> Judged:
    found = judge_query(rule, look) if rule.judge is None else rule.judge(look)
    result = QualityResult(
        rule=rule.name, table=rule.table.full_name, text=rule.text, severity=rule.severity,
        status=ResultStatus.NOT_JUDGED if found.not_judged else ResultStatus.FAIL if found.count else ResultStatus.PASS,
        failing_count=found.count, checked_count=found.checked,
        sample_ids=tuple(row_id(row, rule.id_columns) for row in found.rows), rows=tuple(found.rows),
        reason=found.not_judged, what_to_do=rule.what_to_do, as_of_version=look.version,
        checked_at=to_datetime(look.now), run_id=run_id,
    )  # fmt: skip
    return Judged(rule, result, places_to_hold(found.places))


def places_to_hold(places: Sequence[Place]) -> list[Place]:
    """The keys to hold; a warehouse as a whole where too many of its keys are wrong."""
    keys = Counter(warehouse_id for warehouse_id, _ in set(places))
    return sorted(
        {place if keys[place[0]] <= MAX_HELD_KEYS else (place[0], None) for place in places},
        key=lambda place: (place[0], place[1] or ""),
    )


def hold_judged(engine: Engine, judged: Sequence[Judged], *, now: int) -> None:
    """Hold the alerts that stand on wrong stock, and let go of those whose stock is right again.

    The engine's state, seconds to load in a process that has none, is used only
    where a hold begins or ends.

    Raises:
        LakeError: The lake could not be written.
    """
    inhibitions = load_inhibitions(engine.lake).values()
    for rule, places in ((each.rule, each.places) for each in judged):
        source = source_of(rule.name)
        held = {(command.warehouse_id, command.sku) for command in inhibitions if command.source == source}
        if rule.is_of_stock and held != set(places):
            hold_untrusted(engine, rule.name, places, now=now)


# ---- history


def record(lake: Lake, judged: Sequence[Judged], *, run_id: str = "") -> list[QualityResult]:
    """Append the results that say something new, or are the first of their day; which ones.

    Raises:
        LakeError: The lake could not be written.
    """
    known = _latest_points(lake)
    new = [each.result for each in judged if _is_new(each.result, known.get(each.rule.name))]
    if new:
        frame = _to_frame(new)
        notes = LakeNotes(lake, CODE_VERSION)
        notes.commit_note(Stage.QUALITY, lambda transaction: transaction.append(QUALITY_RESULTS, frame), run_id)
    return new


def _is_new(result: QualityResult, last: QualityResult | None) -> bool:
    return last is None or not is_same_finding(result, last) or last.checked_at.date() != result.checked_at.date()


def latest_results(reader: Reader) -> list[QualityResult]:
    """The last recorded result of every rule, with its trend; errors first. Empty where nothing was ever recorded.

    `checked_at` is when a result was first seen on its day: while it stays the
    same, later passes of that day add nothing.
    """
    trends = read_trends(reader)
    results = [replace(result, trend=trends.get(name, ())) for name, result in _latest_points(reader).items()]
    return sorted(results, key=lambda result: (_urgency(result), result.table, result.rule))


def _urgency(result: QualityResult) -> int:
    if result.status is ResultStatus.FAIL:
        return 0 if result.severity is Severity.ERROR else 1
    return 2 if result.status is ResultStatus.NOT_JUDGED else 3


def read_history(reader: Reader, *, rule: str | None = None, limit: int | None = None) -> list[QualityResult]:
    """Recorded results, the newest first."""
    condition, parameters = ("", []) if rule is None else ("WHERE rule = ?", [rule])
    bound = "" if limit is None else f"LIMIT {limit}"
    query = f"FROM out.quality_results {condition} ORDER BY {_NEWEST}, rule {bound}"
    return [_from_row(row) for row in _rows(reader, query, parameters)]


def read_trends(reader: Reader) -> dict[str, tuple[TrendPoint, ...]]:
    """The last recorded counts of every rule, oldest first; what was not judged is left out."""
    rows = _rows(
        reader,
        f"""
        SELECT rule, checked_at, failing_count FROM out.quality_results WHERE status <> 'not_judged'
        {latest("rule", order=_NEWEST, count=TREND_POINTS)}
        ORDER BY checked_at, version
        """,
    )
    trends: dict[str, list[TrendPoint]] = {}
    for row in rows:
        trends.setdefault(row["rule"], []).append(TrendPoint(_utc(row["checked_at"]), row["failing_count"]))
    return {rule: tuple(points) for rule, points in trends.items()}


def with_trends(reader: Reader, results: Iterable[QualityResult]) -> list[QualityResult]:
    """Give results judged now their recorded trend, themselves as its last point."""
    trends = read_trends(reader)
    return [_with_trend(result, trends.get(result.rule, ())) for result in results]


def _with_trend(result: QualityResult, trend: tuple[TrendPoint, ...]) -> QualityResult:
    if result.status is ResultStatus.NOT_JUDGED or (trend and trend[-1].checked_at == result.checked_at):
        return replace(result, trend=trend)
    last = TrendPoint(result.checked_at, result.failing_count)
    return replace(result, trend=(*trend, last)[-TREND_POINTS:])


def _latest_points(reader: Reader) -> dict[str, QualityResult]:
    rows = _rows(reader, f"FROM out.quality_results {latest('rule', order=_NEWEST)}")
    return {row["rule"]: _from_row(row) for row in rows}


def _rows(reader: Reader, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    return list(reader.query(sql, parameters).iter_rows(named=True))


def _to_frame(results: Sequence[QualityResult]) -> pl.DataFrame:
    return QUALITY_RESULTS.frame(
        results,
        table_name=[r.table for r in results],
        sample_ids=[json.dumps(r.sample_ids, ensure_ascii=False) for r in results],
        checked_at=[r.checked_at.replace(tzinfo=None) for r in results],
        details=[_details(r) for r in results],
    )


def _details(result: QualityResult) -> str:
    details: dict[str, Any] = {"reason": result.reason} if result.reason else {}
    return json.dumps(details | {"rows": list(result.rows)}, ensure_ascii=False, default=str)


_RULES: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


def _from_row(row: Mapping[str, Any]) -> QualityResult:
    details = json.loads(row["details"])
    rule = _RULES.get(row["rule"])
    # A rule that this release no longer has still has its history.
    return QualityResult(
        rule=row["rule"], table=row["table_name"], text=rule.text if rule else "", severity=Severity(row["severity"]),
        status=ResultStatus(row["status"]), failing_count=row["failing_count"], checked_count=row["checked_count"],
        sample_ids=tuple(json.loads(row["sample_ids"])), rows=tuple(details["rows"]), reason=details.get("reason", ""),
        what_to_do=rule.what_to_do if rule else "", as_of_version=row["as_of_version"],
        checked_at=_utc(row["checked_at"]), run_id=row["run_id"],
    )  # fmt: skip


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def offending_rows(reader: Reader, rule: Rule, most: int | None = None) -> list[dict[str, Any]]:
    """Rows that break a rule that is a query; all of them, or so many."""
    part = "" if most is None else f" LIMIT {most:d}"
    return list(reader.query(f"FROM ({rule.query}){part}").iter_rows(named=True))

"""Days and hours of a warehouse that are not as its same weekdays before; pure.

Few past weeks are all there is, so the measures are robust ones: the median,
and the median absolute deviation from it (Iglewicz & Hoaglin 1993).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from inventory_assets.domain.alerts.incidents import OUTLIER_SCORE, robust_score

WEEKS = 8
LEAST_WEEKS = 4
# Below this a usual day is too near to none for its absence to say anything.
LEAST_USUAL = 5
# Of a few weeks the deviation is itself a guess: less than a third off is not looked at.
LEAST_CHANGE = 1 / 3

Moments = Mapping[str, Mapping[Any, int]]
"""By warehouse: what happened on each date, or in each hour; what is absent is none."""


class Judged(NamedTuple):
    """Offending moments, how many were judged, and the most past weeks that any had."""

    rows: list[dict[str, Any]]
    judged: int
    weeks: int


def find_unusual_days(counts: Moments, days: Iterable[date], noun: str) -> Judged:
    """Find days on which a warehouse had far more or fewer than on this weekday.

    A day with none at all is `find_silent`'s. A warehouse's first day is no
    history: it may have begun at noon.
    """

    def row(day: date, value: int, history: list[int]) -> dict[str, Any] | None:
        score, usual, _ = robust_score(value, history)
        if not value or abs(score) <= OUTLIER_SCORE or abs(value - usual) < LEAST_CHANGE * usual:
            return None
        return {"date": day.isoformat(), noun: value, "usual": usual, "score": round(score, 1),
                "same_weekdays_before": history}  # fmt: skip

    return _judge(counts, days, row)


def find_silent(counts: Moments, moments: Iterable[Any], noun: str) -> Judged:
    """Find dates or hours without anything in a warehouse that always had something at that time of the week."""

    def row(moment: Any, value: int, history: list[int]) -> dict[str, Any] | None:
        if value or min(history) <= 0 or median(history) < LEAST_USUAL:
            return None
        return {noun: _spelt(moment), "usual": median(history), "same_time_before": history}

    return _judge(counts, moments, row)


def _judge(
    counts: Moments, moments: Iterable[Any], row: Callable[[Any, int, list[int]], dict[str, Any] | None]
) -> Judged:
    """Judge every moment of every warehouse that has history enough; `row` says what is wrong with one."""
    rows: list[dict[str, Any]] = []
    judged = weeks = 0
    chosen = sorted(moments)
    for warehouse_id, by_moment in sorted(counts.items()):
        for moment in chosen:
            history = _history(by_moment, moment)
            weeks = max(weeks, len(history))
            if len(history) < LEAST_WEEKS:
                continue
            judged += 1
            if (found := row(moment, by_moment.get(moment, 0), history)) is not None:
                rows.append({"warehouse_id": warehouse_id, **found})
    return Judged(rows, judged, weeks)


def _history(by_moment: Mapping[Any, int], moment: Any) -> list[int]:
    """What happened at this time of the week, the latest first, since the warehouse is known."""
    first = min(by_moment)
    earlier = [moment - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    return [by_moment.get(each, 0) for each in earlier if each > first]


def _spelt(moment: date | datetime) -> str:
    return f"{moment:%Y-%m-%dT%H}:00Z" if isinstance(moment, datetime) else moment.isoformat()

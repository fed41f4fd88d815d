"""A shelf's stock over time as a drawing: where each line and mark stands, what each says. Pure; a template draws it.

Across in percent, so that text keeps its size on a narrow screen; lines in a box of a thousand that is stretched.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from inventory_assets.domain.values import SECOND_US, to_datetime
from inventory_assets.words.numbers import number, short
from inventory_assets.words.times import day_name, moment

HEIGHT = 300
TOP, BOTTOM = 18, 262
BOX = 1000
"""The width of the box that lines are drawn in."""
MOST_TICKS = 6
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60)
BAR_HEIGHT, BAR_TOP = 64, 14

Series = Sequence[tuple[int, int]]
"""(microseconds, value from then on), in order."""


class Outlook(NamedTuple):
    """What the plan expects at the end of its horizon, and between what in four of five cases."""

    begins: int
    ends: int
    value: int
    low: int
    high: int


class Opened(NamedTuple):
    """An alert: when it opened and was over (None is not yet), what it is called, its style and its address."""

    at: int
    until: int | None
    words: str
    style: str


def draw_stock(
    series: Series, *, first: int, last: int, low: Series, reorder: Series, arrivals: Sequence[tuple[int, int]],
    alerts: Sequence[Opened], outlook: Outlook | None, what: str,
) -> dict[str, Any] | None:  # fmt: skip
    """Draw what was available from one moment to another, and what the plan expects after it.

    Args:
        series: Available, as far back as is known.
        first, last: Microseconds; of the last one is the stock that is said last.
        low, reorder: Limits in units from a moment on; a negative one is none.
        arrivals: (at, units).
        alerts: In any order.
        outlook: From `last` on; None is not known.
        what: Whose stock.

    Returns:
        None where nothing is known of the time.
    """
    shown = _within(series, first, last)
    if not shown:
        return None
    end = max(last, outlook.ends) if outlook else last
    span = max(end - first, 1)

    def x(at: int) -> float:
        return round((at - first) / span * 100, 2)

    limits = {name: _within(each, first, last) for name, each in (("low", low), ("reorder", reorder))}
    values = [value for _, value in shown]
    values += [value for each in limits.values() for _, value in each if value >= 0]
    if outlook:
        values += [outlook.value, outlook.low, outlook.high]
    ticks = value_ticks(min(0, *values), max(1, *values))
    bottom, top = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return round(BOTTOM - (value - bottom) / (top - bottom) * (BOTTOM - TOP), 1)

    now = shown[-1][1]
    return {
        "height": HEIGHT, "box": BOX, "top": TOP, "bottom": BOTTOM,
        "line": _steps([*_thinned(shown, x), (last, now)], x, y),
        "limits": {
            name: _limit_steps([*each, (last, each[-1][1])], x, y) if each else "" for name, each in limits.items()
        },
        "values": [{"y": y(each), "words": short(each)} for each in ticks],
        "times": [{"x": x(at), "words": words} for at, words in time_ticks(first, end) if 2 <= x(at) <= 97],
        "arrivals": [
            {"x": x(at), "at": at, "units": units, "words": f"{number(units)} arrived, {moment(_time(at))} UTC"}
            for at, units in arrivals if first <= at <= last
        ],
        "alerts": [
            _alert(each, first=first, last=last, x=x) | {"y": y(_value_at(shown, max(each.at, first)))}
            for each in alerts if each.at <= last and (each.until is None or each.until >= first)
        ],
        "now": {"x": x(last), "y": y(now), "value": now},
        "outlook": outlook and _outlook(outlook, now, x=x, y=y),
        "words": (
            f"{what}: available, in units, from {day_name(_time(first))} to {day_name(_time(last))}. "
            f"First {number(values[0])}, lowest {number(min(v for _, v in shown))}, "
            f"highest {number(max(v for _, v in shown))}, last {number(now)}."
        ),
    }  # fmt: skip


def draw_weeks(weeks: Series, *, first: int, last: int) -> dict[str, Any] | None:
    """Draw units a week as bars; the last one may go on. None where there are none."""
    if not weeks:
        return None
    highest = max(1, *(units for _, units in weeks))
    width = 100 / len(weeks)

    def bar(place: int, at: int, units: int) -> dict[str, Any]:
        height = round(max(units, 0) / highest * BAR_HEIGHT, 1)
        week = f"the week of {day_name(_time(at))}"
        return {
            "x": round((place + 0.1) * width, 2), "width": round(width * 0.8, 2),
            "y": round(BAR_TOP + BAR_HEIGHT - height, 1), "height": height, "at": at, "units": units,
            "words": f"{number(units)} sold in {week}",
        }  # fmt: skip

    bars = [bar(place, at, units) for place, (at, units) in enumerate(weeks)]
    total = sum(units for _, units in weeks)
    return {
        "bars": bars, "highest": number(highest), "height": BAR_TOP + BAR_HEIGHT + 18, "base": BAR_TOP + BAR_HEIGHT,
        "from": _short_day(_time(weeks[0][0])), "to": _short_day(_time(weeks[-1][0])),
        "words": (
            f"Units sold a week, from {day_name(_time(first))} to {day_name(_time(last))}: {number(total)} in all, "
            f"{number(highest)} at most."
        ),
    }  # fmt: skip


def value_ticks(low: int, high: int) -> list[int]:
    """Round values from at most `low` to at least `high`, three to seven of them."""
    size = 1
    while (high - low) / size > 5:
        size = next(each for each in _round_numbers() if each > size)
    begin, end = low // size * size, -(-high // size) * size
    return list(range(begin, end + 1, size))


def _round_numbers() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def time_ticks(first: int, last: int) -> list[tuple[int, str]]:
    """(microseconds, label) of round times within a span, six at most."""
    begin, end = _time(first), _time(last)
    hours = (last - first) / SECOND_US / 3600
    for step in _HOURS:
        if hours / step <= MOST_TICKS:
            at = begin.replace(minute=0, second=0, microsecond=0)
            at = at.replace(hour=at.hour // step * step)
            return _every(at, timedelta(hours=step), begin=begin, end=end, label=lambda each: f"{each:%H:%M}")
    for step in _DAYS:
        if hours / 24 / step <= MOST_TICKS:
            at = begin.replace(hour=0, minute=0, second=0, microsecond=0)
            if step >= 7:
                at -= timedelta(at.weekday())
            return _every(at, timedelta(step), begin=begin, end=end, label=_short_day)
    months = hours / 24 / 30
    step = next((each for each in _MONTHS if months / each <= MOST_TICKS), _MONTHS[-1] * 10)
    found = []
    for number_ in range((begin.year * 12 + begin.month - 1) // step * step, end.year * 12 + end.month, step):
        at = datetime(number_ // 12, number_ % 12 + 1, 1, tzinfo=UTC)
        if begin <= at <= end:
            found.append((_microseconds(at), _month(at)))
    return found


def _every(
    at: datetime, step: timedelta, *, begin: datetime, end: datetime, label: Callable[[datetime], str]
) -> list[tuple[int, str]]:
    found = []
    while at <= end:
        if at >= begin:
            found.append((_microseconds(at), label(at)))
        at += step
    return found


def _within(series: Series, first: int, last: int) -> list[tuple[int, int]]:
    """What a series says from one moment to another; what held before holds from the first on."""
    before = [value for at, value in series if at <= first]
    inside = [(at, value) for at, value in series if first < at <= last]
    return [(first, before[-1]), *inside] if before else inside


def _value_at(series: Series, at: int) -> int:
    return next((value for each, value in reversed(series) if each <= at), series[0][1])


def _thinned(series: Series, x: Callable[[int], float]) -> list[tuple[int, int]]:
    """What can be seen of a series: of a thousandth of the width the first, the lowest, the highest, the last."""
    if len(series) <= BOX:
        return list(series)
    columns: dict[int, list[tuple[int, int]]] = {}
    for at, value in series:
        columns.setdefault(int(x(at) * BOX / 100), []).append((at, value))
    kept = []
    for points in columns.values():
        low, high = min(points, key=lambda each: each[1]), max(points, key=lambda each: each[1])
        kept += sorted({points[0], low, high, points[-1]}, key=points.index)
    return kept


def _steps(series: Series, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    (at, value), *others = series
    path = [f"M{_box(x(at))},{y(value)}"]
    path += [f"H{_box(x(at))}V{y(value)}" for at, value in others]
    return "".join(path)


def _limit_steps(series: Series, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    """The same, with gaps where there is none."""
    path, before = [], -1
    for at, value in series:
        if before >= 0:
            path.append(f"H{_box(x(at))}")
        if value >= 0:
            path.append(f"V{y(value)}" if before >= 0 else f"M{_box(x(at))},{y(value)}")
        before = value
    return "".join(path)


def _box(percent: float) -> float:
    return round(percent * BOX / 100, 1)


def _alert(alert: Opened, *, first: int, last: int, x: Callable[[int], float]) -> dict[str, Any]:
    begin, end = max(alert.at, first), min(last if alert.until is None else alert.until, last)
    over = "still open" if alert.until is None else f"until {moment(_time(alert.until))}"
    return {
        "x": x(begin), "width": max(round(x(end) - x(begin), 2), 0.4), "style": alert.style,
        "is_inside": alert.at >= first,
        "words": f"{alert.words}: from {moment(_time(alert.at))} UTC, {over}",
    }  # fmt: skip


def _outlook(outlook: Outlook, now: int, *, x: Callable[[int], float], y: Callable[[float], float]) -> dict[str, Any]:
    begin, end = _box(x(outlook.begins)), _box(x(outlook.ends))
    return {
        "line": f"M{begin},{y(now)}L{end},{y(outlook.value)}",
        "area": f"M{begin},{y(now)}L{end},{y(outlook.high)}V{y(outlook.low)}Z",
        "words": (
            f"{number(outlook.value)} expected on {day_name(_time(outlook.ends))}, "
            f"{number(outlook.low)} to {number(outlook.high)} in four of five cases"
        ),
    }  # fmt: skip


def _time(at: int) -> datetime:
    return to_datetime(at).astimezone(UTC)


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_US


def _short_day(at: datetime) -> str:
    return moment(at).rpartition(" ")[0]


def _month(at: datetime) -> str:
    _, name, year = day_name(at).split()
    return f"{name[:3]} {year}"

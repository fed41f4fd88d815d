"""Draw a back-test as an SVG, by hand: two small charts need no plotting library."""

from collections.abc import Sequence
from html import escape

import polars as pl

from inventory_assets.domain.backtest.score import Alerted, Backtest, Stockout
from inventory_assets.domain.values import DAY_US, to_datetime

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, CHART = 64, 24, 112, 150
PRESENT, TRIED = "#9aa5b1", "#1f6feb"
INK, FAINT = "#24292f", "#d8dee4"

# Days of warning: what a planner can do in less than one, in a few, in a supplier's lead time.
BINS = (("not foreseen", None), ("under 1 day", 1), ("1-3", 3), ("3-7", 7), ("7-14", 14), ("over 14", float("inf")))


def draw_backtest(found: Backtest, scores: pl.DataFrame, name: str) -> str:
    """A picture of the tried rules beside the present ones.

    Args:
        found: The back-test.
        scores: As `score` gives them.
        name: What the tried rules are called.
    """
    total = scores.filter(pl.col("kind") == "total").row(0, named=True)
    present = scores.filter(pl.col("kind") == "present").row(0, named=True)
    span = f"{to_datetime(found.since):%Y-%m-%d} to {to_datetime(found.until):%Y-%m-%d}"
    outcomes = (found.present, found.candidate)
    per_day = [_per_day(found, outcome.alerts) for outcome in outcomes]
    warned = [_by_warning(outcome.stockouts) for outcome in outcomes]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f"<title>Back-test of {escape(name)}, {span}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 32, f"Back-test of {name}", size=18, weight="bold"),
        _text(LEFT, 52, f"{span}, {len(found.keys):,} keys, {found.events:,} events"),
        *_legend(LEFT, 74, PRESENT, "present rules", present),
        *_legend(LEFT, 92, TRIED, name, total),
        *_lines(TOP + 20, "Alerts opened per day", per_day, found),
        *_bars(TOP + CHART + 90, "Stockouts by days of warning", warned),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(x: int, y: int, colour: str, name: str, row: dict) -> list[str]:
    def share(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.0%}"

    text = (
        f"{name}: {row['alerts']:,} alerts, {row['foreseen']:,} of {row['stockouts']:,} stockouts foreseen, "
        f"{row['false_alarms']:,} false alarms, precision {share(row['precision'])}, recall {share(row['recall'])}"
    )
    return [f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>', _text(x + 20, y, text)]


def _per_day(found: Backtest, alerts: Sequence[Alerted]) -> list[int]:
    first = found.since // DAY_US
    counts = [0] * (found.until // DAY_US - first + 1)
    for alert in alerts:
        if found.since <= alert.opened_at <= found.until:
            counts[alert.opened_at // DAY_US - first] += 1
    return counts


def _by_warning(stockouts: Sequence[Stockout]) -> list[int]:
    counts = [0] * len(BINS)
    for stockout in stockouts:
        if stockout.warning_us is None:
            counts[0] += 1
        else:
            days = stockout.warning_us / DAY_US
            counts[next(i for i, (_, end) in enumerate(BINS) if end is not None and days < end)] += 1
    return counts


def _lines(top: int, title: str, series: list[list[int]], found: Backtest) -> list[str]:
    high = _ceiling(max([1, *series[0], *series[1]]))
    wide = WIDTH - LEFT - RIGHT
    days = len(series[0])
    parts = [_text(LEFT, top - 8, title, weight="bold"), *_grid(top, high)]
    for values, colour in zip(series, (PRESENT, TRIED), strict=True):
        points = " ".join(
            f"{LEFT + wide * (day + 0.5) / days:.1f},{top + CHART - CHART * value / high:.1f}"
            for day, value in enumerate(values)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for day in range(0, days, max(1, -(-days // 8))):
        x = LEFT + wide * (day + 0.5) / days
        parts.append(_text(x, top + CHART + 18, f"{to_datetime(found.since + day * DAY_US):%m-%d}", anchor="middle"))
    return parts


def _bars(top: int, title: str, series: list[list[int]]) -> list[str]:
    high = _ceiling(max([1, *series[0], *series[1]]))
    step = (WIDTH - LEFT - RIGHT) / len(BINS)
    parts = [_text(LEFT, top - 8, title, weight="bold"), *_grid(top, high)]
    for place, (label, _) in enumerate(BINS):
        parts.append(_text(LEFT + step * (place + 0.5), top + CHART + 18, label, anchor="middle"))
        for side, (values, colour) in enumerate(zip(series, (PRESENT, TRIED), strict=True)):
            tall = CHART * values[place] / high
            x, y = LEFT + step * (place + 0.2 + 0.3 * side), top + CHART - tall
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.28:.1f}" height="{tall:.1f}" fill="{colour}"/>'
            )
            parts.append(_text(x + step * 0.14, y - 4, f"{values[place]:,}", anchor="middle", size=11))
    return parts


def _grid(top: int, high: int) -> list[str]:
    parts = []
    for part in (0, 0.5, 1):
        y = top + CHART - CHART * part
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{FAINT}"/>')
        if high * part == int(high * part):
            parts.append(_text(LEFT - 8, y + 4, f"{int(high * part):,}", anchor="end"))
    return parts


def _ceiling(value: int) -> int:
    """The next round number: 1, 2 or 5 times a power of ten."""
    power = 10 ** (len(str(value)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _text(x: float, y: float, text: str, *, size: int = 12, weight: str = "normal", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )

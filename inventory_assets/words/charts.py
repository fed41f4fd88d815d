"""Series as pictures of one line: block characters for text, points for a page's own line. Pure."""

from collections.abc import Sequence
from typing import Any

_BARS = "▁▂▃▄▅▆▇█"
_MARGIN = 3


def sparkline(values: Sequence[int]) -> str:
    """A one-line picture of a series, between its lowest and its highest value."""
    if not values:
        return ""
    low, span = min(values), max(max(values) - min(values), 1)
    return "".join(_BARS[(value - low) * (len(_BARS) - 1) // span] for value in values)


def count_bars(counts: Sequence[int]) -> str:
    """Counts as bars from zero; none at all is the lowest bar, so that a single row shows."""
    highest = max(counts, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-count * steps // highest) if highest else 0] for count in counts)


def line_points(
    values: Sequence[int], threshold: float | None, *, width: int = 120, height: int = 32
) -> dict[str, Any] | None:
    """A line over a few values, as points in a box of `width` by `height`; the threshold as a height, if it is near."""
    if len(values) < 2:
        return None
    low: float = min(values)
    high: float = max(values)
    # A threshold far off would flatten the line to nothing.
    if threshold is not None and low - (high - low) <= threshold <= high + (high - low):
        low, high = min(low, threshold), max(high, threshold)
    else:
        threshold = None
    span = (high - low) or 1

    def y(value: float) -> float:
        return round(_MARGIN + (high - value) / span * (height - 2 * _MARGIN), 1)

    step = (width - 2 * _MARGIN) / (len(values) - 1)
    points = [(round(_MARGIN + place * step, 1), y(value)) for place, value in enumerate(values)]
    return {
        "points": " ".join(f"{x},{y_}" for x, y_ in points),
        "last": points[-1],
        "limit": None if threshold is None else y(threshold),
        "width": width,
        "height": height,
        "words": "Available: " + ", ".join(f"{value:,}" for value in values),
    }

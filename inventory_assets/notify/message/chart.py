"""The stock's last steps as a table of bars with the threshold as a line: all that every mail client draws."""

from typing import Any

from inventory_assets.domain.notify.notifications import AlertFacts
from inventory_assets.notify.message.content import is_days, severity_color, threshold_name
from inventory_assets.words.numbers import number

_HEIGHT = 72
# More do not fit a phone's width with their numbers.
_MAX_BARS = 10
_CALM = "#98a2b3"


def draw_trend(facts: AlertFacts) -> dict[str, Any] | None:
    """The stock's last steps as bars in pixels; those below the threshold in the severity's color. Null below two."""
    values = facts.trend[-_MAX_BARS:]
    if len(values) < 2:
        return None
    limit = 0 if is_days(facts) else facts.body["threshold"]
    top = max(*values, int(limit), 1)
    line = round(_HEIGHT * limit / top) if limit > 0 else 0
    color = severity_color(facts.body["priority"])
    bars = []
    for value in values:
        is_below = not is_days(facts) and (value < limit or value <= 0)
        height = max(2, round(_HEIGHT * max(0, value) / top))
        bars.append({"value": value, "height": height, "fill": color if is_below else _CALM})
    name = threshold_name(facts)
    shown = f"; line: {name} {number(limit)}" if line and name is not None else ""
    words = f"Available stock after each of the last events up to the breach{shown}"
    return {"bars": bars, "line": line, "color": color, "height": _HEIGHT + 4, "words": words}

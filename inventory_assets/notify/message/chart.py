"""The stock's last steps as a table of bars with the threshold as a line: all that every mail client draws."""

from html import escape

from inventory_assets.domain.notify.notifications import AlertFacts
from inventory_assets.notify.message.content import is_days, severity_color, threshold_name
from inventory_assets.words.text import number

_HEIGHT = 72
# More do not fit a phone's width with their numbers.
_MAX_BARS = 10
_CALM = "#98a2b3"


def chart(facts: AlertFacts) -> str:
    """The stock's last steps as bars; those below the threshold in the severity's color. Empty below two steps."""
    values = facts.trend[-_MAX_BARS:]
    if len(values) < 2:
        return ""
    limit = 0 if is_days(facts) else facts.body["threshold"]
    top = max(*values, int(limit), 1)
    line = round(_HEIGHT * limit / top) if limit > 0 else 0
    color = severity_color(facts.body["priority"])
    bars, labels = [], []
    for value in values:
        is_below = not is_days(facts) and (value < limit or value <= 0)
        height = max(2, round(_HEIGHT * max(0, value) / top))
        bars.append(
            f'<td valign="bottom" align="center" style="height:{_HEIGHT + 4}px">'
            f"{_column(height, line, color if is_below else _CALM, color)}</td>"
        )
        labels.append(f'<td align="center" style="font-size:11px;color:#667085;padding-top:2px">{value:,}</td>')
    name = threshold_name(facts)
    shown = f"; line: {name} {number(limit)}" if line and name is not None else ""
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%" '
        'style="margin-top:16px;table-layout:fixed;max-width:420px">'
        f'<tr>{"".join(bars)}</tr><tr style="border-top:1px solid #d0d5dd">{"".join(labels)}</tr></table>'
        '<div style="color:#667085;font-size:12px;margin-top:4px">Available stock after each of the last events up to '
        f"the breach{escape(shown)}</div>"
    )


def _column(height: int, line: int, fill: str, stroke: str) -> str:
    """One bar, and the threshold's line over the column's whole width, in front of the bar or above it."""
    if not line:
        return _bar(height, fill, is_top=True)
    rule = f'<div style="height:0;font-size:0;line-height:0;border-top:2px dashed {stroke}">&nbsp;</div>'
    # The rule's own two pixels come off what is below it, so that it is level over all columns.
    if height > line:
        return _bar(height - line, fill, is_top=True) + rule + _bar(line - 2, fill)
    below = max(0, line - 2)
    gap = f'<div style="height:{below - height}px;font-size:0;line-height:0">&nbsp;</div>' if below > height else ""
    return rule + gap + _bar(min(height, below), fill, is_top=True)


def _bar(height: int, fill: str, *, is_top: bool = False) -> str:
    if height <= 0:
        return ""
    radius = ";border-radius:2px 2px 0 0" if is_top else ""
    return (
        f'<div style="width:60%;height:{height}px;margin:0 auto;font-size:0;line-height:0;'
        f'background:{fill}{radius}">&nbsp;</div>'
    )

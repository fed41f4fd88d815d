"""A notification as HTML that mail clients render: what its template shows beside the words of `wording`."""

from functools import cache
from typing import Any

from jinja2 import Template

from inventory_assets.domain.notify.notifications import AlertFacts, Outgoing, without_repeats
from inventory_assets.notify.message import wording
from inventory_assets.words.advice import days_left
from inventory_assets.words.notifications import marks, why_lines
from inventory_assets.words.numbers import amount, counted, number, rate
from inventory_assets.words.templates import make_environment

_HEIGHT = 72
# More do not fit a phone's width with their numbers.
_MAX_BARS = 10
_CALM = "#98a2b3"


def render_html(notification: Outgoing, *, limit: int) -> str:
    """The whole notification; the `limit` worst alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    text = _template().render(
        notification=notification, alerts=alerts, limit=limit, is_over=notification.kind == "resolved",
        subject=wording.subject_line(notification),
    )  # fmt: skip
    return text.strip()  # what the macros' definitions leave of themselves


@cache
def _template() -> Template:
    names = (
        "PRICE_UNIT", "action_lines", "explain_command", "figure_lines", "hierarchy_line", "incident_lines", "is_one",
        "over_title", "reason_lines", "severity_color", "subject_command", "sum_lines", "title", "total_lines",
        "worst_first",
    )  # fmt: skip
    own = (draw_trend, key_figures, marks, row_figures, row_lines)
    values = {name: getattr(wording, name) for name in names} | {each.__name__: each for each in own}
    return make_environment("inventory_assets.notify", values=values).get_template("notification.html.j2")


def key_figures(facts: AlertFacts) -> list[tuple[str, str]]:
    """The numbers that a single alert shows large, each under its name."""
    body, line = facts.body, facts.line
    figures = [("available", number(body["available_stock"]))]
    if (name := wording.threshold_name(facts)) is not None:
        figures.append((name, number(body["threshold"])))
    if left := days_left(line):
        figures.append(("days to stockout", number(left)))
    if line is not None and line["daily_units"] is not None:
        figures.append(("sold a day", rate(line["daily_units"])))
    if line is not None and line["revenue_at_risk"] is not None:
        figures.append(("revenue at risk*", amount(line["revenue_at_risk"])))
    return figures


def row_figures(facts: AlertFacts) -> list[str]:
    """What a list says under an alert's stock."""
    lines = [f"left{_limit(facts)}"]
    if left := days_left(facts.line):
        lines.append(f"{counted(left, 'day')} left")
    if facts.line is not None and facts.line["revenue_at_risk"]:
        lines.append(f"{amount(facts.line['revenue_at_risk'])} at risk")
    return lines


def _limit(facts: AlertFacts) -> str:
    if wording.threshold_name(facts) is None:
        return ""
    limit = number(facts.body["threshold"])
    if wording.is_days(facts):
        return f", under {limit} days"
    return f", {'reorder' if facts.body['alert_type'] == 'REORDER' else 'minimum'} {limit}"


def row_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """What a list says below an alert: why it comes again, and what to do while it fires."""
    if not facts.is_firing:
        return []
    why = why_lines(notification, facts) if notification.kind != "digest" else []
    return why + (wording.action_lines(facts) if notification.kind != "resolved" else [])


def draw_trend(facts: AlertFacts) -> dict[str, Any] | None:
    """The stock's last steps as bars in pixels; those below the threshold in the severity's color. Null below two."""
    values = facts.trend[-_MAX_BARS:]
    if len(values) < 2:
        return None
    limit = 0 if wording.is_days(facts) else facts.body["threshold"]
    top = max(*values, int(limit), 1)
    line = round(_HEIGHT * limit / top) if limit > 0 else 0
    color = wording.severity_color(facts.body["priority"])
    bars = []
    for value in values:
        is_below = not wording.is_days(facts) and (value < limit or value <= 0)
        height = max(2, round(_HEIGHT * max(0, value) / top))
        bars.append({"value": value, "height": height, "fill": color if is_below else _CALM})
    name = wording.threshold_name(facts)
    shown = f"; line: {name} {number(limit)}" if line and name is not None else ""
    words = f"Available stock after each of the last events up to the breach{shown}"
    return {"bars": bars, "line": line, "color": color, "height": _HEIGHT + 4, "words": words}

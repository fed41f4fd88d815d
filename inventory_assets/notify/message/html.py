"""A notification as HTML that mail clients render: what its template shows beside the words of `content`."""

from functools import cache

from jinja2 import Template

from inventory_assets.domain.notify.notifications import AlertFacts, Outgoing, without_repeats
from inventory_assets.notify.message import chart, content
from inventory_assets.words.notifications import marks, why_lines
from inventory_assets.words.numbers import amount, number
from inventory_assets.words.templates import make_environment


def render_html(notification: Outgoing, *, limit: int) -> str:
    """The whole notification; the `limit` worst alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    text = _template().render(
        notification=notification, alerts=alerts, limit=limit, is_over=notification.kind == "resolved",
        subject=content.subject_line(notification),
    )  # fmt: skip
    return text.strip()  # what the macros' definitions leave of themselves


@cache
def _template() -> Template:
    names = (
        "PRICE_UNIT", "action_lines", "explain_command", "figure_lines", "hierarchy_line", "incident_lines", "is_one",
        "over_title", "reason_lines", "severity_color", "sum_lines", "title", "total_lines", "worst_first",
    )  # fmt: skip
    own = (chart.draw_trend, key_figures, marks, row_figures, row_lines)
    values = {name: getattr(content, name) for name in names} | {each.__name__: each for each in own}
    return make_environment("inventory_assets.notify", values=values).get_template("notification.html.j2")


def key_figures(facts: AlertFacts) -> list[tuple[str, str]]:
    """The numbers that a single alert shows large, each under its name."""
    body, found = facts.body, facts.recommendation
    figures = [("available", number(body["available_stock"]))]
    if (name := content.threshold_name(facts)) is not None:
        figures.append((name, number(body["threshold"])))
    if found is not None and found.days_to_stockout:
        figures.append(("days to stockout", f"{found.days_to_stockout:.1f}"))
    if found is not None and found.daily_units is not None:
        figures.append(("sold a day", number(round(found.daily_units, 2))))
    if found is not None and found.revenue_at_risk is not None:
        figures.append(("revenue at risk*", amount(found.revenue_at_risk)))
    return figures


def row_figures(facts: AlertFacts) -> list[str]:
    """What a list says under an alert's stock."""
    found = facts.recommendation
    lines = [f"left{_limit(facts)}"]
    if found is not None and found.days_to_stockout:
        lines.append(f"{found.days_to_stockout:.1f} days left")
    if found is not None and found.revenue_at_risk is not None:
        lines.append(f"{amount(found.revenue_at_risk)} at risk")
    return lines


def _limit(facts: AlertFacts) -> str:
    if content.threshold_name(facts) is None:
        return ""
    limit = number(facts.body["threshold"])
    if content.is_days(facts):
        return f", under {limit} days"
    return f", {'reorder' if facts.body['alert_type'] == 'REORDER' else 'minimum'} {limit}"


def row_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """What a list says below an alert: why it comes again, and what to do while it fires."""
    if not facts.is_firing:
        return []
    why = why_lines(notification, facts) if notification.kind != "digest" else []
    return why + (content.action_lines(facts) if notification.kind != "resolved" else [])

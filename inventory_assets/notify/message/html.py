"""A notification as HTML that mail clients render: tables and inline styles, no script, no image, no link out.

Mail clients drop SVG and style sheets, and hide images until asked; so the
chart is a table of bars (`chart`), and what must fit a phone stacks by itself
instead of by a media query.
"""

from html import escape

from inventory_assets.domain.notify.notifications import AlertFacts, IncidentFacts, Outgoing, without_repeats
from inventory_assets.notify.message.chart import chart
from inventory_assets.notify.message.content import (
    action_lines,
    explain_command,
    figure_lines,
    hierarchy_line,
    incident_lines,
    is_days,
    is_one,
    over_title,
    reason_lines,
    severity_color,
    subject_line,
    sum_lines,
    threshold_name,
    title,
    total_lines,
    worst_first,
)
from inventory_assets.notify.message.reasons import marks, why_lines
from inventory_assets.words.text import clean, moment, number

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" width="100%"'
_GREY = "color:#667085;font-size:12px"
_GREEN = "#067647"
# Names from outside may be one word of a thousand letters: broken where they must be, and only there.
_WRAP = "word-wrap:break-word;overflow-wrap:break-word"


def render_html(notification: Outgoing, *, limit: int) -> str:
    """The whole notification; the `limit` worst alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    content = "".join(_incident(facts) for facts in notification.incidents[:limit])
    if alerts or not content:
        content += _single(notification, alerts[0]) if is_one(notification) else _list(notification, alerts, limit)
    is_over = notification.kind == "resolved"
    color = _GREEN if is_over else severity_color(notification.severity)
    head = "RESOLVED" if is_over else notification.severity
    head += marks(alerts[0]) if is_one(notification) and not is_over else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(subject_line(notification))}</title></head>"
        f'<body style="margin:0;padding:12px 8px;background:#f2f4f7;{_FONT};color:#101828">'
        f'{_TABLE}><tr><td align="center">'
        f'{_TABLE} style="max-width:640px;table-layout:fixed;{_WRAP};'
        'background:#ffffff;border:1px solid #eaecf0;border-radius:8px;text-align:left">'
        f'<tr><td style="background:{color};color:#ffffff;padding:10px 16px;font-size:13px;font-weight:600;'
        f'letter-spacing:.06em;border-radius:7px 7px 0 0">{escape(head)}</td></tr>'
        f'<tr><td style="padding:16px">{content}</td></tr>'
        f'<tr><td style="padding:12px 16px;border-top:1px solid #eaecf0;{_GREY}">'
        f"Notification {_code(notification.notification_id)}</td></tr></table></td></tr></table></body></html>"
    )


def _incident(facts: IncidentFacts) -> str:
    title_line, *lines = incident_lines(facts)
    # The severity is the colored bar above.
    text = "".join(f"<div>{escape(line)}</div>" for line in lines)
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{escape(title_line.partition(" ")[2])}</div>'
        f'<div style="font-size:14px;line-height:1.6;margin:10px 0 18px">{text}</div>'
    )


def _code(text: str) -> str:
    return f'<code style="font-size:12px">{escape(text)}</code>'


# ---- one alert


def _single(notification: Outgoing, facts: AlertFacts) -> str:
    body = facts.body
    is_over = notification.kind == "resolved"
    parts = [
        '<div style="font-size:20px;font-weight:600;line-height:1.3">'
        f"{escape(over_title(facts) if is_over else title(facts))}</div>",
        *_reasons(reason_lines(notification, facts)),
        f'<div style="color:#667085;font-size:13px;line-height:1.5;margin-top:4px">{escape(hierarchy_line(body))}'
        f" · SKU {escape(clean(body['sku']))}</div>",
    ]
    if not is_over:
        parts += [_figures(facts), _to_do(facts)]
    lines = "<br>".join(escape(line) for line in figure_lines(notification, facts))
    parts += [f'<div style="font-size:14px;line-height:1.6;margin-top:14px">{lines}</div>', chart(facts)]
    command = f"inventory explain {clean(facts.alert_id, 600)}"
    since = f"{'Opened' if is_over else 'Since'} {moment(body['first_breach_time'])}"
    parts.append(
        f'<div style="{_GREY};line-height:1.6;margin-top:14px">{escape(since)}. Why?<br>{_code(command)}</div>'
    )
    return "".join(parts)


def _reasons(lines: list[str]) -> list[str]:
    return [
        '<div style="font-size:14px;line-height:1.5;margin-top:6px;padding:6px 10px;background:#fffaeb;'
        f'border-radius:4px">{escape(line)}</div>'
        for line in lines
    ]


def _figures(facts: AlertFacts) -> str:
    body, found = facts.body, facts.recommendation
    figures = [("available", f"{body['available_stock']:,}")]
    if (name := threshold_name(facts)) is not None:
        figures.append((name, number(body["threshold"])))
    if found is not None and found.days_to_stockout:
        figures.append(("days to stockout", f"{found.days_to_stockout:.1f}"))
    if found is not None and found.daily_units is not None:
        figures.append(("sold a day", number(round(found.daily_units, 2))))
    if found is not None and found.revenue_at_risk is not None:
        figures.append(("revenue at risk*", f"{found.revenue_at_risk:,.0f}"))
    note = (
        f'<div style="{_GREY}">* until an order arrives, in the price list\'s currency</div>'
        if figures[-1][0].endswith("*")
        else ""
    )
    # Blocks, not cells: a row of cells is as wide as its words, these go below one another on a phone.
    blocks = "".join(
        '<div style="display:inline-block;vertical-align:top;margin:0 24px 10px 0;white-space:nowrap">'
        f'<div style="font-size:26px;font-weight:600;line-height:1.2">{escape(value)}</div>'
        f'<div style="{_GREY}">{escape(name)}</div></div>'
        for name, value in figures
    )
    return f'<div style="margin-top:16px">{blocks}</div>{note}'


def _to_do(facts: AlertFacts) -> str:
    actions = "".join(f'<li style="margin:2px 0">{escape(line)}</li>' for line in action_lines(facts))
    sums = "".join(f"<div>{escape(line)}</div>" for line in sum_lines(facts))
    return (
        '<div style="background:#f9fafb;border:1px solid #eaecf0;border-radius:6px;padding:12px 14px;margin-top:12px">'
        '<div style="font-size:14px;font-weight:600">What to do</div>'
        f'<ul style="margin:6px 0 0;padding-left:18px;font-size:15px;line-height:1.45">{actions}</ul>'
        + (f'<div style="{_GREY};line-height:1.6;margin-top:8px">{sums}</div>' if sums else "")
        + "</div>"
    )


# ---- many


def _list(notification: Outgoing, alerts: list[AlertFacts], limit: int) -> str:
    rows = "".join(_row(notification, facts) for facts in worst_first(alerts)[:limit])
    shown = min(limit, len(alerts)) + min(limit, len(notification.incidents))
    more = (
        f'<div style="font-size:14px;margin-top:12px">… and {notification.total - shown:,} more: '
        f"{_code(explain_command(notification))}</div>"
        if notification.total > shown
        else ""
    )
    totals = "<br>".join(escape(line) for line in total_lines(notification, alerts))
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{escape(_list_title(notification))}</div>'
        f'<div style="font-size:14px;line-height:1.6;margin-top:6px">{totals}</div>'
        f'{_TABLE} style="margin-top:10px;table-layout:fixed">{rows}</table>{more}'
        f'<div style="{_GREY};margin-top:12px">Why? {_code(f"inventory explain {notification.notification_id}")}</div>'
    )


def _list_title(notification: Outgoing) -> str:
    # The subject's "[CRITICAL]" is the colored bar above.
    return subject_line(notification).partition("] ")[2]


def _row(notification: Outgoing, facts: AlertFacts) -> str:
    body = facts.body
    head = escape(clean(body["alert_type"]).replace("_", " ") + marks(facts))
    color = severity_color(body["priority"]) if facts.is_firing else _GREEN
    if not facts.is_firing:
        head += " · resolved"
    lines = action_lines(facts) if facts.is_firing and notification.kind != "resolved" else []
    if facts.is_firing and notification.kind != "digest":
        lines = why_lines(notification, facts) + lines
    under = "".join(f"<div>{escape(line)}</div>" for line in lines)
    name = escape(clean(body["product_name"]) if facts.is_firing else over_title(facts))
    return (
        '<tr><td valign="top" style="padding:10px 0 0;border-top:1px solid #eaecf0">'
        f'<div style="color:{color};font-size:12px;font-weight:600">{head}</div>'
        f'<div style="font-size:15px;font-weight:600;line-height:1.35">{name}</div>'
        f'<div style="{_GREY}">{escape(clean(body["warehouse_id"]))} · {escape(clean(body["sku"]))}</div></td>'
        f'<td valign="top" align="right" width="112" style="padding:10px 0 0;border-top:1px solid #eaecf0">'
        f"{_row_figures(facts)}</td></tr>"
        f'<tr><td colspan="2" style="padding:4px 0 10px;font-size:14px;line-height:1.5">{under}'
        f'<div style="{_GREY}">{_code(clean(facts.alert_id, 600))}</div></td></tr>'
    )


def _row_figures(facts: AlertFacts) -> str:
    body, found = facts.body, facts.recommendation
    if not facts.is_firing:
        return ""
    small = [f"left{_limit(facts)}"]
    if found is not None and found.days_to_stockout:
        small.append(f"{found.days_to_stockout:.1f} days left")
    if found is not None and found.revenue_at_risk is not None:
        small.append(f"{found.revenue_at_risk:,.0f} at risk")
    lines = "".join(f"<div>{escape(line.strip())}</div>" for line in small)
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.2">{body["available_stock"]:,}</div>'
        f'<div style="{_GREY};line-height:1.4">{lines}</div>'
    )


def _limit(facts: AlertFacts) -> str:
    if threshold_name(facts) is None:
        return ""
    limit = number(facts.body["threshold"])
    if is_days(facts):
        return f", under {limit} days"
    return f", {'reorder' if facts.body['alert_type'] == 'REORDER' else 'minimum'} {limit}"

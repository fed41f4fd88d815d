"""A notification as HTML that mail clients render: tables and inline styles, no script, no image, no link out.

Mail clients drop SVG and style sheets, and hide images until asked; so the
chart is a table of bars.
"""

from html import escape

from inventory_assets.delivery.content import (
    action_lines,
    clean,
    hierarchy_line,
    incident_lines,
    moment,
    outlook_lines,
    severity_color,
    sparkline,
    stock_line,
    subject_line,
    threshold_line,
    title,
)
from inventory_assets.domain.notifications import AlertFacts, IncidentFacts, Outgoing, without_repeats

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_CHART_HEIGHT = 72
_MAX_BARS = 24
_COLUMNS = (
    ("alert", "left", "34%"),
    ("available", "right", "14%"),
    ("threshold", "right", "12%"),
    ("to do", "left", ""),
)
_CELL = "padding:8px 10px;border-bottom:1px solid #eaecf0;font-size:13px;vertical-align:top"


def render_html(notification: Outgoing, *, limit: int) -> str:
    """The whole notification; the first `limit` alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    is_one = notification.kind in ("single", "resolved") and len(alerts) == 1
    content = "".join(_incident(facts) for facts in notification.incidents[:limit])
    if alerts or not content:
        content += _single(notification, alerts[0]) if is_one else _list(notification, alerts, limit)
    color = "#067647" if notification.kind == "resolved" else severity_color(notification.severity)
    head = "RESOLVED" if notification.kind == "resolved" else notification.severity
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(subject_line(notification))}</title></head>"
        f'<body style="margin:0;padding:24px 12px;background:#f2f4f7;{_FONT};color:#101828">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        'style="max-width:640px;table-layout:fixed;word-break:break-word;overflow-wrap:anywhere;'
        'background:#ffffff;border:1px solid #eaecf0;border-radius:8px;text-align:left">'
        f'<tr><td style="background:{color};color:#ffffff;padding:10px 20px;font-size:13px;font-weight:600;'
        f'letter-spacing:.06em;border-radius:7px 7px 0 0">{escape(head)}</td></tr>'
        f'<tr><td style="padding:20px">{content}</td></tr>'
        '<tr><td style="padding:12px 20px;border-top:1px solid #eaecf0;color:#667085;font-size:12px">'
        f"Notification {escape(notification.notification_id)}</td></tr></table></td></tr></table></body></html>"
    )


def _incident(facts: IncidentFacts) -> str:
    title_line, *lines = incident_lines(facts)
    # The severity is the colored bar above.
    text = "".join(f"<div>{escape(line)}</div>" for line in lines)
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{escape(title_line.partition(" ")[2])}</div>'
        f'<div style="font-size:14px;line-height:1.6;margin:10px 0 18px">{text}</div>'
    )


def _single(notification: Outgoing, facts: AlertFacts) -> str:
    body = facts.body
    parts = [
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{escape(title(facts))}</div>',
        f'<div style="color:#667085;font-size:13px;margin-top:4px">{escape(hierarchy_line(body))}'
        f" · SKU {escape(clean(body['sku']))}</div>",
        _figures(facts),
        chart(facts),
        f'<div style="font-size:14px;line-height:1.6">{escape(stock_line(body))}<br>{escape(threshold_line(facts))}',
        *(f"<br>{escape(line)}" for line in outlook_lines(facts.recommendation)),
        "</div>",
    ]
    if notification.kind != "resolved":
        actions = "".join(f'<li style="margin:2px 0">{escape(line)}</li>' for line in action_lines(facts))
        sums = "".join(f"<div>{escape(line)}</div>" for line in _sums(facts))
        parts.append(
            '<div style="background:#f9fafb;border:1px solid #eaecf0;border-radius:6px;'
            'padding:12px 16px;margin-top:16px">'
            f'<div style="font-size:14px;font-weight:600">What to do</div>'
            f'<ul style="margin:6px 0 0;padding-left:18px;font-size:14px">{actions}</ul>'
            f'<div style="color:#667085;font-size:12px;line-height:1.6;margin-top:8px">{sums}</div></div>'
        )
    command = f"inventory explain {clean(facts.alert_id, 600)}"
    parts.append(
        f'<div style="color:#667085;font-size:12px;margin-top:16px">'
        f"Since {escape(moment(body['first_breach_time']))}. Why? "
        f'<code style="font-size:12px;word-break:break-all">{escape(command)}</code></div>'
    )
    return "".join(parts)


def _sums(facts: AlertFacts) -> tuple[str, ...]:
    return facts.recommendation.arithmetic if facts.recommendation is not None else ()


def _figures(facts: AlertFacts) -> str:
    body, found = facts.body, facts.recommendation
    figures = [("available", f"{body['available_stock']:,}"), ("threshold", f"{body['threshold']:g}")]
    if found is not None and found.days_to_stockout is not None:
        figures.append(("days to stockout", f"{found.days_to_stockout:.1f}"))
    if found is not None and found.revenue_at_risk is not None:
        figures.append(("revenue at risk", f"{found.revenue_at_risk:,.0f}"))
    cells = "".join(
        f'<td style="padding:0 28px 0 0"><div style="font-size:26px;font-weight:600">{escape(value)}</div>'
        f'<div style="color:#667085;font-size:12px">{escape(name)}</div></td>'
        for name, value in figures
    )
    return f'<table role="presentation" cellpadding="0" cellspacing="0" style="margin:18px 0"><tr>{cells}</tr></table>'


def chart(facts: AlertFacts) -> str:
    """The stock's last steps as bars; those below the threshold in the severity's color."""
    values = facts.trend[-_MAX_BARS:]
    if len(values) < 2:
        return ""
    top = max(*values, int(facts.body["threshold"]), 1)
    color = severity_color(facts.body["priority"])
    is_days = "days" in facts.body["lineage"]["arithmetic"]["comparison"]
    bars = []
    for value in values:
        height = max(2, round(_CHART_HEIGHT * max(0, value) / top))
        is_below = not is_days and (value < facts.body["threshold"] or value <= 0)
        bars.append(
            f'<td valign="bottom" align="center" style="padding:0 3px;height:{_CHART_HEIGHT + 16}px">'
            f'<div style="font-size:11px;color:#667085;line-height:16px">{value}</div>'
            f'<div style="width:22px;height:{height}px;font-size:0;'
            f'background:{color if is_below else "#98a2b3"};border-radius:2px 2px 0 0">&nbsp;</div></td>'
        )
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" '
        'style="margin:0 0 4px;border-bottom:1px solid #d0d5dd">'
        f"<tr>{''.join(bars)}</tr></table>"
        '<div style="color:#667085;font-size:12px;margin-bottom:14px">Available stock after each of the last events, '
        "oldest first</div>"
    )


def _list(notification: Outgoing, alerts: list[AlertFacts], limit: int) -> str:
    rows = "".join(_row(facts) for facts in alerts[:limit])
    shown = min(limit, len(alerts)) + min(limit, len(notification.incidents))
    more = (
        f'<div style="color:#667085;font-size:13px;margin-top:12px">… and {notification.total - shown:,} more: '
        "<code>inventory alerts</code></div>"
        if notification.total > shown
        else ""
    )
    heads = "".join(
        f'<th align="{side}" width="{width}" style="padding:6px 10px;color:#667085;font-size:12px;font-weight:500;'
        f'border-bottom:1px solid #d0d5dd">{name}</th>'
        for name, side, width in _COLUMNS
    )
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{escape(_list_title(notification))}</div>'
        '<table cellpadding="0" cellspacing="0" width="100%" style="margin-top:14px;border-collapse:collapse">'
        f"<tr>{heads}</tr>{rows}</table>{more}"
    )


def _list_title(notification: Outgoing) -> str:
    # The subject's "[CRITICAL]" is the colored bar above.
    return subject_line(notification).partition("] ")[2]


def _row(facts: AlertFacts) -> str:
    body = facts.body
    state = "" if facts.is_firing else ' <span style="color:#067647">resolved</span>'
    actions = "<br>".join(escape(line) for line in action_lines(facts))
    return (
        f'<tr><td style="{_CELL}"><span style="color:{severity_color(body["priority"])};font-weight:600">'
        f"{escape(clean(body['alert_type']).replace('_', ' '))}</span>{state}<br>{escape(clean(body['product_name']))}"
        f'<div style="color:#667085;font-size:12px">{escape(clean(body["warehouse_id"]))} · '
        f"{escape(clean(body['sku']))}</div></td>"
        f'<td align="right" style="{_CELL};white-space:nowrap">{body["available_stock"]:,}'
        f'<div style="color:#667085;font-size:12px">{sparkline(facts.trend)}</div></td>'
        f'<td align="right" style="{_CELL}">{body["threshold"]:g}</td>'
        f'<td style="{_CELL}">{actions}</td></tr>'
    )

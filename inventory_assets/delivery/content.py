"""Say a notification in words: subject, sentences, plain text. Shared by all channels; pure."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from inventory_assets.domain.notifications import AlertFacts, IncidentFacts, Outgoing, without_repeats
from inventory_assets.domain.recommend import Recommendation
from inventory_assets.domain.values import format_time

SPARKS = "▁▂▃▄▅▆▇█"
TITLES = {"STOCKOUT": "Out of stock", "LOW_STOCK": "Low stock", "REORDER": "Time to reorder"}
MAX_SUBJECT = 150
MAX_NAME = 120
MAX_TITLE = 300
# Of an incident's numbers; `inventory explain` has all of them.
MAX_VALUES = 20
LIMIT_WORDS = {
    "days_of_cover": "days of cover",
    "min_threshold_qty": "minimum",
    "reorder_threshold_qty": "reorder threshold",
    "min_threshold_days": "minimum",
    "reorder_threshold_days": "reorder threshold",
}
PLACES = ("department", "category", "brand", "product")


def clean(value: object, limit: int = MAX_NAME) -> str:
    """One line of a value from outside: no line breaks, control or direction characters, at most `limit` long.

    Names come from other people's systems: a line break in one must not start a
    mail header, nor a right-to-left mark turn a sentence around.
    """
    text = "".join(
        " " if character in "\r\n\t\v\f\u2028\u2029" else character
        for character in str(value)
        if character in "\r\n\t\v\f\u2028\u2029" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def sparkline(values: Sequence[int]) -> str:
    """A one-line picture of a series."""
    if not values:
        return ""
    low, span = min(values), max(max(values) - min(values), 1)
    return "".join(SPARKS[(value - low) * (len(SPARKS) - 1) // span] for value in values)


def number(value: float) -> str:
    """A number as people write it: thousands apart, at most two digits after the point."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def title(facts: AlertFacts) -> str:
    """`Low stock: iPhone 13 Pro 256GB Silver at WH-EAST-1 (45 left)`."""
    body = facts.body
    what = TITLES.get(body["alert_type"], clean(body["alert_type"]))
    return f"{what}: {clean(body['product_name'])} at {clean(body['warehouse_id'])} ({body['available_stock']:,} left)"


def subject_line(notification: Outgoing) -> str:
    """The subject of a mail, the first line elsewhere."""
    alerts = without_repeats(notification.alerts)
    if notification.kind in ("incident", "resolved") and notification.incidents and not alerts:
        head = "RESOLVED" if notification.kind == "resolved" else notification.severity
        return clean(f"[{head}] {notification.incidents[0].title}", MAX_SUBJECT)
    if notification.kind == "resolved" and alerts:
        more = f" and {notification.total - 1:,} more" if notification.total > 1 else ""
        return clean(f"[RESOLVED] {title(alerts[0])}{more}", MAX_SUBJECT)
    if notification.kind == "single" and alerts:
        return clean(f"[{notification.severity}] {title(alerts[0])}", MAX_SUBJECT)
    if notification.kind == "group":
        return clean(f"[{notification.severity}] {notification.total:,} alerts: {notification.reason}", MAX_SUBJECT)
    why = {"maintenance": "held during maintenance", "rate_limit": "collected within the channel's limit"}
    return clean(
        f"[{notification.severity}] Digest of {notification.total:,} alerts, "
        f"{why.get(notification.reason, notification.reason)}",
        MAX_SUBJECT,
    )


def stock_line(body: dict[str, Any]) -> str:
    """The stock figures, and how they come about."""
    return (
        f"Available {body['available_stock']:,} = on hand {body['current_stock']:,} − reserved "
        f"{body['reserved_stock']:,}; inbound {body['inbound_stock']:,}"
    )


def threshold_line(facts: AlertFacts) -> str:
    """The comparison that failed and whose threshold it was."""
    comparison = str(facts.body["lineage"]["arithmetic"]["comparison"])
    for field, words in LIMIT_WORDS.items():
        comparison = comparison.replace(field, words)
    return _sentence(f"{clean(comparison)}, set by {clean(facts.origin)}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def moment(text: str) -> str:
    """A wire time as people write it."""
    return f"{clean(text)[:16].replace('T', ' ')} UTC"


def hierarchy_line(body: dict[str, Any]) -> str:
    """Department to product."""
    return " › ".join(clean(body["hierarchy"].get(place) or "unknown") for place in PLACES)


def outlook_lines(found: Recommendation | None) -> list[str]:
    """Days to stockout and revenue at risk; nothing where unknown."""
    lines = []
    if found is not None and found.days_to_stockout is not None and found.daily_units is not None:
        lines.append(
            f"Sells {number(round(found.daily_units, 2))} a day: "
            + ("sold out now" if found.days_to_stockout == 0 else f"{found.days_to_stockout:.1f} days to stockout")
        )
    if found is not None and found.revenue_at_risk is not None:
        lines.append(f"Revenue at risk until an order arrives: {found.revenue_at_risk:,.2f}")
    return lines


def action_lines(facts: AlertFacts) -> list[str]:
    """What to do: transfers first, then the order."""
    found = facts.recommendation
    if found is None:
        return _wire_action(facts.body["restock_recommendation"])
    lines = [
        f"Transfer {transfer.quantity:,} from {clean(transfer.warehouse_id)} "
        f"(leaves it {transfer.available_after:,}, it keeps {transfer.keeps:,})"
        for transfer in found.transfers
    ]
    if found.order_quantity:
        supply = found.supply
        lines.append(
            f"{'Then order' if lines else 'Order'} {found.order_quantity:,}"
            + (f" from {clean(supply.supplier_id)}" if supply.supplier_id else "")
            + (f", lead time {supply.lead_time_days} days" if supply.lead_time_days is not None else "")
            + (f", in packs of {supply.pack_multiple}" if supply.pack_multiple else "")
        )
    if not lines and found.order_quantity is None:
        return ["No target stock is known, so no quantity is suggested"]
    return lines or ["Nothing to order: what is inbound fills the shelf"]


def _wire_action(suggested: dict[str, Any] | None) -> list[str]:
    if suggested is None:
        return []
    supplier = suggested["supplier_id"]
    return [f"Order {suggested['suggested_quantity']:,}" + (f" from {clean(supplier)}" if supplier else "")]


def plain_text(notification: Outgoing, *, limit: int) -> str:
    """The whole notification as text; the first `limit` alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    if notification.kind in ("single", "resolved") and len(alerts) == 1:
        return _single_text(notification, alerts[0])
    lines = [subject_line(notification), ""]
    for incident in notification.incidents[:limit]:
        # Of a single one the subject is the title.
        lines += incident_lines(incident)[0 if notification.total > 1 else 1 :]
    for facts in alerts[:limit]:
        state = "" if facts.is_firing else " (resolved)"
        lines.append(f"- {facts.body['priority']} {title(facts)}{state} {sparkline(facts.trend)}")
        lines.append(f"    {threshold_line(facts)}")
        lines += [f"    {action}" for action in action_lines(facts)]
    shown = min(limit, len(alerts)) + min(limit, len(notification.incidents))
    if notification.total > shown:
        lines.append(f"… and {notification.total - shown:,} more: inventory alerts")
    return "\n".join([*lines, "", f"Notification {notification.notification_id}", ""])


def incident_lines(facts: IncidentFacts) -> list[str]:
    """What an incident says: its title, the comparison, the numbers it was judged by, since when, and where to ask."""
    numbers = [
        f"  {clean(name).replace('_', ' ')}: {_shown(value)}"
        for name, value in facts.arithmetic.items()
        if name != "comparison"
    ]
    state = "" if facts.is_open else " (resolved)"
    return [
        f"{facts.severity} {clean(facts.title, MAX_TITLE)}{state}",
        _sentence(clean(facts.arithmetic.get("comparison", ""), MAX_TITLE)),
        *numbers,
        f"Since {moment(format_time(facts.opened_at))}",
        f"Why? inventory explain {clean(facts.incident_id)}",
    ]


def _shown(value: object) -> str:
    if not isinstance(value, list):
        return clean(value)
    more = f" and {len(value) - MAX_VALUES:,} more" if len(value) > MAX_VALUES else ""
    return ", ".join(clean(each) for each in value[:MAX_VALUES]) + more


def _single_text(notification: Outgoing, facts: AlertFacts) -> str:
    body = facts.body
    lines = [subject_line(notification), "", hierarchy_line(body), f"SKU {clean(body['sku'])}", ""]
    lines += [stock_line(body), threshold_line(facts)]
    if facts.trend:
        lines.append(f"Trend {sparkline(facts.trend)} ({', '.join(str(value) for value in facts.trend)})")
    lines += outlook_lines(facts.recommendation)
    if notification.kind != "resolved":
        lines += ["", "What to do", *(f"  {action}" for action in action_lines(facts))]
        lines += [f"    {line}" for line in (facts.recommendation.arithmetic if facts.recommendation else ())]
    lines += ["", f"Since {moment(body['first_breach_time'])}", f"Why? inventory explain {clean(facts.alert_id, 600)}"]
    return "\n".join([*lines, f"Notification {notification.notification_id}", ""])


def severity_color(severity: str) -> str:
    """The color that stands for a severity, dark enough for white text on it."""
    return {"CRITICAL": "#b42318", "HIGH": "#b54708", "MEDIUM": "#175cd3"}.get(severity, "#475467")

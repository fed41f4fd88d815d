"""Say a notification in words: subject, sentences, plain text. Shared by all channels; pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from inventory_assets.domain.notify.notifications import AlertFacts, IncidentFacts, Outgoing, without_repeats
from inventory_assets.domain.notify.routing import SEVERITY_ORDER
from inventory_assets.domain.values import format_time
from inventory_assets.words import advice
from inventory_assets.words.advice import PRICE_UNIT, days_left
from inventory_assets.words.alerts import TITLES
from inventory_assets.words.charts import sparkline
from inventory_assets.words.commands import command
from inventory_assets.words.notifications import DIGESTS, ending_line, marks, short_ending, why_lines
from inventory_assets.words.numbers import counted
from inventory_assets.words.plan import sum_texts
from inventory_assets.words.text import capital, clean, lowered, spaced
from inventory_assets.words.times import wire_moment

MAX_SUBJECT = 150
MAX_TITLE = 300
# Of an incident's numbers; `inventory explain` has all of them.
MAX_VALUES = 20
EXPLAIN = "inventory explain {}"
# As many members as `inventory explain` shows in a table.
LISTED_BY_EXPLAIN = 20
LIMIT_WORDS = {
    "days_of_cover": "days of cover",
    "min_threshold_qty": "minimum",
    "reorder_threshold_qty": "reorder threshold",
    "min_threshold_days": "minimum",
    "reorder_threshold_days": "reorder threshold",
}
PLACES = ("department", "category", "brand", "product")


def is_one(notification: Outgoing) -> bool:
    """Whether it is of one alert, however it came about: a digest of one is no list."""
    return notification.total == 1 and bool(notification.alerts)


def title(facts: AlertFacts) -> str:
    """`Low stock: iPhone 13 Pro 256GB Silver at WH-EAST-1 (45 left)`."""
    return f"{_what(facts)} ({facts.body['available_stock']:,} left)"


def over_title(facts: AlertFacts) -> str:
    """The same of an alert that has ended: how, and the stock as it is now."""
    return _what(facts) + ("" if facts.ending is None else f" ({short_ending(facts.ending)})")


def _what(facts: AlertFacts) -> str:
    body = facts.body
    what = TITLES.get(body["alert_type"], clean(body["alert_type"]))
    return f"{what}: {clean(body['product_name'])} at {clean(body['warehouse_id'])}"


def subject_line(notification: Outgoing) -> str:
    """The subject of a mail, the first line elsewhere."""
    alerts = without_repeats(notification.alerts)
    if notification.kind in ("incident", "resolved") and notification.incidents and not alerts:
        head = "RESOLVED" if notification.kind == "resolved" else notification.severity
        return clean(f"[{head}] {notification.incidents[0].title}", MAX_SUBJECT)
    if notification.kind == "resolved" and alerts:
        more = f" and {notification.total - 1:,} more" if notification.total > 1 else ""
        return clean(f"[RESOLVED] {over_title(alerts[0])}{more}", MAX_SUBJECT)
    if is_one(notification):
        return clean(f"[{notification.severity}{marks(alerts[0])}] {title(alerts[0])}", MAX_SUBJECT)
    if notification.kind == "group":
        return clean(f"[{notification.severity}] {notification.total:,} alerts: {notification.reason}", MAX_SUBJECT)
    return clean(
        f"[{notification.severity}] Digest of {notification.total:,} alerts, "
        f"{DIGESTS.get(notification.reason, notification.reason)}",
        MAX_SUBJECT,
    )


def reason_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """Why the message comes, where that is not simply a new breach: again, only now, over."""
    if notification.kind == "resolved":
        return [] if facts.ending is None else [ending_line(facts.ending)]
    return why_lines(notification, facts)


def figure_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """Stock and threshold as sentences: of a breach that is over, as it was, after the stock of today."""
    if notification.kind != "resolved":
        return [stock_line(facts.body), *threshold_lines(facts)]
    was = lowered((threshold_lines(facts) or [stock_line(facts.body)])[0])
    lines = [f"The breach was: {was}"]
    found = facts.ending
    if found is not None and found.available is not None:
        now = {
            "available_stock": found.available, "current_stock": found.on_hand,
            "reserved_stock": found.reserved, "inbound_stock": found.inbound,
        }  # fmt: skip
        lines.insert(0, f"Now: {lowered(stock_line(now))}")
    return lines


def stock_line(body: dict[str, Any]) -> str:
    """The stock figures, and how they come about."""
    return (
        f"Available {body['available_stock']:,} = on hand {body['current_stock']:,} − reserved "
        f"{body['reserved_stock']:,}; inbound {body['inbound_stock']:,}"
    )


def threshold_lines(facts: AlertFacts) -> list[str]:
    """The comparison that failed and whose threshold it was; nothing for a stockout, which needs none."""
    if facts.body["alert_type"] == "STOCKOUT":
        return []
    comparison = str(facts.body["lineage"]["arithmetic"]["comparison"])
    for field, words in LIMIT_WORDS.items():
        comparison = comparison.replace(field, words)
    text = f"{clean(comparison)}, set by {clean(facts.origin)}"
    return [capital(text)]


def threshold_name(facts: AlertFacts) -> str | None:
    """What the number compared with is called; null for a stockout, which is its own threshold."""
    if facts.body["alert_type"] == "STOCKOUT":
        return None
    name = "reorder threshold" if facts.body["alert_type"] == "REORDER" else "minimum"
    return f"{name}, days of cover" if is_days(facts) else name


def is_days(facts: AlertFacts) -> bool:
    """Whether days of cover were compared, not units."""
    return "days" in str(facts.body["lineage"]["arithmetic"]["comparison"])


def hierarchy_line(body: dict[str, Any]) -> str:
    """Department to product."""
    return " › ".join(clean(body["hierarchy"].get(place) or "unknown") for place in PLACES)


def outlook_lines(facts: AlertFacts) -> list[str]:
    """When it runs out and the revenue at risk; nothing where unknown."""
    return [] if facts.line is None else advice.outlook_lines(facts.line)


def sum_lines(facts: AlertFacts) -> list[str]:
    """The sums behind what to do, without those that only say the actions and figures again."""
    if facts.line is None or facts.line["target"] is None:
        return []
    sums = sum_texts(facts.line)
    return sums[:-1] if facts.line["order_quantity"] == facts.line["needed"] else sums


def worst_first(alerts: Sequence[AlertFacts]) -> list[AlertFacts]:
    """Alerts in the order to work through them: severity, then the first to sell out, then the costliest."""

    def rank(facts: AlertFacts) -> tuple:
        days, at_risk = days_left(facts.line), None if facts.line is None else facts.line["revenue_at_risk"]
        severity = SEVERITY_ORDER.get(facts.body["priority"], 9)
        return (not facts.is_firing, severity, days is None, days or 0, -(at_risk or 0.0))

    return sorted(alerts, key=rank)


def total_lines(notification: Outgoing, alerts: Sequence[AlertFacts]) -> list[str]:
    """What many alerts come to, and of how many of them that is known."""
    counts = Counter(TITLES.get(facts.body["alert_type"], clean(facts.body["alert_type"])) for facts in alerts)
    known = f" of the first {len(alerts):,}" if len(alerts) < notification.total else ""
    lines = [", ".join(f"{what} {count:,}" for what, count in counts.most_common()) + known] if alerts else []
    found = [facts.line for facts in alerts if facts.line is not None]
    days = [left for line in found if (left := days_left(line))]
    if days:
        lines.append(f"Next to sell out in {counted(min(days), 'day')}{_of(len(days), notification.total)}")
    at_risk = [line["revenue_at_risk"] for line in found if line["revenue_at_risk"] is not None]
    if at_risk:
        total = f"{sum(at_risk):,.2f} {PRICE_UNIT}"
        lines.append(f"Revenue at risk until orders arrive: {total}{_of(len(at_risk), notification.total)}")
    return lines


def _of(known: int, total: int) -> str:
    return f" (known for {known:,} of {total:,})" if known < total else ""


def explain_command(notification: Outgoing) -> str:
    """What lists all that a notification is of."""
    more = " --format json" if notification.total > LISTED_BY_EXPLAIN else ""
    return command(f"{EXPLAIN}{more}", notification.notification_id)


def subject_command(facts: AlertFacts | IncidentFacts) -> str:
    """What explains one alert or incident."""
    return command(EXPLAIN, facts.alert_id if isinstance(facts, AlertFacts) else facts.incident_id)


def action_lines(facts: AlertFacts) -> list[str]:
    """What to do: moves first, then the order; why; and where the alert's message says otherwise, both."""
    if facts.line is None:
        return _wire_action(facts.body["restock_recommendation"])
    return [*advice.action_lines(facts.line), *filter(None, [advice.difference_sentence(facts.body, facts.line)])]


def _wire_action(suggested: dict[str, Any] | None) -> list[str]:
    if suggested is None:
        return []
    supplier = f" from {clean(suggested['supplier_id'])}" if suggested["supplier_id"] else ""
    units = suggested["suggested_quantity"]
    return [f"Order {units:,}{supplier}"] if units else [capital(advice.NOTHING_TO_ORDER)]


def plain_text(notification: Outgoing, *, limit: int) -> str:
    """The whole notification as text; the `limit` worst alerts in full, the others counted."""
    alerts = without_repeats(notification.alerts)
    if is_one(notification):
        return _single_text(notification, alerts[0])
    lines = [subject_line(notification), *total_lines(notification, alerts), ""]
    for incident in notification.incidents[:limit]:
        # Of a single one the subject is the title.
        lines += incident_lines(incident)[0 if notification.total > 1 else 1 :]
    for facts in worst_first(alerts)[:limit]:
        lines += _listed(notification, facts)
    shown = min(limit, len(alerts)) + min(limit, len(notification.incidents))
    if notification.total > shown:
        lines.append(f"… and {notification.total - shown:,} more: {explain_command(notification)}")
    return "\n".join([*lines, "", f"Why? {explain_command(notification)}", ""])


def _listed(notification: Outgoing, facts: AlertFacts) -> list[str]:
    if not facts.is_firing:
        state = over_title(facts) if facts.ending is not None else f"{title(facts)} (resolved)"
        return [f"- {state}", f"    {clean(facts.alert_id, 600)}"]
    lines = [f"- {facts.body['priority']}{marks(facts)} {title(facts)} {sparkline(facts.trend)}"]
    more = [*threshold_lines(facts), *outlook_lines(facts), *action_lines(facts)]
    more += [*why_lines(notification, facts)] if notification.kind != "digest" else []
    return [*lines, *(f"    {line}" for line in (*more, clean(facts.alert_id, 600)))]


def incident_lines(facts: IncidentFacts) -> list[str]:
    """What an incident says: its title, the comparison, the numbers it was judged by, since when, and where to ask."""
    numbers = [
        f"  {spaced(clean(name))}: {_shown(value)}" for name, value in facts.arithmetic.items() if name != "comparison"
    ]
    state = "" if facts.is_open else " (resolved)"
    return [
        f"{facts.severity} {clean(facts.title, MAX_TITLE)}{state}",
        capital(clean(facts.arithmetic.get("comparison", ""), MAX_TITLE)),
        *numbers,
        f"Since {wire_moment(format_time(facts.opened_at))}",
        f"Why? {subject_command(facts)}",
    ]


def _shown(value: object) -> str:
    if not isinstance(value, list):
        return clean(value)
    more = f" and {len(value) - MAX_VALUES:,} more" if len(value) > MAX_VALUES else ""
    return ", ".join(clean(each) for each in value[:MAX_VALUES]) + more


def _single_text(notification: Outgoing, facts: AlertFacts) -> str:
    body = facts.body
    lines = [subject_line(notification), *reason_lines(notification, facts), ""]
    lines += [hierarchy_line(body), f"SKU {clean(body['sku'])}", "", *figure_lines(notification, facts)]
    if notification.kind != "resolved":
        lines += outlook_lines(facts)
        lines += ["", "What to do", *(f"  {action}" for action in action_lines(facts))]
        lines += [f"    {line}" for line in sum_lines(facts)]
    if facts.trend:
        lines += ["", f"Trend {sparkline(facts.trend)} ({', '.join(str(value) for value in facts.trend)})"]
    lines += ["", f"Since {wire_moment(body['first_breach_time'])}"]
    lines += [f"Why? {subject_command(facts)}"]
    return "\n".join([*lines, f"Notification {notification.notification_id}", ""])


def severity_color(severity: str) -> str:
    """The color that stands for a severity, dark enough for white text on it."""
    return {"CRITICAL": "#b42318", "HIGH": "#b54708", "MEDIUM": "#175cd3"}.get(severity, "#475467")

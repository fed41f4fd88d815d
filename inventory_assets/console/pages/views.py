"""Rows as a page shows them: words, figures, pictures. Pure; what is escaped is the templates' business."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from inventory_assets.domain.alerts.incidents import ID_PREFIX
from inventory_assets.words.alerts import describe_step, duration
from inventory_assets.words.text import clean

KINDS = {"STOCKOUT": "Out of stock", "LOW_STOCK": "Low stock", "REORDER": "Time to reorder"}
PRIORITY_WORDS = {"CRITICAL": "Critical", "HIGH": "High", "MEDIUM": "Medium"}
INCIDENT_KINDS = {
    "CATEGORY_STOCKOUTS": "Stockouts in a category", "UNUSUAL_DEPLETION": "Unusual sales",
    "OVERDUE_RESTOCK": "Restock is late", "BREACH_TREND": "More alerts than usual",
}  # fmt: skip
TOLD = {
    "single": "by itself", "group": "alerts together", "incident": "an incident", "digest": "a digest",
    "resolved": "its end", "held": "kept for later", "dismissed": "nothing left to tell",
}  # fmt: skip
CONNECTOR_WORDS = {
    "connector_silent": ("not heard of", "high"), "connector_stopped": ("stopped", "high"),
    "connector_failed": ("failed", "critical"), "connector_disconnected": ("database away", "high"),
    "connector_behind": ("behind", "high"), "connector_copying": ("being copied", "medium"),
    "connector_gap": ("lost changes", "critical"), "connector_outranked": ("not counted", "critical"),
}  # fmt: skip
_PLAIN = {
    "min_threshold_qty": "the limit for low stock,", "reorder_threshold_qty": "the limit for reordering,",
    "min_threshold_days": "the limit for low stock in days,",
    "reorder_threshold_days": "the limit for reordering in days,", "<=": "≤", ">=": "≥", "->": "→",
}  # fmt: skip
WIDTH, HEIGHT, MARGIN = 120, 32, 3


def alert_href(alert_id: str) -> str:
    """The page of an alert; its id may hold anything (RULES 4)."""
    return f"/alerts/{quote(alert_id, safe='')}"


def href(path: str, **query: object) -> str:
    """A path of ours with a query; what is None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return path + (f"?{urlencode(given)}" if given else "")


def rule_href(level_type: str, level_id: str | None, warehouse_id: str | None) -> str:
    """The page of a rule; of thresholds that are no rule, none."""
    if level_type in ("EMBEDDED", "SYSTEM"):
        return ""
    return href("/thresholds/rule", level_type=level_type, level_id=level_id or None, warehouse_id=warehouse_id)


def steps_of(row: Mapping[str, Any]) -> list[str]:
    """What to do about an alert, a step each: transfers first, then the order."""
    if row["available_now"] is None:
        return []
    if row["order_now"] is None:
        return ["No target stock is known, so no quantity is suggested"]
    steps = [f"transfer {each['quantity']:,} from {clean(each['warehouse_id'])}" for each in row["transfers_now"] or ()]
    if row["order_now"]:
        supplier, days = (
            (row["restock_recommendation"] or {}).get(name) for name in ("supplier_id", "typical_lead_time_days")
        )
        steps.append(
            f"{'then order' if steps else 'order'} {row['order_now']:,}"
            + (f" from {clean(supplier)}" if supplier else "")
            + (f", {days} days" if days is not None else "")
        )
    steps = steps or ["nothing to order: what is on its way fills the shelf"]
    return [steps[0][:1].upper() + steps[0][1:], *steps[1:]]


def alert_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert of a list, as its line shows it."""
    told = row["available_stock"]
    now = told if row["available_now"] is None else row["available_now"]
    values = [point["available_stock"] for point in row["stock_trend"]]
    if values and values[-1] != now:
        values.append(now)
    return {
        "id": row["alert_id"],
        "href": alert_href(row["alert_id"]),
        "priority": row["priority"],
        "priority_words": PRIORITY_WORDS.get(row["priority"], row["priority"]),
        "kind": KINDS.get(row["alert_type"], row["alert_type"]),
        "product": row["product_name"],
        "sku": row["sku"],
        "warehouse": row["warehouse_id"],
        "stock_href": href("/stock", sku=row["sku"]),
        "available": now,
        "told": None if told == now else told,
        "threshold": row["threshold"],
        "steps": [f"{step}," for step in steps_of(row)[:-1]] + steps_of(row)[-1:],
        "age": duration(timedelta(minutes=row["age_minutes"])),
        "since": row["first_breach_time"],
        "is_firing": row["state"] == "firing",
        "is_late": row["is_late"],
        "marks": marks_of(row),
        "is_taken": row["acknowledged_by"] is not None,
        "spark": spark(values, row["threshold"]),
    }


def connectors_view(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every connector in plain words: all of them, the ones to look at, and since when which warehouse is old."""
    shown = [_connector_view(row) for row in rows]
    return {
        "all": shown,
        "live": sum(each["is_live"] for each in shown),
        "wrong": [each for each in shown if not each["is_live"]],
        # A copy ends by itself.
        "to_look_at": sum(not each["is_live"] and each["finding"] != "connector_copying" for each in shown),
        "old": {
            each["warehouse_id"]: each for each in reversed(shown) if each["warehouse_id"] and not each["is_current"]
        },
    }


NO_CONNECTORS: dict[str, Any] = {"all": [], "live": 0, "wrong": [], "to_look_at": 0, "old": {}}


def _connector_view(row: Mapping[str, Any]) -> dict[str, Any]:
    words, style = CONNECTOR_WORDS.get(row["finding"] or "", ("live", "good"))
    return {
        **row,
        "name": row["warehouse_id"] or row["connector_id"],
        "words": words,
        "style": style,
        "is_live": row["finding"] is None,
        "as_of": day_time(row["numbers_as_of"]),
    }


def marks_of(row: Mapping[str, Any]) -> list[str]:
    """What was done about an alert, a mark each."""
    marks = []
    if row["state"] == "resolved":
        marks.append(f"over: {row['resolved_reason']}")
    if row["acknowledged_by"]:
        marks.append(f"taken by {clean(row['acknowledged_by'])}")
    if row["silenced_until"]:
        marks.append(f"silent until {row['silenced_until']:%d %b %H:%M} UTC")
    if row["escalated_level"]:
        marks.append(f"raised to level {row['escalated_level']}")
    if row["is_untrusted"]:
        marks.append("data in doubt")
    elif row["inhibited_by"]:
        source = clean(row["inhibited_by"])
        marks.append("told with its incident" if source.startswith(ID_PREFIX) else f"held by {source}")
    return marks


def spark(values: Sequence[int], threshold: float | None, *, width: int = WIDTH, height: int = HEIGHT) -> dict | None:
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
        return round(MARGIN + (high - value) / span * (height - 2 * MARGIN), 1)

    step = (width - 2 * MARGIN) / (len(values) - 1)
    points = [(round(MARGIN + number * step, 1), y(value)) for number, value in enumerate(values)]
    return {
        "points": " ".join(f"{x},{y_}" for x, y_ in points),
        "last": points[-1],
        "limit": None if threshold is None else y(threshold),
        "width": width,
        "height": height,
        "words": "Available: " + ", ".join(f"{value:,}" for value in values),
    }


def step_view(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step of an alert's life: when, what, who, why."""
    what, why = describe_step(step["transition"], step["reason"])
    who = step["actor"] or "stock"
    return {
        "at": step["at"], "what": what + (", by late data" if step["is_late"] else ""), "why": why,
        "who": {"policy": "the policy", "clock": "the clock"}.get(who, who), "version": step["version"],
    }  # fmt: skip


def limit(units: int | None, days: float | None) -> str:
    """A limit in units, in days of stock, or in both, of which either counts."""
    parts = [figure(units)] if units is not None else []
    if days is not None:
        parts.append(f"{figure(days)} day{'' if days == 1 else 's'}")
    return " or ".join(parts) or "–"


def plain(text: str) -> str:
    """A sum or a change with words for the names of fields."""
    for name, words in _PLAIN.items():
        text = text.replace(name, words)
    return text


def figure(value: object) -> str:
    """A number as people write it; a dash for what is unknown."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.1f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def moment(value: datetime | str | None) -> str:
    """A time of the lake or of the wire, to the minute."""
    if value is None:
        return "–"
    at = as_time(value)
    return f"{at:%d %b %H:%M}" if at.year == datetime.now(UTC).year else f"{at:%d %b %Y %H:%M}"


def day_time(value: datetime | str) -> str:
    """A time of today as the clock shows it, of another day with the day."""
    at = as_time(value)
    return f"{at:%H:%M}" if at.date() == datetime.now(UTC).date() else moment(at)


def as_time(value: datetime | str) -> datetime:
    """A time, from a column or from a message."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def machine_time(value: datetime | str) -> str:
    """A time as a browser reads it."""
    return f"{as_time(value):%Y-%m-%dT%H:%M:%SZ}"


def ago(seconds: float | None) -> str:
    """How long ago, in a few words."""
    if seconds is None:
        return "never"
    return f"{seconds:.0f} s ago" if seconds < 90 else f"{duration(timedelta(seconds=seconds))} ago"

"""Rows as a page shows them: words, figures, pictures. Pure; what is escaped is the templates' business."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from inventory_assets.clock import machine_now
from inventory_assets.words import times
from inventory_assets.words.alerts import PRIORITIES, TITLES, handled, step_words, trend_values
from inventory_assets.words.charts import line_points
from inventory_assets.words.numbers import UNKNOWN, amount, figure
from inventory_assets.words.text import capital
from inventory_assets.words.times import day_count, duration

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
    """What to do about an alert, a step each: moves first, then the order."""
    if not row["what_to_do_now"]:
        return []
    first, *others = row["what_to_do_now"]
    return [capital(first), *others]


def alert_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert of a list, as its line shows it."""
    notified = row["available_stock"]
    now = notified if row["available_now"] is None else row["available_now"]
    what_to_do = steps_of(row)
    return {
        "id": row["alert_id"], "href": alert_href(row["alert_id"]), "priority": row["priority"],
        "priority_words": PRIORITIES.get(row["priority"], row["priority"]),
        "kind": TITLES.get(row["alert_type"], row["alert_type"]), "product": row["product_name"], "sku": row["sku"],
        "warehouse": row["warehouse_id"], "stock_href": href("/stock", sku=row["sku"]), "available": now,
        "notified": None if notified == now else notified, "threshold": row["threshold"],
        "why": row["why_now"],
        "steps": [f"{step}," for step in what_to_do[:-1]] + what_to_do[-1:],
        "age": duration(timedelta(minutes=row["age_minutes"])), "since": row["first_breach_time"],
        "is_firing": row["state"] == "firing", "is_late": row["is_late"], "marks": handled(row),
        "is_acknowledged": row["acknowledged_by"] is not None,
        "spark": line_points(trend_values(row, now), row["threshold"]), **stake_view(row),
    }  # fmt: skip


def stake_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is at stake with an alert, as its line shows it."""
    cover, overdue, arriving = row["cover_days"], row["overdue"] or 0, row["arriving"] or 0
    return {
        "cover": times.days(None if cover is None else max(0.0, cover)), "risk": amount(row["revenue_at_risk"]),
        "lead_time": row["lead_time_days"], "inbound": row["inbound_now"],
        "arriving": arriving, "arrives_on": row["arrives_on"], "overdue": overdue,
        "overdue_since": row["overdue_since"],
    }  # fmt: skip


def connectors_view(rows: Sequence[Mapping[str, Any]], today: date) -> dict[str, Any]:
    """Every connector in plain words: all of them, the ones to look at, and since when which warehouse is old."""
    shown = [_connector_view(row, today) for row in rows]
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


def _connector_view(row: Mapping[str, Any], today: date) -> dict[str, Any]:
    words, style = CONNECTOR_WORDS.get(row["finding"] or "", ("live", "good"))
    return {
        **row,
        "name": row["warehouse_id"] or row["connector_id"],
        "words": words,
        "style": style,
        "is_live": row["finding"] is None,
        "as_of": day_time(row["numbers_as_of"], today),
    }


def step_view(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step of an alert's life: when, what, who, why."""
    what, who, why = step_words(step)
    return {
        "at": step["at"], "what": what, "why": why,
        "who": {"policy": "the policy", "clock": "the clock"}.get(who, who), "version": step["version"],
    }  # fmt: skip


def limit(units: int | None, days: float | None) -> str:
    """A limit in units, in days of stock, or in both, of which either counts."""
    parts = [figure(units)] if units is not None else []
    if days is not None:
        parts.append(day_count(days))
    return " or ".join(parts) or UNKNOWN


def plain(text: str) -> str:
    """A sum or a change with words for the names of fields."""
    for name, words in _PLAIN.items():
        text = text.replace(name, words)
    return text


def moment(value: datetime | str | None) -> str:
    """A time of the lake or of the wire, to the minute."""
    return times.moment(None if value is None else as_time(value), now=machine_now())


def day_time(value: datetime | str, today: date) -> str:
    """A time of `today` as the clock shows it, of another day with the day."""
    at = as_time(value)
    return f"{at:%H:%M}" if at.date() == today else moment(at)


def as_time(value: datetime | str) -> datetime:
    """A time, from a column or from a message."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def machine_time(value: datetime | str) -> str:
    """A time as a browser reads it."""
    return f"{as_time(value):%Y-%m-%dT%H:%M:%SZ}"

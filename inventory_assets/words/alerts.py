"""What an alert is called, what became of it, and its stock as a picture. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from inventory_assets.domain.alerts.incidents import ID_PREFIX
from inventory_assets.words.charts import sparkline
from inventory_assets.words.numbers import counted
from inventory_assets.words.text import clean
from inventory_assets.words.times import moment

TITLES = {"STOCKOUT": "Out of stock", "LOW_STOCK": "Low stock", "REORDER": "Time to reorder"}
CONDITIONS = {"STOCKOUT": "out of stock", "LOW_STOCK": "low", "REORDER": "to reorder"}
PRIORITIES = {"CRITICAL": "Critical", "HIGH": "High", "MEDIUM": "Medium"}
SORTS = {
    "worst": "the worst and newest first", "risk": "the most money at risk first",
    "cover": "the fewest days of cover first", "newest": "the newest first", "oldest": "the oldest first",
    "available": "the least available first", "warehouse": "by warehouse", "sku": "by SKU",
}  # fmt: skip
INCIDENTS = {
    "CATEGORY_STOCKOUTS": "Stockouts in a category", "UNUSUAL_DEPLETION": "Unusual sales",
    "OVERDUE_RESTOCK": "Restock is late", "BREACH_TREND": "More alerts than usual",
}  # fmt: skip

# Why an alert is over: in full, and in a few words.
ENDINGS = {
    "recovered": ("the stock has recovered", "recovered"),
    "restock": ("a restock is on its way", "restock on its way"),
    "muted": ("its rule was switched off", "rule switched off"),
    "inactive": ("the item is no longer carried there", "no longer carried"),
    "escalated": ("it got worse, and a worse alert has taken over", "now worse"),
    "improved": ("it got better, and a milder alert has taken over", "now milder"),
    "manual": ("closed by hand", "closed by hand"),
    "expired": ("closed by age, as its stock had no event for long; the breach may go on", "closed by age"),
}
# Where the reason is a word of ours and not a person's.
_STEPS = {
    ("opened", "breach"): "opened: stock fell below the threshold",
    ("opened", "escalated"): "opened: it got worse",
    ("opened", "improved"): "opened: better than before, still below this threshold (not notified)",
    ("reopened", "breach"): "opened again within its cooldown",
    ("reopened", "escalated"): "opened again within its cooldown: it got worse",
    ("reopened", "improved"): "opened again within its cooldown: better than before",
    ("notified", "breach"): "notified",
    ("notified", "escalated"): "notified",
    ("notified", "cooldown_ended"): "notified: still open when the cooldown ended",
    ("unsilenced", "silence_ended"): "silence ended",
    ("escalated_level", "unacknowledged"): "raised a level: nobody had acknowledged it",
    ("notified", "repeat"): "notified again: nobody had acknowledged it",
    ("notified", "escalated_level"): "notified again, a level higher",
    ("notified", "silence_ended"): "notified: still open when the silence ended",
    ("notified", "released"): "notified: still open when it was no longer inhibited",
    ("rearmed", "escalated"): "re-armed: it got worse",
    ("rearmed", "recovered"): "re-armed: stock had recovered",
}
_WORDS = {
    "unsilenced": "silence lifted",
    "escalated_level": "raised a level",
    "uninhibited": "no longer inhibited",
    "rearmed": "re-armed",
}


def describe_step(transition: str, reason: str) -> tuple[str, str]:
    """A step in words, and a person's reason where it has one."""
    known = _STEPS.get((transition, reason))
    if transition == "resolved" and reason in ENDINGS:
        known = ended(reason) if reason in ("manual", "expired") else f"closed: {ended(reason)}"
    return (known, "") if known else (_WORDS.get(transition, transition), reason)


def step_words(step: Mapping[str, Any]) -> tuple[str, str, str]:
    """A step as histories show it: what, who, and a person's reason."""
    what, why = describe_step(step["transition"], step["reason"])
    return what + (", by late data" if step["is_late"] else ""), step["actor"] or "stock", why


def ended(reason: str) -> str:
    """Why an alert is over, in a few words."""
    return ENDINGS[reason][1] if reason in ENDINGS else clean(reason)


def tally(kinds: Iterable[str]) -> str:
    """`13 out of stock, 57 low, 79 to reorder`; empty for none."""
    found = list(kinds)
    return ", ".join(f"{found.count(kind):,} {words}" for kind, words in CONDITIONS.items() if kind in found)


def alert_count(count: int, state: str) -> str:
    """`149 alerts (firing)`."""
    return f"{counted(count, 'alert')} ({state})"


def trend_of(body: Mapping[str, Any], available_now: int | None) -> str:
    """The picture of an alert's stock up to its breach, and to now where that is known."""
    return sparkline(trend_values(body, available_now))


def trend_values(body: Mapping[str, Any], available_now: int | None) -> list[int]:
    """What that picture is of."""
    values = [point["available_stock"] for point in body["stock_trend"]]
    if available_now is not None and values and values[-1] != available_now:
        values.append(available_now)
    return values


def handled(row: Mapping[str, Any]) -> list[str]:
    """What was done about an alert, in a few words each; empty for nothing."""
    parts = []
    if row["state"] == "resolved":
        parts.append(f"resolved: {ended(row['resolved_reason'])}")
    if row["acknowledged_by"]:
        parts.append(f"acknowledged by {clean(row['acknowledged_by'])}")
    if row["escalated_level"]:
        parts.append(f"level {row['escalated_level']}")
    if row["silenced_until"]:
        parts.append(f"silenced until {moment(row['silenced_until'])} UTC")
    if row["is_untrusted"]:
        parts.append("untrusted")
    elif row["inhibited_by"]:
        source = clean(row["inhibited_by"])
        parts.append("notified with its incident" if source.startswith(ID_PREFIX) else f"inhibited by {source}")
    return parts

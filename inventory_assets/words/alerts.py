"""How an alert is shown: its steps and what to do in words, its stock as a picture."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from inventory_assets.domain.alerts.recommend import Recommendation

SPARKS = "▁▂▃▄▅▆▇█"

# Where the reason is a word of ours and not a person's.
STEPS = {
    ("opened", "breach"): "opened: stock fell below the threshold",
    ("opened", "escalated"): "opened: it got worse",
    ("opened", "improved"): "opened: better than before, still below this threshold (not notified)",
    ("reopened", "breach"): "opened again within its cooldown",
    ("reopened", "escalated"): "opened again within its cooldown: it got worse",
    ("reopened", "improved"): "opened again within its cooldown: better than before",
    ("notified", "breach"): "notified",
    ("notified", "escalated"): "notified",
    ("notified", "cooldown_ended"): "notified: still open when the cooldown ended",
    ("resolved", "escalated"): "closed: a worse alert took over",
    ("resolved", "improved"): "closed: stock improved to a milder alert",
    ("resolved", "recovered"): "closed: stock recovered",
    ("resolved", "restock"): "closed: stock is on its way",
    ("resolved", "muted"): "closed: its rule was disabled",
    ("resolved", "inactive"): "closed: the item was deleted",
    ("unsilenced", "silence_ended"): "silence ended",
    ("escalated_level", "unacknowledged"): "raised a level: nobody had acknowledged it",
    ("notified", "repeat"): "told again: nobody had acknowledged it",
    ("notified", "escalated_level"): "told again, a level higher",
    ("notified", "silence_ended"): "told: still open when the silence ended",
    ("notified", "released"): "told: still open when it was no longer held",
    ("resolved", "manual"): "closed by hand",
    ("resolved", "expired"): "closed: its stock had no event for long",
    ("rearmed", "escalated"): "watched again: it got worse",
    ("rearmed", "recovered"): "watched again: stock had recovered",
}
WORDS = {
    "acknowledged": "acknowledged",
    "silenced": "silenced",
    "unsilenced": "silence lifted",
    "escalated_level": "raised a level",
    "inhibited": "held",
    "uninhibited": "no longer held",
    "rearmed": "watched again",
    "note": "note",
}


def describe_step(transition: str, reason: str) -> tuple[str, str]:
    """A step in words, and a person's reason where it has one."""
    known = STEPS.get((transition, reason))
    return (known, "") if known else (WORDS.get(transition, transition), reason)


def describe_actions(found: Recommendation) -> list[str]:
    """What to do, a step a line: transfers first, then the order; an empty list where no quantity is known."""
    if found.order_quantity is None:
        return []
    steps = [f"transfer {transfer.quantity:,} from {transfer.warehouse_id}" for transfer in found.transfers]
    if found.order_quantity:
        steps.append(f"{'then order' if steps else 'order'} {found.order_quantity:,}")
    return steps or ["nothing to order: what is inbound fills the shelf"]


def describe_order(found: Recommendation) -> str:
    """Where an order goes and how long it takes, as far as it is known."""
    supply = found.supply
    if not found.order_quantity:
        return ""
    return (
        (f" from {supply.supplier_id}" if supply.supplier_id else "")
        + (f", lead time {supply.lead_time_days} days" if supply.lead_time_days is not None else "")
        + (f", in packs of {supply.pack_multiple}" if supply.pack_multiple else "")
    )


def action_sentence(found: Recommendation) -> str:
    """What to do, as one sentence without its full stop."""
    steps = describe_actions(found)
    if not steps:
        return "No target stock is known, so no quantity is suggested"
    sentence = ", ".join(steps) + describe_order(found)
    return sentence[:1].upper() + sentence[1:]


def trend_of(body: dict[str, Any], available_now: int | None) -> str:
    """The picture of an alert's stock up to its breach, and to now where that is known."""
    values = [point["available_stock"] for point in body["stock_trend"]]
    if available_now is not None and values and values[-1] != available_now:
        values.append(available_now)
    return sparkline(values)


def sparkline(values: Sequence[int]) -> str:
    """A one-line picture of a series."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, 1)
    return "".join(SPARKS[(value - low) * (len(SPARKS) - 1) // span] for value in values)


def handled_text(row: dict[str, Any]) -> str:
    """What was done about an alert, in a few words; empty for nothing."""
    parts = []
    if row["state"] == "resolved":
        parts.append(f"resolved ({row['resolved_reason']})")
    if row["acknowledged_by"]:
        parts.append(f"taken by {row['acknowledged_by']}")
    if row["escalated_level"]:
        parts.append(f"level {row['escalated_level']}")
    if row["silenced_until"]:
        parts.append(f"silenced until {row['silenced_until']:%m-%d %H:%M}")
    if row["is_untrusted"]:
        parts.append("untrusted")
    elif row["inhibited_by"]:
        parts.append(f"held by {row['inhibited_by']}")
    return ", ".join(parts)


def duration(span: timedelta) -> str:
    """A span in its two largest units: `3d 4h`, `12 min`."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days:,}d {hours}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes} min"

"""How an alert is shown: its steps in words, its priority in colour."""

STYLES = {"CRITICAL": "bold red", "HIGH": "yellow", "MEDIUM": "cyan"}

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

"""Say why a message comes: told again and by whom, held back until now, over and how; pure."""

from inventory_assets.domain.notify.notifications import AlertFacts, Ending, Outgoing, Step
from inventory_assets.words.text import clean, moment_of

_TELLINGS = {
    "repeat": "nobody has acknowledged it",
    "cooldown_ended": "it breached anew, and its cooldown is over",
    "silence_ended": "its silence is over and it still fires",
}
_ENDINGS = {
    "recovered": "the stock has recovered",
    "restock": "a restock is on its way",
    "muted": "its rule was switched off",
    "inactive": "the item is no longer carried there",
    "escalated": "it got worse, and a worse alert has taken over",
    "improved": "it got better, and a milder alert has taken over",
    "expired": "closed by age, as its stock had no event for long; the breach may go on",
}
_SHORT_ENDINGS = {
    "restock": "restock on its way",
    "muted": "rule switched off",
    "inactive": "no longer carried",
    "escalated": "now worse",
    "improved": "now milder",
    "expired": "closed by age",
}
_HELD = {"maintenance": "Held during maintenance until now", "rate_limit": "Held back by the channel's limit until now"}
MAX_WORDS = 300
# What time does is done in these names; nobody wants to call them.
_NOBODY = frozenset({"policy", "clock"})


def marks(facts: AlertFacts) -> str:
    """` · level 1 · again`, so far as it is so: what tells a message from the one before."""
    level = facts.body.get("escalated_level")
    return (f" · level {level}" if level else "") + (" · again" if facts.number > 1 else "")


def why_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """Why an alert is told again, why only now, and who has it; nothing for a first telling that nobody has taken."""
    lines = [_telling(facts, facts.telling)] if facts.number > 1 else []
    if notification.kind == "digest" and notification.reason in _HELD:
        lines.append(_HELD[notification.reason])
    taken = facts.body.get("acknowledged_by")
    return [*lines, f"Acknowledged by {clean(taken)}"] if taken else lines


def _telling(facts: AlertFacts, step: Step | None) -> str:
    if step is None:
        return f"Told again, for the {facts.number}th time" if facts.number > 3 else "Told again"
    if step.reason == "escalated_level":
        level = facts.body.get("escalated_level") or ""
        what = f"Told again: raised to level {level}".rstrip()
        if step.actor in _NOBODY or step.actor is None:
            return f"{what}, as nobody has acknowledged it"
        return f"{what} by {clean(step.actor)}{_quoted(step.words)}"
    if step.reason == "released":
        return f"Told again: no longer held, lifted by {clean(step.actor or 'somebody')}{_quoted(step.words)}"
    return f"Told again: {_TELLINGS.get(step.reason, clean(step.reason).replace('_', ' '))}"


def ending_line(ending: Ending) -> str:
    """When and why an alert ended, and by whom."""
    return f"Over since {moment_of(ending.at)}: {_ending(ending)}"


def _ending(ending: Ending) -> str:
    if ending.reason == "manual":
        return f"closed by {clean(ending.actor or 'hand')}{_quoted(ending.words)}"
    return _ENDINGS.get(ending.reason, clean(ending.reason))


def short_ending(ending: Ending) -> str:
    """The same in few words, with the stock as it is: `recovered, 75 available now`."""
    by = f"closed by {clean(ending.actor or 'hand', 40)}"
    what = by if ending.reason == "manual" else _SHORT_ENDINGS.get(ending.reason, clean(ending.reason))
    return what if ending.available is None else f"{what}, {ending.available:,} available now"


def _quoted(words: str) -> str:
    return f": {clean(words, MAX_WORDS)}" if words else ""

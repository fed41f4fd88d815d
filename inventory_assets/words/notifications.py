"""What kind a notification is and why it comes: again and by whom, only now, over and how. Pure."""

from inventory_assets.domain.notify.notifications import AlertFacts, Ending, Outgoing, Step
from inventory_assets.words.alerts import ENDINGS, ended
from inventory_assets.words.text import clean, spaced
from inventory_assets.words.times import moment_of

# A kind in a table's cell, and as `explain` says it.
KINDS = {
    "single": ("by itself", "one alert by itself"),
    "group": ("alerts together", "alerts that agree on the route's group_by keys"),
    "incident": ("an incident", "a business alert over many keys"),
    "digest": ("a digest", "alerts collected into one notification"),
    "resolved": ("its end", "the end of an earlier notification"),
    "held": ("on hold", "not sent: on hold"),
    "dismissed": ("dismissed", "not sent: all of it was over by then"),
}
DIGESTS = {"maintenance": "on hold during maintenance", "rate_limit": "collected within the channel's limit"}
AGAIN = "Notified again"
_AGAIN = {
    "repeat": "nobody has acknowledged it",
    "cooldown_ended": "it breached anew, and its cooldown is over",
    "silence_ended": "its silence is over and it still fires",
}
_ON_HOLD = {
    "maintenance": "On hold during maintenance until now",
    "rate_limit": "Rate-limited by the channel until now",
}
MAX_WORDS = 300
# What time does is done in these names; nobody wants to call them.
_NOBODY = frozenset({"policy", "clock"})


def marks(facts: AlertFacts) -> str:
    """` · level 1 · again`, so far as it is so: what tells a message from the one before."""
    level = facts.body.get("escalated_level")
    return (f" · level {level}" if level else "") + (" · again" if facts.number > 1 else "")


def why_lines(notification: Outgoing, facts: AlertFacts) -> list[str]:
    """Why an alert comes again, why only now, and who has it; nothing for a first time that nobody has acknowledged."""
    lines = [_again(facts, facts.telling)] if facts.number > 1 else []
    if notification.kind == "digest" and notification.reason in _ON_HOLD:
        lines.append(_ON_HOLD[notification.reason])
    owner = facts.body.get("acknowledged_by")
    return [*lines, f"Acknowledged by {clean(owner)}"] if owner else lines


def _again(facts: AlertFacts, step: Step | None) -> str:
    if step is None:
        return f"{AGAIN}, for the {facts.number}th time" if facts.number > 3 else AGAIN
    if step.reason == "escalated_level":
        level = facts.body.get("escalated_level") or ""
        what = f"{AGAIN}: raised to level {level}".rstrip()
        if step.actor in _NOBODY or step.actor is None:
            return f"{what}, as nobody has acknowledged it"
        return f"{what} by {clean(step.actor)}{_quoted(step.words)}"
    if step.reason == "released":
        return f"{AGAIN}: no longer inhibited, lifted by {clean(step.actor or 'somebody')}{_quoted(step.words)}"
    return f"{AGAIN}: {_AGAIN.get(step.reason, spaced(clean(step.reason)))}"


def ending_line(ending: Ending) -> str:
    """When and why an alert ended, and by whom."""
    return f"Over since {moment_of(ending.at)}: {_ending(ending)}"


def _ending(ending: Ending) -> str:
    if ending.reason == "manual":
        return f"closed by {clean(ending.actor or 'hand')}{_quoted(ending.words)}"
    return ENDINGS.get(ending.reason, (clean(ending.reason), ""))[0]


def short_ending(ending: Ending) -> str:
    """The same in few words, with the stock as it is: `recovered, 75 available now`."""
    by = f"closed by {clean(ending.actor or 'hand', 40)}"
    what = by if ending.reason == "manual" else ended(ending.reason)
    return what if ending.available is None else f"{what}, {ending.available:,} available now"


def _quoted(words: str) -> str:
    return f": {clean(words, MAX_WORDS)}" if words else ""

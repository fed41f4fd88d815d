"""Which commands hold an alert's tellings back at a time (RULE 36), as a function of the set of commands.

Belongs here: pauses, silences, inhibitions and what lifts them. Does not: when what was held is told
(the oracle does that for pauses).
"""

from collections.abc import Iterable
from datetime import datetime

from tests.rules.folding import Key
from tests.rules.reading import Event

LIFTED_BY = {"pause": "resume", "silence": "unsilence", "inhibit": "uninhibit"}
SCOPE = ("warehouse_id", "sku", "category_id", "alert_id", "alert_type")


def covers(
    command: Event, key: Key, category_id: str, alert_id: str | None = None, alert_type: str | None = None
) -> bool:
    """A part that is not named means all; the category is that of now."""
    found = dict(zip(SCOPE, (*key, category_id, alert_id, alert_type), strict=True))
    return all(command.fields[name] in (None, found[name]) for name in SCOPE)


def scope_of(command: Event) -> tuple:
    """RULE 36, "commands of one scope". An inhibition is lifted by its own source (ADR 0004)."""
    scope = tuple(command.fields[name] for name in SCOPE)
    is_of_source = command.fields["command"] in ("inhibit", "uninhibit")
    return (*scope, command.fields["source"] or command.fields["issued_by"]) if is_of_source else scope


def is_outdated(command: Event, known: Iterable[Event]) -> bool:
    """RULES 9, 36: a later command of its scope is known, so it has no effect."""
    name = command.fields["command"]
    pair = next((pair for pair in LIFTED_BY.items() if name in pair), None)
    return pair is not None and any(
        other.kind == "control"
        and other.fields["command"] in pair
        and scope_of(other) == scope_of(command)
        and (_ends(other, command) if "silence" in pair else _order(other) > _order(command))
        for other in known
    )


def _ends(other: Event, command: Event) -> bool:
    """An `unsilence` ends all earlier of its scope; a silence only earlier ones of its author."""
    is_of_author = command.fields["command"] == "silence" and other.fields["issued_by"] == command.fields["issued_by"]
    return other.at > command.at and (other.fields["command"] == "unsilence" or is_of_author)


def holds(
    commands: Iterable[Event],
    key: Key,
    category_id: str,
    at: datetime,
    *,
    alert_id: str | None = None,
    alert_type: str | None = None,
    opened_at: datetime | None = None,
) -> bool:
    """Whether a telling of a key's alert is held back at a time, by whatever command.

    Args:
        commands: In any order; those after `at` do not count yet.
        category_id: The key's, of now.
        opened_at: When the alert opened, None where that does not matter: a category's inhibition
            holds only what opens from then on (ADR 0004).
    """
    known = [command for command in commands if command.at <= at]
    alert = {"alert_id": alert_id, "alert_type": alert_type}
    return (
        is_paused(known, key, category_id)
        or any(
            command.fields["command"] == "silence" and at < command.fields["end"]
            for command in known
            if covers(command, key, category_id, **alert) and not is_outdated(command, known)
        )
        or any(
            command.fields["command"] == "inhibit" and not (_is_of_category(command) and _is_older(opened_at, command))
            for command in _latest(known, key, category_id, "inhibit", **alert)
        )
    )


def _is_of_category(command: Event) -> bool:
    return command.fields["category_id"] is not None and command.fields["warehouse_id"] is None


def _is_older(opened_at: datetime | None, command: Event) -> bool:
    return opened_at is not None and opened_at < command.at


def is_paused(commands: Iterable[Event], key: Key, category_id: str) -> bool:
    """The latest of `pause` and `resume` of some scope over the key is a pause."""
    return any(command.fields["command"] == "pause" for command in _latest(commands, key, category_id, "pause"))


def _latest(commands: Iterable[Event], key: Key, category_id: str, name: str, **alert: str | None) -> Iterable[Event]:
    """Of each scope over the key, the latest command of a pair."""
    latest: dict[tuple, Event] = {}
    for command in commands:
        if command.fields["command"] in (name, LIFTED_BY[name]) and covers(command, key, category_id, **alert):
            known = latest.setdefault(scope_of(command), command)
            latest[scope_of(command)] = max(known, command, key=_order)
    return latest.values()


def _order(command: Event) -> tuple:
    return (command.at, command.event_id)

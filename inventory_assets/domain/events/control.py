"""Read the fields of a control command that acts on alerts or on lines of a plan (RULES 36, ADR 0004, 0021).

Here: which commands there are and what each must name. Not here: the message
around them (`parse`), or what they do (`lifecycle`).
"""

from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.values import (
    CONTROL_CHARACTERS,
    MINUTE_US,
    InvalidValue,
    format_time,
    read_id,
    read_time,
    read_within,
)
from inventory_assets.ranges import MAX_QUANTITY

ALERT_COMMANDS = frozenset({"ack", "silence", "unsilence", "escalate", "resolve", "note", "inhibit", "uninhibit"})
PLAN_COMMANDS = frozenset({"plan-accept", "plan-dismiss", "plan-snooze"})
COMMANDS = frozenset({"pause", "resume", "re-evaluate"}) | ALERT_COMMANDS | PLAN_COMMANDS

# Longer than this is no silence but a rule to change: `"enabled": false` mutes a key.
MAX_SILENCE_MINUTES = 366 * 24 * 60
# A warehouse and a SKU of 256 bytes each, the type, the date, the digest.
MAX_ALERT_ID_BYTES = 600


class Target(NamedTuple):
    """What a command on an alert or on a line of a plan is about."""

    alert_id: str | None = None
    category_id: str | None = None
    until_at: int | None = None
    source: str | None = None
    alert_type: str | None = None
    plan_line_id: str | None = None
    quantity: int | None = None


def read_target(document: dict[str, Any], command: str, scope: list[str | None], event_at: int) -> Target:
    """Read what an alert command is about.

    Args:
        document: The command's body.
        command: One of `ALERT_COMMANDS`.
        scope: Its (warehouse_id, sku), as read.
        event_at: When it was issued, microseconds.
    """
    alert_id = _read_subject_id("alert_id", document.get("alert_id"))
    category = document.get("category_id")
    category_id = None if category is None else read_id("category_id", category)
    if command in ("silence", "unsilence"):
        if (alert_id is None) is (not any((*scope, category_id))):
            raise InvalidValue("invalid_command", f"{command} names an alert_id, or else a scope: {_SCOPE_FIELDS}")
    elif command in ("inhibit", "uninhibit"):
        if (alert_id is None) is (scope[0] is None and category_id is None):
            raise InvalidValue("invalid_command", f"{command} names an alert_id, or else a warehouse_id or category_id")
    elif alert_id is None:
        raise InvalidValue("missing_field", "required and absent or null: alert_id", "alert_id")
    until_at = _read_until(document, event_at, "silence") if command == "silence" else None
    source = document.get("source")
    alert_type = _read_alert_type(document.get("alert_type"), command)
    return Target(
        alert_id, category_id, until_at, None if source is None else read_id("source", source), alert_type
    )  # fmt: skip


def read_plan_target(document: dict[str, Any], command: str, event_at: int) -> Target:
    """Read which line of a plan a command decides on, and what it decides.

    Args:
        document: The command's body.
        command: One of `PLAN_COMMANDS`.
        event_at: When it was issued, microseconds.
    """
    line_id = _read_subject_id("plan_line_id", document.get("plan_line_id"))
    if line_id is None:
        raise InvalidValue("missing_field", "required and absent or null: plan_line_id", "plan_line_id")
    quantity = document.get("quantity") if command == "plan-accept" else None
    until_at = _read_until(document, event_at, "snooze") if command == "plan-snooze" else None
    return Target(
        until_at=until_at, plan_line_id=line_id,
        quantity=None if quantity is None else _read_units("quantity", quantity, MAX_QUANTITY),
    )  # fmt: skip


_SCOPE_FIELDS = "one or more of warehouse_id, sku, category_id"


def _read_subject_id(field: str, value: Any) -> str | None:
    if value is None:
        return None
    # No control characters, as in the ids it is made of (RULES 4); a no-break space in a SKU is none.
    if type(value) is not str or CONTROL_CHARACTERS.search(value) or not 0 < len(value.encode()) <= MAX_ALERT_ID_BYTES:
        raise InvalidValue("invalid_id", f"{field} was no text of 1 to {MAX_ALERT_ID_BYTES} bytes", field)
    return value


def _read_alert_type(value: Any, command: str) -> str | None:
    if value is None or command not in ("inhibit", "uninhibit"):
        return None
    if value not in list(Condition):
        detail = f"alert_type was {value!r}, expected one of {', '.join(Condition)}"
        raise InvalidValue("invalid_command", detail, "alert_type")
    return str(value)


def _read_until(document: dict[str, Any], event_at: int, what: str) -> int:
    until, minutes = document.get("until"), document.get("minutes")
    if (until is None) is (minutes is None):
        raise InvalidValue("invalid_command", f"a {what} has an end: `until`, a time, or else `minutes`", "until")
    until_at = (
        read_time("until", until)
        if until is not None
        else event_at + _read_units("minutes", minutes, MAX_SILENCE_MINUTES) * MINUTE_US
    )
    if until_at <= event_at:
        raise InvalidValue(
            "invalid_command",
            f"the {what} would have ended before it began: {format_time(until_at)}, issued {format_time(event_at)}",
            "until",
        )
    if until_at > event_at + MAX_SILENCE_MINUTES * MINUTE_US:
        raise InvalidValue("invalid_command", f"the {what} was longer than a year; disable the rule instead", "until")
    return until_at


def _read_units(field: str, value: Any, most: int) -> int:
    try:
        return read_within(field, value, 1, most)
    except InvalidValue as error:
        raise InvalidValue("invalid_command", error.detail, error.position) from error

"""What people do about an alert, a scope or a line of the plan, as a command: checked as far as the lake tells.

Here: what a command takes, and whether it would be refused. Not here: sending it, or what becomes of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from inventory_assets.control.issue import command_message, try_command
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.control import PLAN_COMMANDS
from inventory_assets.domain.events.kinds import Command, Key, Rejection
from inventory_assets.domain.ingest.messages import Message, parse_burst
from inventory_assets.domain.replenish.decisions import PlanLine, keys_of, refuse
from inventory_assets.errors import InventoryError
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.lake.query.reader import IDS, LakeReader, id_list
from inventory_assets.queries.ids import find_alert_id
from inventory_assets.queries.incidents import read_incidents
from inventory_assets.settings import Settings

ALERT_FIELDS = {
    "ack": (), "escalate": (), "resolve": (), "note": (), "silence": ("minutes", "until"), "unsilence": (),
    "inhibit": ("source", "alert_type"), "uninhibit": ("source", "alert_type"),
}  # fmt: skip
PLAN_FIELDS = {"plan-accept": ("quantity",), "plan-dismiss": (), "plan-snooze": ("minutes", "until")}
SCOPE_FIELDS = ("warehouse_id", "sku", "category_id")
# A program that sends "0" in place of an id must not act on the one alert that begins so; the last eight name one.
LEAST_PART = 8
# As at the command line: what goes without saying.
REASONS = {"ack": "seen", "unsilence": "over", "uninhibit": "trusted again"}


class CommandProblemError(InventoryError, ValueError):
    """A command that would be refused. `status`: as HTTP has it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Prepared(NamedTuple):
    """A command as it is sent: the message, and what it says."""

    message: Message
    command: Command


def check_fields(
    body: Mapping[str, Any], author: str, fields: Mapping[str, tuple[str, ...]] = ALERT_FIELDS
) -> dict[str, Any]:
    """A command's body, with who and why.

    Args:
        body: `command`, what it is about, and more.
        author: Who.
        fields: Which commands there are, and what each takes.

    Raises:
        CommandProblemError: It is none, or has a field that it does not take, or no reason.
    """
    wanted = {name: value for name, value in body.items() if value is not None}
    name = str(wanted.get("command"))
    if name not in fields:
        raise CommandProblemError(422, f"command was {name!r}, expected one of {', '.join(sorted(fields))}")
    about = ("plan_line_id", "warehouse_id", "sku") if name in PLAN_COMMANDS else ("alert_id", *SCOPE_FIELDS)
    known = {"command", "reason", *about, *fields[name]}
    if unknown := sorted(set(wanted) - known):
        raise CommandProblemError(422, f"unknown field {', '.join(unknown)}; {name} takes {', '.join(sorted(known))}")
    reason = wanted.get("reason", "")
    if not isinstance(reason, str):
        raise CommandProblemError(422, f"reason was {str(reason)[:80]!r}, expected a text: why, for the history")
    reason = reason or REASONS.get(name)
    if not reason:
        raise CommandProblemError(422, f"{name} needs a reason: why, for the history")
    return wanted | {"reason": reason, "issued_by": author}


def prepare(settings: Settings, wanted: Mapping[str, Any], *, now: int, origin: str) -> Prepared:
    """A command as a message, read as it will be when it is taken in.

    Args:
        settings: How messages are read.
        wanted: As `check_fields` gives it, with the alert's whole id.
        now: When it is issued, in microseconds.
        origin: What issues it.

    Raises:
        CommandProblemError: It would be a dead letter.
    """
    message = command_message(dict(wanted), now=now, origin=origin)
    [parsed] = parse_burst([message], meaning_of(settings).parsing)
    if isinstance(parsed, Rejection):
        raise CommandProblemError(422, parsed.detail)
    assert isinstance(parsed, Command)
    return Prepared(message, parsed)


def find_subject(reader: LakeReader, text: str) -> str:
    """The alert meant by a part of its id, or the incident of this one.

    Raises:
        UnknownAlertError, AmbiguousAlertError: None is meant, or several.
        CommandProblemError: There is no such incident.
    """
    if len(text) < LEAST_PART:
        raise CommandProblemError(404, f"no alert {text!r}; give its id, or {LEAST_PART} characters of it at least")
    if is_incident_id(text):
        if not read_incidents(reader, incident_id=text):
            raise CommandProblemError(404, f"no incident {text!r}")
        return text
    return find_alert_id(reader, text)


def warehouse_of(reader: LakeReader, command: Command) -> str | None:
    """Where the alert or the line of a command is; None where there is none, or it is of several."""
    if command.plan_line_id is not None:
        warehouses = {warehouse_id for warehouse_id, _ in read_plan_lines(reader, [command.plan_line_id])}
        return command.warehouse_id or (warehouses.pop() if len(warehouses) == 1 else None)
    found = reader.query("SELECT warehouse_id FROM out.alerts WHERE alert_id = ?", [command.alert_id])
    return found.item() if found.height else None


def would_change(reader: LakeReader, command: Command) -> bool:
    """Whether a command would change anything, as the lake stands.

    Raises:
        CommandProblemError: It would be refused.
    """
    if command.command in PLAN_COMMANDS:
        refusal = refuse(read_plan_lines(reader, [command.plan_line_id or ""]), command)
        if refusal is not None:
            raise CommandProblemError(404 if refusal.reason == "unknown_line" else 409, refusal.detail)
        return True
    if command.alert_id is None or is_incident_id(command.alert_id):
        return True
    verdict = try_command(reader, command)
    if isinstance(verdict, Rejection):
        raise CommandProblemError(409, verdict.detail)
    return verdict


def read_plan_lines(reader: LakeReader, line_ids: Iterable[str]) -> dict[Key, PlanLine | None]:
    """The lines of now of all shelves that some ids may be of, in one question."""
    keys = {key for line_id in line_ids for key in keys_of(line_id)}
    rows = reader.query(
        "SELECT warehouse_id, sku, plan_date, order_quantity FROM out.plans "
        f"WHERE line_id IS NOT NULL AND sku IN ({IDS})", [id_list(sku for _, sku in keys)],
    )  # fmt: skip
    return {
        (warehouse_id, sku): PlanLine(day, quantity)
        for warehouse_id, sku, day, quantity in rows.iter_rows()
        if (warehouse_id, sku) in keys
    }


def shelves_of(lines: Mapping[Key, PlanLine | None], command: Command) -> list[Key]:
    """The shelves with a line that a command on one may mean."""
    return [
        key for key in keys_of(command.plan_line_id or "")
        if key in lines and command.warehouse_id in (None, key[0]) and command.sku in (None, key[1])
    ]  # fmt: skip

"""`inventory incidents`, and `inventory explain` of one: business alerts over many keys."""

import json
import sys
from typing import Any

import click
from rich.text import Text

from inventory_assets.clock import clock_of
from inventory_assets.commands.alerts.style import STYLES
from inventory_assets.commands.output import (
    console,
    format_option,
    limit_option,
    new_table,
    notes,
    print_agreement,
    print_found,
    print_headed,
    print_rows,
    print_table,
    to_json,
)
from inventory_assets.commands.telling import telling_engine
from inventory_assets.domain.values import InvalidValue, read_time
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.ids import UnknownIncidentError
from inventory_assets.queries.incidents import find_incident, incidents_of_version, read_incidents, read_members
from inventory_assets.queries.links import read_incident_notes
from inventory_assets.refresh.incidents import rederive, refresh_incidents
from inventory_assets.settings import load_settings
from inventory_assets.words.commands import command
from inventory_assets.words.text import spaced, visible
from inventory_assets.words.times import to_minute

COLUMNS = ("incident_id", "priority", "kind", "title", "members", "opened_at", "resolved_at")
LEAVING = ("resolved_at", "kind", "priority", "opened_at", "members")
SHOWN_MEMBERS = 10


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice(["open", "resolved", "all"]), default="open", show_default=True)
@limit_option
@format_option
@click.pass_context
def incidents(context: click.Context, state: str, limit: int, format_: str) -> None:
    """List business alerts: stockouts of a category, unusual sales, overdue restocks, trends."""
    if context.invoked_subcommand is not None:
        return
    found = read_incidents(LakeReader(load_settings()), state)
    if format_ == "table" and not found:
        notes.print("no incidents" if state == "all" else f"no {state} incidents", style="dim")
    elif format_ == "table":
        rows = [{**row, "members": len(row["members"])} for row in found]
        print_rows(rows, "table", columns=COLUMNS, leaving=LEAVING, limit=limit)
        asked = command("inventory explain {}", found[0]["incident_id"])
        notes.print(f"Why? {asked}", style="dim", soft_wrap=True)
    else:
        print_rows(found, format_)


@incidents.command()
@click.option("--as-of", "as_of", help="As of this time (RFC 3339, UTC) instead of now.")
@format_option
def find(as_of: str | None, format_: str) -> None:
    """Look for incidents now: open new ones, follow the open, resolve what is over."""
    present = clock_of(load_settings()).microseconds()
    try:
        now = present if as_of is None else read_time("--as-of", as_of)
    except InvalidValue as error:
        raise click.UsageError(error.detail) from None
    if now > present:
        # What follows a later look would take the present for the past, and end nothing until then.
        raise click.UsageError(f"--as-of was {as_of!r}, which is yet to come; expected a time up to now.")
    LakeReader(load_settings())  # says clearly where there is no lake
    with telling_engine() as engine:
        versions = [commit.version for commit in refresh_incidents(engine, now)]
        rows = [row for version in versions for row in incidents_of_version(engine.lake, version)]
    print_found(rows, format_, "nothing opened, nothing changed")


def explain_incident(incident_id: str, format_: str) -> None:
    """Print an incident's inputs and arithmetic, and find it again at its version; exit 1 if that differs."""
    reader = LakeReader(load_settings())
    row = find_incident(reader, incident_id)
    if row is None:
        raise UnknownIncidentError(f"no incident {incident_id!r}. List them with `inventory incidents --state all`.")
    notes_ = read_incident_notes(reader, incident_id)
    members = read_members(reader, json.loads(row["members"]))
    show_version(reader.connection, row["as_of_version"])
    differences = rederive(reader, row)
    shown = {**row, "members": json.loads(row["members"]), "arithmetic": json.loads(row["arithmetic"])}
    if format_ == "json":
        print_rows([to_json({**shown, "alerts": members, "history": notes_, "differences": differences})], "json")
    else:
        _print_incident(shown, members, notes_, differences)
    if differences:
        sys.exit(1)


def _print_incident(
    row: dict[str, Any], alerts: list[dict[str, Any]], notes_: list[dict[str, Any]], differences: list[str]
) -> None:
    text = Text(f"{row['priority']} {row['kind']}", STYLES[row["priority"]])
    text.append(f" · {row['state']}\n{visible(row['title'])}\n", "bold")
    end = "" if row["resolved_at"] is None else f", over at {to_minute(row['resolved_at'])}"
    text.append(f"since {to_minute(row['opened_at'])}{end}; judged as of {to_minute(row['as_of'])}", "dim")
    text.append(f" on lake version {row['as_of_version']}", "dim")
    print_headed(text, row["incident_id"], STYLES[row["priority"]])
    arithmetic = dict(row["arithmetic"])
    comparison = arithmetic.pop("comparison")
    for name, value in arithmetic.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        console.print(f"  {spaced(name)}: {shown}")
    console.print(f"Arithmetic  {comparison}", style="bold")
    if alerts:
        names = ("alert", "state", "warehouse", "sku", "available", "id")
        table = new_table(names, "available", title="Its alerts, with the stock of now")
        for alert in alerts[:SHOWN_MEMBERS]:
            table.add_row(
                alert["alert_type"], alert["state"], alert["warehouse_id"], alert["sku"],
                str(alert["available"]), alert["alert_id"][-8:],
            )  # fmt: skip
        print_table(table)
    members = row["members"] if not alerts else [alert["alert_id"] for alert in alerts]
    if not alerts:
        console.print(f"  from: {', '.join(members[:SHOWN_MEMBERS])}")
    if len(members) > SHOWN_MEMBERS:
        console.print(f"  and {len(members) - SHOWN_MEMBERS} more", style="dim")
    for note in notes_:
        console.print(f"Note  {note['reason']}  ({note['actor']}, {to_minute(note['at'])})", soft_wrap=True)
    print_agreement(
        differences, "Found again at its version, this incident is different:",
        "Found again in the lake as it was at its version: the same incident.",
    )  # fmt: skip

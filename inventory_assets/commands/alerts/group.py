"""`inventory alerts`: what is wrong, and what to do about it."""

from typing import Any

import click
from rich.text import Text

from inventory_assets.commands.alerts.style import STYLES, available_text, product_text
from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.commands.output import (
    format_option,
    new_table,
    notes,
    print_more,
    print_rows,
    print_table,
)
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import ROWS
from inventory_assets.queries.alerts import read_alerts, wire_of
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import Present, read_present
from inventory_assets.settings import load_settings
from inventory_assets.words.advice import steps
from inventory_assets.words.alerts import alert_count, handled, tally, trend_of
from inventory_assets.words.commands import command
from inventory_assets.words.text import visible

COLUMNS = (
    "priority", "alert", "warehouse", "product", "available", "threshold", "trend", "since (UTC)", "what to do",
)  # fmt: skip
# The priority follows from the kind of alert, whose colour is its.
LEAVING = ("trend", "threshold", "priority", "since (UTC)", "available")


HANDLING = {
    "ack": ("commands.alerts.handling:ack", "Take alerts on: not escalated, not repeated."),
    "escalate": ("commands.alerts.handling:escalate", "Raise alerts one level and notify again."),
    "inhibit": ("commands.alerts.handling:inhibit", "Distrust a warehouse's data: hold its notifications."),
    "list": ("commands.alerts.listing:list_", "List alerts with who handles them, and how."),
    "note": ("commands.alerts.handling:note", "Add a line to the history of an alert or incident."),
    "notifications": ("commands.alerts.notifications:notifications", "List who was notified of what, when and how."),
    "resolve": ("commands.alerts.handling:resolve", "Close alerts by hand."),
    "show": ("commands.alerts.listing:show", "Show one alert with its whole history."),
    "silence": ("commands.alerts.handling:silence", "Withhold notifications for a while."),
    "stats": ("commands.alerts.stats:alert_stats", "Times to acknowledge and resolve, false alarms."),
    "sweep": ("commands.alerts.handling:sweep", "Do what time has made due."),
    "uninhibit": ("commands.alerts.handling:uninhibit", "Trust a warehouse again."),
    "unsilence": ("commands.alerts.handling:unsilence", "End a silence now."),
}


@click.group(cls=LazyGroup, lazy=HANDLING, invoke_without_command=True)
@click.option("--state", type=click.Choice(["firing", "resolved", "all"]), default="firing", show_default=True)
@click.option("--limit", type=ROWS, default=50, show_default=True,
              help="Rows of a table; json and csv have all.")  # fmt: skip
@format_option
@click.pass_context
def alerts(context: click.Context, state: str, limit: int, format_: str) -> None:
    """List alerts, the worst and newest first; with a command, handle them.

    The table has the stock of now and what to do now; json and csv have each
    alert as it was sent, in the format of `alerts-topic`.
    """
    if context.invoked_subcommand is None:
        _list_alerts(state, limit, format_)


def _list_alerts(state: str, limit: int, format_: str) -> None:
    reader = LakeReader(load_settings())
    rows = read_alerts(reader, *(("true",) if state == "all" else ("state = ?", [state])))
    if format_ == "table":
        shown = [row["body"]["alert_id"] for row in rows[:limit]]
        present = read_present(reader, shown, settings_of(reader.settings))
        _print_alerts(rows, present, limit, state)
    else:
        print_rows([wire_of(row) for row in rows], format_)


def _print_alerts(rows: list[dict[str, Any]], present: dict[str, Present], limit: int, state: str) -> None:
    kinds = tally(row["body"]["alert_type"] for row in rows) or "nothing to do"
    title = f"{alert_count(len(rows), state)}: {kinds}"
    table = new_table(COLUMNS, "available", "threshold", title=title, leaving=LEAVING)
    for row in rows[:limit]:
        body, now = row["body"], present.get(row["body"]["alert_id"])
        done = ", ".join(handled(row))
        table.add_row(
            Text(body["priority"], STYLES[body["priority"]]),
            Text(body["alert_type"], STYLES[body["priority"]]).append(f"\n{visible(done)}" if done else "", "dim"),
            body["warehouse_id"],
            product_text(body),
            available_text(body, now),
            f"{body['threshold']:g}",
            trend_of(body, None if now is None else now.available),
            body["first_breach_time"][:16].replace("T", " ") + (" late data" if body["is_late"] else ""),
            "–" if now is None or now.line is None else Text("\n".join(map(visible, steps(now.line)))),
        )
    print_table(table)
    print_more(rows, limit)
    if rows:
        asked = command("inventory explain {}", rows[0]["body"]["alert_id"])
        notes.print(f"Why? {asked}", style="dim", soft_wrap=True)

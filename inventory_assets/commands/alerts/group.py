"""`inventory alerts`: what is wrong, and what to do about it."""

from contextlib import closing
from typing import Any, NamedTuple

import click
from rich.console import Group
from rich.text import Text

from inventory_assets.commands.alerts.choosing import choosing_options, refuse_before, why_none
from inventory_assets.commands.alerts.style import STYLES, available_text, product_text
from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.commands.output import (
    format_option,
    limit_option,
    new_table,
    notes,
    print_more,
    print_rows,
    print_table,
)
from inventory_assets.commands.table import Rows
from inventory_assets.commands.watching import Drawn, watch
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import Decimal
from inventory_assets.queries.alerts import ORDERS, condition_of, read_alerts, wire_of
from inventory_assets.queries.versions import newest_version
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import read_present
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
# More often, a screen only costs.
_SECONDS = Decimal(1, 3_600)


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
@choosing_options
@click.option("--watch", "is_watched", is_flag=True, help="Draw the table again and again, until Ctrl-C.")
@click.option("--every", type=_SECONDS, default=5.0, show_default=True, help="With --watch: seconds between two.")
@limit_option
@format_option
@click.pass_context
def alerts(
    context: click.Context, state: str, search: str | None, sort: str, is_watched: bool, every: float, limit: int,
    format_: str, **chosen: str | None,
) -> None:  # fmt: skip
    """List alerts, the worst and newest first; with a command, handle them.

    The table has the stock of now and what to do now; json and csv have each
    alert as it was sent, in the format of `alerts-topic`.

    \b
    inventory alerts --warehouse WH-EAST-1 --type STOCKOUT
    inventory alerts --search "iphone silver" --sort available
    inventory alerts --watch
    """
    if context.invoked_subcommand is not None:
        refuse_before(context)
        return
    asked = _Asked(state, *condition_of(state, chosen, search), ORDERS[sort])
    if is_watched:
        if format_ != "table":
            raise click.UsageError(f"--watch draws a table; it was given with --format {format_}.")
        watch(lambda lines: _draw(asked, min(limit, lines)), seconds=every)
        return
    reader = LakeReader(load_settings())
    rows = asked.read(reader)
    if format_ != "table":
        print_rows([wire_of(row) for row in rows], format_)
        return
    print_table(_table(reader, rows, limit, state))
    print_more(rows, limit)
    if rows:
        asked_next = command("inventory explain {}", rows[0]["body"]["alert_id"])
        notes.print(f"Why? {asked_next}", style="dim", soft_wrap=True)
    elif search or any(chosen.values()):
        notes.print(why_none(reader, chosen, search), style="yellow")


class _Asked(NamedTuple):
    """Which alerts, in which order."""

    state: str
    condition: str
    parameters: list[Any]
    order: str

    def read(self, reader: LakeReader) -> list[dict[str, Any]]:
        return read_alerts(reader, self.condition, self.parameters, order=self.order)


def _draw(asked: _Asked, limit: int) -> Drawn:
    reader = LakeReader(load_settings())
    with closing(reader.connection):
        rows = asked.read(reader)
        version, committed_at = newest_version(reader)
        table = _table(reader, rows, limit, asked.state)
    left = len(rows) - limit
    return Group(table, Text(f"{left:,} more", "dim") if left > 0 else Text()), version, committed_at


def _table(reader: LakeReader, rows: list[dict[str, Any]], limit: int, state: str) -> Rows:
    shown = rows[:limit]
    present = read_present(reader, [row["body"]["alert_id"] for row in shown], settings_of(reader.settings))
    kinds = tally(row["body"]["alert_type"] for row in rows) or "nothing to do"
    title = f"{alert_count(len(rows), state)}: {kinds}"
    table = new_table(COLUMNS, "available", "threshold", title=title, leaving=LEAVING)
    for row in shown:
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
    return table

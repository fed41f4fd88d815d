"""`inventory alerts list | show`: alerts with what was done about them."""

from datetime import timedelta
from typing import Any

import click
from rich.text import Text

from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.commands.alerts.choosing import choosing_options, why_none
from inventory_assets.commands.alerts.style import STYLES, available_text, product_text
from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.output import (
    console,
    format_option,
    limit_option,
    new_table,
    notes,
    print_headed,
    print_more,
    print_rows,
    print_table,
    to_json,
)
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.pipeline import explain_age_now
from inventory_assets.queries.alerts import ORDERS, condition_of, read_alerts, read_steps
from inventory_assets.queries.ids import find_alert_id
from inventory_assets.queries.links import post_mortems
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import Present, listed, read_present
from inventory_assets.settings import load_settings
from inventory_assets.words.advice import action_sentence, why
from inventory_assets.words.alerts import alert_count, handled, step_words, trend_of
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import UNKNOWN, counted
from inventory_assets.words.text import visible
from inventory_assets.words.times import duration, to_minute, to_second

LEAVING = ("threshold", "priority", "handled", "age", "available", "warehouse")


def print_age(reader: LakeReader, warehouse_id: str) -> None:
    """Print since when a warehouse is not heard of; nothing where its numbers are of now."""
    clock = clock_of(reader.settings)
    text = explain_age_now(reader, warehouse_id, now=machine_microseconds(), clock=clock)
    if text is not None:
        console.print(text, style="bold yellow", soft_wrap=True)


@click.command("list")
@click.option("--state", type=click.Choice(["firing", "resolved", "all"]), default="firing", show_default=True)
@click.option("--unacknowledged", is_flag=True, help="Only those that nobody has acknowledged.")
@choosing_options
@limit_option
@format_option
def list_(
    state: str, unacknowledged: bool, search: str | None, sort: str, limit: int, format_: str, **chosen: str | None
) -> None:  # fmt: skip
    """List alerts with who acknowledged them, silences, levels and age; the worst and newest first.

    json and csv have each alert as it was notified, and how it stands now:
    available_now, and by the plan of now what_to_do_now and why_now, with
    transfers_now, order_now, order_by_now, nothing_because_now.
    """
    condition, parameters = condition_of(state, chosen, search)
    if unacknowledged:
        condition += " AND acknowledged_by IS NULL"
    reader = LakeReader(load_settings())
    rows = read_alerts(reader, condition, parameters, order=ORDERS[sort])
    shown = rows[:limit] if format_ == "table" else rows
    present = read_present(reader, [row["body"]["alert_id"] for row in shown], settings_of(reader.settings))
    if format_ == "table":
        _print_list(rows, present, limit, state)
        if not rows and (search or any(chosen.values())):
            notes.print(why_none(reader, chosen, search), style="yellow")
    else:
        print_rows([listed(row, present.get(row["body"]["alert_id"])) for row in rows], format_)


def _print_list(rows: list[dict[str, Any]], present: dict[str, Present], limit: int, state: str) -> None:
    open_count = sum(row["acknowledged_by"] is None for row in rows)
    title = f"{alert_count(len(rows), state)}, {open_count:,} not acknowledged"
    names = ("id", "priority", "alert", "warehouse", "product", "available", "threshold", "age", "handled")
    table = new_table(names, "available", "threshold", "age", title=title, leaving=LEAVING)
    for row in rows[:limit]:
        body = row["body"]
        table.add_row(
            body["alert_id"][-8:], Text(body["priority"], STYLES[body["priority"]]), body["alert_type"],
            body["warehouse_id"], product_text(body), available_text(body, present.get(body["alert_id"])),
            f"{body['threshold']:g}", duration(timedelta(minutes=row["age_minutes"])),
            ", ".join(handled(row)) or UNKNOWN,
        )  # fmt: skip
    print_table(table)
    print_more(rows, limit)
    unacknowledged = next((row for row in rows if row["acknowledged_by"] is None and row["state"] == "firing"), None)
    if unacknowledged is not None:
        done = command("inventory alerts ack {}", unacknowledged["body"]["alert_id"][-8:])
        notes.print(f"Acknowledge it: {done}", style="dim", soft_wrap=True)


@click.command()
@click.argument("alert_id", shell_complete=ids_of("alert"))
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def show(alert_id: str, format_: str) -> None:
    """Show one alert with its whole history: when, what, who, why.

    ALERT_ID may be the beginning of an id, or of its last eight characters.
    """
    reader = LakeReader(load_settings())
    found = find_alert_id(reader, alert_id)
    [row] = read_alerts(reader, "alert_id = ?", [found])
    present = read_present(reader, [found], settings_of(reader.settings)).get(found)
    steps = read_steps(reader, found)
    if format_ == "json":
        links = post_mortems(steps)
        alert = {**listed(row, present), "times_told": row["times_told"], "history": steps, "post_mortems": links}
        print_rows([to_json(alert)], "json")
    else:
        _print_alert(row, present, steps)
        print_age(reader, row["body"]["warehouse_id"])


def _print_alert(row: dict[str, Any], present: Present | None, steps: list[dict[str, Any]]) -> None:
    alert_id, priority = row["body"]["alert_id"], row["body"]["priority"]
    print_headed(_headline(row, present), alert_id, STYLES[priority])
    table = new_table(
        ("when (UTC)", "what", "who", "why", "version"), "version", title="History", leaving=("version", "who")
    )
    for step in steps:
        what, who, why = step_words(step)
        table.add_row(
            to_second(step['at']), what,
            Text(visible(who), "dim" if step["actor"] is None else ""), why, str(step["version"]),
        )  # fmt: skip
    print_table(table)
    for link in post_mortems(steps):
        console.print(f"Post-mortem  {link['url']}  ({link['by']}, {link['at']:%Y-%m-%d})", soft_wrap=True)
    asked = command("inventory explain {}", alert_id)
    notes.print(f"Why did it fire? {asked}", style="dim", soft_wrap=True)


def _headline(row: dict[str, Any], present: Present | None) -> Text:
    body = row["body"]
    text = Text(f"{body['priority']} {body['alert_type']}", STYLES[body["priority"]])
    text.append(f" · {visible(body['product_name'])} at {visible(body['warehouse_id'])} · {row['state']}\n", "bold")
    notified_with = body["available_stock"]
    if present is None or present.available == notified_with:
        text.append(f"Available {notified_with}")
    else:
        text.append(f"Available {present.available} now ({notified_with} when notified)")
    text.append(
        f", threshold {body['threshold']:g}  {trend_of(body, None if present is None else present.available)}\n"
    )
    if present is not None and present.line is not None:
        text.append(f"{visible(action_sentence(present.line))}: {visible(why(present.line))}\n")
    notified = f"notified {counted(row['times_told'], 'time')}"
    is_open = "open for" if row["state"] == "firing" else "was open for"
    text.append(f"{is_open} {duration(timedelta(minutes=row['age_minutes']))}, {notified}\n")
    if row["acknowledged_by"]:
        text.append(f"Acknowledged by {visible(row['acknowledged_by'])} at {to_minute(row['acknowledged_at'])}")
    else:
        text.append("Nobody has acknowledged it", "yellow" if row["state"] == "firing" else "dim")
    rest = ", ".join(handled({**row, "acknowledged_by": None}))
    text.append(f"; {visible(rest)}" if rest else "")
    return text

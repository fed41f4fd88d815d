"""`inventory plan`: what to order by when and what to move, by supplier."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

import click
from rich.text import Text

from inventory_assets.clock import clock_of
from inventory_assets.commands.days import read_day
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.commands.output import console, format_option, new_table, notes, print_more, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.option_types import ROWS
from inventory_assets.replenish.export import EXPORTED, exported
from inventory_assets.replenish.lines import (
    Chosen,
    Made,
    asks,
    orders_now,
    read_lines,
    read_made,
    without_hidden,
)
from inventory_assets.replenish.make import refresh_plan, settings_of
from inventory_assets.replenish.sheet import Show, Sort, group
from inventory_assets.settings import load_settings
from inventory_assets.words.advice import steps
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import UNKNOWN, counted
from inventory_assets.words.plan import decision_text, not_known_text, order_by_day, reason_text
from inventory_assets.words.text import visible
from inventory_assets.words.times import to_minute

COLUMNS = ("order by", "what to do, where, and why")
SORTS = {
    "urgency": Sort.URGENCY, "money": Sort.RISK, "date": Sort.RUNS_OUT, "sku": Sort.SKU, "value": Sort.VALUE,
    "warehouse": Sort.WAREHOUSE,
}  # fmt: skip
"""The console's, by the words of a command line."""
ACTS = {
    "backtest": ("commands.plan.backtest:backtest", "Try the plan on days that are past, beside the rules."),
    "accept": ("commands.plan.decide:accept", "Order what lines say, or another quantity."),
    "accepted": ("commands.plan.accepted:accepted", "List what was ordered, and how much has come."),
    "dismiss": ("commands.plan.decide:dismiss", "Do without lines; a newer one may say it again."),
    "snooze": ("commands.plan.decide:snooze", "Hide lines' shelves up to a day."),
    "explain": ("commands.plan.explain:explain", "Show a line's events, demand and sums; derive it again."),
    "verify": ("commands.plan.verify:verify", "Derive all lines again, or some drawn at random."),
}


@click.group(cls=LazyGroup, lazy=ACTS, invoke_without_command=True)
@click.option("--supplier", help="Only what this supplier delivers.")
@click.option("--warehouse", help="Only this warehouse's shelves.")
@click.option("--category", help="Only this category's.")
@click.option("--refresh", is_flag=True, help="Make the plan anew first; Dagster does so daily.")
@click.option(
    "--date", "date_", type=click.DateTime(["%Y-%m-%d"]), help="The plan of this day; with --refresh: as of it."
)
@click.option("--urgent", "is_urgent", is_flag=True, help="Only what cannot wait until the next review, as tables do.")
@click.option("--all", "is_all", is_flag=True, help="Also what can wait, is decided, or asks for nothing.")
@click.option(
    "--sort",
    type=click.Choice(list(SORTS)),
    default="urgency",
    show_default=True,
    help="Lines and suppliers by: the day to order and the loss; revenue at risk; the day it runs out; SKU; "
    "value of the order; warehouse.",
)
@click.option("--limit", type=ROWS, default=50, show_default=True,
              help="Lines of a table; json and csv have all.")  # fmt: skip
@format_option
@click.pass_context
def plan(
    context: click.Context, supplier: str | None, warehouse: str | None, category: str | None, refresh: bool,
    date_: datetime | None, is_urgent: bool, is_all: bool, sort: str, limit: int, format_: str,
) -> None:  # fmt: skip
    """Show what cannot wait until the next review, by supplier, the most urgent first.

    A day that is past under "order by" says that no order comes in time. json
    and csv have what can wait, too, and every column of out.plans, with the
    sums in words.
    """
    if context.invoked_subcommand is not None:
        return
    if is_urgent and is_all:
        raise click.UsageError("--urgent shows fewer lines and --all shows more: give one of them.")
    settings = load_settings()
    if refresh:
        day = read_day("--date", date_)
        with history_reader(settings) as reader, telling_engine(settings) as engine, notes.status("planning"):
            commits = refresh_plan(engine, reader, day, settings_of(settings))
        lines = commits[0].counts["plan_lines"] if commits else 0
        notes.print(f"planned as of {day}: {counted(lines, 'line')} changed", style="dim")
    else:
        land_or_say(settings)
    found = LakeReader(settings)
    made = read_made(found, None if date_ is None else date_.date())
    chosen = Chosen(supplier, warehouse, category, None if date_ is None else date_.date())
    every = [] if made is None else read_lines(found, chosen, is_all=is_all, is_hidden_too=True)
    shown = every if is_all else without_hidden(every)
    if is_urgent or (format_ == "table" and not is_all):
        shown = [row for row in shown if row["is_urgent"]]
    shown = [row for each in group(shown, SORTS[sort], Show.ALL) for row in each.lines]
    if format_ != "table":
        print_rows([exported(row) for row in shown], format_, columns=EXPORTED)
    elif made is not None:
        _print_head(made, every, own="" if clock_of(settings).pace is None else " by this home's own clock")
        _print_lines(shown, limit)
        _print_left_out(every, len(shown), is_all=is_all)
    if made is None:
        notes.print(_why_none(chosen.day), style="dim")
    elif not every:
        is_filtered = bool(supplier or warehouse or category)
        notes.print(
            f"no line {'of that ' if is_filtered else ''}asks for anything; --all shows the others", style="dim"
        )


def _why_none(day: date | None) -> str:
    if day is None:
        return "there is no plan yet: inventory plan --refresh"
    makes = command("inventory plan --refresh --date {}", day)
    return f"there is no plan of {day}: {makes} makes one of what is known now"


def _print_head(made: Made, rows: Sequence[dict[str, Any]], *, own: str) -> None:
    """Of what the plan is, and how much of it there is; `own` says whose time it is, where it is not the machine's."""
    at = "" if made.at is None else f", made {to_minute(made.at)} UTC{own}"
    console.print(f"Plan of {made.day}, of lake version {made.version:,}{at}", style="bold")
    open_ = without_hidden(rows)
    urgent = [row for row in open_ if row["is_urgent"]]
    waiting = [row for row in open_ if not row["is_urgent"] and asks(row)]
    hidden = Counter(row["state"] for row in rows if row["state"] in ("dismissed", "snoozed"))
    # What is accepted is on order.
    undecided = [row for row in open_ if row["state"] == "open"]
    units = sum(row["order_quantity"] for row in undecided if orders_now(row))
    later = sum(row["order_quantity"] for row in undecided if row["order_quantity"] and not orders_now(row))
    parts = [
        f"{counted(len(urgent), 'line')} urgent, {counted(units, 'unit')} to order now",
        f"{counted(len(waiting), 'line')} can wait, {counted(later, 'unit')} to order later",
        *(f"{count:,} {state}" for state, count in sorted(hidden.items())),
    ]
    console.print("; ".join(parts))


def _print_left_out(rows: Sequence[dict[str, Any]], shown: int, *, is_all: bool) -> None:
    if not is_all and len(rows) > shown:
        notes.print(f"{counted(len(rows) - shown, 'line')} left out that can wait or are decided: --all", style="dim")


def _print_lines(rows: Sequence[dict[str, Any]], limit: int) -> None:
    for supplier, lines in groupby(rows[:limit], key=lambda row: row["supplier_id"]):
        mine = list(lines)
        units = sum(row["order_quantity"] for row in mine if row["state"] == "open" and orders_now(row))
        name = "no supplier is known" if supplier is None else supplier
        title = f"{name}: {counted(len(mine), 'line')}, {counted(units, 'unit')} to order now"
        table = new_table(COLUMNS, title=visible(title))
        for row in mine:
            table.add_row(str(order_by_day(row) or UNKNOWN), _what_text(row))
        console.print(table)
    print_more(rows, limit)
    if rows:
        notes.print(f"Why? {command('inventory plan explain {}', rows[0]['line_id'])}", style="dim", soft_wrap=True)


def _what_text(row: dict[str, Any]) -> Text:
    what = ", ".join(steps(row))
    text = Text(visible(what), "bold" if row["is_urgent"] else "")
    risk = "" if row["risk_percent"] is None else f", {row['risk_percent']} % risk if ordered now"
    name = f"{row['product_name']} at " if row["product_name"] else ""
    text.append(f"\n{visible(name)}{visible(row['warehouse_id'])}: {row['available']:,} left{risk}")
    if (why := reason_text(row)) not in what:
        text.append(f"\n{visible(why)}", "red" if row["reason"] == "too_late" else "dim")
    if row["state"] != "open":
        text.append(f"\n{visible(decision_text(row))}", "green")
    if unknown := not_known_text(row):
        text.append(f"\nnot known: {visible(unknown)}", "dim")
    # Last and on a line of its own, to be copied.
    return text.append(f"\n{visible(row['line_id'])}", "dim")

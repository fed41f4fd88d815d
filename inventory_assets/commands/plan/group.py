"""`inventory plan`: what to order by when and what to move, by supplier."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import click
from rich.text import Text

from inventory_assets.commands.days import read_day
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.commands.output import console, format_option, new_table, notes, print_more, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.lake.tables import PLANS
from inventory_assets.option_types import ROWS
from inventory_assets.replenish.lines import STATE, has_plan, read_lines
from inventory_assets.replenish.make import refresh_plan, settings_of
from inventory_assets.settings import load_settings
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import UNKNOWN, counted
from inventory_assets.words.plan import decision_text, not_known_text, reason_text, step_texts, sum_texts
from inventory_assets.words.text import visible

COLUMNS = ("order by", "line", "left", "risk", "what to do, and why")
TEXTS = ("what_to_do", "why", "sums", "unknown")
EXPORTED = ("product_name", *(name for name in PLANS.columns if name != "version"), *STATE, *TEXTS, "version")

ACTS = {
    "backtest": ("commands.plan.backtest:backtest", "Try the plan on days that are past, beside the rules."),
    "accept": ("commands.plan.decide:accept", "Order what lines say, or another quantity."),
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
@click.option("--date", "date_", type=click.DateTime(["%Y-%m-%d"]), help="With --refresh: as of this day.")
@click.option("--urgent", "is_urgent", is_flag=True, help="Only what cannot wait until the next review.")
@click.option("--all", "is_all", is_flag=True, help="Also the shelves that ask for nothing.")
@click.option("--limit", type=ROWS, default=50, show_default=True,
              help="Rows of a table; json and csv have all.")  # fmt: skip
@format_option
@click.pass_context
def plan(
    context: click.Context, supplier: str | None, warehouse: str | None, category: str | None, refresh: bool,
    date_: datetime | None, is_urgent: bool, is_all: bool, limit: int, format_: str,
) -> None:  # fmt: skip
    """Show what to order by when and what to move, by supplier, the most urgent first.

    A day that is past under "order by" says that no order comes in time. json
    and csv have every column of out.plans, with the sums in words.
    """
    if context.invoked_subcommand is not None:
        return
    if date_ is not None and not refresh:
        raise click.UsageError("--date says as of when to plan, so it needs --refresh.")
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
    rows = read_lines(
        found, supplier_id=supplier, warehouse_id=warehouse, category_id=category, is_urgent=is_urgent, is_all=is_all
    )
    if format_ == "table":
        _print_lines(rows, limit)
    else:
        print_rows([_exported(row) for row in rows], format_, columns=EXPORTED)
    if not rows:
        notes.print(_why_none(found, is_filtered=bool(supplier or warehouse or category or is_urgent)), style="dim")


def _exported(row: dict[str, Any]) -> dict[str, Any]:
    words = ("; ".join(step_texts(row)), reason_text(row), "; ".join(sum_texts(row)), not_known_text(row) or None)
    whole = row | dict(zip(TEXTS, words, strict=True))
    return {name: whole[name] for name in EXPORTED}


def _why_none(reader: LakeReader, *, is_filtered: bool) -> str:
    if not has_plan(reader):
        return "there is no plan yet: inventory plan --refresh"
    return f"no line {'of that ' if is_filtered else ''}asks for anything; --all shows the others"


def _print_lines(rows: Sequence[dict[str, Any]], limit: int) -> None:
    for supplier, lines in groupby(rows[:limit], key=lambda row: row["supplier_id"]):
        mine = list(lines)
        units = sum(row["order_quantity"] or 0 for row in mine)
        name = "no supplier is known" if supplier is None else supplier
        title = visible(f"{name}: {counted(len(mine), 'line')}, {units:,} units to order")
        table = new_table(COLUMNS, "left", "risk", title=title)
        for row in mine:
            risk = UNKNOWN if row["risk_percent"] is None else f"{row['risk_percent']} %"
            table.add_row(
                str(row["order_by"] or UNKNOWN), _line_text(row), f"{row['available']:,}", risk, _what_text(row)
            )
        console.print(table)
    print_more(rows, limit)
    if rows:
        notes.print(f"Why? {command('inventory plan explain {}', rows[0]['line_id'])}", style="dim", soft_wrap=True)


def _line_text(row: dict[str, Any]) -> Text:
    text = Text(visible(row["line_id"]))
    return text.append(f"\n{visible(row['product_name'])}", "dim") if row["product_name"] else text


def _what_text(row: dict[str, Any]) -> Text:
    steps = step_texts(row)
    text = Text(visible(", ".join(steps)), "bold" if row["is_urgent"] else "")
    text.append(("\n" if steps else "") + visible(reason_text(row)), "red" if row["reason"] == "too_late" else "dim")
    if row["state"] != "open":
        text.append(f"\n{visible(decision_text(row))}", "green")
    unknown = not_known_text(row)
    return text.append(f"\nnot known: {visible(unknown)}", "dim") if unknown else text

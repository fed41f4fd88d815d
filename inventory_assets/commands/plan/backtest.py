"""`inventory plan backtest`: the plan on days that are past, beside the rules and beside what happened."""

from datetime import datetime
from typing import Any

import click

from inventory_assets.backtest.plans import (
    COLUMNS,
    PLACED_COLUMNS,
    Chosen,
    Trial,
    figures,
    list_placed,
    try_plan,
)
from inventory_assets.commands.days import read_day
from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.ingest.meaning import defaults_of
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.option_types import Whole
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.replenish.make import settings_of
from inventory_assets.settings import load_settings
from inventory_assets.words.numbers import are, counted, shelves

NAMES = {
    "plan": "the plan",
    "plan_urgent": "its urgent lines",
    "order_up_to": "order-up-to",
    "history": "what happened",
}
LISTED = ("orders", "transfers")
SHOWN = (
    "policy", "service", "in_stock", "lost", "lost_value", "held", "held_value", "orders", "ordered",
    "transfers", "moved",
)  # fmt: skip


@click.command("backtest")
@click.option("--days", type=Whole(1, MAX_DAYS), default=60, show_default=True, help="How many days are tried.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The day after the last (default: the latest event's)."
)
@click.option("--supplier", help="Count only what this supplier delivers.")
@click.option("--warehouse", help="Count only this warehouse's shelves.")
@click.option("--category", help="Count only this category's.")
@click.option("--list", "listed", type=click.Choice(LISTED), help="Print what was ordered or moved, one row each.")
@format_option
def backtest(
    days: int, until: datetime | None, supplier: str | None, warehouse: str | None, category: str | None,
    listed: str | None, format_: str,
) -> None:  # fmt: skip
    """Fill the shelves of days that are past by the plan, and by the rules, and compare. Changes nothing.

    A row for the plan, for those of its lines that cannot wait, for ordering up
    to a level when stock falls below the limits in force, and for what happened:
    the same demand for all of them.

    \b
    service    of the units asked for, the share that was sold; lost: the others
    in stock   of the shelves and reviews with demand, the share without a day that ended empty
    held       mean units on the shelves at the end of a day
    ordered    units of the orders; moved: units of the transfers
    """
    last_day = None if until is None else read_day("--until", until)
    settings = load_settings()
    with history_reader(settings) as reader, notes.status("reading") as status:
        trial = try_plan(
            reader, settings_of(settings), defaults_of(settings), days=days, until=last_day,
            chosen=Chosen(warehouse, category, supplier), on_progress=status.update,
        )  # fmt: skip
    if listed is not None:
        print_rows(list_placed(trial, is_transfers=listed == "transfers"), format_, columns=PLACED_COLUMNS)
    elif format_ != "table":
        print_rows(figures(trial), format_, columns=COLUMNS)
    else:
        _print_figures(trial)


def _print_figures(trial: Trial) -> None:
    rows, (first, last) = figures(trial), trial.span
    size = int(trial.shelves["is_chosen"].sum())
    print_rows([_short(row) for row in rows], "table", columns=SHOWN,
               title=f"{first} to {last}: {shelves(size)}, {rows[0]['asked']:,} units asked for")  # fmt: skip
    for text in _remarks(trial, rows[0]["asked"]):
        notes.print(text, style="dim")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    percent = {
        short: None if row[name] is None else f"{100 * row[name]:.1f} %"
        for short, name in (("service", "service_level"), ("in_stock", "periods_in_stock"))
    }
    whole = {
        short: None if row[name] is None else round(row[name])
        for short, name in (("held", "held_units"), ("held_value", "held_value"), ("lost_value", "lost_value"))
    }
    return row | percent | whole | {
        "policy": NAMES[row["policy"]], "ordered": row["ordered_units"], "moved": row["moved_units"],
    }  # fmt: skip


def _remarks(trial: Trial, asked: int) -> list[str]:
    """What a reader of the figures has to know of them."""
    chosen = trial.shelves["is_chosen"].to_numpy()
    unseen = int(trial.unseen[chosen].sum())
    found = []
    if asked:
        found.append(
            f"Estimated, as the shelf was empty that day: {unseen:,} of the units, {100 * unseen / asked:.1f} %."
        )
    if trial.left_out:
        found.append(
            f"Left out, as no lead time is known: {shelves(trial.left_out)}. `inventory products import` takes them."
        )
    if lacking := int(trial.shelves.filter("is_chosen")["unit_price"].is_null().sum()):
        found.append(f"Without a price, and in no value: {shelves(lacking)}.")
    known_before = (trial.span[0] - trial.first_known).days
    if known_before < _ENOUGH_DAYS:
        found.append(
            f"Of the time before there {are(known_before)} {counted(known_before, 'day')}: "
            "a forecast needs fourteen, so the plan begins knowing little. Fewer --days leave it more."
        )
    return found


_ENOUGH_DAYS = 14

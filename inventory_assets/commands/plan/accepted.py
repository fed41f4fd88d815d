"""`inventory plan accepted`: what was ordered of any plan's lines, and how much of it has come."""

from datetime import date, datetime
from typing import Any

import click

from inventory_assets.commands.days import read_day
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import console, format_option, limit_option, notes, print_rows
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.ordered import COLUMNS, OrderedWanted, choose_ordered, read_ordered
from inventory_assets.settings import load_settings
from inventory_assets.words.numbers import counted
from inventory_assets.words.ordered import STATES, became_text
from inventory_assets.words.times import to_minute

LEAVING = ("came", "accepted (UTC)", "product", "by", "reason", "expected", "supplier", "state", "units", "warehouse")


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was accepted on this day (UTC) or later.")
@click.option("--supplier", help="Only what this supplier delivers.")
@click.option("--warehouse", help="Only this warehouse's shelves.")
@click.option("--open", "is_open", is_flag=True, help="Only what somebody still waits for.")
@limit_option
@format_option
def accepted(
    since: datetime | None, supplier: str | None, warehouse: str | None, is_open: bool, limit: int, format_: str
) -> None:  # fmt: skip
    """List accepted lines of every plan: who, when, why, how much has come.

    A line dismissed afterwards is not listed. Units are counted as plans count
    them: each unit of a restock first seen after the acceptance is of the
    oldest one that waits.
    """
    first = None if since is None else read_day("--since", since)
    settings = load_settings()
    land_or_say(settings)
    found = read_ordered(LakeReader(settings))
    rows = choose_ordered(found.rows, OrderedWanted(first, supplier, warehouse_id=warehouse, is_to_come=is_open))
    if format_ != "table":
        print_rows([row | {"words": became_text(row)} for row in rows], format_, columns=(*COLUMNS, "words"))
    elif rows:
        assert found.day is not None
        _print(rows, found.day, limit)
    if not rows:
        notes.print(_why_none(found.day, is_chosen=bool(found.rows)), style="dim")


def _why_none(day: date | None, *, is_chosen: bool) -> str:
    if day is None:
        return "there is no plan yet: inventory plan --refresh"
    if is_chosen:
        return "nothing that was accepted is of that choice"
    return "nothing is accepted; inventory plan accept LINE --reason 'order number' does"


def _print(rows: list[dict[str, Any]], day: date, limit: int) -> None:
    late = sum(row["overdue"] for row in rows)
    to_come = sum(row["announced"] + row["unheard"] for row in rows)
    console.print(
        f"{counted(len(rows), 'line')} accepted; as of {day} {counted(to_come, 'unit')} to come, {late:,} overdue",
        style="bold",
    )
    print_rows([_shown(row) for row in rows], "table", limit=limit, leaving=LEAVING)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "line": row["line_id"], "product": row["product_name"] or row["sku"], "warehouse": row["warehouse_id"],
        "supplier": row["supplier_id"], "units": row["accepted_quantity"], "arrived": row["arrived"],
        "by": row["accepted_by"], "accepted (UTC)": to_minute(row["accepted_at"]), "reason": row["reason"],
        "expected": row["expected_on"], "came": row["arrived_on"], "state": STATES[row["state"]],
    }  # fmt: skip

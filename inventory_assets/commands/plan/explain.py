"""`inventory plan explain`: where a line's numbers come from, derived again."""

import sys
from dataclasses import dataclass
from typing import Any

import click
import msgspec

from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import console, print_agreement, print_rows
from inventory_assets.replenish.explain import LineExplanation, explain_line
from inventory_assets.settings import load_settings
from inventory_assets.words.advice import steps
from inventory_assets.words.numbers import counted
from inventory_assets.words.plan import (
    decision_text,
    demand_text,
    moves,
    not_known_text,
    outlook_text,
    reason_text,
    season_text,
    sum_texts,
    transfer_text,
)
from inventory_assets.words.text import capital, visible


@click.command()
@click.argument("line_id", metavar="LINE")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def explain(line_id: str, format_: str) -> None:
    """Show where a line's numbers come from: events, demand, sums; derive them again.

    Exit 1 if no plan has the line, or if deriving it again gives something else.
    """
    settings = load_settings()
    land_or_say(settings)
    found = explain_line(settings, line_id)
    if format_ == "json":
        line = found.line
        texts = {
            "what_to_do": steps(line), "why": reason_text(line), "sums": sum_texts(line),
            "outlook": outlook_text(line), "unknown": not_known_text(line) or None,
        }  # fmt: skip
        print_rows([_plain(found) | {"words": texts}], "json")
    else:
        _print(found)
    if found.differences:
        sys.exit(1)


def _plain(found: LineExplanation) -> dict[str, Any]:
    return {name: msgspec.to_builtins(getattr(found, name)) for name in found.__struct_fields__}


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    texts: list[str]


def _print(found: LineExplanation) -> None:
    line, stock, sold = found.line, found.stock, found.sold
    what, why = ", ".join(steps(line)), reason_text(line)
    console.print(f"{line['line_id']}  {capital(what)}{'' if why in what else ': ' + why}.", style="bold")
    available = stock.on_hand - stock.reserved
    parts = [
        _Part("Stock", [
            f"{counted(stock.events, 'event')}, the last {stock.last_event_at} UTC: on hand {stock.on_hand:,} "
            f"− reserved {stock.reserved:,} = available {available:,}; inbound {stock.inbound:,}"
        ]),
        _Part("Demand", [demand_text(line)] + ([] if sold is None else [
            f"from {sold.units:,} sold on {counted(sold.counted_days, 'day')} that count of the 84 before "
            f"{line['plan_date']}, {counted(sold.days_with_sales, 'day')} with a sale",
            season_text(line, sold.season, sold.history_days),
        ])),
        _Part("Outlook", [outlook_text(line) or "not known"]),
        _Part("Sums", sum_texts(line)),
        _Part("Moves", [transfer_text(each) for each in moves(line)]),
        _Part("Not known", [not_known_text(line)] if line["not_known"] else []),
        _Part("Decided", [] if found.decided["state"] == "open" else [decision_text(found.decided)]),
        _Part("Made", [
            f"of lake version {line['as_of_version']:,}, as of {line['plan_date']}, review {line['review_days']} days, "
            f"service level {line['default_service_level']:g}, least transfer {line['least_transfer']:,}"
        ]),
    ]  # fmt: skip
    for part in parts:
        for number, text in enumerate(part.texts):
            console.print(f"{'' if number else part.name:<10} {visible(text)}")
    if found.superseded_by:
        console.print(f"Since then another line has come: {found.superseded_by}", style="yellow")
    elif found.is_over:
        console.print("Since then the shelf is in no plan any more.", style="yellow")
    print_agreement(
        found.differences, "Derived again, this line is different:",
        "Derived again from its version's events, rules and product data: the same line.",
    )  # fmt: skip

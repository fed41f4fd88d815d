"""`inventory plan verify`: many lines derived again."""

import sys

import click

from inventory_assets.commands.output import format_option, notes, print_found
from inventory_assets.option_types import ROWS, Whole
from inventory_assets.replenish.verify import verify_lines
from inventory_assets.settings import load_settings
from inventory_assets.words.numbers import counted


@click.command()
@click.option("--sample", type=ROWS, help="So many lines, drawn at random. Default: all.")
@click.option("--seed", type=Whole(0, 2**31), default=0, show_default=True, help="Another draws other lines.")
@click.option("--past", "is_past", is_flag=True, help="Also of the lines that others have come after.")
@format_option
def verify(sample: int | None, seed: int, is_past: bool, format_: str) -> None:
    """Derive the plan's lines again, each from what its version knew, as `explain` does one.

    Prints what differs, a row for each number. Exit 1 if anything does.
    """
    with notes.status("deriving"):
        found = verify_lines(load_settings(), is_past=is_past, sample=sample, seed=seed)
    print_found([row._asdict() for row in found.differences], format_)
    if found.differences:
        differing = len({(row.line, row.as_of_version) for row in found.differences})
        notes.print(f"{differing:,} of {counted(found.lines, 'line')} differ", style="red")
        sys.exit(1)
    if not found.lines:
        notes.print("there is no plan yet: inventory plan --refresh", style="dim")
        return
    notes.print(
        f"verified: {counted(found.lines, 'line')} of {counted(found.makings, 'lake version')}, no difference",
        style="green",
    )

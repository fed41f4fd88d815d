"""`inventory connector list`: what the lake has heard of each connector, and whether its numbers are of now."""

import sys
from typing import Any

import click
from rich.text import Text

from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.commands.output import console, format_option, limit_option, notes, print_rows
from inventory_assets.domain.quality.pipeline import Severity
from inventory_assets.domain.values import span
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.pipeline import connector_rows, look, read_connectors
from inventory_assets.settings import load_settings
from inventory_assets.words.text import visible
from inventory_assets.words.times import to_second

_COLUMNS = ("connector_id", "warehouse_id", "state", "last_heard", "numbers_as_of", "read", "published",
            "dead_lettered", "open_gaps")  # fmt: skip
_LEAVING = ("read", "published", "dead_lettered", "open_gaps", "last_heard", "warehouse_id")
_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ALARM: "bold red"}


@click.command("list")
@limit_option
@format_option
def list_(limit: int, format_: str) -> None:
    """List what the lake has heard of each connector. Exit 1 where numbers are old or messages do not flow.

    The heartbeats come the way the data come, so this is what a planner's
    numbers stand on. How a connector sees itself: `inventory connector status`.
    """
    settings, now = load_settings(), machine_microseconds()
    reader, clock = LakeReader(settings), clock_of(settings)
    connectors = read_connectors(reader)
    findings = look(reader, connectors, now=now, clock=clock)
    rows = connector_rows(connectors, now=now, clock=clock)
    if format_ != "table":
        print_rows(rows, format_)
    elif rows:
        print_rows([_shown(row) for row in rows], format_, columns=_COLUMNS, leaving=_LEAVING, limit=limit)
    else:
        notes.print("no connector has been heard of: `inventory connector run` is heard at once", style="dim")
    for each in findings:
        # Beside a table for people; json and csv keep to their rows.
        out = console if format_ == "table" else notes
        out.print(Text(visible(each.text), _STYLES[each.severity]), Text(each.what_to_do, "dim"), soft_wrap=True)
    if any(each.severity is not Severity.INFO for each in findings):
        sys.exit(1)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "warehouse_id": row["warehouse_id"] or "several",
        "last_heard": f"{to_second(row['last_heard_at'])} ({span(int(row['silent_seconds'] * 1e6))} ago)",
    }

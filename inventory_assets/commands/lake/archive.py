"""`inventory archive | archive restore`: old days as plain Parquet, and the way back."""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from inventory_assets.archive.archive import archiver_of
from inventory_assets.archive.restore import Restorer, check_archive
from inventory_assets.commands.days import read_day, read_span
from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.replay import Replay
from inventory_assets.settings import archive_place, load_settings
from inventory_assets.wiring import engine_of

DAY = click.DateTime(["%Y-%m-%d"])


@click.group(invoke_without_command=True)
@click.option("--before", type=DAY, help="Only days before this one (default: today, UTC).")
@click.option("--to", help="A directory or gs://…; default INVENTORY_ARCHIVE_PATH.")
@format_option
@click.pass_context
def archive(context: click.Context, before: datetime | None, to: str | None, format_: str) -> None:
    """Copy old days of the lake to plain Parquet, verified. The lake stays as it is."""
    if context.invoked_subcommand is not None:
        return
    last = read_day("--before", before, may_come=True)
    settings = load_settings()
    rows: list[dict[str, Any]] = []
    with archiver_of(settings, to) as archiver, notes.status("archiving") as status:
        for done in archiver.run(f"{last}", lambda table, date: status.update(f"{table} {date}")):
            rows.append(asdict(done))
    print_rows(rows, format_)
    copied = sum(row["copied_days"] for row in rows)
    notes.print(f"{copied:,} days copied and read back; the lake is as it was", style="green")


@archive.command()
@click.option("--from", "first", type=DAY, help="Only from this day on.")
@click.option("--to", "last", type=DAY, help="Only up to this day.")
@click.option("--archive", "place", help="A directory or gs://…; default INVENTORY_ARCHIVE_PATH.")
@format_option
def restore(first: datetime | None, last: datetime | None, place: str | None, format_: str) -> None:
    """Bring back what the lake has lost; into an empty home, the whole lake."""
    begin, end = read_span(first, last)
    settings = load_settings()
    replay, uri = Replay(meaning=meaning_of(settings)), archive_place(settings, place)
    check_archive(uri)
    with engine_of(settings) as engine, notes.status("restoring"):
        done = Restorer(engine, uri, replay).run(
            None if begin is None else f"{begin}", None if end is None else f"{end}"
        )
    print_rows([{"table": table, "rows": count} for table, count in done.rows.items() if count], format_)
    for difference in done.differences:
        notes.print(f"{difference.table}: {difference.unexpected} differ, such as {difference.example}", style="red")
    if done.version is None:
        notes.print("nothing was lacking", style="green")
    else:
        notes.print(f"restored as version {done.version}. Now: inventory verify", style="green")
    if done.differences:
        sys.exit(1)

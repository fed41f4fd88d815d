"""`inventory snapshots build | status`: the daily files beside the lake."""

from datetime import UTC, date, datetime

import click

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.lake.partition_files import SNAPSHOT_TABLES, SnapshotTable
from inventory_assets.settings import Settings, load_settings
from inventory_assets.stages.snapshots import build_partitions, check_days
from inventory_assets.wiring import history_reader, snapshot_files

_DAY = click.DateTime(["%Y-%m-%d"])
_TABLES = {table.name: table for table in SNAPSHOT_TABLES}


@click.group()
def snapshots() -> None:
    """Closing stock of each day, and transactions of each hour, as Parquet files beside the lake."""


@snapshots.command()
@click.option("--from", "first", type=_DAY, required=True, help="The first day (UTC).")
@click.option("--to", "last", type=_DAY, help="The last day (default: the first).")
@click.option("--table", "names", type=click.Choice(list(_TABLES)), multiple=True, help="Only this one (default: all).")
@format_option
def build(first: datetime, last: datetime | None, names: tuple[str, ...], format_: str) -> None:
    """Make days' files anew from the lake's events. Alerts nobody, and changes nothing in the lake.

    \b
    inventory snapshots build --from 2026-01-01 --to 2026-01-31
    """
    settings, today = load_settings(), datetime.now(UTC).date()
    days = first.date(), (last or first).date()
    tables = [_TABLES[name] for name in names or _TABLES]
    try:
        for table in tables:
            check_days(table, *days, today=today)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    rows = [row for table in tables for row in _build(settings, table, *days, today)]
    print_rows(rows, format_)


def _build(settings: Settings, table: SnapshotTable, first: date, last: date, today: date) -> list[dict]:
    built = []
    with notes.status(table.name) as status, history_reader(settings) as reader:
        for manifest, _ in build_partitions(reader, snapshot_files(settings, table), first, last, today=today):
            status.update(f"{table.name}: {manifest.date}")
            built.append(
                {
                    "table": table.name, "date": manifest.date, "rows": manifest.rows,
                    "lake_version": manifest.lake_version, "sha256": manifest.sha256,
                }
            )  # fmt: skip
    return built

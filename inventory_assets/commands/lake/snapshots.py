"""`inventory snapshots build | status`: the daily files beside the lake."""

from collections.abc import Callable, Iterator
from datetime import date, datetime

import click
import polars as pl

from inventory_assets.clock import clock_of
from inventory_assets.commands.days import read_span
from inventory_assets.commands.output import format_option, limit_option, notes, print_rows
from inventory_assets.lake.files.partition_files import (
    SNAPSHOT_TABLES,
    Manifest,
    PartitionFiles,
    snapshot_files,
)
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.settings import Settings, load_settings
from inventory_assets.snapshots.build import build_partitions, check_days, refresh_partitions
from inventory_assets.snapshots.staleness import find_missing, find_stale

_DAY = click.DateTime(["%Y-%m-%d"])
_TABLES = {table.name: table for table in SNAPSHOT_TABLES}
# A hash is for machines.
_SHOWN = ("table", "date", "rows", "lake_version")

Made = Iterator[tuple[Manifest, pl.DataFrame | None]]


@click.group()
def snapshots() -> None:
    """Closing stock of each day, and transactions of each hour, as Parquet files beside the lake."""


def table_option(command: Callable) -> Callable:
    """Add `--table`, which may be given more than once."""
    return click.option(
        "--table", "names", type=click.Choice(list(_TABLES)), multiple=True, help="Only this one (default: all)."
    )(command)


@snapshots.command()
@click.option("--from", "first", type=_DAY, help="The first day (UTC).")
@click.option("--to", "last", type=_DAY, help="The last day (default: the first).")
@click.option("--stale", "is_stale", is_flag=True, help="The days that late events changed, and no others.")
@click.option("--missing", "is_missing", is_flag=True, help="The complete days without a file.")
@table_option
@limit_option
@format_option
def build(
    first: datetime | None, last: datetime | None, is_stale: bool, is_missing: bool, names: tuple[str, ...],
    limit: int, format_: str,
) -> None:  # fmt: skip
    """Make days' files from the lake's events. Alerts nobody, and changes nothing in the lake.

    \b
    inventory snapshots build --from 2026-01-01 --to 2026-01-31
    inventory snapshots build --stale --missing
    """
    if (first is None) != (is_stale or is_missing) or (first is None and last is not None):
        raise click.UsageError("give either --from (and --to), or --stale, --missing or both of these.")
    settings = load_settings()
    today = clock_of(settings).today()
    tables = [_TABLES[name] for name in names or _TABLES]
    begin, end = read_span(first, last)
    end = begin if end is None else end
    rows = []
    for table in tables:
        files = snapshot_files(settings, table)
        if begin is not None and end is not None:
            try:
                check_days(table, begin, end, today=today)
            except ValueError as error:
                raise click.UsageError(str(error)) from error
        with notes.status(table.name) as status, history_reader(settings) as reader:
            if begin is not None and end is not None:
                made: Made = build_partitions(reader, files, begin, end, today=today)
            else:
                days = _wanted(reader, files, settings, today, is_stale=is_stale, is_missing=is_missing)
                made = refresh_partitions(reader, files, days, today=today)
            for manifest, _ in made:
                status.update(f"{table.name}: {manifest.date}")
                rows.append(_row(manifest))
    rows.sort(key=lambda row: (row["table"], row["date"]))
    print_rows(rows, format_, columns=_SHOWN if format_ == "table" else None, limit=limit)


def _wanted(
    reader: LakeReader, files: PartitionFiles, settings: Settings, today: date, *, is_stale: bool, is_missing: bool
) -> list[date]:
    days: set[date] = set()
    if is_stale:
        findings = find_stale(reader, files, today=today)
        if findings.manifests:
            files.record_checked(findings.checked)
        days |= set(findings.stale)
    if is_missing:
        days |= set(find_missing(reader, files, first=settings.partitions_start_date, today=today))
    return sorted(days)


def _row(manifest: Manifest) -> dict:
    return {
        "table": manifest.table, "date": manifest.date, "rows": manifest.rows, "lake_version": manifest.lake_version,
        "sha256": manifest.sha256,
    }  # fmt: skip


@snapshots.command()
@click.option("--days", "is_detailed", is_flag=True, help="One row per stale, missing or damaged day, with why.")
@click.option("--check", "is_checked", is_flag=True, help="Read every file, and compare it with its hash.")
@table_option
@limit_option
@format_option
def status(is_detailed: bool, is_checked: bool, names: tuple[str, ...], limit: int, format_: str) -> None:
    """Say which days there are, which late events have changed, and which are missing. Writes nothing."""
    settings = load_settings()
    today = clock_of(settings).today()
    summaries, days = [], []
    for name in names or _TABLES:
        files = snapshot_files(settings, _TABLES[name])
        with history_reader(settings) as reader:
            findings = find_stale(reader, files, today=today)
            missing = find_missing(reader, files, first=settings.partitions_start_date, today=today)
        found = [(day, "stale", why) for day, why in findings.stale.items()]
        found += [(day, "missing", "there is no file") for day in missing]
        damaged = [day for day in findings.manifests if is_checked and files.read(day) is None]
        found += [(day, "damaged", "the file is not what its manifest says") for day in damaged]
        days += [{"table": name, "date": day, "state": state, "why": why} for day, state, why in sorted(found)]
        present = sorted(findings.manifests)
        summaries.append(
            {
                "table": name,
                "days": len(present),
                "first": present[0] if present else None,
                "last": present[-1] if present else None,
                "stale": len(findings.stale),
                "missing": len(missing),
                **({"damaged": len(damaged)} if is_checked else {}),
                "rows": sum(each.rows for each in findings.manifests.values()),
                "bytes": sum(each.size for each in findings.manifests.values()),
            }
        )
    print_rows(days if is_detailed else summaries, format_, limit=limit)
    if not is_detailed and days:
        notes.print("Why: inventory snapshots status --days. Mend: inventory snapshots build --stale --missing.")
    if any(row["state"] == "damaged" for row in days):
        notes.print("A damaged day is made anew by: inventory snapshots build --from DAY.")

"""`inventory reports build | list | serve`: what the people who never see a terminal read."""

from datetime import UTC, date, datetime

import click

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.lake.storage import open_storage
from inventory_assets.reports.period import Kind, Period, period_of
from inventory_assets.reports.publish import PAGE_NAME, Manifest, list_manifests
from inventory_assets.settings import load_settings
from inventory_assets.wiring import make_report

_KINDS = click.Choice([str(kind) for kind in Kind])


@click.group()
def reports() -> None:
    """Nightly and weekly reports: what ran out, what will, what to order or move, what changed."""


@reports.command()
@click.argument("kind", type=_KINDS, default=str(Kind.NIGHTLY))
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]),
              help="The day, or one of the week (default: the last complete one that has events).")  # fmt: skip
@click.option("--at-version", type=int, help="As the lake was at this version (default: see docs/reports.md).")
@format_option
def build(kind: str, day: datetime | None, at_version: int | None, format_: str) -> None:
    """Build a report: a page and a CSV file for each of its sections.

    \b
    inventory reports build
    inventory reports build weekly --date 2026-01-31
    """
    settings, today = load_settings(), datetime.now(UTC).date()
    period = None if day is None else _period(Kind(kind), day.date(), today)
    with notes.status("reading") as status:
        made = make_report(
            settings, Kind(kind), period, today=today, version=at_version, on_read=lambda: status.update("writing")
        )
    print_rows([_row(made, settings.reports_uri)], format_)
    if format_ == "table":
        notes.print(made.headline)


def _period(kind: Kind, day: date, today: date) -> Period:
    period = period_of(kind, day)
    if period.first_date > today:
        raise click.UsageError(f"--date was {day}, which has not begun (today is {today} UTC).")
    return period


def _row(manifest: Manifest, place: str) -> dict:
    return {
        "report": manifest.kind, "date": manifest.date, "version": manifest.lake_version, "as_of": manifest.as_of,
        "page": f"{place}/{manifest.folder}/{PAGE_NAME}",
    }  # fmt: skip


@reports.command("list")
@format_option
def list_(format_: str) -> None:
    """List the reports, the newest first."""
    settings = load_settings()
    storage = open_storage(settings.reports_uri)
    rows = [_row(manifest, settings.reports_uri) for kind in Kind for manifest in list_manifests(storage, kind)]
    print_rows(rows, format_)
    if not rows:
        notes.print("no report was built yet: inventory reports build", style="dim")

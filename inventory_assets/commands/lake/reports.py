"""`inventory reports build | list | serve`: what the people who never see a terminal read."""

from datetime import date, datetime, timedelta

import click

from inventory_assets.clock import clock_of, machine_seconds
from inventory_assets.commands.output import format_option, limit_option, notes, print_rows
from inventory_assets.domain.notify.notifications import DeliveryError
from inventory_assets.lake.files.storage import open_storage
from inventory_assets.option_types import PORT, VERSION
from inventory_assets.ranges import FIRST_DAY
from inventory_assets.reports.make import mail_report, make_report
from inventory_assets.reports.period import Kind, Period, period_of
from inventory_assets.reports.publish import PAGE_NAME, Manifest, Rendered, list_manifests
from inventory_assets.serving.serve import DEFAULT_PORT, HOST_HELP, run_console
from inventory_assets.settings import Settings, load_settings

WEEK = timedelta(days=7)
_KINDS = click.Choice([str(kind) for kind in Kind])


@click.group()
def reports() -> None:
    """Nightly and weekly reports: what ran out, what will, what to order or move, what changed."""


@reports.command()
@click.argument("kind", type=_KINDS, default=str(Kind.NIGHTLY))
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]),
              help="The day, or one of the week (default: the last complete one that has events).")  # fmt: skip
@click.option("--send", is_flag=True, help="Mail it to whom `[reports]` of the alerting policy names, once.")
@click.option("--again", is_flag=True, help="With --send: though it was sent already.")
@click.option("--at-version", type=VERSION, help="As the lake was at this version (default: see docs/reports.md).")
@format_option
def build(kind: str, day: datetime | None, send: bool, again: bool, at_version: int | None, format_: str) -> None:
    """Build a report: a page and a CSV file for each of its sections.

    \b
    inventory reports build
    inventory reports build weekly --date 2026-01-31
    """
    if again and not send:
        raise click.UsageError("--again says to mail once more, so it needs --send.")
    settings = load_settings()
    today = clock_of(settings).today()
    period = None if day is None else _period(Kind(kind), day.date(), today)
    with notes.status("reading") as status:
        made, report = make_report(
            settings, Kind(kind), period, today=today, version=at_version, on_read=lambda: status.update("writing")
        )
    print_rows([_row(made, settings.reports_uri)], format_)
    if format_ == "table":
        notes.print(made.headline)
    if send:
        _send(settings, report, again=again)


def _period(kind: Kind, day: date, today: date) -> Period:
    # Before FIRST_DAY, the week before it is in no calendar. A day to come may be of this week.
    if day < FIRST_DAY or period_of(kind, min(day, today + WEEK)).first_date > today:
        raise click.UsageError(
            f"--date was {day}; expected a day from {FIRST_DAY} to one that has begun (today is {today} UTC)."
        )
    return period_of(kind, day)


def _send(settings: Settings, report: Rendered, *, again: bool) -> None:
    try:
        sent = mail_report(settings, report, now=machine_seconds(), again=again)
    except DeliveryError as error:
        raise click.ClickException(f"the report is built, but its mail was not accepted: {error}") from error
    if sent is None:
        raise click.ClickException(
            f"the report is built, but nobody is to get it: {settings.home / 'alerting.toml'} has no [reports] for "
            f"{report.basis.period.kind} reports. See docs/alerting.md."
        )
    notes.print(f"{sent.status}: {sent.report_id} ({sent.detail})")


@reports.command()
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="0 picks a free one.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help=HOST_HELP)  # fmt: skip
def serve(port: int, host: str) -> None:
    """Serve the reports until stopped: pages of the console at /reports/, behind its guard."""
    run_console(host, port, what="reports", path="/reports/")


def _row(manifest: Manifest, place: str) -> dict:
    return {
        "report": manifest.kind, "date": manifest.date, "version": manifest.lake_version, "as_of": manifest.as_of,
        "page": f"{place}/{manifest.folder}/{PAGE_NAME}",
    }  # fmt: skip


@reports.command("list")
@limit_option
@format_option
def list_(limit: int, format_: str) -> None:
    """List the reports, the newest first."""
    settings = load_settings()
    storage = open_storage(settings.reports_uri)
    rows = [_row(manifest, settings.reports_uri) for kind in Kind for manifest in list_manifests(storage, kind)]
    print_rows(rows, format_, leaving=("as_of", "version"), limit=limit)
    if not rows:
        notes.print("no report was built yet: inventory reports build", style="dim")

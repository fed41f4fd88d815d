"""Make a report from the settings: read, render, publish, mail."""

import os
from collections.abc import Callable, Mapping
from datetime import date

from inventory_assets.clock import clock_of
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.notify.channels.build import build_mail
from inventory_assets.notify.policy_source import load_policy
from inventory_assets.replenish.make import settings_of
from inventory_assets.reports.mail import Sent, send_report
from inventory_assets.reports.page.csv_files import write_csv
from inventory_assets.reports.page.nightly import nightly_page
from inventory_assets.reports.page.view import Page
from inventory_assets.reports.page.weekly import weekly_page
from inventory_assets.reports.period import Kind, Period
from inventory_assets.reports.publish import Manifest, Rendered, find_earlier, publish
from inventory_assets.reports.read import lines, model, week_model
from inventory_assets.reports.read.collect import (
    choose_period,
    collect_nightly,
    find_basis,
    nightly_figures,
)
from inventory_assets.reports.read.sales import SnapshotFiles
from inventory_assets.reports.read.suppliers import Supplier, sum_by_supplier
from inventory_assets.reports.read.version import choose_version
from inventory_assets.reports.read.weekly import collect_weekly, weekly_figures
from inventory_assets.settings import Settings
from inventory_assets.wiring import lake_notes_of


def make_report(
    settings: Settings, kind: Kind, period: Period | None, *, today: date, version: int | None = None,
    on_read: Callable[[], None] = lambda: None, opener: Opener = open_storage,
) -> tuple[Manifest, Rendered]:  # fmt: skip
    """Build and publish a report. Nothing of the lake is held while it is rendered and written.

    Args:
        settings: Where the lake, the snapshots and the reports are.
        kind: Which report.
        period: None is the last complete one that has events.
        today: The UTC day that is not over.
        version: None is what the period's own report would read (`version.choose_version`).
        on_read: Called when all is read.
        opener: What opens those places.

    Raises:
        LakeMissingError: There is no lake, or no such version.
    """
    storage = opener(settings.reports_uri)
    snapshots = SnapshotFiles(settings.snapshots_uri, opener)
    with history_reader(settings) as reader:
        pin_version(reader.connection, None)
        period = period or choose_period(reader, kind, today)
        version = pin_version(reader.connection, version or choose_version(reader, period, today, clock_of(settings)))
        basis = find_basis(reader, period, version, CODE_VERSION, find_earlier(storage, period))
        report = (collect_weekly if kind is Kind.WEEKLY else collect_nightly)(
            reader, basis, snapshots, settings_of(settings)
        )
    on_read()
    rendered = render_report(report)
    return publish(storage, rendered), rendered


def render_report(report: model.Nightly | week_model.Weekly) -> Rendered:
    """The page and the CSV files of a report."""
    if isinstance(report, week_model.Weekly):
        return _rendered(report.basis, weekly_page(report), weekly_figures(report), weekly_files(report))
    return _rendered(report.basis, nightly_page(report), nightly_figures(report), nightly_files(report))


Files = Mapping[str, tuple[type, tuple]]
"""The dataclass and the rows of each CSV file, all of them; a file without rows has its header."""


def _rendered(basis: model.Basis, page: Page, figures: model.Figures, files: Files) -> Rendered:
    return Rendered(
        basis=basis, page=page, figures=figures,
        files={name: write_csv(kind, rows) for name, (kind, rows) in files.items()},
        counts={name.removesuffix(".csv"): len(rows) for name, (_, rows) in files.items()},
    )  # fmt: skip


def nightly_files(report: model.Nightly) -> Files:
    """The rows of a nightly report's files."""
    return {
        "stockouts.csv": (lines.EmptyShelf, report.empty),
        **_plan_files(report.planned),
        "changes.csv": (lines.ShelfChange, report.changes),
        "threshold_changes.csv": (lines.ThresholdChange, report.threshold_changes),
        "incidents.csv": (lines.OpenIncident, report.incidents),
        **_trade_files(report.trade),
        **_trust_files(report.trust),
    }


def weekly_files(report: week_model.Weekly) -> Files:
    """The rows of a weekly report's files."""
    return {
        **_plan_files(report.planned),
        **_trade_files(report.trade),
        "movers.csv": (week_model.Mover, report.movers),
        "week_stockouts.csv": (week_model.WeekStockout, report.stockouts),
        "warehouse_weeks.csv": (week_model.WarehouseWeek, report.warehouses),
        "classes.csv": (week_model.StockClass, report.classes),
        "dead_stock.csv": (week_model.DeadStock, report.dead),
        "rules.csv": (week_model.RuleWeek, report.rules),
        **_trust_files(report.trust),
    }


def _plan_files(planned: lines.Planned) -> Files:
    return {
        "running_out.csv": (lines.RunningOut, planned.running_out),
        "orders.csv": (lines.OrderLine, planned.orders),
        "suppliers.csv": (Supplier, tuple(sum_by_supplier(planned.orders))),
        "transfers.csv": (lines.TransferLine, planned.transfers),
    }


def _trade_files(trade: model.Trade) -> Files:
    return {"sales.csv": (model.DayOfWarehouse, trade.days), "movements.csv": (model.Movement, trade.movements)}


def _trust_files(trust: model.Trust) -> Files:
    return {
        "warehouses.csv": (model.WarehouseFeed, trust.feeds),
        "refused.csv": (model.Refused, trust.refused),
        "checks.csv": (model.FailedCheck, trust.checks or ()),
    }


def mail_report(settings: Settings, report: Rendered, *, now: float, again: bool = False) -> Sent | None:
    """Mail a report to whom the alerting policy names; None where it names nobody for this kind.

    Raises:
        AlertingFileError: The policy has problems.
        DeliveryError: The mail was not taken.
    """
    policy = load_policy(settings.alerting_path, os.environ)
    mail = policy.reports
    if mail is None or report.basis.period.kind not in mail.kinds:
        return None
    channel = build_mail(policy.channels[mail.channel], os.environ)
    with lake_notes_of(settings) as notes:
        reader, place = LakeReader(settings), settings.reports_uri
        return send_report(report, place, mail, channel, reader=reader, notes=notes, now=now, again=again)

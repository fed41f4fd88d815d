"""Make a report: collect it from an open reader, then render it with nothing open."""

from collections.abc import Mapping

from inventory_assets.reports.collect import nightly_figures
from inventory_assets.reports.csv_files import write_csv
from inventory_assets.reports.lines import (
    EmptyShelf,
    OpenIncident,
    OrderLine,
    RunningOut,
    ShelfChange,
    ThresholdChange,
    TransferLine,
)
from inventory_assets.reports.model import DayOfWarehouse, FailedCheck, Movement, Nightly, Refused, WarehouseFeed
from inventory_assets.reports.nightly_page import nightly_page
from inventory_assets.reports.publish import Rendered
from inventory_assets.reports.suppliers import Supplier, sum_by_supplier


def render_nightly(report: Nightly) -> Rendered:
    """The page and the CSV files of a nightly report."""
    files = nightly_files(report)
    return Rendered(
        basis=report.basis, page=nightly_page(report), figures=nightly_figures(report),
        files={name: write_csv(kind, rows) for name, (kind, rows) in files.items()},
        counts={name.removesuffix(".csv"): len(rows) for name, (_, rows) in files.items()},
    )  # fmt: skip


def nightly_files(report: Nightly) -> Mapping[str, tuple[type, tuple]]:
    """The rows of each CSV file, all of them; a file without rows has its header."""
    trust, trade = report.trust, report.trade
    return {
        "stockouts.csv": (EmptyShelf, report.empty),
        "running_out.csv": (RunningOut, report.running_out),
        "orders.csv": (OrderLine, report.orders),
        "suppliers.csv": (Supplier, tuple(sum_by_supplier(report.orders))),
        "transfers.csv": (TransferLine, report.transfers),
        "changes.csv": (ShelfChange, report.changes),
        "threshold_changes.csv": (ThresholdChange, report.threshold_changes),
        "incidents.csv": (OpenIncident, report.incidents),
        "sales.csv": (DayOfWarehouse, trade.days),
        "movements.csv": (Movement, trade.movements),
        "warehouses.csv": (WarehouseFeed, trust.feeds),
        "refused.csv": (Refused, trust.refused),
        "checks.csv": (FailedCheck, trust.checks or ()),
    }

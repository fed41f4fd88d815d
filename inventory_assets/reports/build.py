"""Make a report: collect it from an open reader, then render it with nothing open."""

from collections.abc import Mapping

from inventory_assets.lake.query.reader import Reader
from inventory_assets.reports.page.csv_files import write_csv
from inventory_assets.reports.page.nightly import nightly_page
from inventory_assets.reports.page.view import Page
from inventory_assets.reports.page.weekly import weekly_page
from inventory_assets.reports.period import Kind
from inventory_assets.reports.publish import Rendered
from inventory_assets.reports.read.collect import collect_nightly, nightly_figures
from inventory_assets.reports.read.lines import (
    EmptyShelf,
    OpenIncident,
    OrderLine,
    RunningOut,
    ShelfChange,
    ThresholdChange,
    TransferLine,
)
from inventory_assets.reports.read.model import (
    Basis,
    DayOfWarehouse,
    FailedCheck,
    Figures,
    Movement,
    Nightly,
    Refused,
    WarehouseFeed,
)
from inventory_assets.reports.read.sales import Snapshots
from inventory_assets.reports.read.suppliers import Supplier, sum_by_supplier
from inventory_assets.reports.read.week_model import (
    DeadStock,
    Mover,
    RuleWeek,
    StockClass,
    WarehouseWeek,
    Weekly,
    WeekStockout,
)
from inventory_assets.reports.read.weekly import collect_weekly, weekly_figures


def collect_report(reader: Reader, basis: Basis, snapshots: Snapshots) -> Nightly | Weekly:
    """Read all of the report that the basis is of."""
    collect = collect_weekly if basis.period.kind is Kind.WEEKLY else collect_nightly
    return collect(reader, basis, snapshots)


def render_report(report: Nightly | Weekly) -> Rendered:
    """The page and the CSV files of a report."""
    if isinstance(report, Weekly):
        return _rendered(report.basis, weekly_page(report), weekly_figures(report), weekly_files(report))
    return _rendered(report.basis, nightly_page(report), nightly_figures(report), nightly_files(report))


Files = Mapping[str, tuple[type, tuple]]
"""The dataclass and the rows of each CSV file, all of them; a file without rows has its header."""


def _rendered(basis: Basis, page: Page, figures: Figures, files: Files) -> Rendered:
    return Rendered(
        basis=basis, page=page, figures=figures,
        files={name: write_csv(kind, rows) for name, (kind, rows) in files.items()},
        counts={name.removesuffix(".csv"): len(rows) for name, (_, rows) in files.items()},
    )  # fmt: skip


def nightly_files(report: Nightly) -> Files:
    """The rows of a nightly report's files."""
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


def weekly_files(report: Weekly) -> Files:
    """The rows of a weekly report's files."""
    trust, trade = report.trust, report.trade
    return {
        "sales.csv": (DayOfWarehouse, trade.days),
        "movements.csv": (Movement, trade.movements),
        "movers.csv": (Mover, report.movers),
        "week_stockouts.csv": (WeekStockout, report.stockouts),
        "warehouse_weeks.csv": (WarehouseWeek, report.warehouses),
        "classes.csv": (StockClass, report.classes),
        "dead_stock.csv": (DeadStock, report.dead),
        "rules.csv": (RuleWeek, report.rules),
        "warehouses.csv": (WarehouseFeed, trust.feeds),
        "refused.csv": (Refused, trust.refused),
        "checks.csv": (FailedCheck, trust.checks or ()),
    }

"""What ran out and what will, in words. Pure."""

from collections.abc import Sequence

from inventory_assets.reports.page.view import Cell, Section, Table, columns_of
from inventory_assets.reports.read.lines import EmptyShelf, Planned, RunningOut
from inventory_assets.reports.read.model import Nightly
from inventory_assets.words.numbers import UNKNOWN, amount, count, has, rate, shelves
from inventory_assets.words.plots import draw_cover
from inventory_assets.words.text import capital, name, sentence
from inventory_assets.words.times import day, days, moment, span

# What a person works through before the first coffee; the CSV has all.
SHOWN = 15
COUNT_FIRST = "count first: the data are in doubt"


def empty_section(report: Nightly) -> Section:
    new = [shelf for shelf in report.empty if shelf.is_new]
    still = [shelf for shelf in report.empty if not shelf.is_new]
    lines = []
    if report.back_again:
        lines.append(
            f"{sentence(f'{shelves(report.back_again)} ran out in the day and {has(report.back_again)} stock again')}"
        )
    unknown = sum(shelf.alert_id is None for shelf in report.empty)
    if unknown:
        lines.append(f"{shelves(unknown)} without an alert: their thresholds are switched off, so nobody is notified.")
    if not report.empty:
        lines.insert(0, "Every active shelf has stock.")
    elif any(shelf.revenue_at_risk is None for shelf in report.empty):
        lines.append("Sales at risk are given where price, sales and lead time are known.")
    return Section(
        "ran-out", "What ran out", lines,
        [_empty_table(f"New since {report.basis.period.start_at:%A}, 00:00", new),
         _empty_table("Still empty", still)],
        csv="stockouts.csv" if report.empty else "",
    )  # fmt: skip


def _empty_table(title: str, found: Sequence[EmptyShelf]) -> Table:
    columns = columns_of("Product", "Warehouse", "Empty for", "#Sells a day", "#At risk", "#On its way", ">To do")
    rows = [
        [
            Cell(name(shelf.product), sku(shelf.sku, shelf.product)),
            Cell(name(shelf.warehouse_id)),
            Cell(span(shelf.hours_empty), f"since {moment(shelf.since)}" if shelf.since else ""),
            Cell(rate(shelf.daily_units)),
            Cell(amount(shelf.revenue_at_risk)),
            Cell(count(shelf.inbound) if shelf.inbound else UNKNOWN, tone="" if shelf.inbound else "quiet"),
            Cell(_to_do(shelf), _handled(shelf)),
        ]
        for shelf in found[:SHOWN]
    ]
    return Table(columns, rows, len(found) - len(rows), "stockouts.csv", f"{title}: {len(found):,}")


def _to_do(shelf: EmptyShelf) -> str:
    return capital(shelf.to_do) + (" (no alert: thresholds are switched off)" if shelf.alert_id is None else "")


def _handled(shelf: EmptyShelf) -> str:
    parts = []
    if shelf.acknowledged_by:
        parts.append(f"{name(shelf.acknowledged_by)} is on it")
    if shelf.is_untrusted:
        parts.append(COUNT_FIRST)
    return "; ".join(parts)


def sku(sku: str, product: str) -> str:
    return "" if sku == product else name(sku)


def running_out_section(planned: Planned) -> Section:
    found = planned.running_out
    late = len(planned.late)
    lines = []
    if found:
        text = f"{shelves(len(found))} must be ordered within a week"
        lines.append(
            sentence(
                text + (f"; for {late:,} it is late, as the stock does not last until an order arrives" if late else "")
            )
        )
        lines.append("Order by: the last day on which an order still comes in time, by the forecast. Risk: the chance "
                     "of a stockout before an order placed now arrives. Dot: how long the stock lasts, with what "
                     "comes; line: the lead time.")  # fmt: skip
    elif planned.is_demand_known:
        lines.append("Nothing that is in stock must be ordered within a week.")
    unknown = sum(shelf.lead_time_days is None for shelf in found)
    if unknown:
        lines.append(f"For {unknown:,} no lead time is known, so nor is the day to order by.")
    return Section(
        "will-run-out", "What will run out", lines, [_running_out_table(found)] if found else [],
        csv="running_out.csv" if found else "",
    )  # fmt: skip


def _running_out_table(found: Sequence[RunningOut]) -> Table:
    columns = columns_of("Product", "Warehouse", "#Left", "Lasts", "#Lead time", "Order by", "#Risk", ">To do")
    shown = found[:SHOWN]
    scale = max([30.0, *(2.0 * (shelf.lead_time_days or 0) for shelf in shown)])
    rows = [
        [
            Cell(name(shelf.product), sku(shelf.sku, shelf.product)),
            Cell(name(shelf.warehouse_id)),
            Cell(count(shelf.available), f"sells {rate(shelf.daily_units)} a day"),
            Cell(days(shelf.cover_days), f"out {day(shelf.runs_out_date)}",
                 picture=None if shelf.lead_time_days is None
                 else draw_cover(shelf.cover_days, shelf.lead_time_days, scale_days=scale)),
            Cell(UNKNOWN if shelf.lead_time_days is None else f"{shelf.lead_time_days} days"),
            Cell("late" if shelf.is_late else UNKNOWN if shelf.order_by_date is None else day(shelf.order_by_date),
                 tone="bad" if shelf.is_late else ""),
            Cell(UNKNOWN if shelf.risk_percent is None else f"{shelf.risk_percent} %"),
            Cell(capital(shelf.to_do), shelf.why),
        ]
        for shelf in shown
    ]  # fmt: skip
    return Table(columns, rows, len(found) - len(rows), "running_out.csv")

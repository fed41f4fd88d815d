"""What ran out and what will, in words. Pure."""

from collections.abc import Sequence

from inventory_assets.reports.page.view import Cell, Section, Table, columns_of
from inventory_assets.reports.read.lines import EmptyShelf, RunningOut
from inventory_assets.reports.read.model import Nightly
from inventory_assets.words.numbers import UNKNOWN, amount, count, has, rate, shelves
from inventory_assets.words.plots import draw_cover
from inventory_assets.words.text import name, sentence
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
        lines.append(
            f"{shelves(unknown)} without an alert: their thresholds are switched off, so nobody is notified and "
            "nothing is suggested."
        )
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
    if shelf.alert_id is None:
        return "no alert: thresholds are switched off"
    if not shelf.to_do:
        return "set a reorder threshold or order_up_to: no quantity is known"
    return shelf.to_do[:1].upper() + shelf.to_do[1:]


def _handled(shelf: EmptyShelf) -> str:
    parts = [f"supplier {name(shelf.supplier_id)}"] if shelf.supplier_id and "order" in shelf.to_do else []
    if shelf.acknowledged_by:
        parts.append(f"{name(shelf.acknowledged_by)} is on it")
    if shelf.is_untrusted:
        parts.append(COUNT_FIRST)
    return "; ".join(parts)


def sku(sku: str, product: str) -> str:
    return "" if sku == product else name(sku)


def running_out_section(report: Nightly) -> Section:
    found = report.running_out
    late = sum(shelf.is_late for shelf in found)
    lines = []
    if found:
        text = f"{shelves(len(found))} must be ordered within a week"
        lines.append(
            sentence(
                text + (f"; for {late:,} it is late, as the stock may not last until an order arrives" if late else "")
            )
        )
        lines.append("Order by: the last day on which an order still comes in time, with 90 % probability. "
                     "Bar: how long the stock lasts (band: 80 % interval) against the lead time (line).")  # fmt: skip
    elif report.trust.coverage_date or report.trust.velocity_date:
        lines.append("Nothing that is in stock must be ordered within a week.")
    assumed = sum(shelf.is_lead_time_assumed for shelf in found)
    if assumed:
        lines.append(f"For {assumed:,} no lead time is known; two weeks are assumed (marked *).")
    return Section(
        "will-run-out", "What will run out", lines, [_running_out_table(found)] if found else [],
        csv="running_out.csv" if found else "",
    )  # fmt: skip


def _running_out_table(found: Sequence[RunningOut]) -> Table:
    columns = columns_of("Product", "Warehouse", "#Left", "Lasts", "#Lead time", "Order by", ">To do")
    shown = found[:SHOWN]
    scale = max([30.0, *(2.0 * shelf.lead_time_days for shelf in shown)])
    rows = [
        [
            Cell(name(shelf.product), sku(shelf.sku, shelf.product)),
            Cell(name(shelf.warehouse_id)),
            Cell(count(shelf.available), f"sells {rate(shelf.daily_units)} a day"),
            Cell(days(shelf.cover_days), _interval(shelf),
                 picture=draw_cover(shelf.cover_days, shelf.cover_days_low, shelf.cover_days_high,
                                    shelf.lead_time_days, scale_days=scale)),
            Cell(f"{shelf.lead_time_days} days" + ("*" if shelf.is_lead_time_assumed else "")),
            Cell("now" if shelf.is_late else day(shelf.order_by_date), f"out {day(shelf.runs_out_date)}",
                 "bad" if shelf.is_late and not shelf.is_inbound_enough else ""),
            Cell(*_what_to_do(shelf)),
        ]
        for shelf in shown
    ]  # fmt: skip
    return Table(columns, rows, len(found) - len(rows), "running_out.csv")


def _interval(shelf: RunningOut) -> str:
    if shelf.cover_days_low is None or shelf.cover_days_high is None:
        return "interval unknown"
    return f"{shelf.cover_days_low:.0f} to {min(shelf.cover_days_high, 999):.0f}"


def _what_to_do(shelf: RunningOut) -> tuple[str, str]:
    if shelf.order_quantity:
        return f"Order {shelf.order_quantity:,}", "in the order list"
    if shelf.is_inbound_enough:
        return f"Chase the {shelf.inbound:,} on the way", "they are enough, if they come in time"
    if shelf.inbound:
        return "Order more", f"the {shelf.inbound:,} on the way are not enough"
    return "Order", "no alert yet: its threshold is below what may sell until an order arrives"

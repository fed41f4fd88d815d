"""What to order and what to move, in words. Pure."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from inventory_assets.reports.page.shelf_sections import COUNT_FIRST, sku
from inventory_assets.reports.page.view import Cell, Group, Section, Table, columns_of
from inventory_assets.reports.read.lines import OrderLine, TransferLine
from inventory_assets.reports.read.model import Nightly
from inventory_assets.reports.read.suppliers import Supplier, sum_by_supplier, sum_value
from inventory_assets.words.numbers import UNKNOWN, amount, count, counted
from inventory_assets.words.text import name

SHOWN_ORDERS = 40
SHOWN_SUPPLIERS = 15
PRICE_NOTE = "Money is in the price list's currency."


def orders_section(report: Nightly) -> Section:
    lines, found = [], report.orders
    if not found:
        lines.append("Nothing to order: no open alert asks for it.")
    if report.undecided:
        some = ", ".join(f"{name(each.product)} at {name(each.warehouse_id)}" for each in report.undecided[:3])
        lines.append(
            f"{counted(len(report.undecided), 'alert')} without a quantity, as no reorder threshold and no order_up_to "
            f"says what the shelf should hold: {some}."
        )
    priced = [line for line in found if line.value is not None]
    if found and not priced:
        lines.append("No prices are known, so no order value is given.")
    elif len(priced) < len(found):
        lines.append(f"Value is of the {len(priced):,} of {len(found):,} lines whose price is known. {PRICE_NOTE}")
    elif found:
        lines.append(PRICE_NOTE)
    return Section(
        "order", "What to order", lines, [*_supplier_table(found), *_order_table(found)],
        csv="orders.csv" if found else "",
    )  # fmt: skip


def _supplier_name(supplier_id: str | None) -> str:
    return name(supplier_id) if supplier_id else "No supplier known"


def _supplier_table(found: Sequence[OrderLine]) -> list[Table]:
    suppliers = sum_by_supplier(found)
    if len(suppliers) < 2:
        return []
    columns = columns_of("Supplier", "#Lines", "#Units", "#Value", "#For empty shelves", "#Arrives in")
    rows = [
        [
            Cell(_supplier_name(each.supplier_id)), Cell(count(each.lines)), Cell(count(each.units)),
            Cell(amount(each.value)), Cell(count(each.for_empty_shelves)),
            Cell(_lead(each.lead_time_days_least, each.lead_time_days_most)),
        ]
        for each in suppliers[:SHOWN_SUPPLIERS]
    ]  # fmt: skip
    total = [
        Cell("All"), Cell(count(len(found))), Cell(count(sum(each.units for each in suppliers))),
        Cell(amount(sum_value(found))), Cell(count(sum(each.for_empty_shelves for each in suppliers))), Cell(""),
    ]  # fmt: skip
    return [Table(columns, rows, len(suppliers) - len(rows), "suppliers.csv", "By supplier", total)]


def _lead(least: int | None, most: int | None) -> str:
    if least is None:
        return UNKNOWN
    return f"{least} days" if least == most else f"{least} to {most} days"


def _order_table(found: Sequence[OrderLine]) -> list[Table]:
    if not found:
        return []
    columns = columns_of("Product", "To warehouse", "#Order", "#Value", "Shelf now", "Why")
    lines_of = {key: list(lines) for key, lines in groupby(found, key=lambda line: line.supplier_id)}
    rows: list[list[Cell] | Group] = []
    left = SHOWN_ORDERS
    for supplier in sum_by_supplier(found):
        chosen = lines_of[supplier.supplier_id][:left]
        left -= len(chosen)
        if chosen:
            rows += [_supplier_head(supplier), *(_order_row(line) for line in chosen)]
    hidden = len(found) - (SHOWN_ORDERS - left)
    return [Table(columns, rows, hidden, "orders.csv", "Line by line")]


def _supplier_head(supplier: Supplier) -> Group:
    parts = [counted(supplier.lines, "line"), counted(supplier.units, "unit")]
    if supplier.value is not None:
        parts.append(f"value {amount(supplier.value)}")
    if supplier.lead_time_days_least is not None:
        parts.append(f"arrives in {_lead(supplier.lead_time_days_least, supplier.lead_time_days_most)}")
    return Group(_supplier_name(supplier.supplier_id), ", ".join(parts))


def _order_row(line: OrderLine) -> list[Cell]:
    return [
        Cell(name(line.product), sku(line.sku, line.product)), Cell(name(line.warehouse_id)),
        Cell(count(line.quantity), f"packs of {line.pack_multiple}" if (line.pack_multiple or 1) > 1 else ""),
        Cell(amount(line.value)), Cell(*_shelf_now(line)),
        Cell(_why(line), COUNT_FIRST if line.is_untrusted else ""),
    ]  # fmt: skip


def _shelf_now(line: OrderLine) -> tuple[str, str, str]:
    sub = "" if not line.days_left else f"{line.days_left:.1f} days left"
    if line.condition == "STOCKOUT":
        return "empty", sub, "bad"
    return f"{line.available:,} left", sub, "warn" if line.condition == "LOW_STOCK" else ""


def _why(line: OrderLine) -> str:
    moved = f", {line.transferred:,} moved" if line.transferred else ""
    coming = f", {line.inbound:,} on the way" if line.inbound else ""
    return f"{line.needed:,} short of target{moved}{coming}"


def transfers_section(report: Nightly) -> Section:
    found = report.transfers
    lines = [] if found else ["Nothing to move: no warehouse can spare what another lacks."]
    if found:
        lines.append(
            "Move before buying: the sender keeps its own reorder threshold and what it sells until an order arrives."
        )
    tables = [_transfer_table(found)] if found else []
    return Section("move", "What to move", lines, tables, csv="transfers.csv" if found else "")


def _transfer_table(found: Sequence[TransferLine]) -> Table:
    columns = columns_of("Product", "#Move", "Receiver has", "#Sender has", "#Then", "#Must keep")
    rows: list[list[Cell] | Group] = []
    left = SHOWN_ORDERS
    for (sender, receiver), group in groupby(found, key=attrgetter("from_warehouse_id", "to_warehouse_id")):
        lines = list(group)
        chosen = lines[:left]
        left -= len(chosen)
        if chosen:
            units = sum(line.quantity for line in lines)
            sums = f"{counted(len(lines), 'line')}, {counted(units, 'unit')}"
            rows += [Group(f"{name(sender)} → {name(receiver)}", sums), *(_transfer_row(line) for line in chosen)]
    return Table(columns, rows, len(found) - (SHOWN_ORDERS - left), "transfers.csv", "By route")


def _transfer_row(line: TransferLine) -> list[Cell]:
    is_empty = line.condition == "STOCKOUT"
    return [
        Cell(name(line.product), sku(line.sku, line.product)), Cell(count(line.quantity)),
        Cell("nothing" if is_empty else f"{line.available:,}", COUNT_FIRST if line.is_untrusted else "",
             "bad" if is_empty else ""),
        Cell(count(line.sender_available)), Cell(count(line.sender_left)), Cell(count(line.sender_keeps)),
    ]  # fmt: skip

"""What to order and what to move, in words. Pure."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from inventory_assets.reports.page.shelf_sections import COUNT_FIRST, sku
from inventory_assets.reports.page.view import Cell, Group, Section, Table, columns_of
from inventory_assets.reports.read.lines import OrderLine, Planned, RunningOut, TransferLine
from inventory_assets.reports.read.suppliers import Supplier, sum_by_supplier, sum_value
from inventory_assets.words.numbers import UNKNOWN, amount, count, counted, has, shelves
from inventory_assets.words.text import listed, name
from inventory_assets.words.times import day

SHOWN_ORDERS = 40
# A headline names the first to run out.
SHOWN_LATE = 2
SHOWN_SUPPLIERS = 15
PRICE_NOTE = "Money is in the price list's currency."


def plan_sentences(planned: Planned) -> list[str]:
    """What a headline says of the plan: what to do, and what no order saves in time."""
    to_do = []
    if planned.orders:
        units = counted(sum(line.quantity for line in planned.orders), "unit")
        suppliers = {line.supplier_id for line in planned.orders if line.supplier_id is not None}
        unknown = sum(line.supplier_id is None for line in planned.orders)
        source = f" from {counted(len(suppliers), 'supplier')}" if suppliers else ""
        have = f"{counted(unknown, 'line')} {has(unknown)} none known"
        to_do.append(f"order {units}{source}" + (f" ({have})" if unknown and suppliers else ""))
    if planned.transfers:
        to_do.append(f"move {counted(sum(line.quantity for line in planned.transfers), 'unit')} between warehouses")
    if planned.chased:
        to_do.append(f"chase {counted(planned.chased_units, 'unit')} overdue for {shelves(planned.chased)}")
    found = [listed(to_do)] if to_do else []
    late = planned.late
    if not (to_do or late or planned.out or planned.undecided):
        found.append("nothing to order or to move" + (" that cannot wait" if planned.can_wait else ""))
    if late:
        found.append(f"{shelves(len(late))} will run out before an order can arrive: {_some(late)}{_unseen(late)}")
    return found


def _some(late: Sequence[RunningOut]) -> str:
    """The first to run out of them."""
    first = sorted(late, key=lambda shelf: (shelf.runs_out_date, shelf.line_id))[:SHOWN_LATE]
    names = [f"{name(shelf.product)} at {name(shelf.warehouse_id)}" for shelf in first]
    return listed(names) if len(late) <= len(names) else f"{', '.join(names)} and {len(late) - len(names):,} more"


def _unseen(late: Sequence[RunningOut]) -> str:
    unseen = sum(shelf.seen_by_limit is not None for shelf in late)
    return f"; no limit sees {'it' if unseen == len(late) == 1 else f'{unseen:,} of them'}" if unseen else ""


def orders_section(planned: Planned) -> Section:
    lines, found = [], planned.orders
    if not found:
        lines.append("Nothing to order that cannot wait for the next review." if planned.can_wait else "No order.")
    if planned.undecided:
        some = ", ".join(f"{name(each.product)} at {name(each.warehouse_id)}" for each in planned.undecided[:3])
        lines.append(
            f"{counted(len(planned.undecided), 'alert')} without a quantity, as neither demand and lead time nor a "
            f"limit or order-up-to level says what the shelf should hold: {some}."
        )
    if planned.can_wait:
        lines.append(f"{counted(planned.can_wait, 'order')} can wait: inventory plan.")
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
    columns = columns_of("Product", "To warehouse", "#Order", "#Value", "Order by", "Shelf now", "Why")
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
        Cell(amount(line.value)), Cell(_order_by(line)), Cell(*_shelf_now(line)),
        Cell(_short_of(line), "; ".join(filter(None, (line.why, COUNT_FIRST if line.is_untrusted else "")))),
    ]  # fmt: skip


def _shelf_now(line: OrderLine) -> tuple[str, str, str]:
    sub = "" if not line.days_left else f"{counted(line.days_left, 'day')} left"
    if line.available <= 0:
        return "empty", sub, "bad"
    return f"{line.available:,} left", sub, "warn" if line.condition == "LOW_STOCK" else ""


def _order_by(line: OrderLine) -> str:
    if line.available <= 0 or line.order_by_date is None:
        return "now" if line.available <= 0 else UNKNOWN
    return "late" if line.is_late else day(line.order_by_date)


def _short_of(line: OrderLine) -> str:
    moved = (
        f", {abs(line.transferred):,} moved {'here' if line.transferred > 0 else 'away'}" if line.transferred else ""
    )
    coming = f", {line.inbound:,} on the way" if line.inbound else ""
    return f"{line.needed:,} short of target{moved}{coming}"


def transfers_section(planned: Planned) -> Section:
    found = planned.transfers
    lines = [] if found else ["Nothing to move: no shelf lacks what another warehouse can spare."]
    if found:
        lines.append(
            "Only what a shelf lacks until an order arrives; the sender keeps what it sells until then, its safety "
            "stock and its thresholds."
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
    is_empty = line.available <= 0
    return [
        Cell(name(line.product), sku(line.sku, line.product)), Cell(count(line.quantity)),
        Cell("nothing" if is_empty else f"{line.available:,}", COUNT_FIRST if line.is_untrusted else "",
             "bad" if is_empty else ""),
        Cell(count(line.sender_available)), Cell(count(line.sender_left)), Cell(count(line.sender_keeps)),
    ]  # fmt: skip

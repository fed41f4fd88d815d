"""What was sold and what moved, in words and a picture. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from inventory_assets.reports.page.view import Cell, Section, Table, columns_of
from inventory_assets.reports.period import Period
from inventory_assets.reports.read.model import Movement, Trade
from inventory_assets.words.numbers import UNKNOWN, against_before, count, counted, percent
from inventory_assets.words.plots import draw_bars
from inventory_assets.words.text import name
from inventory_assets.words.times import day

SHOWN_WAREHOUSES = 12


def trade_section(trade: Trade, period: Period) -> Section:
    """What was sold in a day against the same weekday before, by warehouse, and what moved."""
    if not trade.days:
        return Section("sold", "What was sold", [], notices=trade.missing)
    now, before = period.last_date, period.before.last_date
    lines, pictures = [], []
    sold, then = trade.sold(now), trade.sold(before)
    if sold is not None:
        share = against_before(sold, then, f"{before:%A}")
        lines.append(f"{counted(sold, 'unit')} sold on {day(now)}{f', {share} ({then:,})' if share else ''}.")
    if (text := fulfilled(trade.movements)) is not None:
        lines.append(text)
    shown = sorted({each.day for each in trade.days})
    full = [shown[0] + timedelta(days=number) for number in range((now - shown[0]).days + 1)]
    marked = [place for place, each in enumerate(full) if each in (now, before)]
    pictures.append(
        draw_bars([trade.sold(each) for each in full], [f"{each:%a}" for each in full],
                  title="units sold by day", marked=marked)
    )  # fmt: skip
    lines.append("Units sold by day; the day and the same weekday before in color.")
    tables = [
        table for table in (_warehouse_trade(trade, period), movements_table(trade.movements)) if table is not None
    ]
    return Section("sold", "What was sold", lines, tables, pictures, trade.missing, csv="sales.csv")


def _warehouse_trade(trade: Trade, period: Period) -> Table | None:
    now = {each.warehouse_id: each for each in trade.days if each.day == period.last_date}
    before = {each.warehouse_id: each for each in trade.days if each.day == period.before.last_date}
    if not now:
        return None
    columns = columns_of(
        "Warehouse", "#Sold", "#Week before", "#Change", "#Hours without stock", "#Empty at day's end", "#On hand"
    )
    rows = [
        [
            Cell(name(key)), Cell(count(each.sold_units)),
            Cell(count(before[key].sold_units) if key in before else UNKNOWN, tone="quiet"),
            Cell(percent(each.sold_units, before[key].sold_units if key in before else None) or UNKNOWN),
            Cell(f"{each.stockout_hours:,.0f}"), Cell(f"{each.empty:,}", f"of {each.shelves:,}"),
            Cell(count(each.on_hand)),
        ]
        for key, each in sorted(now.items(), key=lambda item: (-item[1].sold_units, item[0]))
    ]  # fmt: skip
    return Table(columns, rows[:SHOWN_WAREHOUSES], max(0, len(rows) - SHOWN_WAREHOUSES), "sales.csv", "By warehouse")


# What a planner asks of a day; reservations, and transfers, which count at both ends, are in the CSV.
_MOVEMENTS = {
    ("ORDER", "PENDING"): "Orders placed", ("ORDER", "COMPLETED"): "Orders completed",
    ("ORDER", "CANCELLED"): "Orders cancelled", ("RESTOCK", "PENDING"): "Restocks announced",
    ("RESTOCK", "COMPLETED"): "Restocks arrived", ("RETURN", "COMPLETED"): "Returns taken in",
    ("ADJUSTMENT", "COMPLETED"): "Adjustments",
}  # fmt: skip


def movements_table(found: Sequence[Movement]) -> Table | None:
    """What moved, in the kinds a planner asks of; None where nothing is known."""
    by_kind = {(each.type, each.status): each for each in found}
    columns = columns_of("What moved", "#Number", "#Week before", "#Change", "#Units", "#Week before")
    rows = [
        [
            Cell(words), Cell(count(each.transactions)), Cell(count(each.transactions_before), tone="quiet"),
            Cell(percent(each.transactions, each.transactions_before) or UNKNOWN), Cell(_units(each.type, each.units)),
            Cell(_units(each.type, each.units_before), tone="quiet"),
        ]
        for kind, words in _MOVEMENTS.items()
        if (each := by_kind.get(kind)) is not None
    ]  # fmt: skip
    return Table(columns, rows, 0, "movements.csv", "Orders, restocks, returns") if rows else None


def _units(type_: str, units: int | None) -> str:
    # Orders are negative as stated, and nobody sells minus ten.
    return UNKNOWN if units is None else f"{-units:,}" if type_ == "ORDER" else f"{units:,}".replace("-", "−")


def fulfilled(found: Sequence[Movement]) -> str | None:
    """Of the orders that came to an end, how many were completed."""
    by_status = {each.status: each for each in found if each.type == "ORDER"}
    done, lost = by_status.get("COMPLETED"), by_status.get("CANCELLED")
    if done is None or not done.transactions:
        return None
    now = _share(done.transactions, lost.transactions if lost else 0)
    text = f"Of the orders that came to an end, {now} were completed"
    if done.transactions_before:
        text += f" ({_share(done.transactions_before, (lost.transactions_before or 0) if lost else 0)} a week before)"
    return f"{text}; the others were cancelled."


def _share(done: int, lost: int) -> str:
    return f"{100 * done / (done + lost):.1f} %"

"""The plan's lines as the Replenish page, an order on paper and a CSV show them. Pure; escaping is the templates'."""

from collections.abc import Mapping, Sequence
from typing import Any

from inventory_assets.console.pages import sheets, views
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.replenish.explain import LineExplanation
from inventory_assets.replenish.ordered import COLUMNS, Row
from inventory_assets.replenish.sheet import HIDDEN, Line, Part, StockNow, Sums, quantity, value
from inventory_assets.words.advice import steps
from inventory_assets.words.numbers import amount, counted
from inventory_assets.words.ordered import STATES, became_text
from inventory_assets.words.plan import (
    decision_text,
    demand_text,
    moves,
    not_known_text,
    order_by_day,
    outlook_text,
    reason_text,
    season_text,
    sum_texts,
    transfer_text,
)
from inventory_assets.words.text import capital

_CSV = (
    "supplier_id", "sku", "product_name", "warehouse_id", "quantity", "pack_multiple", "min_order_qty", "unit_price",
    "value", "lead_time_days", "order_by", "runs_out_on", "available", "inbound", "overdue", "risk_percent",
    "is_urgent", "is_order_urgent", "state", "decided_by", "what_to_do", "why", "plan_date", "line_id",
)  # fmt: skip


def group_view(shown: Part, given: Mapping[str, str], stock: Mapping[Key, StockNow]) -> dict[str, Any]:
    """A supplier's lines of a page, with the links to all of its order.

    Args:
        shown: The part of the group.
        given: The page's filter.
        stock: Of now.
    """
    group = shown.group
    rest = {name: text for name, text in given.items() if name not in ("supplier", "no_supplier")}
    own = {"no_supplier": "true"} if group.supplier_id is None else {"supplier": group.supplier_id}
    return {
        "supplier": group.supplier_id, "sums": group.sums, "worth": worth(group.sums),
        "lead_time": lead_times(group.lines), "is_continued": shown.is_continued, "goes_on": shown.goes_on,
        "csv_href": views.href("/replenish/order.csv", **own, **rest),
        "print_href": views.href("/replenish/order", **own, **rest),
        "lines": [line_view(line, stock) for line in shown.lines],
    }  # fmt: skip


def stock_of(picture: Picture, parts: Sequence[Part]) -> dict[Key, StockNow]:
    """What the picture has of the shelves of a page."""
    rows = (picture.stock.get((line["warehouse_id"], line["sku"])) for part in parts for line in part.lines)
    return {row.key: StockNow(row.available, row.inbound) for row in rows if row is not None}


def line_view(line: Line, stock: Mapping[Key, StockNow]) -> dict[str, Any]:
    """A line as its row shows it."""
    now = stock.get((line["warehouse_id"], line["sku"]))
    units, cost = quantity(line), value(line)
    what, why = steps(line), reason_text(line)
    return {
        "line_id": line["line_id"], "warehouse": line["warehouse_id"], "sku": line["sku"],
        "product": line["product_name"] or line["sku"], "has_name": bool(line["product_name"]),
        "stock_href": views.href("/stock", sku=line["sku"]),
        "available": line["available"] if now is None else now.available,
        "inbound": line["inbound"] if now is None else now.inbound,
        "overdue": line["overdue"], "overdue_since": line["overdue_since"], "runs_out_on": line["runs_out_on"],
        "order_by": order_by_day(line), "is_late": _is_past(line), "risk": line["risk_percent"],
        "quantity": units or "", "suggested": line["order_quantity"], "price": line["unit_price"],
        "cost": None if cost is None else amount(cost), "pack": line["pack_multiple"],
        "what": _joined(what),
        "why": "" if why in ", ".join(what) else why, "state": line["state"], "decision": decision_text(line),
        "is_urgent": line["is_urgent"], "is_hidden": line["state"] in HIDDEN, "facts": facts_of(line),
    }  # fmt: skip


def _joined(texts: Sequence[str]) -> list[str]:
    # Each a piece that a line break does not cut.
    first, *others = texts
    whole = [capital(first), *others]
    return [f"{text}," for text in whole[:-1]] + whole[-1:]


def _is_past(line: Line) -> bool:
    day = order_by_day(line)
    return day is not None and day < line["plan_date"]


def facts_of(line: Line) -> list[tuple[str, list[str]]]:
    """Where a line's numbers come from, as `inventory plan explain` has it."""
    parts = [
        ("Demand", [demand_text(line)]), ("Outlook", [outlook_text(line) or "not known"]), ("Sums", sum_texts(line)),
        ("Moves", [transfer_text(each) for each in moves(line)]),
        ("Not known", [not_known_text(line)] if line["not_known"] else []),
        ("Made", [
            f"of lake version {line['as_of_version']:,}, review {line['review_days']} days, "
            f"service level {line['default_service_level']:g}"
        ]),
    ]  # fmt: skip
    return [(name, texts) for name, texts in parts if texts]


def worth(found: Sums) -> str:
    """What an order costs, and of how many lines no price is known."""
    if not found.units or (found.value == 0.0 and found.unpriced):
        return ""
    missing = f", without {counted(found.unpriced, 'line')} of no known price" if found.unpriced else ""
    return f"{amount(found.value)} at sales prices{missing}"


def lead_times(lines: Sequence[Line]) -> str:
    """`lead time 5 days`, `lead time 3 to 7 days`; empty where none is known."""
    known = sorted({line["lead_time_days"] for line in lines if line["lead_time_days"] is not None})
    if not known:
        return ""
    days = counted(known[-1], "day")
    return f"lead time {days}" if len(known) == 1 else f"lead time {known[0]:,} to {days}"


def explained_texts(found: LineExplanation) -> list[str]:
    """What a line was made of, as its own events say."""
    line, stock, sold = found.line, found.stock, found.sold
    texts = [
        f"{counted(stock.events, 'event')}, the last {stock.last_event_at} UTC: on hand {stock.on_hand:,} − reserved "
        f"{stock.reserved:,} = available {stock.on_hand - stock.reserved:,}; on its way {stock.inbound:,}"
    ]
    if sold is not None:
        texts += [
            f"{sold.units:,} sold on {counted(sold.counted_days, 'day')} that count of the 84 before "
            f"{line['plan_date']}, {counted(sold.days_with_sales, 'day')} with a sale",
            season_text(line, sold.season, sold.history_days),
        ]
    return texts


def order_row(line: Line) -> dict[str, Any]:
    """A line as an order has it."""
    units, pack = quantity(line), line["pack_multiple"]
    return {
        "sku": line["sku"], "product": line["product_name"], "warehouse": line["warehouse_id"], "quantity": units,
        "pack": pack, "packs": units // pack if pack and units % pack == 0 else None, "price": line["unit_price"],
        "value": value(line),
    }  # fmt: skip


def write_csv(lines: Sequence[Line]) -> str:
    """Lines as CSV."""
    return sheets.write_csv(_CSV, (line | _told(line) for line in lines))


def _told(line: Line) -> dict[str, Any]:
    return {
        "quantity": quantity(line), "value": value(line), "what_to_do": "; ".join(steps(line)),
        "why": reason_text(line), "order_by": order_by_day(line),
    }  # fmt: skip


def ordered_row(row: Row) -> dict[str, Any]:
    """An accepted line as the list of what was ordered shows it."""
    return row | {
        "product": row["product_name"] or row["sku"], "has_name": bool(row["product_name"]),
        "stock_href": views.href("/stock", sku=row["sku"]), "state_text": STATES[row["state"]],
        "became": became_text(row), "accepted_on": row["accepted_at"].date(),
    }  # fmt: skip


def write_ordered_csv(rows: Sequence[Row]) -> str:
    """What was ordered as CSV."""
    return sheets.write_csv((*COLUMNS, "words"), (row | {"words": became_text(row)} for row in rows))

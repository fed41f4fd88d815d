"""Read what ran out, what will, and what to move and order, as of one version.

All of it is the plan's (RULES 42-43), derived for the report's version and day:
here its lines are only put beside the alerts. The reader shows the lake at that version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from inventory_assets.domain.alerts.alert import Product, display_name
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.replenish.make import plan_lines
from inventory_assets.reports.read.lines import EmptyShelf, OrderLine, Planned, RunningOut, TransferLine, Undecided
from inventory_assets.reports.read.model import Basis
from inventory_assets.words.advice import days_left, steps
from inventory_assets.words.plan import Line, is_chased, moves, order_by_day, reason_text

# Who plans looks a week ahead: what must be ordered later comes up in a later report.
AHEAD_DAYS = 7
# Every key with its product and what it sells a day: on days with stock where that was measured, else on any day.
SHELVES = f"""(
    SELECT s.*, p.unit_price, p.lead_time_days, p.supplier_id, c.daily_deviation,
        CASE WHEN c.sku IS NULL THEN v.daily_units ELSE c.daily_units END AS daily_units
    FROM core.sku_state s
    LEFT JOIN core.coverage c ON c.warehouse_id = s.warehouse_id AND c.sku = s.sku
    LEFT JOIN core.velocity v ON v.warehouse_id = s.warehouse_id AND v.sku = s.sku
    LEFT JOIN {USABLE_PRODUCTS} p ON p.sku = s.sku
)"""
SEVERITY = {"STOCKOUT": 3, "LOW_STOCK": 2, "REORDER": 1}
_FIRING = """
    SELECT alert_id, warehouse_id, sku, alert_type, opened_at, is_untrusted, acknowledged_by
    FROM out.alerts WHERE state = 'firing' ORDER BY alert_id
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """An active key: its line of the plan, its product, and its alert where one fires (`_FIRING`)."""

    line: Line
    product: str
    unit_price: float | None
    alert: Mapping[str, Any] | None

    @property
    def condition(self) -> str:
        """The alert's; empty without one."""
        return "" if self.alert is None else self.alert["alert_type"]

    @property
    def alert_id(self) -> str | None:
        """The alert's."""
        return None if self.alert is None else self.alert["alert_id"]

    @property
    def is_untrusted(self) -> bool:
        """Whether its alert is of data in doubt."""
        return self.alert is not None and bool(self.alert["is_untrusted"])


def read_shelves(reader: Reader, basis: Basis, how: PlanSettings) -> dict[Key, Shelf]:
    """Plan every active key as of the report's version and day."""
    lines = plan_lines(reader, basis.version, basis.today, how)
    alerts = {(row["warehouse_id"], row["sku"]): row for row in reader.query(_FIRING).iter_rows(named=True)}
    names = read_names(reader, lines["sku"])
    prices = dict(reader.query(f"SELECT sku, unit_price FROM {USABLE_PRODUCTS}").iter_rows())
    return {
        key: Shelf(line, names[line["sku"]], prices.get(line["sku"]), alerts.get(key))
        for line in lines.iter_rows(named=True)
        for key in [(line["warehouse_id"], line["sku"])]
    }


def read_names(reader: Reader, skus: Iterable[str]) -> dict[str, str]:
    """The names to show for SKUs."""
    wanted = set(skus)
    rows = reader.query(f"SELECT * EXCLUDE (version) FROM core.products WHERE sku IN ({IDS})", [id_list(wanted)])
    known = {row["sku"]: Product(**row) for row in rows.iter_rows(named=True)}
    return {sku: display_name(known.get(sku) or Product(sku=sku), sku) for sku in wanted}


def read_empty(reader: Reader, basis: Basis, shelves: Mapping[Key, Shelf]) -> list[EmptyShelf]:
    """The active keys without available stock: new ones first, then what costs most, then the longest empty."""
    reserved = {
        (row[0], row[1]): row[2]
        for row in reader.query(
            "SELECT warehouse_id, sku, reserved FROM core.sku_state WHERE is_active AND available <= 0"
        ).iter_rows()
    }
    found = [_empty_shelf(shelf, reserved[key], basis) for key, shelf in shelves.items() if key in reserved]
    return sorted(
        found,
        key=lambda each: (
            not each.is_new, -(each.revenue_at_risk or 0.0), -(each.daily_units or 0.0), -(each.hours_empty or 0.0),
            each.warehouse_id, each.sku,
        ),
    )  # fmt: skip


def _empty_shelf(shelf: Shelf, reserved: int, basis: Basis) -> EmptyShelf:
    line, alert = shelf.line, shelf.alert
    since: datetime | None = alert["opened_at"] if alert is not None and shelf.condition == "STOCKOUT" else None
    return EmptyShelf(
        warehouse_id=line["warehouse_id"], sku=line["sku"], product=shelf.product,
        is_new=since is not None and since >= basis.period.start_at, since=since,
        hours_empty=None if since is None else max(0.0, round((basis.as_of - since) / timedelta(hours=1), 2)),
        available=line["available"], reserved=reserved, inbound=line["inbound"], daily_units=line["daily_units"],
        revenue_at_risk=line["revenue_at_risk"], to_do=", ".join(steps(line)), supplier_id=line["supplier_id"],
        acknowledged_by=None if alert is None else alert["acknowledged_by"], is_untrusted=shelf.is_untrusted,
        alert_id=shelf.alert_id, line_id=line["line_id"],
    )  # fmt: skip


class RanOut(NamedTuple):
    """Keys of a warehouse that ran out in the period: those still empty, and those with stock again."""

    is_empty: int
    is_back: int


def count_ran_out(reader: Reader, basis: Basis) -> dict[str, RanOut]:
    """Keys that ran out since the period began, by warehouse, as their alerts say: a muted key has none."""
    rows = reader.query(
        """
        SELECT warehouse_id, count(*) FILTER (is_active AND available <= 0),
            count(*) FILTER (available > 0) FROM (
            SELECT DISTINCT warehouse_id, sku FROM out.alerts WHERE alert_type = 'STOCKOUT' AND opened_at >= ?
        ) JOIN core.sku_state USING (warehouse_id, sku) GROUP BY 1
        """,
        [basis.period.start_at],
    )
    return {warehouse_id: RanOut(empty, back) for warehouse_id, empty, back in rows.iter_rows()}


def count_back_again(reader: Reader, basis: Basis) -> int:
    """Keys that ran out in the period and have stock again."""
    return sum(each.is_back for each in count_ran_out(reader, basis).values())


def count_restocked(reader: Reader, basis: Basis) -> dict[str, int]:
    """Keys that were empty for some of the time since the period began and have stock again, by warehouse."""
    rows = reader.query(
        """
        SELECT warehouse_id, count(*) FROM (
            SELECT DISTINCT warehouse_id, sku FROM out.alerts WHERE alert_type = 'STOCKOUT' AND resolved_at >= ?
        ) JOIN core.sku_state USING (warehouse_id, sku) WHERE available > 0 GROUP BY 1
        """,
        [basis.period.start_at],
    )
    return dict(rows.iter_rows())


def read_planned(shelves: Mapping[Key, Shelf], basis: Basis) -> Planned:
    """What the plan asks for, each list in the order to work through it."""
    every = shelves.values()
    ordering = [shelf for shelf in every if shelf.line["order_quantity"]]
    chasing = [shelf.line["overdue"] for shelf in every if shelf.line["is_urgent"] and is_chased(shelf.line)]
    return Planned(
        running_out=tuple(_running_out(every, basis)),
        orders=tuple(_order_lines(shelf for shelf in ordering if shelf.line["is_order_urgent"])),
        transfers=tuple(_transfer_lines(shelves)), undecided=tuple(_undecided(every)),
        out=sum(shelf.line["available"] <= 0 for shelf in every),
        can_wait=sum(not shelf.line["is_order_urgent"] for shelf in ordering),
        chased=len(chasing), chased_units=sum(chasing),
        is_demand_known=any(shelf.line["daily_units"] is not None for shelf in every),
    )  # fmt: skip


def _order_lines(shelves: Iterable[Shelf]) -> list[OrderLine]:
    """What to buy: by supplier, the worst first."""
    lines = []
    for shelf in shelves:
        line, quantity = shelf.line, shelf.line["order_quantity"]
        lines.append(
            OrderLine(
                supplier_id=line["supplier_id"], warehouse_id=line["warehouse_id"], sku=line["sku"],
                product=shelf.product, quantity=quantity, pack_multiple=line["pack_multiple"],
                lead_time_days=line["lead_time_days"], unit_price=shelf.unit_price,
                value=None if shelf.unit_price is None else round(shelf.unit_price * quantity, 2),
                order_by_date=order_by_day(line), is_late=line["reason"] == "too_late",
                condition=shelf.condition, available=line["available"],
                inbound=line["inbound"], days_left=days_left(line), needed=line["needed"],
                transferred=line["transferred_in"] - line["transferred_out"], why=reason_text(line),
                is_untrusted=shelf.is_untrusted, alert_id=shelf.alert_id, line_id=line["line_id"],
            )
        )  # fmt: skip
    return sorted(lines, key=lambda line: (line.supplier_id is None, line.supplier_id or "", *_urgency(line)))


def _transfer_lines(shelves: Mapping[Key, Shelf]) -> list[TransferLine]:
    """What to move: by route, the worst first."""
    lines = [
        TransferLine(
            from_warehouse_id=move["from"], to_warehouse_id=move["to"], sku=sku, product=shelf.product,
            quantity=move["quantity"], sender_available=shelves[move["from"], sku].line["available"],
            sender_left=move["leaves"], sender_keeps=move["keeps"], condition=shelf.condition,
            available=shelf.line["available"], is_untrusted=shelf.is_untrusted, alert_id=shelf.alert_id,
            line_id=shelf.line["line_id"],
        )
        for (warehouse_id, sku), shelf in shelves.items()
        for move in moves(shelf.line)
        if move["to"] == warehouse_id
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.from_warehouse_id, line.to_warehouse_id, *_urgency(line)))


def _undecided(shelves: Iterable[Shelf]) -> list[Undecided]:
    """Alerts without a quantity, the worst first."""
    found = [
        Undecided(
            warehouse_id=shelf.line["warehouse_id"], sku=shelf.line["sku"], product=shelf.product,
            condition=shelf.condition, available=shelf.line["available"], alert_id=shelf.alert_id,
        )
        for shelf in shelves
        if shelf.alert_id is not None and shelf.line["order_quantity"] is None
    ]  # fmt: skip
    return sorted(found, key=lambda each: (-SEVERITY.get(each.condition, 0), each.alert_id))


def _urgency(line: OrderLine | TransferLine) -> tuple:
    return (line.available > 0, -SEVERITY.get(line.condition, 0), -line.quantity, line.product, line.line_id)


def _running_out(shelves: Iterable[Shelf], basis: Basis) -> list[RunningOut]:
    """The keys with stock that must be ordered within a week, or should have been: the earliest date first.

    Without a lead time nobody knows when to order; then those that run out within a week.
    """
    until = basis.today + timedelta(days=AHEAD_DAYS)
    found = []
    for shelf in shelves:
        line = shelf.line
        left, first = days_left(line), order_by_day(line) or line["runs_out_on"]
        if line["available"] <= 0 or line["daily_units"] is None or left is None or first > until:
            continue
        found.append(
            RunningOut(
                warehouse_id=line["warehouse_id"], sku=line["sku"], product=shelf.product,
                available=line["available"], inbound=line["inbound"], daily_units=round(line["daily_units"], 4),
                cover_days=left, runs_out_date=line["runs_out_on"], lead_time_days=line["lead_time_days"],
                order_by_date=order_by_day(line), is_late=line["reason"] == "too_late",
                risk_percent=line["risk_percent"], order_quantity=line["order_quantity"],
                to_do=", ".join(steps(line)), why=reason_text(line), rule=line["rule"],
                seen_by_limit=line["seen_by_limit"], supplier_id=line["supplier_id"], alert_id=shelf.alert_id,
                line_id=line["line_id"],
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (each.order_by_date or each.runs_out_date, each.runs_out_date, each.line_id))

"""Read what ran out, what will, and what to move and order, as of one version.

Advice is `queries.recommendation`'s, cover is `domain.stock.coverage`'s: here they are
only put beside one another. The reader shows the lake at the report's version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from inventory_assets.domain.alerts.alert import Product, display_name
from inventory_assets.domain.alerts.recommend import DEFAULT_LEAD_DAYS
from inventory_assets.domain.stock.coverage import cover
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.queries.present import Present, read_present
from inventory_assets.reports.read.lines import EmptyShelf, OrderLine, RunningOut, TransferLine, Undecided
from inventory_assets.reports.read.model import Basis
from inventory_assets.words.advice import describe_actions

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


@dataclass(frozen=True, slots=True)
class Firing:
    """A firing alert with its key's stock and advice of now."""

    alert_id: str
    warehouse_id: str
    sku: str
    product: str
    condition: str
    opened_at: datetime
    is_untrusted: bool
    acknowledged_by: str | None
    present: Present


def read_firing(reader: Reader) -> list[Firing]:
    """The firing alerts: the worst first, then the oldest."""
    rows = reader.query(
        """
        SELECT alert_id, warehouse_id, sku, alert_type, opened_at, is_untrusted, acknowledged_by
        FROM out.alerts WHERE state = 'firing'
        ORDER BY CASE alert_type WHEN 'STOCKOUT' THEN 0 WHEN 'LOW_STOCK' THEN 1 ELSE 2 END, opened_at, alert_id
        """
    )
    present = read_present(reader, rows["alert_id"])
    names = read_names(reader, rows["sku"])
    return [
        Firing(
            row["alert_id"], row["warehouse_id"], row["sku"], names[row["sku"]], row["alert_type"], row["opened_at"],
            bool(row["is_untrusted"]), row["acknowledged_by"], present[row["alert_id"]],
        )
        for row in rows.iter_rows(named=True)
        if row["alert_id"] in present
    ]  # fmt: skip


def read_names(reader: Reader, skus: Iterable[str]) -> dict[str, str]:
    """The names to show for SKUs."""
    wanted = set(skus)
    rows = reader.query(f"SELECT * EXCLUDE (version) FROM core.products WHERE sku IN ({IDS})", [id_list(wanted)])
    known = {row["sku"]: Product(**row) for row in rows.iter_rows(named=True)}
    return {sku: display_name(known.get(sku) or Product(sku=sku), sku) for sku in wanted}


def read_empty(reader: Reader, basis: Basis, firing: Iterable[Firing]) -> list[EmptyShelf]:
    """The active keys without available stock: new ones first, then what costs most, then the longest empty."""
    stockouts = {(each.warehouse_id, each.sku): each for each in firing if each.condition == "STOCKOUT"}
    rows = reader.query(
        "SELECT warehouse_id, sku, available, reserved, inbound FROM core.sku_state "
        "WHERE is_active AND available <= 0 ORDER BY warehouse_id, sku"
    )
    names = read_names(reader, rows["sku"])
    found = [
        _empty_shelf(row, names[row["sku"]], stockouts.get((row["warehouse_id"], row["sku"])), basis)
        for row in rows.iter_rows(named=True)
    ]
    return sorted(
        found,
        key=lambda each: (
            not each.is_new, -(each.revenue_at_risk or 0.0), -(each.daily_units or 0.0), -(each.hours_empty or 0.0),
        ),
    )  # fmt: skip


def _empty_shelf(row: dict, product: str, alert: Firing | None, basis: Basis) -> EmptyShelf:
    advice = None if alert is None else alert.present.recommendation
    since = None if alert is None else alert.opened_at
    return EmptyShelf(
        warehouse_id=row["warehouse_id"], sku=row["sku"], product=product,
        is_new=since is not None and since >= basis.period.start_at, since=since,
        hours_empty=None if since is None else max(0.0, round((basis.as_of - since) / timedelta(hours=1), 2)),
        available=row["available"], reserved=row["reserved"], inbound=row["inbound"],
        daily_units=None if advice is None else advice.daily_units,
        revenue_at_risk=None if advice is None else advice.revenue_at_risk,
        to_do="" if advice is None else ", ".join(describe_actions(advice)),
        supplier_id=None if advice is None else advice.supply.supplier_id,
        acknowledged_by=None if alert is None else alert.acknowledged_by,
        is_untrusted=alert is not None and alert.is_untrusted, alert_id=None if alert is None else alert.alert_id,
    )  # fmt: skip


def count_back_again(reader: Reader, basis: Basis) -> int:
    """Keys that ran out in the period and have stock again."""
    return reader.query(
        """
        SELECT count(*) FROM (
            SELECT DISTINCT warehouse_id, sku FROM out.alerts WHERE alert_type = 'STOCKOUT' AND opened_at >= ?
        ) JOIN core.sku_state USING (warehouse_id, sku) WHERE available > 0
        """,
        [basis.period.start_at],
    ).item()


def order_lines(firing: Iterable[Firing]) -> list[OrderLine]:
    """What to buy: by supplier, the worst first."""
    lines = []
    for each in firing:
        advice = each.present.recommendation
        if not advice.order_quantity:
            continue
        supply = advice.supply
        lines.append(
            OrderLine(
                supplier_id=supply.supplier_id, warehouse_id=each.warehouse_id, sku=each.sku, product=each.product,
                quantity=advice.order_quantity, pack_multiple=supply.pack_multiple,
                lead_time_days=supply.lead_time_days, unit_price=supply.unit_price,
                value=None if supply.unit_price is None else round(supply.unit_price * advice.order_quantity, 2),
                condition=each.condition, available=each.present.available, inbound=each.present.inbound,
                days_left=None if advice.days_to_stockout is None else round(advice.days_to_stockout, 2),
                needed=advice.needed or 0, transferred=sum(move.quantity for move in advice.transfers),
                is_untrusted=each.is_untrusted, alert_id=each.alert_id,
            )
        )  # fmt: skip
    return sorted(lines, key=lambda line: (line.supplier_id is None, line.supplier_id or "", *_urgency(line)))


def transfer_lines(firing: Iterable[Firing]) -> list[TransferLine]:
    """What to move: by route, the worst first."""
    lines = [
        TransferLine(
            from_warehouse_id=move.warehouse_id, to_warehouse_id=each.warehouse_id, sku=each.sku,
            product=each.product, quantity=move.quantity, sender_available=move.available_before,
            sender_left=move.available_after, sender_keeps=move.keeps, condition=each.condition,
            available=each.present.available, is_untrusted=each.is_untrusted, alert_id=each.alert_id,
        )
        for each in firing
        for move in each.present.recommendation.transfers
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.from_warehouse_id, line.to_warehouse_id, *_urgency(line)))


def undecided(firing: Iterable[Firing]) -> list[Undecided]:
    """Alerts without a quantity, the worst first."""
    return [
        Undecided(
            warehouse_id=each.warehouse_id, sku=each.sku, product=each.product, condition=each.condition,
            available=each.present.available, alert_id=each.alert_id,
        )
        for each in firing
        if each.present.recommendation.order_quantity is None
    ]  # fmt: skip


def _urgency(line: OrderLine | TransferLine) -> tuple:
    return (-SEVERITY.get(line.condition, 0), -line.quantity, line.product, line.alert_id)


def read_running_out(
    reader: Reader, basis: Basis, orders: Iterable[OrderLine]
) -> tuple[list[RunningOut], list[tuple[str, str]]]:
    """The keys with stock that must be ordered within a week, or should have been: the earliest date first.

    Returns:
        (lines, left_out): and the keys whose numbers lead out of the calendar.
    """
    rows = reader.query(
        f"""
        SELECT warehouse_id, sku, available, inbound, lead_time_days, supplier_id, daily_units, daily_deviation
        FROM {SHELVES} WHERE is_active AND available > 0 AND daily_units > 0
        """
    )
    horizon = AHEAD_DAYS + 1
    near = (
        _with_cover(rows)
        .with_columns(spare_days=pl.coalesce("cover_days_low", "cover_days") - pl.col("lead_days"))
        .filter(pl.col("spare_days") < horizon)
        .sort("spare_days", "warehouse_id", "sku")
    )
    names = read_names(reader, near["sku"])
    ordered = {(line.warehouse_id, line.sku): line for line in orders}
    lines, left_out = [], []
    for row in near.iter_rows(named=True):
        try:
            lines.append(_running_out(row, names, ordered, basis.today))
        except (OverflowError, ValueError):
            left_out.append((row["warehouse_id"], row["sku"]))
    return lines, left_out


def _with_cover(rows: pl.DataFrame) -> pl.DataFrame:
    mean = rows["daily_units"].cast(pl.Float64).to_numpy()
    deviation = rows["daily_deviation"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    days, low, high = cover(mean, deviation, rows["available"].to_numpy())
    after, after_low, _ = cover(mean, deviation, (rows["available"] + rows["inbound"]).to_numpy())
    with_inbound = np.where(np.isnan(after_low), after, after_low)
    return rows.with_columns(
        cover_days=pl.Series(days), cover_days_low=pl.Series(low).fill_nan(None),
        cover_days_high=pl.Series(high).fill_nan(None), with_inbound_days=pl.Series(with_inbound),
        lead_days=pl.col("lead_time_days").fill_null(DEFAULT_LEAD_DAYS),
    )  # fmt: skip


def _running_out(
    row: dict, names: Mapping[str, str], ordered: Mapping[tuple[str, str], OrderLine], today: date
) -> RunningOut:
    line = ordered.get((row["warehouse_id"], row["sku"]))
    order_by = today + timedelta(days=int(np.floor(row["spare_days"])))
    return RunningOut(
        warehouse_id=row["warehouse_id"], sku=row["sku"], product=names[row["sku"]], available=row["available"],
        inbound=row["inbound"], daily_units=round(row["daily_units"], 4), cover_days=round(row["cover_days"], 2),
        cover_days_low=_rounded(row["cover_days_low"]), cover_days_high=_rounded(row["cover_days_high"]),
        runs_out_date=today + timedelta(days=int(row["cover_days"])), lead_time_days=row["lead_days"],
        is_lead_time_assumed=row["lead_time_days"] is None, order_by_date=order_by, is_late=order_by < today,
        is_inbound_enough=row["inbound"] > 0 and row["with_inbound_days"] - row["lead_days"] >= AHEAD_DAYS + 1,
        order_quantity=None if line is None else line.quantity, supplier_id=row["supplier_id"],
        alert_id=None if line is None else line.alert_id,
    )  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

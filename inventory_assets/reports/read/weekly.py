"""Put a weekly report together: the week against the one before, from snapshot files and the lake as of one version."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.files.partition_files import DAILY_STOCK
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import ALERT_RULE
from inventory_assets.reports.period import Period
from inventory_assets.reports.read.changes import read_handling
from inventory_assets.reports.read.collect import absurd_notices, demand_notices, find_notices
from inventory_assets.reports.read.model import Basis, Figures, Trade
from inventory_assets.reports.read.sales import Snapshots, read_trade
from inventory_assets.reports.read.stock import SHELVES, read_names, read_planned, read_shelves
from inventory_assets.reports.read.trust import read_trust
from inventory_assets.reports.read.week_model import (
    DeadStock,
    Mover,
    RuleWeek,
    StockClass,
    WarehouseWeek,
    Weekly,
    WeekStockout,
)

DEAD_AFTER_DAYS = 28
WEEKS_A_YEAR = 52
# Where the classes end, as shares of all sales; the usual cut (Silver, Pyke & Thomas, section 2.5).
CLASS_ENDS = (("A", 0.80), ("B", 0.95), ("C", 1.0))
_KEYS = ("warehouse_id", "sku")
_WANTED = (*_KEYS, "sold_units", "stockout_seconds", "available", "is_active")
_NO_KEYS = pl.DataFrame(
    schema={"warehouse_id": pl.String, "sku": pl.String, "sold": pl.Int64, "seconds": pl.Int64, "touched": pl.Int64}
)


def collect_weekly(reader: Reader, basis: Basis, snapshots: Snapshots, how: PlanSettings) -> Weekly:
    """Read all of a weekly report; `how` plans are made here."""
    period = basis.period
    now, before = _sum_week(snapshots, period), _sum_week(snapshots, period.before)
    last_day = snapshots.read(DAILY_STOCK, period.last_date, _WANTED)
    trade = read_trade(snapshots, basis, shown_days=14)
    trust = read_trust(reader, basis)
    classes, is_by_value = read_classes(reader)
    planned = read_planned(read_shelves(reader, basis, how), basis)
    return Weekly(
        basis=basis, trade=trade, movers=tuple(_read_movers(reader, now, before)),
        stockouts=tuple(_read_stockouts(reader, now, last_day)), dead=tuple(_read_dead(reader)),
        warehouses=tuple(_read_warehouses(reader, trade, basis)), classes=tuple(classes), is_by_value=is_by_value,
        rules=tuple(_read_rules(reader, basis)), handling=read_handling(reader, basis), trust=trust,
        planned=planned,
        notices=(*find_notices(basis, trust, trade), *demand_notices(planned), *absurd_notices(reader)),
    )  # fmt: skip


def _sum_week(snapshots: Snapshots, period: Period) -> pl.DataFrame:
    """Units sold, seconds empty and days with any of them by key; a day at a time, as a week is millions of rows."""
    total = _NO_KEYS
    for number in range(period.days):
        day = snapshots.read(DAILY_STOCK, period.first_date + timedelta(days=number), _WANTED)
        if day is not None:
            sums = day.filter((pl.col("sold_units") != 0) | (pl.col("stockout_seconds") > 0)).select(
                *_KEYS,
                sold=pl.col("sold_units"),
                seconds=pl.col("stockout_seconds"),
                touched=(pl.col("stockout_seconds") > 0).cast(pl.Int64),
            )
            total = pl.concat([total, sums]).group_by(_KEYS).sum()
    return total


def _read_movers(reader: Reader, now: pl.DataFrame, before: pl.DataFrame) -> list[Mover]:
    """Every SKU that sold in either week, the greatest change first; nothing where a week is unknown."""
    if now.is_empty() or before.is_empty():
        return []
    units, units_before = (
        frame.group_by("sku").agg(pl.col("sold").sum()).rename({"sold": name})
        for frame, name in ((now, "units"), (before, "units_before"))
    )
    both = units.join(units_before, on="sku", how="full", coalesce=True).fill_null(0)
    changed = both.with_columns(change=pl.col("units") - pl.col("units_before")).filter(pl.col("change") != 0)
    ordered = changed.sort(pl.col("change").abs(), "sku", descending=[True, False])
    names = read_names(reader, ordered["sku"])
    return [Mover(**row, product=names[row["sku"]]) for row in ordered.iter_rows(named=True)]


def _read_stockouts(reader: Reader, now: pl.DataFrame, last_day: pl.DataFrame | None) -> list[WeekStockout]:
    """Every key that was empty for some of the week, the longest first."""
    out = now.filter(pl.col("seconds") > 0)
    if out.is_empty():
        return []
    facts = reader.query(f"SELECT warehouse_id, sku, unit_price, daily_units FROM {SHELVES}")
    joined = out.join(facts, on=_KEYS, how="left")
    if last_day is not None:
        empty = last_day.select(*_KEYS, is_empty=pl.col("is_active") & (pl.col("available") <= 0))
        joined = joined.join(empty, on=_KEYS, how="left")
    else:
        joined = joined.with_columns(is_empty=pl.lit(False))
    ordered = joined.sort("seconds", "warehouse_id", "sku", descending=[True, False, False])
    names = read_names(reader, ordered["sku"])
    return [_week_stockout(row, names) for row in ordered.iter_rows(named=True)]


def _week_stockout(row: dict, names: Mapping[str, str]) -> WeekStockout:
    hours, daily, price = row["seconds"] / 3600, row["daily_units"], row["unit_price"]
    lost = None if daily is None else hours / 24 * daily
    return WeekStockout(
        warehouse_id=row["warehouse_id"], sku=row["sku"], product=names[row["sku"]], hours_empty=round(hours, 2),
        days_touched=row["touched"], is_empty=bool(row["is_empty"]), daily_units=daily,
        lost_units=None if lost is None else round(lost, 2),
        lost_sales=None if lost is None or price is None else round(lost * price, 2),
    )  # fmt: skip


def _read_dead(reader: Reader) -> list[DeadStock]:
    """Stock that does not sell: the most valuable first, then the most."""
    rows = reader.query(
        f"""
        SELECT s.warehouse_id, s.sku, s.on_hand, c.in_stock_days, round(s.on_hand * p.unit_price, 2) AS value,
            s.last_event_at
        FROM core.sku_state s JOIN core.coverage c USING (warehouse_id, sku)
        LEFT JOIN {USABLE_PRODUCTS} p ON p.sku = s.sku
        WHERE s.is_active AND s.on_hand > 0 AND c.daily_units = 0 AND c.in_stock_days >= {DEAD_AFTER_DAYS}
        ORDER BY value DESC NULLS LAST, s.on_hand DESC, s.warehouse_id, s.sku
        """
    )
    names = read_names(reader, rows["sku"])
    return [DeadStock(**row, product=names[row["sku"]]) for row in rows.iter_rows(named=True)]


def _read_warehouses(reader: Reader, trade: Trade, basis: Basis) -> list[WarehouseWeek]:
    """Each warehouse, the most units sold first; nothing without snapshots."""
    rows = reader.query(
        "SELECT warehouse_id, count(*) AS opened, count(*) FILTER (is_false) AS false_alarms "
        "FROM out.alert_quality WHERE opened_at >= ? AND opened_at < ? GROUP BY 1",
        [basis.period.start_at, basis.period.end_at],
    )
    alerts = {row["warehouse_id"]: row for row in rows.iter_rows(named=True)}
    own = {basis.period.first_date + timedelta(days=number) for number in range(7)}
    found = [
        _warehouse_week(warehouse_id, trade, own, alerts.get(warehouse_id))
        for warehouse_id in sorted({each.warehouse_id for each in trade.days if each.day in own})
    ]
    return sorted(found, key=lambda each: (-each.sold_units, each.warehouse_id))


def _warehouse_week(warehouse_id: str, trade: Trade, own: set[date], alerts: dict | None) -> WarehouseWeek:
    days = [each for each in trade.days if each.warehouse_id == warehouse_id]
    now = [each for each in days if each.day in own]
    before = [each for each in days if each.day + timedelta(days=7) in own]
    sold = sum(each.sold_units for each in now)
    mean_on_hand = sum(each.on_hand for each in now) / len(now)
    turns = sold / len(now) * 7 * WEEKS_A_YEAR / mean_on_hand if mean_on_hand > 0 else None

    def empty_share(chosen: list) -> float:
        hours = sum(each.shelves for each in chosen) * 24
        return round(sum(each.stockout_hours for each in chosen) / hours, 5) if hours else 0.0

    return WarehouseWeek(
        warehouse_id=warehouse_id, shelves=now[-1].shelves, sold_units=sold,
        sold_units_before=sum(each.sold_units for each in before) if before else None, empty_share=empty_share(now),
        empty_share_before=empty_share(before) if before else None, on_hand=now[-1].on_hand,
        turns_a_year=None if turns is None else round(turns, 2),
        alerts_opened=alerts["opened"] if alerts else 0, false_alarms=alerts["false_alarms"] if alerts else 0,
    )  # fmt: skip


def read_classes(reader: Reader) -> tuple[list[StockClass], bool]:
    """Classes of SKUs over all warehouses, and whether they are by sales value; by units where a price is missing."""
    rows = reader.query(
        f"""
        SELECT sku, count(*) AS shelves, count(*) FILTER (available <= 0) AS empty, sum(on_hand)::BIGINT AS on_hand,
            any_value(unit_price) AS unit_price, coalesce(sum(daily_units), 0) AS daily_units
        FROM {SHELVES} WHERE is_active GROUP BY sku
        """
    )
    selling = rows.filter(pl.col("daily_units") > 0)
    if selling.is_empty():
        return [], False
    is_by_value = selling["unit_price"].null_count() == 0
    weight = pl.col("daily_units") * pl.col("unit_price") if is_by_value else pl.col("daily_units")
    ranked = selling.with_columns(weight=weight).sort("weight", "sku", descending=[True, False])
    total = ranked["weight"].sum() or 1.0
    # A SKU belongs to the class in which its sales begin: the one that crosses the line is still the better class.
    begins = (ranked["weight"].cum_sum() - ranked["weight"]) / total
    names = pl.Series(["N"] * ranked.height)
    for name, end in reversed(CLASS_ENDS):
        names = pl.select(pl.when(begins < end).then(pl.lit(name)).otherwise(names)).to_series()
    classed = ranked.with_columns(name=names, share=pl.col("weight") / total)
    idle = rows.filter(pl.col("daily_units") <= 0).with_columns(name=pl.lit("N"), share=pl.lit(0.0))
    columns = ("name", "share", "shelves", "empty", "on_hand")
    sums = (
        pl.concat([classed.select(columns), idle.select(columns)])
        .group_by("name")
        .agg(pl.len().cast(pl.Int64).alias("skus"), *(pl.col(column).sum() for column in columns[1:]))
        .sort("name")
    )
    found = [StockClass(**{**row, "share": round(row["share"], 4)}) for row in sums.iter_rows(named=True)]
    return found, is_by_value


def _read_rules(reader: Reader, basis: Basis) -> list[RuleWeek]:
    """Each rule with alerts opened in the week, the most first."""
    rows = reader.query(
        f"""
        SELECT {ALERT_RULE} AS rule, count(*) AS opened, count(*) FILTER (q.state = 'resolved') AS over,
            count(*) FILTER (is_false) AS false_alarms, count(*) FILTER (q.alert_type = 'STOCKOUT') AS stockouts,
            count(*) FILTER (q.alert_type = 'STOCKOUT' AND w.alert_id IS NOT NULL) AS foreseen
        FROM out.alert_quality q LEFT JOIN (
            SELECT DISTINCT s.alert_id FROM out.alerts s JOIN out.alerts w
                ON w.warehouse_id = s.warehouse_id AND w.sku = s.sku AND w.alert_type <> 'STOCKOUT'
                AND w.opened_at < s.opened_at AND coalesce(w.resolved_at, TIMESTAMP '9999-12-31') >= s.opened_at
            WHERE s.alert_type = 'STOCKOUT'
        ) w ON w.alert_id = q.alert_id
        WHERE q.opened_at >= ? AND q.opened_at < ? GROUP BY 1 ORDER BY opened DESC, rule
        """,
        [basis.period.start_at, basis.period.end_at],
    )
    return [RuleWeek(**row) for row in rows.iter_rows(named=True)]


def weekly_figures(report: Weekly) -> Figures:
    """The figures that the next weekly report compares with."""
    known = bool(report.warehouses)
    values = [each.value for each in report.dead if each.value is not None]
    lost = [each.lost_sales for each in report.stockouts if each.lost_sales is not None]
    return {
        "sold_units": sum(each.sold_units for each in report.warehouses) if known else None,
        "hours_empty": round(sum(each.hours_empty for each in report.stockouts), 2) if known else None,
        "shelves_out": len(report.stockouts) if known else None, "lost_sales": round(sum(lost), 2) if lost else None,
        "opened": report.handling.opened,
        "dead_units": sum(each.on_hand for each in report.dead) if report.trust.coverage_date else None,
        "dead_value": round(sum(values), 2) if values else None,
        "on_hand": sum(feed.on_hand for feed in report.trust.feeds),
    }  # fmt: skip

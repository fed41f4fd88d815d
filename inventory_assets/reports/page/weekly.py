"""Put a weekly report into the words of who plans. Pure; `page` draws it."""

from collections.abc import Sequence
from datetime import timedelta

from inventory_assets.reports.page.order_sections import orders_section, plan_sentences, transfers_section
from inventory_assets.reports.page.shelf_sections import running_out_section, sku
from inventory_assets.reports.page.trade_sections import fulfilled, movements_table
from inventory_assets.reports.page.trust_sections import handling_section, trust_section, trust_verdict
from inventory_assets.reports.page.view import Cell, Figure, Page, Section, Table, columns_of
from inventory_assets.reports.read.week_model import (
    DeadStock,
    Mover,
    RuleWeek,
    StockClass,
    WarehouseWeek,
    Weekly,
    WeekStockout,
)
from inventory_assets.reports.read.weekly import DEAD_AFTER_DAYS, weekly_figures
from inventory_assets.words.numbers import UNKNOWN, amount, change, count, counted, percent, rate, shelves
from inventory_assets.words.plots import draw_pairs, draw_share
from inventory_assets.words.text import name, sentence
from inventory_assets.words.times import full_moment, span

SHOWN = 12
# Fewer alerts in a week say nothing of a threshold.
FEW_ALERTS = 5


def weekly_page(report: Weekly) -> Page:
    """The whole report as a page."""
    basis = report.basis
    sections = [
        _sales_section(report),
        running_out_section(report.planned),
        orders_section(report.planned),
        transfers_section(report.planned),
        _movers_section(report.movers),
        _stockouts_section(report),
        _warehouses_section(report.warehouses),
        _classes_section(report.classes, is_by_value=report.is_by_value),
        _dead_section(report),
        _rules_section(report.rules),
        handling_section(report.handling, basis.period),
        trust_section(report.trust, report.trade, basis, None),
    ]
    return Page(
        kind="Weekly report", title=basis.period.title, headline=_headline(report), as_of=full_moment(basis.as_of),
        version=f"{basis.version:,}", figures=_figures(report), sections=sections, notices=report.notices,
    )  # fmt: skip


def _sold(report: Weekly) -> tuple[int | None, int | None]:
    if not report.warehouses:
        return None, None
    before = [each.sold_units_before for each in report.warehouses if each.sold_units_before is not None]
    return sum(each.sold_units for each in report.warehouses), sum(before) if before else None


def _headline(report: Weekly) -> str:
    now, before = _sold(report)
    parts = []
    if now is not None:
        share = percent(now, before)
        parts.append(f"{counted(now, 'unit')} sold" + (f", {share} against the week before" if share else ""))
    if report.stockouts:
        still = sum(each.is_empty for each in report.stockouts)
        end = f", {still:,} of them still at its end" if still else ""
        parts.append(f"{shelves(len(report.stockouts))} ran empty in the week{end}")
    elif report.warehouses:
        parts.append("no shelf ran empty in the week")
    parts += plan_sentences(report.planned)
    if report.dead:
        units = sum(each.on_hand for each in report.dead)
        parts.append(f"{counted(units, 'unit')} on {shelves(len(report.dead))} do not sell")
    parts.append(f"the data {trust_verdict(report.trust)[1]}")
    return " ".join(sentence(part) for part in parts)


def _figures(report: Weekly) -> list[Figure]:
    now = weekly_figures(report)
    before = {} if report.basis.earlier is None else report.basis.earlier.figures
    sold, sold_before = _sold(report)
    share = percent(sold, sold_before)

    def against(key: str) -> str:
        found = change(now[key], before.get(key))
        return f"{found} than in the last report" if found and found != "the same" else found

    figures = [Figure("units sold", count(sold), f"{share} against the week before" if share else "")]
    figures += [
        Figure("shelves ran empty", count(now["shelves_out"]), against("shelves_out"),
               "bad" if now["shelves_out"] else ""),
        Figure("without stock", span(now["hours_empty"]) if now["hours_empty"] is not None else UNKNOWN,
               "all shelves together", "warn" if now["hours_empty"] else ""),
    ]  # fmt: skip
    if now["lost_sales"] is not None:
        figures.append(Figure("sales lost, about", amount(now["lost_sales"]), "", "warn"))
    figures.append(Figure("alerts opened", count(now["opened"]), against("opened")))
    sub = f"value {amount(now['dead_value'])}" if now["dead_value"] is not None else ""
    figures.append(Figure("units that do not sell", count(now["dead_units"]), sub, "warn" if now["dead_units"] else ""))
    return figures


def _sales_section(report: Weekly) -> Section:
    trade, period = report.trade, report.basis.period
    if not report.warehouses:
        return Section("sold", "What was sold", [], notices=trade.missing)
    now, before = _sold(report)
    share = percent(now, before)
    lines = [f"{counted(now or 0, 'unit')} sold{f', {share} against {before:,} in the week before' if share else ''}."]
    if (text := fulfilled(trade.movements)) is not None:
        lines.append(text)
    days = [period.first_date + timedelta(days=number) for number in range(7)]
    pairs = [(trade.sold(each - timedelta(days=7)), trade.sold(each)) for each in days]
    lines.append("Units by day: the week before in grey, this week in color.")
    picture = draw_pairs(pairs, [f"{each:%a}" for each in days], title="units sold by day, two weeks")
    table = movements_table(trade.movements)
    return Section("sold", "What was sold", lines, [table] if table else [], [picture], trade.missing, csv="sales.csv")


def _movers_section(found: Sequence[Mover]) -> Section:
    if not found:
        text = "Two weeks with daily snapshots are needed to say what sells more and what less."
        return Section("movers", "What sells more, what less", [text])
    columns = columns_of("Product", "#Units", "#Week before", "#Change")
    tables = []
    for title, chosen in (
        ("More", [each for each in found if each.change > 0]),
        ("Less", [each for each in found if each.change < 0]),
    ):
        rows = [
            [
                Cell(name(each.product), sku(each.sku, each.product)), Cell(count(each.units)),
                Cell(count(each.units_before), tone="quiet"),
                Cell(f"{each.change:+,}".replace("-", "−"), percent(each.units, each.units_before) or "new"),
            ]
            for each in chosen[:SHOWN]
        ]  # fmt: skip
        if rows:
            tables.append(Table(columns, rows, len(chosen) - len(rows), "movers.csv", f"{title}: {len(chosen):,}"))
    return Section("movers", "What sells more, what less", [], tables, csv="movers.csv")


def _stockouts_section(report: Weekly) -> Section:
    found = report.stockouts
    if not found:
        text = "No shelf was empty." if report.warehouses else "Without daily snapshots it is not known."
        return Section("stockouts", "Worst stockouts", [text])
    lines = [
        "The longest empty first. Lost units: days empty × what it sells on a day with stock; about, as nobody asked."
    ]
    columns = columns_of(
        "Product", "Warehouse", "Empty for", "#On days", "#Sells a day", "#Lost units", "#Lost sales", "At the end"
    )
    rows = [_stockout_row(each) for each in found[:SHOWN]]
    table = Table(columns, rows, len(found) - len(rows), "week_stockouts.csv")
    return Section("stockouts", "Worst stockouts", lines, [table], csv="week_stockouts.csv")


def _stockout_row(each: WeekStockout) -> list[Cell]:
    return [
        Cell(name(each.product), sku(each.sku, each.product)), Cell(name(each.warehouse_id)),
        Cell(span(each.hours_empty)), Cell(count(each.days_touched)), Cell(rate(each.daily_units)),
        Cell(rate(each.lost_units)), Cell(amount(each.lost_sales)),
        Cell("still empty" if each.is_empty else "has stock", tone="bad" if each.is_empty else "good"),
    ]  # fmt: skip


def _warehouses_section(found: Sequence[WarehouseWeek]) -> Section:
    if not found:
        return Section("warehouses", "Warehouses compared", ["Without daily snapshots it is not known."])
    columns = columns_of(
        "Warehouse", "#Sold", "#Change", "Time without stock", "#Week before", "#On hand", "#Turns a year", "#Alerts",
        "#False",
    )  # fmt: skip
    worst = max(each.empty_share for each in found) or 1.0
    rows = [
        [
            Cell(name(each.warehouse_id)), Cell(count(each.sold_units)),
            Cell(percent(each.sold_units, each.sold_units_before) or UNKNOWN),
            Cell(_share(each.empty_share),
                 picture=draw_share(each.empty_share / worst, title=f"{_share(each.empty_share)} of shelf time empty")),
            Cell(UNKNOWN if each.empty_share_before is None else _share(each.empty_share_before), tone="quiet"),
            Cell(count(each.on_hand)), Cell(rate(each.turns_a_year)), Cell(count(each.alerts_opened)),
            Cell(count(each.false_alarms)),
        ]
        for each in found[:SHOWN]
    ]  # fmt: skip
    lines = ["Time without stock is of all shelves' hours. Turns: stock sold and replaced a year, at this week's pace."]
    table = Table(columns, rows, len(found) - len(rows), "warehouse_weeks.csv")
    return Section("warehouses", "Warehouses compared", lines, [table], csv="warehouse_weeks.csv")


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"


def _classes_section(found: Sequence[StockClass], *, is_by_value: bool) -> Section:
    title = "What makes the sales"
    if not found:
        return Section("classes", title, ["Demand was not measured yet."])
    by = "sales value" if is_by_value else "units, as not every price is known"
    lines = [f"A makes the first 80 % of sales, B the next 15 %, C the rest; N sells nothing. By {by}."]
    columns = columns_of("Class", "#SKUs", "#Of sales", "#Shelves", "#Empty now", "#On hand")
    rows = [
        [
            Cell(each.name), Cell(count(each.skus)), Cell(f"{100 * each.share:.0f} %"), Cell(count(each.shelves)),
            Cell(count(each.empty), tone="bad" if each.empty and each.name == "A" else ""), Cell(count(each.on_hand)),
        ]
        for each in found
    ]  # fmt: skip
    return Section("classes", title, lines, [Table(columns, rows)], csv="classes.csv")


def _dead_section(report: Weekly) -> Section:
    title = "What does not sell"
    if report.trust.coverage_date is None:
        return Section("dead", title, ["Demand on days with stock was not measured yet: inventory coverage --refresh."])
    found: Sequence[DeadStock] = report.dead
    if not found:
        return Section("dead", title, [f"Every shelf with stock for {DEAD_AFTER_DAYS} days has sold something."])
    columns = columns_of("Product", "Warehouse", "#On hand", "#Value", "#Days with stock, unsold")
    rows = [
        [
            Cell(name(each.product), sku(each.sku, each.product)), Cell(name(each.warehouse_id)),
            Cell(count(each.on_hand)), Cell(amount(each.value)), Cell(count(each.in_stock_days)),
        ]
        for each in found[:SHOWN]
    ]  # fmt: skip
    lines = [
        f"No sale on any day with stock in twelve weeks, {DEAD_AFTER_DAYS} such days at least: move, mark down or stop "
        "buying."
    ]
    return Section(
        "dead", title, lines, [Table(columns, rows, len(found) - len(rows), "dead_stock.csv")], csv="dead_stock.csv"
    )


def _rules_section(found: Sequence[RuleWeek]) -> Section:
    title = "Do the thresholds work"
    if not found:
        return Section("rules", title, ["No alert was opened in the week."])
    columns = columns_of("Threshold", "#Alerts", "#False alarms", "#Stockouts", "#Foreseen", ">Verdict")
    rows = [
        [
            Cell(name(each.rule).replace("EMBEDDED", "the items' own") or "system default"), Cell(count(each.opened)),
            Cell(count(each.false_alarms)), Cell(count(each.stockouts)), Cell(count(each.foreseen)),
            Cell("", _verdict(each)),
        ]
        for each in found[:SHOWN]
    ]  # fmt: skip
    lines = ["A stockout is foreseen if a milder alert was open when it came. A false alarm was over by itself."]
    return Section(
        "rules", title, lines, [Table(columns, rows, len(found) - len(rows), "rules.csv")], csv="rules.csv",
        commands=[("Try other thresholds on the past", "inventory thresholds backtest --help")],
    )  # fmt: skip


def _verdict(each: RuleWeek) -> str:
    if each.opened < FEW_ALERTS:
        return "too few to say"
    if each.stockouts and each.foreseen < each.stockouts / 2:
        return "warns too late: raise it"
    if each.over and each.false_alarms > each.over / 2:
        return "mostly false alarms: lower it"
    return "fine"

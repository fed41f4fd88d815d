"""Put a nightly report into the words of who plans: headline, figures, sections. Pure; `page` draws it."""

from inventory_assets.reports.page.change_sections import changes_section, incidents_section
from inventory_assets.reports.page.order_sections import orders_section, plan_sentences, transfers_section
from inventory_assets.reports.page.shelf_sections import empty_section, running_out_section
from inventory_assets.reports.page.trade_sections import trade_section
from inventory_assets.reports.page.trust_sections import handling_section, trust_section, trust_verdict
from inventory_assets.reports.page.view import Figure, Page
from inventory_assets.reports.read.collect import nightly_figures
from inventory_assets.reports.read.model import Nightly
from inventory_assets.words.numbers import against_before, amount, are, change, count, counted, shelves
from inventory_assets.words.text import sentence
from inventory_assets.words.times import full_moment

# One row of a wide screen, three of a phone.
FIGURES = 6


def nightly_page(report: Nightly) -> Page:
    """The whole report as a page."""
    basis = report.basis
    found = [line.alert_id for line in report.planned.orders] + [shelf.alert_id for shelf in report.empty]
    ids = list(filter(None, found))
    sections = [
        *incidents_section(report.incidents),
        empty_section(report),
        running_out_section(report.planned),
        orders_section(report.planned),
        transfers_section(report.planned),
        changes_section(report),
        trade_section(report.trade, basis.period),
        handling_section(report.handling, basis.period),
        trust_section(report.trust, report.trade, basis, next(iter(ids), None)),
    ]
    return Page(
        kind="Nightly report", title=basis.period.title, headline=_headline(report), as_of=full_moment(basis.as_of),
        version=f"{basis.version:,}", figures=_figures(report), sections=sections, notices=report.notices,
    )  # fmt: skip


def _headline(report: Nightly) -> str:
    new = sum(shelf.is_new for shelf in report.empty)
    parts = []
    if report.empty:
        since = f", {new:,} of them new" if new else ", none of them new"
        parts.append(f"{shelves(len(report.empty))} {are(len(report.empty))} empty{since}")
    else:
        parts.append("no shelf is empty")
    parts += plan_sentences(report.planned)
    parts.append(f"the data {trust_verdict(report.trust)[1]}")
    return " ".join(sentence(part) for part in parts)


def _figures(report: Nightly) -> list[Figure]:
    now = nightly_figures(report)
    before = {} if report.basis.earlier is None else report.basis.earlier.figures
    period = report.basis.period

    def against(key: str) -> str:
        return f"{told} than last time" if (told := change(now[key], before.get(key))) and told != "the same" else told

    found = [
        Figure("empty shelves", count(now["empty"]), against("empty") or f"of {now['shelves']:,}",
               "bad" if now["empty"] else "good"),
        Figure("out before an order arrives", count(now["running_out_late"]), against("running_out_late"),
               "warn" if now["running_out_late"] else "good" if now["running_out_late"] == 0 else ""),
        Figure("units to order", count(now["order_units"]),
               _sub(counted(len(report.planned.orders), "line"), against("order_units"))),
        Figure("units to move", count(now["transfer_units"]),
               _sub(counted(len(report.planned.transfers), "line"), against("transfer_units"))),
    ]  # fmt: skip
    if now["sold_units"] is not None:
        told = against_before(now["sold_units"], report.trade.sold(period.before.last_date), f"{period.first_date:%A}")
        found.append(Figure("units sold", count(now["sold_units"]), told))
    if now["revenue_at_risk"] is not None:
        known = sum(shelf.revenue_at_risk is not None for shelf in report.empty)
        sub = "on empty shelves" + (f", known for {known} of {len(report.empty)}" if known < len(report.empty) else "")
        found.append(Figure("sales at risk", amount(now["revenue_at_risk"]), sub, "warn"))
    if len(found) < FIGURES:
        found.append(Figure("open alerts", count(now["firing"]), against("firing")))
    return found


def _sub(*parts: str) -> str:
    return ", ".join(part for part in parts if part)

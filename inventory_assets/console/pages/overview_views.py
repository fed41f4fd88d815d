"""The Overview's figures in words: each with its unit, the price it is at, since when it counts. Pure.

What is not known is a dash and says why. Not here: where a figure comes from (`console.overview`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from inventory_assets.console.pages.views import href
from inventory_assets.console.planning import Heads
from inventory_assets.reports.read.overview import AlertCounts, Changes, Fills
from inventory_assets.reports.read.shelf_sums import BySite, ShelfSums, total_of
from inventory_assets.reports.read.stock import RanOut
from inventory_assets.words.numbers import UNKNOWN, amount, count, counted, shelves
from inventory_assets.words.text import listed
from inventory_assets.words.times import day

PENDING = "being worked out"
NO_MARTS = "the marts were not built yet: inventory marts build"
NOT_JUDGED = "no order of 28 days could be judged"
NO_PLAN = "there is no plan yet: inventory plan --refresh"
NO_PRICE = "no price is known: inventory products import FILE"
NO_RISK = "no line has price, sales and lead time"
PRICE_BASIS = "at list prices"
# Who accepted something is named; of very many, the first.
MOST_NAMES = 4
_STEPS = {"new": "new", "worse": "got worse", "better": "got better", "over": "over"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that the page is made of; null is not known yet, `fills` also where there are none."""

    sums: BySite
    alerts: AlertCounts
    changes: Changes | None
    plan: Heads | None
    fills: Fills | None
    are_fills_known: bool

    @property
    def is_pending(self) -> bool:
        """Whether something is still being worked out."""
        return self.changes is None or self.plan is None or not self.are_fills_known


class Figure(NamedTuple):
    """A figure, what it counts, what goes with it, where it leads, and how it looks."""

    value: str
    words: str
    more: str = ""
    href: str = ""
    style: str = ""
    key: str = ""


def percent(share: float | None) -> str:
    """`98.3 %`: of what is nearly all, the tenth counts. All is only what is all."""
    if share is None:
        return UNKNOWN
    shown = round(100 * share, 1)
    if share < 1 and shown == 100.0:
        shown = 99.9
    return f"{shown:g} %"


def figures_view(known: Known, counts: Mapping[str, Any]) -> list[Figure]:
    """What is so now."""
    whole = total_of(known.sums)
    return [
        *_alerts(counts), _empty(whole), _urgent(known), _value(whole), _at_risk(known), _fill_rate(known),
    ]  # fmt: skip


def _alerts(counts: Mapping[str, Any]) -> list[Figure]:
    kinds = (
        ("STOCKOUT", "stockout", "out of stock", "critical"), ("LOW_STOCK", "low", "low", "high"),
        ("REORDER", "reorder", "to reorder", "medium"),
    )  # fmt: skip
    found = [
        Figure(count(counts[name]), words, "alerts, " + style, href("/alerts", type=kind),
               style if counts[name] else "", kind)
        for kind, name, words, style in kinds
    ]  # fmt: skip
    return [
        *found,
        Figure(count(counts["open"]), "not acknowledged", f"of {counted(counts['firing'], 'open alert')}",
               href("/alerts", unacknowledged="true"), "", "open"),
    ]  # fmt: skip


def _empty(whole: ShelfSums) -> Figure:
    return Figure(
        count(whole.empty), "empty " + _noun(whole.empty, "shelf", "shelves"),
        f"of {shelves(whole.shelves)} in use", href("/stock", sort="available"),
        "critical" if whole.empty else "good", "empty",
    )  # fmt: skip


def _urgent(known: Known) -> Figure:
    if known.plan is None or known.plan.made is None:
        return Figure(UNKNOWN, "urgent lines of the plan", PENDING if known.plan is None else NO_PLAN, key="urgent")
    urgent = known.plan.whole.urgent
    more = f"{counted(urgent.units, 'unit')} to order now, plan of {day(known.plan.made.day)}"
    return Figure(
        count(urgent.lines),
        f"urgent {_noun(urgent.lines, 'line')} of the plan",
        more,
        "/replenish",
        "high" if urgent.lines else "good",
        "urgent",
    )


def _value(whole: ShelfSums) -> Figure:
    words = f"value of {counted(whole.on_hand, 'unit')} on hand"
    if whole.value is None:
        return Figure(UNKNOWN, words, NO_PRICE, "/stock", key="value")
    missing = whole.stocked - whole.priced
    more = PRICE_BASIS + (f", without {shelves(missing)} of no known price" if missing else "")
    return Figure(amount(whole.value), words, more, "/stock", key="value")


def _at_risk(known: Known) -> Figure:
    words = "sales at risk"
    changes = known.changes
    if changes is None:
        return Figure(UNKNOWN, words, PENDING, key="risk")
    if changes.plan_day is None:
        return Figure(UNKNOWN, words, NO_PLAN, key="risk")
    if not changes.at_risk:
        return Figure(UNKNOWN, words, NO_RISK, key="risk")
    at_risk = sum(changes.at_risk.values())
    more = f"{PRICE_BASIS}, until orders arrive, plan of {day(changes.plan_day)}"
    return Figure(amount(at_risk), words, more, href("/replenish", sort="risk"), "high" if at_risk else "", "risk")


def _fill_rate(known: Known) -> Figure:
    words, fills = "fill rate", known.fills
    if fills is None:
        return Figure(UNKNOWN, words, NO_MARTS if known.are_fills_known else PENDING, key="fill")
    if fills.rate is None:
        return Figure(UNKNOWN, words, NOT_JUDGED, key="fill")
    until = f" to {day(fills.through)}" if fills.through else ""
    return Figure(percent(fills.rate), words, f"of units ordered, 28 days{until}", key="fill")


def _sum_steps(changes: Changes, warehouse: str | None = None) -> dict[str, int]:
    found = dict.fromkeys(_STEPS, 0)
    for (where, step), shelves_ in changes.steps.items():
        if warehouse in (None, where):
            found[step] += shelves_
    return found


def changes_view(known: Known) -> list[Figure]:
    """What changed since yesterday; nothing while that is not known."""
    changes = known.changes
    if changes is None:
        return []
    steps = _sum_steps(changes)
    ran_out = RanOut(
        sum(each.is_empty for each in changes.ran_out.values()), sum(each.is_back for each in changes.ran_out.values())
    )
    out = ran_out.is_empty + ran_out.is_back
    receipts = sum(each.receipts for each in changes.arrived.values())
    units = sum(each.units for each in changes.arrived.values())
    lines = sum(each.lines for each in changes.accepted)
    restocked = sum(changes.restocked.values())
    newest = href("/alerts", sort="newest")
    return [
        Figure(count(steps["new"]), _noun(steps["new"], "shelf", "shelves") + " with a new alert",
               "open now and not then", newest, "high" if steps["new"] else "", "new"),
        Figure(count(steps["worse"]), _noun(steps["worse"], "alert") + " got worse",
               f"{count(steps['better'])} got better", newest, "high" if steps["worse"] else "", "worse"),
        Figure(count(steps["over"]), _noun(steps["over"], "alert") + " ended", "the shelf needs nothing now",
               href("/alerts", state="resolved", sort="newest"), "", "over"),
        Figure(count(out), _noun(out, "shelf", "shelves") + " ran empty",
               f"{count(ran_out.is_back)} of them with stock again",
               href("/alerts", type="STOCKOUT", sort="newest"), "critical" if ran_out.is_empty else "", "out"),
        Figure(count(restocked), _noun(restocked, "shelf", "shelves") + " restocked",
               "were empty, have stock", "/stock", "", "restocked"),
        Figure(count(receipts), _noun(receipts, "arrival"),
               f"{counted(units, 'unit')} booked in, moves too", "", "", "arrived"),
        Figure(count(lines), _noun(lines, "line") + " of the plan accepted",
               _accepted(changes), href("/replenish", show="decided"), "", "accepted"),
    ]  # fmt: skip


def _noun(number: int, one: str, many: str = "") -> str:
    return counted(number, one, many).partition(" ")[2]


def _accepted(changes: Changes) -> str:
    if not changes.accepted:
        return "by nobody"
    units = sum(each.units for each in changes.accepted)
    named = [f"{each.author} {count(each.lines)}" for each in changes.accepted[:MOST_NAMES]]
    more = len(changes.accepted) - len(named)
    return f"{counted(units, 'unit')}, by {listed(named + ([f'{more} more'] if more else []))}"


def rows_view(known: Known) -> list[dict[str, Any]]:
    """A line of each warehouse, by name."""
    changes, plan, fills = known.changes, known.plan, known.fills
    names = sorted({*known.sums, *known.alerts, *(known.plan.by_warehouse if known.plan else ())})
    return [
        {
            "warehouse": name, "stock_href": href("/stock", warehouse=name),
            "alerts": sum(known.alerts.get(name, {}).values()), "alerts_href": href("/alerts", warehouse=name),
            "kinds": [
                (style, count(found), words)
                for kind, words, style in (
                    ("STOCKOUT", "out of stock", "critical"), ("LOW_STOCK", "low", "high"),
                    ("REORDER", "to reorder", "medium"),
                )
                if (found := known.alerts.get(name, {}).get(kind))
            ],
            "steps": None if changes is None else _sum_steps(changes, name),
            "ran_out": None if changes is None else sum(changes.ran_out.get(name, (0, 0))),
            "restocked": None if changes is None else changes.restocked.get(name, 0),
            "arrived": None if changes is None else changes.arrived.get(name),
            **_shelves(known.sums.get(name, ShelfSums())),
            **_plan(plan, name),
            "at_risk": amount(None if changes is None else changes.at_risk.get(name)),
            "fill": percent(fills.by_warehouse[name].rate if fills and name in fills.by_warehouse else None),
            "in_stock": percent(
                fills.by_warehouse[name].in_stock_share if fills and name in fills.by_warehouse else None
            ),
        }
        for name in names
    ]  # fmt: skip


def _shelves(sums: ShelfSums) -> dict[str, Any]:
    missing = sums.stocked - sums.priced
    return {
        "empty": sums.empty, "shelves": sums.shelves, "on_hand": sums.on_hand, "value": amount(sums.value),
        "unpriced": shelves(missing) if missing and sums.priced else "",
    }  # fmt: skip


def _plan(plan: Heads | None, name: str) -> dict[str, Any]:
    if plan is None or plan.made is None:
        return {"urgent": None, "units": None, "plan_href": ""}
    head = plan.by_warehouse.get(name)
    return {
        "urgent": head.urgent.lines if head else 0, "units": head.urgent.units if head else 0,
        "plan_href": href("/replenish", warehouse=name),
    }  # fmt: skip


def said(figures: list[Figure], counts: Mapping[str, Any]) -> str:
    """What is read out to who cannot see a figure change: little, and only what somebody acts on."""
    empty = next(each for each in figures if each.key == "empty")
    return (
        f"{counted(counts['firing'], 'open alert')}, {counts['stockout']:,} out of stock, {empty.value} {empty.words}"
    )

"""The Replenish page: the plan by supplier, why each line, and the order as a sheet of paper or a CSV."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inventory_assets.console.api.plan import FILTERS, MAX_SNOOZE_DAYS, ask_lines, ask_part, plan_query, wanted_of
from inventory_assets.console.http import ask, choice, console_of, flag, number, read_query
from inventory_assets.console.pages import plan_views
from inventory_assets.console.pages.rendering import kept, page, part
from inventory_assets.console.pages.sheets import csv_answer
from inventory_assets.console.problems import Refused
from inventory_assets.console.questions import latest_version
from inventory_assets.ranges import MAX_QUANTITY
from inventory_assets.replenish.lines import Made
from inventory_assets.replenish.ordered import Ordered, OrderedWanted, choose_ordered
from inventory_assets.replenish.sheet import Line, Show, Sort, Wanted, quantity, sums, to_order
from inventory_assets.words.times import to_minute

PER_PAGE = 50
SHOWN = {Show.URGENT: "urgent", Show.ALL: "also what can wait", Show.DECIDED: "decided"}
SORTED = {
    Sort.URGENCY: "most urgent first", Sort.RUNS_OUT: "runs out first", Sort.RISK: "most revenue at risk",
    Sort.VALUE: "highest value at sales prices", Sort.PRODUCT: "product", Sort.SKU: "SKU",
    Sort.WAREHOUSE: "warehouse",
}  # fmt: skip
OF = ("accepted", "suggested")
ORDERED_FILTERS = ("supplier", "no_supplier", "warehouse", "category", "q", "open")


def routes() -> list[Route]:
    """Every page of the plan."""
    return [
        Route("/replenish", replenish),
        Route("/replenish.csv", lines_csv),
        Route("/replenish/ordered", ordered),
        Route("/replenish/ordered.csv", ordered_csv),
        Route("/replenish/order", order),
        Route("/replenish/order.csv", order_csv),
        Route("/part/plan", explained),
    ]


@kept
async def replenish(request: Request) -> Response:
    """The plan's lines by supplier."""
    query, wanted = plan_query(request, ("page",))
    number_ = number(query, "page", 1)
    pictured = console_of(request).pictured
    picture = await pictured.picture()
    found = await ask_part(request, wanted, limit=PER_PAGE, offset=(number_ - 1) * PER_PAGE, with_stock=picture is None)
    # A plan's stock is that of its version: beside it stands what there is now.
    stock = found.stock if picture is None else plan_views.stock_of(picture, found.parts)
    shown = None if picture is None else pictured.shown(picture)
    given = {name: text for name, text in query.items() if name in FILTERS}
    values = {
        "made": found.made, "head": found.head, "choices": found.choices, "total": found.total,
        "groups": [plan_views.group_view(each, given, stock) for each in found.parts],
        "filters": {name: query.get(name, "") for name in FILTERS}, "given": given, "shown": SHOWN, "sorted": SORTED,
        "has_filter": any(name in given for name in ("supplier", "no_supplier", "warehouse", "category", "q")),
        "chosen": {name: text for name, text in given.items() if name != "show"},
        "page": number_, "pages": -(-found.total // PER_PAGE), "most": MAX_QUANTITY, "most_days": MAX_SNOOZE_DAYS,
        "worth": plan_views.worth, "ordered": None,
        "made_at": "" if found.made is None or found.made.at is None else to_minute(found.made.at),
    }  # fmt: skip
    if wanted.show is Show.DECIDED:
        # After the next plan nothing but this list tells of what was ordered.
        values["ordered"] = _ordered_values(await _ask_ordered(request), query, number_=1)
    return await page(request, "replenish.html", "replenish", values, shown=shown)


async def explained(request: Request) -> Response:
    """Whether a line follows from its version's events, rules and product data; fetched when somebody asks why."""
    line_id = read_query(request, ("line",)).get("line")
    if line_id is None:
        raise Refused(400, "line is needed")
    version = await ask(request, "latest version", latest_version)
    found = await console_of(request).planning.explain(line_id, version)
    return part("plan_line.html", {"found": found, "texts": plan_views.explained_texts(found)})


@kept
async def ordered(request: Request) -> Response:
    """What was accepted of every plan's lines, and what has come of it."""
    query = read_query(request, (*ORDERED_FILTERS, "page"))
    values = _ordered_values(await _ask_ordered(request), query, number_=number(query, "page", 1))
    return await page(request, "ordered.html", "replenish", {"ordered": values})


async def ordered_csv(request: Request) -> Response:
    """The same as a file for a spreadsheet."""
    query = read_query(request, ORDERED_FILTERS)
    found = await _ask_ordered(request)
    rows = choose_ordered(found.rows, _ordered_wanted(query))
    day = "none" if found.day is None else f"{found.day:%Y-%m-%d}"
    text = await asyncio.to_thread(plan_views.write_ordered_csv, rows)
    return csv_answer(text, f"ordered-{day}")


async def _ask_ordered(request: Request) -> Ordered:
    console = console_of(request)
    return await console.door.ask("ordered", console.planning.ordered)


def _ordered_wanted(query: Mapping[str, str]) -> OrderedWanted:
    wanted = wanted_of(query)
    return OrderedWanted(
        None, wanted.supplier_id, wanted.is_unsupplied, wanted.warehouse_id, wanted.category_id, wanted.text,
        flag(query, "open"),
    )  # fmt: skip


def _ordered_values(found: Ordered, query: Mapping[str, str], *, number_: int) -> dict[str, Any]:
    rows = choose_ordered(found.rows, _ordered_wanted(query))
    given = {name: query[name] for name in ORDERED_FILTERS if name in query}
    first = (number_ - 1) * PER_PAGE
    return {
        "day": found.day, "total": len(rows), "to_come": sum(row["announced"] + row["unheard"] for row in rows),
        "overdue": sum(row["overdue"] for row in rows), "any": bool(found.rows), "given": given,
        "filters": {name: query.get(name, "") for name in ORDERED_FILTERS}, "page": number_,
        "pages": -(-len(rows) // PER_PAGE),
        "suppliers": sorted({row["supplier_id"] for row in found.rows if row["supplier_id"] is not None}),
        "warehouses": sorted({row["warehouse_id"] for row in found.rows}),
        "rows": [plan_views.ordered_row(row) for row in rows[first : first + PER_PAGE]],
    }  # fmt: skip


class Order(NamedTuple):
    """A supplier's order: of what was `accepted`, or of what the plan `suggested`."""

    made: Made | None
    of: str
    lines: list[Line]
    accepted: list[Line]
    suggested: list[Line]


async def _order_of(request: Request, query: Mapping[str, str], wanted: Wanted) -> Order:
    if wanted.supplier_id is None and not wanted.is_unsupplied:
        raise Refused(400, "supplier is needed: of whom is the order?")
    # What was accepted is ordered, also where it could have waited.
    made, lines = await ask_lines(request, wanted._replace(show=Show.ALL))
    ordering = [line for line in lines if quantity(line)]
    accepted = [line for line in ordering if line["state"] == "accepted"]
    suggested = to_order(ordering, wanted.show) if wanted.show is not Show.DECIDED else []
    of = choice(query, "of", OF, "accepted" if accepted else "suggested")
    chosen = accepted if of == "accepted" else suggested
    rows = sorted(chosen, key=lambda line: (line["warehouse_id"], line["sku"]))
    return Order(made, of, rows, accepted, suggested)


async def order(request: Request) -> Response:
    """A supplier's order on paper."""
    query, wanted = plan_query(request, ("of",))
    found = await _order_of(request, query, wanted)
    rows, whole = found.lines, sums(found.lines)
    values = {
        "supplier": wanted.supplier_id, "made": found.made, "of": found.of, "sums": whole,
        "given": {name: text for name, text in query.items() if name != "of"},
        "worth": plan_views.worth(whole), "lead_time": plan_views.lead_times(rows),
        "rows": [plan_views.order_row(line) for line in rows], "shown": SHOWN[wanted.show],
        "accepted": len(found.accepted), "suggested": len(found.suggested),
        "by": sorted({line["decided_by"] for line in found.accepted}),
    }  # fmt: skip
    return await page(request, "order.html", "replenish", values)


async def order_csv(request: Request) -> Response:
    """The same as a file for the supplier."""
    query, wanted = plan_query(request, ("of",))
    found = await _order_of(request, query, wanted)
    return await _csv(found.made, found.lines, "order")


async def lines_csv(request: Request) -> Response:
    """The lines of a filter as a file for a spreadsheet."""
    _, wanted = plan_query(request)
    made, lines = await ask_lines(request, wanted)
    return await _csv(made, lines, "plan")


async def _csv(made: Made | None, lines: Sequence[Line], name: str) -> Response:
    # Eight thousand lines in words take half a second: not on the thread that answers everybody.
    text = await asyncio.to_thread(plan_views.write_csv, lines)
    day = "none" if made is None else f"{made.day:%Y-%m-%d}"
    return csv_answer(text, f"{name}-{day}")

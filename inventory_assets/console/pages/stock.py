"""The pages of stock: the tree, a SKU with its past, what a warehouse has least of; of now or of a moment."""

import asyncio
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inventory_assets.clock import clock_of
from inventory_assets.console import questions
from inventory_assets.console.http import ask, choice, console_of, number, read_query
from inventory_assets.console.pages import stock_views
from inventory_assets.console.pages.rendering import kept, page
from inventory_assets.console.problems import Refused
from inventory_assets.domain.stock.tree import BELOW, ORDERS, ROOT, Place, Tree, ordered
from inventory_assets.domain.values import read_time, to_datetime
from inventory_assets.words.alerts import TITLES
from inventory_assets.words.plan import order_by_day

PER_PAGE = 50
MOST_FOUND = 50
MOST_SHELVES = 200
LEVELS = tuple(level for level in BELOW if level)
QUERY = ("sku", "warehouse", "q", "level", "id", "sort", "page", "at", "days", "view")
TREE_QUERY = ("level", "id", "warehouse", "q", "sort", "at")
SKU_QUERY = ("sku", "warehouse", "days", "at")
_MINUTE = len("2026-05-01T12:00")


def routes() -> list[Route]:
    """Every page of stock."""
    return [Route("/stock", stock)]


@kept
async def stock(request: Request) -> Response:
    """What the address names: a SKU, what a warehouse has least of, else a node of the tree."""
    query = read_query(request, QUERY)
    moment = moment_in(request, query)
    if "sku" in query:
        return await _sku(request, query, moment)
    if choice(query, "view", ("tree", "shelves"), "tree") == "shelves" and "warehouse" in query:
        return await _least(request, query["warehouse"])
    return await _tree(request, query, moment)


def moment_in(request: Request, query: Mapping[str, str]) -> int | None:
    """The moment of `at`, in microseconds; None is now.

    Raises:
        Refused, InvalidValue: It is no time, or yet to come.
    """
    text = query.get("at")
    if text is None:
        return None
    # As a browser's date picker has it.
    moment = read_time("at", f"{text}:00" if len(text) == _MINUTE else text)
    now = clock_of(console_of(request).settings).microseconds()
    if moment > now:
        raise Refused(400, f"at was {text!r}, which is yet to come")
    return moment


def place_in(query: Mapping[str, str]) -> Place:
    """The node that `level` and `id` name."""
    level, level_id = choice(query, "level", ("", *LEVELS), ""), query.get("id", "")
    if bool(level) != bool(level_id):
        raise Refused(400, "level and id belong together: level=CATEGORY&id=SMARTPHONES")
    return level, level_id


async def tree_of(request: Request, moment: int | None, *, is_patient: bool = False) -> tuple[Tree | None, Any]:
    """The tree of now or of a moment, None where that is still being worked out; and which version it is of."""
    shelves = console_of(request).shelves
    if moment is None:
        return await shelves.tree()
    return await (shelves.tree_at(moment, patience=None) if is_patient else shelves.tree_at(moment)), None


async def _tree(request: Request, query: Mapping[str, str], moment: int | None) -> Response:
    place, order, number_ = place_in(query), choice(query, "sort", ORDERS, "name"), number(query, "page", 1)
    warehouse, text = query.get("warehouse"), query.get("q")
    tree, shown = await tree_of(request, moment)
    given = {name: query.get(name) for name in TREE_QUERY}
    values: dict[str, Any] = {
        "given": given, **_of_moment(moment),
        "text": text, "warehouse": warehouse, "sort": order, "node": place, "is_pending": tree is None,
        "page": number_,
    }  # fmt: skip
    if tree is None:
        return await page(request, "tree.html", "stock", {**values, **_NOTHING})
    total = tree.node(place, warehouse)
    path = tree.path(place)
    if text:
        rows, count = tree.find(text, warehouse, MOST_FOUND), 0
    else:
        children = ordered(tree.children(place, warehouse), order)
        rows, count = children[(number_ - 1) * PER_PAGE : number_ * PER_PAGE], len(children)
    warehouses = tree.warehouses()
    values |= {
        "total": total, "crumbs": path, "rows": rows, "count": count, "pages": -(-count // PER_PAGE),
        "below": "SKU" if text else BELOW[place[0]], "names": [each.level_id for each in warehouses],
        "warehouses": ordered(warehouses, order) if place == ROOT and not (warehouse or text) else [],
    }  # fmt: skip
    return await page(request, "tree.html", "stock", values, shown=shown)


def _of_moment(moment: int | None) -> dict[str, Any]:
    if moment is None:
        return {"at": None, "at_minute": ""}
    return {"at": to_datetime(moment), "at_minute": stock_views.minute_of(moment)}


_NOTHING: dict[str, Any] = {
    "total": None, "crumbs": [], "rows": [], "count": 0, "pages": 0, "below": "DEPARTMENT", "names": [],
    "warehouses": [],
}  # fmt: skip


async def _least(request: Request, warehouse: str) -> Response:
    pictured = console_of(request).pictured
    picture = await pictured.picture()
    if picture is None:
        question = questions.list_stock(sku=None, warehouse=warehouse, limit=MOST_SHELVES)
        rows, shown = await ask(request, ("stock", None, warehouse), question), None
    else:
        shown = pictured.shown(picture)
        rows = await pictured.list_stock(picture, sku=None, warehouse=warehouse, limit=MOST_SHELVES)
    return await page(
        request, "least.html", "stock", {"rows": rows, "warehouse": warehouse, "kinds": TITLES}, shown=shown
    )


async def rows_of(request: Request, sku: str) -> tuple[list[dict[str, Any]], Any]:
    """A SKU's shelves as they are now, and of which version that is."""
    pictured = console_of(request).pictured
    picture = await pictured.picture()
    if picture is None:
        question = questions.list_stock(sku=sku, warehouse=None, limit=MOST_SHELVES)
        return await ask(request, ("stock", sku, None), question), None
    shown = pictured.shown(picture)
    return await pictured.list_stock(picture, sku=sku, warehouse=None, limit=MOST_SHELVES), shown


async def _sku(request: Request, query: Mapping[str, str], moment: int | None) -> Response:
    sku, warehouse = query["sku"], query.get("warehouse")
    days = choice(query, "days", stock_views.DAYS, stock_views.DEFAULT_DAYS)
    number_ = number(query, "page", 1)
    shelves = console_of(request).shelves
    # Side by side: each has a way to the lake of its own.
    (rows, shown), history, now = await asyncio.gather(rows_of(request, sku), shelves.history(sku), shelves.now())
    tree, _ = await shelves.tree()
    path = tree.path(("SKU", sku))
    known = [row["warehouse_id"] for row in rows]
    if warehouse is None and len(known) == 1:
        warehouse = known[0]
    past = stock_views.Past(history, last=now if moment is None else moment, days=int(days), warehouse=warehouse)
    names = path[-1].name if path else sku
    line = history.plan.get(warehouse) if warehouse is not None and moment is None else None
    daily = next((row["daily_units"] for row in rows if row["warehouse_id"] == warehouse), None)
    if moment is not None:
        # Of the plan only the newest is kept, which speaks of now.
        past_of = {each["warehouse_id"]: each for each in past.shelves()}
        rows = [{**row, **_NO_PLAN, **past_of[row["warehouse_id"]]} for row in rows if row["warehouse_id"] in past_of]
    values = {
        "is_in_days": daily is not None
        and any(step.low_days or step.reorder_days for step in past.steps(warehouse or "")),
        "sku": sku, "name": names, "crumbs": path, "rows": rows, "known": known, "warehouse": warehouse,
        "kinds": TITLES,
        "given": {name: query.get(name) for name in SKU_QUERY}, "days": days, "all_days": stock_views.DAYS,
        **_of_moment(moment),
        "chart": stock_views.chart_of(
            past, sku if warehouse is None else f"{sku} at {warehouse}", daily_units=daily, is_now=moment is None
        ),
        "bars": stock_views.bars_of(past), "marked": stock_views.marked(past), "line": line,
        "order_by": None if line is None else order_by_day(line),
        "entries": stock_views.ledger_view(past.entries((number_ - 1) * PER_PAGE, PER_PAGE)),
        "count": past.ledger.height, "page": number_, "pages": -(-past.ledger.height // PER_PAGE),
        "until": to_datetime(past.last).astimezone(UTC),
    }  # fmt: skip
    return await page(request, "sku.html", "stock", values, shown=shown if moment is None else None)


_NO_PLAN: dict[str, Any] = {"daily_units": None, "cover_days": None, "what_to_do": None, "why": None}

"""Stock over HTTP: the tree of a business, and a SKU's past; of now or of a moment."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.console.api.alerts import DEFAULT_LIMIT
from inventory_assets.console.http import answer, choice, console_of, number, read_query
from inventory_assets.console.pages.stock import LEVELS, TREE_QUERY, moment_in, place_in, tree_of
from inventory_assets.console.pages.stock_views import DEFAULT_DAYS, Past
from inventory_assets.console.problems import Refused
from inventory_assets.domain.stock.tree import BELOW, ORDERS, RANKS, ROOT, Branch, ordered
from inventory_assets.domain.values import to_datetime

__all__ = ("DEFAULT_DAYS", "LEVELS", "ORDERS", "show_history", "show_tree")


async def show_tree(request: Request) -> Response:
    """GET /api/stock/tree"""
    query = read_query(request, (*TREE_QUERY, "limit", "offset"))
    place, order = place_in(query), choice(query, "sort", ORDERS, "name")
    limit, offset = number(query, "limit", DEFAULT_LIMIT), number(query, "offset", 0)
    moment, warehouse = moment_in(request, query), query.get("warehouse")
    tree, _ = await tree_of(request, moment, is_patient=True)
    assert tree is not None  # there was no hurry
    sums = tree.node(place, warehouse)
    if sums is None and (place != ROOT or warehouse is not None):
        raise Refused(404, f"no stock is known of {' '.join(filter(None, (*place, warehouse)))!r}")
    # Which there are is nobody's to know who may see one.
    warehouses = tree.warehouses() if place == ROOT and warehouse is None else []
    if text := query.get("q"):
        found = tree.find(text, warehouse, offset + limit)
        rows, total = found[offset:], len(found)
    else:
        children = ordered(tree.children(place, warehouse), order)
        rows, total = children[offset : offset + limit], len(children)
    return answer(
        {
            "level": place[0] or None, "id": place[1] or None, "warehouse_id": warehouse,
            "at": None if moment is None else to_datetime(moment), "below": "SKU" if text else BELOW[place[0]],
            "path": [each._asdict() for each in tree.path(place)], "sums": None if sums is None else _row(sums),
            "warehouses": [_row(each) for each in warehouses], "rows": [_row(each) for each in rows],
        },
        headers={"X-Total-Count": str(total)},
    )  # fmt: skip


def _row(branch: Branch) -> dict[str, Any]:
    return {
        "level": branch.level or None, "id": branch.level_id or None, "name": branch.name or None,
        "on_hand": branch.on_hand, "reserved": branch.reserved, "available": branch.available,
        "inbound": branch.inbound, "sku_count": branch.skus, "open_alerts": branch.alerts,
        "worst_priority": None if branch.worst is None else RANKS[branch.worst],
    }  # fmt: skip


async def show_history(request: Request) -> Response:
    """GET /api/stock/history"""
    query = read_query(request, ("sku", "warehouse", "days", "at", "limit", "offset"))
    sku, warehouse = query.get("sku"), query.get("warehouse")
    if sku is None:
        raise Refused(400, "sku is needed")
    days = number(query, "days", int(DEFAULT_DAYS))
    limit, offset = number(query, "limit", DEFAULT_LIMIT), number(query, "offset", 0)
    moment = moment_in(request, query)
    shelves = console_of(request).shelves
    history = await shelves.history(sku, warehouse)
    if not history.warehouses:
        raise Refused(404, f"no stock is known of {' '.join(filter(None, (sku, warehouse)))!r}")
    last = await shelves.now() if moment is None else moment
    past = Past(history, last=last, days=days, warehouse=warehouse)
    outlook = past.outlook() if moment is None else None
    return answer(
        {
            "sku": sku, "warehouse_id": warehouse, "from": to_datetime(past.first), "until": to_datetime(past.last),
            "available": _from(past.first, past.series),
            "limits": [] if warehouse is None else [
                {"at": to_datetime(step.at), "min_threshold_qty": step.low, "reorder_threshold_qty": step.reorder,
                 "min_threshold_days": step.low_days, "reorder_threshold_days": step.reorder_days}
                for step in past.steps(warehouse)
            ],
            "arrivals": [{"at": to_datetime(at), "units": units} for at, units in past.arrivals if at >= past.first],
            "alerts": [
                {"alert_id": row["alert_id"], "warehouse_id": row["warehouse_id"], "alert_type": row["alert_type"],
                 "priority": row["priority"], "opened_at": to_datetime(row["opened_us"]),
                 "resolved_at": None if row["resolved_us"] is None else to_datetime(row["resolved_us"])}
                for row in past.alerts if (row["resolved_us"] or past.last) >= past.first
            ],
            "sold_by_week": [{"week": to_datetime(at).date(), "units": units} for at, units in past.weeks()],
            "projection": outlook and {
                "at": to_datetime(outlook.ends), "available": outlook.value, "low": outlook.low, "high": outlook.high,
            },
            "shelves": past.shelves(), "events": past.entries(offset, limit),
        },
        headers={"X-Total-Count": str(past.ledger.height)},
    )  # fmt: skip


def _from(first: int, series: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """What a series says from a moment on, with what it began with."""
    begin = max((place for place, (at, _) in enumerate(series) if at <= first), default=0)
    return [{"at": to_datetime(max(at, first)), "available": value} for at, value in series[begin:]]

"""The pages of the rules: the list, one rule with its form, a key's ladder, the history, the check."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inventory_assets.console import questions
from inventory_assets.console.api.thresholds import ask_ladder, scope_of
from inventory_assets.console.http import ask, choice, number, read_query
from inventory_assets.console.pages.rendering import page
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS
from inventory_assets.domain.thresholds.changes import describe_change
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.thresholds.edits import count_keys, read_changes, read_rules
from inventory_assets.thresholds.listing import rule_row

PER_PAGE = 100


def routes() -> list[Route]:
    """Every page of the rules."""
    return [
        Route("/thresholds", rules),
        Route("/thresholds/rule", rule),
        Route("/thresholds/ladder", ladder),
        Route("/thresholds/history", history),
        Route("/thresholds/check", check),
        Route("/thresholds/import", import_),
    ]


async def rules(request: Request) -> Response:
    """The rules in force, by level and by a text in their ids."""
    query = read_query(request, ("q", "level", "page"))
    level = choice(query, "level", ("", *HIERARCHY_LEVELS), "")
    text, number_ = query.get("q", ""), number(query, "page", 1)
    found = await ask(request, ("rules", level), questions.list_rules(level or None, None, muted=False))
    chosen = [row for row in found if text.lower() in f"{row['level_id'] or ''} {row['warehouse_id'] or ''}".lower()]
    values = {
        "rows": chosen[(number_ - 1) * PER_PAGE : number_ * PER_PAGE], "total": len(chosen), "q": text, "level": level,
        "levels": HIERARCHY_LEVELS, "page": number_, "pages": -(-len(chosen) // PER_PAGE),
        "given": {name: value for name, value in query.items() if name != "page"},
    }  # fmt: skip
    return await page(request, "thresholds.html", "thresholds", values)


async def rule(request: Request) -> Response:
    """One rule: its limits, its keys, its form, its history; or a form for a new one."""
    query = read_query(request, ("level_type", "level_id", "warehouse_id"))
    values: dict[str, Any] = {"row": None, "keys": None, "changes": [], "levels": HIERARCHY_LEVELS, "name": ""}
    values["form"] = {name: query.get(name, "") for name in ("level_type", "level_id", "warehouse_id")}
    if values["form"]["level_id"] or values["form"]["level_type"] == "GLOBAL":
        scope = scope_of(query)

        def look(reader: LakeReader) -> dict[str, Any]:
            stored = read_rules(reader).get(scope)
            changes = [change for change in read_changes(reader) if change.scope == scope]
            if stored is None:
                return {"row": None, "keys": None, "changes": _lines(changes)}
            return {"row": rule_row(stored), "keys": count_keys(reader, stored), "changes": _lines(changes)}

        try:
            values |= await ask(request, ("rule", scope), look)
        except LakeMissingError:
            pass  # the first rules may come before the first stock
        values["name"] = name_scope(scope)
    return await page(request, "rule.html", "thresholds", values)


async def ladder(request: Request) -> Response:
    """Which rule holds for a key, and what it hides."""
    query = read_query(request, ("warehouse", "sku"))
    warehouse, sku = query.get("warehouse", ""), query.get("sku", "")
    rungs = await ask_ladder(request, warehouse, sku) if warehouse and sku else None
    return await page(request, "ladder.html", "thresholds", {"warehouse": warehouse, "sku": sku, "rungs": rungs})


async def history(request: Request) -> Response:
    """Who changed which rule, when and why; the newest first."""
    query = read_query(request, ("page",))
    number_ = number(query, "page", 1)
    lines = await ask(request, "history lines", lambda reader: _lines(read_changes(reader)))
    shown = lines[(number_ - 1) * PER_PAGE : number_ * PER_PAGE]
    values = {"changes": shown, "page": number_, "pages": -(-len(lines) // PER_PAGE), "given": {}, "total": len(lines)}
    return await page(request, "history.html", "thresholds", values)


async def check(request: Request) -> Response:
    """What rules do that cannot be meant."""
    read_query(request, ())
    rows = await ask(request, "validate", questions.list_conflicts)
    return await page(request, "check.html", "thresholds", {"rows": rows})


def _lines(changes: list) -> list[dict[str, Any]]:
    return [
        {
            "at": to_datetime(change.changed_at), "scope": change.scope, "name": name_scope(change.scope),
            "action": change.action, "change": describe_change(change), "author": change.author,
            "reason": change.reason, "version": change.version,
        }
        for change in reversed(changes)
    ]  # fmt: skip


async def import_(request: Request) -> Response:
    """A file of rules: what it would change, then the change."""
    read_query(request, ())
    return await page(request, "import.html", "thresholds", {})

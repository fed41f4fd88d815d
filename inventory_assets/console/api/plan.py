"""The plan over HTTP: its lines, and what is decided on many of them at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.changes.decisions import Judged, judge_decisions
from inventory_assets.clock import clock_of
from inventory_assets.console.desk import ORIGIN, checked_text
from inventory_assets.console.http import (
    answer,
    author_of,
    choice,
    console_of,
    flag,
    holder_of,
    note_sent,
    number,
    read_object,
    read_query,
)
from inventory_assets.console.planning import Planned
from inventory_assets.console.problems import Refused
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.events.control import MAX_SILENCE_MINUTES
from inventory_assets.replenish.export import exported
from inventory_assets.replenish.lines import Made
from inventory_assets.replenish.sheet import Show, Sort, Wanted

FILTERS = ("supplier", "no_supplier", "warehouse", "category", "q", "show", "sort")
MAX_TEXT = 200
DECISIONS = ("accept", "dismiss", "snooze")
DEFAULT_LIMIT = 100
MAX_LINES = 1_000
MINUTES_A_DAY = 24 * 60
MAX_SNOOZE_DAYS = MAX_SILENCE_MINUTES // MINUTES_A_DAY
_LINE = ("line_id", "quantity", "warehouse_id", "sku")
# Of many lines in one request the audit names the first.
_NAMED = 10


def plan_query(request: Request, more: tuple[str, ...] = ()) -> tuple[dict[str, str], Wanted]:
    """The filters of a list of lines, checked: as given, and as meant."""
    query = read_query(request, (*FILTERS, *more))
    return query, wanted_of(query)


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Which lines a query means.

    Raises:
        Refused: A word is unknown, or the text too long.
    """
    is_unsupplied, supplier = flag(query, "no_supplier"), query.get("supplier")
    if is_unsupplied and supplier is not None:
        raise Refused(400, "supplier and no_supplier: give one of the two")
    text = query.get("q", "").strip()
    if len(text) > MAX_TEXT:
        raise Refused(400, f"q has {len(text):,} characters, expected at most {MAX_TEXT}")
    return Wanted(
        supplier, is_unsupplied, query.get("warehouse"), query.get("category"), text,
        Show(choice(query, "show", tuple(Show), Show.URGENT)), Sort(choice(query, "sort", tuple(Sort), Sort.URGENCY)),
    )  # fmt: skip


async def ask_part(
    request: Request, wanted: Wanted, *, limit: int, offset: int, with_stock: bool = False
) -> Planned:  # fmt: skip
    """A part of the plan; asked once a second, however many look."""
    console = console_of(request)
    question = console.planning.part(wanted, limit, offset, with_stock=with_stock)
    return await console.door.ask(("plan", wanted, limit, offset, with_stock), question)


async def ask_lines(request: Request, wanted: Wanted) -> tuple[Made | None, list[dict[str, Any]]]:
    """All lines of a choice."""
    console = console_of(request)
    return await console.door.ask(("plan lines", wanted), console.planning.lines(wanted))


async def list_plan(request: Request) -> Response:
    """GET /api/plan"""
    query, wanted = plan_query(request, ("limit", "offset"))
    limit, offset = number(query, "limit", DEFAULT_LIMIT), number(query, "offset", 0)
    found = await ask_part(request, wanted, limit=limit, offset=offset)
    rows = [exported(line) for part in found.parts for line in part.lines]
    return answer(rows, headers={"X-Total-Count": str(found.total)})


async def decide_plan(request: Request) -> Response:
    """POST /api/plan/{decision}"""
    decision = request.path_params["decision"]
    if decision not in DECISIONS:
        raise Refused(404, f"no decision {decision!r}, expected one of {', '.join(DECISIONS)}")
    body = await read_object(request)
    author = author_of(request, body)
    wanted = _read_wanted(decision, body)
    console = console_of(request)
    now = clock_of(console.settings).microseconds()
    judged = await console.door.ask_now(
        lambda reader: judge_decisions(reader, wanted, author, now=now, origin=ORIGIN)
    )  # fmt: skip
    _refuse_elsewhere(request, judged)
    resource = " ".join([f"plan-{decision}", *(str(each["plan_line_id"]) for each in wanted[:_NAMED])])
    ready = [each.prepared.message.data for each in judged if each.prepared is not None]
    if not ready:
        note_sent(request, {}, resource)
        raise Refused(409, "no line was decided on: each was refused", _problems(judged))
    sent = await console.desk.commands(ready)
    note_sent(request, sent, resource)
    return answer({**sent, "lines": _outcomes(judged, sent["message_ids"])}, 202)


def _read_wanted(decision: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = {"lines", "reason", "author", *(("days", "until") if decision == "snooze" else ())}
    if unknown := sorted(set(body) - known):
        raise Refused(422, f"unknown field {', '.join(unknown)}; {decision} takes {', '.join(sorted(known))}")
    shared = {"command": f"plan-{decision}", "reason": checked_text("reason", body.get("reason"))}
    if decision == "snooze":
        shared |= _end_of(body)
    lines = body.get("lines")
    if not isinstance(lines, list) or not 1 <= len(lines) <= MAX_LINES:
        raise Refused(422, f"lines was no list of 1 to {MAX_LINES:,} lines")
    found = [_read_line(place, line, decision) | shared for place, line in enumerate(lines)]
    seen = set()
    for place, each in enumerate(found):
        name = (each["plan_line_id"], each.get("warehouse_id"), each.get("sku"))
        if name in seen:
            raise Refused(422, f"lines[{place}]: {each['plan_line_id']!r} was given before")
        seen.add(name)
    return found


def _end_of(body: Mapping[str, Any]) -> dict[str, Any]:
    days, until = body.get("days"), body.get("until")
    if (days is None) is (until is None):
        raise Refused(422, "snooze needs an end: give days, or else until")
    if until is not None:
        return {"until": until}
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_SNOOZE_DAYS:
        raise Refused(422, f"days was {days!r}, expected a whole number from 1 to {MAX_SNOOZE_DAYS:,}")
    return {"minutes": days * MINUTES_A_DAY}


def _read_line(place: int, line: object, decision: str) -> dict[str, Any]:
    known = tuple(name for name in _LINE if name != "quantity" or decision == "accept")
    if not isinstance(line, dict) or not isinstance(line.get("line_id"), str):
        raise Refused(422, f"lines[{place}] was no object with a line_id")
    if unknown := sorted(set(line) - set(known)):
        raise Refused(422, f"lines[{place}]: unknown field {', '.join(unknown)}; a line has {', '.join(known)}")
    given = {name: line[name] for name in known[1:] if line.get(name) is not None}
    return {"plan_line_id": line["line_id"], **given}


def _refuse_elsewhere(request: Request, judged: Sequence[Judged]) -> None:
    """Hold a token of some warehouses to lines there; a line that is not known could be of any."""
    holder = holder_of(request)
    if holder is None or holder.warehouses is None:
        return
    for each in judged:
        places: list[str | None] = [warehouse_id for warehouse_id, _ in each.shelves]
        for place in places or [None]:
            if refused := holder.refusal(Scope.WRITE, place):
                raise Refused(refused.status, refused.detail)


def _outcomes(judged: Sequence[Judged], message_ids: Sequence[str]) -> list[dict[str, Any]]:
    ids = iter(message_ids)
    return [
        {**_named(each), "outcome": "sent", "message_id": next(ids)} if each.refusal is None
        else {**_named(each), "outcome": "refused", "reason": each.refusal.reason, "detail": each.refusal.detail}
        for each in judged
    ]  # fmt: skip


def _problems(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    return [
        {"place": each.wanted["plan_line_id"], "finding": each.refusal.detail, "reason": each.refusal.reason}
        | _named(each)
        for each in judged
        if each.refusal is not None
    ]


def _named(each: Judged) -> dict[str, Any]:
    names = {"line_id": "plan_line_id", "warehouse_id": "warehouse_id", "sku": "sku"}
    return {name: each.wanted.get(field) for name, field in names.items()}

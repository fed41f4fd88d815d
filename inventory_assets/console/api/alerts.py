"""Alerts, incidents, stock, connectors and the lake's health over HTTP."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.changes.commands import SCOPE_FIELDS
from inventory_assets.console import questions
from inventory_assets.console.api.openapi import document
from inventory_assets.console.http import (
    answer,
    ask,
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
from inventory_assets.console.pictured import Shown
from inventory_assets.console.problems import Refused
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.notify.history import read_notifications
from inventory_assets.queries.alerts import ORDERS
from inventory_assets.queries.counts import count_lake
from inventory_assets.queries.incidents import read_incidents, read_members
from inventory_assets.queries.links import post_mortems, read_incident_notes

PRIORITIES = ("CRITICAL", "HIGH", "MEDIUM")
STATES = ("firing", "resolved", "all")
FILTERS = (
    "state", "q", "warehouse", "sku", "type", "priority", "department", "category", "brand", "supplier",
    "unacknowledged", "sort",
)  # fmt: skip
"""What a list of alerts is asked with; what a page's address keeps."""
MAX_SEARCH = 100
DEFAULT_LIMIT = 100


def alert_query(request: Request, more: tuple[str, ...] = ()) -> dict[str, str]:
    """The filters of a list of alerts, checked."""
    query = read_query(request, (*FILTERS, *more))
    choice(query, "state", STATES, "firing")
    choice(query, "type", ("", *Condition), "")
    choice(query, "priority", ("", *PRIORITIES), "")
    choice(query, "sort", ORDERS, "worst")
    flag(query, "unacknowledged")
    if len(query.get("q", "")) > MAX_SEARCH:
        raise Refused(400, f"q has {len(query['q']):,} characters, expected {MAX_SEARCH} at most")
    return query


async def list_alerts(request: Request) -> Response:
    """GET /api/alerts"""
    query = alert_query(request, ("limit", "offset"))
    limit = number(query, "limit", DEFAULT_LIMIT)
    offset = number(query, "offset", 0)
    picture = await console_of(request).pictured.picture_of_alerts()
    rows, total, _ = await alerts_of(request, query, picture, limit=limit, offset=offset)
    return answer(rows, headers={"X-Total-Count": str(total)})


async def alerts_of(
    request: Request, query: Mapping[str, str], picture: Picture | None, *, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int, Shown | None]:
    """A part of a list of alerts, how many there are in all, and of which version it is; None is the lake's."""
    pictured = console_of(request).pictured
    if picture is None or query.get("state", "firing") != "firing":
        question = questions.list_alerts(query, limit, offset)
        return *await ask(request, ("alerts", limit, offset, *sorted(query.items())), question), None
    shown, alerts = pictured.shown(picture), pictured.worst_alerts(picture, query)
    return await pictured.list_alerts(picture, alerts[offset : offset + limit]), len(alerts), shown


async def all_alerts_of(request: Request, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """A whole list of alerts but for what to do about them: that is worked out for a page at a time."""
    pictured = console_of(request).pictured
    picture = await pictured.picture_of_alerts()
    if picture is None or query.get("state", "firing") != "firing":
        return await ask(request, ("all alerts", *sorted(query.items())), questions.list_all_alerts(query))
    return pictured.alert_rows(picture, pictured.worst_alerts(picture, query))


async def alert_of(request: Request, text: str) -> tuple[dict[str, Any], Shown | None]:
    """One alert by its id or a part of it, as `questions.show_alert`, and of which version its head is."""
    console = console_of(request)
    picture = await console.pictured.picture_of_alerts()
    # Also one that has just gone: the lake would still say that it fires.
    alert = None if picture is None else picture.alerts.last(text)
    if picture is None or alert is None:
        return await ask(request, ("alert", text), questions.show_alert(text)), None
    shown = console.pictured.shown(picture)
    [row] = await console.pictured.list_alerts(picture, [alert])
    past = await ask(request, ("past", text, alert.version), questions.show_past(text))
    return {**row, "times_told": alert.notification_count, **past}, shown


async def show_alert(request: Request) -> Response:
    """GET /api/alerts/{alert_id}"""
    query = read_query(request, ("explain",))
    shown, _ = await alert_of(request, request.path_params["alert_id"])
    if choice(query, "explain", ("true", "false"), "true") == "true":
        shown = {**shown, "explanation": await console_of(request).explain(shown["alert_id"])}
    return answer(shown)


async def command_alert(request: Request) -> Response:
    """POST /api/alerts/{alert_id}/{command}"""
    return await _send(request, command=request.path_params["command"], alert_id=request.path_params["alert_id"])


async def command_scope(request: Request) -> Response:
    """POST /api/commands"""
    return await _send(request)


async def note_incident(request: Request) -> Response:
    """POST /api/incidents/{incident_id}/note"""
    incident_id = request.path_params["incident_id"]
    if not is_incident_id(incident_id):
        raise Refused(404, f"no incident {incident_id!r}")
    return await _send(request, command="note", alert_id=incident_id)


async def _send(request: Request, **named: str) -> Response:
    """Send the command of a body; what the address names is not the body's to say."""
    body = await read_object(request)
    author = author_of(request, body)
    wanted = {name: value for name, value in body.items() if name != "author"} | named
    await _refuse_elsewhere(request, wanted)
    done = await console_of(request).desk.command(wanted, author)
    note_sent(request, done, _subject(wanted))
    return answer(done, 202 if done["status"] == "sent" else 200)


async def _refuse_elsewhere(request: Request, wanted: Mapping[str, Any]) -> None:
    """Hold a token of some warehouses to those: what it names, and where the alert is that it names."""
    holder = holder_of(request)
    if holder is None or holder.warehouses is None:
        return
    places: list[object] = [wanted["warehouse_id"]] if wanted.get("warehouse_id") is not None else []
    if (alert_id := wanted.get("alert_id")) is not None:
        question = questions.warehouse_of(str(alert_id))
        places.append(await console_of(request).door.ask_now(question))
    for place in places or [None]:
        if refused := holder.refusal(Scope.WRITE, place if isinstance(place, str) else None):
            raise Refused(refused.status, refused.detail)


def _subject(wanted: Mapping[str, Any]) -> str:
    names = ("alert_id", *SCOPE_FIELDS)
    return " ".join([str(wanted.get("command")), *(f"{name}={wanted[name]}" for name in names if wanted.get(name))])


async def list_incidents(request: Request) -> Response:
    """GET /api/incidents"""
    query = read_query(request, ("state",))
    state = choice(query, "state", ("open", "resolved", "all"), "open")
    return answer(await ask(request, ("incidents", state), lambda reader: read_incidents(reader, state)))


async def show_incident(request: Request) -> Response:
    """GET /api/incidents/{incident_id}"""
    read_query(request, ())
    return answer(await incident_of(request, request.path_params["incident_id"]))


async def incident_of(request: Request, incident_id: str) -> dict[str, Any]:
    """One incident with its alerts, its notes, its notifications."""

    def look(reader: Any) -> dict[str, Any] | None:
        for row in read_incidents(reader, incident_id=incident_id):
            notes = read_incident_notes(reader, incident_id)
            return {
                **row, "alerts": read_members(reader, row["members"]), "history": notes,
                "post_mortems": post_mortems(notes), "notifications": read_notifications(reader, incident_id),
            }  # fmt: skip
        return None

    found = await ask(request, ("incident", incident_id), look)
    if found is None:
        raise Refused(404, f"no incident {incident_id!r}")
    return found


async def list_stock(request: Request) -> Response:
    """GET /api/stock"""
    query = read_query(request, ("sku", "warehouse", "limit"))
    sku, warehouse = query.get("sku"), query.get("warehouse")
    if sku is None and warehouse is None:
        raise Refused(400, "sku or warehouse is needed")
    limit = number(query, "limit", DEFAULT_LIMIT)
    question = questions.list_stock(sku=sku, warehouse=warehouse, limit=limit)
    return answer(await ask(request, ("stock", sku, warehouse, limit), question))


async def list_connectors(request: Request) -> Response:
    """GET /api/connectors"""
    read_query(request, ())
    return answer(await ask(request, "connectors", questions.list_connectors))


async def stats(request: Request) -> Response:
    """GET /api/stats"""
    read_query(request, ())
    settings = console_of(request).settings
    return answer(await ask(request, "stats", lambda reader: count_lake(reader, settings)))


async def change_outcome(request: Request) -> Response:
    """GET /api/changes/{request_id}"""
    query = read_query(request, ("since", "total"))
    request_id = request.path_params["request_id"]
    if not (len(request_id) == 32 and request_id.isalnum() and request_id.isascii()):
        raise Refused(404, f"no change {request_id!r}")
    since, total = number(query, "since", 0), number(query, "total", 1)
    place = (request_id, since, total)
    return answer(await ask(request, ("outcome", *place), questions.outcome(*place)))


async def health(request: Request) -> Response:
    """GET /healthz"""
    query = read_query(request, ("max_age_seconds",))
    try:
        found = await console_of(request).health_door.ask("health", questions.health)
    except LakeMissingError:
        # Without the reason, which names a path: a probe needs no token.
        return answer({"status": "no_lake", "lake_version": 0}, 503)
    limit = number(query, "max_age_seconds", 0)
    is_stale = bool(limit) and (found["age_seconds"] is None or found["age_seconds"] > limit)
    return answer({"status": "stale" if is_stale else "ok", **found}, 503 if is_stale else 200)


async def openapi(request: Request) -> Response:
    """GET /api/openapi.json"""
    return answer(document(request.app.state.endpoints))

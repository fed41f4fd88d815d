"""What can be changed over HTTP: a shelf's stock, events, what to do about alerts and lines of the plan.

Each is answered 202 once Pub/Sub has confirmed its messages, with where to ask what became of them (`outcome`).
Stock is written as what a database says, so it is the lake's to weigh: a level of PUT counts until a later one of the
source (RULES 12).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from inventory_assets.api.http import Answer, Asked, Handler, Problem
from inventory_assets.api.idempotency import Plan
from inventory_assets.api.routes import Route
from inventory_assets.api.writing.commands import obey
from inventory_assets.api.writing.judged import judged_of, told
from inventory_assets.api.writing.sending import accept
from inventory_assets.api.writing.shelf import picture_of, plan_level, plan_move
from inventory_assets.api.writing.wanted import Accepted, Change, Count, Unchanged, Where, body_of
from inventory_assets.changes.commands import ALERT_FIELDS, PLAN_FIELDS, REASONS, find_subject
from inventory_assets.domain.changes.checked import Complaint
from inventory_assets.domain.changes.events import UnknownTypeError, read_events
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import InvalidValue

if TYPE_CHECKING:
    from inventory_assets.api.service import Service


async def put_stock(service: "Service", asked: Asked) -> Answer:
    """PUT /v1/inventory/…"""
    return await accept(service, asked, partial(plan_level, service, asked))


async def patch_stock(service: "Service", asked: Asked) -> Answer:
    """PATCH /v1/inventory/…"""
    return await accept(service, asked, partial(plan_move, service, asked))


async def post_events(service: "Service", asked: Asked) -> Answer:
    """POST /v1/events, /events/stock-updated"""
    return await accept(service, asked, partial(_plan_events, service, asked))


async def command_alert(command: str, service: "Service", asked: Asked) -> Answer:
    """POST /v1/alerts/{alert_id}/{command}"""
    (text,) = asked.values
    return await obey(service, asked, command, lambda reader: {"alert_id": find_subject(reader, text)}, ALERT_FIELDS)


async def command_line(decision: str, service: "Service", asked: Asked) -> Answer:
    """POST /v1/plan/{line_id}/{decision}"""
    (line_id,) = asked.values
    return await obey(service, asked, f"plan-{decision}", lambda reader: {"plan_line_id": line_id}, PLAN_FIELDS)


async def _plan_events(service: "Service", asked: Asked, request_id: str) -> Plan:
    picture = await picture_of(service, asked)
    if b"if-match" in asked.headers or b"if-none-match" in asked.headers:
        raise Problem(400, "If-Match and If-None-Match are of PUT and PATCH of one shelf; leave them out")
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in asked.headers.items()
        if name == b"content-type" or name.startswith(b"ce-")
    }
    try:
        bodies = read_events(headers, asked.body)
    except UnknownTypeError as error:
        raise Problem(415, str(error)) from None
    except InvalidValue as error:
        raise told([Complaint(0, error.reason, error.detail, error.position)], 1, is_batch=False) from None
    is_batch = len(bodies) > 1
    judged, sent = judged_of(service, asked, request_id, Topic.SERVICES, bodies, is_batch=is_batch)
    warehouses = {warehouse for each in judged for warehouse in each.warehouses}
    is_of_none = any(not each.warehouses for each in judged)
    return Plan(
        tuple(sent), 0 if picture is None else picture.version, {"events": len(sent)},
        None if is_of_none else tuple(sorted(warehouses)),
    )  # fmt: skip


_TAKEN = "taken: kept, and confirmed by the broker; Location says where to ask what becomes of it"
_ANSWERS: dict[int, tuple[Any, str]] = {
    202: (Accepted, _TAKEN),
    400: (None, "the Idempotency-Key is none, or a header does not fit"),
    403: (None, "not this token's to write; nothing was sent"),
    409: (None, "the request with this Idempotency-Key is being carried out"),
    412: (None, "the stock was changed since the version of If-Match"),
    415: (None, "another content type was expected"),
    422: (None, "it would be refused; nothing was sent"),
    503: (None, "not confirmed: send the same again"),
}


def _stock_routes(method: str, handler: Handler, body: type, summary: str) -> tuple[Route, ...]:
    return tuple(
        Route(method, path, handler, summary, "write", query, body, _ANSWERS)
        for path, query in (
            ("/v1/inventory/{warehouse}/{sku}", None), ("/v1/inventory/{id}", None), ("/v1/inventory", Where),
        )
    )  # fmt: skip


_OF_COMMAND = {
    status: (Accepted, _TAKEN) if status == 202 else about for status, about in _ANSWERS.items() if status != 412
} | {200: (Unchanged, "it was so already; nothing was sent"), 404: (None, "there is no such alert or line")}

ROUTES: tuple[Route, ...] = (
    *_stock_routes("PUT", put_stock, Count, "Say what was counted on a shelf; counts until the source says otherwise."),
    *_stock_routes("PATCH", patch_stock, Change, "Adjust a shelf's stock, reserve of it, or release."),
    Route("POST", "/v1/events", post_events, "Send CloudEvents or service events, one or up to 1,000: all or none.",
          "write", None, bytes, _ANSWERS),
    Route("POST", "/events/stock-updated", post_events, "The same, where R3's services send it.",
          "write", None, bytes, _ANSWERS),
    *(
        Route("POST", f"/v1/alerts/{{alert_id}}/{name}", partial(command_alert, name), f"Act on an alert: {name}.",
              "write", None, body_of(name, fields, is_reason_needed=name not in REASONS), _OF_COMMAND)
        for name, fields in ALERT_FIELDS.items()
    ),
    *(
        Route("POST", f"/v1/plan/{{line_id}}/{name.removeprefix('plan-')}",
              partial(command_line, name.removeprefix("plan-")), f"Decide on a line of the plan: {name}.", "write",
              None, body_of(name, (*fields, "warehouse_id", "sku"), is_reason_needed=name not in REASONS), _OF_COMMAND)
        for name, fields in PLAN_FIELDS.items()
    ),
)  # fmt: skip

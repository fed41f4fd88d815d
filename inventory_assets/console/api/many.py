"""Act on many alerts at once over HTTP: each is judged by itself, and those that fit go out together.

Not here: one alert or a scope (`alerts`), lines of the plan (`plan`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.changes.commands import CommandProblemError, Prepared, check_fields, prepare, would_change
from inventory_assets.clock import clock_of
from inventory_assets.console import questions
from inventory_assets.console.desk import ORIGIN
from inventory_assets.console.http import answer, author_of, console_of, holder_of, note_sent, read_object
from inventory_assets.console.problems import Refused
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.lake.query.reader import LakeReader

ACTS = ("ack", "silence", "unsilence", "note")
# Each is looked up by itself, on the thread that reads for everybody: a page has fifty.
MAX_ALERTS = 200
_TAKES = ("command", "alert_ids", "reason", "author", "minutes", "until")
_NAMED = 3


class Judged(NamedTuple):
    """What becomes of one: sent as `prepared`, or `unchanged` or `refused` for a reason."""

    alert_id: str
    outcome: str
    detail: str = ""
    prepared: Prepared | None = None


async def act_on_many(request: Request) -> Response:
    """POST /api/alerts"""
    body = await read_object(request)
    author = author_of(request, body)
    ids, shared = _read_wanted(body)
    console = console_of(request)
    await _refuse_elsewhere(request, ids)
    now = clock_of(console.settings).microseconds()
    wanted = [check_fields({**shared, "alert_id": each}, author) for each in ids]
    # What is wrong with the command itself is wrong of all: nothing of it is sent.
    prepared = [prepare(console.settings, each, now=now, origin=ORIGIN) for each in wanted]
    judged = await console.door.ask_now(lambda reader: [_judge(reader, each) for each in prepared])
    resource = " ".join([f"{shared['command']} of {len(ids)}", *ids[:_NAMED]])
    ready = [each.prepared.message.data for each in judged if each.prepared is not None]
    if not ready:
        note_sent(request, {}, resource)
        if all(each.outcome == "refused" for each in judged):
            problems = [{"place": each.alert_id, "finding": each.detail} for each in judged]
            raise Refused(409, "no alert was acted on: each was refused", problems)
        return answer({"status": "unchanged", "alerts": _outcomes(judged, ())})
    sent = await console.desk.commands(ready)
    note_sent(request, sent, resource)
    return answer({**sent, "alerts": _outcomes(judged, sent["message_ids"])}, 202)


def _read_wanted(body: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    if unknown := sorted(set(body) - set(_TAKES)):
        raise Refused(422, f"unknown field {', '.join(unknown)}; expected {', '.join(_TAKES)}")
    command, ids = body.get("command"), body.get("alert_ids")
    if command not in ACTS:
        raise Refused(422, f"command was {command!r}, expected one of {', '.join(ACTS)}")
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_ALERTS or not all(isinstance(each, str) for each in ids):
        raise Refused(422, f"alert_ids was no list of 1 to {MAX_ALERTS} ids")
    if len(set(ids)) < len(ids):
        raise Refused(422, "alert_ids has an id twice")
    return ids, {name: value for name, value in body.items() if name not in ("alert_ids", "author")}


async def _refuse_elsewhere(request: Request, ids: Sequence[str]) -> None:
    """Hold a token of some warehouses to alerts there; one that is not known could be of any."""
    holder = holder_of(request)
    if holder is None or holder.warehouses is None:
        return
    places = await console_of(request).door.ask_now(
        lambda reader: {questions.warehouse_of(each)(reader) for each in ids}
    )  # fmt: skip
    for place in places:
        if refused := holder.refusal(Scope.WRITE, place):
            raise Refused(refused.status, refused.detail)


def _judge(reader: LakeReader, prepared: Prepared) -> Judged:
    alert_id = str(prepared.command.alert_id)
    if is_incident_id(alert_id):
        return Judged(alert_id, "refused", f"{alert_id!r} is an incident: note it by itself")
    try:
        if not would_change(reader, prepared.command):
            return Judged(alert_id, "unchanged", "it was so already")
    except CommandProblemError as error:
        return Judged(alert_id, "refused", str(error))
    return Judged(alert_id, "sent", prepared=prepared)


def _outcomes(judged: Sequence[Judged], message_ids: Sequence[str]) -> list[dict[str, Any]]:
    ids = iter(message_ids)
    return [
        {"alert_id": each.alert_id, "outcome": each.outcome}
        | ({"detail": each.detail} if each.prepared is None else {"message_id": next(ids)})
        for each in judged
    ]

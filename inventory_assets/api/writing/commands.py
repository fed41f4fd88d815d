"""The plan of a command on an alert or on a line of the plan, as the console sends them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.idempotency import Plan, Sent
from inventory_assets.api.writing.judged import read_json
from inventory_assets.api.writing.sending import ORIGIN, PLACE, REQUEST_ID, accept, allow
from inventory_assets.api.writing.shelf import picture_of
from inventory_assets.changes.commands import (
    CommandProblemError,
    Prepared,
    check_fields,
    prepare,
    warehouse_of,
    would_change,
)
from inventory_assets.domain.events.kinds import join_id
from inventory_assets.domain.events.topics import Topic
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.ids import AmbiguousAlertError, UnknownAlertError

if TYPE_CHECKING:
    from inventory_assets.api.service import Service


async def obey(
    service: "Service", asked: Asked, command: str, about: Callable[[LakeReader], dict[str, str]],
    fields: Mapping[str, tuple[str, ...]],
) -> Answer:  # fmt: skip
    """Send a command, unless it would change nothing.

    Args:
        service, asked: As of every handler.
        command: Which.
        about: Asks the lake what it is about: the field that says it.
        fields: Which commands there are.
    """

    async def plan(request_id: str) -> Plan:
        body = read_json(asked)
        picture = await picture_of(service, asked)
        try:
            wanted = check_fields({**body, "command": command}, asked.grant.name, fields)
            if taken := sorted({"alert_id", "plan_line_id"} & set(body)):
                raise CommandProblemError(422, f"{taken[0]} stands in the address; leave it out of the body")
            now = service.writer.now()

            def ask(reader: LakeReader) -> tuple[Prepared, str | None, bool]:
                prepared = prepare(service.settings, {**wanted, **about(reader)}, now=now, origin=ORIGIN)
                return prepared, warehouse_of(reader, prepared.command), would_change(reader, prepared.command)

            prepared, warehouse, is_new = await service.ask_lake(ask)
        except CommandProblemError as error:
            raise Problem(error.status, str(error)) from error
        except (UnknownAlertError, LakeMissingError) as error:
            raise Problem(404, str(error)) from error
        except AmbiguousAlertError as error:
            raise Problem(409, str(error)) from error
        allow(asked, warehouse)
        if not is_new:
            raise _Unchanged(answer({"outcome": "unchanged", "detail": "it was so already; nothing was sent"}))
        attributes = {
            "origin": ORIGIN, REQUEST_ID: request_id, PLACE: "0", "row_id": f"{ORIGIN}/{request_id}",
        }  # fmt: skip
        event_id = join_id("row", attributes["row_id"])
        sent = Sent(Topic.CONTROL, "", attributes, prepared.message.data, event_id)
        said = {"command": command, "about": prepared.command.alert_id or prepared.command.plan_line_id}
        return Plan(
            (sent,), 0 if picture is None else picture.version, said, None if warehouse is None else (warehouse,)
        )

    try:
        return await accept(service, asked, plan)
    except _Unchanged as unchanged:
        return unchanged.answer


class _Unchanged(Exception):
    """Nothing has to be sent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

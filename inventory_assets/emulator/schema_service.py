"""google.pubsub.v1.SchemaService.

Belongs here: the methods. Does not belong: what they decide (`schema_registry`).
"""

from typing import Any

from google.pubsub_v1.types import schema

from inventory_assets.emulator import wire
from inventory_assets.emulator.limits import check_name, page
from inventory_assets.emulator.schema_registry import BINARY, SchemaRegistry, parse, why_not
from inventory_assets.emulator.status import invalid

_BASIC = 1


class SchemaService:
    """Methods of the schema service; each takes and returns plain protobuf."""

    def __init__(self, schemas: SchemaRegistry) -> None:
        self._schemas = schemas

    async def create_schema(self, request: Any, context: Any) -> Any:
        body = _definition(request.schema)
        body.name = f"{request.parent}/schemas/{request.schema_id}"
        return await self._schemas.create(body)

    async def get_schema(self, request: Any, context: Any) -> Any:
        return _view(self._schemas.get(request.name), request.view)

    async def list_schemas(self, request: Any, context: Any) -> Any:
        found, token = page(self._schemas.latest(), request, project=request.parent)
        return schema.ListSchemasResponse.pb()(
            schemas=[_view(each, request.view or _BASIC) for each in found], next_page_token=token
        )

    async def delete_schema(self, request: Any, context: Any) -> None:
        await self._schemas.delete(request.name)

    async def commit_schema(self, request: Any, context: Any) -> Any:
        check_name(request.name, "schemas")
        return await self._schemas.commit(request.name, _definition(request.schema))

    async def rollback_schema(self, request: Any, context: Any) -> Any:
        if not request.revision_id:
            raise invalid("The revision_id to roll back to is missing.")
        return await self._schemas.rollback(request.name, request.revision_id)

    async def delete_schema_revision(self, request: Any, context: Any) -> Any:
        # The field for the revision alone is deprecated; older clients fill it.
        is_whole = "@" in request.name or not request.revision_id
        return await self._schemas.delete_revision(
            request.name if is_whole else f"{request.name}@{request.revision_id}"
        )

    async def list_schema_revisions(self, request: Any, context: Any) -> Any:
        found = self._schemas.revisions(request.name)
        ids = [each.revision_id for each in found]
        start = ids.index(request.page_token) + 1 if request.page_token in ids else 0
        end = start + (request.page_size if request.page_size > 0 else len(found))
        return schema.ListSchemaRevisionsResponse.pb()(
            schemas=[_view(each, request.view or _BASIC) for each in found[start:end]],
            next_page_token=ids[end - 1] if end < len(ids) else "",
        )

    async def validate_schema(self, request: Any, context: Any) -> Any:
        parse(request.schema)
        return schema.ValidateSchemaResponse.pb()()

    async def validate_message(self, request: Any, context: Any) -> Any:
        if request.name:
            parsed = self._schemas.parsed(request.name)
        elif request.HasField("schema"):
            parsed = parse(request.schema)
        else:
            raise invalid("Nothing to validate against: name a schema, or give one.")
        reason = why_not(parsed, request.message, "BINARY" if request.encoding == BINARY else "JSON")
        if reason:
            raise invalid(f"Invalid schema message: Message failed schema validation. {reason}.")
        return schema.ValidateMessageResponse.pb()()


def _definition(given: Any) -> Any:
    """What a client may say of a schema; its name and revision are the service's to give."""
    body = wire.Schema(type_=given.type_, definition=given.definition)
    if given.HasField("compiled_proto_schema"):
        body.compiled_proto_schema.CopyFrom(given.compiled_proto_schema)
    return body


def _view(body: Any, view: int) -> Any:
    if view != _BASIC:
        return body
    short = wire.Schema()
    short.CopyFrom(body)
    short.ClearField("definition")
    return short

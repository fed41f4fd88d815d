"""google.pubsub.v1.SchemaService.

Belongs here: the methods. Does not belong: revisions (CommitSchema,
RollbackSchema, ListSchemaRevisions, DeleteSchemaRevision), which answer
UNIMPLEMENTED.
"""

from typing import Any

from google.pubsub_v1.types import schema

from inventory_assets.emulator import wire
from inventory_assets.emulator.limits import page
from inventory_assets.emulator.schema_registry import SchemaRegistry, check, parse
from inventory_assets.emulator.status import invalid

_BASIC = 1


class SchemaService:
    """Methods of the schema service; each takes and returns plain protobuf."""

    def __init__(self, schemas: SchemaRegistry) -> None:
        self._schemas = schemas

    async def create_schema(self, request: Any, context: Any) -> Any:
        body = wire.Schema()
        body.CopyFrom(request.schema)
        body.name = f"{request.parent}/schemas/{request.schema_id}"
        return await self._schemas.create(body)

    async def get_schema(self, request: Any, context: Any) -> Any:
        return _view(self._schemas.get(request.name), request.view)

    async def list_schemas(self, request: Any, context: Any) -> Any:
        found, token = page(self._schemas.schemas.values(), request, project=request.parent)
        return schema.ListSchemasResponse.pb()(
            schemas=[_view(each, request.view or _BASIC) for each in found], next_page_token=token
        )

    async def delete_schema(self, request: Any, context: Any) -> None:
        await self._schemas.delete(request.name)

    async def validate_schema(self, request: Any, context: Any) -> Any:
        parse(request.schema)
        return schema.ValidateSchemaResponse.pb()()

    async def validate_message(self, request: Any, context: Any) -> Any:
        if request.name:
            parsed = parse(self._schemas.get(request.name))
        elif request.HasField("schema"):
            parsed = parse(request.schema)
        else:
            raise invalid("Nothing to validate against: name a schema, or give one.")
        check(parsed, request.message, encoding=request.encoding)
        return schema.ValidateMessageResponse.pb()()


def _view(body: Any, view: int) -> Any:
    if view != _BASIC:
        return body
    short = wire.Schema()
    short.CopyFrom(body)
    short.ClearField("definition")
    return short

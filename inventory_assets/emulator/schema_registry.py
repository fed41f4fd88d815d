"""Schemas of the emulator: kept, and applied to published messages.

Belongs here: which schema a name means, and whether messages hold to it. Does
not belong: the languages themselves (`avro`, `proto_text`); revisions, of
which a schema has one here.
"""

import secrets
from collections.abc import Iterable
from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.avro import AvroError, AvroSchema
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import check_new, find
from inventory_assets.emulator.proto_text import ProtoError, ProtoSchema
from inventory_assets.emulator.status import invalid

PROTOCOL_BUFFER, AVRO = 1, 2
JSON, BINARY = 1, 2

Parsed = AvroSchema | ProtoSchema


class SchemaRegistry:
    """The schemas of a broker, and their rows in the store."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.schemas: dict[str, Any] = {}
        self._parsed: dict[str, Parsed] = {}

    def load(self) -> None:
        """Read schemas back from the store."""
        for name, _, _, body in self._broker.store.resources("schema"):
            self.schemas[name] = wire.Schema.FromString(body)

    def get(self, name: str) -> Any:
        """Find a schema; a revision after `@` is ignored, there is one."""
        return find(self.schemas, name.split("@")[0], "schemas")

    async def create(self, body: Any) -> Any:
        """Keep a schema, if it parses."""
        check_new(self.schemas, body.name, "schemas")
        parsed = parse(body)
        body.revision_id = secrets.token_hex(4)
        body.revision_create_time.FromMicroseconds(self._broker.now_us())
        self.schemas[body.name], self._parsed[body.name] = body, parsed
        self._broker.batch.put_resource("schema", body, id=self._broker.new_id(), created_us=self._broker.now_us())
        await self._broker.committed()
        return body

    async def delete(self, name: str) -> None:
        """Forget a schema; topics that use it refuse messages."""
        name = self.get(name).name
        del self.schemas[name]
        self._parsed.pop(name, None)
        self._broker.batch.delete_resource("schema", name)
        await self._broker.committed()

    def check_messages(self, settings: Any, messages: Iterable[Any]) -> None:
        """Check messages against the schema of a topic."""
        body = self.get(settings.schema)
        parsed = self._parsed.get(body.name)
        if parsed is None:
            parsed = self._parsed[body.name] = parse(body)
        for position, message in enumerate(messages):
            check(parsed, message.data, encoding=settings.encoding, what=f"Message #{position}")


def parse(body: Any) -> Parsed:
    """Parse a definition, or say what is wrong with it."""
    try:
        if body.type_ == AVRO:
            return AvroSchema(body.definition)
        if body.type_ == PROTOCOL_BUFFER:
            return ProtoSchema(body.definition)
    except (AvroError, ProtoError) as error:
        raise invalid(f"Invalid schema definition: {error}.") from error
    raise invalid("The schema has no type; expected AVRO or PROTOCOL_BUFFER.")


def check(parsed: Parsed, message: bytes, *, encoding: int, what: str = "The message") -> None:
    """Check one message, or say what is wrong with it."""
    try:
        if encoding == BINARY:
            parsed.check_binary(message)
        else:
            parsed.check_json(message)
    except (AvroError, ProtoError) as error:
        raise invalid(f"{what} failed schema validation: {error}.") from error

"""Schemas of the emulator: their revisions, and what they say of published messages.

Belongs here: which revisions a name means, what may follow what, and whether
messages hold to one of a topic's. Does not belong: the languages themselves
(`avro`, `schemas.protobuf`), the methods (`schema_service`).

What is not said of Google's service is decided the strict way, so that what
passes here passes there: a revision must be compatible with each that exists.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from inventory_assets.emulator import wire
from inventory_assets.emulator.avro import AvroError, AvroSchema
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.limits import check_new, find
from inventory_assets.emulator.status import Code, StatusError, failed_precondition, invalid, not_found
from inventory_assets.schemas.protobuf import ProtoError, ProtoSchema
from inventory_assets.schemas.revisions import changes_between

PROTOCOL_BUFFER, AVRO = 1, 2
JSON, BINARY = 1, 2
DELETED_SCHEMA = "_deleted-schema_"
# "A schema can have at most 20 revisions at a time."
MOST_REVISIONS = 20

Parsed = AvroSchema | ProtoSchema


@dataclass(slots=True, eq=False)
class Revision:
    """One definition a schema has, or had.

    A deleted one keeps its place, so that a topic's range may still begin or
    end there; its body has no type and no definition.
    """

    body: Any
    row: str
    parsed_once: Parsed | None = None

    @property
    def id(self) -> str:
        """Eight hexadecimal digits."""
        return self.body.revision_id

    @property
    def is_deleted(self) -> bool:
        """Whether only its place is left."""
        return not self.body.type_

    @property
    def parsed(self) -> Parsed:
        """Its definition, parsed when first asked for."""
        if self.parsed_once is None:
            self.parsed_once = parse(self.body)
        return self.parsed_once


class SchemaRegistry:
    """The schemas of a broker, oldest revision first, and their rows in the store."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._schemas: dict[str, list[Revision]] = {}

    def load(self) -> None:
        """Read schemas back from the store."""
        for row, _, _, body in self._broker.store.resources("schema"):
            parsed = wire.Schema.FromString(body)
            # Before there were revisions a row had the schema's own name.
            parsed.name = row.split("@")[0]
            self._schemas.setdefault(parsed.name, []).append(Revision(parsed, row))

    # -- asked ---------------------------------------------------------

    def latest(self) -> list[Any]:
        """The newest revision of each schema."""
        return [self.get(name) for name in self._schemas]

    def revisions(self, name: str) -> list[Any]:
        """The revisions of a schema, newest first."""
        found = find(self._schemas, name.split("@")[0], "schemas")
        return [each.body for each in reversed(found) if not each.is_deleted]

    def get(self, name: str) -> Any:
        """Find a schema's newest revision, or with `@revision` that one."""
        return self._revision(name).body

    def parsed(self, name: str) -> Parsed:
        """Find a definition by name, ready to check messages."""
        return self._revision(name).parsed

    def _revision(self, name: str) -> Revision:
        schema, _, wanted = name.partition("@")
        found = find(self._schemas, schema, "schemas")
        if wanted == "" and name == schema:
            return next(each for each in reversed(found) if not each.is_deleted)
        for each in found:
            if each.id == wanted and not each.is_deleted:
                return each
        raise not_found("Schema revision", name)

    # -- changed -------------------------------------------------------

    async def create(self, body: Any) -> Any:
        """Keep a schema, if it parses."""
        check_new(self._schemas, body.name, "schemas")
        return await self._add(body, parse(body))

    async def commit(self, name: str, body: Any) -> Any:
        """Add a revision, if it parses and may follow those there are."""
        found = [each for each in find(self._schemas, name, "schemas") if not each.is_deleted]
        body.name = name
        parsed = parse(body)
        for each in reversed(found):
            if why := _why_incompatible(each, body, parsed):
                raise invalid(
                    f'Compatibility checking failed to commit a schema revision for (schema="{name}"). '
                    f'(reason="Revision is incompatible with previous revision: {each.id}. Failed with error: {why}). '
                    "Refer to https://cloud.google.com/pubsub/docs/schemas for more information."
                )
        _check_count(name, found)
        return await self._add(body, parsed)

    async def rollback(self, name: str, revision_id: str) -> Any:
        """Add a copy of an earlier revision."""
        name = name.split("@")[0]
        wanted = self._revision(f"{name}@{revision_id}")
        _check_count(name, [each for each in self._schemas[name] if not each.is_deleted])
        body = wire.Schema()
        body.CopyFrom(wanted.body)
        return await self._add(body, wanted.parsed)

    async def delete_revision(self, name: str) -> Any:
        """Forget a revision, but not a schema's last."""
        if "@" not in name:
            raise invalid(
                f"Invalid schema revision name: (name={name}). Expected projects/PROJECT/schemas/ID@REVISION."
            )
        revision = self._revision(name)
        schema = revision.body.name
        if len(self.revisions(schema)) == 1:
            raise failed_precondition(f"The only revision of {schema} cannot be deleted; delete the schema.")
        answer = revision.body
        revision.body = wire.Schema(
            name=schema, revision_id=answer.revision_id, revision_create_time=answer.revision_create_time
        )
        revision.parsed_once = None
        self._put(revision)
        await self._broker.committed()
        return answer

    async def delete(self, name: str) -> None:
        """Forget a schema with its revisions; topics that use it refuse messages from then on."""
        name = self._revision(name).body.name
        for revision in self._schemas.pop(name):
            self._broker.batch.delete_resource("schema", revision.row)
        for topic in self._broker.topics.values():
            if topic.body.schema_settings.schema == name:
                topic.body.schema_settings.schema = DELETED_SCHEMA
                self._broker.batch.put_resource("topic", topic.body, id=topic.id, created_us=topic.created_us)
        await self._broker.committed()

    async def _add(self, body: Any, parsed: Parsed) -> Any:
        body.revision_id = secrets.token_hex(4)
        body.revision_create_time.FromMicroseconds(self._broker.now_us())
        revision = Revision(body, f"{body.name}@{body.revision_id}", parsed)
        self._schemas.setdefault(body.name, []).append(revision)
        self._put(revision)
        await self._broker.committed()
        return body

    def _put(self, revision: Revision) -> None:
        row = wire.Schema()
        row.CopyFrom(revision.body)
        row.name = revision.row
        # Rows come back in the order of their ids; a place that stays must keep its own.
        created_us = revision.body.revision_create_time.ToMicroseconds()
        self._broker.batch.put_resource("schema", row, id=created_us, created_us=created_us)

    # -- topics and messages -------------------------------------------

    def check_settings(self, settings: Any) -> None:
        """Refuse settings of a topic that name what is not there."""
        if not settings.schema or settings.schema == DELETED_SCHEMA:
            return
        if "@" in settings.schema:
            raise invalid(f"A topic names a schema without a revision, was {settings.schema}; use first_revision_id.")
        self.get(settings.schema)
        for revision_id in filter(None, (settings.first_revision_id, settings.last_revision_id)):
            self.get(f"{settings.schema}@{revision_id}")

    def check_messages(self, settings: Any, messages: Iterable[Any]) -> None:
        """Hold messages to the schema of a topic, and say on each by which revision it holds."""
        if settings.schema == DELETED_SCHEMA:
            raise StatusError(
                Code.NOT_FOUND,
                "Schema associated with topic deleted. Nothing can be published to it; give the topic another.",
            )
        allowed = self._allowed(settings)
        encoding = "BINARY" if settings.encoding == BINARY else "JSON"
        for position, message in enumerate(messages):
            revision = self._holding(allowed, message.data, encoding, f"Message #{position}")
            message.attributes["googclient_schemaname"] = settings.schema
            message.attributes["googclient_schemaencoding"] = encoding
            message.attributes["googclient_schemarevisionid"] = revision.id

    def _allowed(self, settings: Any) -> list[Revision]:
        """The revisions between the topic's first and last, newest first; a deleted end stands for its neighbour."""
        found = find(self._schemas, settings.schema, "schemas")
        places = {each.id: place for place, each in enumerate(found)}
        first = places.get(settings.first_revision_id, 0)
        last = places.get(settings.last_revision_id, len(found) - 1)
        allowed = [each for each in reversed(found[first : last + 1]) if not each.is_deleted]
        if not allowed:
            raise failed_precondition(
                f"No revision of {settings.schema} is left between the topic's first ({settings.first_revision_id!r}) "
                f"and last ({settings.last_revision_id!r}). Change the topic's schema settings."
            )
        return allowed

    @staticmethod
    def _holding(allowed: Sequence[Revision], data: bytes, encoding: str, what: str) -> Revision:
        reason = ""
        for revision in allowed:
            reason = why_not(revision.parsed, data, encoding)
            if not reason:
                return revision
        last = allowed[-1]
        told = (
            f"Could not validate message with any schema revision for schema: {last.body.name}, last checked revision: "
            f"revision_id={last.id} failed with status: {reason}."
        )
        language = "AVRO" if last.body.type_ == AVRO else "PROTO"
        raise StatusError(
            Code.INVALID_ARGUMENT,
            f"Invalid data in message: Message failed schema validation. {what}: {told}",
            reason=f"INVALID_{encoding}_{language}_MESSAGE",
            info={"message": "Message failed schema validation", "revisionInfo": told},
        )


def parse(body: Any) -> Parsed:
    """Parse a definition, or say what is wrong with it."""
    if body.HasField("compiled_proto_schema"):
        raise StatusError(
            Code.UNIMPLEMENTED, "This emulator reads no compiled descriptors. Give the definition's text."
        )
    try:
        if body.type_ == AVRO:
            return AvroSchema(body.definition)
        if body.type_ == PROTOCOL_BUFFER:
            return ProtoSchema(body.definition)
    except (AvroError, ProtoError) as error:
        raise invalid(f"Invalid schema definition: {error}.") from error
    raise invalid("The schema has no type; expected AVRO or PROTOCOL_BUFFER.")


def why_not(parsed: Parsed, data: bytes, encoding: str) -> str:
    """Say why a message does not hold; "" if it does."""
    try:
        if encoding == "BINARY":
            parsed.check_binary(data)
        else:
            parsed.check_json(data)
    except (AvroError, ProtoError) as error:
        return str(error)
    return ""


def _check_count(name: str, found: Sequence[Revision]) -> None:
    if len(found) >= MOST_REVISIONS:
        raise failed_precondition(
            f"{name} has {len(found)} revisions, the most a schema can have. Delete one before adding another."
        )


def _why_incompatible(old: Revision, body: Any, new: Parsed) -> str:
    if old.body.type_ != body.type_:
        return "the type of a schema cannot change"
    before = old.parsed
    if isinstance(before, AvroSchema) and isinstance(new, AvroSchema):
        # "As if it were both the reader schema and the writer schema."
        return new.why_unreadable(before) or before.why_unreadable(new)
    if isinstance(before, ProtoSchema) and isinstance(new, ProtoSchema):
        for change in changes_between(before.file, new.file):
            if not change.is_compatible:
                return f"{change.path}: {change.what}"
    return ""

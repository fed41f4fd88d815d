"""The product's schemas at a registry: what is there, what would change, and changing it when asked.

Belongs here: reading, comparing, creating, committing, attaching. Does not
belong: what may follow what (`inventory_assets.schemas`), and deletion, ever:
a revision may be one that messages which still wait were held to.

Nothing here runs by itself. A schema that is attached refuses what publishers
send today, and a revision cannot be taken back unseen, so only
`topics apply --attach-schemas` changes anything, after saying what.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport
from google.pubsub_v1.types import Schema, SchemaSettings, SchemaView, pubsub

from inventory_assets.messaging.connection import Connection, connect, describe
from inventory_assets.messaging.errors import BrokerUnavailableError, SchemaError
from inventory_assets.messaging.topology import (
    ChangeAction,
    SchemaSpec,
    TopicSchema,
    TopicSpec,
    Topology,
    TopologyChange,
    load_topology,
)
from inventory_assets.schemas.protobuf import ProtoError, ProtoSchema, is_same
from inventory_assets.schemas.revisions import Change, changes_between

_UNANSWERED = (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.RetryError)
# retry=None: the default retries UNAVAILABLE for a minute, which looks like a hang.
_CALL: dict[str, Any] = {"retry": None, "timeout": 10.0}
MOST_REVISIONS = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """A definition beside what a registry has under a name.

    Attributes:
        revisions: Ids of what is registered, newest first; none where the schema is not there.
        known_as: The revision that is this very text; "" where none is.
        changes: From the newest registered revision to the definition.
        refused: Those of them, or of an older revision's, that no registry takes, with that revision's id.
    """

    revisions: tuple[str, ...]
    known_as: str
    changes: tuple[Change, ...]
    refused: tuple[tuple[str, Change], ...]


def attach_schemas(
    project: str,
    *,
    tell: Callable[[str], None],
    topology: Topology | None = None,
    emulator_host: str | None = None,
) -> list[TopologyChange]:
    """Create or evolve the manifest's schemas, and attach them to their topics.

    Args:
        project: Google Cloud project id. Its topics exist (`apply_topology`).
        tell: Is told each change before it is made; of all of them before the first is.
        topology: The wanted state; None is the packaged manifest.
        emulator_host: As in `connection.connect`.

    Returns:
        What was changed; empty when all was as wanted.

    Raises:
        SchemaError: If a definition is incompatible with what is registered, or the registry
            refuses; an incompatible one before anything was changed.
        BrokerUnavailableError: If the broker does not answer.
    """
    topology = topology or load_topology()
    with _connected(emulator_host) as connection:
        registry = _Registry(connection, project=project)
        wanted = [(spec, registry.compare(spec.name, spec.definition)) for spec in topology.schemas]
        for spec, found in wanted:
            _check_compatible(spec.name, found)
        steps = [step for spec, found in wanted for step in registry.schema_steps(spec, found)]
        revisions = {spec.name: found.revisions for spec, found in wanted}
        for topic in topology.topics:
            if topic.schema:
                steps += registry.topic_steps(topic, topic.schema, revisions[topic.schema.name])
        for step in steps:
            tell(step.said)
        for step in steps:
            step.do()
        return [step.change for step in steps]


def compare_with_registered(
    project: str, name: str, definition: str, *, emulator_host: str | None = None
) -> Comparison:
    """Compare a definition with what is registered under a name; changes nothing.

    Raises:
        SchemaError: If either is no protobuf schema.
        BrokerUnavailableError: If the broker does not answer.
    """
    with _connected(emulator_host) as connection:
        return _Registry(connection, project=project).compare(name, definition)


def compare_texts(old: str, new: str) -> tuple[Change, ...]:
    """Compare two definitions, without a registry.

    Raises:
        SchemaError: If either is no protobuf schema.
    """
    return tuple(changes_between(parsed(old, "the older definition").file, parsed(new, "the newer one").file))


def parsed(definition: str, what: str) -> ProtoSchema:
    """Compile a definition.

    Raises:
        SchemaError: Says what it was and where it does not hold.
    """
    try:
        return ProtoSchema(definition)
    except ProtoError as error:
        raise SchemaError(f"{what} is no schema that Pub/Sub takes: {error}. Mend it; nothing was changed.") from error


@contextmanager
def _connected(emulator_host: str | None) -> Iterator[Connection]:
    connection = connect(emulator_host)
    try:
        yield connection
    except _UNANSWERED as error:
        raise BrokerUnavailableError(target=connection.target, reason=describe(error)) from error
    except exceptions.GoogleAPICallError as error:
        raise SchemaError(
            f"the schema registry at {connection.target!r} refused: {describe(error)}. "
            "Fix the definition or the permissions (roles/pubsub.editor); trying again is safe."
        ) from error
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class _Step:
    said: str
    change: TopologyChange
    do: Callable[[], Any]


class _Registry:
    def __init__(self, connection: Connection, *, project: str) -> None:
        transport = SchemaServiceGrpcTransport(channel=connection.publisher_channel)
        self._schemas = SchemaServiceClient(transport=transport)
        self._publisher = connection.publisher
        self._project = f"projects/{project}"

    def compare(self, name: str, definition: str) -> Comparison:
        new = parsed(definition, f"the definition of schema {name!r}").file
        registered = self._registered(name)
        revisions = tuple(each.revision_id for each in registered)
        known_as = next((each.revision_id for each in registered if is_same(each.definition, definition)), "")
        if not registered:
            return Comparison((), "", (), ())
        changes: list[tuple[Change, ...]] = []
        for each in registered:
            what = f"revision {each.revision_id} of schema {name!r}"
            if each.type_ != Schema.Type.PROTOCOL_BUFFER:
                raise SchemaError(f"{what} is {each.type_.name}, expected PROTOCOL_BUFFER. Take another name for ours.")
            changes.append(tuple(changes_between(parsed(each.definition, what).file, new)))
        refused = tuple(
            (revision, change)
            for revision, found in zip(revisions, changes, strict=True)
            for change in found
            if not change.is_compatible
        )
        return Comparison(revisions, known_as, changes[0], refused)

    def _registered(self, name: str) -> list[Any]:
        request = {"name": self._path(name), "view": SchemaView.FULL}
        try:
            found = [*self._schemas.list_schema_revisions(request=request, **_CALL)]
        except exceptions.NotFound:
            return []
        # Google's emulator lists the oldest first, ours the newest (AIP-162); the service does not say.
        return sorted(found, key=lambda each: each.revision_create_time, reverse=True)

    def schema_steps(self, spec: SchemaSpec, found: Comparison) -> list[_Step]:
        schema = {"name": self._path(spec.name), "type_": "PROTOCOL_BUFFER", "definition": spec.definition}
        if not found.revisions:
            request = {"parent": self._project, "schema": schema, "schema_id": spec.name}
            return [
                _Step(
                    f"schema {spec.name}: create it",
                    TopologyChange(ChangeAction.CREATED, "schema", spec.name, ""),
                    lambda: self._schemas.create_schema(request=request, **_CALL),
                )
            ]
        # A text the registry has had is an older release's: to commit it again would undo a newer one.
        # Where comments alone differ, one of the twenty revisions is worth more.
        if found.known_as or not found.changes:
            return []
        commit = {"name": schema["name"], "schema": schema}
        what = ", ".join(f"{change.path.rpartition('.')[2]} {change.what}" for change in found.changes)
        return [
            _Step(
                f"schema {spec.name}: commit a revision after {found.revisions[0]}: {what}",
                TopologyChange(ChangeAction.UPDATED, "schema", spec.name, what),
                lambda: self._schemas.commit_schema(request=commit, **_CALL),
            )
        ]

    def topic_steps(self, topic: TopicSpec, wanted: TopicSchema, revisions: tuple[str, ...]) -> list[_Step]:
        for revision in filter(None, (wanted.first_revision, wanted.last_revision)):
            if revision not in revisions:
                raise SchemaError(
                    f"topic {topic.name!r} names revision {revision!r} of schema {wanted.name!r}, which has "
                    f"{[*revisions]!r}. Mend first_revision and last_revision in topology.toml; nothing was changed."
                )
        path = f"{self._project}/topics/{topic.name}"
        settings = SchemaSettings(
            schema=self._path(wanted.name), encoding=wanted.encoding,
            first_revision_id=wanted.first_revision, last_revision_id=wanted.last_revision,
        )  # fmt: skip
        before = self._publisher.get_topic(topic=path, **_CALL).schema_settings
        if before == settings:
            return []
        was = f"was {before.schema.rpartition('/')[2]} in {before.encoding.name}; " if before.schema else ""
        update = {
            "topic": pubsub.Topic(name=path, schema_settings=settings),
            "update_mask": {"paths": ["schema_settings"]},
        }
        return [
            _Step(
                f"topic {topic.name}: attach schema {wanted.name}, {wanted.encoding}; {was}"
                "from then on it takes nothing else",
                TopologyChange(ChangeAction.UPDATED, "topic", topic.name, f"schema {wanted.name}, {wanted.encoding}"),
                lambda: self._publisher.update_topic(request=update, **_CALL),
            )
        ]

    def _path(self, name: str) -> str:
        return f"{self._project}/schemas/{name}"


def _check_compatible(name: str, found: Comparison) -> None:
    if found.known_as:
        return
    if found.refused:
        shown = "; ".join(
            f"{change.path}: {change.what} (revision {revision})" for revision, change in found.refused[:5]
        )
        raise SchemaError(
            f"schema {name!r} cannot evolve from what is registered: {shown}. Only optional fields may be added or "
            "removed. Keep those fields as they are, or give the schema another name; nothing was changed."
        )
    if found.changes and len(found.revisions) >= MOST_REVISIONS:
        raise SchemaError(
            f"schema {name!r} has {len(found.revisions)} revisions, the most there can be. Delete one that no topic's "
            f"range needs, such as the oldest, {found.revisions[-1]}, then try again; nothing was changed."
        )

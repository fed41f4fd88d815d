"""The manifest of topics and subscriptions, as values.

Belongs here: reading and checking `topology.toml`. Does not belong: talking
to a broker (`topology_apply`): reading names costs no gRPC import.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from inventory_assets.messaging.errors import TopologyError


class TopicRole(StrEnum):
    """Which way messages flow through a topic, seen from the product."""

    INPUT = "input"
    OUTPUT = "output"


class ChangeAction(StrEnum):
    """What applying did. `CONFLICT`: differs in what cannot be changed in place."""

    CREATED = "created"
    UPDATED = "updated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class TopologyChange:
    """One difference between the manifest and the broker, and what was done about it."""

    action: ChangeAction
    resource: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeadLetterPolicy:
    """Where the broker puts a message after `max_delivery_attempts` deliveries."""

    topic: str
    max_delivery_attempts: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off of redelivery."""

    minimum_seconds: int
    maximum_seconds: int


@dataclass(frozen=True, slots=True)
class SchemaSpec:
    """A protobuf schema of the registry, and the text of the revision that this release knows."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class TopicSchema:
    """What a topic's messages are held to, once it is attached: `topics apply --attach-schemas`.

    `encoding` is JSON or BINARY. The revisions are ids, both included; "" is
    the oldest and the newest there is.
    """

    name: str
    encoding: str
    first_revision: str = ""
    last_revision: str = ""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic. `max_message_bytes` is a promise to producers, not a broker setting; what leaves keeps it.

    `retention_days`: how long the topic itself keeps messages; 0, no longer than its subscriptions do.
    `max_messages_per_second` bounds what we publish; 0 is no bound. `dead_letter_topic`: where the broker
    puts what our subscriptions of it cannot deliver; "" is nowhere.
    """

    name: str
    role: TopicRole
    retention_days: int
    max_message_bytes: int
    purpose: str
    schema: TopicSchema | None = None
    max_messages_per_second: int = 0
    dead_letter_topic: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """A subscription; `ordering` and `filter` cannot change once it exists. `is_optional`: made where asked for."""

    name: str
    topic: str
    ack_deadline_seconds: int
    retention_days: int
    ordering: bool
    filter: str
    exactly_once: bool
    dead_letter: DeadLetterPolicy | None
    retry: RetryPolicy | None
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """All topics, subscriptions and schemas, in the order of the manifest."""

    topics: tuple[TopicSpec, ...]
    subscriptions: tuple[SubscriptionSpec, ...]
    schemas: tuple[SchemaSpec, ...] = ()

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Names of the topics the product consumes."""
        return tuple(topic.name for topic in self.topics if topic.role is TopicRole.INPUT)

    @property
    def input_subscriptions(self) -> tuple[str, ...]:
        """Names of the subscriptions a burst is pulled from."""
        inputs = set(self.input_topics)
        return tuple(each.name for each in self.subscriptions if each.topic in inputs)


def load_topology(text: str | None = None) -> Topology:
    """Read the manifest.

    Args:
        text: TOML to read instead of the packaged `topology.toml`.

    Raises:
        TopologyError: If it does not hold together.
    """
    if text is None:
        package = resources.files("inventory_assets.messaging")
        text = package.joinpath("topology.toml").read_text(encoding="utf-8")
    manifest = tomllib.loads(text)
    try:
        topology = _parse(manifest)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise TopologyError(
            f"topology.toml is incomplete: {type(error).__name__} {error}. "
            "See the fields of TopicSpec, SubscriptionSpec and SchemaSpec."
        ) from error
    _check(topology)
    return topology


@cache
def topic_spec(name: str) -> TopicSpec:
    """A topic of the packaged manifest, by its name."""
    return next(topic for topic in load_topology().topics if topic.name == name)


def _parse(manifest: Mapping[str, Any]) -> Topology:
    defaults = manifest["defaults"]
    topics = tuple(_topic(topic) for topic in manifest["topics"])
    inputs = {topic.name for topic in topics if topic.role is TopicRole.INPUT}
    dead_letter = {
        topic.name: DeadLetterPolicy(topic.dead_letter_topic, **manifest["dead_letter"])
        for topic in topics
        if topic.dead_letter_topic
    }
    retry = RetryPolicy(**manifest["retry"]) if "retry" in manifest else None
    subscriptions = tuple(
        SubscriptionSpec(
            **{
                **defaults,
                **given,
                "dead_letter": dead_letter.get(given["topic"]),
                # The output subscriptions belong to consumers we do not know.
                "retry": retry if given["topic"] in inputs else None,
            }
        )
        for given in manifest["subscriptions"]
    )
    schemas = tuple(SchemaSpec(each["name"], _definition(each["file"])) for each in manifest.get("schemas", ()))
    return Topology(topics=topics, subscriptions=subscriptions, schemas=schemas)


def _topic(given: Mapping[str, Any]) -> TopicSpec:
    schema = TopicSchema(**given["schema"]) if "schema" in given else None
    if schema is not None and schema.encoding not in ("JSON", "BINARY"):
        raise ValueError(f"encoding of topic {given['name']!r} was {schema.encoding!r}, expected JSON or BINARY")
    return TopicSpec(**{**given, "role": TopicRole(given["role"]), "schema": schema})


def _definition(file: str) -> str:
    return resources.files("inventory_assets.messaging").joinpath("proto", file).read_text(encoding="utf-8")


def _check(topology: Topology) -> None:
    topics = [topic.name for topic in topology.topics]
    wrong = [topic.name for topic in topology.topics if min(topic.max_messages_per_second, topic.max_message_bytes) < 0]
    if wrong:
        raise TopologyError(
            f"limits of {wrong!r} were below 0; expected a number, 0 for no bound of messages a second."
        )
    schemas = [each.name for each in topology.schemas]
    names = [*topics, *(each.name for each in topology.subscriptions), *schemas]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise TopologyError(f"topology.toml names {repeated!r} more than once; keep one of each.")
    for each in topology.subscriptions:
        wanted = [each.topic] + ([each.dead_letter.topic] if each.dead_letter else [])
        missing = [topic for topic in wanted if topic not in topics]
        if missing:
            raise TopologyError(
                f"subscription {each.name!r} refers to {missing!r}, which topology.toml does "
                "not define. Add a [[topics]] entry."
            )
    for topic in topology.topics:
        if topic.schema and topic.schema.name not in schemas:
            raise TopologyError(
                f"topic {topic.name!r} refers to schema {topic.schema.name!r}, which topology.toml does not define. "
                "Add a [[schemas]] entry."
            )
    unread = set(topology.input_topics) - {each.topic for each in topology.subscriptions}
    if unread:
        raise TopologyError(f"input topics {sorted(unread)!r} have no subscription: nothing would read them.")

"""What is asked for where a file goes out: its topic, its envelope, how it is read.

Here: the table `[publish]` of a mapping file, and the envelope that a topic asks. Not here: columns and
cells (`mapping`), a command's options (`commands.run.publish`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inventory_assets.domain.events.envelopes import KINDS_BY_TOPIC
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.domain.values import InvalidValue, format_time, read_time
from inventory_assets.errors import InventoryError
from inventory_assets.publishing.mapping import MappingError, check_known
from inventory_assets.settings import Settings, emulator_host

# Of a folder that suppliers write into: neither commands nor rules may come from there (SECURITY.md).
STOCK_TOPICS = frozenset(KINDS_BY_TOPIC) - {Topic.CONTROL, Topic.THRESHOLDS}

KINDS = ("csv", "tsv", "json", "state", "messages", "protobuf")
_BY_NAME = {"csv": "csv", "txt": "csv", "tsv": "tsv", "tab": "tsv", "json": "json", "jsonl": "json", "ndjson": "json"}
_WORDS = ("topic", "as", "format", "time", "skip_bad")


class EnvelopeError(InventoryError, ValueError):
    """What is asked for does not fit the topic's schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a file is to go out, where nobody types a command.

    Attributes:
        topic: Its short name.
        envelope: None: as the topic's schema asks, else documents.
        kind: How it is read; "" by its name.
        time: Of rows that have none.
        skip_bad: The good rows of a file that has bad ones are published.
    """

    topic: str = Topic.ADJUSTMENTS
    envelope: Envelope | None = None
    kind: str = ""
    time: str | None = None
    skip_bad: bool = False

    def kind_of(self, name: str) -> str:
        """How a file is read.

        Raises:
            MappingError: Neither this nor its name says it.
        """
        kind = self.kind or _BY_NAME.get(name.rpartition(".")[2].lower(), "")
        if not kind:
            known = ", ".join(f".{each}" for each in _BY_NAME)
            raise MappingError(f"its name says no format; expected {known}, or format in [publish] of its mapping.")
        return kind


def read_asked(table: Mapping[str, Any]) -> Asked:
    """Read the table `[publish]`.

    Raises:
        MappingError: A word of it is unknown, or its value is none of its kind.
    """
    if not isinstance(table, dict):
        raise MappingError(f"publish was {table!r}, expected a table: [publish] with a line for each.")
    for name in table:
        check_known(name, _WORDS, "word of [publish]")
    topic, as_, kind, time, skip_bad = map(table.get, _WORDS)
    if topic is not None and topic not in STOCK_TOPICS:
        raise MappingError(f"topic was {topic!r}, expected one of {', '.join(sorted(STOCK_TOPICS))}.")
    if as_ is not None and as_ not in [*Envelope]:
        raise MappingError(f"as was {as_!r}, expected one of {', '.join(Envelope)}.")
    if kind is not None and kind not in KINDS:
        raise MappingError(f"format was {kind!r}, expected one of {', '.join(KINDS)}.")
    if skip_bad is not None and type(skip_bad) is not bool:
        raise MappingError(f"skip_bad was {skip_bad!r}, expected true or false.")
    return Asked(
        topic=topic or Topic.ADJUSTMENTS, envelope=None if as_ is None else Envelope(as_), kind=kind or "",
        time=None if time is None else _read_time(time), skip_bad=bool(skip_bad),
    )  # fmt: skip


def _read_time(value: Any) -> str:
    try:
        # TOML has times of its own.
        return format_time(read_time("time", value.isoformat() if hasattr(value, "isoformat") else value))
    except InvalidValue as error:
        raise MappingError(f"{error.detail}, as 2026-01-31T08:00:00Z.") from error


def asked_envelope(settings: Settings, topic: str, said: Envelope | None) -> tuple[Envelope, bool]:
    """(envelope, whether it is binary): as said, or what the topic's schema asks, else documents.

    Raises:
        EnvelopeError: The schema is none that an envelope fits, or is not there.
        MessagingError: The broker does not say.
    """
    if said is not None and said is not Envelope.PROTOBUF:
        return said, False
    # Here: gRPC takes half a second, and most envelopes need no broker.
    from inventory_assets.messaging.topic_schema import find_schema

    schema = find_schema(settings.project, topic, emulator_host=emulator_host(settings))
    if said is not None and (schema is None or not schema.is_protobuf):
        raise EnvelopeError(
            f"--as protobuf needs a topic with its schema, and {topic!r} has none: attach it with "
            "`inventory topics apply --attach-schemas`, or publish --as adjustment."
        )
    if schema is None:
        return Envelope.DOCUMENT, False
    if not schema.is_protobuf:
        raise EnvelopeError(
            f"topic {topic!r} has the schema {schema.name!r}, which is Avro: no envelope here fits it. "
            "Say one with --as, or publish lines that fit it (--format-in json)."
        )
    return Envelope.PROTOBUF, schema.is_binary

"""Turn one change into one message: adapt, check, mask, wrap, address.

Here: the order of these steps, and what becomes of a change that one of them refuses. Not here:
the steps (`transforms`, `schema_registry`, `masking`, `routing`), or sending.

Hooks come before the schema, because they are what makes a foreign document fit it. The mask comes
before the first byte is written, so that dead letters and excerpts are masked like messages.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from inventory_assets.connector.config import ConnectorConfig
from inventory_assets.connector.shape.extended_json import to_plain
from inventory_assets.connector.shape.masking import Masker, build_masker
from inventory_assets.connector.shape.routing import (
    DEAD_LETTER_TOPIC,
    MAX_MESSAGE_BYTES,
    Router,
    dead_letter,
    find_subject,
    has_identity,
    read_id_text,
)
from inventory_assets.connector.shape.schema_registry import UNKNOWN_VERSION, SchemaRegistry, load_registry
from inventory_assets.connector.shape.transforms import (
    NamedTransform,
    TransformFailedError,
    apply_transforms,
    load_transforms,
    rename_fields,
)
from inventory_assets.connector.source.change import Change, Operation, Poison
from inventory_assets.connector.source.keys import Keys
from inventory_assets.messaging.messages import OutgoingMessage

TRANSFORM_FAILED = "transform_failed"
DELETE_WITHOUT_IMAGE = "delete_without_image"
MISSING_DOCUMENT = "missing_document"
OVERSIZED = "oversized"
# An attribute may have 1,024 bytes, and a character has up to four.
_MAX_ATTRIBUTE = 256
_encoder = msgspec.json.Encoder()

Document = dict[str, Any]


class Shaped(NamedTuple):
    """What became of a change.

    Attributes:
        message: To publish, a dead letter included; None where a hook dropped it.
        refusal: The dead letter's reason; None for an ordinary message.
    """

    message: OutgoingMessage | None
    refusal: str | None = None


class _Subject(NamedTuple):
    """A change on its way: what of it may leave."""

    change: Change | Poison
    role: str
    operation: str
    key: Document
    document: Document | None
    version: str


class Shaper:
    """Shapes changes of one database. For one thread.

    Attributes:
        source_epoch: Of the messages from now on; the service sets it when a copy begins a new one.
    """

    def __init__(
        self,
        *,
        source: str,
        connector_id: str,
        warehouse_id: str | None,
        collections: Mapping[str, str],
        router: Router,
        registry: SchemaRegistry,
        clock: Callable[[], datetime],
        masker: Masker | None = None,
        transforms: Sequence[NamedTransform] = (),
        source_epoch: int = 0,
        refuses_unknown_versions: bool = True,
        dead_letter_topic: str = DEAD_LETTER_TOPIC,
        max_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Put the steps together.

        Args:
            source: Of every message; as is `connector_id`.
            warehouse_id: Of the database; None: each document's own.
            collections: Role by the collection's real name.
            router: Topics by role, and ordering keys.
            clock: Now, in UTC.
            refuses_unknown_versions: Otherwise documents of an unknown major version are published unchecked.
        """
        self.source_epoch = source_epoch
        self._source = source
        self._connector_id = connector_id
        self._warehouse_id = warehouse_id
        self._collections = dict(collections)
        self._router = router
        self._registry = registry
        self._clock = clock
        self._masker = masker or Masker()
        self._transforms = tuple(transforms)
        self._refuses_unknown_versions = refuses_unknown_versions
        self._dead_letter_topic = dead_letter_topic
        self._max_bytes = max_bytes

    def shape(self, change: Change | Poison) -> Shaped:
        """Shape one change. Never raises for what a document or a hook does.

        Raises:
            KeyError: The collection is not watched.
        """
        role = self._collections[change.collection]
        key = to_plain(change.document_key)
        self._masker.apply(role, key)
        if isinstance(change, Poison):
            subject = _Subject(change, role, "", key, None, "")
            return self._refuse(subject, change.reason, f"{change.detail} ({change.size_bytes} bytes)")
        subject = _Subject(change, role, change.operation.value, key, None, "")
        plain: Document | None = None
        if change.document is not None:
            try:
                document = self._adapt(change)
                if document is None:
                    return Shaped(None)
                plain = to_plain(document)
            except (TransformFailedError, TypeError) as error:
                return self._refuse(self._with_original(subject, change), TRANSFORM_FAILED, str(error))
        if change.operation is Operation.DELETE:
            return self._shape_delete(subject, plain)
        if plain is None:
            return self._refuse(subject, MISSING_DOCUMENT, f"{change.operation} came without its document")
        verdict = self._registry.check(role, plain)
        self._masker.apply(role, plain)
        subject = _Subject(change, role, subject.operation, key, plain, verdict.version)
        if verdict.refusal is None or (verdict.refusal == UNKNOWN_VERSION and not self._refuses_unknown_versions):
            return self._send(subject)
        return self._refuse(subject, verdict.refusal, verdict.detail)

    def refuse(self, change: Change | Poison, *, reason: str, detail: str) -> Shaped:
        """Make a dead letter of a change for somebody else's reason; it names the document and does not hold it."""
        role = self._collections[change.collection]
        key = to_plain(change.document_key)
        self._masker.apply(role, key)
        operation = "" if isinstance(change, Poison) else change.operation.value
        return self._refuse(_Subject(change, role, operation, key, None, ""), reason, detail)

    def _adapt(self, change: Change) -> Mapping[str, Any] | None:
        assert change.document is not None
        return apply_transforms(self._transforms, change.document, change) if self._transforms else change.document

    def _with_original(self, subject: _Subject, change: Change) -> _Subject:
        # Masks are named by what hooks make of a document: where there is one, an unfinished document might evade it.
        if self._masker.rules.get(subject.role) or change.document is None:
            return subject
        return subject._replace(document=to_plain(change.document))

    def _shape_delete(self, subject: _Subject, plain: Document | None) -> Shaped:
        version = self._registry.current(subject.role)
        if plain is not None:
            self._masker.apply(subject.role, plain)
        # A tombstone needs its key and nothing else, so its last state is not checked.
        names = has_identity(subject.role, plain)
        if names or has_identity(subject.role, subject.key):
            return self._send(subject._replace(document=plain if names else None, version=version))
        return self._refuse(
            subject._replace(document=plain, version=version), DELETE_WITHOUT_IMAGE,
            f"neither a pre-image nor the key says what was deleted from {subject.role}: "
            "switch on changeStreamPreAndPostImages for the collection",
        )  # fmt: skip

    def _send(self, subject: _Subject) -> Shaped:
        processed_at = self._now()
        warehouse_id = self._warehouse_of(subject)
        try:
            body = self._encode(subject, processed_at, warehouse_id)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            # What BSON holds has a JSON form: this is a hook's doing.
            detail = f"the document has no JSON form: {type(error).__name__}"
            return self._refuse(subject._replace(document=None), TRANSFORM_FAILED, detail)
        if len(body) > self._max_bytes:
            detail = f"the message had {len(body)} bytes, at most {self._max_bytes} can be published"
            return self._refuse(subject, OVERSIZED, detail, body)
        change = subject.change
        attributes = {
            "source": self._source,
            "connector_id": self._connector_id,
            "collection": change.collection,
            "operation": subject.operation,
            "processed_at": processed_at,
            "schema_version": subject.version,
        }
        if warehouse_id is not None:
            attributes["warehouse_id"] = warehouse_id[:_MAX_ATTRIBUTE]
        key = self._router.key_of(find_subject(subject.role, subject.document or subject.key))
        return Shaped(OutgoingMessage(self._router.topics[subject.role], body, attributes, key))

    def _refuse(self, subject: _Subject, reason: str, detail: str, body: bytes | None = None) -> Shaped:
        change = subject.change
        if body is None:
            body = self._encode(subject, self._now(), self._warehouse_of(subject))
        about = {
            "reason": reason, "detail": detail, "connector_id": self._connector_id, "source": self._source,
            "original_topic": self._router.topics[subject.role], "collection": change.collection,
            "operation": subject.operation,
        }  # fmt: skip
        letter = dead_letter(
            body, about, cluster_time=change.cluster_time, topic=self._dead_letter_topic, max_bytes=self._max_bytes
        )
        return Shaped(letter, reason)

    def _encode(self, subject: _Subject, processed_at: str, warehouse_id: str | None) -> bytes:
        """Write RULES 1's envelope; the fields' order is that of the message.

        Raises:
            TypeError, ValueError, OverflowError: A value has no JSON form: only a hook can have put it there.
        """
        change = subject.change
        time, increment = change.cluster_time
        return _encoder.encode(
            {
                "source": self._source,
                "connector_id": self._connector_id,
                "warehouse_id": warehouse_id,
                "namespace": _namespace_of(change, subject.role),
                "operation": subject.operation,
                "source_epoch": self.source_epoch,
                "cluster_time": {"t": time, "i": increment},
                "resume_token": self._token_of(subject),
                "processed_at": processed_at,
                "schema_version": subject.version,
                "document_key": subject.key,
                "document": subject.document,
            }
        )

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")[:-6] + "Z"

    def _warehouse_of(self, subject: _Subject) -> str | None:
        if self._warehouse_id is not None:
            return self._warehouse_id
        return read_id_text((subject.document or subject.key).get("warehouse_id")) or None

    def _token_of(self, subject: _Subject) -> Document | None:
        # A token holds the document's key in hexadecimal digits: where that is masked, it would be no secret.
        token = subject.change.token
        if token is None or self._masker.touches(subject.role, subject.change.document_key):
            return None
        return to_plain(token)


def _namespace_of(change: Change | Poison, role: str) -> str:
    # By its last part, the role, the lake knows the kind of a deleted document that has no image. The real name of
    # a collection that is called otherwise is in the attribute `collection`.
    name = change.collection if change.collection.rpartition(".")[2] == role else role
    return f"{change.database}.{name}"


def _transforms_of(config: ConnectorConfig) -> tuple[NamedTransform, ...]:
    transforms = load_transforms(config.transforms)
    if config.rename_fields:
        # First: other hooks are written for the names that R0 has.
        transforms = (NamedTransform("RENAME_FIELDS", rename_fields(config.renames)), *transforms)
    return transforms


def build_keys(config: ConnectorConfig) -> Keys:
    """Say how the keys of documents are read, as messages will name them.

    Raises:
        ConfigurationError: A hook cannot be loaded.
    """
    transforms = _transforms_of(config)
    if not transforms:
        return Keys(roles=config.collections)

    def adapt(change: Change) -> Mapping[str, Any] | None:
        try:
            return apply_transforms(transforms, change.document or {}, change)
        except TransformFailedError:
            return None  # the change itself becomes a dead letter

    renamed = {name: tuple(fields) for name, fields in config.renames.items()}
    return Keys(roles=config.collections, adapt=adapt, renamed=renamed)


def build_shaper(config: ConnectorConfig, *, clock: Callable[[], datetime]) -> Shaper:
    """Build the shaper that a configuration describes.

    Raises:
        ConfigurationError: A schema or a hook cannot be loaded.
    """
    return Shaper(
        source=config.source,
        connector_id=config.connector_id,
        warehouse_id=config.warehouse_id,
        collections=config.collections,
        router=Router(topics=config.topics, ordering=config.ordering),
        registry=load_registry(config.schema_dir),
        clock=clock,
        masker=build_masker(config.field_rules, config.hmac_key_bytes),
        transforms=_transforms_of(config),
        refuses_unknown_versions=config.unknown_schema == "dead_letter",
        dead_letter_topic=config.dead_letter_topic,
    )

"""Write a change as the message body the lake reads (RULES 1).

Here: the envelope's form. Not here: the document's values (`extended_json`), attributes, topics.
"""

from typing import Any

import msgspec


class Position(msgspec.Struct, frozen=True):
    """A cluster time, as RULES 1 writes it."""

    t: int
    i: int


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """RULES 1's envelope; the fields' order is that of the message.

    Attributes:
        source: The database, as the configuration names it.
        namespace: Database and collection; its last part is the collection's role, by which the
            lake knows the kind of a deleted document that has no image (`name_namespace`).
        document: In Extended JSON form; None of a delete without pre-image.
    """

    source: str
    connector_id: str
    warehouse_id: str | None
    namespace: str
    operation: str
    source_epoch: int
    cluster_time: Position
    resume_token: dict[str, Any] | None
    processed_at: str
    schema_version: str
    document_key: dict[str, Any]
    document: dict[str, Any] | None


_encoder = msgspec.json.Encoder()


def encode_envelope(envelope: Envelope | dict[str, Any]) -> bytes:
    """Encode an envelope.

    Raises:
        TypeError, ValueError, OverflowError: A value has no JSON form: only a hook can have put it there.
    """
    return _encoder.encode(envelope)


def name_namespace(database: str, collection: str, role: str) -> str:
    """The namespace of a message: the real one, where its last part is the role, else `database.role`.

    The real name of a collection that is called otherwise is in the attribute `collection`.
    """
    return f"{database}.{collection if collection.rpartition('.')[2] == role else role}"

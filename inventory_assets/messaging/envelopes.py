"""Decode and encode what a topic's schema asks: an `InventoryEvent`, in JSON or binary (RULES 41).

Belongs here: Pub/Sub's encodings, by the product's schema. Does not belong:
what the fields mean (`domain.events`), nor the schema itself (`proto`).
"""

from typing import Any

from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue

BINARY, JSON = "BINARY", "JSON"
"""What Pub/Sub writes into the attribute `googclient_schemaencoding`."""


def decode_protobuf(body: bytes, encoding: str) -> dict[str, Any]:
    """Decode an event to its fields by the schema's names; those that are absent are absent, and integers are text.

    Fields that the schema lacks are ignored, as a newer one may have them.

    Raises:
        InvalidValue: `schema_mismatch`, with what does not fit.
    """
    # Its pool is built as it is imported: only who takes such messages in waits for that.
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError

    from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent
    from inventory_assets.schemas.protobuf import check_shape

    event = InventoryEvent()
    try:
        if encoding == BINARY:
            event.ParseFromString(body)
        elif encoding == JSON:
            fields = decode_object(body)
            check_shape(InventoryEvent.DESCRIPTOR, fields, "the message")
            json_format.ParseDict(fields, event, ignore_unknown_fields=True)
        else:
            raise InvalidValue("schema_mismatch", f"the encoding was {encoding!r}, expected {BINARY} or {JSON}")
    except InvalidValue as error:
        if error.reason != "invalid_json":
            raise
        raise _mismatch(encoding, error) from error
    # Of the JSON reader, which asks for no more than the attributes of what it is given.
    except (DecodeError, json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _mismatch(encoding, error) from error
    return json_format.MessageToDict(event, preserving_proto_field_name=True)


def encode_protobuf(event: dict[str, Any]) -> bytes:
    """Encode an event's fields in binary.

    Raises:
        InvalidValue: `schema_mismatch`: a field is none of the schema's, or its value none of its type.
    """
    from inventory_assets.messaging.proto.inventory_pb2 import InventoryEvent

    try:
        return InventoryEvent(**event).SerializeToString()
    except (TypeError, ValueError) as error:
        raise _mismatch(BINARY, error) from error


def _mismatch(encoding: str, error: Exception) -> InvalidValue:
    detail = f"no inventory.v1.InventoryEvent in {encoding}: {str(error)[:200]}"
    return InvalidValue("schema_mismatch", detail, error.position if isinstance(error, InvalidValue) else None)

"""A `.proto` text as descriptors, and messages held to it.

Belongs here: what protoc and protobuf say of a text or a message, and the
limits of Pub/Sub's registry (https://cloud.google.com/pubsub/docs/schemas).
Does not belong: what may follow what (`revisions`).
"""

import json
import math
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

# "The schema definition field can't exceed 300 KB in size."
MAX_DEFINITION_BYTES = 300_000
_NAME = "schema.proto"
_Type = descriptor_pb2.FieldDescriptorProto
_WHOLE = frozenset((
    _Type.TYPE_INT32, _Type.TYPE_INT64, _Type.TYPE_UINT32, _Type.TYPE_UINT64, _Type.TYPE_SINT32, _Type.TYPE_SINT64,
    _Type.TYPE_FIXED32, _Type.TYPE_FIXED64, _Type.TYPE_SFIXED32, _Type.TYPE_SFIXED64,
))  # fmt: skip
_NUMBERS = _WHOLE | {_Type.TYPE_FLOAT, _Type.TYPE_DOUBLE, _Type.TYPE_ENUM}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


class ProtoError(ValueError):
    """A definition or message that does not hold."""


class ProtoSchema:
    """A definition that holds, with its one top-level message.

    Attributes:
        file: What protoc made of it.
        message_name: With its package.
    """

    def __init__(self, definition: str) -> None:
        """Compile.

        Raises:
            ProtoError: Says what is wrong, and where.
        """
        self.file = compile_definition(definition)
        _check_registrable(self.file)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(self.file)
        self.message_name = f"{self.file.package}.{self.file.message_type[0].name}".lstrip(".")
        self._class = message_factory.GetMessageClass(pool.FindMessageTypeByName(self.message_name))

    def check_json(self, text: bytes) -> None:
        """Check a message in protobuf's JSON encoding; a field that is not in the schema is an error."""
        try:
            fields = json.loads(text.decode(), object_pairs_hook=_without_repeats, parse_constant=_no_number)
            check_shape(self._class.DESCRIPTOR, fields, "the message")
            self._check_required(json_format.ParseDict(fields, self._class()))
        except ProtoError:
            raise
        except (json_format.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ProtoError(f"the message is not of {self.message_name}: {_told(error)}") from error

    def check_binary(self, data: bytes) -> None:
        """Check a message in the binary encoding; unknown fields pass, as everywhere in protobuf."""
        try:
            message = self._class.FromString(data)
        except DecodeError as error:
            raise ProtoError(f"the message is not of {self.message_name}: {_told(error)}") from error
        self._check_required(message)

    def _check_required(self, message: Any) -> None:
        # Proto2 only; protobuf's parsers leave it to the caller.
        if not message.IsInitialized():
            missing = ", ".join(message.FindInitializationErrors())
            raise ProtoError(f"the message is not of {self.message_name}: required and absent: {missing}")


def compile_definition(definition: str) -> Any:
    """Have protoc read a definition.

    Returns:
        A FileDescriptorProto.

    Raises:
        ProtoError: Says what is wrong, and where.
    """
    size = len(definition.encode())
    if size > MAX_DEFINITION_BYTES:
        raise ProtoError(f"the definition is {size:,} bytes; at most {MAX_DEFINITION_BYTES:,}")
    # Here: the compiler is 8 MB, and most who import this never meet a definition.
    from grpc_tools import _protoc_compiler, protoc

    # protoc reads files only. Its folder is all it can import from.
    with tempfile.TemporaryDirectory(prefix="inventory-schema-") as folder:
        Path(folder, _NAME).write_text(definition, encoding="utf-8")
        found = Path(folder, "found")
        try:
            # First, as `protoc.main` tells its errors to the terminal alone.
            _protoc_compiler.get_protos(_NAME.encode(), [folder.encode()])
        except _protoc_compiler.ProtocErrors as error:
            raise ProtoError("; ".join(_where(each) for each in error.errors()[:3])) from error
        except Exception as error:  # the plug-in's own: what it cannot write as Python
            raise ProtoError(f"the definition does not hold: {_told(error)}") from error
        if protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={found}", _NAME]) != 0:
            raise ProtoError("the definition does not hold")
        (file,) = descriptor_pb2.FileDescriptorSet.FromString(found.read_bytes()).file
    return file


def check_shape(message: Any, value: Any, path: str) -> None:
    """Refuse what Python's json_format lets through and the others do not (protobuf.dev, ProtoJSON).

    It takes any value without items for an empty message, `true` for 1, and whatever `int()` reads.
    """
    if type(value) is not dict:
        raise ProtoError(f"{path} is no JSON object")
    for name, given in value.items():
        field = message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
        if field is None or given is None:
            continue  # json_format says the rest
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            field = field.message_type.fields_by_name["value"]
            items: Iterable[Any] = given.values() if type(given) is dict else ()
        else:
            items = (given,) if not field.is_repeated else given if type(given) is list else ()
        for item in items:
            if field.message_type is not None:
                check_shape(field.message_type, item, name)
            elif field.type in _NUMBERS:
                _check_number(field, item, name)


def _check_number(field: Any, value: Any, name: str) -> None:
    if type(value) is bool or (type(value) is float and not math.isfinite(value)):
        raise ProtoError(f"{name} is no number: {value!r}")
    if type(value) is not str or field.type == _Type.TYPE_ENUM or _NUMBER.fullmatch(value):
        return
    if field.type in _WHOLE or value not in _NOT_FINITE:
        raise ProtoError(f"{name} is no number: {value[:50]!r}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProtoError("the message names a field more than once")
    return found


def _no_number(constant: str) -> Any:
    raise ProtoError(f"the message is no JSON: {constant} is not in it")


def _check_registrable(file: Any) -> None:
    """Refuse what protobuf takes and the registry does not."""
    # "Protocol Buffers: proto2 and proto3 are supported."
    if file.syntax not in ("", "proto2", "proto3"):
        raise ProtoError(f"syntax {file.syntax!r}: expected proto2 or proto3")
    if file.dependency:
        raise ProtoError(f"imports {[*file.dependency]!r}: the registry knows no other file")
    # "You must define only one top-level type."
    types = [each.name for each in (*file.message_type, *file.enum_type)]
    if len(types) != 1 or not file.message_type:
        raise ProtoError(f"top-level types {types!r}: expected one message; put the others inside it")


def _where(error: Any) -> str:
    text = error.message
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    # protoc counts from 0, and -1 where it means the whole file.
    return (
        f"line {error.line + 1}, column {error.column + 1}: {text.rstrip('.')}" if error.line >= 0 else text.rstrip(".")
    )


def _told(error: BaseException) -> str:
    # What a hostile message holds may be its whole 10 MB.
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def is_same(one: str, other: str) -> bool:
    """Whether two definitions are one text, but for the ends of lines."""
    return one.splitlines() == other.splitlines()

"""Protocol buffer definitions and messages, without protoc.

Belongs here: read a single .proto file into descriptors, then let protobuf
itself check messages. Does not belong: imports, services, extensions, groups
and custom options; a definition with them is refused, and says so.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

_TOKEN = re.compile(
    r'\s*(?:(?P<skip>//[^\n]*|/\*.*?\*/)|(?P<token>"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\w.+-]+|[{}\[\]<>=;,()]))',
    re.DOTALL,
)
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in (
        "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
        "sfixed32", "sfixed64", "bool", "string", "bytes",
    )
}  # fmt: skip


class ProtoError(ValueError):
    """A definition or message that does not hold."""


class ProtoSchema:
    """A parsed definition. Messages are of its first top-level message."""

    def __init__(self, definition: str) -> None:
        """Parse.

        Raises:
            ProtoError: Says what is wrong, or not supported.
        """
        file = _Parser(definition).file()
        if not file.message_type:
            raise ProtoError("the definition has no message")
        try:
            pool = descriptor_pool.DescriptorPool()
            pool.Add(file)
            found = pool.FindMessageTypeByName(f"{file.package}.{file.message_type[0].name}".lstrip("."))
        except (TypeError, KeyError) as error:
            raise ProtoError(f"the definition does not hold: {error}") from error
        self._class = message_factory.GetMessageClass(found)

    def check_json(self, text: bytes) -> None:
        """Check a message in protobuf's JSON encoding; unknown fields are errors."""
        try:
            json_format.Parse(text, self._class())
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise ProtoError(f"the message is not of the schema: {error}") from error

    def check_binary(self, data: bytes) -> None:
        """Check a message in the binary encoding."""
        try:
            self._class.FromString(data)
        except DecodeError as error:
            raise ProtoError(f"the message is not of the schema: {error}") from error


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ProtoError(f"unexpected {text[position:].strip()[:20]!r}")
            if match["token"]:
                self._tokens.append(match["token"])
            position = match.end()
        self._next = 0

    def file(self) -> Any:
        file = descriptor_pb2.FileDescriptorProto(name="schema.proto", syntax="proto2")
        while self._next < len(self._tokens):
            word = self._take()
            if word == "syntax":
                self._expect("=")
                file.syntax = self._take().strip("\"'")
                self._expect(";")
            elif word == "package":
                file.package = self._take()
                self._expect(";")
            elif word == "message":
                self._message(file.message_type.add())
            elif word == "enum":
                self._enum(file.enum_type.add())
            elif word == "option":
                self._skip_to(";")
            elif word != ";":
                raise ProtoError(f"{word!r} is not supported by this emulator at the top level")
        if file.syntax == "proto2":
            file.ClearField("syntax")
        elif file.syntax != "proto3":
            raise ProtoError(f"syntax {file.syntax!r}: expected 'proto2' or 'proto3'")
        self._settle_types(file)
        return file

    def _message(self, message: Any) -> None:
        message.name = self._take()
        self._expect("{")
        while (word := self._take()) != "}":
            if word == "message":
                self._message(message.nested_type.add())
            elif word == "enum":
                self._enum(message.enum_type.add())
            elif word in ("option", "reserved", "extensions"):
                self._skip_to(";")
            elif word == "oneof":
                self._oneof(message)
            elif word in ("extend", "group"):
                raise ProtoError(f"{word!r} is not supported by this emulator")
            elif word != ";":
                self._field(message, word)

    def _oneof(self, message: Any) -> None:
        message.oneof_decl.add(name=self._take())
        index = len(message.oneof_decl) - 1
        self._expect("{")
        while (word := self._take()) != "}":
            if word == "option":
                self._skip_to(";")
            else:
                self._field(message, word).oneof_index = index

    def _field(self, message: Any, word: str) -> Any:
        label = _Field.LABEL_OPTIONAL
        if word in ("optional", "required", "repeated"):
            label = getattr(_Field, f"LABEL_{word.upper()}")
            word = self._take()
        if word == "map":
            return self._map_field(message)
        field = message.field.add(label=label)
        _set_type(field, word)
        field.name = self._take()
        self._number(field)
        return field

    def _map_field(self, message: Any) -> Any:
        self._expect("<")
        key = self._take()
        self._expect(",")
        value = self._take()
        self._expect(">")
        name = self._take()
        entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        for number, (part, kind) in enumerate((("key", key), ("value", value)), start=1):
            _set_type(entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL), kind)
        field = message.field.add(name=name, label=_Field.LABEL_REPEATED, type_name=entry.name)
        self._number(field)
        return field

    def _number(self, field: Any) -> None:
        self._expect("=")
        field.number = self._integer()
        if self._peek() == "[":
            self._skip_to("]")
        self._expect(";")

    def _enum(self, enum: Any) -> None:
        enum.name = self._take()
        self._expect("{")
        while (word := self._take()) != "}":
            if word in ("option", "reserved"):
                self._skip_to(";")
            elif word != ";":
                self._expect("=")
                enum.value.add(name=word, number=self._integer())
                if self._peek() == "[":
                    self._skip_to("]")
                self._expect(";")

    def _settle_types(self, file: Any) -> None:
        """Say of every named type whether it is a message or an enum: JSON needs it."""
        enums: set[str] = {each.name for each in file.enum_type}
        pending = list(file.message_type)
        messages = []
        while pending:
            message = pending.pop()
            messages.append(message)
            pending += message.nested_type
            enums |= {each.name for each in message.enum_type}
        for message in messages:
            for field in message.field:
                if field.type_name:
                    is_enum = field.type_name.rsplit(".", 1)[-1] in enums
                    field.type = _Field.TYPE_ENUM if is_enum else _Field.TYPE_MESSAGE

    def _integer(self) -> int:
        word = self._take()
        try:
            return int(word, 0)
        except ValueError:
            raise ProtoError(f"a number was expected, {word!r} was found") from None

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        word = self._peek()
        if not word:
            raise ProtoError("the definition ends too early")
        self._next += 1
        return word

    def _expect(self, wanted: str) -> None:
        word = self._take()
        if word != wanted:
            raise ProtoError(f"{wanted!r} was expected, {word!r} was found")

    def _skip_to(self, wanted: str) -> None:
        while self._take() != wanted:
            pass


def _set_type(field: Any, word: str) -> None:
    if word in _SCALARS:
        field.type = _SCALARS[word]
    else:
        field.type_name = word

"""Avro definitions and messages: checked by structure.

Belongs here: parse a definition, check a JSON or binary message against it,
say whether another definition's messages can be read by it. Does not belong:
logical types, aliases and the values of defaults; they are accepted and not
looked at.
"""

import json
import re
import struct
from collections.abc import Callable
from typing import Any

_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_BOUNDS = {"int": 2**31, "long": 2**63}
# What a reader may take for what was written (Avro 1.11, "Schema Resolution").
_PROMOTED = {
    "int": ("long", "float", "double"), "long": ("float", "double"), "float": ("double",),
    "string": ("bytes",), "bytes": ("string",),
}  # fmt: skip


class AvroError(ValueError):
    """A definition or message that does not hold."""


class AvroSchema:
    """A parsed definition."""

    def __init__(self, definition: str) -> None:
        """Parse.

        Raises:
            AvroError: Says where it does not hold.
        """
        try:
            self._root = json.loads(definition)
        except (ValueError, RecursionError) as error:
            raise AvroError(f"the Avro definition is not JSON: {error}") from error
        self._named: dict[str, Any] = {}
        self._check_type(self._root, "schema")

    def check_json(self, text: bytes) -> None:
        """Check a message in Avro's JSON encoding."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AvroError(f"the message is not JSON: {error}") from error
        self._check_value(self._root, value, "message")

    def check_binary(self, data: bytes) -> None:
        """Check a message in Avro's binary encoding."""
        reader = _Reader(data)
        try:
            self._skip(self._root, reader)
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise AvroError(f"the message is not of the schema: {error}") from error
        if reader.position != len(data):
            raise AvroError(f"{len(data) - reader.position} bytes follow the message")

    def why_unreadable(self, written: "AvroSchema") -> str:
        """Say why messages of another definition cannot be read by this one (Schema Resolution); "" if they can."""
        return self._why(written, written._root, self._root, "schema", set())

    def _why(self, written: "AvroSchema", theirs: Any, ours: Any, path: str, seen: set[tuple[int, int]]) -> str:
        if (id(theirs), id(ours)) in seen:
            return ""  # a type within itself: what there is to say is said further up
        seen = seen | {(id(theirs), id(ours))}
        kind, their = written._resolve(theirs)
        own_kind, own = self._resolve(ours)
        if kind == "union":
            return next(filter(None, (self._why(written, each, ours, path, seen) for each in their)), "")
        if own_kind == "union":
            if any(not self._why(written, theirs, each, path, seen) for each in own):
                return ""
            return f"{path}: {kind} is none of the union"
        if kind != own_kind:
            return "" if own_kind in _PROMOTED.get(kind, ()) else f"{path}: {kind} became {own_kind}"
        if kind == "array":
            return self._why(written, their["items"], own["items"], f"{path}[]", seen)
        if kind == "map":
            return self._why(written, their["values"], own["values"], f"{path}.*", seen)
        if kind not in ("record", "error", "enum", "fixed"):
            return ""
        if their["name"].rsplit(".", 1)[-1] != own["name"].rsplit(".", 1)[-1]:
            return f"{path}: {their['name']} became {own['name']}"
        if kind == "fixed":
            return "" if their["size"] == own["size"] else f"{path}: size {their['size']} became {own['size']}"
        if kind == "enum":
            lost = [] if "default" in own else [each for each in their["symbols"] if each not in own["symbols"]]
            return f"{path}: symbols {lost!r} are missing" if lost else ""
        fields = {each["name"]: each["type"] for each in their["fields"]}
        for field in own["fields"]:
            name = f"{path}.{field['name']}"
            if field["name"] in fields:
                if why := self._why(written, fields[field["name"]], field["type"], name, seen):
                    return why
            elif "default" not in field:
                return f"{name} has no default"
        return ""

    def _check_type(self, found: Any, path: str) -> None:
        if isinstance(found, str):
            if found not in _PRIMITIVES and found not in self._named:
                raise AvroError(f"{path}: unknown type {found!r}; expected {_PRIMITIVES}")
        elif isinstance(found, list):
            for position, branch in enumerate(found):
                self._check_type(branch, f"{path}[{position}]")
        elif isinstance(found, dict) and "type" in found:
            self._check_complex(found, path)
        else:
            raise AvroError(f"{path}: a type is a string, a list or an object with 'type'")

    def _check_complex(self, found: dict[str, Any], path: str) -> None:
        kind = found["type"]
        if kind in ("record", "error", "enum", "fixed"):
            name = found.get("name")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise AvroError(f"{path}: {kind} needs a 'name', was {name!r}")
            self._named[name] = found
            if "namespace" in found:
                self._named[f"{found['namespace']}.{name}"] = found
        if kind in ("record", "error"):
            fields = found.get("fields")
            if not isinstance(fields, list):
                raise AvroError(f"{path}: record {found['name']!r} needs a list of 'fields'")
            for field in fields:
                if not isinstance(field, dict) or "name" not in field or "type" not in field:
                    raise AvroError(f"{path}: a field needs 'name' and 'type', was {field!r}")
                self._check_type(field["type"], f"{path}.{field['name']}")
        elif kind == "enum":
            if not isinstance(found.get("symbols"), list) or not found["symbols"]:
                raise AvroError(f"{path}: enum {found['name']!r} needs 'symbols'")
        elif kind == "fixed":
            if not isinstance(found.get("size"), int):
                raise AvroError(f"{path}: fixed {found['name']!r} needs a 'size'")
        elif kind == "array":
            self._check_type(found.get("items"), f"{path}.items")
        elif kind == "map":
            self._check_type(found.get("values"), f"{path}.values")
        else:
            self._check_type(kind, path)

    def _resolve(self, found: Any) -> tuple[str, Any]:
        """(kind, definition); a union has the kind 'union'."""
        if isinstance(found, list):
            return "union", found
        if isinstance(found, str):
            return (found, found) if found in _PRIMITIVES else self._resolve(self._named[found])
        if isinstance(found["type"], str) and found["type"] not in self._named:
            return found["type"], found
        return self._resolve(found["type"])

    def _check_value(self, found: Any, value: Any, path: str) -> None:
        kind, definition = self._resolve(found)
        if kind == "union":
            self._check_union(definition, value, path)
        elif kind in ("record", "error"):
            if not isinstance(value, dict):
                raise AvroError(f"{path}: an object was expected, was {value!r}")
            for field in definition["fields"]:
                if field["name"] not in value:
                    raise AvroError(f"{path}: field {field['name']!r} is missing")
                self._check_value(field["type"], value[field["name"]], f"{path}.{field['name']}")
            extra = set(value) - {field["name"] for field in definition["fields"]}
            if extra:
                raise AvroError(f"{path}: fields {sorted(extra)!r} are not in the schema")
        elif kind == "array":
            if not isinstance(value, list):
                raise AvroError(f"{path}: a list was expected, was {value!r}")
            for position, item in enumerate(value):
                self._check_value(definition["items"], item, f"{path}[{position}]")
        elif kind == "map":
            if not isinstance(value, dict):
                raise AvroError(f"{path}: an object was expected, was {value!r}")
            for key, item in value.items():
                self._check_value(definition["values"], item, f"{path}.{key}")
        elif kind == "enum":
            if value not in definition["symbols"]:
                raise AvroError(f"{path}: one of {definition['symbols']!r} expected, was {value!r}")
        elif not _is_primitive(kind, value):
            raise AvroError(f"{path}: {kind} expected, was {value!r}")

    def _check_union(self, branches: list[Any], value: Any, path: str) -> None:
        if value is None and "null" in branches:
            return
        if isinstance(value, dict) and len(value) == 1:
            name, inner = next(iter(value.items()))
            for branch in branches:
                kind, definition = self._resolve(branch)
                full = definition.get("name") if isinstance(definition, dict) else None
                if name.rsplit(".", 1)[-1] in (kind, full):
                    return self._check_value(branch, inner, f"{path}.{name}")
        raise AvroError(f'{path}: null or {{"type": value}} of {branches!r} expected, was {value!r}')

    def _skip(self, found: Any, reader: "_Reader") -> None:
        kind, definition = self._resolve(found)
        if kind == "union":
            self._skip(definition[reader.branch(len(definition))], reader)
        elif kind in ("record", "error"):
            for field in definition["fields"]:
                self._skip(field["type"], reader)
        elif kind == "array":
            reader.blocks(lambda: self._skip(definition["items"], reader))
        elif kind == "map":

            def skip_item() -> None:
                reader.take(reader.long()).decode()
                self._skip(definition["values"], reader)

            reader.blocks(skip_item)
        elif kind == "enum":
            reader.branch(len(definition["symbols"]))
        elif kind == "fixed":
            reader.take(definition["size"])
        elif kind in ("int", "long"):
            reader.long()
        elif kind in ("bytes", "string"):
            reader.take(reader.long())
        else:
            reader.take({"null": 0, "boolean": 1, "float": 4, "double": 8}[kind])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.position + size > len(self._data):
            raise IndexError(f"{size} bytes at {self.position} of {len(self._data)}")
        self.position += size
        return self._data[self.position - size : self.position]

    def long(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def branch(self, count: int) -> int:
        chosen = self.long()
        if not 0 <= chosen < count:
            raise IndexError(f"branch {chosen} of {count}")
        return chosen

    def blocks(self, skip: Callable[[], None]) -> None:
        while count := self.long():
            if count < 0:
                self.long()
            for _ in range(abs(count)):
                skip()


def _is_primitive(kind: str, value: Any) -> bool:
    if kind in _BOUNDS:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and -_BOUNDS[kind] <= value < _BOUNDS[kind]
    if kind in ("float", "double"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return value is None if kind == "null" else isinstance(value, str)

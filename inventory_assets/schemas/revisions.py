"""What changed between two definitions, and whether a registry takes the one after the other.

Belongs here: Google's rule of compatible revisions, said per change
(https://cloud.google.com/pubsub/docs/commit-schema-revision): optional fields
may be added and removed, other fields may not, and no field may be edited.
Does not belong: the registry's answers (`emulator`), words for people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_OPTIONAL = _Field.LABEL_OPTIONAL


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two definitions.

    `path` names what differs, with its package; `what` says how.
    """

    path: str
    what: str
    is_compatible: bool


def changes_between(old: Any, new: Any) -> list[Change]:
    """List what differs between two FileDescriptorProtos of one message each, in the order of the texts.

    A removed type is no change of its own: the fields that used it are.
    """
    found: list[Change] = []
    if (old.syntax or "proto2") != (new.syntax or "proto2"):
        found.append(Change("syntax", f"{old.syntax or 'proto2'} became {new.syntax or 'proto2'}", False))
    before, after = (_join(file.package, file.message_type[0].name) for file in (old, new))
    if before != after:
        # Another message altogether: its fields have nothing to be compared with.
        return [*found, Change(before, f"became {after}", False)]
    return [*found, *_of_message(old.message_type[0], new.message_type[0], after)]


def _of_message(old: Any, new: Any, path: str) -> Iterator[Change]:
    before, after = ({each.number: each for each in message.field} for message in (old, new))
    numbers = {each.name: each.number for each in old.field}
    for number, field in after.items():
        if numbers.get(field.name, number) != number:
            # The JSON of both is the same, and nothing else.
            yield Change(f"{path}.{field.name}", f"number {numbers[field.name]} became {number}", False)
        elif number not in before:
            yield Change(f"{path}.{field.name}", f"added as {_described(field)}", _is_optional(field))
        elif difference := _edited(before[number], field) or _moved(old, before[number], new, field):
            yield Change(f"{path}.{before[number].name}", difference, False)
    names = {each.name for each in new.field}
    for number, field in before.items():
        if number not in after and field.name not in names:
            yield Change(f"{path}.{field.name}", f"removed, was {_described(field)}", _is_optional(field))
    nested = {each.name: each for each in old.nested_type}
    for message in new.nested_type:
        if message.name in nested:
            yield from _of_message(nested[message.name], message, f"{path}.{message.name}")
    enums = {each.name: each for each in old.enum_type}
    for enum in new.enum_type:
        if enum.name in enums:
            yield from _of_enum(enums[enum.name], enum, f"{path}.{enum.name}")


def _of_enum(old: Any, new: Any, path: str) -> Iterator[Change]:
    before, after = ({(each.name, each.number) for each in enum.value} for enum in (old, new))
    # Protobuf could live with a new value; the registry cannot, in either direction.
    for name, number in sorted(before ^ after, key=lambda value: (value[1], value[0])):
        how = "removed" if (name, number) in before else "added"
        yield Change(f"{path}.{name}", f"{how} as value {number}", False)


def _is_optional(field: Any) -> bool:
    # A singular field of proto3 has this label with the word and without.
    return field.label == _OPTIONAL


def _edited(before: Any, after: Any) -> str:
    # A field's options, such as `deprecated`, are part of its declaration.
    if before.name != after.name:
        return f"number {before.number} became {after.name}"
    one, other = _described(before), _described(after)
    if one != other:
        return f"{one} became {other}"
    # The index of a oneof counts those before it, and each optional field of proto3 has one.
    names = {each.name for field in (before, after) for each, _ in field.ListFields()} - {"oneof_index"}
    changed = sorted(name for name in names if getattr(before, name) != getattr(after, name))
    return f"its {' and '.join(changed)} changed" if changed else ""


def _moved(old: Any, before: Any, new: Any, after: Any) -> str:
    one, other = (
        message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        for message, field in ((old, before), (new, after))
    )
    return "" if one == other else "moved into, out of or between oneofs"


def _described(field: Any) -> str:
    label = _Field.Label.Name(field.label).removeprefix("LABEL_").lower()
    kind = field.type_name.lstrip(".") or _Field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"{label} {kind} = {field.number}"


def _join(package: str, name: str) -> str:
    return f"{package}.{name}" if package else name

"""Read a YAML list of rules with the line of each, and nothing that YAML hides.

Plain values are those of YAML 1.2. Refused, because the reader would not see
it: what YAML 1.1 takes for something else (010 for 8, 1:30 for 90, NO for
false), a key given twice, anchors and aliases (ten lines of them can stand for
a billion), tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from inventory_assets.words.text import is_unseen

# libyaml parses without recursion, but composing recurses: bound the depth before.
MAX_DEPTH = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The core schema of YAML 1.2.2, section 10.3.2.
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
# What YAML 1.1 takes for a date is a text that looks like one in both.
_TEXT_TAGS = (f"{_TAG}str", f"{_TAG}timestamp")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a reader gives for a rule that it could not read."""

    why: str


class YamlError(ValueError):
    """A YAML text cannot be used."""


def read_yaml(text: str) -> Iterator[tuple[str, Any]]:
    """Yield ("line n", document) for each rule of a list, of `rules:`, or of one document.

    A rule that could not be read is `Unreadable`.

    Raises:
        YamlError: The whole could not be read.
    """
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from error
    if root is None:
        return
    if isinstance(root, yaml.MappingNode) and [key.value for key, _ in root.value] == ["rules"]:
        root = root.value[0][1]
    nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
    for node in nodes:
        place = f"line {node.start_mark.line + 1}"
        try:
            _check_keys(node)
            yield place, _value(node)
        except yaml.YAMLError as error:
            yield place, Unreadable(" ".join(str(error).split()))
        except (YamlError, ValueError) as error:
            yield place, Unreadable(str(error))


def _check_events(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError(f"line {line}: anchors and aliases are not read; write the rule out")
        if isinstance(event, yaml.ScalarEvent) and event.tag is not None:
            raise YamlError(f"line {line}: the tag {event.tag!r} is not read; write the value, quoted if it is text")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlError(f"line {line}: a second document; expected one list of rules")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError(f"line {line}: nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_keys(node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise YamlError(f"key {key.value!r} appears twice in one mapping (line {key.start_mark.line + 1})")
                seen.add(key.value)
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item)


def _value(node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _plain(node.value, node.tag)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return {_key(key): _value(value) for key, value in node.value}
    return yaml.constructor.SafeConstructor().construct_object(node, deep=True)  # type: ignore[no-untyped-call]


def _key(node: Any) -> Any:
    value = _value(node)
    if isinstance(value, list | dict):
        raise YamlError(f"a key was no text (line {node.start_mark.line + 1})")
    return value


def _plain(text: str, tag: str) -> Any:
    """A plain scalar as YAML 1.2 has it, where YAML 1.1 (`tag`) has no other opinion."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(digits := text.lstrip("+-")) > 1 and digits.startswith("0"):
            raise YamlError(f"{text} is octal to YAML 1.1 and decimal to YAML 1.2; write it without the 0, or quote it")
        return int(text)
    if _OTHER_INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".", ""))
    if tag not in _TEXT_TAGS:
        raise YamlError(f"{text} is {tag.removeprefix(_TAG)} to YAML 1.1 and text to YAML 1.2; quote it")
    return text


def write_yaml(documents: list[Any]) -> str:
    """Render documents so that both YAML 1.1 and 1.2 read the same."""
    return yaml.dump(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    pass


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what is no text to YAML 1.1; 1e3 and 0o17 are none to 1.2.
    is_number = any(pattern.fullmatch(text) for pattern in (_INTEGER, _OTHER_INTEGER, _FLOAT, _NOT_FINITE))
    # What nobody would see is an escape, which double quotes alone have.
    style = '"' if any(map(is_unseen, text)) else "'" if is_number else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _write_text)

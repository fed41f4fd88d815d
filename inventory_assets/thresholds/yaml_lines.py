"""Read a YAML list of rules with the line of each, and nothing that YAML hides.

Refused, because the reader would not see it: a key given twice, anchors and
aliases (ten lines of them can stand for a billion), tags of other languages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

# libyaml parses without recursion, but composing recurses: bound the depth before.
MAX_DEPTH = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    constructor = yaml.constructor.SafeConstructor()
    for node in nodes:
        place = f"line {node.start_mark.line + 1}"
        try:
            _check_keys(node)
            yield place, constructor.construct_object(node, deep=True)
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

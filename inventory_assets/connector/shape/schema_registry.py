"""Check documents against the JSON Schema of their collection and version, and say which that is.

Here: versions, and what does not fit. Not here: what fits and is wrong all the same (RULES 3-8,
which the lake judges), or what becomes of it (`shaping`).

A schema is a file `<role>/<major>.<minor>.json`, checked against the document's Extended JSON form.
Within a major version minors only add: so a newer minor than any known is checked with the newest
known one, and an unknown major is refused, as its fields may mean something else.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import fastjsonschema

from inventory_assets.connector.errors import ConfigurationError

UNKNOWN_VERSION = "unknown_schema_version"
VIOLATION = "schema_violation"
VERSION_FIELD = "schema_version"

Version = tuple[int, int]
Validate = Callable[[dict[str, Any]], Any]

_VERSION = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,6}))?", re.ASCII)


class Verdict(NamedTuple):
    """What a check found.

    Attributes:
        version: That the document has, or that stands in for an absent one; empty where it cannot be read.
        refusal: None, `unknown_schema_version` or `schema_violation`.
        detail: What does not fit, where and by which rule; never a value of the document.
    """

    version: str
    refusal: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Schema:
    version: Version
    text: str
    validate: Validate


class SchemaRegistry:
    """The schemas of all collections, compiled once. Immutable, so any thread may use it."""

    def __init__(self, definitions: Mapping[str, Mapping[Version, Mapping[str, Any]]]) -> None:
        """Compile schemas.

        Args:
            definitions: By collection role and version.

        Raises:
            ConfigurationError: A schema is none.
        """
        self._schemas: dict[str, list[_Schema]] = {}
        for role, versions in definitions.items():
            self._schemas[role] = [
                _Schema(version, f"{version[0]}.{version[1]}", _compile(role, version, versions[version]))
                for version in sorted(versions)
            ]

    def current(self, role: str) -> str:
        """The newest version known of a collection: what a document without one has."""
        return self._schemas[role][-1].text

    def check(self, role: str, plain: Mapping[str, Any]) -> Verdict:
        """Check one document in its Extended JSON form."""
        stated = plain.get(VERSION_FIELD)
        if stated is None:
            schema = self._schemas[role][-1]
            text = schema.text
        else:
            version = _read_version(stated)
            if version is None:
                return Verdict("", UNKNOWN_VERSION, f"{VERSION_FIELD} was no version, expected MAJOR or MAJOR.MINOR")
            text = f"{version[0]}" if version[1] is None else f"{version[0]}.{version[1]}"
            found = self._choose(role, *version)
            if found is None:
                known = ", ".join(schema.text for schema in self._schemas[role])
                return Verdict(text, UNKNOWN_VERSION, f"{VERSION_FIELD} was {text} of {role}, known are {known}")
            schema = found
        try:
            schema.validate(plain)  # type: ignore[arg-type]
        except fastjsonschema.JsonSchemaValueException as error:
            return Verdict(text, VIOLATION, _describe(error, schema, role))
        return Verdict(text)

    def _choose(self, role: str, major: int, minor: int | None) -> _Schema | None:
        same = [schema for schema in self._schemas[role] if schema.version[0] == major]
        if not same or minor is None:
            return same[-1] if same else None
        # The newest that the document can know of; the oldest there is for one still older.
        return next((schema for schema in reversed(same) if schema.version[1] <= minor), same[0])


def load_registry(extra: Path | None = None) -> SchemaRegistry:
    """Load our schemas, and those of a directory, which add to them or replace them.

    Raises:
        ConfigurationError: Lists every file that cannot be used.
    """
    definitions: dict[str, dict[Version, Any]] = {}
    problems: list[str] = []
    ours = resources.files("inventory_assets.connector").joinpath("schemas")
    roles = [role.name for role in ours.iterdir() if role.is_dir()]
    roots: list[Traversable | Path] = [ours] if extra is None else [ours, extra]
    if extra is not None and not extra.is_dir():
        problems.append(f"{extra}: no such directory")
        roots = [ours]
    for root in roots:
        for role in roles:
            folder = root / role
            for file in folder.iterdir() if folder.is_dir() else ():
                if not file.name.endswith(".json"):
                    continue
                version = _read_version(file.name.removesuffix(".json"))
                if version is None or version[1] is None:
                    problems.append(f"{root / role / file.name}: the name was no version, expected such as 1.1.json")
                    continue
                try:
                    definitions.setdefault(role, {})[version[0], version[1]] = json.loads(file.read_text("utf-8"))
                except (OSError, ValueError) as error:
                    problems.append(f"{root / role / file.name}: it is no JSON: {error}")
    if problems:
        raise ConfigurationError("schemas cannot be used:\n  " + "\n  ".join(problems))
    return SchemaRegistry(definitions)


def _compile(role: str, version: Version, definition: Any) -> Validate:
    try:
        return fastjsonschema.compile(definition, use_default=False)
    except Exception as error:
        # A schema that is no object or has a keyword of the wrong type fails in many ways, all of them its own fault.
        raise ConfigurationError(f"schema {role}/{version[0]}.{version[1]} cannot be compiled: {error}") from error


def _read_version(stated: Any) -> tuple[int, int | None] | None:
    if type(stated) is dict:
        major, minor = stated.get("major"), stated.get("minor", 0)
        if type(major) is int and type(minor) is int and major >= 0 and minor >= 0:
            return major, minor
        return None
    # A double 1.2 is what a shell makes of a version; 1.0 is 1.
    if type(stated) is float and stated.is_integer():
        stated = int(stated)
    match = _VERSION.fullmatch(str(stated)) if type(stated) in (str, int, float) else None
    return None if match is None else (int(match[1]), None if match[2] is None else int(match[2]))


_JSON_TYPES = {str: "a string", bool: "a boolean", int: "a number", float: "a number", dict: "an object",
               list: "an array", type(None): "null"}  # fmt: skip


def _describe(error: fastjsonschema.JsonSchemaValueException, schema: _Schema, role: str) -> str:
    # The library's message and `error.value` may hold what must not leave: only names of the schema are used.
    path = ".".join(str(part) for part in error.path[1:]) or "the document"
    rule = error.rule_definition
    if error.rule == "required":
        absent = [name for name in rule if not isinstance(error.value, dict) or name not in error.value]
        return f"{role} {schema.text}: {path} lacks {', '.join(absent)} (required)"
    is_shown = error.rule in _SHOWN or type(rule) in (int, float)
    expected = (rule if isinstance(rule, str) else json.dumps(rule)) if is_shown else ""
    was = _JSON_TYPES.get(type(error.value), "another value")
    return f"{role} {schema.text}: {path} was {was}, against {error.rule} {expected}".rstrip()[:500]


_SHOWN = frozenset(("type", "enum", "const", "pattern"))

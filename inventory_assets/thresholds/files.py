"""Files of threshold rules: CSV, JSON, JSON Lines and YAML, read whole and written back the same.

Here: rows to rules and rules to rows, with every problem by its place. Not here:
what a document means (`domain.events.parse_threshold`) or what becomes of it
(`edits`).

JSON and YAML hold R0's documents; CSV holds the same, flat, in `COLUMNS`.
"""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import Problems, Scope, canonical_json
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.thresholds.changes import wanted_rule
from inventory_assets.domain.thresholds.document import (
    DYNAMIC_FIELDS,
    LIMIT_FIELDS,
    SCOPE_FIELDS,
    name_scope,
    to_document,
)
from inventory_assets.domain.values import InvalidValue
from inventory_assets.errors import InventoryError
from inventory_assets.given_files import BadRow, GivenFileError, read_csv, read_json, read_text
from inventory_assets.thresholds.yaml_lines import Unreadable, YamlError, read_yaml, write_yaml
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import counted
from inventory_assets.words.text import visible_json, visible_lines

SUFFIXES = {
    ".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
MAX_SHOWN = 50
COLUMNS = (
    *SCOPE_FIELDS, *LIMIT_FIELDS, "mode", *DYNAMIC_FIELDS, "cooldown_period_minutes", "enabled",
    "notification_channel", "recipients", "alert_settings", "deleted", "reason",
)  # fmt: skip
FIELDS = (
    *SCOPE_FIELDS, *LIMIT_FIELDS, "mode", *DYNAMIC_FIELDS, "alert_settings", "enabled", "deleted", "reason",
    "change_reason",
)  # fmt: skip
# What R0's documents also have, and what says nothing of the rule: who imports is the author, and the time is now.
IGNORED = ("_id", "created_at", "updated_at", "created_by", "updated_by", "author")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_JSON_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ThresholdFileError(InventoryError, ValueError):
    """A file of rules has problems. Nothing of it was used."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and where: a line, or a rule by its number."""

    place: str
    what: str


@dataclass(slots=True)
class RuleFile:
    """A file as read: its good rules with their places, and all that is wrong."""

    name: str
    rules: list[tuple[str, ThresholdRule]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def load_rules(path: Path) -> list[ThresholdRule]:
    """Read a file's rules.

    Raises:
        ThresholdFileError: Lists every problem by its place.
    """
    found = read_rule_file(path)
    if found.problems:
        shown = "\n  ".join(f"{problem.place}: {problem.what}" for problem in found.problems[:MAX_SHOWN])
        more = len(found.problems) - MAX_SHOWN
        all_of_them = command("inventory thresholds validate {} --format csv", path.name)
        rest = f"\n  and {more} more: see `{all_of_them}`" if more > 0 else ""
        count = counted(len(found.problems), "problem")
        raise ThresholdFileError(f"{path.name}: {count}, nothing was changed:\n  {shown}{rest}")
    return [rule for _, rule in found.rules]


def read_rule_file(path: Path) -> RuleFile:
    """Read a file's rules and find everything that is wrong with it.

    Raises:
        ThresholdFileError: It is no such file at all: another format, no text, too big.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise ThresholdFileError(f"{path.name} was no {', '.join(SUFFIXES)} file; name it by its format.")
    try:
        text = read_text(path)
    except GivenFileError as error:
        raise ThresholdFileError(str(error)) from error
    return read_rule_text(path.name, kind, text)


def read_rule_text(name: str, kind: str, text: str) -> RuleFile:
    """Read rules out of a text of a format, one of `SUFFIXES`' values; see `read_rule_file`."""
    found = RuleFile(name)
    try:
        documents = list(_read_csv(name, text) if kind == "csv" else _READERS[kind](text))
    except GivenFileError as error:
        raise ThresholdFileError(str(error)) from error
    except (ValueError, RecursionError, YamlError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ThresholdFileError(f"{name} could not be read as {kind.upper()}: {what}") from error
    if not documents:
        raise ThresholdFileError(f"{name} has no rules; expected at least one.")
    seen: dict[Scope, str] = {}
    for place, document in documents:
        _take(found, seen, place, document, kind)
    return found


def _take(found: RuleFile, seen: dict[Scope, str], place: str, document: Any, kind: str) -> None:
    def report(what: str) -> None:
        found.problems.append(Problem(place, what))

    if isinstance(document, Unreadable):
        return report(document.why)
    if not isinstance(document, dict):
        return report(f"was {_shown(document)}, expected an object with level_type, level_id, …")
    try:
        document = _as_message(document)
    except (InvalidValue, TypeError, ValueError, RecursionError) as error:
        return report(f"is no JSON document: {error}")
    before = len(found.problems)
    for name in document:
        if name not in FIELDS and name not in IGNORED:
            close = difflib.get_close_matches(str(name), FIELDS if kind != "csv" else COLUMNS, 1)
            hint = f"; did you mean {close[0]}?" if close else f"; expected {', '.join(FIELDS)}"
            report(f"unknown field {_shown(name)}{hint}")
    deleted = document.get("deleted")
    if deleted is not None and not isinstance(deleted, bool):
        report(f"deleted was {_shown(deleted)}, expected true or false")
    problems: Problems = []
    rule = wanted_rule(document, problems)
    for problem in problems:
        # YAML reads 7 as a number, and true as no text.
        hint = "; quote it" if kind == "yaml" and problem.detail.endswith("expected a string") else ""
        report(problem.detail + hint)
    is_placed = not any(problem.reason in ("missing_field", "invalid_id", "invalid_value") for problem in problems)
    if is_placed and (earlier := seen.setdefault(rule.scope, place)) != place:
        report(f"{name_scope(rule.scope)} is set in {earlier} too; one rule per scope")
    if len(found.problems) == before:
        found.rules.append((place, rule))


def _as_message(document: dict[Any, Any]) -> dict[str, Any]:
    """A document as a message would bring it: what a message may not hold, a file may not either."""
    return decode_object(json.dumps(document, allow_nan=False, default=_refuse_value).encode())


def _refuse_value(value: Any) -> str:
    raise TypeError(f"{_shown(value)} is no JSON value; quote it")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# ---- reading


def _read_csv(name: str, text: str) -> Iterator[tuple[str, Any]]:
    rows = read_csv(text, name, columns=COLUMNS, ignored=IGNORED, required=("level_type",))
    for line, row in rows:
        yield f"line {line}", Unreadable(row.why) if isinstance(row, BadRow) else _from_row(row)


def _from_row(row: dict[str, str]) -> Any:
    cells = {name: _unescaped(value) for name, value in row.items() if value}
    document: dict[str, Any] = {
        name: cells[name]
        for name in (*SCOPE_FIELDS, "min_threshold_qty", "reorder_threshold_qty", "mode", "floor_qty", "ceiling_qty")
        if name in cells
    }
    for name in ("min_threshold_days", "reorder_threshold_days", "service_level"):
        if name in cells:
            document[name] = _number(cells[name])
    try:
        settings = read_json(cells.get("alert_settings", "{}"))
    except ValueError as error:
        return Unreadable(f"alert_settings was no JSON object: {error}")
    if not isinstance(settings, dict):
        return Unreadable(f"alert_settings was {_shown(settings)}, expected a JSON object")
    if "notification_channel" in cells:
        settings["notification_channel"] = cells["notification_channel"]
    if "recipients" in cells:
        settings["recipients"] = [part.strip() for part in cells["recipients"].split(";") if part.strip()]
    if "cooldown_period_minutes" in cells:
        settings["cooldown_period_minutes"] = cells["cooldown_period_minutes"]
    if "enabled" in cells:
        settings["enabled"] = _FLAGS.get(cells["enabled"].lower(), cells["enabled"])
    if "deleted" in cells:
        document["deleted"] = _FLAGS.get(cells["deleted"].lower(), cells["deleted"])
    if "reason" in cells:
        document["reason"] = cells["reason"]
    return {**document, "alert_settings": settings} if settings else document


def _number(text: str) -> Any:
    # Python's own reader also takes 1_000, ١٢ and infinity; a text is refused with its field.
    return float(text) if _JSON_NUMBER.fullmatch(text) and not text.lstrip("-").isdecimal() else text


def _read_json(text: str) -> Iterator[tuple[str, Any]]:
    value = read_json(text)
    if isinstance(value, dict):
        value = value["rules"] if set(value) == {"rules"} else [value]
    if not isinstance(value, list):
        raise ValueError("expected an array of rules")
    yield from ((f"rule {number}", item) for number, item in enumerate(value, 1))


def _read_json_lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", read_json(line)
            except ValueError as error:
                yield f"line {number}", Unreadable(f"was no JSON: {error}")


def _read_json_either(text: str) -> Iterator[tuple[str, Any]]:
    """An array or one object; else one object a line, as mongoexport writes."""
    try:
        return iter(list(_read_json(text)))
    except json.JSONDecodeError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if error.msg == "Extra data" and len(lines) > 1 and lines[0].strip().startswith("{"):
            return _read_json_lines(text)
        raise


_READERS = {"json": _read_json_either, "jsonl": _read_json_lines, "yaml": read_yaml}


# ---- writing


def write_rules(rules: Iterable[ThresholdRule], kind: str) -> str:
    """Render rules as a file of a format; what is read back is the same."""
    documents = [to_document(rule) for rule in rules]
    if kind == "csv":
        return _write_csv(documents)
    if kind == "yaml":
        # A terminal shows it too: what it would not draw is an escape, which YAML reads back in double quotes alone.
        return visible_lines(write_yaml(documents)) if documents else "[]\n"
    # A rule a line: a change is one line in a diff.
    rows = ",\n".join(visible_json(json.dumps(document, ensure_ascii=False)) for document in documents)
    return f"[\n{rows}\n]\n" if documents else "[]\n"


def _write_csv(documents: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    names = [name for name in COLUMNS if name not in ("deleted", "reason")]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for document in documents:
        row = to_row(document)
        writer.writerow([_escaped(row.get(name, "")) for name in names])
    return out.getvalue()


def to_row(document: dict[str, Any]) -> dict[str, Any]:
    """A document as flat columns."""
    row = {name: value for name, value in document.items() if name != "alert_settings"}
    settings = dict(document["alert_settings"])
    row["cooldown_period_minutes"] = settings.pop("cooldown_period_minutes")
    row["enabled"] = "true" if settings.pop("enabled") else "false"
    channel, recipients = settings.get("notification_channel"), settings.get("recipients")
    if isinstance(channel, str) and channel:
        row["notification_channel"] = settings.pop("notification_channel")
    if _is_plain_list(recipients):
        row["recipients"] = ";".join(settings.pop("recipients"))
    if settings:
        row["alert_settings"] = canonical_json(settings)
    return row


def _is_plain_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, str) and item and item == item.strip() and ";" not in item for item in value)
    )


def _escaped(value: Any) -> Any:
    # A cell that begins like a formula is one to a spreadsheet; one more quote each time, so that it comes off.
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _unescaped(value: str) -> str:
    return value[1:] if value.startswith("'") and _FORMULA.match(value) else value

"""Read threshold rules from a YAML or JSON file: R0's documents, judged as if they came as messages."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from inventory_assets.domain.events import Rejection, ThresholdRule
from inventory_assets.domain.parse import ParseSettings, parse_message
from inventory_assets.domain.thresholds import Scope
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.errors import LakeError

MAX_SHOWN_PROBLEMS = 20


class RuleFileError(LakeError):
    """The file holds something that is no threshold rule. Nothing was done."""


def read_rules(path: Path, settings: ParseSettings, now: datetime) -> list[ThresholdRule]:
    """Read every rule of a file, in its order.

    Args:
        path: A list of documents, or an object with one under `rules`.
        settings: Bounds on event times.
        now: When a rule without a time of its own counts as written.

    Raises:
        RuleFileError: With every problem, by the place of its rule in the list.
    """
    rules, problems = [], []
    places: dict[Scope, int] = {}
    for place, document in enumerate(_documents(path), 1):
        rule = _to_rule(document, settings, now)
        if isinstance(rule, str):
            problems.append(f"rule {place}: {rule}")
        elif rule.scope in places:
            problems.append(
                f"rule {place}: the scope {describe_scope(rule.scope)} has rule {places[rule.scope]} already"
            )
        else:
            places[rule.scope] = place
            rules.append(rule)
    if problems:
        shown = "\n  ".join(problems[:MAX_SHOWN_PROBLEMS])
        more = f"\n  and {len(problems) - MAX_SHOWN_PROBLEMS} more" if len(problems) > MAX_SHOWN_PROBLEMS else ""
        count = "1 bad rule" if len(problems) == 1 else f"{len(problems)} bad rules"
        raise RuleFileError(f"{path.name}: {count}, nothing was done:\n  {shown}{more}")
    return rules


def describe_scope(scope: Scope) -> str:
    """A scope in words: `CATEGORY SHOES in WH-1`, `GLOBAL`."""
    level_type, level_id, warehouse_id = scope
    name = f"{level_type} {level_id}".strip()
    return f"{name} in {warehouse_id}" if warehouse_id else name


def _documents(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise RuleFileError(f"{path.name} was no UTF-8 text: {error}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        reason = " ".join(str(error).split())
        raise RuleFileError(f"{path.name} was no {kind}: {reason}") from error
    if isinstance(found, dict) and isinstance(found.get("rules"), list):
        found = found["rules"]
    elif isinstance(found, dict) and "level_type" in found:
        found = [found]
    if not isinstance(found, list) or not found:
        raise RuleFileError(f"{path.name} held no list of rules; expected items such as level_type: GLOBAL")
    return found


def _to_rule(document: Any, settings: ParseSettings, now: datetime) -> ThresholdRule | str:
    if not isinstance(document, dict) or "level_type" not in document:
        return "expected an object with level_type"
    try:
        data = json.dumps(document, default=_plain, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        return str(error)
    event = parse_message("thresholds-topic", data, {}, to_microseconds(now), settings)
    if isinstance(event, ThresholdRule):
        return event
    return event.detail if isinstance(event, Rejection) else "it states no rule"


def _plain(value: Any) -> str:
    # YAML reads a bare time as one; the rules take text.
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    raise TypeError(f"a {type(value).__name__} was no JSON value")

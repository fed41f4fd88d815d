"""Read what a threshold document says: its scope, its limits, who set it (RULES 21-23).

Here: the fields of one document, each problem found and not the first alone,
so that a file's rows can be mended in one go. Not here: the message around it,
its time and its identity (`parse`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from inventory_assets.domain.events.kinds import DynamicSettings
from inventory_assets.domain.values import (
    CONTROL_CHARACTERS,
    InvalidValue,
    read_boolean,
    read_days,
    read_id,
    read_number,
    read_within,
)
from inventory_assets.ranges import MAX_DAYS, MAX_QUANTITY

DEFAULT_COOLDOWN_MINUTES = 60
MAX_COOLDOWN_MINUTES = MAX_DAYS * 24 * 60
HIERARCHY_LEVELS = ("SKU", "PRODUCT", "BRAND", "CATEGORY", "DEPARTMENT", "GLOBAL")
NO_SETTINGS = "{}"
MAX_TEXT = 1024  # characters of an author or a reason

Scope = tuple[str, str, str | None]
"""(level_type, level_id, warehouse_id or None for all)."""

Problems = list[InvalidValue]


class Limits(NamedTuple):
    """What a rule sets; null sets no such condition. `alert_settings` is canonical JSON."""

    min_threshold_qty: int | None = None
    reorder_threshold_qty: int | None = None
    min_threshold_days: float | None = None
    reorder_threshold_days: float | None = None
    cooldown_minutes: int = DEFAULT_COOLDOWN_MINUTES
    is_enabled: bool = True
    alert_settings: str = NO_SETTINGS
    dynamic: DynamicSettings | None = None


def read_scope(document: dict[str, Any], problems: Problems) -> Scope:
    """Read which keys a rule is for; what is wrong is added to `problems`."""
    level_type = document.get("level_type")
    if level_type is None:
        problems.append(InvalidValue("missing_field", "required and absent or null: level_type", "level_type"))
    elif type(level_type) is not str or level_type not in HIERARCHY_LEVELS:
        problems.append(
            InvalidValue(
                "invalid_value",
                f"level_type was {level_type!r}, expected one of {', '.join(HIERARCHY_LEVELS)}",
                "level_type",
            )
        )
    level_id = ""
    if level_type != "GLOBAL":
        if document.get("level_id") is None:
            problems.append(InvalidValue("missing_field", "required and absent or null: level_id", "level_id"))
        else:
            level_id = _try(problems, read_id, "level_id", document["level_id"]) or ""
    warehouse = document.get("warehouse_id")
    warehouse_id = None if warehouse is None else _try(problems, read_id, "warehouse_id", warehouse)
    return (str(level_type), level_id, warehouse_id)


def read_limits(document: dict[str, Any], problems: Problems) -> Limits:
    """Read what a rule sets; what is wrong is added to `problems` as `invalid_threshold`."""
    settings = document.get("alert_settings")
    if settings is not None and type(settings) is not dict:
        problems.append(_invalid("alert_settings was no object", "alert_settings"))
        settings = None
    settings = settings or {}
    found: Problems = []

    def read(field: str, reader: Callable[[str, Any], Any], value: Any, default: Any = None) -> Any:
        return default if value is None else _try(found, reader, field, value)

    min_qty = read("min_threshold_qty", _read_quantity, document.get("min_threshold_qty"))
    reorder_qty = read("reorder_threshold_qty", _read_quantity, document.get("reorder_threshold_qty"))
    min_days = read("min_threshold_days", read_days, document.get("min_threshold_days"))
    reorder_days = read("reorder_threshold_days", read_days, document.get("reorder_threshold_days"))
    cooldown = read(
        "cooldown_period_minutes", _read_cooldown, settings.get("cooldown_period_minutes"), DEFAULT_COOLDOWN_MINUTES
    )
    enabled = settings.get("enabled")
    is_enabled = read("enabled", read_boolean, document.get("enabled") if enabled is None else enabled, True)
    is_read = not found
    problems += [_invalid(problem.detail, problem.position) for problem in found]
    for unit, low, high in (("qty", min_qty, reorder_qty), ("days", min_days, reorder_days)):
        if low is not None and high is not None and low > high:
            problems.append(
                _invalid(
                    f"min_threshold_{unit} was {low}, expected at most the reorder's {high}", f"min_threshold_{unit}"
                )
            )
    is_dynamic, dynamic = _read_mode(document, reorder_qty, problems)
    is_empty = not is_dynamic and (min_qty, reorder_qty, min_days, reorder_days) == (None,) * 4
    if is_read and is_enabled and is_empty:
        problems.append(_invalid("no threshold was set and nothing was muted"))
    other = {name: value for name, value in settings.items() if name not in ("cooldown_period_minutes", "enabled")}
    settings_text = canonical_json(other)
    return Limits(min_qty, reorder_qty, min_days, reorder_days, cooldown, is_enabled, settings_text, dynamic)


def _read_quantity(field: str, value: Any) -> int:
    return read_within(field, value, 0, MAX_QUANTITY)


def _read_cooldown(field: str, value: Any) -> int:
    return read_within(field, value, 0, MAX_COOLDOWN_MINUTES)


def _read_mode(
    document: dict[str, Any], reorder_qty: int | None, problems: Problems
) -> tuple[bool, DynamicSettings | None]:
    """Whether a rule is meant to follow demand, and how; null where it is not, or not as it says."""
    mode = document.get("mode")
    if mode is None or mode == "static":
        return False, None
    if mode != "dynamic":
        problems.append(_invalid(f"mode was {mode!r}, expected static or dynamic", "mode"))
        return False, None
    bounds: list[int | None] = []
    for field in ("floor_qty", "ceiling_qty"):
        found: Problems = []
        value = document.get(field)
        bound = None if value is None else _try(found, _read_quantity, field, value)
        problems += [_invalid(problem.detail, problem.position) for problem in found]
        bounds.append(bound)
    floor, ceiling = bounds
    if floor is not None and ceiling is not None and floor > ceiling:
        problems.append(_invalid(f"floor_qty was {floor}, expected at most the ceiling's {ceiling}", "floor_qty"))
    if floor is not None and reorder_qty is not None and floor > reorder_qty:
        detail = f"floor_qty was {floor}, expected at most the fixed reorder's {reorder_qty}"
        problems.append(_invalid(detail, "floor_qty"))
    level = _read_service_level(document.get("service_level"), problems)
    return True, None if level is None else DynamicSettings(level, floor, ceiling)


def _read_service_level(value: Any, problems: Problems) -> float | None:
    if value is None:
        detail = "mode dynamic needs service_level, above 0 and below 1, such as 0.95"
        problems.append(_invalid(detail, "service_level"))
        return None
    try:
        level = read_number("service_level", value, 0, 1)
    except InvalidValue:
        level = 0.0
    # At 1 safety stock would have no end.
    if 0 < level < 1:
        return level
    problems.append(_invalid(f"service_level was {value!r}, expected above 0 and below 1", "service_level"))
    return None


def read_author(document: dict[str, Any], source: str | None) -> tuple[str | None, str | None]:
    """Read (author, reason) of a change; optional, so nothing in them is worth losing a rule for.

    Without an author, the message's source stands for it.
    """
    author = _first_text(document, "author", "updated_by")
    return author or _clean(source), _first_text(document, "reason", "change_reason")


def canonical_json(value: Any) -> str:
    """JSON of a value, the same text for the same value: sorted keys, no white space."""
    return msgspec.json.encode(value, order="sorted").decode()


def _first_text(document: dict[str, Any], *fields: str) -> str | None:
    return next((text for field in fields if (text := _clean(document.get(field)))), None)


def _clean(value: Any) -> str | None:
    # A terminal shows these: no control characters.
    if type(value) is not str:
        return None
    return " ".join(CONTROL_CHARACTERS.sub(" ", value).split())[:MAX_TEXT] or None


def _try(problems: Problems, reader: Callable[[str, Any], Any], field: str, value: Any) -> Any:
    try:
        return reader(field, value)
    except InvalidValue as problem:
        problems.append(problem)
        return None


def _invalid(detail: str, position: str | None = None) -> InvalidValue:
    return InvalidValue("invalid_threshold", detail, position)

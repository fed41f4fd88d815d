"""Write a threshold rule as the document that sets it, and name its scope.

Here: R0's shape, made from a stored rule, so that what is exported can be
imported. Not here: reading one (`parse_threshold`), files (`thresholds.files`).
"""

from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import DEFAULT_COOLDOWN_MINUTES, Scope, canonical_json

LIMIT_FIELDS = ("min_threshold_qty", "reorder_threshold_qty", "min_threshold_days", "reorder_threshold_days")
DYNAMIC_FIELDS = ("service_level", "floor_qty", "ceiling_qty")
SCOPE_FIELDS = ("level_type", "level_id", "warehouse_id")


def name_scope(scope: Scope) -> str:
    """A scope in one word: `GLOBAL`, `CATEGORY/SMARTPHONES`, `SKU/S1@WH-EAST-1`."""
    level_type, level_id, warehouse_id = scope
    return (f"{level_type}/{level_id}" if level_id else level_type) + (f"@{warehouse_id}" if warehouse_id else "")


def to_document(rule: ThresholdRule) -> dict[str, Any]:
    """A rule as R0 writes it; what is not set is left out. Days that are whole are integers."""
    document: dict[str, Any] = scope_document(rule.scope)
    for field in LIMIT_FIELDS:
        value = getattr(rule, field)
        if value is not None:
            document[field] = int(value) if isinstance(value, float) and value.is_integer() else value
    if rule.dynamic is not None:
        document["mode"] = "dynamic"
        document |= {name: value for name in DYNAMIC_FIELDS if (value := getattr(rule.dynamic, name)) is not None}
    settings = settings_of(rule)
    document["alert_settings"] = {
        **settings, "cooldown_period_minutes": rule.cooldown_minutes, "enabled": rule.is_enabled,
    }  # fmt: skip
    return document


def scope_document(scope: Scope) -> dict[str, Any]:
    """The part of a document that names its scope."""
    return {name: value for name, value in zip(SCOPE_FIELDS, scope, strict=True) if value}


def settings_of(rule: ThresholdRule) -> dict[str, Any]:
    """The rule's own alert settings: channel, recipients, and whatever else it says."""
    return msgspec.json.decode(rule.alert_settings)


def document_text(rule: ThresholdRule | None) -> str | None:
    """A rule's document as canonical JSON; null for no rule or a deleted one."""
    return None if rule is None or rule.is_deleted else canonical_json(to_document(rule))


def list_changes(before: ThresholdRule | None, after: ThresholdRule | None) -> list[str]:
    """Name what differs between two rules of one scope: `min 10 -> 20`; of a new one, what it sets."""
    old, new = _flat(before), _flat(after)
    if not old:
        return [f"{name} {_shown(value)}" for name, value in new.items() if _DEFAULTS.get(name) != value]
    return [
        f"{name} {_shown(old.get(name))} -> {_shown(new.get(name))}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name) and new
    ]


_LABELS = {
    "min_threshold_qty": "min", "reorder_threshold_qty": "reorder", "min_threshold_days": "min days",
    "reorder_threshold_days": "reorder days", "cooldown_period_minutes": "cooldown", "notification_channel": "channel",
    "service_level": "service level", "floor_qty": "floor", "ceiling_qty": "ceiling",
}  # fmt: skip
_DEFAULTS = {"cooldown": DEFAULT_COOLDOWN_MINUTES, "enabled": True}


def _flat(rule: ThresholdRule | None) -> dict[str, Any]:
    if rule is None or rule.is_deleted:
        return {}
    document = to_document(rule)
    settings = document.pop("alert_settings")
    values = {**document, **settings}
    return {_LABELS.get(name, name): value for name, value in values.items() if name not in SCOPE_FIELDS}


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return "none" if value is None else value if isinstance(value, str) else canonical_json(value)

"""Take sensitive values out of a document before anything of it leaves the process.

Here: which fields, and what stands in their place. Not here: when (`shaping` does it before a
message, a dead letter or an excerpt exists at all).

A path is `role.field.field…`. `*` is every field or element; an array is gone through even where
the path does not say so, because a mask that misses the second element would be none.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

MASK = "***"
HMAC_PREFIX = "hmac-sha256:"
ANY = "*"


class Treatment(StrEnum):
    """What becomes of a value. Null stays null in all but DROP: it tells nothing."""

    DROP = "drop"
    MASK = "mask"
    HMAC = "hmac"


# What state, identity and position are made of (RULES 3, 8, 12-17, 19, 21): changed, it would be another fact.
STOCK_FIELDS: dict[str, frozenset[str]] = {
    "inventory": frozenset((
        "sku", "warehouse_id", "current_stock", "reserved_stock", "product_id", "brand_id", "category_id",
        "department_id", "min_threshold", "reorder_threshold", "restock_in_progress", "last_updated", "updated_at",
        "status_changed_at", "schema_version",
    )),
    "transactions": frozenset((
        "transaction_id", "transaction_type", "status", "sku", "warehouse_id", "to_warehouse_id", "quantity",
        "timestamp", "updated_at", "status_changed_at", "schema_version",
    )),
    "thresholds": frozenset((
        "level_type", "level_id", "warehouse_id", "min_threshold_qty", "reorder_threshold_qty", "min_threshold_days",
        "reorder_threshold_days", "enabled", "deleted", "mode", "service_level", "floor_qty", "ceiling_qty",
        "updated_at", "created_at", "schema_version",
    )),
}  # fmt: skip
# Beneath these only a part decides.
_STOCK_PATHS = {"thresholds": (("alert_settings", "cooldown_period_minutes"), ("alert_settings", "enabled"))}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of one collection, and what to do with it."""

    role: str
    path: tuple[str, ...]
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class Masker:
    """Applies rules to documents in Extended JSON form. Immutable.

    Attributes:
        rules: By collection role.
        key: Of the HMAC; the same key gives the same text, so that joins still work.
    """

    rules: Mapping[str, tuple[FieldRule, ...]] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)
    # Copied for each value: to set a key up costs more than all that follows.
    _keyed: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", hmac.new(self.key, digestmod="sha256"))

    def apply(self, role: str, plain: dict[str, Any]) -> None:
        """Change the document in place: it is the copy that is about to leave."""
        for rule in self.rules.get(role, ()):
            if rule.path[0] in plain or rule.path[0] == ANY:
                self._treat(plain, rule.path, 0, rule.treatment)

    def touches(self, role: str, plain: Mapping[str, Any]) -> bool:
        """Whether a rule is for one of these fields or for a part of it."""
        return any(rule.path[0] in plain for rule in self.rules.get(role, ()))

    def _treat(self, node: Any, path: tuple[str, ...], depth: int, treatment: Treatment) -> None:
        name = path[depth]
        if type(node) is list:
            # `items.*.name` spells out the step that `items.name` leaves unsaid.
            step = depth + 1 if name == ANY and depth + 1 < len(path) else depth
            for index, item in enumerate(node):
                if type(item) is dict or type(item) is list:
                    self._treat(item, path, step, treatment)
                elif name == ANY and depth + 1 == len(path):
                    node[index] = self._replace(item, treatment)
            return
        if type(node) is not dict:
            return
        for key in list(node) if name == ANY else (name,) if name in node else ():
            value = node[key]
            if depth + 1 < len(path):
                self._treat(value, path, depth + 1, treatment)
            elif treatment is Treatment.DROP:
                del node[key]
            else:
                node[key] = self._replace(value, treatment)

    def _replace(self, value: Any, treatment: Treatment) -> Any:
        if value is None or treatment is Treatment.DROP:
            return None  # an element of an array keeps its place
        if treatment is Treatment.MASK:
            return MASK
        if type(value) is list:
            return [self._replace(item, treatment) for item in value]
        digest = self._keyed.copy()
        digest.update(_canonical(value))
        return HMAC_PREFIX + digest.hexdigest()


def build_masker(rules: Iterable[FieldRule], key: bytes) -> Masker:
    """Arrange rules by collection; later ones see what earlier ones left."""
    by_role: dict[str, list[FieldRule]] = {}
    for rule in rules:
        by_role.setdefault(rule.role, []).append(rule)
    return Masker({role: tuple(found) for role, found in by_role.items()}, key)


def read_rule(text: str, treatment: Treatment) -> FieldRule:
    """Read `role.field.field…`.

    Raises:
        ValueError: What is wrong with it, and what is expected.
    """
    role, _, rest = text.strip().partition(".")
    path = tuple(rest.split("."))
    if role not in STOCK_FIELDS or not all(path):
        raise ValueError(f"{text!r} names no field, expected such as transactions.user_id or inventory.items.*.name")
    if path[0] == ANY or path[0] in STOCK_FIELDS[role] or _hides(role, path):
        raise ValueError(f"{text!r} is or holds what stock is computed from, expected a field that is not")
    return FieldRule(role, path, treatment)


def _hides(role: str, path: tuple[str, ...]) -> bool:
    return any(
        all(mine in (theirs, ANY) for mine, theirs in zip(path, needed, strict=False)) and len(path) <= len(needed)
        for needed in _STOCK_PATHS.get(role, ())
    )


def _canonical(value: Any) -> bytes:
    # An ObjectId kept as text elsewhere, and a number as digits, must still join.
    if type(value) is dict and len(value) == 1 and type(value.get("$oid")) is str:
        value = value["$oid"]
    return value.encode() if type(value) is str else msgspec.json.encode(value, order="sorted")

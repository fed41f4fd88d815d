"""Which threshold rule is in force for a key (RULES 21-23).

Here: the ladder and the choice. Not here: reading rules (`parse`) or comparing
stock with them (`evaluate`).
"""

from collections.abc import Mapping

import msgspec

from inventory_assets.domain.events.kinds import DynamicSettings, Key, ParentIds, Position, Source, ThresholdRule
from inventory_assets.domain.events.parse_threshold import DEFAULT_COOLDOWN_MINUTES, HIERARCHY_LEVELS, Scope
from inventory_assets.domain.stock.fold import KeyState, greatest, greatest_by_source


class StoredRule(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The rule of a scope that is in force, and the lake version that took it in.

    The latest position wins, whatever the arrival order: each source's latest
    first, as an epoch says nothing of another's clock. `others` are those of the
    other sources, which may come to be in force.
    """

    rule: ThresholdRule
    version: int
    others: tuple["StoredRule", ...] = ()

    @property
    def position(self) -> Position:
        """The rule's."""
        return self.rule.position

    @property
    def event_id(self) -> str:
        """The rule's."""
        return self.rule.event_id

    @property
    def source(self) -> Source:
        """The rule's."""
        return self.rule.source


def with_rule(stored: StoredRule | None, rule: ThresholdRule, version: int) -> StoredRule:
    """What is known of a scope with one more rule known."""
    new = StoredRule(rule, version)
    if stored is None:
        return new
    kept = greatest_by_source([msgspec.structs.replace(stored, others=()), *stored.others, new])
    first = greatest(kept)
    assert first is not None  # there is at least the new one
    others = sorted((each for each in kept if each is not first), key=lambda each: each.event_id)
    return msgspec.structs.replace(first, others=tuple(others))


class DynamicLimits(msgspec.Struct, frozen=True, gc=False):
    """The limits computed for one key, before the rule's bounds, and all that they were computed from.

    `demand` and `deviation` are units over `protection_days`, the lead time and
    the day until the next look; `daily_units` is the forecast of a mean day;
    `safety_factor` is the normal quantile of `service_level`.
    """

    min_qty: int
    reorder_qty: int
    model: str
    daily_units: float
    demand: float
    deviation: float
    protection_days: int
    service_level: float
    safety_factor: float


class Thresholds(msgspec.Struct, frozen=True, gc=False):
    """The limits in force for a key, and where they come from.

    Quantities in units, days in days of cover; null sets no such condition.
    `level_type` is a hierarchy level, EMBEDDED (the key's own level document)
    or SYSTEM (the default). `dynamic` is what the quantities were computed from,
    where the rule is dynamic and demand is known.
    """

    level_type: str
    level_id: str
    warehouse_id: str | None
    min_qty: int | None
    reorder_qty: int | None
    min_days: float | None
    reorder_days: float | None
    cooldown_minutes: int
    is_enabled: bool
    version: int | None
    event_id: str | None
    dynamic: DynamicLimits | None = None


class ThresholdDefaults(msgspec.Struct, frozen=True):
    """The system default: what holds where no rule does."""

    min_qty: int = 0
    reorder_qty: int = 0


_RUNGS = {level: 2 * number for number, level in enumerate((*HIERARCHY_LEVELS, "EMBEDDED", "SYSTEM"))}


def rung(level_type: str, warehouse_id: str | None) -> int:
    """How far down the ladder a scope stands: 0 for a SKU in its warehouse, the most specific."""
    return _RUNGS[level_type] + (warehouse_id is None)


def ladder(warehouse_id: str, sku: str, parents: ParentIds) -> list[Scope]:
    """The scopes a key looks for a rule in, most specific first (RULES 21)."""
    department_id, category_id, brand_id, product_id = parents
    scopes: list[Scope] = []
    for level_type, level_id in (
        ("SKU", sku),
        ("PRODUCT", product_id),
        ("BRAND", brand_id),
        ("CATEGORY", category_id),
        ("DEPARTMENT", department_id),
        ("GLOBAL", ""),
    ):
        scopes.append((level_type, level_id, warehouse_id))
        scopes.append((level_type, level_id, None))
    return scopes


def resolve_thresholds(
    state: KeyState,
    parents: ParentIds,
    rules: Mapping[Scope, StoredRule],
    defaults: ThresholdDefaults,
    dynamic: DynamicLimits | None = None,
) -> Thresholds:
    """Choose the limits in force for a key: the first rule of its ladder, whole."""
    for scope in ladder(state.warehouse_id, state.sku, parents):
        stored = rules.get(scope)
        if stored is not None and not stored.rule.is_deleted:
            return from_rule(stored, dynamic)
    return default_thresholds(
        state.key,
        state.min_threshold,
        state.reorder_threshold,
        defaults,
        state.level.event_id if state.level is not None else "",
    )


def default_thresholds(
    key: Key,
    min_threshold: int | None,
    reorder_threshold: int | None,
    defaults: ThresholdDefaults,
    level_event_id: str | None = None,
) -> Thresholds:
    """The limits of a key that no rule names: those embedded in its level, else the system's."""
    if min_threshold is not None or reorder_threshold is not None:
        warehouse_id, sku = key
        return Thresholds(
            "EMBEDDED", sku, warehouse_id, min_threshold, reorder_threshold,
            None, None, DEFAULT_COOLDOWN_MINUTES, True, None, level_event_id,
        )  # fmt: skip
    return Thresholds(
        "SYSTEM", "", None, defaults.min_qty, defaults.reorder_qty,
        None, None, DEFAULT_COOLDOWN_MINUTES, True, None, None,
    )  # fmt: skip


def from_rule(stored: StoredRule, dynamic: DynamicLimits | None = None) -> Thresholds:
    """The limits a stored rule sets; those computed for the key, within its bounds, where it is dynamic."""
    rule = stored.rule
    low, reorder = rule.min_threshold_qty, rule.reorder_threshold_qty
    if rule.dynamic is None:
        dynamic = None
    elif dynamic is not None:
        low, reorder = _bounded(dynamic.min_qty, rule.dynamic), _bounded(dynamic.reorder_qty, rule.dynamic)
    else:
        # Demand or lead time unknown: the rule's own numbers, else its floor. Nothing is invented.
        low = rule.dynamic.floor_qty if low is None else low
        reorder = rule.dynamic.floor_qty if reorder is None else reorder
    return Thresholds(
        rule.level_type, rule.level_id, rule.warehouse_id,
        low, reorder,
        rule.min_threshold_days, rule.reorder_threshold_days,
        rule.cooldown_minutes, rule.is_enabled, stored.version, rule.event_id, dynamic,
    )  # fmt: skip


def _bounded(quantity: int, settings: DynamicSettings) -> int:
    low, high = settings.floor_qty, settings.ceiling_qty
    quantity = quantity if low is None else max(quantity, low)
    return quantity if high is None else min(quantity, high)

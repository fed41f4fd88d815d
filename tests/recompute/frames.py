"""Frames as `recompute.limits` takes them, from single states and rules.

Belongs here: the shape. Does not: what is right for a key (`resolve_thresholds`).
"""

from collections.abc import Iterable

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import ParentIds, ThresholdRule
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.frames import KEY_SCHEMA
from inventory_assets.domain.thresholds.resolve import DynamicLimits, ThresholdDefaults

_KEYS = KEY_SCHEMA | {
    "level_event_id": pl.String, "computed_min_qty": pl.Int64, "computed_reorder_qty": pl.Int64, "dynamic": pl.String,
    "default_min": pl.Int64, "default_reorder": pl.Int64,
}  # fmt: skip
_RULES = {
    "level_type": pl.String, "level_id": pl.String, "warehouse_id": pl.String, "event_id": pl.String,
    "min_qty": pl.Int64, "reorder_qty": pl.Int64, "min_days": pl.Float64, "reorder_days": pl.Float64,
    "cooldown_minutes": pl.Int64, "is_enabled": pl.Boolean, "is_dynamic": pl.Boolean, "floor_qty": pl.Int64,
    "ceiling_qty": pl.Int64,
}  # fmt: skip


def keys_frame(
    keys: Iterable[tuple[KeyState, ParentIds, DynamicLimits | None]], defaults: ThresholdDefaults
) -> pl.DataFrame:
    """Keys with where they stand and the limits computed for them, if any."""
    rows = [
        (
            state.warehouse_id, state.sku, *reversed(parents), state.min_threshold, state.reorder_threshold,
            None if state.level is None else state.level.event_id,
            None if computed is None else computed.min_qty, None if computed is None else computed.reorder_qty,
            None if computed is None else msgspec.json.encode(computed).decode(),
            defaults.min_qty, defaults.reorder_qty,
        )
        for state, parents, computed in keys
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_KEYS, orient="row")


def rules_frame(rules: Iterable[ThresholdRule]) -> pl.DataFrame:
    """Rules in the order given; deleted ones are left out."""
    rows = [
        (
            *rule.scope, rule.event_id, rule.min_threshold_qty, rule.reorder_threshold_qty, rule.min_threshold_days,
            rule.reorder_threshold_days, rule.cooldown_minutes, rule.is_enabled, rule.dynamic is not None,
            None if rule.dynamic is None else rule.dynamic.floor_qty,
            None if rule.dynamic is None else rule.dynamic.ceiling_qty,
        )
        for rule in rules
        if not rule.is_deleted
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_RULES, orient="row")

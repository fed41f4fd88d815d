"""Read what rules are judged by: all keys for `validate`, one key's ladder for `resolve`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import ParentIds, ThresholdRule
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.domain.thresholds.findings import find_conflicts
from inventory_assets.domain.thresholds.frames import KEY_SCHEMA
from inventory_assets.domain.thresholds.resolve import (
    DynamicLimits,
    StoredRule,
    ThresholdDefaults,
    Thresholds,
    ladder,
    resolve_thresholds,
)
from inventory_assets.ingest.warm import to_dynamics
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.tables import DYNAMIC_THRESHOLDS, SKU_STATE
from inventory_assets.queries.explain import describe_limits
from inventory_assets.thresholds.edits import read_stored
from inventory_assets.thresholds.files import RuleFile

_FIX = "mend the file; nothing of it can be imported until then"


@dataclass(frozen=True, slots=True)
class Rung:
    """One place on a key's ladder, and what stands there. `warehouse_id` null is every warehouse."""

    level_type: str
    level_id: str | None
    warehouse_id: str | None
    rule: str
    verdict: str
    is_winner: bool


def read_keys(reader: Reader) -> pl.DataFrame:
    """All keys with their places and embedded thresholds, `KEY_SCHEMA`."""
    rows = current_rows(reader, SKU_STATE)
    embedded = pl.Struct({"min_threshold": pl.Int64, "reorder_threshold": pl.Int64})
    return (
        rows.with_columns(pl.col("fold_state").str.json_decode(embedded).alias("embedded"))
        .unnest("embedded")
        .select(KEY_SCHEMA.keys())
    )


def read_key(reader: Reader, warehouse_id: str, sku: str) -> tuple[KeyState, ParentIds] | None:
    """One key's state and its SKU's place; None where it is unknown."""
    rows = current_rows(reader, SKU_STATE).filter(warehouse_id=warehouse_id, sku=sku)
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    parents = (row["department_id"], row["category_id"], row["brand_id"], row["product_id"])
    return msgspec.json.decode(row["fold_state"], type=KeyState), parents


def read_rungs(reader: Reader, warehouse_id: str, sku: str, defaults: ThresholdDefaults) -> list[Rung] | None:
    """The whole ladder of a key as the lake has it; None where no stock of it is known."""
    key = read_key(reader, warehouse_id, sku)
    if key is None:
        return None
    computed = to_dynamics(current_rows(reader, DYNAMIC_THRESHOLDS).filter(warehouse_id=warehouse_id, sku=sku))
    return list_rungs(*key, read_stored(reader), defaults, next((limits for *_, limits in computed), None))


def conflict_rows(
    reader: Reader, rules: Mapping[Scope, ThresholdRule], places: Mapping[Scope, str] | None = None
) -> list[dict[str, Any]]:
    """What rules do that cannot be meant, a finding a row; with `places`, only of the rules of a file."""
    return [
        _finding("warning", (places or {}).get(found.scope), name_scope(found.scope), found.what, found.next_step)
        for found in find_conflicts(rules, read_keys(reader))
        if places is None or found.scope in places
    ]


def problem_rows(file: RuleFile) -> list[dict[str, Any]]:
    """What is wrong in a file of rules, a problem a row."""
    return [_finding("error", problem.place, None, problem.what, _FIX) for problem in file.problems]


def _finding(severity: str, place: str | None, scope: str | None, what: str, next_step: str) -> dict[str, Any]:
    return {"severity": severity, "place": place, "rule": scope, "finding": what, "next_step": next_step}


def list_rungs(
    state: KeyState, parents: ParentIds, rules: Mapping[Scope, StoredRule], defaults: ThresholdDefaults,
    dynamic: DynamicLimits | None = None,
) -> list[Rung]:  # fmt: skip
    """Every rung of a key's ladder down to the system default, and why it holds or does not (RULES 21)."""
    limits = resolve_thresholds(state, parents, rules, defaults, dynamic)
    winner = (limits.level_type, limits.level_id, limits.warehouse_id)
    rungs = []
    has_won = False
    for scope in ladder(state.warehouse_id, state.sku, parents):
        stored = rules.get(scope)
        is_winner = scope == winner
        has_won = has_won or is_winner
        what = _describe(stored, limits if is_winner else None)
        verdict = _verdict(stored, is_winner, has_won, limits)
        rungs.append(Rung(scope[0], scope[1] or None, scope[2], what, verdict, is_winner))
    is_embedded = limits.level_type == "EMBEDDED"
    has_embedded = state.min_threshold is not None or state.reorder_threshold is not None
    embedded = describe_limits(state.min_threshold, state.reorder_threshold, None, None) if has_embedded else "none"
    why = "not set" if not has_embedded else "wins: no rule is set" if is_embedded else f"not used: {_by(limits)}"
    rungs.append(Rung("EMBEDDED", state.sku, state.warehouse_id, embedded, why, is_embedded))
    is_system = limits.level_type == "SYSTEM"
    system = describe_limits(defaults.min_qty, defaults.reorder_qty, None, None)
    why = "wins: nothing else is set" if is_system else f"not used: {_by(limits)}"
    rungs.append(Rung("SYSTEM", None, None, system, why, is_system))
    return rungs


def _describe(stored: StoredRule | None, in_force: Thresholds | None) -> str:
    if stored is None:
        return "no rule"
    rule = stored.rule
    if rule.is_deleted:
        return f"no rule (deleted in version {stored.version})"
    shown = describe_limits(
        rule.min_threshold_qty, rule.reorder_threshold_qty, rule.min_threshold_days, rule.reorder_threshold_days
    )
    if rule.dynamic is not None:
        shown = f"dynamic for {rule.dynamic.service_level:.6g} service, else {shown}"
        if in_force is not None and in_force.dynamic is not None:
            shown = f"{describe_limits(in_force.min_qty, in_force.reorder_qty, None, None)}: {shown}"
    return shown if rule.is_enabled else f"disabled ({shown})"


def _verdict(stored: StoredRule | None, is_winner: bool, has_won: bool, limits: Thresholds) -> str:
    if stored is None or stored.rule.is_deleted:
        return ""
    if is_winner:
        return "wins: the most specific rule" if stored.rule.is_enabled else "wins, and mutes the key: it is disabled"
    return f"{'not used' if limits.is_enabled else 'hidden'}: {_by(limits)}" if has_won else ""


def _by(limits: Thresholds) -> str:
    scope = (limits.level_type, limits.level_id, limits.warehouse_id)
    name = "its stock document" if limits.level_type == "EMBEDDED" else name_scope(scope)
    return f"{name} comes first" if limits.is_enabled else f"{name} comes first and is disabled"

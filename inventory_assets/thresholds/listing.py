"""Threshold rules, their changes and what a change would do, as rows: for the command line and the console."""

from collections.abc import Sequence
from typing import Any

import msgspec

from inventory_assets.domain.thresholds.audit import RuleChange
from inventory_assets.domain.thresholds.changes import RuleEdit
from inventory_assets.domain.thresholds.document import DYNAMIC_FIELDS, to_document
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import to_datetime
from inventory_assets.thresholds.edits import Effect
from inventory_assets.words.numbers import counted


def rule_row(stored: StoredRule) -> dict[str, Any]:
    """A rule whole: its document, and where it comes from. Every row has every field."""
    rule = stored.rule
    names = ("level_type", "level_id", "warehouse_id", "min_threshold_qty", "reorder_threshold_qty")
    return {
        **dict.fromkeys((*names, "min_threshold_days", "reorder_threshold_days")),
        "mode": "static", **dict.fromkeys(DYNAMIC_FIELDS),
        **to_document(rule),
        "updated_at": to_datetime(rule.event_at), "author": rule.author, "reason": rule.reason,
        "version": stored.version, "event_id": rule.event_id,
    }  # fmt: skip


def change_row(change: RuleChange) -> dict[str, Any]:
    """A recorded change of a rule, with its documents before and after."""
    row = msgspec.structs.asdict(change)
    for name in ("before", "after"):
        try:
            row[name] = None if row[name] is None else msgspec.json.decode(row[name])
        except msgspec.MsgspecError:  # somebody wrote into the audit; --check says so
            pass
    return {**row, "changed_at": to_datetime(change.changed_at), "level_id": change.level_id or None}


def edit_rows(edits: Sequence[RuleEdit], effect: Effect | None = None) -> list[dict[str, Any]]:
    """What changes, a rule a row; with `effect`, how many keys that touches."""
    rows: list[dict[str, Any]] = []
    for edit in edits:
        level_type, level_id, warehouse_id = edit.scope
        row: dict[str, Any] = {
            "action": edit.action, "level_type": level_type, "level_id": level_id or None,
            "warehouse_id": warehouse_id, "change": edit.details,
        }  # fmt: skip
        rows.append(row if effect is None else {**row, "keys": effect.keys.get(edit.scope, 0)})
    return rows


def effect_sentence(edits: Sequence[RuleEdit], effect: Effect) -> str:
    """What a change would do, in words."""
    if not edits:
        return "nothing would change: the lake has these rules already"
    keys = sum(effect.keys.values())
    return (
        f"would change {counted(len(edits), 'rule')} and the limits of {counted(keys, 'key')}; "
        f"{counted(effect.count('opened', 'reopened'), 'alert')} would open, {effect.count('resolved')} resolve, "
        f"{effect.count('notified')} be notified. Nothing was changed."
    )

"""What someone wants of the rules against what is set: the changes, and nothing where they agree.

Here: values. Not here: messages and commits (`thresholds.edits`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import NO_POSITION, ThresholdRule
from inventory_assets.domain.events.parse_threshold import (
    HIERARCHY_LEVELS,
    Limits,
    Problems,
    Scope,
    read_author,
    read_limits,
    read_scope,
)
from inventory_assets.domain.thresholds.audit import RuleChange
from inventory_assets.domain.thresholds.document import list_changes
from inventory_assets.domain.thresholds.resolve import StoredRule


class RuleEdit(msgspec.Struct, frozen=True):
    """One rule that is to change. `before` is null for none; `after` may be deleted."""

    before: ThresholdRule | None
    after: ThresholdRule

    @property
    def scope(self) -> Scope:
        """Which rule."""
        return self.after.scope

    @property
    def action(self) -> str:
        """added, changed or removed."""
        if self.after.is_deleted:
            return "removed"
        return "added" if self.before is None else "changed"

    @property
    def details(self) -> str:
        """What changes, in words."""
        return ", ".join(list_changes(self.before, self.after))


def wanted_rule(document: dict[str, Any], problems: Problems) -> ThresholdRule:
    """Read a document as a rule that is wanted: without an event, a time, a place in the order.

    What is wrong is added to `problems`; the rule then is not to be used.
    """
    scope = read_scope(document, problems)
    is_deleted = document.get("deleted") is True
    limits = Limits() if is_deleted else read_limits(document, problems)
    _, reason = read_author(document, None)
    return ThresholdRule(
        "", *scope, limits.min_threshold_qty, limits.reorder_threshold_qty, limits.min_threshold_days,
        limits.reorder_threshold_days, limits.cooldown_minutes, limits.is_enabled, is_deleted, 0, NO_POSITION,
        None, reason, limits.alert_settings, limits.dynamic,
    )  # fmt: skip


def describe_change(change: RuleChange) -> str:
    """What a recorded change did, in words: `min 10 -> 20`; empty for a deletion."""
    try:
        before, after = (
            None if text is None else wanted_rule(msgspec.json.decode(text, type=dict), [])
            for text in (change.before, change.after)
        )
    except msgspec.MsgspecError:  # somebody wrote into the audit; `thresholds history --check` says so
        return "unreadable: see --check"
    return "" if after is None else ", ".join(list_changes(before, after))


def is_same(rule: ThresholdRule, other: ThresholdRule) -> bool:
    """Whether two rules set the same: limits, mute and alert settings."""
    return rule.content == other.content and rule.alert_settings == other.alert_settings


def find_edits(
    known: Mapping[Scope, StoredRule], wanted: Iterable[ThresholdRule], *, is_complete: bool = False
) -> list[RuleEdit]:
    """List what must change so that `wanted` holds, in the order of scopes.

    Args:
        known: The stored rules; deleted ones may be among them.
        wanted: At most one rule per scope.
        is_complete: Rules that `wanted` does not have are to go.
    """
    in_force = {scope: stored.rule for scope, stored in known.items() if not stored.rule.is_deleted}
    edits = []
    named = set()
    for rule in wanted:
        named.add(rule.scope)
        before = in_force.get(rule.scope)
        if before is None and rule.is_deleted:
            continue
        if before is None or not is_same(before, rule):
            edits.append(RuleEdit(before, rule))
    if is_complete:
        edits += [RuleEdit(rule, deleted_rule(scope)) for scope, rule in in_force.items() if scope not in named]
    return sorted(edits, key=lambda edit: scope_order(edit.scope))


def deleted_rule(scope: Scope, reason: str | None = None) -> ThresholdRule:
    """The wish that a scope have no rule."""
    return ThresholdRule(
        "", *scope, None, None, None, None, Limits().cooldown_minutes, True, True, 0, NO_POSITION, None, reason
    )


def scope_order(scope: Scope) -> tuple:
    """Sort scopes from the most general to the most specific, then by name."""
    level_type, level_id, warehouse_id = scope
    return (-HIERARCHY_LEVELS.index(level_type), level_id, warehouse_id or "")

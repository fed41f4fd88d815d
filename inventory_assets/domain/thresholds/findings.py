"""Find rules that cannot be meant: out of reach, in each other's way, for places nobody knows.

Here: what a set of valid rules does to the keys there are. Not here: a single
rule that is invalid (`parse_threshold`).
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.domain.thresholds.frames import NO_RULE, choose_rules, level_column, match_rules
from inventory_assets.domain.thresholds.resolve import StoredRule, from_rule, rung

RULE_SCHEMA = {
    "level_type": pl.String, "level_id": pl.String, "warehouse_id": pl.String, "min_qty": pl.Int64,
    "reorder_qty": pl.Int64, "min_days": pl.Float64, "reorder_days": pl.Float64, "cooldown_minutes": pl.Int64,
    "is_enabled": pl.Boolean,
}  # fmt: skip
"""One row per scope with a rule; `warehouse_id` null for all."""

EXAMPLES = 3
MAX_COMPARED = 2_000
"""Likeness costs a comparison with each id: enough for categories, not for every SKU."""


class Finding(NamedTuple):
    """Something about a rule that its author should know, and what to do about it."""

    scope: Scope
    what: str
    next_step: str


def rules_frame(rules: Iterable[ThresholdRule]) -> pl.DataFrame:
    """Rules as a frame, `RULE_SCHEMA`, in the order given; deleted ones are left out.

    A dynamic rule counts with its own numbers, else its floor: limits computed
    for single keys are not known here.
    """
    limits = [(rule, from_rule(StoredRule(rule, 0))) for rule in rules if not rule.is_deleted]
    rows = [
        (*rule.scope, t.min_qty, t.reorder_qty, t.min_days, t.reorder_days, t.cooldown_minutes, t.is_enabled)
        for rule, t in limits
    ]
    return pl.DataFrame(rows, schema=RULE_SCHEMA, orient="row")


def find_conflicts(rules: Mapping[Scope, ThresholdRule], keys: pl.DataFrame) -> list[Finding]:
    """Look at every rule against every key and every other rule.

    Args:
        rules: At most one rule per scope; none deleted.
        keys: All keys, `threshold_frames.KEY_SCHEMA`.
    """
    ordered = list(rules.values())
    matched = match_rules(keys, rules_frame(ordered))
    look = _Look(ordered, keys, matched, choose_rules(matched))
    return [finding for number in range(len(ordered)) for finding in look.at(number)]


class _Look:
    def __init__(
        self,
        rules: Sequence[ThresholdRule],
        keys: pl.DataFrame,
        matched: npt.NDArray[np.int32],
        winner: npt.NDArray[np.int32],
    ) -> None:
        self.rules = rules
        self.matched = matched
        self.winner = winner
        self.covered = np.bincount(matched[matched != NO_RULE], minlength=len(rules))
        self.won = np.bincount(winner[winner != NO_RULE], minlength=len(rules))
        self.is_enabled = np.array([rule.is_enabled for rule in rules], dtype=bool)
        self.warehouses = set(keys["warehouse_id"].unique())
        self.ids = {
            level: set(keys[level_column(level)].unique())
            for level in {rule.level_type for rule in rules}
            if level != "GLOBAL"
        }

    def at(self, number: int) -> list[Finding]:
        """What there is to say about one rule."""
        rule = self.rules[number]
        if not self.covered[number]:
            return [self._unreached(rule)]
        found = []
        if not self.won[number]:
            found.append(self._shadowed(number))
        if not rule.is_enabled:
            found += self._hides(number) + self._is_passed(number)
        return found

    def _unreached(self, rule: ThresholdRule) -> Finding:
        if rule.warehouse_id is not None and rule.warehouse_id not in self.warehouses:
            known = _some(sorted(self.warehouses))
            return Finding(rule.scope, f"no stock is known at warehouse {rule.warehouse_id!r}", f"known are {known}")
        if rule.level_type == "GLOBAL":
            return Finding(rule.scope, "no stock is known yet", "take in stock, then validate again")
        if rule.level_id not in self.ids[rule.level_type]:
            column = level_column(rule.level_type)
            return Finding(
                rule.scope,
                f"no SKU has {column} {rule.level_id!r}: no key can reach this rule",
                self._suggest(rule) + f'known are: inventory sql "SELECT DISTINCT {column} FROM core.sku_state"',
            )
        return Finding(
            rule.scope,
            f"{rule.level_type} {rule.level_id!r} has no key at warehouse {rule.warehouse_id!r}",
            "set it for another warehouse, or for all",
        )

    def _suggest(self, rule: ThresholdRule) -> str:
        ids = self.ids[rule.level_type]
        close = get_close_matches(rule.level_id, ids, 1) if len(ids) <= MAX_COMPARED else []
        return f"did you mean {close[0]}? " if close else ""

    def _shadowed(self, number: int) -> Finding:
        by = self._names(self.winner[self._below(number)])
        return Finding(
            self.rules[number].scope,
            f"decides nothing: each of its {_count(self.covered[number])} has a more specific rule ({by})",
            "delete it, or delete those",
        )

    def _hides(self, number: int) -> list[Finding]:
        """A disabled rule that wins where an enabled one stands further up."""
        first = rung(self.rules[number].level_type, self.rules[number].warehouse_id) + 1
        won = self.winner == number
        beneath = self.matched[first:, won]
        rules = beneath[beneath != NO_RULE]
        enabled = np.unique(rules[self.is_enabled[rules]])
        if not enabled.size:
            return []
        keys = np.isin(beneath, enabled).any(axis=0).sum()
        return [
            Finding(
                self.rules[number].scope,
                f"disabled, and hides an enabled rule from {_count(keys)} ({self._names(enabled)})",
                "leave it if they are to be silent; else enable or delete it",
            )
        ]

    def _is_passed(self, number: int) -> list[Finding]:
        """A disabled rule with enabled, more specific ones: not everything under it is silent."""
        winners = self.winner[self._below(number)]
        loud = winners[(winners != number) & self.is_enabled[winners]]
        if not loud.size:
            return []
        return [
            Finding(
                self.rules[number].scope,
                f"disabled, but {loud.size:,} of its {_count(self.covered[number])} still alert, by more specific "
                f"rules ({self._names(loud)})",
                "disable or delete those too if all is to be silent",
            )
        ]

    def _below(self, number: int) -> npt.NDArray[np.bool_]:
        rule = self.rules[number]
        return self.matched[rung(rule.level_type, rule.warehouse_id)] == number

    def _names(self, numbers: npt.NDArray) -> str:
        return _some([name_scope(self.rules[number].scope) for number in np.unique(numbers)])


def _some(names: Sequence[str]) -> str:
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "") or "none"


def _count(number: int) -> str:
    return f"{number:,} key" + ("" if number == 1 else "s")

"""Take one burst's rules, velocities and computed limits, and judge the keys they touch (RULES 21-25)."""

from collections.abc import Iterable

from inventory_assets.domain.alerts.evaluate import Cause
from inventory_assets.domain.events.kinds import Key, Outcome, ThresholdRule
from inventory_assets.domain.ingest.alerts import BurstAlerts
from inventory_assets.domain.ingest.result import Arrival, BurstInputs
from inventory_assets.domain.ingest.state import Draft
from inventory_assets.domain.thresholds.audit import chain_change
from inventory_assets.domain.thresholds.resolve import Scope, StoredRule, resolve_thresholds, rung, with_rule
from inventory_assets.domain.values import midnight


class BurstRules:
    """The limits of one burst's keys; `alerts` steps those whose limits changed."""

    def __init__(self, draft: Draft, version: int, arrival_of: dict[str, Arrival], alerts: BurstAlerts) -> None:
        self.draft = draft
        self.version = version
        self.arrival_of = arrival_of
        self.skus_below: dict[int, dict[str, list[str]]] = {}
        self._defaults = draft.state.meaning.defaults
        self._alerts = alerts

    def judge_arrivals(self, rules: list[ThresholdRule]) -> None:
        """Tell which rules came too late to matter, as they came (RULES 9)."""
        known: dict[Scope, StoredRule | None] = {}
        for rule in rules:
            stored = known.get(rule.scope) or self.draft.rules.get(rule.scope)
            known[rule.scope] = new = with_rule(stored, rule, self.version)
            if stored is not None and new.event_id == stored.event_id:
                self.arrival_of[rule.event_id].outcome = Outcome.SUPERSEDED

    def take_rule(self, rule: ThresholdRule) -> None:
        """Take a rule in, and judge again the keys whose limits it changes."""
        stored = self.draft.rules.get(rule.scope)
        new = with_rule(stored, rule, self.version)
        if new == stored:
            return
        if stored is None or new.event_id != stored.event_id:
            self._record_change(new.rule)
        self.draft.rules[rule.scope] = new
        cause = Cause(rule.event_id, rule.event_at, rule.position[1], False)
        for key in self._keys_touched(rule):
            self.resolve_again(key, cause)

    def _record_change(self, rule: ThresholdRule) -> None:
        stored = self.draft.rules.get(rule.scope)
        changes = self.draft.rule_changes
        changes.append(
            chain_change(
                None if stored is None else stored.rule,
                rule,
                version=self.version,
                seq=len(changes),
                previous_hash=changes[-1].hash if changes else self.draft.state.audit_head,
            )
        )

    def _keys_touched(self, rule: ThresholdRule) -> list[Key]:
        """The keys in a rule's scope, but for those a more specific rule decides."""
        own = rung(rule.level_type, rule.warehouse_id)
        known = self.draft.thresholds.get
        return [
            key
            for key in self._keys_in_scope(rule)
            if (limits := known(key)) is None or rung(limits.level_type, limits.warehouse_id) >= own
        ]

    def _keys_in_scope(self, rule: ThresholdRule) -> list[Key]:
        position = {"DEPARTMENT": 0, "CATEGORY": 1, "BRAND": 2, "PRODUCT": 3}.get(rule.level_type)
        skus: Iterable[str]
        if rule.level_type == "SKU":
            skus = [rule.level_id] if rule.level_id in self.draft.skus else []
        elif position is None:
            skus = list(self.draft.skus)
        else:
            # Where they stand now: a burst's levels before the rule may have moved some.
            moved = self.draft.skus.changed
            skus = [sku for sku in self._skus_below(position).get(rule.level_id, ()) if sku not in moved]
            skus += [sku for sku, place in moved.items() if place.parents[position] == rule.level_id]
        # Sorted: a restarted process holds its keys in another order, and must step them in the same.
        return sorted(
            (warehouse_id, sku)
            for sku in skus
            for warehouse_id in self.draft.skus[sku].warehouse_ids
            if rule.warehouse_id is None or rule.warehouse_id == warehouse_id
        )

    def _skus_below(self, position: int) -> dict[str, list[str]]:
        # One walk over all SKUs for a file of rules, not one for each of them.
        found = self.skus_below.get(position)
        if found is None:
            found = self.skus_below[position] = {}
            for sku, place in self.draft.state.skus.items():
                found.setdefault(place.parents[position], []).append(sku)
        return found

    def resolve_again(self, key: Key, cause: Cause) -> None:
        """Resolve a key's limits, and judge it where they changed."""
        state = self.draft.keys.get(key)
        if state is None:
            return
        cause = cause._replace(at=max(cause.at, state.frontier_at))
        self._alerts.catch_up(key, state, cause.at)
        if self.resolve(key):
            self._alerts.evaluate(key, cause, state)

    def resolve(self, key: Key) -> bool:
        """Resolve a key's thresholds anew; whether they changed."""
        parents = self.draft.sku_parents(key[1]).parents
        # Twelve looks a key: at the plain mapping where the burst changes no rule.
        rules = self.draft.rules if self.draft.rules.changed else self.draft.rules.base
        resolved = resolve_thresholds(
            self.draft.keys[key], parents, rules, self._defaults, self.draft.dynamic_limits(key)
        )
        if resolved == self.draft.thresholds.get(key):
            return False
        self.draft.thresholds[key] = resolved
        return True

    def take_velocities(self, inputs: BurstInputs) -> None:
        """Take velocities in, and judge the keys with limits in days."""
        if inputs.velocity_date is None:
            return
        as_of = midnight(inputs.velocity_date)
        for warehouse_id, sku, velocity in inputs.velocities:
            key = (warehouse_id, sku)
            state = self.draft.keys.get(key)
            limits = self.draft.thresholds.get(key)
            has_days = limits is not None and (limits.min_days is not None or limits.reorder_days is not None)
            at = as_of if state is None else max(as_of, state.frontier_at)
            if state is not None and has_days:
                self._alerts.catch_up(key, state, at)
            self.draft.velocities[key] = velocity or 0.0
            if state is not None and has_days:
                self._alerts.evaluate(key, Cause(f"velocity:{inputs.velocity_date}", at, at, False), state)

    def take_dynamics(self, inputs: BurstInputs) -> None:
        """Take computed limits in, and judge the keys they change."""
        for warehouse_id, sku, limits in inputs.dynamics:
            key = (warehouse_id, sku)
            self.draft.dynamics[key] = limits
            if (state := self.draft.keys.get(key)) is not None and inputs.dynamic_date is not None:
                at = max(midnight(inputs.dynamic_date), state.frontier_at)
                self.resolve_again(key, Cause(f"dynamic:{inputs.dynamic_date}", at, at, False))

"""One burst, from messages to everything that follows from them; pure.

Order inside a burst (RULES 25): rules, velocity and commands first, then the
stock events by (position, level before transaction, event id). The caller
writes the result in one transaction and merges the draft after its commit.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from inventory_assets.domain.alerts import Alert, Product, Transition, with_document_fields
from inventory_assets.domain.burst_lifecycle import BurstLifecycle
from inventory_assets.domain.control import ALERT_COMMANDS
from inventory_assets.domain.dedupe import admit
from inventory_assets.domain.evaluate import Cause, KeyAlerts, Point, end_cooldown, needs_step, step
from inventory_assets.domain.events import (
    Command,
    Event,
    Filtered,
    Key,
    Level,
    Outcome,
    Rejection,
    StockEvent,
    ThresholdRule,
    Transaction,
    entity_names,
    order_key,
)
from inventory_assets.domain.fold import (
    KeyState,
    LevelRank,
    Versions,
    affected_keys,
    apply_level,
    apply_tombstone,
    apply_transaction,
)
from inventory_assets.domain.lifecycle import LifecyclePolicy
from inventory_assets.domain.parse import MAX_DETAIL, ParseSettings, parse_message
from inventory_assets.domain.rollup import Leaf
from inventory_assets.domain.state import NO_SKU_PARENTS, Draft, InventoryState, SkuParents, pause_over
from inventory_assets.domain.threshold_audit import chain_change
from inventory_assets.domain.thresholds import DynamicLimits, Scope, StoredRule, resolve_thresholds, rung

Parsed = Event | Rejection | Filtered

INVARIANT_VIOLATION = "invariant_violation"
"""Reason of a message that broke our code or an invariant; a replay refuses it again (RULES 35)."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as received. `publish_at` in microseconds, UTC."""

    message_id: str
    topic: str
    publish_at: int
    ordering_key: str
    attributes: dict[str, str]
    data: bytes


class BurstInputs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a burst takes beside its messages; recorded, so that a replay has it too.

    `sweep_at`: microseconds, notify what is due by then. `velocities`: mean
    daily units as of `velocity_date`, for the keys whose velocity changed;
    null for unknown. `dynamics`: computed limits as of `dynamic_date`, likewise,
    null where none can be computed any more. `products`: rows of a products import, with `has_products`.
    `policy`: what a sweep does to alerts that nobody takes (ADR 0004).
    """

    sweep_at: int | None = None
    velocity_date: str | None = None
    has_products: bool = False
    velocities: tuple[tuple[str, str, float | None], ...] = ()
    products: tuple[Product, ...] = ()
    policy: LifecyclePolicy | None = None
    dynamic_date: str | None = None
    dynamics: tuple[tuple[str, str, DynamicLimits | None], ...] = ()


class Arrival(msgspec.Struct, gc=False):
    """One message's fate. `available` is its own key's stock right after it; null if it has no key."""

    outcome: Outcome
    event: Event | None = None
    rejection: Rejection | None = None
    available: int | None = None


class BurstResult:
    """What a burst changes. `draft` holds the changed state, the rest is history."""

    def __init__(self, draft: Draft, version: int) -> None:
        self.draft = draft
        self.version = version
        self.arrivals: list[Arrival] = []
        self.transitions: list[tuple[Key, Transition]] = []
        self.notified: list[Alert] = []
        self.changed_alerts: dict[str, Alert] = {}
        self.steps: list[tuple[StockEvent, KeyState]] = []
        self.leaves: list[Leaf] = []

    def outcomes(self) -> dict[str, int]:
        """Messages by outcome."""
        counts: dict[str, int] = {}
        for arrival in self.arrivals:
            counts[arrival.outcome] = counts.get(arrival.outcome, 0) + 1
        return counts


def parse_burst(messages: Sequence[Message], settings: ParseSettings) -> list[Parsed]:
    """Read every message of a burst, in order."""
    return [_parse(message, settings) for message in messages]


def _parse(message: Message, settings: ParseSettings) -> Parsed:
    try:
        return parse_message(message.topic, message.data, message.attributes, message.publish_at, settings)
    except Exception as error:  # a message that breaks our code must not stop all others
        return Rejection(INVARIANT_VIOLATION, f"{type(error).__name__}: {error}"[:MAX_DETAIL])


def process_burst(
    state: InventoryState,
    parsed: Iterable[Parsed],
    *,
    version: int,
    inputs: BurstInputs | None = None,
    trace: Key | None = None,
) -> BurstResult:
    """Work out everything a burst changes, without changing `state`.

    Args:
        state: The warm state; it must remember every event whose entity occurs
            in the burst (`stages.recall`).
        parsed: The burst's messages as read, in `raw.messages` order.
        version: The lake version the result will be.
        inputs: What the burst takes beside its messages.
        trace: A key whose stock after each event is kept in `steps`.
    """
    return _Run(state, version, trace).run(parsed, inputs or BurstInputs())


class _Placed(NamedTuple):
    """A stock event with its place in the order and the keys it can change."""

    place: tuple
    event: StockEvent
    keys: tuple[Key, ...]


class _Run:
    def __init__(self, state: InventoryState, version: int, trace: Key | None) -> None:
        self.draft = Draft(state)
        self.trace = trace
        self.result = BurstResult(self.draft, version)
        self.applied: dict[Key, dict[str, Versions]] = {}
        self.arrival_of: dict[str, Arrival] = {}
        self.verdicts: dict[tuple[Key, str], Outcome] = {}
        self.skus_below: dict[int, dict[str, list[str]]] = {}
        self.lifecycle = BurstLifecycle(self.draft, self._record, lambda key: self._point(key, self.draft.keys[key]))

    def run(self, parsed: Iterable[Parsed], inputs: BurstInputs) -> BurstResult:
        for item in parsed:
            self.result.arrivals.append(self._receive(item))
        accepted = self.draft.new_events
        self._take_products(inputs.products)
        self._take_rules([event for event in accepted if isinstance(event, ThresholdRule)])
        self._take_velocities(inputs)
        handling = []
        self._take_dynamics(inputs)
        for event in accepted:
            if isinstance(event, Command):
                if event.command in ALERT_COMMANDS:
                    handling.append(event)
                else:
                    self._obey(event)
        placed = [
            _Placed(order_key(event), event, affected_keys(event))
            for event in accepted
            if isinstance(event, StockEvent)
        ]
        self._judge_arrivals(placed)
        placed.sort()  # no two have one place: its last part is the event id
        for each in self._handle_in_time(handling, placed) if handling else placed:
            self._apply(each)
        if inputs.sweep_at is not None:
            self._sweep(inputs.sweep_at)
            if inputs.policy is not None:
                self.lifecycle.sweep(inputs.sweep_at, inputs.policy)
        self._roll_up()
        return self.result

    def _receive(self, item: Parsed) -> Arrival:
        if isinstance(item, Rejection):
            return Arrival(Outcome.DEAD_LETTERED, rejection=item)
        if isinstance(item, Filtered):
            return Arrival(Outcome.FILTERED)
        names = entity_names(item)
        verdict = admit(self.draft, item, names)
        if isinstance(verdict, Rejection):
            return Arrival(Outcome.DEAD_LETTERED, item, verdict)
        if verdict is not None:
            return Arrival(verdict, item)
        self.draft.accept(item, names)
        arrival = Arrival(Outcome.APPLIED, item)
        self.arrival_of[item.event_id] = arrival
        return arrival

    # ---- rules, velocity, commands, products

    def _take_products(self, products: Iterable[Product]) -> None:
        for product in products:
            self.draft.products[product.sku] = product

    def _take_rules(self, rules: list[ThresholdRule]) -> None:
        changed = []
        latest: dict[Scope, tuple] = {}
        for rule in rules:
            rank = latest.get(rule.scope)
            if rank is None and (stored := self.draft.rules.get(rule.scope)) is not None:
                rank = stored.rank
            if rank is not None and rank > (rule.position, rule.event_id):
                self.arrival_of[rule.event_id].outcome = Outcome.SUPERSEDED
                continue
            latest[rule.scope] = (rule.position, rule.event_id)
            changed.append(rule)
        # One rule at a time, in their order: each re-evaluates its keys in its own name.
        for rule in sorted(changed, key=lambda rule: (rule.position, rule.event_id)):
            self._record_change(rule)
            self.draft.rules[rule.scope] = StoredRule(rule, self.result.version)
            cause = Cause(rule.event_id, rule.event_at, rule.event_at, False)
            for key in self._keys_touched(rule):
                self._resolve_again(key, cause)

    def _record_change(self, rule: ThresholdRule) -> None:
        stored = self.draft.rules.get(rule.scope)
        changes = self.draft.rule_changes
        changes.append(
            chain_change(
                None if stored is None else stored.rule,
                rule,
                version=self.result.version,
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
            skus = self._skus_below(position).get(rule.level_id, ())
        # Sorted: a restarted process holds its keys in another order, and must step them in the same.
        return sorted(
            (warehouse_id, sku)
            for sku in skus
            for warehouse_id in self.draft.skus[sku].warehouse_ids
            if rule.warehouse_id is None or rule.warehouse_id == warehouse_id
        )

    def _skus_below(self, position: int) -> dict[str, list[str]]:
        # One walk over all SKUs for a file of rules, not one for each of them. Rules come
        # before stock, so no SKU moves while a burst's rules are taken.
        found = self.skus_below.get(position)
        if found is None:
            found = self.skus_below[position] = {}
            for sku, place in self.draft.state.skus.items():
                found.setdefault(place.parents[position], []).append(sku)
        return found

    def _resolve_again(self, key: Key, cause: Cause) -> None:
        state = self.draft.keys.get(key)
        if state is None or not self._resolve(key):
            return
        self._evaluate(key, cause._replace(at=max(cause.at, state.frontier_at)))

    def _resolve(self, key: Key) -> bool:
        """Resolve a key's thresholds anew; whether they changed."""
        parents = self.draft.sku_parents(key[1]).parents
        # Twelve looks a key: at the plain mapping where the burst changes no rule.
        rules = self.draft.rules if self.draft.rules.changed else self.draft.rules.base
        resolved = resolve_thresholds(
            self.draft.keys[key], parents, rules, self.draft.state.defaults, self.draft.dynamic_limits(key)
        )
        if resolved == self.draft.thresholds.get(key):
            return False
        self.draft.thresholds[key] = resolved
        return True

    def _take_velocities(self, inputs: BurstInputs) -> None:
        if inputs.velocity_date is None:
            return
        for warehouse_id, sku, velocity in inputs.velocities:
            key = (warehouse_id, sku)
            self.draft.velocities[key] = velocity or 0.0
            state = self.draft.keys.get(key)
            limits = self.draft.thresholds.get(key)
            if state is None or limits is None or (limits.min_days is None and limits.reorder_days is None):
                continue
            at = state.frontier_at
            self._evaluate(key, Cause(f"velocity:{inputs.velocity_date}", at, at, False))

    def _take_dynamics(self, inputs: BurstInputs) -> None:
        for warehouse_id, sku, limits in inputs.dynamics:
            key = (warehouse_id, sku)
            self.draft.dynamics[key] = limits
            if (state := self.draft.keys.get(key)) is not None:
                at = state.frontier_at
                self._resolve_again(key, Cause(f"dynamic:{inputs.dynamic_date}", at, at, False))

    def _obey(self, command: Command) -> None:
        scope = (command.warehouse_id, command.sku)
        if command.command == "pause":
            self.draft.pauses[scope] = command
        elif command.command == "resume":
            self.draft.pauses.pop(scope, None)
        if command.command in ("resume", "re-evaluate"):
            chosen = (
                k for k in self.draft.keys if command.warehouse_id in (None, k[0]) and command.sku in (None, k[1])
            )
            for key in sorted(chosen):
                self._resolve(key)
                at = max(command.event_at, self.draft.keys[key].frontier_at)
                self._evaluate(key, Cause(command.event_id, command.event_at, at, False))

    def _handle_in_time(self, commands: list[Command], placed: list["_Placed"]) -> Iterable["_Placed"]:
        """Yield the stock events, and carry out the alert commands at their times between them.

        A person acts on what was so when they acted: with events in order of time every
        cut then gives the same. An alert that opens only later is waited for.
        """
        # Position need not be time: within a SKU an event is no earlier than those before it.
        # Per SKU, because `explain` replays one alone and must find the same.
        latest: dict[str, int] = {}
        rest = []
        for each in placed:
            sku, event_at = each.event.sku, each.event.event_at
            latest[sku] = max(latest.get(sku, event_at), event_at)
            rest.append((latest[sku], each))
        waiting = []
        for command in sorted(commands, key=lambda c: (c.event_at, c.event_id)):
            later = []
            for at, each in rest:
                if at <= command.event_at:
                    yield each
                else:
                    later.append((at, each))
            rest = later
            if not self._handle(command, is_last=False):
                waiting.append(command)
        yield from (each for _, each in rest)
        for command in waiting:
            self._handle(command, is_last=True)

    def _handle(self, command: Command, *, is_last: bool) -> bool:
        verdict = self.lifecycle.obey(command)
        if isinstance(verdict, Rejection):
            if verdict.reason == "unknown_alert" and not is_last:
                return False
            self._refuse(command, verdict)
        elif not verdict:
            self.arrival_of[command.event_id].outcome = Outcome.SUPERSEDED
        return True

    def _refuse(self, command: Command, rejection: Rejection) -> None:
        # Not known, not a duplicate: once its alert is there, it may come again.
        self.draft.forget(command)
        for arrival in self.result.arrivals:
            if arrival.event is not None and arrival.event.event_id == command.event_id:
                arrival.outcome, arrival.rejection = Outcome.DEAD_LETTERED, rejection

    # ---- stock

    def _apply(self, item: "_Placed") -> None:
        event, keys = item.event, item.keys
        outcome = self._apply_to_key(keys[0], item)
        for key in keys[1:]:
            if self._apply_to_key(key, item) is Outcome.APPLIED:
                outcome = Outcome.APPLIED
        arrival = self.arrival_of[event.event_id]
        arrival.outcome = outcome
        arrival.available = self.draft.keys[keys[0]].available

    def _judge_arrivals(self, placed: list["_Placed"]) -> None:
        """Find which events arrived too late to matter, where a key's events came out of order.

        An outcome is a fact about arrival (RULES 9), but stock runs in position
        order; for a key whose events arrive in that order the two agree.
        """
        latest: dict[Key, tuple] = {}
        disordered: dict[Key, list[StockEvent]] = {}
        for place, _, keys in placed:
            for key in keys:
                last = latest.get(key)
                if last is None or place > last:
                    latest[key] = place
                else:
                    disordered[key] = []
        if not disordered:
            return
        for _, event, keys in placed:
            for key in keys:
                if key in disordered:
                    disordered[key].append(event)
        for key, events in disordered.items():
            stored = self.draft.state.keys.get(key)
            state = KeyState(*key) if stored is None else stored.copy()
            applied: dict[str, Versions] = {}
            for event in events:
                self.verdicts[(key, event.event_id)] = self._fold(state, applied, event)

    def _fold(self, state: KeyState, applied: dict[str, Versions], event: StockEvent) -> Outcome:
        if isinstance(event, Transaction):
            name = f"t:{event.transaction_id}"
            known = applied.get(name)
            if known is None:
                known = self.draft.state.events.by_entity.get(name, ())  # type: ignore[assignment]
            applied[name] = (*known, event)  # type: ignore[misc]
            return apply_transaction(state, known, event)  # type: ignore[arg-type]
        if isinstance(event, Level):
            return apply_level(state, self.draft.transactions_of(state.key, applied), event)
        return apply_tombstone(state, event)

    def _apply_to_key(self, key: Key, item: "_Placed") -> Outcome:
        place, event, _ = item
        is_new = key not in self.draft.keys
        state = self.draft.key_state(key)
        is_late = place < state.frontier
        before = state.copy() if self._is_due(key) else state
        frontier = state.frontier, state.frontier_at
        outcome = self._fold(state, self.applied.setdefault(key, {}), event)
        verdict = self.verdicts.get((key, event.event_id), outcome) if self.verdicts else outcome
        if verdict is not outcome:
            outcome = verdict
            # The frontier is that of the events that step: the verdict's, not the fold's.
            if verdict is Outcome.SUPERSEDED:
                state.frontier, state.frontier_at = frontier
            elif not is_late:
                state.frontier, state.frontier_at = place, event.event_at
        if is_new:
            self._add_key(key)
        cause = Cause(event.event_id, event.event_at, state.frontier_at if is_late else event.event_at, is_late)
        if isinstance(event, Level):
            rank = (event.position, event.event_id)
            if rank > self.draft.sku_parents(event.sku).rank:
                # What a SKU is called and where it stands is what its newest level says.
                self._take_parents(event, rank, cause)
                self._take_product_fields(event)
            self._resolve(key)
        elif is_new:
            self._resolve(key)
        if outcome is Outcome.APPLIED:
            if before is not state:
                self._end_cooldown(key, before, cause.at)
            self._evaluate(key, cause)
            if key == (event.warehouse_id, event.sku):
                self.draft.add_point(key, event.event_at, state.available)
        if key == self.trace:
            self.result.steps.append((event, state.copy()))
        return outcome

    def _is_due(self, key: Key) -> bool:
        alerts = self.draft.alerts.get(key)
        return bool(alerts) and any(alert.is_notification_due for alert in alerts.values())

    def _add_key(self, key: Key) -> None:
        place = self.draft.sku_parents(key[1])
        self.draft.skus[key[1]] = SkuParents(place.parents, place.rank, (*place.warehouse_ids, key[0]))

    def _take_parents(self, event: Level, rank: LevelRank, cause: Cause) -> None:
        place = self.draft.sku_parents(event.sku)
        self.draft.skus[event.sku] = SkuParents(event.parents, rank, place.warehouse_ids)
        if event.parents != place.parents:
            # The whole SKU moves, in every warehouse, and other rules may hold there.
            for warehouse_id in sorted(place.warehouse_ids):
                key = (warehouse_id, event.sku)
                self.draft.key_state(key)
                if warehouse_id != event.warehouse_id:
                    self._resolve_again(key, cause)

    def _take_product_fields(self, event: Level) -> None:
        known = self.draft.products.get(event.sku)
        if known is None and not event.product_fields:
            return
        merged = with_document_fields(known or Product(sku=event.sku), event.product_fields)
        if merged != known:
            self.draft.products[event.sku] = merged

    # ---- alerts

    def _evaluate(self, key: Key, cause: Cause) -> None:
        alerts = self.draft.alerts.get(key)
        state = self.draft.keys[key]
        if not needs_step(alerts, self.draft.thresholds[key], state.on_hand - state.reserved):
            return
        if self._is_due(key):
            self._end_cooldown(key, state, cause.at)
            alerts = self.draft.alerts.get(key)
        point = self._point(key, state)
        changed, transitions = step(alerts or {}, point, cause)
        self._record(key, alerts or {}, changed, transitions)

    def _end_cooldown(self, key: Key, state: KeyState, now: int) -> None:
        alerts = self.draft.alerts[key]
        changed, transitions = end_cooldown(alerts, self._point(key, state), now)
        self._record(key, alerts, changed, transitions)

    def _point(self, key: Key, state: KeyState) -> Point:
        velocity = self.draft.velocities.get(key) or None
        return Point(state, self.draft.thresholds[key], velocity, self.result.version, self.draft.trend(key))

    def _sweep(self, now: int) -> None:
        for key in sorted(self.draft.state.due_alerts | self.draft.alerts.changed.keys()):
            if self._is_due(key):
                self._end_cooldown(key, self.draft.keys[key], now)

    def _record(self, key: Key, alerts: KeyAlerts, changed: dict, transitions: list[Transition]) -> None:
        if not changed:
            return
        if transitions and self._is_paused(key):
            changed, transitions = _withhold(changed, transitions)
        changed, transitions = self.lifecycle.hold(key, alerts, changed, transitions)
        self.draft.alerts[key] = {**alerts, **changed}
        by_id = {alert.alert_id: alert for alert in changed.values()}
        self.result.changed_alerts.update(by_id)
        for transition in transitions:
            self.result.transitions.append((key, transition))
            if transition.transition == "notified":
                self.result.notified.append(by_id[transition.alert_id])

    def _is_paused(self, key: Key) -> bool:
        return pause_over(self.draft.pauses, key) is not None

    # ---- rollups

    def _roll_up(self) -> None:
        state = self.draft.state
        keys, skus, moved = state.keys, state.skus, self.draft.skus.changed
        leaves: list[Leaf] = []
        for key, new in self.draft.keys.changed.items():
            sku = key[1]
            before = after = skus.get(sku, NO_SKU_PARENTS).parents
            if sku in moved:
                after = moved[sku].parents
            leaves.append((key, before, keys.get(key), after, new))
        self.result.leaves = leaves
        self.draft.rollup_change = state.rollups.change(leaves)


def _withhold(changed: dict, transitions: list[Transition]) -> tuple[dict, list[Transition]]:
    """Keep back the notifications of a paused key: they stay due until it is resumed (RULES 36)."""
    told = {transition.alert_id for transition in transitions if transition.transition == "notified"}
    kept = {
        condition: msgspec.structs.replace(
            alert, is_notification_due=True, last_notified_at=None, notification_count=alert.notification_count - 1
        )
        if alert.alert_id in told
        else alert
        for condition, alert in changed.items()
    }
    return kept, [transition for transition in transitions if transition.transition != "notified"]

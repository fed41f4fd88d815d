"""One burst, from messages to everything that follows from them; pure.

Order inside a burst (RULES 25): stock events by (position, level before
transaction, event id), rules and commands between them by time. The caller
writes the result in one transaction and merges the draft after its commit.
"""

from collections.abc import Iterable
from typing import NamedTuple

from inventory_assets.domain.alerts.alert import Product, with_document_fields
from inventory_assets.domain.alerts.evaluate import Cause
from inventory_assets.domain.alerts.lifecycle import is_in_scope, remember
from inventory_assets.domain.events.connectors import Heartbeat
from inventory_assets.domain.events.control import ALERT_COMMANDS, PLAN_COMMANDS
from inventory_assets.domain.events.kinds import (
    STOCK_EVENTS,
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
    transaction_name,
)
from inventory_assets.domain.ingest.alerts import BurstAlerts
from inventory_assets.domain.ingest.dedupe import admit
from inventory_assets.domain.ingest.handling import HOLDING
from inventory_assets.domain.ingest.messages import INVARIANT_VIOLATION as INVARIANT_VIOLATION
from inventory_assets.domain.ingest.messages import Message as Message
from inventory_assets.domain.ingest.messages import Parsed as Parsed
from inventory_assets.domain.ingest.messages import parse_burst as parse_burst
from inventory_assets.domain.ingest.result import Arrival, BurstInputs, BurstResult
from inventory_assets.domain.ingest.rules import BurstRules
from inventory_assets.domain.ingest.state import PAUSING, Draft, InventoryState, SkuParents, remember_pause
from inventory_assets.domain.replenish.decisions import PlanLine, refuse
from inventory_assets.domain.stock.fold import (
    KeyState,
    Versions,
    advance_frontier,
    affected_keys,
    apply_level,
    apply_tombstone,
    apply_transaction,
)


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
            in the burst (`ingest.recall`).
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


class _Act(NamedTuple):
    """A rule or a command with its instant and its place in the order of arrival."""

    at: int
    place: int
    event: ThresholdRule | Command


class _Run:
    def __init__(self, state: InventoryState, version: int, trace: Key | None) -> None:
        self.draft = Draft(state)
        self.trace = trace
        self.result = BurstResult(self.draft, version)
        self.applied: dict[Key, dict[str, Versions]] = {}
        self.arrival_of: dict[str, Arrival] = {}
        self.place_of: dict[str, int] = {}
        self.waiting: list[Command] = []
        self.verdicts: dict[tuple[Key, str], Outcome] = {}
        self.alerts = BurstAlerts(self.draft, self.result)
        self.rules = BurstRules(self.draft, version, self.arrival_of, self.alerts)

    def run(self, parsed: Iterable[Parsed], inputs: BurstInputs) -> BurstResult:
        for item in parsed:
            self.result.arrivals.append(self._receive(item))
        accepted = self.draft.new_events
        self._take_products(inputs.products)
        for warehouse_id, sku, day, quantity in inputs.plan_lines:
            self.draft.plan_lines[warehouse_id, sku] = None if day is None else PlanLine(day, quantity)
        self.rules.take_velocities(inputs)
        self.rules.take_dynamics(inputs)
        placed = [
            _Placed(order_key(event), event, affected_keys(event))
            for event in accepted
            if isinstance(event, STOCK_EVENTS)
        ]
        self._judge_arrivals(placed)
        placed.sort()  # no two have one place: its last part is the event id
        acts = self._find_acts(accepted)
        for each in self._act_in_time(acts, placed) if acts else placed:
            self._apply(each)
        for event in accepted:
            if isinstance(event, ThresholdRule) and self.arrival_of[event.event_id].outcome is Outcome.SUPERSEDED:
                self.rules.take_rule(event)
        for command in self.waiting:
            self._handle(command, is_last=True)
        self.alerts.judge_left()
        if inputs.sweep_at is not None:
            self.alerts.sweep(inputs)
            if inputs.policy is not None:
                self.alerts.lifecycle.sweep(inputs)
        return self.result

    def _find_acts(self, accepted: list[Event]) -> list["_Act"]:
        """The burst's rules and commands, in order of time."""
        acts = []
        rules = [event for event in accepted if isinstance(event, ThresholdRule)]
        self.rules.judge_arrivals(rules)
        for rule in rules:
            if self.arrival_of[rule.event_id].outcome is Outcome.SUPERSEDED:
                continue  # it is remembered, and steps nothing
            acts.append(_Act(rule.position[1], self.place_of[rule.event_id], rule))
        commands = [event for event in accepted if isinstance(event, Command)]
        self._judge_commands(commands)
        for command in commands:
            if self.arrival_of[command.event_id].outcome is not Outcome.SUPERSEDED:
                acts.append(_Act(command.event_at, self.place_of[command.event_id], command))
        return sorted(acts, key=lambda act: act[:2])

    def _judge_commands(self, commands: list[Command]) -> None:
        """Tell which commands a later one of their scope has outdated, as they came (RULES 9, 36)."""
        if not commands:
            return
        pauses = dict(self.draft.pauses)
        silences, inhibitions = dict(self.draft.silences), dict(self.draft.inhibitions)
        for command in commands:
            is_latest = True
            if command.command in PAUSING:
                is_latest = remember_pause(pauses, command)
            elif command.command in HOLDING:
                is_latest = remember(silences, inhibitions, command)
            if not is_latest:
                self.arrival_of[command.event_id].outcome = Outcome.SUPERSEDED

    def _act_in_time(self, acts: list["_Act"], placed: list["_Placed"]) -> Iterable["_Placed"]:
        """Yield the stock events, and carry out the rules and commands at their times between them (RULES 25).

        What is decided is decided on the stock of its moment: with all in order of
        time, every cut then gives the same. At one moment the order of arrival decides,
        as it does between bursts.
        """
        # Position need not be time: within a SKU an event is no earlier than those before it, nor,
        # at one moment, arrived before them. Per SKU, because `explain` replays one alone.
        reached: dict[str, tuple[int, int]] = {}
        timed = []
        for each in placed:
            sku, moment = each.event.sku, (each.event.position[1], self.place_of[each.event.event_id])
            reached[sku] = moment = max(moment, reached.get(sku, moment))
            timed.append((moment, each))
        timed.sort(key=lambda pair: pair[0])  # stable: a SKU's events stay in their order
        waiting = iter(acts)
        act = next(waiting, None)
        for moment, each in timed:
            while act is not None and (act.at, act.place) < moment:
                self._act(act.event)
                act = next(waiting, None)
            yield each
        while act is not None:
            self._act(act.event)
            act = next(waiting, None)

    def _act(self, event: ThresholdRule | Command) -> None:
        if isinstance(event, ThresholdRule):
            self.rules.take_rule(event)
        elif event.command in PLAN_COMMANDS:
            # It changes no stock and no alert: the next plan counts it.
            if (refusal := refuse(self.draft.plan_lines, event)) is not None:
                self._refuse(event, refusal)
        elif event.command not in ALERT_COMMANDS:
            self._obey(event)
        elif not self._handle(event, is_last=False):
            # Its alert opens only later: it waits.
            self.waiting.append(event)

    def _receive(self, item: Parsed) -> Arrival:
        if isinstance(item, Rejection):
            return Arrival(Outcome.DEAD_LETTERED, rejection=item)
        if isinstance(item, Filtered):
            if isinstance(item, Heartbeat):
                connectors = self.draft.connectors
                known = connectors.get(item.heard.connector_id)
                joined = item.heard.join(known)
                if joined != known:
                    connectors[item.heard.connector_id] = joined
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
        self.place_of[item.event_id] = len(self.place_of)
        return arrival

    # ---- rules, velocity, commands, products

    def _take_products(self, products: Iterable[Product]) -> None:
        for product in products:
            self.draft.products[product.sku] = product

    def _obey(self, command: Command) -> None:
        """Pause, resume, or judge anew, the keys of a scope."""
        chosen = sorted(key for key in self.draft.keys if is_in_scope(command, key, self.draft.category(key)))
        moments = {key: max(command.event_at, self.draft.keys[key].frontier_at) for key in chosen}
        for key, at in moments.items():
            # What fell due before is told before.
            self.alerts.catch_up(key, self.draft.keys[key], at)
        if command.command in PAUSING:
            remember_pause(self.draft.pauses, command)
        if command.command == "pause":
            return
        for key, at in moments.items():
            self.alerts.resume(key, at, command.event_id)
            if command.command == "re-evaluate":
                self.rules.resolve(key)
                self.alerts.evaluate(key, Cause(command.event_id, command.event_at, at, False), self.draft.keys[key])

    def _handle(self, command: Command, *, is_last: bool) -> bool:
        verdict = self.alerts.lifecycle.obey(command)
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
        outcome = own = self._apply_to_key(keys[0], item)
        for key in keys[1:]:
            if self._apply_to_key(key, item) is Outcome.APPLIED:
                outcome = Outcome.APPLIED
        arrival = self.arrival_of[event.event_id]
        arrival.outcome = outcome
        if own is outcome:  # a transfer may count at its receiver alone
            arrival.available = self.draft.keys.changed[keys[0]].available

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
            name = transaction_name(event.identity)
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
        state = self.draft.key_state(key)
        is_new = state.event_count == 0
        is_late = place < state.frontier
        before = state.copy() if self.alerts.is_waiting(key, state) else state
        frontier = state.frontier, state.frontier_at
        is_in_grace = before is not state and self.alerts.is_in_grace(state, state.frontier_at)
        outcome = self._fold(state, self.applied.setdefault(key, {}), event)
        verdict = self.verdicts.get((key, event.event_id), outcome) if self.verdicts else outcome
        if verdict is not outcome:
            outcome = verdict
            # The frontier is that of the events that step: the verdict's, not the fold's.
            if verdict is Outcome.SUPERSEDED:
                state.frontier, state.frontier_at = frontier
            else:
                advance_frontier(state, event)
        if is_new:
            self._add_key(key)
        moved = self._find_place(event, state) if isinstance(event, Level) else None
        if moved is not None and outcome is Outcome.SUPERSEDED and not self.verdicts:
            # Another level says what is there, and this one where the SKU stands.
            outcome = Outcome.APPLIED
            advance_frontier(state, event)
        cause = Cause(event.event_id, event.event_at, state.frontier_at, is_late)
        if outcome is Outcome.APPLIED and before is not state:
            # As it stood, before the event's own thresholds hold.
            self.alerts.catch_up(key, before, cause.at)
        if moved is not None:
            self._take_place(event, *moved, cause)
        if is_new or isinstance(event, Level):
            self.rules.resolve(key)
        if outcome is Outcome.APPLIED:
            self.alerts.evaluate(key, cause, state)
            if key == (event.warehouse_id, event.sku):
                self.draft.add_point(key, event.event_at, state.available)
        elif is_in_grace and not self.alerts.is_in_grace(state, state.frontier_at):
            # An older first event: the grace was over before the last one, which nobody has judged.
            self.alerts.unjudged.add(key)
        if key == self.trace:
            self.result.steps.append((event, state.copy()))
        return outcome

    def _add_key(self, key: Key) -> None:
        self.draft.skus[key[1]] = self.draft.sku_parents(key[1]).with_warehouse(key[0])

    def _find_place(self, event: Level, state: KeyState) -> tuple[SkuParents, SkuParents] | None:
        """Where a SKU stood and where it stands once a level is known; null where another level still says so."""
        old = self.draft.sku_parents(event.sku)
        new = old.with_levels(state.levels)
        if new.level != old.level:
            return old, new
        if new is not old:
            self.draft.skus[event.sku] = new
        return None

    def _take_place(self, event: StockEvent, old: SkuParents, new: SkuParents, cause: Cause) -> None:
        """Take in what a level says of its SKU: where it stands and, where it is the newest, what it is."""
        keys = [(warehouse_id, event.sku) for warehouse_id in sorted(new.warehouse_ids)]
        if new.parents == old.parents:
            keys = []
        for key in keys:
            state = self.draft.key_state(key)
            if key[0] != event.warehouse_id:
                self.alerts.catch_up(key, state, max(cause.at, state.frontier_at))
        self.draft.skus[event.sku] = new
        # The whole SKU moves, in every warehouse, and other rules and scopes may hold there.
        for key in keys:
            self.alerts.move(key, cause)
            if key[0] != event.warehouse_id:
                self.rules.resolve_again(key, cause)
        if isinstance(event, Level) and new.level is not None and new.level.event_id == event.event_id:
            self._take_product_fields(event)

    def _take_product_fields(self, event: Level) -> None:
        known = self.draft.products.get(event.sku)
        if (known is None or known.is_removed) and not event.product_fields:
            return
        # What was cleaned up begins anew: the document knows nothing of what an import once said.
        start = Product(sku=event.sku) if known is None or known.is_removed else known
        merged = with_document_fields(start, event.product_fields)
        if merged != known:
            self.draft.products[event.sku] = merged

"""The rules, read naively: outcomes by arrival, alerts by the running stock of each key (RULES 8-36).

Belongs here: what comes in, the alert machine, rollups. Does not: anything fast, and anything
imported from the product.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tests.rules.folding import (
    BUCKETS,
    KIND_ORDER,
    Key,
    contains,
    fold,
    is_active,
    is_before,
    is_later,
    is_unstated,
    keys_of,
    latest_version,
    parents_of,
    rule_in_force,
    sort_key,
    state_of,
    top_level,
    top_level_of_sku,
)
from tests.rules.holding import covers, is_outdated, is_paused
from tests.rules.reading import (
    LEVEL_TYPES,
    THRESHOLDS,
    Event,
    Message,
    Rejected,
    contradicts,
    place_of,
    read_event,
    spell_time,
)

__all__ = ["Message", "Oracle"]

SEVERITY = {"REORDER": 1, "LOW_STOCK": 2, "STOCKOUT": 3}
PRIORITY = {"REORDER": "MEDIUM", "LOW_STOCK": "HIGH", "STOCKOUT": "CRITICAL"}  # RULE 24


@dataclass
class Machine:
    """The persisted alert state of one key (RULE 25)."""

    frontier: Event | None = None  # the greatest event stepped
    frontier_at: datetime | None = None  # the latest time of an event stepped
    last_at: datetime | None = None  # when its last transition was
    firing: str | None = None  # the alert id
    opened_at: datetime | None = None  # when it last opened or re-opened
    is_waiting: bool = False  # its telling is withheld by a cooldown or a pause (RULES 28, 36)
    is_judged: bool = False  # its last point came after its grace, as known then (RULE 24)
    has_days_breached: bool = False  # RULE 27, "days, if they breached"
    latest: dict[str, str] = field(default_factory=dict)  # by condition, the alert id
    last_notified: dict[str, datetime] = field(default_factory=dict)  # by condition

    def time_of(self, own: datetime) -> datetime:
        """RULE 25: a step's time never goes back."""
        return max(time for time in (own, self.frontier_at, self.last_at) if time is not None)


# One step that an item makes: the key's time, and whether it comes late.
Steps = dict[Key, tuple[datetime, bool]]


# --- The oracle ---------------------------------------------------------------------------


class Oracle:
    """The product, as the rules describe it."""

    def __init__(
        self,
        *,
        products: dict[str, dict] | None = None,
        velocity: dict[Key, float] | None = None,
        default_min: int = 0,
        default_reorder: int = 0,
        grace_minutes: int = 24 * 60,
    ) -> None:
        self._products = products or {}
        self._velocity = dict(velocity or {})
        self._defaults = (default_min, default_reorder)
        self._grace = timedelta(minutes=grace_minutes)
        self._accepted: dict[str, Event] = {}  # by event id, in raw.messages order
        self._events: list[Event] = []  # the stock events evaluation has reached
        self._rules: list[Event] = []  # the rules evaluation has reached
        self._commands: list[Event] = []  # the commands evaluation has reached
        self._newest: dict[str, tuple[datetime, datetime]] = {}  # by warehouse: its event's time, its commit's
        self._machines: dict[Key, Machine] = {}
        self._alerts: dict[str, dict] = {}
        self._transitions: list[dict] = []

    # Outcomes (RULES 9-13)

    def burst(self, messages: list[Message], committed_at: datetime | None = None) -> list[tuple[str, str | None]]:
        """Take one burst: outcomes in arrival order, then evaluation (RULE 25).

        Args:
            committed_at: The wall time of its commit, which a sweep counts from (RULE 28).
                None: each event was committed when it happened.
        """
        outcomes = []
        fresh = []
        for message in messages:
            try:
                event = read_event(message)
                outcome, stepping = self._receive(event)
            except Rejected as rejected:
                outcomes.append(("dead_lettered", rejected.reason))
                continue
            outcomes.append((outcome, None))
            if outcome in ("applied", "superseded"):
                fresh.append((event, stepping))
        self._evaluate(fresh)
        for event, _ in fresh:
            for warehouse_id, _sku in event.keys:
                if warehouse_id not in self._newest or event.at > self._newest[warehouse_id][0]:
                    self._newest[warehouse_id] = (event.at, committed_at or event.at)
        return outcomes

    def _receive(self, event: Event) -> tuple[str, set]:
        """The outcome, and the keys (of a rule or command: itself) that the event steps."""
        if event.kind == "filtered":
            return "filtered", set()
        known = self._accepted.get(event.event_id)
        if known is not None:
            if known.content != event.content:
                raise Rejected("conflicting_duplicate", event.event_id)  # RULE 11
            return "duplicate", set()
        if any(contradicts(event, other) for other in self._accepted.values()):
            raise Rejected("conflicting_duplicate", event.event_id)
        if event.kind == "transaction":
            self._refuse_moved(event)
        before = list(self._accepted.values())
        self._accepted[event.event_id] = event
        # Each key has its own history: a transfer may be news to one of its two keys.
        places = event.keys or (None,)
        stepping = {key for key in places if not self._is_superseded(event, key, before)}
        return ("applied" if stepping else "superseded"), stepping

    def _refuse_moved(self, event: Event) -> None:
        """RULE 13: a version that names another sku or receiver."""
        for other in self._accepted.values():
            if (
                other.kind == "transaction"
                and other.fields["identity"] == event.fields["identity"]
                and any(other.fields[name] != event.fields[name] for name in ("sku", "to_warehouse_id"))
            ):
                raise Rejected("transaction_moved", event.event_id)

    def _is_superseded(self, event: Event, key: Key | None, before: list[Event]) -> bool:
        """RULE 9, at one key: a later version or level already known leaves it without effect."""
        if event.kind == "control":
            return is_outdated(event, before)
        after = [*before, event]
        if event.kind == "rule":
            scope = event.fields["scope"]
            return rule_in_force(before, scope) is rule_in_force(after, scope)
        if event.kind == "tombstone":
            level = top_level(before, key)
            is_known_later = (level is not None and is_before(event, level)) or any(
                other.kind == "tombstone" and other.keys == event.keys and is_later(other, event) for other in before
            )
            return is_known_later and is_active(before, key) == is_active(after, key)
        if event.kind == "level":
            # Of several sources a third level may come to be the greatest.
            sku = event.fields["sku"]
            return top_level_of_sku(before, sku) is top_level_of_sku(after, sku) and all(
                top_level(before, key, b) is top_level(after, key, b) for b in (None, "on_hand", "reserved")
            )
        versions = [
            other
            for other in after
            if other.kind == "transaction" and other.fields["identity"] == event.fields["identity"]
        ]
        level = top_level(before, key)
        is_known_better = latest_version(versions) is not event or (level is not None and contains(level, event))
        return is_known_better and fold(before, key) == fold(after, key)

    # Thresholds (RULES 21-23)

    def resolved(self, warehouse_id: str, sku: str) -> dict:
        """What is in force for a key."""
        return self._limits_of((warehouse_id, sku), self._events, self._rules)

    def _limits_of(self, key: Key, events: list[Event], rules: list[Event]) -> dict:
        """RULE 21: level first, then the warehouse's rule before the all-warehouse rule."""
        warehouse_id, sku = key
        parents = parents_of(events, sku)
        ids = {
            "SKU": sku,
            "PRODUCT": parents["product_id"],
            "BRAND": parents["brand_id"],
            "CATEGORY": parents["category_id"],
            "DEPARTMENT": parents["department_id"],
            "GLOBAL": "",
        }
        for level_type in LEVEL_TYPES:
            for scope_warehouse in (warehouse_id, None):
                rule = rule_in_force(rules, (level_type, ids[level_type], scope_warehouse))
                if rule is not None and rule.fields["record"] is not None:
                    level_id = None if level_type == "GLOBAL" else ids[level_type]
                    return _resolution(level_type, level_id, scope_warehouse, rule.fields["record"])
        level = top_level(events, key)
        if level is not None and level.fields["embedded"] is not None:
            record = _plain_record(*level.fields["embedded"])
            return _resolution("EMBEDDED", sku, warehouse_id, record)
        return _resolution("SYSTEM", None, None, _plain_record(*self._defaults))

    def _in_force(self, key: Key, events: list[Event], rules: list[Event]) -> tuple[dict, str | None]:
        """The resolution and the rule event behind it: the same numbers sent again are news."""
        found = self._limits_of(key, events, rules)
        scope = (found["level_type"], found["level_id"] or "", found["warehouse_id"])
        latest = rule_in_force(rules, scope)
        return found, None if latest is None else latest.event_id

    # Evaluation (RULES 24-28)

    def _evaluate(self, fresh: list[tuple[Event, set]]) -> None:
        """RULE 25, SKU by SKU: nothing of one SKU's alerts depends on another's events."""
        reached = (list(self._rules), list(self._commands))
        stock = [event for event, _ in fresh if event.kind in KIND_ORDER]
        for sku in sorted({sku for event in [*self._events, *stock] for _, sku in event.keys}):
            self._rules, self._commands = list(reached[0]), list(reached[1])
            for item, stepping in lane(fresh, sku):
                self._take(sku, item, stepping)
        # A superseded rule or command belongs to the set, but acts on nothing (RULE 9).
        self._rules = reached[0] + [event for event, _ in fresh if event.kind == "rule"]
        self._commands = reached[1] + [event for event, _ in fresh if event.kind == "control"]

    def _take(self, sku: str, item: Event, stepping: set) -> None:
        """One stock event, rule or command at its place among the events of a SKU."""
        keys = [key for key in keys_of([*self._events, item]) if key[1] == sku]
        was_paused = {key for key in keys if self._is_paused(key)}
        joined = {"rule": self._rules, "control": self._commands}.get(item.kind, self._events)
        steps = self._steps_of(item, keys, stepping)
        for key, (at, _) in steps.items():
            self._find_due(key, at)  # what fell due before it is found as it was before it
        joined.append(item)
        for key, (at, is_late) in steps.items():
            if key in item.keys and not is_late:
                machine = self._machines[key]
                machine.frontier = item
                machine.frontier_at = max(machine.frontier_at or item.at, item.at)
            if item.kind != "control" or item.fields["command"] == "re-evaluate":
                self._step(key, item, at, is_late=is_late)
        for key in was_paused:
            if not self._is_paused(key):
                self._release(key, item)

    def _steps_of(self, item: Event, keys: list[Key], stepping: set) -> Steps:
        """The keys that an item steps: its own, and those whose rule in force it changes."""
        place, is_late = place_of(item), False
        if item.kind == "control":
            category_id = parents_of(self._events, keys[0][1])["category_id"] if keys else ""
            found = [key for key in keys if covers(item, key, category_id)]
            return {key: (self._machines[key].time_of(place), False) for key in found}
        events = [*self._events, item] if item.keys else self._events
        rules = self._rules if item.keys else [*self._rules, item]
        steps = {}
        for key in item.keys:  # a transfer may be late at one of its keys
            machine = self._machines.setdefault(key, Machine())
            is_late = machine.frontier is not None and sort_key(item) < sort_key(machine.frontier)
            place = machine.frontier_at if is_late and machine.frontier_at is not None else item.at
            if key in stepping:
                steps[key] = (machine.time_of(place), is_late)
        for key in keys:
            # A level that moves its SKU to other parents moves it in every warehouse.
            known = self._in_force(key, self._events, self._rules)
            if key not in item.keys and self._in_force(key, events, rules) != known:
                steps[key] = (self._machines[key].time_of(place), is_late)
        return steps

    def _is_paused(self, key: Key) -> bool:
        return is_paused(self._commands, key, parents_of(self._events, key[1])["category_id"])

    def sweep(self, clock: datetime) -> None:
        """RULE 28: find what time has made due, at each warehouse's own moment."""
        for key in sorted(self._machines):
            newest_at, committed_at = self._newest[key[0]]
            self._find_due(key, min(clock, newest_at + (clock - committed_at)))

    def velocities(self, date: str, units_per_day: dict[Key, float | None]) -> None:
        """RULE 25: new velocities step the keys whose rule counts in days, from their date on."""
        as_of = datetime.fromisoformat(date).replace(tzinfo=UTC)
        cause = Event("velocity", f"velocity:{date}", (0, 0, 0), False, as_of, (), {}, ())
        for key, velocity in units_per_day.items():
            machine = self._machines.get(key)
            rule = self.resolved(*key)
            is_in_days = rule["min_threshold_days"] is not None or rule["reorder_threshold_days"] is not None
            if machine is not None and is_in_days:
                self._find_due(key, machine.time_of(as_of))
            self._velocity[key] = velocity or 0
            if machine is not None and is_in_days:
                self._step(key, cause, machine.time_of(as_of), is_late=False)

    # What time makes due (RULES 24, 28)

    def _find_due(self, key: Key, at: datetime) -> None:
        """Judge at its grace's end, tell at its cooldown's end, whoever finds out (RULES 24, 28)."""
        machine = self._machines.get(key)
        if machine is None or not any(key in event.keys for event in self._events):
            return
        end = self._end_of_grace(key)
        if not machine.is_judged and machine.frontier is not None and is_unstated(self._events, key) and end <= at:
            # Nobody's doing: the event that left the stock as it is opens what is open.
            self._step(key, machine.frontier, machine.time_of(end), is_late=False)
        self._tell_if_due(key, at)

    def _end_of_grace(self, key: Key) -> datetime:
        """RULE 24: a grace after the key's first event, in event time."""
        return min(event.at for event in self._events if key in event.keys) + self._grace

    def _is_judged(self, key: Key, at: datetime) -> bool:
        return not is_unstated(self._events, key) or self._end_of_grace(key) <= at

    def _end_of_cooldown(self, key: Key) -> datetime:
        """When a withheld telling is due: a cooldown cut short may have ended before the alert re-opened."""
        machine = self._machines[key]
        assert machine.firing is not None and machine.opened_at is not None
        since = machine.last_notified.get(self._alerts[machine.firing]["alert_type"])
        if since is None:
            return machine.opened_at
        return max(since + timedelta(minutes=self.resolved(*key)["cooldown_minutes"]), machine.opened_at)

    def _tell_if_due(self, key: Key, at: datetime) -> None:
        """RULE 28: once, when the cooldown ends, at that time whoever finds out."""
        machine = self._machines[key]
        if machine.firing is None or not machine.is_waiting or self._is_paused(key):
            return
        end = self._end_of_cooldown(key)
        if end <= at:
            # Whether an event or the sweep finds out leaves no trace.
            self._tell_what_is_held(key, "cooldown_ended", None, machine.time_of(end))

    def _release(self, key: Key, cause: Event) -> None:
        """RULE 36: the end of a pause tells what still fires, where its cooldown is over too."""
        machine = self._machines.get(key)
        if machine is None or machine.firing is None or not machine.is_waiting:
            return
        at = machine.time_of(place_of(cause) if cause.kind == "control" else cause.at)
        if self._end_of_cooldown(key) <= at:
            self._tell_what_is_held(key, "resumed", cause, at)

    def _tell_what_is_held(self, key: Key, reason: str, cause: Event | None, at: datetime) -> None:
        machine = self._machines[key]
        held = self._held_by(key)
        if held is None:
            return
        alert = self._alerts[machine.firing]
        machine.has_days_breached |= held["is_days"]
        alert["threshold"] = held["threshold"]
        self._measure(key, alert, at)
        self._notify(key, reason, cause, at, alert["is_late"])

    # The machine (RULES 24-28)

    def _breaches(self, key: Key, state: dict, rule: dict) -> dict[str, dict]:
        """RULES 23, 24: the breached conditions, each with what was compared."""
        available = state["available"]
        velocity = self._units_per_day(key)
        found = {}
        if available <= 0:
            found["STOCKOUT"] = {"threshold": 0, "is_days": False}
        for condition, name in (("LOW_STOCK", "min"), ("REORDER", "reorder")):
            units = rule[f"{name}_threshold_qty"]
            days = rule[f"{name}_threshold_days"]
            is_units = units is not None and available < units
            is_days = days is not None and velocity > 0 and available < days * velocity
            if is_units or is_days:
                found[condition] = {"threshold": units if is_units else days, "is_days": is_days}
        if self._is_restocking(key, state):
            found.pop("REORDER", None)
        return found

    def _is_restocking(self, key: Key, state: dict) -> bool:
        """RULE 24: the latest level's flag, or inbound > 0."""
        level = top_level(self._events, key)
        flag = level is not None and level.fields["restock_in_progress"]
        return flag or state["inbound"] > 0

    def _has_cleared(self, condition: str, key: Key, state: dict, rule: dict, days_breached: bool) -> bool:
        """RULE 27, with the rule in force now."""
        available = state["available"]
        if condition == "STOCKOUT":
            return available > 0
        name = "min" if condition == "LOW_STOCK" else "reorder"
        units, days = rule[f"{name}_threshold_qty"], rule[f"{name}_threshold_days"]
        velocity = self._units_per_day(key)
        if units is not None and 10 * available < 11 * units:
            return False
        if days_breached and days is not None and velocity > 0:
            return 10 * available >= 11 * days * velocity
        return True

    def _units_per_day(self, key: Key) -> Fraction:
        """RULE 23: whole units over 28 days, so exact; 0 where unknown."""
        return Fraction(round((self._velocity.get(key) or 0) * 28), 28)

    def _step(self, key: Key, cause: Event, at: datetime, *, is_late: bool) -> None:
        """One running point of one key through its machine."""
        self._machines[key].is_judged = self._is_judged(key, at)
        if not self._machines[key].is_judged:
            return
        self._judge(key, cause, at, is_late=is_late)
        self._tell_if_due(key, at)  # a rule may have cut its cooldown short

    def _judge(self, key: Key, cause: Event, at: datetime, *, is_late: bool) -> None:
        machine = self._machines[key]
        state = fold(self._events, key)
        rule = self.resolved(*key)
        if not is_active(self._events, key):
            self._resolve(key, "inactive", cause, at, is_late)
            return
        if not rule["enabled"]:
            self._resolve(key, "muted", cause, at, is_late)
            return
        found = self._breaches(key, state, rule)
        worst = max(found, key=SEVERITY.__getitem__, default=None)
        reason = "breach"
        if machine.firing is not None:
            firing = self._alerts[machine.firing]["alert_type"]
            machine.has_days_breached |= firing in found and found[firing]["is_days"]
            if worst == firing:
                return
            if worst is not None and SEVERITY[worst] > SEVERITY[firing]:
                reason = "escalated"
            elif not self._has_cleared(firing, key, state, rule, machine.has_days_breached):
                if not (firing == "REORDER" and self._is_restocking(key, state)):
                    return
                reason = "restock"
            else:
                reason = "recovered" if worst is None else "improved"
            self._resolve(key, reason, cause, at, is_late)
        if worst is not None:
            self._open(key, worst, found[worst], reason, cause, at, is_late)

    def _open(
        self,
        key: Key,
        condition: str,
        compared: dict,
        reason: str,
        cause: Event,
        at: datetime,
        is_late: bool,
    ) -> None:
        """RULES 26, 28, 29: re-open inside the cooldown, else open a new alert."""
        machine = self._machines[key]
        rule = self.resolved(*key)
        notified = machine.last_notified.get(condition)
        cooldown = timedelta(minutes=rule["cooldown_minutes"])
        is_inside = notified is not None and at < notified + cooldown
        if is_inside:
            alert_id = machine.latest[condition]
        else:
            alert_id = _alert_id(key, condition, cause)
            self._alerts[alert_id] = {
                "alert_id": alert_id,
                "alert_type": condition,
                "priority": PRIORITY[condition],
                "warehouse_id": key[0],
                "sku": key[1],
                "first_breach_time": spell_time(at),
                "is_late": is_late,
                "notification_count": 0,
                "opening_event_id": cause.event_id,
            }
        machine.firing = machine.latest[condition] = alert_id
        is_told_later = reason != "improved" and self._is_paused(key)
        machine.is_waiting, machine.opened_at = is_inside or is_told_later, at
        machine.has_days_breached = compared["is_days"]
        alert = self._alerts[alert_id]
        alert.update(state="firing", resolved_reason=None, threshold=compared["threshold"])
        self._measure(key, alert, at)
        transition = "reopened" if is_inside else "opened"
        self._record(key, alert_id, transition, reason, cause, at, is_late)
        if not is_inside and reason != "improved" and not is_told_later:
            self._notify(key, reason, cause, at, is_late)

    def _measure(self, key: Key, alert: dict, at: datetime) -> None:
        """RULE 30: the stock an alert speaks of, at its latest opening or notification."""
        state = fold(self._events, key)
        alert.update(
            timestamp=spell_time(at),
            current_stock=state["on_hand"],
            available_stock=state["available"],
            reserved_stock=state["reserved"],
            inbound_stock=state["inbound"],
            suggested_quantity=self._suggested(key, state),
        )

    def _suggested(self, key: Key, state: dict) -> int | None:
        """RULE 30: up to order_up_to (else 2 x reorder), rounded up to the pack."""
        level = top_level_of_sku(self._events, key[1])
        latest = {} if level is None else level.fields["product"]
        product = {**latest, **self._products.get(key[1], {})}
        target = product.get("order_up_to")
        if target is None:
            reorder = self.resolved(*key)["reorder_threshold_qty"]
            if reorder is None:
                return None
            target = 2 * reorder
        wanted = max(0, target - state["available"] - state["inbound"])
        pack = product.get("pack_multiple") or 1
        return -(-wanted // pack) * pack

    def _held_by(self, key: Key) -> dict | None:
        """What keeps the firing alert open: its breach, else its hysteresis."""
        machine = self._machines[key]
        condition = self._alerts[machine.firing]["alert_type"]
        state, rule = fold(self._events, key), self.resolved(*key)
        found = self._breaches(key, state, rule)
        if not rule["enabled"] or not is_active(self._events, key):
            return None
        if condition in found:
            return found[condition]
        is_muted = condition == "REORDER" and self._is_restocking(key, state)
        if is_muted or self._has_cleared(condition, key, state, rule, machine.has_days_breached):
            return None
        name = "min" if condition == "LOW_STOCK" else "reorder"
        units, days = rule[f"{name}_threshold_qty"], rule[f"{name}_threshold_days"]
        is_units = units is not None and 10 * state["available"] < 11 * units
        return {"threshold": units if is_units else days, "is_days": not is_units}

    def _notify(self, key: Key, reason: str, cause: Event | None, at: datetime, is_late: bool) -> None:
        machine = self._machines[key]
        alert = self._alerts[machine.firing]
        alert["notification_count"] += 1
        machine.is_waiting = False
        machine.last_notified[alert["alert_type"]] = at
        self._record(key, machine.firing, "notified", reason, cause, at, is_late)

    def _resolve(self, key: Key, reason: str, cause: Event, at: datetime, is_late: bool) -> None:
        machine = self._machines[key]
        if machine.firing is None:
            return
        self._alerts[machine.firing].update(state="resolved", resolved_reason=reason)
        self._record(key, machine.firing, "resolved", reason, cause, at, is_late)
        machine.firing, machine.is_waiting, machine.has_days_breached = None, False, False

    def _record(
        self,
        key: Key,
        alert_id: str,
        transition: str,
        reason: str,
        cause: Event | None,
        at: datetime,
        is_late: bool,
    ) -> None:
        self._machines[key].last_at = at
        self._transitions.append(
            {
                "alert_id": alert_id,
                "alert_type": self._alerts[alert_id]["alert_type"],
                "warehouse_id": key[0],
                "sku": key[1],
                "transition": transition,
                "reason": reason,
                "event_id": None if cause is None else cause.event_id,
                "at": spell_time(at),
                "is_late": is_late,
            }
        )

    # Answers

    def states(self) -> dict[Key, dict]:
        """One row per key that an event names (RULES 14-19)."""
        return {key: state_of(self._events, key) for key in keys_of(self._events)}

    def rollups(self) -> dict[tuple[str | None, str, str], dict]:
        """RULE 20: every node with an active key under it."""
        leaves: dict[tuple, list[tuple[str, dict]]] = {}
        for (warehouse_id, sku), state in self.states().items():
            if not state["is_active"]:
                continue
            nodes = {
                "DEPARTMENT": state["department_id"],
                "CATEGORY": state["category_id"],
                "BRAND": state["brand_id"],
                "CATEGORY_BRAND": f"{state['category_id']}/{state['brand_id']}",
                "PRODUCT": state["product_id"],
                "SKU": sku,
            }
            for level, level_id in nodes.items():
                for where in (warehouse_id, None):
                    leaves.setdefault((where, level, level_id), []).append((sku, state))
        return {
            node: {
                **{name: sum(s[name] for _, s in members) for name in [*BUCKETS, "available"]},
                "sku_count": len({sku for sku, _ in members}),
            }
            for node, members in leaves.items()
        }

    def alerts(self) -> list[dict]:
        """One per alert id, in order of first opening."""
        return [dict(alert) for alert in self._alerts.values()]

    def transitions(self) -> list[dict]:
        """Every transition, in order per key."""
        return [dict(transition) for transition in self._transitions]


def lane(fresh: list[tuple[Event, set]], sku: str) -> list[tuple[Event, set]]:
    """What a burst holds for one SKU, in the order of RULE 25.

    Stock events by (position, kind, event id); a rule or command before the first of them that is
    later, or as late and arrived after it. One that is superseded has no place.
    """
    arrival = {event.event_id: number for number, (event, _) in enumerate(fresh)}
    stock = [pair for pair in fresh if any(key[1] == sku for key in pair[0].keys)]
    stock.sort(key=lambda pair: sort_key(pair[0]))
    found = []
    others = [pair for pair in fresh if pair[0].kind in ("rule", "control") and pair[1]]
    for other, stepping in sorted(others, key=lambda pair: (pair[0].position[1], arrival[pair[0].event_id])):
        place = (other.position[1], arrival[other.event_id])
        while stock and (stock[0][0].position[1], arrival[stock[0][0].event_id]) < place:
            found.append(stock.pop(0))
        found.append((other, stepping))
    return found + stock


def _plain_record(low: int | None, reorder: int | None) -> dict:
    """Thresholds that are no rule: enabled, with the default cooldown."""
    values = dict(zip(THRESHOLDS, (low, reorder, None, None), strict=True))
    return {**values, "cooldown_minutes": 60, "enabled": True}


def _resolution(level_type: str, level_id: str | None, warehouse_id: str | None, record: dict) -> dict:
    return {
        "level_type": level_type,
        "level_id": level_id,
        "warehouse_id": warehouse_id,
        **record,
    }


def _alert_id(key: Key, condition: str, opening: Event) -> str:
    """RULE 29."""
    parts = [key[0], key[1], condition, opening.event_id]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"alt-{opening.at:%Y%m%d}-{key[0]}-{key[1]}-{condition}-{digest}"

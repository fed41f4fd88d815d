"""The rules, read naively: every state from the whole set of events, every time (RULES 8-30).

Belongs here: outcomes, folding, hierarchy, rollups, thresholds and the alert machine.
Does not: anything fast, and anything imported from the product.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.rules.reading import (
    EPOCH,
    LEVEL_TYPES,
    PARENTS,
    THRESHOLDS,
    Event,
    Message,
    Rejected,
    read_event,
    spell_time,
)

__all__ = ["Message", "Oracle"]

Key = tuple[str, str]

SEVERITY = {"REORDER": 1, "LOW_STOCK": 2, "STOCKOUT": 3}
PRIORITY = {"REORDER": "MEDIUM", "LOW_STOCK": "HIGH", "STOCKOUT": "CRITICAL"}  # RULE 24
FINALITY = {"PENDING": 0, "SHIPPED": 1, "COMPLETED": 2, "CANCELLED": 2}  # RULE 13
KIND_ORDER = {"level": 0, "transaction": 1, "tombstone": 2}  # RULE 25
BUCKETS = ["on_hand", "reserved", "inbound"]


@dataclass
class Machine:
    """The persisted alert state of one key (RULE 25)."""

    frontier: tuple | None = None  # the sort key of the greatest event stepped
    frontier_at: datetime | None = None
    firing: str | None = None  # the alert id
    opened_at: datetime | None = None  # when it last opened or re-opened
    is_waiting: bool = False  # re-opened inside a cooldown: notify when it ends (RULE 28)
    has_days_breached: bool = False  # RULE 27, "days, if they breached"
    latest: dict[str, str] = field(default_factory=dict)  # by condition, the alert id
    last_notified: dict[str, datetime] = field(default_factory=dict)  # by condition


# --- Pure functions of a set of events ---------------------------------------------------


def sort_key(event: Event) -> tuple:
    """RULE 25: position, level before transaction, event id."""
    return (event.position, KIND_ORDER[event.kind], event.event_id)


def greatest(events: Iterable[Event], rank: Callable[[Event], tuple] = lambda event: ()) -> Event | None:
    """RULE 12: each source's greatest, then of these the greatest (instant, increment, event id).

    Args:
        events: Of one kind.
        rank: What outranks the position, in either comparison (RULE 13's finality).
    """
    of_source: dict[str, Event] = {}
    for event in events:
        known = of_source.get(event.source)
        if known is None or _rank(event, rank, event.position) > _rank(known, rank, known.position):
            of_source[event.source] = event
    return max(of_source.values(), key=lambda event: _rank(event, rank, event.position[1:]), default=None)


def _rank(event: Event, rank: Callable[[Event], tuple], place: tuple) -> tuple:
    is_cancelled = event.kind == "transaction" and event.fields["status"] == "CANCELLED"
    return (rank(event), place, is_cancelled, event.event_id)


def latest_version(versions: Iterable[Event]) -> Event | None:
    """RULE 13: finality, then the greatest position; CANCELLED on a tie, then the event id (RULE 12)."""
    return greatest(versions, lambda event: (FINALITY[event.fields["status"]],))


def effect(event: Event | None, key: Key, bucket: str) -> int:
    """RULES 15, 16: what one version of a transaction, if any, adds to one bucket of one key."""
    if event is None:
        return 0
    kind, status = event.fields["type"], event.fields["status"]
    quantity = event.fields["quantity"]
    total = 0
    if status == "CANCELLED":
        return 0
    if kind == "TRANSFER":
        sender = (event.fields["warehouse_id"], event.fields["sku"])
        receiver = (event.fields["to_warehouse_id"], event.fields["sku"])
        moves = {
            "PENDING": [(sender, "reserved", quantity)],
            "SHIPPED": [(sender, "on_hand", -quantity), (receiver, "inbound", quantity)],
            "COMPLETED": [(sender, "on_hand", -quantity), (receiver, "on_hand", quantity)],
        }
        for where, which, units in moves[status]:
            if where == key and which == bucket:
                total += units
        return total
    if kind in ("RESERVE", "RELEASE"):
        if status == "COMPLETED" and bucket == "reserved":
            total = quantity if kind == "RESERVE" else -quantity
        return total
    if status == "COMPLETED":
        return quantity if bucket == "on_hand" else 0
    if quantity < 0:
        return -quantity if bucket == "reserved" else 0
    return quantity if bucket == "inbound" else 0


def is_before(event: Event, other: Event) -> bool:
    """RULE 12, by pairs: within a source by the whole position, between sources by the instant."""
    if event.source == other.source:
        return event.position < other.position
    return event.position[1] < other.position[1]


def contains(level: Event, version: Event) -> bool:
    """RULE 12: an earlier position; an equal one of the same source only if both have a cluster time."""
    is_at_it = version.source == level.source and version.position == level.position
    return is_before(version, level) or (is_at_it and level.has_cluster_time and version.has_cluster_time)


def _is_later(event: Event, other: Event) -> bool:
    """Later by pairs; within a source the event id decides the last tie (RULE 12)."""
    if event.source == other.source:
        return sort_key(event) > sort_key(other)
    return is_before(other, event)


def level_value(level: Event, bucket: str) -> int | None:
    """RULE 14: an R0 document carries on_hand and, where present, reserved."""
    return None if bucket == "inbound" else level.fields[bucket]


def top_level(events: list[Event], key: Key, bucket: str | None = None) -> Event | None:
    """The key's level with the greatest position; with a bucket, that carries it (S*)."""
    levels = [
        event
        for event in events
        if event.kind == "level" and key in event.keys and (bucket is None or level_value(event, bucket) is not None)
    ]
    return greatest(levels)


def top_level_of_sku(events: list[Event], sku: str) -> Event | None:
    """RULE 19: the SKU's level with the greatest position over all warehouses."""
    return greatest(event for event in events if event.kind == "level" and event.fields["sku"] == sku)


def fold(events: list[Event], key: Key) -> dict[str, int]:
    """RULE 14, by its formula."""
    state = {}
    transactions: dict[tuple, list[Event]] = {}
    for event in events:
        if event.kind == "transaction" and key in event.keys:
            transactions.setdefault(event.fields["identity"], []).append(event)
    for bucket in BUCKETS:
        level = top_level(events, key, bucket)
        total = 0 if level is None else level_value(level, bucket)
        for versions in transactions.values():
            contained = [v for v in versions if level is not None and contains(level, v)]
            total += effect(latest_version(versions), key, bucket)
            total -= effect(latest_version(contained), key, bucket)
        state[bucket] = total
    state["available"] = state["on_hand"] - state["reserved"]
    return state


def is_active(events: list[Event], key: Key) -> bool:
    """RULE 17: inactive from a tombstone's position on, until a later level."""
    level = top_level(events, key)
    return not any(
        event.kind == "tombstone" and key in event.keys and (level is None or not is_before(event, level))
        for event in events
    )


def parents_of(events: list[Event], sku: str) -> dict[str, str]:
    """RULE 19: taken whole from the SKU's greatest level over all warehouses."""
    level = top_level_of_sku(events, sku)
    return dict.fromkeys(PARENTS, "UNKNOWN") if level is None else level.fields["parents"]


def rule_in_force(events: list[Event], scope: tuple) -> Event | None:
    """RULE 22: the scope's rule of the latest position, which may be a deletion."""
    return greatest(event for event in events if event.kind == "rule" and event.fields["scope"] == scope)


def keys_of(events: list[Event]) -> list[Key]:
    """Every key that an event names."""
    return sorted({key for event in events for key in event.keys})


def state_of(events: list[Event], key: Key) -> dict[str, Any]:
    """One row of states()."""
    state = fold(events, key)
    return {
        **state,
        "is_active": is_active(events, key),
        "is_negative": state["on_hand"] < 0,
        "is_over_reserved": state["reserved"] > state["on_hand"],
        **parents_of(events, key[1]),
    }


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
    ) -> None:
        self._products = products or {}
        self._velocity = dict(velocity or {})
        self._defaults = (default_min, default_reorder)
        self._accepted: dict[str, Event] = {}  # by event id, in raw.messages order
        self._events: list[Event] = []  # the stock events evaluation has reached
        self._rules: list[Event] = []  # the rules evaluation has reached
        self._machines: dict[Key, Machine] = {}
        self._alerts: dict[str, dict] = {}
        self._transitions: list[dict] = []

    # Outcomes (RULES 9-13)

    def burst(self, messages: list[Message]) -> list[tuple[str, str | None]]:
        """Take one burst: outcomes in arrival order, then evaluation (RULE 25)."""
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
        return outcomes

    def _receive(self, event: Event) -> tuple[str, set]:
        """The outcome, and the keys (of a rule: itself) that the event steps."""
        if event.kind == "filtered":
            return "filtered", set()
        known = self._accepted.get(event.event_id)
        if known is not None:
            if known.content != event.content:
                raise Rejected("conflicting_duplicate", event.event_id)  # RULE 11
            return "duplicate", set()
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
            return False
        after = [*before, event]
        if event.kind == "rule":
            scope = event.fields["scope"]
            return rule_in_force(before, scope) is rule_in_force(after, scope)
        if event.kind == "tombstone":
            level = top_level(before, key)
            is_known_later = (level is not None and is_before(event, level)) or any(
                other.kind == "tombstone" and other.keys == event.keys and _is_later(other, event) for other in before
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
        is_known_better = latest_version(versions) is not event or any(
            other.kind == "level" and key in other.keys and contains(other, event) for other in before
        )
        return is_known_better and fold(before, key) == fold(after, key)

    # Thresholds (RULES 21-23)

    def resolved(self, warehouse_id: str, sku: str) -> dict:
        """RULE 21: level first, then the warehouse's rule before the all-warehouse rule."""
        parents = parents_of(self._events, sku)
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
                record = self._rule_in_force((level_type, ids[level_type], scope_warehouse))
                if record is not None:
                    level_id = None if level_type == "GLOBAL" else ids[level_type]
                    return _resolution(level_type, level_id, scope_warehouse, record)
        level = top_level(self._events, (warehouse_id, sku))
        if level is not None and level.fields["embedded"] is not None:
            record = _plain_record(*level.fields["embedded"])
            return _resolution("EMBEDDED", sku, warehouse_id, record)
        return _resolution("SYSTEM", None, None, _plain_record(*self._defaults))

    def _rule_in_force(self, scope: tuple) -> dict | None:
        """RULE 22: the latest position wins; None where there is none, or it is a deletion."""
        rule = rule_in_force(self._rules, scope)
        return None if rule is None else rule.fields["record"]

    # Evaluation (RULES 24-28)

    def _evaluate(self, fresh: list[tuple[Event, set]]) -> None:
        """RULE 25: rules first, then the stock events in order."""
        rules = [(event, stepping) for event, stepping in fresh if event.kind == "rule"]
        for rule, stepping in sorted(rules, key=lambda pair: (pair[0].position, pair[0].event_id)):
            if not stepping:  # a superseded event belongs to the set, but is no point of its own
                self._rules.append(rule)
                continue
            keys = keys_of(self._events)
            before = {key: self._in_force(key) for key in keys}
            self._rules.append(rule)
            self._step_changed(before, rule, rule.at, is_late=False)
        stock = [(event, stepping) for event, stepping in fresh if event.kind in KIND_ORDER]
        for event, stepping in sorted(stock, key=lambda pair: sort_key(pair[0])):
            others = [key for key in keys_of(self._events) if key[1] == event.keys[0][1] and key not in event.keys]
            before = {key: self._in_force(key) for key in others}
            self._events.append(event)
            for key in event.keys:
                machine = self._machines.setdefault(key, Machine())
                is_late = machine.frontier is not None and sort_key(event) < machine.frontier
                at = machine.frontier_at if is_late else event.at
                # A level that moves its SKU to other parents moves it in every warehouse.
                self._step_changed(before, event, at, is_late=is_late)
                if key not in stepping:
                    continue
                if not is_late:
                    machine.frontier, machine.frontier_at = sort_key(event), event.at
                self._step(key, event, at, is_late=is_late)

    def _in_force(self, key: Key) -> tuple[dict, str | None]:
        """The resolution and the rule event behind it: the same numbers sent again are news."""
        found = self.resolved(*key)
        scope = (found["level_type"], found["level_id"] or "", found["warehouse_id"])
        latest = rule_in_force(self._rules, scope)
        return found, None if latest is None else latest.event_id

    def _step_changed(self, before: dict, cause: Event, at: datetime, *, is_late: bool) -> None:
        """Step every key whose rule in force is another than before."""
        for key, known in before.items():
            if self._in_force(key) != known:
                frontier_at = self._machines[key].frontier_at or at
                self._step(key, cause, max(frontier_at, at), is_late=is_late)

    def sweep(self, now: datetime) -> None:
        """RULE 28: notify what is still open when its cooldown ends."""
        for key in sorted(self._machines):
            self._notify_if_due(key, None, now)

    def velocities(self, date: str, units_per_day: dict[Key, float | None]) -> None:
        """RULE 25: new velocities step the keys whose rule counts in days, at their frontier."""
        for key, velocity in units_per_day.items():
            self._velocity[key] = velocity or 0
            if key not in self._machines:
                continue
            rule = self.resolved(*key)
            if rule["min_threshold_days"] is None and rule["reorder_threshold_days"] is None:
                continue
            at = self._machines[key].frontier_at or EPOCH
            cause = Event("velocity", f"velocity:{date}", (0, 0, 0), False, at, (), {}, ())
            self._step(key, cause, at, is_late=False)

    def _breaches(self, key: Key, state: dict, rule: dict, events: list[Event]) -> dict[str, dict]:
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
        if self._is_restocking(key, state, events):
            found.pop("REORDER", None)
        return found

    def _is_restocking(self, key: Key, state: dict, events: list[Event]) -> bool:
        """RULE 24: the latest level's flag, or inbound > 0."""
        level = top_level(events, key)
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
        machine = self._machines[key]
        state = fold(self._events, key)
        rule = self.resolved(*key)
        # Before the step: an alert open at the cooldown's end is notified even if this
        # event resolves it, so that it does not matter whether the sweep ran in between.
        self._notify_if_due(key, cause, at)
        if not is_active(self._events, key):
            self._resolve(key, "inactive", cause, at, is_late)
            return
        if not rule["enabled"]:
            self._resolve(key, "muted", cause, at, is_late)
            return
        found = self._breaches(key, state, rule, self._events)
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
                if not (firing == "REORDER" and self._is_restocking(key, state, self._events)):
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
        machine.is_waiting, machine.opened_at = is_inside, at
        machine.has_days_breached = compared["is_days"]
        alert = self._alerts[alert_id]
        alert.update(state="firing", resolved_reason=None, threshold=compared["threshold"])
        self._measure(key, alert, at, self._events)
        transition = "reopened" if is_inside else "opened"
        self._record(key, alert_id, transition, reason, cause, at, is_late)
        if not is_inside and reason != "improved":
            self._notify(key, reason, cause, at, is_late)

    def _measure(self, key: Key, alert: dict, at: datetime, events: list[Event]) -> None:
        """RULE 30: the stock an alert speaks of, at its latest opening or notification."""
        state = fold(events, key)
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

    def _notify_if_due(self, key: Key, cause: Event | None, now: datetime) -> None:
        """RULE 28: once, when the cooldown ends, at that time whoever finds out."""
        machine = self._machines[key]
        if machine.firing is None or not machine.is_waiting:
            return
        alert = self._alerts[machine.firing]
        rule = self.resolved(*key)
        since = machine.last_notified[alert["alert_type"]]
        # A cooldown cut short by a rule may have ended before the alert re-opened.
        end = max(since + timedelta(minutes=rule["cooldown_minutes"]), machine.opened_at)
        if now < end:
            return
        # The stock as it was before the event that made us look; the rule in force now.
        events = [e for e in self._events if e is not cause]
        held = self._held_by(key, rule, events)
        if held is None:  # what a rule has muted or moved since is not told any more
            return
        machine.has_days_breached |= held["is_days"]
        alert["threshold"] = held["threshold"]
        self._measure(key, alert, end, events)
        # Nobody's doing: whether an event or the sweep finds out leaves no trace.
        self._notify(key, "cooldown_ended", None, end, alert["is_late"])

    def _held_by(self, key: Key, rule: dict, events: list[Event]) -> dict | None:
        """What keeps the firing alert open: its breach, else its hysteresis."""
        machine = self._machines[key]
        condition = self._alerts[machine.firing]["alert_type"]
        state = fold(events, key)
        found = self._breaches(key, state, rule, events)
        if not rule["enabled"] or not is_active(events, key):
            return None
        if condition in found:
            return found[condition]
        is_muted = condition == "REORDER" and self._is_restocking(key, state, events)
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

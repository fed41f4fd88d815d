"""The warm state: what a burst needs to know of all that came before.

`InventoryState` is what the last commit left; a `Draft` collects what one burst
would change and is merged only after its commit (RULES 33). Reads go through
the draft to the state below, so a burst sees its own changes and nobody else
does.
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, MutableMapping
from functools import cached_property
from itertools import product
from typing import Generic, NamedTuple, TypeVar

from inventory_assets.domain.alerts.alert import Alert, Product
from inventory_assets.domain.alerts.lifecycle import Inhibitions, Silences, is_newer
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.events.kinds import (
    NO_POSITION,
    STOCK_EVENTS,
    UNKNOWN_PARENTS,
    Command,
    Condition,
    Event,
    Key,
    ParentIds,
    Position,
    Transaction,
    entity_key,
    entity_name,
    entity_names,
)
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.replenish.decisions import PlanLine
from inventory_assets.domain.stock.fold import (
    KeyState,
    Mark,
    Versions,
    affected_keys,
    greatest,
    greatest_by_source,
)
from inventory_assets.domain.stock.rollup import Leaf, RollupChange, Rollups
from inventory_assets.domain.thresholds.audit import GENESIS, RuleChange
from inventory_assets.domain.thresholds.resolve import DynamicLimits, Scope, StoredRule, Thresholds

K = TypeVar("K")
V = TypeVar("V")

TREND_POINTS = 6
"""How many points before a breach an alert shows: enough to see a slope in one line."""


PAUSING = ("pause", "resume")


PauseScope = tuple[str | None, str | None, str | None]
"""(warehouse_id, sku, category_id); null for every one."""


def remember_pause(pauses: dict[PauseScope, Command], command: Command) -> bool:
    """Take in what a pause or a resume says of its scope; false where a later one is known already."""
    scope = (command.warehouse_id, command.sku, command.category_id)
    if not is_newer(command, pauses.get(scope)):
        return False
    pauses[scope] = command
    return True


def pause_over(pauses: Mapping[PauseScope, Command], key: Key, category_id: str) -> Command | None:
    """The command that withholds a key's notifications, if any; the widest one.

    `pauses` has of each scope the latest command, a pause or a resume.
    """
    if not pauses:
        return None
    scopes = product((None, key[0]), (None, key[1]), (None, category_id))
    found = (pauses.get(scope) for scope in scopes)
    return next((command for command in found if command is not None and command.command == "pause"), None)


class Overlay(MutableMapping[K, V], Generic[K, V]):
    """A mapping's changes, kept apart from it until they are merged. Nothing is deleted."""

    __slots__ = ("base", "changed")

    def __init__(self, base: dict[K, V]) -> None:
        self.base = base
        self.changed: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        changed = self.changed
        return changed[key] if key in changed else self.base[key]

    def get(self, key: K, default=None):  # type: ignore[no-untyped-def,override]
        """Return the changed value, else the base's, else `default`."""
        changed = self.changed
        return changed[key] if key in changed else self.base.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self.changed or key in self.base

    def __setitem__(self, key: K, value: V) -> None:
        self.changed[key] = value

    def __delitem__(self, key: K) -> None:
        raise TypeError("an overlay records changes; it deletes nothing")

    def __iter__(self) -> Iterator[K]:
        yield from self.base
        yield from (key for key in self.changed if key not in self.base)

    def __len__(self) -> int:
        return len(self.base) + sum(key not in self.base for key in self.changed)

    def merge(self) -> None:
        """Make the changes part of the base."""
        self.base.update(self.changed)


class SkuParents:
    """A SKU's place in the hierarchy, and each source's greatest level, of which one says so (RULES 19)."""

    __slots__ = ("levels", "parents", "warehouse_ids")

    def __init__(self, parents: ParentIds, levels: tuple[Mark, ...], warehouse_ids: tuple[str, ...]) -> None:
        self.parents = parents
        self.levels = levels
        self.warehouse_ids = warehouse_ids

    @property
    def level(self) -> Mark | None:
        """The level whose parents these are."""
        return self.levels[0] if self.levels else None

    def with_levels(self, marks: Iterable[Mark]) -> "SkuParents":
        """The place where these levels are known too, the one that counts first."""
        kept = greatest_by_source([*self.levels, *marks])
        first = greatest(kept)
        if first is None:
            return self
        levels = tuple(sorted(kept, key=lambda mark: (mark is not first, mark.event_id)))
        return self if levels == self.levels else SkuParents(first.parents, levels, self.warehouse_ids)

    def with_warehouse(self, warehouse_id: str) -> "SkuParents":
        """The place with one more warehouse that has the SKU."""
        return SkuParents(self.parents, self.levels, (*self.warehouse_ids, warehouse_id))


NO_SKU_PARENTS = SkuParents(UNKNOWN_PARENTS, (), ())


class EventMemory:
    """Known events by identity: the recent ones and the unfinished ones.

    Older ones are in the lake; `ingest.recall` brings back those that a burst
    touches before it is processed, so to the domain the memory looks complete.
    """

    def __init__(self) -> None:
        self.by_entity: dict[str, tuple[Event, ...]] = {}
        self.by_key: dict[Key, list[str]] = {}
        # The greatest epoch, instant and increment of what is forgotten, each by itself.
        self.forgotten_until: dict[Key, Position] = {}
        self.forgotten: list[int] = []
        # Whether the lake has transactions under the names of before warehouses counted apart.
        self.has_older_names = False

    def __len__(self) -> int:
        return len(self.by_entity)

    def add(self, event: Event, names: Iterable[str] | None = None) -> None:
        """Remember an accepted event, under all of its names or only some."""
        for name in entity_names(event) if names is None else names:
            self.add_all(name, (event,))

    def add_all(self, name: str, events: tuple[Event, ...]) -> None:
        """Remember accepted events under one name."""
        known = self.by_entity.get(name)
        self.by_entity[name] = events if known is None else known + events
        first = events[0]
        if known is None and type(first) is Transaction and name == entity_name(first):
            # Versions of one transaction never move, so its first one names its keys.
            for key in affected_keys(first):
                self.by_key.setdefault(key, []).append(name)

    def forget_down_to(self, size: int, kept: Container[str] = ()) -> None:
        """Drop the oldest finished entities until at most `size` stay, or only those named in `kept` would go.

        What is dropped is left in `forgotten`, as entity keys, for the index of
        older ids; each key remembers up to which position it is incomplete.
        """
        excess = len(self.by_entity) - size
        if excess <= 0:
            return
        for name in list(self.by_entity):
            if name in kept:
                continue
            events = self.by_entity[name]
            latest = events[-1]
            if isinstance(latest, Transaction) and name == entity_name(latest):
                # An open transaction will be asked for again: it stays.
                if not any(e.status in ("COMPLETED", "CANCELLED") for e in events if isinstance(e, Transaction)):
                    continue
                self._forget_transaction(name, events)
            del self.by_entity[name]
            self.forgotten.append(entity_key(name))
            excess -= 1
            if excess <= 0:
                return

    def _forget_transaction(self, name: str, events: tuple[Event, ...]) -> None:
        for event in events:
            assert isinstance(event, Transaction)
            for key in affected_keys(event):
                known = self.forgotten_until.get(key, NO_POSITION)
                epoch, instant, increment = map(max, known, event.position)
                self.forgotten_until[key] = (epoch, instant, increment)
                names = self.by_key.get(key)
                if names and name in names:
                    names.remove(name)
                    if not names:
                        del self.by_key[key]


class Newest(NamedTuple):
    """A warehouse's newest event: its event time, and when its version was committed; microseconds."""

    event_at: int
    committed_at: int


class InventoryState:
    """Everything warm, as of `version`. Changed only by `Draft.merge`."""

    def __init__(self, *, meaning: Meaning | None = None) -> None:
        self.version = 0
        self.meaning = meaning or Meaning()
        self.events = EventMemory()
        self.keys: dict[Key, KeyState] = {}
        self.skus: dict[str, SkuParents] = {}
        self.rules: dict[Scope, StoredRule] = {}
        self.thresholds: dict[Key, Thresholds] = {}
        self.velocities: dict[Key, float] = {}
        self.dynamics: dict[Key, DynamicLimits | None] = {}
        self.alerts: dict[Key, dict[Condition, Alert]] = {}
        self.due_alerts: set[Key] = set()
        self.unstated: set[Key] = set()
        self.newest: dict[str, Newest] = {}
        self.products: dict[str, Product] = {}
        self.plan_lines: dict[Key, PlanLine | None] = {}
        self.connectors: dict[str, Heard] = {}
        self.pauses: dict[PauseScope, Command] = {}
        self.silences: Silences = {}
        self.inhibitions: Inhibitions = {}
        self.trends: dict[Key, array[int]] = {}
        self.rollups = Rollups()
        self.audit_head = GENESIS

    def category(self, key: Key) -> str:
        """The category a key's SKU stands in."""
        return self.skus.get(key[1], NO_SKU_PARENTS).parents[1]


class Draft:
    """One burst's changes over a state."""

    def __init__(self, state: InventoryState) -> None:
        self.state = state
        self.keys = Overlay(state.keys)
        self.stored: list[KeyState | None] = []  # what the changed keys were, in their order
        self.skus = Overlay(state.skus)
        self.rules = Overlay(state.rules)
        self.thresholds = Overlay(state.thresholds)
        self.velocities = Overlay(state.velocities)
        self.dynamics = Overlay(state.dynamics)
        self.alerts = Overlay(state.alerts)
        self.products = Overlay(state.products)
        self.plan_lines = Overlay(state.plan_lines)
        self.connectors = Overlay(state.connectors)
        self.pauses = dict(state.pauses)
        self.silences = dict(state.silences)
        self.inhibitions = dict(state.inhibitions)
        self.new_events: list[Event] = []
        self.new_by_entity: dict[str, tuple[Event, ...]] = {}
        self.new_points: dict[Key, list[tuple[int, int]]] = {}
        self.rule_changes: list[RuleChange] = []

    def known(self, name: str) -> tuple[Event, ...]:
        """All accepted events of an entity, this burst's included."""
        old, new = self.state.events.by_entity.get(name), self.new_by_entity.get(name)
        if old is None:
            return new or ()
        return old if new is None else old + new

    def accept(self, event: Event, names: tuple[str, ...]) -> None:
        """Take an event in: from here on it is known, under its `entity_names`."""
        self.new_events.append(event)
        for name in names:
            known = self.new_by_entity.get(name)
            self.new_by_entity[name] = (event,) if known is None else (*known, event)

    def forget(self, event: Event) -> None:
        """Take an accepted event back: it is not known."""
        self.new_events.remove(event)
        for name in entity_names(event):
            self.new_by_entity[name] = tuple(known for known in self.new_by_entity[name] if known is not event)

    def key_state(self, key: Key) -> KeyState:
        """A working copy of a key's state; a new one where the key is new."""
        working = self.keys.changed.get(key)
        if working is None:
            stored = self.state.keys.get(key)
            working = KeyState(*key) if stored is None else stored.copy()
            self.keys.changed[key] = working
            self.stored.append(stored)
        return working

    def transactions_of(self, key: Key, applied: Mapping[str, Versions]) -> Iterable[Versions]:
        """The versions of each remembered transaction of a key that are already folded in."""
        for name in self.state.events.by_key.get(key, ()):
            if name not in applied:
                yield self.state.events.by_entity[name]  # type: ignore[misc]
        yield from applied.values()

    def sku_parents(self, sku: str) -> SkuParents:
        """A SKU's parents, UNKNOWN where no level names it."""
        return self.skus.get(sku, NO_SKU_PARENTS)

    def category(self, key: Key) -> str:
        """The category a key's SKU stands in now."""
        return self.sku_parents(key[1]).parents[1]

    def dynamic_limits(self, key: Key) -> DynamicLimits | None:
        """The limits computed for a key; None also where this burst takes them away."""
        changed = self.dynamics.changed
        return changed[key] if key in changed else self.dynamics.base.get(key)

    def trend(self, key: Key) -> tuple[tuple[int, int], ...]:
        """The last points of a key's running stock, oldest first."""
        new = self.new_points.get(key, [])
        if len(new) >= TREND_POINTS:
            return tuple(new[-TREND_POINTS:])
        flat = self.state.trends.get(key, ())
        old = zip(flat[::2], flat[1::2], strict=True)
        return tuple([*old, *new][-TREND_POINTS:])

    def newest_events(self) -> dict[str, int]:
        """Event time of the burst's newest event of each warehouse it has any for."""
        found: dict[str, int] = {}
        for event in self.new_events:
            if isinstance(event, STOCK_EVENTS):
                for warehouse_id, _ in affected_keys(event):
                    known = found.get(warehouse_id)
                    if known is None or event.event_at > known:
                        found[warehouse_id] = event.event_at
        return found

    def add_point(self, key: Key, at: int, available: int) -> None:
        """Append a point to a key's running stock."""
        self.new_points.setdefault(key, []).append((at, available))

    @cached_property
    def leaves(self) -> list[Leaf]:
        """Each changed key before and after, with its parents."""
        skus, moved = self.state.skus, self.skus.changed
        leaves: list[Leaf] = []
        for (key, new), old in zip(self.keys.changed.items(), self.stored, strict=True):
            before = after = skus.get(key[1], NO_SKU_PARENTS).parents
            if key[1] in moved:
                after = moved[key[1]].parents
            leaves.append((key, before, old, after, new))
        return leaves

    @cached_property
    def rollup_change(self) -> RollupChange:
        """The node sums after the burst. Worked out when first asked for, once no key changes any more.

        The burst's other rows can be on their way to the lake meanwhile.
        """
        return self.state.rollups.change(self.leaves)

    def merge(self, version: int, committed_at: int = 0) -> None:
        """Make the burst part of the state, after its commit at a time in microseconds."""
        state = self.state
        rollup_change = self.rollup_change  # before its keys are merged
        for overlay in (
            self.keys, self.skus, self.rules, self.thresholds, self.velocities, self.dynamics, self.alerts,
            self.products, self.connectors, self.plan_lines,
        ):  # fmt: skip
            overlay.merge()
        state.pauses = self.pauses
        state.silences = self.silences
        state.inhibitions = self.inhibitions
        for name, events in self.new_by_entity.items():
            if events:
                state.events.add_all(name, events)
        for key, points in self.new_points.items():
            # Flat pairs: a deque per key would take 140 MB at 200k keys, this takes 30.
            flat = state.trends.get(key)
            if flat is None:
                flat = state.trends[key] = array("q")
            for at, available in points[-TREND_POINTS:]:
                flat.append(at)
                flat.append(available)
            if len(flat) > 2 * TREND_POINTS:
                del flat[: -2 * TREND_POINTS]
        for key, alerts in self.alerts.changed.items():
            if any(alert.is_notification_due and alert.is_firing for alert in alerts.values()):
                state.due_alerts.add(key)
            else:
                state.due_alerts.discard(key)
        state.unstated.difference_update(self.keys.changed)
        state.unstated.update(key for key, key_state in self.keys.changed.items() if not key_state.levels)
        for warehouse_id, event_at in self.newest_events().items():
            known = state.newest.get(warehouse_id)
            if known is None or event_at > known.event_at:
                state.newest[warehouse_id] = Newest(event_at, committed_at)
        state.rollups.merge(rollup_change)
        if self.rule_changes:
            state.audit_head = self.rule_changes[-1].hash
        state.version = version

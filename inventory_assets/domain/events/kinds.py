"""What a message can mean: the facts and commands the product knows, as values.

Here: the structs, their identity and their order. Not here: reading them from
JSON (`parse`), or what they do to stock (`fold`).

`msgspec.Struct` instead of a dataclass: a burst builds thousands, and these
cost a tenth. Times are microseconds since the epoch, UTC.
"""

import hashlib
from enum import StrEnum
from functools import lru_cache

import msgspec

from inventory_assets.domain.values import format_time

Position = tuple[int, int, int]
"""(source_epoch, instant, increment), RULES 12: the order of facts about one key."""

Key = tuple[str, str]
"""(warehouse_id, sku)."""

Source = str | None
"""Whose clock a position is of (RULES 12): an envelope's `connector_id`, else its `source`, else "".

Null where the lake recorded the event before it kept sources: then one clock for all, as it was read then.
"""

ParentIds = tuple[str, str, str, str]
"""(department_id, category_id, brand_id, product_id), RULES 19."""

UNKNOWN_PARENTS: ParentIds = ("UNKNOWN",) * 4
NO_POSITION: Position = (-1, -1, -1)


class Outcome(StrEnum):
    """What became of a received message, RULES 9."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    FILTERED = "filtered"
    DEAD_LETTERED = "dead_lettered"


class Status(StrEnum):
    """Where a transaction stands, RULES 13-16."""

    PENDING = "PENDING"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


FINAL_STATUSES = (Status.COMPLETED, Status.CANCELLED)

TransactionId = tuple[str, str, str | None]
"""(warehouse_id, transaction_id, line_id): warehouses may number alike (RULES 10)."""


class Condition(StrEnum):
    """What is wrong with a key's stock, RULES 24. Worst first."""

    STOCKOUT = "STOCKOUT"
    LOW_STOCK = "LOW_STOCK"
    REORDER = "REORDER"


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One version of a stock movement: a transaction at one status."""

    event_id: str
    transaction_id: str
    type: str
    status: str
    warehouse_id: str
    sku: str
    to_warehouse_id: str | None
    quantity: int
    event_at: int
    position: Position
    has_cluster_time: bool
    source: Source = ""
    line_id: str | None = None

    kind = "transaction"

    @property
    def identity(self) -> TransactionId:
        """What all of its versions have in common."""
        return (self.warehouse_id, self.transaction_id, self.line_id)

    @property
    def content(self) -> tuple:
        """What a repeat must agree on, RULES 11."""
        return (self.warehouse_id, self.sku, self.to_warehouse_id, self.type, self.quantity)


class Level(msgspec.Struct, frozen=True, gc=False):
    """An absolute statement of one key's stock, from an inventory document."""

    event_id: str
    warehouse_id: str
    sku: str
    on_hand: int
    reserved: int | None
    parents: ParentIds
    min_threshold: int | None
    reorder_threshold: int | None
    is_restock_in_progress: bool
    event_at: int
    position: Position
    has_cluster_time: bool
    product_fields: tuple[tuple[str, str | int | float], ...] = ()
    source: Source = ""
    ignored_fields: tuple[str, ...] = ()

    kind = "level"

    @property
    def content(self) -> tuple:
        """What a repeat must agree on, RULES 11."""
        return (
            self.warehouse_id, self.sku, self.on_hand, self.reserved, self.parents,
            self.min_threshold, self.reorder_threshold,
        )  # fmt: skip


class Tombstone(msgspec.Struct, frozen=True, gc=False):
    """A deleted inventory document: the key is inactive from here on, RULES 17."""

    event_id: str
    warehouse_id: str
    sku: str
    event_at: int
    position: Position
    has_cluster_time: bool
    source: Source = ""

    kind = "tombstone"

    @property
    def content(self) -> tuple:
        """What a repeat must agree on, RULES 11."""
        return (self.warehouse_id, self.sku)


class DynamicSettings(msgspec.Struct, frozen=True, gc=False):
    """How a rule's quantities are computed from demand. The bounds are in units; null is none.

    `service_level` is the chance of no stockout while an order is on its way.
    """

    service_level: float
    floor_qty: int | None
    ceiling_qty: int | None


class ThresholdRule(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """When to alert, for one scope, RULES 21-23. Quantities in units, days in days.

    `author` and `reason` say who set it and why, null for unknown.
    `alert_settings` is canonical JSON of the document's own, less what has a
    field here: where an alert goes is no stock fact, so a repeat may differ in it.
    """

    event_id: str
    level_type: str
    level_id: str
    warehouse_id: str | None
    min_threshold_qty: int | None
    reorder_threshold_qty: int | None
    min_threshold_days: float | None
    reorder_threshold_days: float | None
    cooldown_minutes: int
    is_enabled: bool
    is_deleted: bool
    event_at: int
    position: Position
    author: str | None = None
    reason: str | None = None
    alert_settings: str = "{}"
    dynamic: DynamicSettings | None = None
    source: Source = None

    kind = "threshold"

    @property
    def scope(self) -> tuple[str, str, str | None]:
        """(level_type, level_id, warehouse_id): one rule is in force per scope."""
        return (self.level_type, self.level_id, self.warehouse_id)

    @property
    def content(self) -> tuple:
        """What a repeat must agree on, RULES 11."""
        return (
            *self.scope, self.min_threshold_qty, self.reorder_threshold_qty,
            self.min_threshold_days, self.reorder_threshold_days,
            self.cooldown_minutes, self.is_enabled, self.is_deleted, self.dynamic,
        )  # fmt: skip


class Command(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An operator's instruction, RULES 36. A null scope field means every one.

    Five are of the alert commands (ADR 0004): the alert meant, or the category
    of a scope; when a silence (or a line's snooze) ends, in microseconds; in whose
    name an inhibition holds, null being `issued_by`; and the only condition it
    holds. The last two are of the plan's (ADR 0021): its line, and how many units
    are accepted of it.
    """

    event_id: str
    command: str
    warehouse_id: str | None
    sku: str | None
    reason: str
    issued_by: str
    event_at: int
    position: Position
    alert_id: str | None = None
    category_id: str | None = None
    until_at: int | None = None
    source: str | None = None
    alert_type: str | None = None
    plan_line_id: str | None = None
    quantity: int | None = None

    kind = "control"

    @property
    def content(self) -> tuple:
        """What a repeat must agree on, RULES 11."""
        return (self.command, self.warehouse_id, self.sku, self.reason, self.issued_by)


StockEvent = Transaction | Level | Tombstone
# isinstance with a tuple costs a third of one with the union.
STOCK_EVENTS = (Transaction, Level, Tombstone)
STOCK_KINDS = tuple(each.kind for each in STOCK_EVENTS)
EVENT_KINDS = (*STOCK_KINDS, ThresholdRule.kind, Command.kind)
Event = Transaction | Level | Tombstone | ThresholdRule | Command


class Rejection(msgspec.Struct, frozen=True):
    """Why a message became a dead letter.

    `detail` names the field and the value. `position`: where it is wrong, the field's path or the line, column and
    byte; of a fault of ours where in the code. `trace`: of such a fault, how it came there.
    """

    reason: str
    detail: str
    position: str | None = None
    trace: str | None = None


class Filtered(msgspec.Struct, frozen=True):
    """A message that states no stock fact, RULES 9."""

    reason: str


def join_id(*parts: str) -> str:
    """Join id parts with ':' so that no two lists of parts give one id."""
    joined = ":".join(parts)
    if joined.count(":") == len(parts) - 1 and "%" not in joined:
        return joined
    return ":".join([part.replace("%", "%25").replace(":", "%3A") for part in parts])


# Asked for when a burst is looked up, when it is taken in, folded, written and remembered.
@lru_cache(maxsize=8192)
def transaction_name(identity: TransactionId) -> str:
    """Name a transaction."""
    warehouse_id, transaction_id, line_id = identity
    own = join_id(warehouse_id, transaction_id) if line_id is None else join_id(warehouse_id, transaction_id, line_id)
    return "t:" + own


def transaction_names(identity: TransactionId) -> tuple[str, ...]:
    """All that the lake may know a transaction by: its name, and the one before warehouses counted apart."""
    return (transaction_name(identity), "t:" + identity[1])


def is_row(event: Event) -> bool:
    """Whether an event came as a row of a file, which has an identity of its own (RULES 10)."""
    return event.event_id.startswith("row:")


def entity_name(event: Event) -> str:
    """Name what an event is a version of: its transaction, the level at its time, else itself."""
    if type(event) is Transaction:
        return transaction_name(event.identity)
    if type(event) is Level and is_row(event):
        # As the same document without a row has for an id.
        return join_id("level", event.warehouse_id, event.sku, format_time(event.position[1]))
    return event.event_id


def entity_names(event: Event) -> tuple[str, ...]:
    """Name all that must be looked up to tell a repeat or an earlier version of `event`."""
    name = entity_name(event)
    # A file's row, and an event of another envelope than R0's, has an identity of its own beside its
    # transaction's or its level's; a document's id says no more than what it is a version of.
    if name == event.event_id or event.event_id.startswith("transaction:"):
        return (name,)
    return (name, event.event_id)


# Asked for when a burst is looked up and again when it is written.
@lru_cache(maxsize=8192)
def entity_key(name: str) -> int:
    """Hash an entity name to a signed 64-bit integer, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def order_key(event: StockEvent) -> tuple[Position, int, str]:
    """Order facts by (position, level before transaction, event id), RULES 25."""
    # A tombstone comes last: at a level's own position it wins.
    rank = 1 if isinstance(event, Transaction) else 0 if isinstance(event, Level) else 2
    return (event.position, rank, event.event_id)

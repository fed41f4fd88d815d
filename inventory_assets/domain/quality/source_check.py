"""Compare what a source database holds with what the lake made of its changes; pure.

Here: which values differ, and the position in a key's history in the lake after which it can no
longer agree. Not here: reading either side, or telling a loss from a change that is on its way
(`quality.source.check`).

The source's documents are read by `parse` as if they were messages, so both sides are events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from inventory_assets.domain.events.kinds import (
    Level,
    Position,
    Rejection,
    StockEvent,
    ThresholdRule,
    Tombstone,
    Transaction,
    TransactionId,
    order_key,
)
from inventory_assets.domain.stock.fold import is_contained, to_mark
from inventory_assets.domain.values import format_time


class Kind(StrEnum):
    """How the two sides differ."""

    MISSING_IN_LAKE = "missing_in_lake"
    MISSING_IN_SOURCE = "missing_in_source"
    DIFFERENT_STOCK = "different_stock"
    DIFFERENT_TRANSACTION = "different_transaction"
    DIFFERENT_RULE = "different_rule"


class Held(NamedTuple):
    """A key's row of core.sku_state."""

    on_hand: int
    reserved: int
    is_active: bool


class Mismatch(NamedTuple):
    """One field; None is absent."""

    kind: Kind
    field: str
    source: str | int | float | bool | None
    lake: str | int | float | bool | None


class Divergence(NamedTuple):
    """Where two histories part.

    Attributes:
        after: Position of the last event in the lake up to which they can agree; None from the start.
        cause: What comes next on one side only.
    """

    after: Position | None
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of one subject, and where the histories part.

    `subject` is `stock`, `transaction <id>` or `rule <level_type> <level_id>`; a rule has no sku,
    and no warehouse where it is for all.
    """

    kind: Kind
    warehouse_id: str | None
    sku: str | None
    subject: str
    field: str
    source: str | int | float | bool | None
    lake: str | int | float | bool | None
    divergence: Divergence


def compare_stock(level: Level | None, held: Held | None) -> list[Mismatch]:
    """Compare an inventory document with its key's stock. A document without `reserved` says nothing of it."""
    if level is None:
        if held is None or not held.is_active:
            return []
        return [Mismatch(Kind.MISSING_IN_SOURCE, "is_active", None, True)]
    if held is None:
        return [Mismatch(Kind.MISSING_IN_LAKE, "on_hand", level.on_hand, None)]
    if not held.is_active:
        return [Mismatch(Kind.MISSING_IN_LAKE, "is_active", True, False)]
    pairs = {"on_hand": (level.on_hand, held.on_hand), "reserved": (level.reserved, held.reserved)}
    return [
        Mismatch(Kind.DIFFERENT_STOCK, field, source, lake)
        for field, (source, lake) in pairs.items()
        if source is not None and source != lake
    ]


def newest_version(versions: Iterable[Transaction]) -> Transaction | None:
    """The version that came last. RULES 13 asks which one counts; this, whether one is lacking."""
    return max(versions, key=order_key, default=None)


def compare_transaction(source: Transaction, newest: Transaction | None) -> list[Mismatch]:
    """Compare a transaction document with the newest version the lake has of it."""
    if newest is None:
        return [Mismatch(Kind.MISSING_IN_LAKE, "status", source.status, None)]
    return [
        Mismatch(Kind.DIFFERENT_TRANSACTION, field, getattr(source, field), getattr(newest, field))
        for field in ("status", "quantity", "type", "warehouse_id", "sku", "to_warehouse_id")
        if getattr(source, field) != getattr(newest, field)
    ]


_RULE_FIELDS = (
    "min_threshold_qty", "reorder_threshold_qty", "min_threshold_days", "reorder_threshold_days",
    "cooldown_minutes", "is_enabled",
)  # fmt: skip


def compare_rule(source: ThresholdRule | None, held: ThresholdRule | None) -> list[Mismatch]:
    """Compare a threshold document with the rule in force for its scope."""
    if source is None or source.is_deleted:
        if held is None or held.is_deleted:
            return []
        return [Mismatch(Kind.MISSING_IN_SOURCE, "rule", None, True)]
    if held is None or held.is_deleted:
        return [Mismatch(Kind.MISSING_IN_LAKE, "rule", True, None)]
    return [
        Mismatch(Kind.DIFFERENT_RULE, field, getattr(source, field), getattr(held, field))
        for field in _RULE_FIELDS
        if getattr(source, field) != getattr(held, field)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """All that both sides know of one key.

    Attributes:
        history: The lake's events of it, in any order; of a transfer at the receiver's, too.
        level: Its inventory document; None where the source has none.
        transactions: Its transaction documents.
        refusals: Why the lake refused documents, by `transaction <id>` or `stock`; the newest of each.
    """

    history: Sequence[StockEvent]
    level: Level | None
    transactions: Sequence[Transaction]
    refusals: dict[str, Rejection]


def trace_transaction(source: Transaction, facts: KeyFacts) -> Divergence:
    """Say after which position a key lacks a transaction's version."""
    refusal = _refusal(facts, f"transaction {source.transaction_id}")
    version = f"transaction {source.transaction_id} {source.status} {source.quantity:+d}"
    return Divergence(_last_before(facts.history, source.event_at), f"{version} {refusal}")


def trace_stock(facts: KeyFacts) -> Divergence:
    """Say after which position a key's stock can no longer agree with its document.

    The lake's stock is its last level and the versions after it (RULES 14), so what an earlier level
    already contains is no cause, whether the lake has it or not. In this order: the first of the
    source's versions that the lake lacks; the document's own level; the first of the lake's versions
    that the source does not have so; the last level itself.
    """
    history = sorted(facts.history, key=order_key)
    if facts.level is None:
        return Divergence(history[-1].position if history else None, "its deletion never came")
    last = history[-1] if history else None
    if isinstance(last, Tombstone):
        return Divergence(last.position, f"a document after the deletion {_refusal(facts, 'stock')}")
    base = max((event for event in history if isinstance(event, Level)), key=order_key, default=None)
    lacking = _first_lacking(facts, 0 if base is None else base.event_at)
    if lacking is not None and lacking.event_at <= facts.level.event_at:
        return trace_transaction(lacking, facts)
    if base is None or facts.level.event_at > base.event_at:
        at = format_time(facts.level.event_at, digits=3)
        return Divergence(_last_before(history, facts.level.event_at), f"level of {at} {_refusal(facts, 'stock')}")
    extra = _first_extra(history, base, facts.transactions)
    if extra is not None:
        version = f"transaction {extra.transaction_id} {extra.status} {extra.quantity:+d}"
        return Divergence(_before(history, extra), f"{version} is not so in the source")
    at = format_time(base.event_at, digits=3)
    return Divergence(_before(history, base), f"level of {at} says {base.on_hand}/{base.reserved}")


def trace_rule(source: ThresholdRule | None, held: ThresholdRule | None, refusal: Rejection | None) -> Divergence:
    """Say after which version of a rule the lake lacks one."""
    after = None if held is None else held.position
    if source is None:
        return Divergence(after, "its deletion never came")
    at = format_time(source.event_at, digits=3)
    return Divergence(after, f"version of {at} {_say(refusal)}")


def _refusal(facts: KeyFacts, subject: str) -> str:
    return _say(facts.refusals.get(subject))


def _say(refusal: Rejection | None) -> str:
    if refusal is None:
        return "is not in the lake"
    return f"became a dead letter, {refusal.reason}: {refusal.detail}"


def _last_before(history: Iterable[StockEvent], event_at: int) -> Position | None:
    """Position of the last event before the first that is of this time or later.

    A deletion has the server's time and no time of the documents', so it does not tell.
    """
    last = None
    for event in sorted(history, key=order_key):
        if event.event_at >= event_at and not isinstance(event, Tombstone):
            break
        last = event.position
    return last


def _before(history: Sequence[StockEvent], event: StockEvent) -> Position | None:
    place = history.index(event)
    return history[place - 1].position if place else None


def _first_lacking(facts: KeyFacts, since: int) -> Transaction | None:
    """The source's first version, of those later than a level, that the lake does not have as its newest."""
    newest = _newest_by_id(facts.history)
    lacking = [
        version
        for version in facts.transactions
        if version.event_at > since and compare_transaction(version, newest.get(version.identity))
    ]
    return min(lacking, key=lambda version: (version.event_at, version.transaction_id), default=None)


def _first_extra(history: Sequence[StockEvent], base: Level, held: Sequence[Transaction]) -> Transaction | None:
    """The lake's first version after its last level that the source does not have so."""
    documents = {version.identity: version for version in held}
    newest = _newest_by_id(history)
    level = to_mark(base)
    for event in history:
        if isinstance(event, Transaction) and not is_contained(event, level):
            document = documents.get(event.identity)
            if document is None or compare_transaction(document, newest[event.identity]):
                return event
    return None


def _newest_by_id(history: Iterable[StockEvent]) -> dict[TransactionId, Transaction]:
    newest: dict[TransactionId, Transaction] = {}
    for event in sorted(history, key=order_key):
        if isinstance(event, Transaction):
            newest[event.identity] = event
    return newest

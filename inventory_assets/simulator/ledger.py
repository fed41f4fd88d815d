"""The books: what the stock must be after everything emitted so far (RULES 13-16).

The simulator posts its own intentions here, never a parsed message, so that the ledger and the
product's fold can only agree by both being right. Positions are the simulator's own sequence:
it creates the events of a key in position order, whatever order they are delivered in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# What one version of a transaction does to a key: (on_hand, reserved, inbound).
Effect = tuple[int, int, int]
NO_EFFECT: Effect = (0, 0, 0)
NO_KEY = -1


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Stock of one (warehouse, sku) in units."""

    warehouse_id: str
    sku: str
    on_hand: int
    reserved: int
    inbound: int


class PostedTransaction:
    """A transaction's emitted versions, as (sequence, effect at key, effect at other key)."""

    __slots__ = ("key", "other_key", "versions")

    key: int
    other_key: int
    versions: list[tuple[int, Effect, Effect]]


class VersionPosting(NamedTuple):
    """A version of a transaction, to be posted when its message goes out."""

    transaction: PostedTransaction
    sequence: int
    effect: Effect
    other_effect: Effect


class LevelPosting(NamedTuple):
    """A level; `reserved` None means the document does not carry it."""

    key: int
    sequence: int
    on_hand: int
    reserved: int | None


Posting = VersionPosting | LevelPosting


class Ledger:
    """On hand, reserved and inbound per key of what was emitted, each event once.

    Keys are numbered warehouse-major. A key is listed once something about it was emitted.
    """

    def __init__(self, warehouses: list[str], skus: list[str]) -> None:
        count = len(warehouses) * len(skus)
        self._warehouses = warehouses
        self._skus = skus
        self._on_hand = [0] * count
        self._reserved = [0] * count
        self._inbound = [0] * count
        self._seen = bytearray(count)
        # Sequence of the greatest emitted level that carries the bucket.
        self._on_hand_level = [NO_KEY] * count
        self._reserved_level = [NO_KEY] * count
        # Levels created but still held back: transactions emitted past them must be netted
        # against them later. Nearly always empty.
        self._awaited: dict[int, tuple[int, dict[int, PostedTransaction]]] = {}

    def expect_level(self, key: int) -> None:
        """Announce that a level of `key` has been created and will be posted."""
        pending, passed = self._awaited.get(key, (0, {}))
        self._awaited[key] = (pending + 1, passed)

    def post(self, posting: Posting) -> None:
        """Account an emitted message, in whatever order messages come out."""
        if isinstance(posting, LevelPosting):
            self._post_level(posting)
            return
        transaction, sequence, effect, other_effect = posting
        self._post_at(transaction, 1, transaction.key, sequence, effect)
        if transaction.other_key != NO_KEY:
            self._post_at(transaction, 2, transaction.other_key, sequence, other_effect)
        versions = transaction.versions
        versions.append((sequence, effect, other_effect))
        if len(versions) > 1:
            versions.sort()

    def _post_level(self, posting: LevelPosting) -> None:
        key, sequence, on_hand, reserved = posting
        pending, passed = self._awaited.pop(key, (1, {}))
        if pending > 1:
            self._awaited[key] = (pending - 1, passed)
        if sequence > self._on_hand_level[key]:
            self._on_hand_level[key] = sequence
            self._on_hand[key] = on_hand + self._since(key, sequence, 0, passed)
        if reserved is not None and sequence > self._reserved_level[key]:
            self._reserved_level[key] = sequence
            self._reserved[key] = reserved + self._since(key, sequence, 1, passed)
        self._seen[key] = 1

    def _post_at(self, transaction: PostedTransaction, side: int, key: int, sequence: int, effect: Effect) -> None:
        on_hand_level = self._on_hand_level[key]
        reserved_level = self._reserved_level[key]
        before = transaction.versions
        if self._awaited and key in self._awaited:
            self._awaited[key][1][id(transaction)] = transaction
        is_after_levels = sequence > on_hand_level and sequence > reserved_level
        if is_after_levels and not before:
            change = effect
        elif is_after_levels and sequence > before[-1][0]:
            # The usual next version: what a level contains of the transaction stays contained.
            past = before[-1][1] if side == 1 else before[-1][2]
            change = (effect[0] - past[0], effect[1] - past[1], effect[2] - past[2])
        else:
            after = sorted([*before, (sequence, effect, effect)])
            levels = (on_hand_level, reserved_level, NO_KEY)
            on_hand, reserved, inbound = (
                _moved(after, level, side, bucket) - _moved(before, level, side, bucket)
                for bucket, level in enumerate(levels)
            )
            change = (on_hand, reserved, inbound)
        self._on_hand[key] += change[0]
        self._reserved[key] += change[1]
        self._inbound[key] += change[2]
        self._seen[key] = 1

    def _since(self, key: int, sequence: int, bucket: int, passed: dict[int, PostedTransaction]) -> int:
        # What already emitted transactions moved after the level's position.
        return sum(_moved(t.versions, sequence, 1 if t.key == key else 2, bucket) for t in passed.values())

    def rows(self) -> Iterator[LedgerRow]:
        """Yield the keys something was emitted about, by warehouse number, then catalog order."""
        width = len(self._skus)
        for key, seen in enumerate(self._seen):
            if seen:
                stock = self._on_hand[key], self._reserved[key], self._inbound[key]
                yield LedgerRow(self._warehouses[key // width], self._skus[key % width], *stock)


def _moved(versions: list[tuple[int, Effect, Effect]], level: int, side: int, bucket: int) -> int:
    # RULES 14 for one transaction: effect of its latest version less that of the latest
    # version its key's level already contains.
    if not versions:
        return 0
    latest = versions[-1][1] if side == 1 else versions[-1][2]
    contained: Effect = NO_EFFECT
    for version in versions:
        if version[0] < level:
            contained = version[1] if side == 1 else version[2]
    return latest[bucket] - contained[bucket]

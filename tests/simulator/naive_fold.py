"""RULES 1-5, 10, 12-16 the slow and plain way, over message bytes alone.

A second witness beside the simulator's ledger: it knows nothing of how messages were made. It
holds all events, sorts nothing in advance, and reads the rules as they are written. Not a
parser to reuse: it accepts only what the simulator writes on purpose.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from inventory_assets.simulator import SimulatedMessage

Position = tuple[int, int, int]  # source epoch, instant in microseconds, increment
Bucket = str
FINALS = ("COMPLETED", "CANCELLED")


def integer(value: Any) -> int:
    return int(value["$numberLong"]) if isinstance(value, dict) else value


def instant_us(value: Any) -> int:
    if isinstance(value, dict):
        value = value["$date"]
        if isinstance(value, dict):
            return int(value["$numberLong"]) * 1000
    since = datetime.fromisoformat(value.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def unwrapped(data: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
    body = json.loads(data)
    return (body["document"], body) if "document" in body else (body, None)


def position(document: dict[str, Any], envelope: dict[str, Any] | None) -> Position:
    if envelope is not None:
        cluster = envelope["cluster_time"]
        return envelope["source_epoch"], cluster["t"] * 1_000_000, cluster["i"]
    names = ("updated_at", "status_changed_at", "timestamp", "last_updated")
    return 0, instant_us(next(document[n] for n in names if n in document)), 0


def effects(document: dict[str, Any]) -> dict[tuple[str, Bucket], int]:
    """(warehouse, bucket) -> units, of one version of a transaction."""
    kind, status = document["transaction_type"], document["status"]
    quantity, here = integer(document["quantity"]), document["warehouse_id"]
    if kind == "TRANSFER":
        there = document["to_warehouse_id"]
        return {
            "PENDING": {(here, "reserved"): quantity},
            "SHIPPED": {(here, "on_hand"): -quantity, (there, "inbound"): quantity},
            "COMPLETED": {(here, "on_hand"): -quantity, (there, "on_hand"): quantity},
            "CANCELLED": {},
        }[status]
    if kind in ("RESERVE", "RELEASE"):
        return {(here, "reserved"): quantity if kind == "RESERVE" else -quantity}
    if status == "COMPLETED":
        return {(here, "on_hand"): quantity}
    if status == "PENDING":
        return {(here, "reserved" if quantity < 0 else "inbound"): abs(quantity)}
    return {}


@dataclass
class NaiveFold:
    """All valid events, each once; `stock` folds them."""

    transactions: dict[tuple[str, str], dict[Any, tuple[Position, dict[str, Any]]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    levels: dict[tuple[str, str], dict[Position, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    repeats: int = 0

    def add(self, messages: Iterable[SimulatedMessage]) -> None:
        for message in messages:
            if message.kind.startswith("malformed"):
                continue
            document, envelope = unwrapped(message.data)
            if "transaction_id" in document:
                self._add_transaction(document, position(document, envelope))
            elif "current_stock" in document:
                key = document["warehouse_id"], document["sku"]
                self.repeats += position(document, envelope) in self.levels[key]
                self.levels[key][position(document, envelope)] = document

    def _add_transaction(self, document: dict[str, Any], at: Position) -> None:
        versions = self.transactions[document["warehouse_id"], document["transaction_id"]]
        self.repeats += (document["status"], at) in versions
        versions[document["status"], at] = (at, document)

    def stock(self) -> dict[tuple[str, str], dict[Bucket, int]]:
        """(warehouse, sku) -> on_hand, reserved, inbound by RULES 14."""
        bases = self._bases()
        stock: dict[tuple[str, str], dict[Bucket, int]] = defaultdict(
            lambda: {"on_hand": 0, "reserved": 0, "inbound": 0}
        )
        for (key, bucket), (_, base) in bases.items():
            stock[key][bucket] = base
        for versions in self.transactions.values():
            sku = next(iter(versions.values()))[1]["sku"]
            places = {w for _, d in versions.values() for w, _ in effects(d)}
            places |= {d["warehouse_id"] for _, d in versions.values()}
            for warehouse in places:
                for bucket in ("on_hand", "reserved", "inbound"):
                    key = warehouse, sku
                    level_at = bases.get((key, bucket), (None, 0))[0]
                    contained = [v for v in versions.values() if level_at is not None and v[0] < level_at]
                    change = effects(latest(versions.values())).get((warehouse, bucket), 0)
                    if contained:
                        change -= effects(latest(contained)).get((warehouse, bucket), 0)
                    stock[key][bucket] += change
        return dict(stock)

    def _bases(self) -> dict[tuple[tuple[str, str], Bucket], tuple[Position, int]]:
        bases = {}
        for key, levels in self.levels.items():
            for at, document in sorted(levels.items(), key=lambda item: item[0]):
                for bucket, name in (("on_hand", "current_stock"), ("reserved", "reserved_stock")):
                    if name in document:
                        bases[key, bucket] = (at, integer(document[name]))
        return bases


def latest(versions: Iterable[tuple[Position, dict[str, Any]]]) -> dict[str, Any]:
    """RULES 13: a final status wins, then the greater position, then CANCELLED."""
    return max(versions, key=lambda v: (v[1]["status"] in FINALS, v[0], v[1]["status"] == "CANCELLED"))[1]

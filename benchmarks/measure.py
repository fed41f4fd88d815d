"""How figures are taken and printed, and the messages they are taken of."""

import json
import os
import platform
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.values import EPOCH
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings

START_AT = 1_767_225_600_000_000  # 2026-01-01, microseconds
BURST = 1_000


def print_machine() -> None:
    """Say what the figures were taken on."""
    load = os.getloadavg()
    print(
        f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load[0]:.1f}"
    )


def percentiles(values: Sequence[float], *points: int) -> str:
    """Percentiles as `p50 1.2  p95 3.4`."""
    ordered = sorted(values)
    shown = []
    for point in points:
        place = min(len(ordered) - 1, round(point / 100 * (len(ordered) - 1)))
        shown.append(f"p{point} {ordered[place]:,.1f}")
    return "  ".join(shown)


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


@contextmanager
def temporary_engine(**settings: object) -> Iterator[Engine]:
    """An engine on a lake of its own, thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        engine = Engine(Settings(home=Path(home), **settings))  # type: ignore[arg-type]
        try:
            yield engine
        finally:
            engine.close()


class Traffic:
    """Level and order messages over a grid of keys, without a simulator's cost."""

    def __init__(self, *, skus: int, warehouses: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.keys = [(f"WH-{w}", f"SKU-{s:05d}") for s in range(skus) for w in range(warehouses)]
        self._number = 0
        self._at = START_AT + 60_000_000

    def opening(self) -> Iterator[Message]:
        """One level per key; thresholds ride on it."""
        for number, (warehouse_id, sku) in enumerate(self.keys):
            document = {
                "sku": sku, "product_id": f"P{sku[4:8]}", "brand_id": f"B{sku[-1]}", "category_id": f"C{sku[-2]}",
                "department_id": f"D{sku[-3]}", "warehouse_id": warehouse_id, "current_stock": 120 + number % 400,
                "reserved_stock": 5, "min_threshold": 50, "reorder_threshold": 100,
                "last_updated": "2026-01-01T00:00:00Z",
            }  # fmt: skip
            yield Message(f"l{number}", "inventory-updates-topic", START_AT, "", {}, json.dumps(document).encode())

    def burst(self, size: int = BURST) -> list[Message]:
        """The next orders and restocks, in event-time order."""
        messages = []
        for _ in range(size):
            self._number += 1
            self._at += 1_000
            warehouse_id, sku = self._random.choice(self.keys)
            is_restock = self._random.random() < 0.05
            moment = (EPOCH + timedelta(microseconds=self._at)).isoformat()
            document = {
                "transaction_id": f"TRX-{self._number}", "transaction_type": "RESTOCK" if is_restock else "ORDER",
                "sku": sku, "warehouse_id": warehouse_id,
                "quantity": 60 if is_restock else -self._random.randint(1, 5),
                "order_id": f"ORD-{self._number}", "po_number": None, "return_id": None,
                "timestamp": moment,
                "user_id": "system", "status": "COMPLETED", "batch_id": "BATCH-1",
            }  # fmt: skip
            data = json.dumps(document).encode()
            messages.append(
                Message(f"t{self._number}", "inventory-transactions-topic", self._at + 3_600_000_000, "", {}, data)
            )
        return messages


def open_stock(engine: Engine, traffic: Traffic) -> None:
    """Take in the opening levels, a few thousand at a time."""
    chunk: list[Message] = []
    for message in traffic.opening():
        chunk.append(message)
        if len(chunk) == 5_000:
            engine.commit_burst(chunk)
            chunk = []
    if chunk:
        engine.commit_burst(chunk)

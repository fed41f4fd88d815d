"""Duplicate detection against 100M past ids: time a burst, memory, and exactness."""

import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from benchmarks.measure import BURST, median
from inventory_assets.lake.entity_index import EntityIndex


def index_ids(index: EntityIndex, past: int, random: np.random.Generator) -> np.ndarray:
    """Fill an index with random ids, a hundredth of the range at a time; every so many of them."""
    parts = 100
    edges = np.linspace(-(2**63), 2**63 - 1024, parts + 1).astype(np.int64)
    kept = []

    def chunks() -> Iterator[np.ndarray]:
        for low, high in pairwise(edges.tolist()):
            chunk = np.unique(random.integers(low, high, past // parts, dtype=np.int64))
            kept.append(chunk[:: max(1, past // 20_000)].copy())
            yield chunk

    index.build(chunks())
    return np.concatenate(kept)


def run(*, past: int = 100_000_000) -> None:
    """Print what looking up a burst's ids costs.

    Args:
        past: How many ids came before.
    """
    print(f"\nduplicates: {past:,} past ids")
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        index = EntityIndex(Path(home) / "entities.bin")
        sample = index_ids(index, past, random)
        fresh, repeats, found = [], [], 0
        for number in range(20):
            new = random.integers(-(2**63), 2**63 - 1, BURST, dtype=np.int64).tolist()
            began = time.perf_counter()
            index.find(new)
            fresh.append((time.perf_counter() - began) * 1000)
            old = sample[number * BURST : (number + 1) * BURST].tolist()
            began = time.perf_counter()
            found += len(index.find(old))
            repeats.append((time.perf_counter() - began) * 1000)
        print(f"  {BURST:,} new ids: {median(fresh):.1f} ms; {BURST:,} repeats: {median(repeats):.1f} ms")
        print(f"  repeats found: {found:,} of {min(len(sample), 20 * BURST):,}")
        print(f"  index in memory: {index.memory_bytes() / 2**20:.1f} MiB, on disk {past * 8 / 2**20:,.0f} MiB")
        print(f"  RSS now: {psutil.Process().memory_info().rss / 2**20:,.0f} MiB")
        index.close()

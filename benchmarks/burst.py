"""Bursts of 1,000 and of 50 events, decode to durable, the lander beside; how they age, and how readers fare."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.bare import bare_transaction_ms
from benchmarks.measure import BURST, Traffic, median, open_stock, percentiles, temporary_engine
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.tables import SKU_STATE

SMALL_BURST = 50
# What one burst of 1,000 takes in the journal.
BODY_BYTES = 400_000


def run(*, bursts: int = 2_000, skus: int = 10_000, warehouses: int = 20, edge: int = 200) -> None:
    """Print burst latency at the start and at the end, and what reading the state costs.

    Args:
        bursts: How many bursts of 1,000 events; half of them are the history of
            the figure that counts.
        skus, warehouses: The keys.
        edge: How many bursts make the "first" and the "last".
    """
    print(f"\nburst: {BURST:,} events, {skus * warehouses:,} keys, {bursts:,} bursts")
    print(f"  floor: a bare seven-table transaction of that size, ms: p50 {bare_transaction_ms():.1f}")
    with temporary_engine() as engine:
        traffic = Traffic(skus=skus, warehouses=warehouses)
        started = time.perf_counter()
        open_stock(engine, traffic)
        print(f"  opening stock: {time.perf_counter() - started:.1f} s")
        # As a sensor begins: on a state that it loaded.
        engine.drop_state()
        started = time.perf_counter()
        assert len(engine.state.keys) == skus * warehouses
        print(f"  loading the state: {time.perf_counter() - started:.1f} s")
        engine.land_beside()
        began = time.perf_counter()
        times = _commit(engine, traffic, min(21, bursts))
        read_early = _read_ms(engine)
        times += _commit(engine, traffic, bursts - len(times))
        engine.land()
        spent = time.perf_counter() - began
        first, last = times[:edge], times[-edge:]
        print(f"  all bursts, ms:   {percentiles(times, 50, 95, 99)}")
        print(f"  first {edge}, ms:   {percentiles(first, 50, 95)}")
        print(f"  last {edge}, ms:    {percentiles(last, 50, 95)}   last/first p50 {median(last) / median(first):.2f}")
        print(f"  floor: append and fdatasync of a burst's bytes, ms: {percentiles(_append_ms(), 50, 95)}")
        print(f"  floor: the bare transaction again, ms: p50 {bare_transaction_ms():.1f}")
        print(f"  sustained to the last landing: {bursts * BURST / spent:,.0f} events/s, upkeep beside it")
        small = _commit(engine, traffic, edge, size=SMALL_BURST)
        print(f"  {SMALL_BURST} events, ms:   {percentiles(small, 50, 95, 99)}")
        read_late = _read_ms(engine)
        print(f"  reading core.sku_state, ms: after 20 bursts {read_early:.0f}, after {bursts:,} {read_late:.0f}")
        print(f"  RSS of this process: {psutil.Process().memory_info().rss / 2**20:,.0f} MiB")


def run_sustained(*, bursts: int = 300, skus: int = 10_000, warehouses: int = 20) -> None:
    """Print how many events a second get into the lake, the last landing included, and how far readers are behind."""
    print(f"\nsustained: {bursts} bursts of {BURST:,} events, {skus * warehouses:,} keys")
    with temporary_engine() as engine:
        traffic = Traffic(skus=skus, warehouses=warehouses)
        open_stock(engine, traffic)
        waiting = [traffic.burst() for _ in range(bursts)]
        engine.land_beside()
        behind = []
        began = time.perf_counter()
        for messages in waiting:
            engine.commit_burst(messages)
            if (found := find_behind(engine.settings)) is not None:
                behind.append(found.milliseconds)
        durable = time.perf_counter() - began
        engine.land()
        spent = time.perf_counter() - began
        print(f"  durable: {bursts * BURST / durable:,.0f} events/s; landed: {bursts * BURST / spent:,.0f} events/s")
        print(f"  readers behind, ms: {percentiles(behind, 50, 95, 99)}")


def _commit(engine: Engine, traffic: Traffic, bursts: int, *, size: int = BURST) -> list[float]:
    times = []
    for _ in range(bursts):
        messages = traffic.burst(size)
        began = time.perf_counter()
        engine.commit_burst(messages)
        times.append((time.perf_counter() - began) * 1000)
    return times


def _read_ms(engine: Engine) -> float:
    engine.land()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        engine.lake.query(f"SELECT sum(on_hand), sum(available) FROM {SKU_STATE.full_name}")
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _append_ms(repeats: int = 100) -> Sequence[float]:
    times = []
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as place, (Path(place) / "log").open("ab") as file:
        for _ in range(repeats):
            began = time.perf_counter()
            file.write(os.urandom(BODY_BYTES))
            file.flush()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return times

"""One 1,000-event burst, decode to durable commit, and how it ages over 2,000 bursts."""

import time

import psutil

from benchmarks.bare import bare_transaction_ms
from benchmarks.measure import BURST, Traffic, median, open_stock, percentiles, temporary_engine
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.tables import SKU_STATE


def run(*, bursts: int = 2_000, skus: int = 10_000, warehouses: int = 20, edge: int = 200) -> None:
    """Print burst latency at the start and at the end, and what reading the state costs.

    Args:
        bursts: How many bursts of 1,000 events; half of them are the history of
            the figure that counts.
        skus, warehouses: The keys.
        edge: How many bursts make the "first" and the "last".
    """
    print(f"\nburst: {BURST:,} events, {skus * warehouses:,} keys, {bursts:,} bursts")
    bare = bare_transaction_ms()
    print(f"  floor: a bare seven-table transaction of that size, ms: p50 {bare:.1f}")
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
        times = []
        read_early = 0.0
        for number in range(bursts):
            messages = traffic.burst()
            began = time.perf_counter()
            engine.commit_burst(messages)
            times.append((time.perf_counter() - began) * 1000)
            engine.maintain()
            if number == 20:
                read_early = _read_ms(engine)
        first, last = times[:edge], times[-edge:]
        print(f"  all bursts, ms:   {percentiles(times, 50, 95, 99)}")
        print(f"  first {edge}, ms:   {percentiles(first, 50, 95)}")
        print(f"  last {edge}, ms:    {percentiles(last, 50, 95)}   last/first p50 {median(last) / median(first):.2f}")
        bare_after = bare_transaction_ms()
        print(f"  burst / floor (before and after averaged): {median(times) / ((bare + bare_after) / 2):.2f}")
        held = engine.upkeep.maintenance.rewriter.longest_hold_seconds * 1000
        print(f"  worst burst, waiting for maintenance included, ms: {max(times):.0f}")
        print(f"  longest that maintenance held the writer lock, ms: {held:.0f}")
        total = sum(times)
        print(f"  sustained: {bursts * BURST / total * 1000:,.0f} events/s, maintenance beside it")
        read_late = _read_ms(engine)
        print(f"  reading core.sku_state, ms: after 20 bursts {read_early:.0f}, after {bursts:,} {read_late:.0f}")
        print(f"  RSS of this process: {psutil.Process().memory_info().rss / 2**20:,.0f} MiB")


def _read_ms(engine: Engine) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        engine.lake.query(f"SELECT sum(on_hand), sum(available) FROM {SKU_STATE.full_name}")
        times.append((time.perf_counter() - began) * 1000)
    return median(times)

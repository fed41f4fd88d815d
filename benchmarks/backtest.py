"""A back-test of 90 days, 100,000 events a day, 200,000 keys: wall and processor time, and memory."""

import resource
import time
from pathlib import Path

import psutil

from benchmarks.history import write_history
from benchmarks.measure import temporary_engine
from inventory_assets.backtest.run import lay_over, run_backtest, score
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.thresholds.files import load_rules

RULES = """
- {level_type: GLOBAL, min_threshold_qty: 25, reorder_threshold_qty: 45}
- {level_type: CATEGORY, level_id: C1, min_threshold_qty: 10, reorder_threshold_qty: 30}
- {level_type: CATEGORY, level_id: C2, min_threshold_days: 10, reorder_threshold_days: 20}
"""


def run(*, days: int = 90, events_per_day: int = 100_000, keys: int = 200_000) -> None:
    """Print what trying other rules costs: every key's limits differ from the present ones.

    Args:
        days, events_per_day, keys: The size of the history.
    """
    print(f"\nbacktest: {days} days, {events_per_day:,} events a day, {keys:,} keys")
    with temporary_engine(duckdb_threads=2, duckdb_memory_limit="2GB") as engine:
        began = time.perf_counter()
        events = write_history(engine, days=days, events_per_day=events_per_day, keys=keys, warehouses=20)
        print(f"  writing {events:,} events: {time.perf_counter() - began:.1f} s")
        settings = engine.settings
        engine.close()
        path = Path(settings.home) / "rules.yaml"
        path.write_text(RULES)
        before = psutil.Process().memory_info().rss
        wall, processor = time.perf_counter(), time.process_time()
        with history_reader(settings) as reader:
            rules = load_rules(path)
            found = run_backtest(reader, lay_over(rules, {}), days=days, meaning=Meaning())
        total = score(found).filter(kind="total").row(0, named=True)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(f"  replayed and scored: {wall:.1f} s ({processor:.1f} s of processor time)")
        print(
            f"  {total['alerts']:,} alerts, {total['gained']:,} gained, {total['lost']:,} lost, "
            f"{total['stockouts']:,} stockouts, precision {total['precision']}, recall {total['recall']}"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(f"  RSS of this process: {before / 2**20:,.0f} MiB before, {peak:,.0f} MiB at its peak, writing included")

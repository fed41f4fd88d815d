"""A plan of 200,000 shelves: reading twelve weeks of history, forecasting, planning; lines derived again."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from benchmarks.history import write_history
from benchmarks.measure import START_AT, median, temporary_engine
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import PLANS
from inventory_assets.replenish.explain import explain_line
from inventory_assets.replenish.make import plan_lines
from inventory_assets.replenish.verify import verify_lines

SETTINGS = PlanSettings()
EXPLAINED = 20


def run(*, days: int = 84, events_per_day: int = 25_000, keys: int = 200_000, verified: int = 1_000) -> None:
    """Print what a plan of all shelves costs, and what it costs to derive lines of it again.

    Args:
        days, events_per_day, keys: The size of the history.
        verified: So many lines, drawn at random.
    """
    print(f"\nplan: {keys:,} shelves, {days} days, {events_per_day:,} events a day")
    day = to_datetime(START_AT).date() + timedelta(days=days)
    with temporary_engine(duckdb_threads=2, duckdb_memory_limit="2GB") as engine:
        write_history(engine, days=days, events_per_day=events_per_day, keys=keys, warehouses=20)
        products = ", ".join(f"(hash(sku) % {most})::BIGINT + 1" for most in (20, 5))
        engine.lake.connection.execute(
            "INSERT INTO lake.core.products_changes (sku, lead_time_days, pack_multiple, unit_price, version) "
            f"SELECT DISTINCT sku, {products}, 9.5, 1 FROM lake.core.sku_state"
        )
        with history_reader(engine.settings) as reader:
            version = pin_version(reader.connection, None)
            with _timed(f"{keys:,} lines (goal 10 s)"):
                lines = plan_lines(reader, version, day, SETTINGS)
            print(f"    with a forecast: {lines['daily_units'].count():,}; moved: {lines['transfers'].count():,}")
        # A history has nothing that an engine could keep warm: the lines go in as a restore's rows do.
        with _timed("written to the lake"), engine.lake.rewriting(None, stage=Stage.RESTORE) as rewrite:
            rewrite.append(PLANS, lines)
        with _timed(f"{verified:,} lines at random derived again, in one pass"):
            found = verify_lines(engine.settings, sample=verified)
        print(f"    differ: {len(found.differences):,}")
        times, names = [], random.Random(1).sample(lines["line_id"].to_list(), EXPLAINED)
        for line_id in names:
            began = time.perf_counter()
            assert not explain_line(engine.settings, line_id).differences
            times.append((time.perf_counter() - began) * 1000)
        print(f"  one line explained: {median(times):,.0f} ms, the median of {EXPLAINED}")


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began, worked = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - began, time.process_time() - worked
    print(f"  {what}: {wall:.1f} s ({processor:.1f} s of processor time)", flush=True)

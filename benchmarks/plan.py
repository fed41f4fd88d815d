"""A plan of 200,000 shelves: reading twelve weeks of history, forecasting, planning, writing down the lines."""

import time
from datetime import timedelta

from benchmarks.history import write_history
from benchmarks.measure import START_AT, temporary_engine
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.make import plan_lines

SETTINGS = PlanSettings()


def run(*, days: int = 84, events_per_day: int = 25_000, keys: int = 200_000) -> None:
    """Print what a plan of all shelves costs, and one SKU's.

    Args:
        days, events_per_day, keys: The size of the history.
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
        # Not `history_reader`: what was written past the journal, no journal could land.
        reader = LakeReader(engine.settings)
        version = pin_version(reader.connection, None)
        began, worked = time.perf_counter(), time.process_time()
        lines = plan_lines(reader, version, day, SETTINGS)
        wall, processor = time.perf_counter() - began, time.process_time() - worked
        print(f"  {lines.height:,} lines (goal 10 s): {wall:.1f} s ({processor:.1f} s of processor time)")
        print(f"  with a forecast: {lines['daily_units'].count():,}; moved: {lines['transfers'].count():,}")
        began = time.perf_counter()
        plan_lines(reader, version, day, SETTINGS, skus=[lines["sku"][0]])
        print(f"  of one SKU: {(time.perf_counter() - began) * 1000:,.0f} ms")
        reader.connection.close()

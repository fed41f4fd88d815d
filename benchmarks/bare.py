"""The floor: a bare seven-table DuckLake transaction of a burst's size, with nothing computed.

Absolute times drift with the machine, so a burst's figure is read against this
one, taken in the same run.
"""

import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.measure import BURST, median
from inventory_assets.lake.catalog.connect import CATALOG, connect
from inventory_assets.settings import Settings

COLUMNS = 10
ROWS = (BURST, BURST, BURST, 6 * BURST, 20, 20, 1)


def bare_transaction_ms(repeats: int = 30) -> float:
    """Median milliseconds of a transaction that appends to seven tables and moves a watermark."""
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        connection = connect(Settings(home=Path(home)))
        for number in range(len(ROWS)):
            columns = ", ".join(f"c{i} {'BIGINT' if i % 2 else 'VARCHAR'}" for i in range(COLUMNS))
            connection.execute(f"CREATE TABLE {CATALOG}.raw.bare{number} ({columns})")
        frames = [_rows(count).to_arrow() for count in ROWS]
        times = []
        for repeat in range(repeats):
            began = time.perf_counter()
            connection.execute("BEGIN")
            connection.execute(f"UPDATE {CATALOG}.meta.landed SET version = {repeat}")
            for number, frame in enumerate(frames):
                connection.register("_rows", frame)
                connection.execute(f"INSERT INTO {CATALOG}.raw.bare{number} FROM _rows")
                connection.unregister("_rows")
            connection.execute("COMMIT")
            times.append((time.perf_counter() - began) * 1000)
        connection.close()
    return median(times)


def _rows(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            f"c{i}": list(range(count)) if i % 2 else [f"transaction:WH-1:TRX-{n}:COMPLETED" for n in range(count)]
            for i in range(COLUMNS)
        }
    )

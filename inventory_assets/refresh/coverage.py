"""Refresh `core.coverage`: demand on days with stock, and how many days the stock lasts."""

from datetime import date

import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.metrics import metrics_subject
from inventory_assets.domain.stock.coverage import Demand, measure
from inventory_assets.ingest.burst_rows import append_owed
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.outgoing.metrics import newest_making
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import COVERAGE
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.queries.history import read_demand, read_keys

MEASURED = [name for name in COVERAGE.columns if name not in (*COVERAGE.key, "as_of_date", "version")]


def measure_coverage(reader: Reader, as_of_date: date) -> pl.DataFrame:
    """One row per key with history before a day; null for unknown."""
    keys, _ = read_keys(reader)
    parts = [_rows(keys, demand) for demand in read_demand(reader, as_of_date)]
    if not parts:
        return COVERAGE.frame()
    return pl.concat(parts).with_columns(pl.lit(as_of_date).alias("as_of_date"))


def _rows(keys: list[Key], demand: Demand) -> pl.DataFrame:
    measured = {"available": demand.available, **measure(demand)._asdict()}
    places = demand.keys.tolist()
    return COVERAGE.frame(
        warehouse_id=[keys[place][0] for place in places],
        sku=[keys[place][1] for place in places],
        **{name: np.asarray(measured[name]) for name in MEASURED},
    ).with_columns(pl.selectors.float().fill_nan(None))


def refresh_coverage(engine: Engine, reader: Reader, as_of_date: date, *, run_id: str = "") -> int:
    """Measure as of a day and commit the rows that changed; how many.

    What is new since the day before is owed to analytics-events: the first making of a day is that day's.

    Args:
        engine: Where to commit; nothing it keeps warm changes.
        reader: Where to read, so that the writer is not held up.
        as_of_date: The window is the complete UTC days before it.
        run_id: For `meta.versions`.
    """
    now = measure_coverage(reader, as_of_date)
    if not now.height:
        return 0
    before = current_rows(reader, COVERAGE).drop("version", "as_of_date")
    same = ["warehouse_id", "sku", *MEASURED]
    changed = now.join(before.cast(dict(now.select(same).schema)), on=same, how="anti", nulls_equal=True)  # type: ignore[arg-type]
    if changed.height:
        owed = 0 if engine.is_past else _count_owed(reader, changed, as_of_date)

        def write(transaction: LakeTransaction) -> None:
            transaction.append(COVERAGE, changed)
            if owed:
                append_owed(transaction, [metrics_subject(as_of_date)], Topic.ANALYTICS, owed)

        engine.commit_note(Stage.COVERAGE, write, run_id)
    return changed.height


def _count_owed(reader: Reader, changed: pl.DataFrame, as_of_date: date) -> int:
    """Of how many keys there is something new since the newest day that was owed; 0 where this day is none after it."""
    newest, version = newest_making(reader)
    if newest >= metrics_subject(as_of_date):
        return 0
    between = reader.query(f"SELECT DISTINCT warehouse_id, sku FROM {COVERAGE.changes} WHERE version > {version}")
    return pl.concat([between, changed.select("warehouse_id", "sku")]).unique().height

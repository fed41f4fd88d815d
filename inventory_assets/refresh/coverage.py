"""Refresh `core.coverage`, demand on days with stock and how many days it lasts; and once a week `core.seasons`."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.metrics import metrics_subject
from inventory_assets.domain.stock.coverage import Demand, daily_demand, measure
from inventory_assets.domain.stock.history import Stock
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.burst_rows import append_owed
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.outgoing.metrics import newest_making
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import COVERAGE, SEASONS
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.queries.history import read_keys, read_runs
from inventory_assets.replenish.season import SeasonSales, is_due

MEASURED = [name for name in COVERAGE.columns if name not in (*COVERAGE.key, "as_of_date", "version")]


def measure_coverage(
    reader: Reader, as_of_date: date, *, chosen: str = "", on_stock: Callable[[Stock], None] = lambda _: None
) -> pl.DataFrame:
    """One row per key with history before a day; null for unknown.

    Args:
        reader: The lake.
        as_of_date: The window is the complete UTC days before it.
        chosen: As in `queries.history.read_histories`.
        on_stock: Called with each part of the histories, that nobody has to read them twice.
    """
    keys, _ = read_keys(reader)
    as_of = to_microseconds(datetime.combine(as_of_date, time(), UTC))
    parts = []
    for stock in read_runs(reader, as_of_date, chosen=chosen):
        on_stock(stock)
        parts.append(_rows(keys, daily_demand(stock, as_of)))
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
    """Measure as of a day and commit the rows that changed; how many of core.coverage.

    What is new since the day before is owed to analytics-events: the first making of a day is that day's.

    Args:
        engine: Where to commit; nothing it keeps warm changes.
        reader: Where to read, so that the writer is not held up.
        as_of_date: The window is the complete UTC days before it.
        run_id: For `meta.versions`.
    """
    version = reader.query("SELECT max(version) AS version FROM meta.versions").item()
    if version is None:
        return 0
    sales = SeasonSales(reader, as_of_date, version) if is_due(reader, as_of_date) else None
    now = measure_coverage(
        reader, as_of_date, chosen=f"AND e.version <= {version}",
        on_stock=(lambda _: None) if sales is None else sales.add,
    )  # fmt: skip
    if not now.height:
        return 0
    seasons = SEASONS.frame() if sales is None else sales.rows()
    before = current_rows(reader, COVERAGE).drop("version", "as_of_date")
    same = ["warehouse_id", "sku", *MEASURED]
    changed = now.join(before.cast(dict(now.select(same).schema)), on=same, how="anti", nulls_equal=True)  # type: ignore[arg-type]
    owed = 0 if engine.is_past or not changed.height else _count_owed(reader, changed, as_of_date)

    def append(transaction: LakeTransaction) -> None:
        for table, rows in ((COVERAGE, changed), (SEASONS, seasons)):
            if rows.height:
                transaction.append(table, rows)
        if owed:
            append_owed(transaction, [metrics_subject(as_of_date)], Topic.ANALYTICS, owed)

    if changed.height or seasons.height:
        engine.commit_note(Stage.COVERAGE, append, run_id)
    return changed.height


def _count_owed(reader: Reader, changed: pl.DataFrame, as_of_date: date) -> int:
    """Of how many keys there is something new since the newest day that was owed; 0 where this day is none after it."""
    newest, version = newest_making(reader)
    if newest >= metrics_subject(as_of_date):
        return 0
    between = reader.query(f"SELECT DISTINCT warehouse_id, sku FROM {COVERAGE.changes} WHERE version > {version}")
    return pl.concat([between, changed.select("warehouse_id", "sku")]).unique().height

"""A long history of trade, written straight into a lake's tables: what a back-test reads.

Through the engine nine million events would take an hour; a back-test reads
`core.events` and `core.sku_state` only, so those are filled and nothing else,
past the journal as a restore does, so that readers find the two at one version.
"""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from benchmarks.measure import START_AT
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import CORE_EVENTS, SKU_STATE

DAY_US = 86_400_000_000
RESTOCK_UNITS = 120
RESTOCK_BELOW = 45
# At each event of a key whose stock is low: some come too late, and leave stockouts to be foreseen.
RESTOCK_CHANCE = 0.2
# Returns lift stock over a limit without any supply: false alarms.
RETURN_CHANCE = 0.08


def write_history(engine: Engine, *, days: int, events_per_day: int, keys: int, warehouses: int, seed: int = 1) -> int:
    """Fill `core.events` and `core.sku_state` with a level per key, orders and restocks; how many events."""
    random = np.random.default_rng(seed)
    per_key = max(1, days * events_per_day // keys)
    stock = random.integers(40, 200, keys)
    level = stock.copy()
    quantities = np.empty((per_key, keys), dtype=np.int64)
    for number in range(per_key):
        is_restock = (stock < RESTOCK_BELOW) & (random.random(keys) < RESTOCK_CHANCE)
        is_return = random.random(keys) < RETURN_CHANCE
        sold = -random.integers(1, 9, keys)
        quantities[number] = np.where(is_restock, RESTOCK_UNITS, np.where(is_return, -sold, sold))
        stock += quantities[number]
    moments = np.sort(random.integers(1, days * DAY_US, (per_key, keys)), axis=0) + START_AT
    with engine.lake.rewriting(None, stage=Stage.RESTORE, next_version=days + 1) as rewrite:
        rewrite.append(SKU_STATE, _states(keys, warehouses, stock))
        rewrite.append(CORE_EVENTS, _levels(keys, warehouses, level))
        # In the order of event time, a day at a time, as bursts would have written it.
        order = np.argsort(moments, axis=None)
        day_of = (moments.ravel()[order] - START_AT) // DAY_US
        for day in range(days):
            chosen = order[np.searchsorted(day_of, day) : np.searchsorted(day_of, day + 1)]
            if len(chosen):
                frame = _orders(chosen, chosen % keys, warehouses, quantities.ravel()[chosen], moments.ravel()[chosen])
                rewrite.append(CORE_EVENTS, frame.with_columns(pl.lit(day + 2, pl.Int64).alias("version")))
        rewrite.execute(
            f"INSERT INTO {CATALOG}.meta.versions (version, stage) SELECT unnest(range(1, {days + 1})), 'burst'"
        )
    return quantities.size + keys


def _place(key: np.ndarray, warehouses: int) -> list[pl.Series]:
    sku = pl.Series("sku", key // warehouses).cast(pl.String).str.zfill(6)
    return [
        ("WH-" + pl.Series("warehouse_id", key % warehouses).cast(pl.String)).alias("warehouse_id"),
        ("SKU-" + sku).alias("sku"),
    ]


def _states(keys: int, warehouses: int, stock: np.ndarray) -> pl.DataFrame:
    key = np.arange(keys)
    sku = key // warehouses

    def node(name: str, size: int) -> pl.Series:
        return (name + pl.Series(sku // size).cast(pl.String)).alias(name)

    return pl.DataFrame(_place(key, warehouses)).with_columns(
        on_hand=pl.Series(stock), reserved=pl.lit(0), inbound=pl.lit(0), is_active=pl.lit(True),
        department_id=node("D", 2_000), category_id=node("C", 200), brand_id=node("B", 50), product_id=node("P", 4),
        version=pl.lit(1, pl.Int64),
    )  # fmt: skip


def _levels(keys: int, warehouses: int, level: np.ndarray) -> pl.DataFrame:
    key = np.arange(keys)
    at = datetime.fromtimestamp(START_AT / 1e6, UTC).replace(tzinfo=None)
    details = (
        '{"on_hand":' + pl.Series(level).cast(pl.String)
        + ',"reserved":0,"min_threshold":20,"reorder_threshold":40,"is_restock_in_progress":false}'
    )  # fmt: skip
    return pl.DataFrame(_place(key, warehouses)).with_columns(
        version=pl.lit(1, pl.Int64), seq=pl.Series(key), event_id="level:" + pl.Series(key).cast(pl.String),
        entity_key=-1 - pl.Series(key), kind=pl.lit("level"), event_at=pl.lit(at, pl.Datetime("us")),
        event_date=pl.lit(at.date()), source_epoch=pl.lit(0), instant=pl.lit(START_AT, pl.Int64),
        increment=pl.lit(0), has_cluster_time=pl.lit(False), outcome=pl.lit("applied"), details=details,
    )  # fmt: skip


def _orders(
    number: np.ndarray, key: np.ndarray, warehouses: int, quantity: np.ndarray, moment: np.ndarray
) -> pl.DataFrame:
    name = "TRX-" + pl.Series(number).cast(pl.String)
    is_order = pl.Series(quantity < 0)
    at = pl.Series("event_at", moment).cast(pl.Datetime("us"))
    frame = pl.DataFrame([*_place(key, warehouses), name.alias("transaction_id"), at])
    return frame.with_columns(
        seq=pl.Series(np.arange(len(key))),
        event_id=pl.format("transaction:{}:{}:COMPLETED", "warehouse_id", "transaction_id"),
        entity_key=pl.Series(number), kind=pl.lit("transaction"),
        type=pl.when(is_order)
        .then(pl.lit("ORDER"))
        .otherwise(pl.when(pl.Series(quantity) == RESTOCK_UNITS).then(pl.lit("RESTOCK")).otherwise(pl.lit("RETURN"))),
        status=pl.lit("COMPLETED"), quantity=pl.Series(quantity), event_date=pl.col("event_at").dt.date(),
        source_epoch=pl.lit(0), instant=pl.Series(moment), increment=pl.lit(0),
        has_cluster_time=pl.lit(False), outcome=pl.lit("applied"),
    )  # fmt: skip

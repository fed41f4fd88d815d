"""The snapshot tables as assets: a partition is a UTC day's file beside the lake.

A run of a range makes all its days from one reading of the lake, through a
connection that only reads: bursts go on meanwhile, and nobody is alerted.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    PartitionsDefinition,
    asset,
)

from inventory_assets.assets.dagster_internals import CODE_VERSION_TAG, DATA_VERSION_TAG
from inventory_assets.assets.metadata import records_metadata
from inventory_assets.assets.specs import BUILD_POOL, DAILY_BY_FIVE, HOURLY, RETRIES
from inventory_assets.clock import clock_of
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    FORMAT,
    HOURLY_TRANSACTIONS,
    Manifest,
    PartitionFiles,
    SnapshotTable,
    snapshot_files,
)
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.lake.tables import CORE_EVENTS
from inventory_assets.snapshots.build import build_partitions, refresh_partitions
from resources import InventoryResource, StorageResource

GROUP = "snapshots"
PREVIEW_ROWS = 5

_EXAMPLES = {
    DAILY_STOCK.name: "SELECT * FROM snapshots.daily_stock WHERE stockout_seconds > 0 "
    "ORDER BY snapshot_date DESC, stockout_seconds DESC LIMIT 20",
    HOURLY_TRANSACTIONS.name: "SELECT hour, type, sum(transactions), sum(quantity) FROM snapshots.hourly_transactions "
    "GROUP BY ALL ORDER BY ALL",
}
# What to look at first: a name, what puts a row at the top, and the columns worth reading.
_PREVIEWS = {
    DAILY_STOCK.name: (
        "longest_stockouts",
        "stockout_seconds",
        ("warehouse_id", "sku", "available", "inbound", "sold_units", "stockout_seconds"),
    ),
    HOURLY_TRANSACTIONS.name: (
        "largest_movements",
        "largest_quantity",
        ("hour", "warehouse_id", "sku", "type", "status", "transactions", "largest_quantity"),
    ),
}
# Plotted by Dagster over the days.
_TOTALS = {
    DAILY_STOCK.name: {
        "on_hand": pl.col("on_hand").sum(),
        "sold_units": pl.col("sold_units").sum(),
        "keys_out_of_stock": (pl.col("is_active") & (pl.col("available") <= 0)).sum(),
    },
    HOURLY_TRANSACTIONS.name: {"transactions": pl.col("transactions").sum()},
}


def asset_key(table: SnapshotTable) -> AssetKey:
    """`snapshots/daily_stock` and its like."""
    return AssetKey(table.full_name.split("."))


def build_snapshot_assets(days: PartitionsDefinition, complete: PartitionsDefinition) -> list[AssetsDefinition]:
    """One asset per snapshot table; closing stock is of complete days only."""
    return [_build(DAILY_STOCK, complete), _build(HOURLY_TRANSACTIONS, days)]


class SnapshotConfig(Config):
    """How a run makes its days.

    Attributes:
        only_changed: Work out what late events changed, and copy the rest of a
            file; otherwise every day is made anew. The files are the same.
    """

    only_changed: bool = False


def _build(table: SnapshotTable, partitions: PartitionsDefinition) -> AssetsDefinition:
    @asset(
        key=asset_key(table),
        description=f'{table.comment}\n\n```\ninventory sql "{_EXAMPLES[table.name]}"\n```',
        group_name=GROUP,
        kinds={"parquet", "numpy" if table is DAILY_STOCK else "duckdb"},
        code_version=FORMAT,
        deps=[AssetKey(CORE_EVENTS.full_name.split("."))],
        partitions_def=partitions,
        backfill_policy=BackfillPolicy.single_run(),
        metadata={"grain": table.comment},
        pool=BUILD_POOL,
        retry_policy=RETRIES,
        freshness_policy=DAILY_BY_FIVE if table is DAILY_STOCK else HOURLY,
    )
    def snapshot_asset(
        context: AssetExecutionContext, config: SnapshotConfig, inventory: InventoryResource, storage: StorageResource
    ) -> Iterator[MaterializeResult]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        settings, today = inventory.settings(), clock_of(inventory.settings()).today()
        files = snapshot_files(settings, table, storage.open)
        built: dict[date, tuple[Manifest, dict[str, Any]]] = {}
        with history_reader(settings) as reader:
            if config.only_changed:
                made = refresh_partitions(reader, files, days, today=today)
            else:
                made = build_partitions(reader, files, days[0], days[-1], today=today)
            for manifest, rows in made:
                context.log.info(f"{manifest.date}: {manifest.rows:,} rows, lake version {manifest.lake_version}")
                built[manifest.date] = (manifest, describe_day(files, manifest, rows))
        yield from _report(context, table, built)

    return snapshot_asset


def _report(
    context: AssetExecutionContext, table: SnapshotTable, built: Mapping[date, tuple[Manifest, dict[str, Any]]]
) -> Iterator[MaterializeResult]:
    """One data version a partition: the hash of its file, so that what did not change stays as it was."""
    if len(built) == 1:
        ((manifest, metadata),) = built.values()
        yield MaterializeResult(metadata=metadata, data_version=DataVersion(manifest.sha256))
        return
    yield MaterializeResult()
    # Dagster gives all partitions of a run one data version. Its latest materialization is what
    # counts for a partition, so each gets one more with its own.
    for manifest, metadata in built.values():
        context.log_event(day_materialization(table, manifest, metadata))


def day_materialization(table: SnapshotTable, manifest: Manifest, metadata: dict[str, Any]) -> AssetMaterialization:
    """What a day's file tells Dagster beside, or without, a run of its asset."""
    return AssetMaterialization(
        asset_key=asset_key(table),
        partition=manifest.date.isoformat(),
        metadata=metadata,
        tags={DATA_VERSION_TAG: manifest.sha256, CODE_VERSION_TAG: FORMAT},
    )


def describe_day(files: PartitionFiles, manifest: Manifest, rows: pl.DataFrame | None) -> dict[str, Any]:
    """A day's file for its page: rows, version, place, the rows to look at first, and totals to plot."""
    found = {
        "dagster/row_count": manifest.rows,
        "lake_version": manifest.lake_version,
        "path": MetadataValue.path(files.path(manifest.date)),
    }
    if rows is not None:
        title, by, columns = _PREVIEWS[manifest.table]
        top = rows.filter(pl.col(by) > 0).sort(
            by, *files.table.key, descending=[True, *([False] * len(files.table.key))]
        )
        found[title] = records_metadata(list(top.head(PREVIEW_ROWS).select(columns).iter_rows(named=True)))
        found |= rows.select(**_TOTALS[manifest.table]).row(0, named=True)
    return found

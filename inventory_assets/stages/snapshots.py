"""Build partitions of the snapshot tables. Reads the lake, writes files beside it, and takes no lock of the lake's.

Belongs here: from a range of days to files with their manifests. Not here: the
rows (`daily_stock`, `hourly_transactions`), which days want it (`staleness`).
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

import polars as pl

from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    Manifest,
    PartitionFiles,
    SnapshotTable,
)
from inventory_assets.stages.daily_stock import daily_stock_rows
from inventory_assets.stages.hourly_transactions import hourly_rows
from inventory_assets.stages.warm import Reader

Rows = Iterator[tuple[date, pl.DataFrame]]

ROWS_OF: dict[str, Callable[..., Rows]] = {DAILY_STOCK.name: daily_stock_rows, HOURLY_TRANSACTIONS.name: hourly_rows}


class LakeState(NamedTuple):
    """Where the lake stands: `epoch` changes with a rebuild, `version` with every commit."""

    epoch: int
    version: int


def lake_state(reader: Reader) -> LakeState:
    """Where the lake stands now."""
    return LakeState(*reader.query("SELECT epoch, version FROM meta.watermarks").row(0))


def build_partitions(
    reader: Reader, files: PartitionFiles, first: date, last: date, *, today: date
) -> Iterator[tuple[Manifest, pl.DataFrame]]:
    """Make every partition of a range anew from the lake's events; each one's manifest and rows.

    Args:
        reader: The lake.
        files: The table's files.
        first, last: The days wanted, both included.
        today: The UTC day that is not over.

    Raises:
        ValueError: The range is empty, or holds a day that is too early to tell of.
        StaleStateError: The lake was rebuilt meanwhile.
    """
    check_days(files.table, first, last, today=today)
    state = lake_state(reader)
    for day, rows in ROWS_OF[files.table.name](reader, first, last, version=state.version):
        yield files.write(day, rows, lake_version=state.version, epoch=state.epoch), rows
    # The rows of a committed version never change, but by a rebuild; its epoch makes these files stale.
    if lake_state(reader).epoch != state.epoch:
        raise StaleStateError("the lake was rebuilt while its snapshots were made; make them again.")


def check_days(table: SnapshotTable, first: date, last: date, *, today: date) -> None:
    """Refuse a range that no rows can be told of.

    Raises:
        ValueError: Says which day, and what is expected.
    """
    if last < first:
        raise ValueError(f"the last day was {last}, before the first, {first}.")
    if table is DAILY_STOCK and last >= today:
        raise ValueError(f"the last day was {last}; a day's closing stock is known from the next day on ({today} UTC).")
    if last > today:
        raise ValueError(f"the last day was {last}, which has not begun (today is {today} UTC).")

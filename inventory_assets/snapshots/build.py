"""Build partitions of the snapshot tables. Reads the lake, writes files beside it, and takes no lock of the lake's.

Belongs here: from a range of days to files with their manifests. Not here: the
rows (`daily_stock`, `hourly_transactions`), which days want it (`staleness`).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import polars as pl

from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    Manifest,
    PartitionFiles,
    SnapshotTable,
)
from inventory_assets.recompute.run import Source
from inventory_assets.snapshots.daily_stock import changed_stock_rows, daily_stock_rows
from inventory_assets.snapshots.hourly_transactions import changed_days, hourly_rows
from inventory_assets.snapshots.staleness import judge, lake_state, ranges

Rows = Iterator[tuple[date, pl.DataFrame]]

ROWS_OF: dict[str, Callable[..., Rows]] = {DAILY_STOCK.name: daily_stock_rows, HOURLY_TRANSACTIONS.name: hourly_rows}


def build_partitions(
    reader: Source, files: PartitionFiles, first: date, last: date, *, today: date
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


def refresh_partitions(
    reader: Source, files: PartitionFiles, days: Sequence[date], *, today: date
) -> Iterator[tuple[Manifest, pl.DataFrame | None]]:
    """Make the days that need it what `build_partitions` would make them; the others stay.

    Of closing stock only the rows that late events changed are worked out; the
    rest of a file is copied. Each day's manifest, and its rows where they were made.
    """
    state = lake_state(reader)
    present = files.manifests()
    judged = judge({day: each for day, each in present.items() if day in days}, files.checked(), state)
    whole = {day for day in days if day not in present} | set(judged.outdated)
    done = set()
    for since, exact in judged.exact_at.items():
        if files.table is not DAILY_STOCK:
            whole |= set(changed_days(reader, exact, since=since, until=state.version))
            continue
        for day, changed in changed_stock_rows(reader, set(exact), since=since, until=state.version):
            old = files.read(day)
            if old is None:
                whole.add(day)
                continue
            rows = pl.concat([old.join(changed, on=files.table.key, how="anti"), changed])
            yield files.write(day, rows, lake_version=state.version, epoch=state.epoch), rows
            done.add(day)
    for first, last in ranges(whole):
        yield from build_partitions(reader, files, first, last, today=today)
    for day in days:
        if day not in whole and day not in done:
            yield present[day], None


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

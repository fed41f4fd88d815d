"""Read trade from the snapshot files: what was sold, how stock stood at each day's end, what moved.

The files are `snapshots`' contract: Parquet by date, beside each a manifest that
names the lake version it was made from. What is absent is said, not guessed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Protocol

import polars as pl

from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    SNAPSHOT_TABLES,
    PartitionFiles,
    SnapshotTable,
)
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.reports.read.model import Basis, DayOfWarehouse, Movement, Notice, Trade
from inventory_assets.words.commands import command

NOT_OVER = Notice("this period is not over yet: what was sold is known when it is")


class Snapshots(Protocol):
    """Snapshot files by table and day."""

    def read(self, table: SnapshotTable, day: date, columns: Sequence[str]) -> pl.DataFrame | None:
        """A day's rows; None where the day was not built."""
        ...

    def version(self, table: SnapshotTable, day: date) -> int | None:
        """The lake version a day's file was made from."""
        ...


class SnapshotFiles:
    """`Snapshots` where the settings put them. A file that is not what its manifest says is not there."""

    def __init__(self, uri: str, opener: Opener = open_storage) -> None:
        self._files = {table: PartitionFiles(uri, table, opener=opener) for table in SNAPSHOT_TABLES}

    def read(self, table: SnapshotTable, day: date, columns: Sequence[str]) -> pl.DataFrame | None:
        """A day's rows; None where the day was not built."""
        rows = self._files[table].read(day)
        return None if rows is None else rows.select(columns)

    def version(self, table: SnapshotTable, day: date) -> int | None:
        """The lake version a day's file was made from."""
        manifest = self._files[table].manifest(day)
        return None if manifest is None else manifest.lake_version


def days_up_to(last: date, count: int) -> list[date]:
    """So many days, the oldest first."""
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def read_trade(snapshots: Snapshots, basis: Basis, *, shown_days: int) -> Trade:
    """A period's days and those before it, and its movements against the period before."""
    period = basis.period
    wanted = days_up_to(period.last_date, max(shown_days, 2 * period.days))
    found: list[DayOfWarehouse] = []
    versions: list[tuple[date, int]] = []
    for day in wanted:
        rows = read_day(snapshots, day)
        found += rows
        if rows and (version := snapshots.version(DAILY_STOCK, day)) is not None:
            versions.append((day, version))
    own = [period.first_date + timedelta(days=number) for number in range(period.days)]
    movements, has_hours = _read_movements(snapshots, own, [day - timedelta(days=7) for day in own])
    missing = (NOT_OVER,) if basis.is_running else _missing(found, own, has_hours)
    return Trade(tuple(found), tuple(movements), tuple(versions), missing)


def read_day(snapshots: Snapshots, day: date) -> list[DayOfWarehouse]:
    """A day of every warehouse; nothing where the day was not built."""
    columns = ("warehouse_id", "on_hand", "available", "is_active", "stockout_seconds", "sold_units")
    rows = snapshots.read(DAILY_STOCK, day, columns)
    if rows is None:
        return []
    active = pl.col("is_active")
    sums = (
        rows.group_by("warehouse_id")
        .agg(
            shelves=active.sum().cast(pl.Int64),
            sold_units=pl.col("sold_units").sum(),
            on_hand=pl.col("on_hand").filter(active).sum(),
            available=pl.col("available").filter(active).sum(),
            empty=(active & (pl.col("available") <= 0)).sum().cast(pl.Int64),
            stockout_hours=(pl.col("stockout_seconds").sum() / 3600).round(2),
        )
        .sort("warehouse_id")
    )
    return [DayOfWarehouse(day=day, **row) for row in sums.iter_rows(named=True)]


def _missing(found: Sequence[DayOfWarehouse], own: Sequence[date], has_hours: bool) -> tuple[Notice, ...]:
    notices = []
    build = command("inventory snapshots build --from {} --to {}", own[0], own[-1])
    built = {each.day for each in found}
    absent = [day for day in own if day not in built]
    if absent:
        which = f"of {absent[0]}" if len(absent) == 1 else f"of {len(absent)} of its {len(own)} days"
        text = "no daily snapshots yet" if not found else f"no daily snapshot {which} yet"
        notices.append(Notice(f"{text}: units sold and hours without stock are missing", build))
    if not has_hours:
        notices.append(Notice("no hourly transactions yet: orders, returns and restocks are missing", build))
    return tuple(notices)


def _read_movements(snapshots: Snapshots, days: Sequence[date], before: Sequence[date]) -> tuple[list[Movement], bool]:
    now, then = _sum_movements(snapshots, days), _sum_movements(snapshots, before)
    if now is None:
        return [], False
    kinds = sorted({*now, *(then or {})})
    return [
        Movement(
            type=kind[0], status=kind[1], transactions=now.get(kind, (0, 0))[0], units=now.get(kind, (0, 0))[1],
            transactions_before=None if then is None else then.get(kind, (0, 0))[0],
            units_before=None if then is None else then.get(kind, (0, 0))[1],
        )
        for kind in kinds
    ], True  # fmt: skip


def _sum_movements(snapshots: Snapshots, days: Iterable[date]) -> dict[tuple[str, str], tuple[int, int]] | None:
    """Transactions and units by type and status; None where no day was built."""
    frames = [snapshots.read(HOURLY_TRANSACTIONS, day, ("type", "status", "transactions", "quantity")) for day in days]
    built = [frame for frame in frames if frame is not None]
    if not built:
        return None
    sums = pl.concat(built).group_by("type", "status").agg(pl.col("transactions").sum(), pl.col("quantity").sum())
    return {(row[0], row[1]): (row[2], row[3]) for row in sums.iter_rows()}

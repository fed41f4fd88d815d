"""Keep the lake quick: merge small files, refresh bases, expire snapshots.

Every step is short, takes the writer lock by itself and runs between bursts,
so a burst never waits long. Steps are due by version, not by the clock: a
quiet lake needs none. Our versions outlive all of this, because their rows are
never removed, only written together.

DuckLake's own `merge_adjacent_files` is not used: beside it, readers saw whole
tables empty for a moment (docs/adr/0002). A merge here is an ordinary
transaction that rewrites the rows of a run of versions into one file.
"""

import logging
import time
from datetime import UTC, datetime

import duckdb

from inventory_assets.lake.connect import CATALOG
from inventory_assets.lake.tables import (
    ALERTS,
    APPEND_TABLES,
    BASES,
    COVERAGE,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    VERSIONED_TABLES,
    WATERMARKS,
    Table,
    VersionedTable,
)
from inventory_assets.lake.transaction import Lake

logger = logging.getLogger(__name__)

# A block is what one merge writes together: at a thousand rows a version, about 50,000 rows and 0.2 s.
BLOCK = 48
# Two tiers keep the rewriting logarithmic and the files few.
LARGE_BLOCK = BLOCK * 16
# A merge holds the writer lock while it writes: more rows than this would hold it too long.
MAX_MERGED_ROWS = 200_000
# A base is renewed when its delta outweighs it by this share, and never for a handful of rows.
DELTA_SHARE = 0.5
SMALLEST_DELTA = 20_000
COMPACT_EVERY = 24
EXPIRE_EVERY = 200

COMPACTED_TABLES = (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS, COVERAGE, ALERTS)
MERGED_TABLES: tuple[Table, ...] = tuple(
    table for table in (*APPEND_TABLES, *VERSIONED_TABLES) if table not in (WATERMARKS, BASES)
)


class Maintenance:
    """Upkeep of one lake, a step at a time."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._queue: list[tuple[str, Table | None, int, int]] = []
        self._seen: int | None = None
        self.longest_seconds = 0.0

    def step(self, version: int) -> str | None:
        """Do one step of what has fallen due by `version`, if anything; its name."""
        if self._seen is None:
            self._seen = version
        for passed in range(self._seen + 1, version + 1):
            self._enqueue(passed)
        self._seen = version
        if not self._queue:
            return None
        kind, table, first, last = self._queue.pop(0)
        started = time.perf_counter()
        try:
            self._run(kind, table, first, last)
        except duckdb.Error as error:
            # Upkeep can wait: a conflict with another writer costs nothing but this turn.
            self._lake.abandon()
            logger.warning("maintenance %s put off: %s", kind, error)
        self.longest_seconds = max(self.longest_seconds, time.perf_counter() - started)
        return kind if table is None else f"{kind} {table.changes}"

    def run_all(self) -> list[str]:
        """Do everything once, now, also what earlier processes left; the names of the steps."""
        version = self._lake.watermark().version
        steps: list[tuple[str, Table | None, int, int]] = []
        for size in (BLOCK, LARGE_BLOCK):
            for table in MERGED_TABLES:
                steps += [("merge", table, first, first + size - 1) for first in self._scattered(table, size, version)]
        steps += [("compact", None, 0, 0)] * len(COMPACTED_TABLES) + [("expire", None, 0, 0)]
        for step in steps:
            self._run(*step)
        return [kind if table is None else f"{kind} {table.changes}" for kind, table, _, _ in steps]

    def _enqueue(self, version: int) -> None:
        if version % LARGE_BLOCK == 0:
            self._queue += [("merge", table, version - LARGE_BLOCK + 1, version) for table in MERGED_TABLES]
        elif version % BLOCK == 0:
            self._queue += [("merge", table, version - BLOCK + 1, version) for table in MERGED_TABLES]
        if version % COMPACT_EVERY == 0:
            self._queue.append(("compact", None, 0, 0))
        if version % EXPIRE_EVERY == 0:
            self._queue.append(("expire", None, 0, 0))

    def _run(self, kind: str, table: Table | None, first: int, last: int) -> None:
        if table is not None:
            self._merge(table, first, last)
        elif kind == "compact":
            self._compact_one()
        else:
            self._expire()

    def _merge(self, table: Table, first: int, last: int) -> None:
        """Write the rows of versions `first` to `last` together, sorted."""
        lake = self._lake
        name = f"{CATALOG}.{table.changes}"
        condition = f"WHERE version BETWEEN {first} AND {last}"
        files = lake.query(f"SELECT count(DISTINCT filename) AS files, count(*) AS rows FROM {name} {condition}")
        count, rows = files.row(0)
        if count < 2 or rows > MAX_MERGED_ROWS:
            return
        order = ", ".join(name for name in (table.sorted_by, "version", "seq") if name in table.columns)
        # Read before the lock is taken: rows of a committed version never change.
        connection = lake.connection
        merged = connection.execute(f"SELECT * FROM {name} {condition} ORDER BY {order}").to_arrow_table()
        connection.register("_merged", merged)
        try:
            with lake.exclusive():
                connection.execute("BEGIN")
                try:
                    connection.execute(f"DELETE FROM {name} {condition}")
                    connection.execute(f"INSERT INTO {name} FROM _merged")
                    connection.execute("COMMIT")
                except BaseException:
                    lake.abandon()
                    raise
        finally:
            connection.unregister("_merged")

    def _scattered(self, table: Table, size: int, version: int) -> list[int]:
        """First versions of the complete blocks whose rows lie in several files."""
        rows = self._lake.query(
            f"SELECT (version - 1) // {size} AS block FROM {CATALOG}.{table.changes} "
            f"WHERE version <= {version // size * size} "
            f"GROUP BY 1 HAVING count(DISTINCT filename) > 1 AND count(*) <= {MAX_MERGED_ROWS} ORDER BY 1"
        )
        return [block * size + 1 for block in rows["block"]]

    def _compact_one(self) -> None:
        """Renew the base whose delta has grown most, if any has grown enough."""
        worst: tuple[float, VersionedTable] | None = None
        for table in COMPACTED_TABLES:
            base = self._base_version(table)
            delta = self._count(f"{table.changes} WHERE version > {base or 0}")
            size = self._count(table.base_name(base)) if base is not None else 0
            if delta >= SMALLEST_DELTA and delta >= DELTA_SHARE * size:
                share = delta / max(size, 1)
                if worst is None or share > worst[0]:
                    worst = (share, table)
        if worst is not None:
            self.compact(worst[1])

    def compact(self, table: VersionedTable) -> int:
        """Make a new base of a table as of now; its version."""
        lake = self._lake
        version = lake.watermark().version
        old = self._base_version(table)
        # Read before the lock is taken: the rows as of a version never change.
        rows = lake.query(table.current_rows(f"{CATALOG}.", old, version)).sort(table.key)
        new_name = table.base_name(version)
        connection = lake.connection
        connection.register("_base", rows.to_arrow())
        try:
            with lake.exclusive():
                connection.execute("BEGIN")
                try:
                    connection.execute(f"CREATE OR REPLACE TABLE {CATALOG}.{new_name} AS FROM _base")
                    connection.execute(f"INSERT INTO {CATALOG}.meta.bases VALUES ('{table.full_name}', {version})")
                    query = table.view_query(f"{CATALOG}.", version)
                    connection.execute(f"CREATE OR REPLACE VIEW {CATALOG}.{table.full_name} AS {query}")
                    if old is not None and old != version:
                        connection.execute(f"DROP TABLE {CATALOG}.{table.base_name(old)}")
                    connection.execute("COMMIT")
                except BaseException:
                    lake.abandon()
                    raise
        finally:
            connection.unregister("_base")
        return version

    def _expire(self) -> None:
        connection = self._lake.connection
        retention = self._lake.settings.snapshot_retention
        oldest = (datetime.now(UTC) - retention).isoformat()
        with self._lake.exclusive():
            connection.execute(f"CALL ducklake_expire_snapshots('{CATALOG}', older_than => TIMESTAMPTZ '{oldest}')")
        with self._lake.exclusive():
            connection.execute(f"CALL ducklake_cleanup_old_files('{CATALOG}', older_than => TIMESTAMPTZ '{oldest}')")

    def _base_version(self, table: VersionedTable) -> int | None:
        return self._lake.query(
            "SELECT max(base_version) AS base FROM meta.bases WHERE table_name = ?", [table.full_name]
        ).item()

    def _count(self, what: str) -> int:
        return self._lake.query(f"SELECT count(*) AS n FROM {what}").item()

"""Keep the lake quick: merge small files, refresh bases, expire snapshots.

Every step is short, takes the writer lock by itself and runs between bursts,
so a burst never waits long. Steps are due by version, not by the clock: a
quiet lake needs none. Our versions outlive all of this, because their rows are
never removed.
"""

import logging
import time
from datetime import UTC, datetime

import duckdb

from inventory_assets.lake.connect import CATALOG
from inventory_assets.lake.tables import (
    ALERTS,
    APPEND_TABLES,
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

# A commit slows by about 0.1 ms per live file, a merge costs about as much as 40 commits' share of it.
MERGE_EVERY = 48
# Two tiers keep the rewriting logarithmic: small files merge often, merged ones seldom.
SMALL_FILE_BYTES = 2_000_000
LARGE_FILE_BYTES = 64_000_000
LARGE_EVERY = MERGE_EVERY * 16
# A base is renewed when its delta outweighs it by this share, and never for a handful of rows.
DELTA_SHARE = 0.5
SMALLEST_DELTA = 20_000
COMPACT_EVERY = 24
EXPIRE_EVERY = 200

COMPACTED_TABLES = (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS, ALERTS)


class Maintenance:
    """Upkeep of one lake, a step at a time."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._tables = [*APPEND_TABLES, *VERSIONED_TABLES]
        self._done: dict[str, int] = {}
        self.longest_seconds = 0.0

    def step(self, version: int) -> str | None:
        """Do the step most overdue at `version`, if any; its name."""
        name = self._next(version)
        if name is None:
            return None
        self._done[name] = version
        started = time.perf_counter()
        try:
            self._run(name)
        except duckdb.Error as error:
            # Upkeep can wait: a conflict with another writer costs nothing but this turn.
            self._lake._abandon()
            logger.warning("maintenance %s put off: %s", name, error)
        self.longest_seconds = max(self.longest_seconds, time.perf_counter() - started)
        return name

    def run_all(self) -> list[str]:
        """Do every step once, now; for a schedule or a user who asks for it."""
        names = [*(f"merge_large {t.changes}" for t in self._tables), "compact", "expire"]
        for name in names:
            self._run(name)
        return names

    def _next(self, version: int) -> str | None:
        candidates: list[tuple[int, str]] = []
        for offset, table in enumerate(self._tables):
            # Offsets spread the tables over the bursts, so that no two merge after the same one.
            for kind, every in (("merge", MERGE_EVERY), ("merge_large", LARGE_EVERY)):
                name = f"{kind} {table.changes}"
                last = self._done.setdefault(name, version + offset * MERGE_EVERY // len(self._tables))
                candidates.append((version - last - every, name))
        for name, every in (("compact", COMPACT_EVERY), ("expire", EXPIRE_EVERY)):
            candidates.append((version - self._done.setdefault(name, version) - every, name))
        overdue, name = max(candidates)
        return name if overdue >= 0 else None

    def _run(self, name: str) -> None:
        kind, _, table_name = name.partition(" ")
        if kind == "compact":
            self._compact_one()
        elif kind == "expire":
            self._expire()
        else:
            table = next(t for t in self._tables if t.changes == table_name)
            self._merge(table, SMALL_FILE_BYTES if kind == "merge" else LARGE_FILE_BYTES)

    def _merge(self, table: Table, max_bytes: int) -> None:
        connection = self._lake.connection
        schema, name = table.changes.split(".")
        with self._lake.exclusive():
            if table is WATERMARKS:
                # Its one row is rewritten by every commit: what is left over are delete files.
                connection.execute(f"CALL ducklake_rewrite_data_files('{CATALOG}', '{name}', schema => '{schema}')")
            connection.execute(
                f"CALL ducklake_merge_adjacent_files('{CATALOG}', '{name}', schema => '{schema}', "
                f"max_file_size => {max_bytes})"
            )

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
                    lake._abandon()
                    raise
        finally:
            connection.unregister("_base")
        return version

    def _expire(self) -> None:
        connection = self._lake.connection
        retention = self._lake.settings.snapshot_retention
        oldest = (datetime.now(UTC) - retention).isoformat()
        with self._lake.exclusive():
            connection.execute(
                f"CALL ducklake_expire_snapshots('{CATALOG}', older_than => TIMESTAMPTZ '{oldest}')"
            )
        with self._lake.exclusive():
            connection.execute(
                f"CALL ducklake_cleanup_old_files('{CATALOG}', older_than => TIMESTAMPTZ '{oldest}')"
            )

    def _base_version(self, table: VersionedTable) -> int | None:
        return self._lake.query(
            "SELECT max(base_version) AS base FROM meta.bases WHERE table_name = ?", [table.full_name]
        ).item()

    def _count(self, what: str) -> int:
        return self._lake.query(f"SELECT count(*) AS n FROM {what}").item()

"""Keep the lake quick: merge small files, refresh bases, expire snapshots.

Here: what falls due when, and a thread to do it beside the bursts. Steps are
due by landings, not by the clock: a quiet lake needs none. Our versions outlive
all of this, because their rows are never removed, only written together
(`rewrite`).
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb

from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.catalog.postgres import forget_inlined_rows
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.memory import release_memory
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.tables import (
    ALERTS,
    APPEND_TABLES,
    BASES,
    CONNECTORS,
    COVERAGE,
    LANDED,
    PLANS,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    VERSIONED_TABLES,
    VERSIONS,
    Table,
    VersionedTable,
)
from inventory_assets.lake.transaction import Lake
from inventory_assets.lake.upkeep.expiry import cleanup_statement, expiry_statement, oldest_kept
from inventory_assets.lake.upkeep.merging import RUN, plan_merges, read_ranges
from inventory_assets.lake.upkeep.rewrite import Rewriter
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# A base is renewed when its delta outweighs it by this share, and never for a handful of rows:
# a reader pays for the delta, whoever renews pays for the base.
DELTA_SHARE = 0.25
SMALLEST_DELTA = 20_000
# In landings.
MERGE_EVERY = 4
COMPACT_EVERY = 16
EXPIRE_EVERY = 60
# What a killed process wrote and never handed over; a day is far beyond any running rewrite.
ORPHAN_AGE = timedelta(days=1)

COMPACTED_TABLES = (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS, COVERAGE, ALERTS, PLANS, CONNECTORS)
MERGED_TABLES: tuple[Table, ...] = tuple(
    table for table in (*APPEND_TABLES, *VERSIONED_TABLES) if table not in (LANDED, BASES)
)


class Maintenance:
    """Upkeep of one lake, a step at a time."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.rewriter = Rewriter(lake)
        self._queue: list[tuple[str, Table | None, int, int]] = []
        self._landings = 0

    def enqueue(self, landings: int) -> bool:
        """Note that so many landings came, and what has fallen due by them; whether anything is to be done."""
        before, self._landings = self._landings, self._landings + landings

        def is_due(every: int) -> bool:
            return before // every < self._landings // every

        if is_due(MERGE_EVERY):
            self._queue.append(("merge", None, 0, 0))
        if is_due(COMPACT_EVERY):
            self._queue.append(("compact", None, 0, 0))
        if is_due(EXPIRE_EVERY):
            self._queue.append(("expire", None, 0, 0))
        return bool(self._queue)

    def step(self) -> str | None:
        """Do one step of what has fallen due, if anything; its name."""
        if not self._queue:
            return None
        kind, table, first, last = self._queue.pop(0)
        try:
            self._run(kind, table, first, last)
        except (duckdb.Error, LakeError) as error:
            # Upkeep can wait: a conflict with another writer costs nothing but this turn.
            self._lake.abandon()
            logger.warning("maintenance %s put off: %s", kind, error)
        return kind if table is None else f"{kind} {table.changes}"

    def run_all(self) -> list[str]:
        """Do everything once, now, also what earlier processes left; the names of the steps."""
        self._lake.land()
        steps: list[tuple[str, Table | None, int, int]] = []
        # What was merged may be like its neighbours now.
        while merges := self._merges(run=2):
            for step in merges:
                self._run(*step)
            steps += merges
        rest: list[tuple[str, Table | None, int, int]] = [("compact", None, 0, 0), ("expire", None, 0, 0)]
        for step in rest:
            self._run(*step)
        steps += rest
        self.rewriter.remove_orphans((datetime.now(UTC) - ORPHAN_AGE).isoformat())
        return [kind if table is None else f"{kind} {table.changes}" for kind, table, _, _ in steps]

    def compact(self, table: VersionedTable) -> int:
        """Make a new base of a table as of now; its version."""
        return self.rewriter.compact(table)

    def _run(self, kind: str, table: Table | None, first: int, last: int) -> None:
        if table is not None:
            self.rewriter.merge(table, first, last)
        elif kind == "merge":
            self._queue[:0] = self._merges()
        elif kind == "compact":
            # All that have grown, not the worst alone: a delta that is not renewed costs every reader.
            for _ in COMPACTED_TABLES:
                if not self._compact_one():
                    break
        else:
            self._expire()

    def _merges(self, *, run: int | None = None) -> list[tuple[str, Table | None, int, int]]:
        ranges = with_retries(lambda: read_ranges(self._lake.connection))
        # Versions last: its files say what is still to be merged, also after a kill in between.
        tables = [*(table for table in MERGED_TABLES if table is not VERSIONS), VERSIONS]
        return [
            ("merge", table, each.first, each.last) for each in plan_merges(ranges, run=run or RUN) for table in tables
        ]

    def _compact_one(self) -> bool:
        """Renew the base whose delta has grown most, if any has grown enough; whether one had."""
        worst: tuple[float, VersionedTable] | None = None
        for table in COMPACTED_TABLES:
            base = self.rewriter.base_version(table)
            delta = self._count(f"{table.changes} WHERE version > {base or 0}")
            size = self._count(table.base_name(base)) if base is not None else 0
            if delta >= SMALLEST_DELTA and delta >= DELTA_SHARE * size:
                share = delta / max(size, 1)
                if worst is None or share > worst[0]:
                    worst = (share, table)
        if worst is None:
            return False
        self.compact(worst[1])
        return True

    def _expire(self) -> None:
        connection = self._lake.connection
        oldest = oldest_kept(self._lake.settings, datetime.now(UTC))
        # To list snapshots meets other connections' locks as well.
        expiry = with_retries(partial(expiry_statement, connection, CATALOG, oldest))
        for statement in (expiry, cleanup_statement(CATALOG)):
            if statement is not None:
                with self.rewriter.held():
                    with_retries(partial(connection.execute, statement))
        if not self._lake.settings.is_embedded:
            with_retries(partial(forget_inlined_rows, connection))

    def _count(self, what: str) -> int:
        return self._lake.query_landed(f"SELECT count(*) AS n FROM {what}").item()


class Upkeep:
    """Does what falls due on a thread of its own, so that no burst waits for it.

    Its DuckDB is its own, too, and closed when nothing is left to do: a new base
    that needs all the memory it may have cannot fail a commit, and gives it back.
    """

    def __init__(self, settings: Settings) -> None:
        self._lake = Lake(settings)
        self.maintenance = Maintenance(self._lake)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
        self._running: Future[None] | None = None
        self._waiting = 0
        self._is_closing = False

    def wake(self, landings: int) -> None:
        """Note that so many landings came, and begin what has fallen due, unless something is being done already."""
        self._waiting += landings
        if self._running is not None:
            if not self._running.done():
                return
            self._running.result()
            self._running = None
        landings, self._waiting = self._waiting, 0
        if self.maintenance.enqueue(landings):
            self._running = self._worker.submit(self._work)

    def finish(self) -> None:
        """Wait until everything noted so far is done."""
        if self._running is not None:
            self._running.result()

    def close(self) -> None:
        """Stop after the step in hand."""
        self._is_closing = True
        self._worker.shutdown(wait=True)
        self._lake.close()

    def _work(self) -> None:
        try:
            while not self._is_closing and self.maintenance.step() is not None:
                pass
        finally:
            self._lake.close()
            release_memory()

"""The next version of the lake, all tables or none: durable in the journal, in the lake a moment later.

Here: a writer's handle on the lake, the making of a version, and the one way
past the journal for whoever writes tables anew (`Lake.rewriting`). Stages are
handed a `LakeTransaction` and know nothing of journals, locks or DuckLake. How
versions come into the lake is `landing`'s.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl

from inventory_assets.domain.ingest.meaning import SEMANTICS
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake import landing
from inventory_assets.lake.catalog.connect import connect, lake_lock
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.journal.body import encode, same
from inventory_assets.lake.journal.contract import Barrier, Head, JournaledVersion
from inventory_assets.lake.journal.open import open_journal
from inventory_assets.lake.journal.sql import Journal, check_head
from inventory_assets.lake.query.reader import read_batches
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import VERSIONS, Table
from inventory_assets.lake.upkeep.merging import read_ranges
from inventory_assets.lake.writing import append_rows
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# Of an archive's versions, which never landed here, so many lie in one file of each table.
VERSIONS_TOGETHER = 768
# Not 0: a server takes that for ever.
LEFT_SECONDS = 0.05


def clock() -> int:
    """The time, in microseconds: what a commit is dated by."""
    return to_microseconds(datetime.now(UTC))


class Watermark:
    """Where the lake stands: `epoch` changes with a rebuild, `version` with every commit."""

    __slots__ = ("epoch", "version")

    def __init__(self, epoch: int, version: int) -> None:
        self.epoch = epoch
        self.version = version


class LakeTransaction:
    """The next version in the making. Append frames; they are committed together."""

    def __init__(self, version: int, marks: Mapping[str, int]) -> None:
        self.version = version
        self.messages = 0
        self.counts: dict[str, int] = {}
        self.inputs = "{}"
        self.committed_at = 0
        self.tables: dict[str, pl.DataFrame] = {}
        # As of the version before; the commit refuses where that is not the newest any more.
        self.marks = dict(marks)

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Append rows to a table; columns by name, missing ones null. Nothing for no rows."""
        if rows.height:
            known = self.tables.get(table.changes)
            self.tables[table.changes] = rows if known is None else pl.concat([known, rows], how="diagonal")


class LakeRewrite(LakeTransaction):
    """A version that is written to the lake itself. Statements run at once, in the lake's own transaction."""

    def __init__(self, version: int, connection: duckdb.DuckDBPyConnection, own_files_at: str | None) -> None:
        super().__init__(version, {})
        self._connection = connection
        self._own_files_at = own_files_at
        # Where merges will cut: a merge then replaces whole files.
        self._cuts = [each.first for each in read_ranges(connection)] or range(1, version + 1, VERSIONS_TOGETHER)

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Append rows to a table; columns by name, missing ones null. Nothing for no rows."""
        if rows.height:
            append_rows(self._connection, table, with_version(rows, self.version), self._own_files_at, self._cuts)

    def execute(self, sql: str, parameters: list[Any] | None = None) -> list[tuple]:
        """Run a statement; its rows."""
        return self._connection.execute(sql, parameters or []).fetchall()


class Landed:
    """Reads through a writer's connection what has landed: for who must not wait for a landing."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        return self._lake.query_landed(sql, parameters)

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        return read_batches(self._lake.connection, sql)


class Lake:
    """A writer's handle on the lake: its journal and one connection, both opened on first use.

    Queries see all that was committed: what has not landed lands first.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._journal: Journal | None = None
        self._is_exclusive = False
        self._is_fixed = False
        self._is_committing = False
        # Where somebody lands beside us, a commit need not.
        self.is_landed_by_others = False

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The writer's connection."""
        if self._connection is None:
            self._connection = with_retries(lambda: connect(self.settings))
        return self._connection

    @property
    def journal(self) -> Journal:
        """The journal of this lake.

        Raises:
            JournalError: It is missing, damaged or another lake's.
        """
        if self._journal is None:
            connection = self.connection  # it makes the journal of a lake that has none yet
            journal = open_journal(self.settings)
            try:
                with_retries(lambda: landing.check_journal(connection, journal))
            except BaseException:
                journal.close()
                raise
            self._journal = journal
        return self._journal

    def close(self) -> None:
        """Land what has not landed, and close; the next use opens the lake again.

        Where that fails the versions are safe in the journal, and whoever opens the lake next lands them.
        """
        with ExitStack() as stack:
            stack.callback(self._close)
            if self._journal is not None:
                self.settle()

    def forget(self) -> None:
        """Close without landing: for who has just landed everything."""
        self._close()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def limit_memory(self, limit: str) -> None:
        """Let DuckDB take at most this much from now on; what it caches beyond goes."""
        self.connection.execute(f"SET memory_limit = '{limit}'")

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query outside any transaction of ours, over all that was committed."""
        self.land()
        return self.query_landed(sql, parameters)

    def query_landed(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query over what has landed."""
        return with_retries(lambda: self.connection.execute(sql, parameters or []).pl())

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        self.land()
        return read_batches(self.connection, sql)

    def head(self) -> Head:
        """Where the lake stands now, what has not landed included."""
        return self.journal.head()

    def watermark(self) -> Watermark:
        """The newest version, landed or not."""
        head = self.head()
        return Watermark(head.epoch, head.version)

    def landed(self) -> Watermark:
        """The version that the lake shows."""
        return Watermark(*with_retries(lambda: landing.landed(self.connection)))

    def land(self) -> list[landing.Landing]:
        """Bring everything committed into the lake; what came together.

        Raises:
            LakeError, duckdb.Error: It could not be written; the versions are safe in the journal.
        """
        if self._is_fixed or self._is_committing:
            return []
        head = self.head()
        if head.version == head.landed and head.barrier is None:
            return []
        with self.exclusive():
            return with_retries(lambda: landing.land(self.connection, self.journal, self.settings))

    def settle(self) -> None:
        """Land what was just committed, unless somebody does beside us; never fails, for committed is committed."""
        if self.is_landed_by_others:
            return
        try:
            self.land()
        except Exception as error:  # to say that it was not would have it done twice
            logger.warning("versions stay in the journal for now: %s", error)

    @contextmanager
    def snapshot(self, *, lands: bool = True) -> Iterator[None]:
        """Let every query of the body see the lake as it is now, whatever others commit meanwhile.

        `lands`: all that was committed is in it; else what has landed.
        """
        if lands:
            self.land()
        with_retries(self._begin)
        self._is_fixed = True
        try:
            yield
        finally:
            self._is_fixed = False
            # Nothing was written, and a failed query has ended the transaction already.
            self.abandon()

    @contextmanager
    def exclusive(self, *, timeout_seconds: float = 60.0) -> Iterator[None]:
        """The right to write the lake itself; held already, it is no second one.

        No commit waits for it: those who land, rewrite files or make tables anew do.
        """
        if self._is_exclusive:
            yield
            return
        self.connection  # noqa: B018 # opening it takes the lock, so it is open before
        with lake_lock(self.settings, timeout_seconds=timeout_seconds):
            self._is_exclusive = True
            try:
                yield
            finally:
                self._is_exclusive = False

    @contextmanager
    def transaction(
        self, expected: Watermark, *, stage: Stage, run_id: str = "", code_version: str = ""
    ) -> Iterator[LakeTransaction]:
        """Make the version after `expected`, if nobody else has.

        The body may set the transaction's `messages`, `counts` and `inputs`,
        which go into `meta.versions`. Nothing is held while it runs, and nothing has landed after it
        (`settle`): first the caller takes in what it has done.

        Args:
            expected: The watermark the caller's work was based on; on success
                it is moved on, in place.
            stage: What makes the version.
            run_id, code_version: Who makes it.

        Raises:
            StaleStateError: The watermark is not the expected one. Nothing was written.
            LakeError: The journal cannot be written. Nothing was.
        """
        journal = self.journal
        head = journal.head()
        if head.barrier is not None and self._settle_left_barrier():
            head = journal.head()
        check_head(head, expected.epoch, expected.version)
        transaction = LakeTransaction(expected.version + 1, head.marks)
        yield transaction
        transaction.committed_at = clock()
        transaction.append(VERSIONS, _version_row(transaction, stage, run_id, code_version))
        rows = sum(frame.height for frame in transaction.tables.values())
        entry = JournaledVersion(
            transaction.version, str(stage), transaction.committed_at, rows, encode(transaction.tables)
        )
        journal.commit(expected.epoch, expected.version, entry, transaction.marks)
        expected.version = transaction.version

    def _settle_left_barrier(self) -> bool:
        """Finish or withdraw what whoever was killed had begun to make anew; False while somebody is at it."""
        if self._is_fixed:
            return False  # we are
        try:
            # Who makes the lake anew has the right to write it for as long as there is a barrier.
            with self.exclusive(timeout_seconds=LEFT_SECONDS):
                self._settle_barrier()
        except LakeBusyError:
            return False
        return True

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Let nobody else commit: for who was late, to catch up and be first."""
        # Nothing lands in here: who lands waits for those who commit, with the right to write the lake.
        with self.journal.exclusive():
            self._is_committing = True
            try:
                yield
            finally:
                self._is_committing = False
        self.settle()

    @contextmanager
    def rewriting(
        self,
        expected: Watermark | None,
        *,
        stage: Stage,
        code_version: str = "",
        next_version: int | None = None,
    ) -> Iterator[LakeRewrite]:
        """Make the version after `expected`, or after the newest, in the lake itself, under a new epoch.

        Other writers wait at the journal's head until it is done. Killed in between, whoever opens the
        lake next finishes or withdraws it (`landing.settle_barrier`).

        Args:
            expected, stage, code_version: As for `transaction`; without `expected` nobody can be first.
            next_version: Where an archive's versions come before this one.

        Raises:
            StaleStateError: The watermark is not the expected one. Nothing was written.
        """
        own_files_at = None if self.settings.is_embedded else self.settings.data_uri
        with self.exclusive():
            with self.journal.exclusive():
                self.land()
                known = expected or self.watermark()
                version = next_version or known.version + 1
                barrier = Barrier(str(stage), known.epoch, known.version, known.epoch + 1, version)
                self.journal.begin_barrier(barrier)
            connection = self.connection
            began = time.time()
            try:
                with_retries(self._begin)
                self._is_fixed = True
                landing.advance(connection, (barrier.epoch, barrier.version), (barrier.next_epoch, version))
                rewrite = LakeRewrite(version, connection, own_files_at)
                yield rewrite
                rewrite.committed_at = clock()
                rewrite.append(VERSIONS, _version_row(rewrite, stage, "", code_version))
                landing.commit(connection, f"version {version}: {stage}", self.settings, began)
            except BaseException:
                self.abandon()
                # Where the answer to the COMMIT was lost, the lake says what came of it.
                self._settle_barrier()
                raise
            finally:
                self._is_fixed = False
            self._settle_barrier()
        known.version, known.epoch = version, barrier.next_epoch

    def _begin(self) -> None:
        """Begin a transaction: it sees the lake as of its first query, which is when a locked catalog says so."""
        self.connection.execute("BEGIN")
        try:
            landing.landed(self.connection)
        except BaseException:
            self.abandon()
            raise

    def _settle_barrier(self) -> None:
        with_retries(lambda: landing.settle_barrier(self.connection, self.journal, self.settings))

    def abandon(self) -> None:
        """Roll back whatever is open; a failed COMMIT has ended its transaction already."""
        try:
            self.connection.execute("ROLLBACK")
        except duckdb.Error:
            pass


def with_version(rows: pl.DataFrame, version: int) -> pl.DataFrame:
    """Rows with the version that they are of, unless they say theirs."""
    return rows if "version" in rows.columns else rows.hstack([same(version, rows.height)])


def _version_row(transaction: LakeTransaction, stage: Stage, run_id: str, code_version: str) -> pl.DataFrame:
    return VERSIONS.frame(
        stage=[str(stage)],
        messages=[transaction.messages],
        counts=[json.dumps(transaction.counts, sort_keys=True)],
        inputs=[transaction.inputs],
        run_id=[run_id],
        code_version=[code_version],
        committed_at=[transaction.committed_at],
        semantics=[SEMANTICS],
    )

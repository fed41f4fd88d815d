"""One transaction of the lake: the next version, all tables or none.

Here: BEGIN, the watermark's compare-and-set, appends, COMMIT. Stages are handed
a `LakeTransaction` and know nothing of locks or DuckLake.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import duckdb
import polars as pl

from inventory_assets.domain.ingest.meaning import SEMANTICS
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.catalog.connect import CATALOG, connect
from inventory_assets.lake.errors import LakeError, StaleStateError
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.query.reader import read_batches
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import VERSIONS, WATERMARKS, Table
from inventory_assets.lake.upkeep.orphans import append_as_files
from inventory_assets.settings import Settings

T = TypeVar("T")


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
    """The next version in the making. Append frames; the lake commits them together.

    Statements run in order on a thread of their own, so that the next frame is
    built while the last one is written; an error surfaces at the commit, and
    nothing runs after it.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: int,
        worker: ThreadPoolExecutor,
        own_files_at: str | None = None,
    ) -> None:
        self.version = version
        self.messages = 0
        self.counts: dict[str, int] = {}
        self.inputs = "{}"
        self.committed_at = 0
        self._connection = connection
        self._worker = worker
        self._own_files_at = own_files_at
        self._pending: list[Future[Any]] = []
        self.failure: BaseException | None = None

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Append rows to a table; columns by name, missing ones null. Nothing for no rows."""
        if rows.height:
            self._submit(self._insert, table, rows)

    def execute(self, sql: str, parameters: list[Any] | None = None) -> list[tuple]:
        """Run a statement in its turn and wait for its rows."""
        return self._submit(lambda: self._connection.execute(sql, parameters or []).fetchall()).result()

    def run(self, step: Callable[[], Any]) -> None:
        """Run a step in its turn, without waiting."""
        self._submit(step)

    def settle(self) -> None:
        """Wait for everything submitted; raises the first error."""
        for future in self._pending:
            future.result()
        self._pending.clear()

    def cancel(self) -> None:
        """Wait until nothing runs any more, whatever came of it."""
        for future in self._pending:
            future.cancel()
        wait(self._pending)
        self._pending.clear()

    def _submit(self, step: Callable[..., T], *arguments: Any) -> Future[T]:
        future = self._worker.submit(self._in_turn, step, *arguments)
        self._pending.append(future)
        return future

    def _in_turn(self, step: Callable[..., T], *arguments: Any) -> T:
        if self.failure is not None:
            # After a failed BEGIN every further statement would commit by itself.
            raise LakeError(f"version {self.version} was given up: an earlier statement of it failed")
        try:
            return step(*arguments)
        except BaseException as error:
            self.failure = error
            raise

    def _insert(self, table: Table, rows: pl.DataFrame) -> None:
        if "version" not in rows.columns:
            rows = rows.with_columns(pl.lit(self.version, pl.Int64).alias("version"))
        if self._own_files_at is not None:
            append_as_files(self._connection, self._own_files_at, table, rows)
            return
        names = ", ".join(rows.columns)
        # A stream: of a table DuckDB would make a pyarrow data set, half of what an insert costs.
        self._connection.register("_rows", rows.to_arrow().to_reader())
        try:
            self._connection.execute(f"INSERT INTO {CATALOG}.{table.changes} ({names}) SELECT {names} FROM _rows")
        finally:
            self._connection.unregister("_rows")


class Lake:
    """A writer's handle on the lake: one connection, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._is_exclusive = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="lake")

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The writer's connection."""
        if self._connection is None:
            self._connection = with_retries(lambda: connect(self.settings))
        return self._connection

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def limit_memory(self, limit: str) -> None:
        """Let DuckDB take at most this much from now on; what it caches beyond goes."""
        self.connection.execute(f"SET memory_limit = '{limit}'")

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query outside any transaction of ours."""
        return with_retries(lambda: self.connection.execute(sql, parameters or []).pl())

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        return read_batches(self.connection, sql)

    def watermark(self) -> Watermark:
        """Read where the lake stands now."""
        # Its one row has no condition: DuckLake would look for files to skip.
        sql = f"SELECT epoch, version FROM {CATALOG}.{WATERMARKS.full_name}"
        row = with_retries(lambda: self.connection.execute(sql).fetchone())
        assert row is not None  # made with the tables
        return Watermark(row[0], row[1])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every query of the body see the lake as it is now, whatever others commit meanwhile."""
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            # Nothing was written, and a failed query has ended the transaction already.
            self.abandon()

    @contextmanager
    def exclusive(self, *, timeout_seconds: float = 60.0) -> Iterator[None]:
        """The writer lock where the catalog needs one; held already, it is no second one."""
        if not self.settings.is_embedded or self._is_exclusive:
            yield
            return
        self.connection  # noqa: B018 # opening it takes the lock, so it is open before
        with writer_lock(self.settings.lock_path, timeout_seconds=timeout_seconds):
            self._is_exclusive = True
            try:
                yield
            finally:
                self._is_exclusive = False

    @contextmanager
    def transaction(
        self,
        expected: Watermark,
        *,
        stage: Stage,
        run_id: str = "",
        code_version: str = "",
        next_epoch: int | None = None,
        next_version: int | None = None,
    ) -> Iterator[LakeTransaction]:
        """Make the version after `expected`, if nobody else has.

        The body may set the transaction's `messages`, `counts` and `inputs`,
        which go into `meta.versions`.

        Args:
            expected: The watermark the caller's work was based on; on success
                it is moved on, in place.
            stage: What makes the version.
            run_id, code_version: Who makes it.
            next_epoch: A new epoch, which makes every other warm state stale.
            next_version: Where an archive's versions come before this one.

        Raises:
            StaleStateError: The watermark is not the expected one. Nothing was written.
        """
        version = next_version or expected.version + 1
        epoch = next_epoch or expected.epoch
        with self.exclusive():
            connection = self.connection
            # Across a network the answer to a COMMIT can be lost (`files`).
            own_files_at = None if self.settings.is_embedded else self.settings.data_uri
            transaction = LakeTransaction(connection, version, self._worker, own_files_at)
            try:
                transaction.run(lambda: connection.execute("BEGIN"))
                transaction.run(lambda: self._advance(connection, expected, epoch, version))
                yield transaction
                transaction.committed_at = clock()
                transaction.append(VERSIONS, _version_row(transaction, stage, run_id, code_version))
                transaction.settle()
                connection.execute(
                    f"CALL {CATALOG}.set_commit_message('inventory', ?)", [f"version {version}: {stage}"]
                )
                connection.execute("COMMIT")
            except BaseException as error:
                transaction.cancel()
                self.abandon()
                # A body that waits for a statement's rows sees only that an earlier one failed.
                if transaction.failure is not None and isinstance(error, LakeError):
                    error = transaction.failure
                if isinstance(error, duckdb.TransactionException) and "watermarks" in str(error):
                    raise StaleStateError(f"another writer made version {version} first") from error
                raise error
        expected.version, expected.epoch = version, epoch

    def _advance(self, connection: duckdb.DuckDBPyConnection, expected: Watermark, epoch: int, version: int) -> None:
        # greatest() hides the comparison from DuckLake, which would otherwise look for files to
        # skip, twice, by reading the statistics of every file of the lake: 18 ms, growing.
        changed = connection.execute(
            f"UPDATE {CATALOG}.meta.watermarks SET version = ?, epoch = ? "
            "WHERE greatest(version, -1) = ? AND greatest(epoch, -1) = ?",
            [version, epoch, expected.version, expected.epoch],
        ).fetchone()
        if not changed or changed[0] != 1:
            raise StaleStateError(
                f"the watermark was not (epoch {expected.epoch}, version {expected.version}) any more: "
                "another writer was here; reload and try again"
            )

    def abandon(self) -> None:
        """Roll back whatever is open; a failed COMMIT has ended its transaction already."""
        try:
            self.connection.execute("ROLLBACK")
        except duckdb.Error:
            pass


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

"""Bring journaled versions into the lake, many in one transaction, and onto the disk before the journal lets go.

Here: the steps, in the order that survives a kill or a power cut after any of
them. Not here: when it is done (`lander`), and the right to do it (`Lake.exclusive`).
"""

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.catalog.create import FORMAT
from inventory_assets.lake.durable import commit_written, sync_new_files
from inventory_assets.lake.errors import JournalError, LakeError, StaleStateError
from inventory_assets.lake.journal.body import gather
from inventory_assets.lake.journal.contract import JournaledVersion
from inventory_assets.lake.journal.sql import REMEDY, Journal
from inventory_assets.lake.tables import APPEND_TABLES, CATALOG, LANDED, VERSIONED_TABLES
from inventory_assets.lake.writing import append_rows
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# One transaction of the lake takes so many rows or bytes: after a jam, its memory is bounded by them.
LANDING_ROWS = 150_000
LANDING_BYTES = 32 << 20
_TABLES = {table.changes: table for table in (*APPEND_TABLES, *VERSIONED_TABLES)}


class Landing(NamedTuple):
    """Versions that came into the lake together."""

    first: int
    last: int
    rows: int


def landed(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """(epoch, version) that the lake shows."""
    # Its one row has no condition: DuckLake would look for files to skip.
    row = connection.execute(f"SELECT epoch, version FROM {CATALOG}.{LANDED.full_name}").fetchone()
    assert row is not None  # made with the tables
    return row[0], row[1]


def check_journal(connection: duckdb.DuckDBPyConnection, journal: Journal) -> tuple[int, int]:
    """Refuse a journal that is not this lake's, not of its time, or not whole. Others may commit and land meanwhile.

    Returns:
        (epoch, version) that the lake shows.

    Raises:
        JournalError: What is wrong, what may be lost, and what to do.
    """
    before = journal.head()
    row = connection.execute(f"SELECT epoch, version, journal_id, format FROM {CATALOG}.{LANDED.full_name}").fetchone()
    assert row is not None  # made with the tables
    epoch, version, journal_id, format_ = row
    if format_ > FORMAT:
        raise LakeError(
            f"the lake's format was {format_}; this release writes {FORMAT}. Use the newer release, or go back with "
            "its `inventory lake downgrade`."
        )
    # The lake as it was in between is neither before the one nor after the other.
    head = journal.head()
    if journal_id != head.journal_id:
        raise JournalError(
            f"the journal is {head.journal_id}, but the lake's is {journal_id}: one of the two was put here from "
            f"elsewhere. {REMEDY}"
        )
    if before.barrier is not None or head.barrier is not None:
        return epoch, version  # whoever lands settles it
    if version < before.landed or epoch < before.epoch:
        raise JournalError(
            f"the lake is at (epoch {epoch}, version {version}), but its journal saw it at ({before.epoch}, "
            f"{before.landed}) on disk: the lake is an older copy than the journal, and lacks what landed since. "
            "Put lake and journal back from one copy, or begin a new journal with `inventory lake new-journal`, "
            "which goes on from the lake."
        )
    if version > head.version or epoch > head.epoch:
        raise JournalError(
            f"the lake is at (epoch {epoch}, version {version}), but its journal is at ({head.epoch}, {head.version}): "
            f"the journal is an older copy than the lake. {REMEDY}"
        )
    if (lacking := journal.lacking()) != 0:
        raise JournalError(
            f"the journal lacks {lacking} of the versions {head.landed + 1} to {head.version}, which have not landed "
            f"in the lake. {REMEDY}"
        )
    return epoch, version


def land(connection: duckdb.DuckDBPyConnection, journal: Journal, settings: Settings) -> list[Landing]:
    """Bring everything journaled into the lake. For who has the right to write it.

    Each landing: one transaction, whose files and new folders are synced before its COMMIT, which neither
    DuckDB nor DuckLake does; the catalog syncs itself with that; then the journal's head moves. After a kill in
    between the next landing begins where the lake says, and syncs what it names.

    Raises:
        LakeError, duckdb.Error: It could not be written; the versions are safe in the journal.
    """
    settle_barrier(connection, journal, settings)
    epoch, version = check_journal(connection, journal)
    head = journal.head()
    if version > head.landed:
        # Somebody was killed between the commit and the journal's head.
        _make_sure(connection, journal, settings, version, after=head.snapshot)
        head = journal.head()
    done = []
    for group in _groups(journal, version, head.version):
        first, last = group[0].version, group[-1].version
        if first != version + 1 or last - first + 1 != len(group):
            raise JournalError(
                f"the journal lacks versions between {version + 1} and {head.version}: it has {first} next. {REMEDY}"
            )
        began = time.time()
        try:
            connection.execute("BEGIN")
            advance(connection, (epoch, version), (epoch, last))
            rows = _append(connection, group, None if settings.is_embedded else settings.data_uri)
            message = f"version {first}: {group[0].stage}" if first == last else f"versions {first} to {last}"
            commit(connection, message, settings, began)
        except BaseException:
            _roll_back(connection)
            raise
        version = last
        # Of before the first landing, files may never have been synced.
        _make_sure(connection, journal, settings, version, after=None if head.snapshot else 0)
        head = journal.head()
        done.append(Landing(first, last, rows))
    if version < head.version and not done:
        raise JournalError(f"the journal lacks versions {version + 1} to {head.version}. {REMEDY}")
    return done


def settle_barrier(connection: duckdb.DuckDBPyConnection, journal: Journal, settings: Settings) -> None:
    """Finish or withdraw what was being made anew: the lake says which. For who has the right to write it."""
    head = journal.head()
    barrier = head.barrier
    if barrier is None:
        return
    if landed(connection) == (barrier.next_epoch, barrier.next_version):
        journal.end_barrier(sync_new_files(connection, settings, head.snapshot))
        logger.info("version %d (%s) is in the lake", barrier.next_version, barrier.stage)
    else:
        journal.withdraw_barrier()
        logger.warning(
            "version %d (%s) did not come about; the lake stays at version %d",
            barrier.next_version, barrier.stage, barrier.version,
        )  # fmt: skip


def advance(connection: duckdb.DuckDBPyConnection, known: tuple[int, int], now: tuple[int, int]) -> None:
    """Move the lake's (epoch, version) on, in the open transaction.

    Raises:
        StaleStateError: It is not at `known` any more.
    """
    # greatest() hides the comparison from DuckLake, which would otherwise look for files to
    # skip, twice, by reading the statistics of every file of the lake: 18 ms, growing.
    changed = connection.execute(
        f"UPDATE {CATALOG}.{LANDED.full_name} SET epoch = ?, version = ? "
        "WHERE greatest(epoch, -1) = ? AND greatest(version, -1) = ?",
        [*now, *known],
    ).fetchone()
    if not changed or changed[0] != 1:
        raise StaleStateError(f"the lake was not at (epoch {known[0]}, version {known[1]}) any more; try again")


def commit(connection: duckdb.DuckDBPyConnection, message: str, settings: Settings, since: float) -> None:
    """Commit the open transaction, begun at `since`, saying what it brings."""
    connection.execute(f"CALL {CATALOG}.set_commit_message('inventory', ?)", [message])
    commit_written(connection, settings, since)


def _append(connection: duckdb.DuckDBPyConnection, group: list[JournaledVersion], own_files_at: str | None) -> int:
    count = 0
    for name, rows in gather((each.version, each.body) for each in group).items():
        if name not in _TABLES:
            raise JournalError(
                f"the journal has rows of {name}, which this release has no table for: a newer one wrote them. "
                "Use that one."
            )
        if unknown := sorted({*rows.columns} - {*_TABLES[name].columns}):
            raise JournalError(
                f"the journal has rows of {name} with {', '.join(unknown)}, which this release does not know: a newer "
                "one wrote them. Use that one."
            )
        append_rows(connection, _TABLES[name], rows, own_files_at)
        count += rows.height
    return count


def _make_sure(
    connection: duckdb.DuckDBPyConnection, journal: Journal, settings: Settings, version: int, *, after: int | None
) -> None:
    snapshot = sync_new_files(connection, settings, after)
    journal.note_landed(version, snapshot)
    journal.forget(to_microseconds(datetime.now(UTC)))


def _groups(journal: Journal, after: int, upto: int) -> Iterable[list[JournaledVersion]]:
    group: list[JournaledVersion] = []
    rows = size = 0
    for each in journal.read(after, upto):
        if group and (rows + each.rows > LANDING_ROWS or size + len(each.body) > LANDING_BYTES):
            yield group
            group, rows, size = [], 0, 0
        group.append(each)
        rows, size = rows + each.rows, size + len(each.body)
    if group:
        yield group


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        pass  # a failed COMMIT has ended the transaction already

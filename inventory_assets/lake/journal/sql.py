"""A journal in a database that speaks SQL: what SQLite and PostgreSQL have in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from inventory_assets.lake.errors import JournalError, StaleStateError
from inventory_assets.lake.journal.contract import (
    FORMAT,
    KEPT_SECONDS,
    KEPT_VERSIONS,
    Backlog,
    Barrier,
    Head,
    JournaledVersion,
)

HEAD, VERSIONS = "inventory_head", "inventory_versions"
TABLES = (
    f"CREATE TABLE {HEAD} (one BIGINT PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL, journal_id TEXT NOT NULL, "
    "epoch BIGINT NOT NULL, version BIGINT NOT NULL, landed BIGINT NOT NULL, snapshot BIGINT NOT NULL, "
    "barrier TEXT, marks TEXT NOT NULL)",
    # The body last: SQLite reads what is before it without it.
    f"CREATE TABLE {VERSIONS} (version BIGINT PRIMARY KEY, stage TEXT NOT NULL, committed_at BIGINT NOT NULL, "
    "row_count BIGINT NOT NULL, bytes BIGINT NOT NULL, body {blob} NOT NULL)",
)
FIRST_HEAD = f"INSERT INTO {HEAD} VALUES (1, {FORMAT}, ?, ?, ?, ?, ?, NULL, '{{}}')"
SELECT_HEAD = f"SELECT format, journal_id, epoch, version, landed, snapshot, barrier, marks FROM {HEAD}"


class Journal(ABC):
    """The one of a lake, open, but for its database: statements have `?` for parameters.

    Methods raise `LakeError` where it cannot be read or written.
    """

    # What a database adds to read the head so that it stays until the transaction ends.
    for_update = ""

    @abstractmethod
    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Run a statement; its rows, if it has any."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]:
        """A transaction that writes: durable when it ends, undone when it fails."""

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers of the journal away: for who was late, to catch up and be first."""

    @abstractmethod
    def mark_lander(self) -> None:
        """Say, until it is closed, that somebody lands."""

    @abstractmethod
    def has_lander(self) -> bool:
        """Whether somebody lives who lands."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    def head(self) -> Head:
        """Where the lake stands now."""
        return self._head("")

    def commit(self, epoch: int, known: int, entry: JournaledVersion, marks: Mapping[str, int]) -> None:
        """Make `entry` the next version, durably, and set marks.

        Raises:
            StaleStateError: The head is not at (epoch, known), or the lake is being rebuilt.
            LakeError: It cannot be written; nothing was.
        """
        with self._transaction():
            head = self._head(self.for_update)
            check_head(head, epoch, known)
            self._execute(
                f"UPDATE {HEAD} SET version = ?, marks = ?", (entry.version, json.dumps({**head.marks, **marks}))
            )
            self._execute(
                f"INSERT INTO {VERSIONS} VALUES (?, ?, ?, ?, ?, ?)",
                (entry.version, entry.stage, entry.committed_at, entry.rows, len(entry.body), entry.body),
            )

    def read(self, after: int, upto: int) -> Iterator[JournaledVersion]:
        """Versions in order, those that it still has; one body at a time in memory."""
        sql = f"SELECT version, stage, committed_at, row_count, body FROM {VERSIONS} WHERE version = ?"
        for version in range(after + 1, upto + 1):
            for row in self._execute(sql, (version,)):
                yield JournaledVersion(*row)

    def stages(self, after: int, upto: int) -> list[str]:
        """What made the versions, of those that it still has."""
        sql = f"SELECT stage FROM {VERSIONS} WHERE version > ? AND version <= ? ORDER BY version"
        return [row[0] for row in self._execute(sql, (after, upto))]

    def count_rows(self, after: int, upto: int) -> int:
        """How many rows the versions have, of those that it still has; no body is read."""
        sql = f"SELECT CAST(coalesce(sum(row_count), 0) AS BIGINT) FROM {VERSIONS} WHERE version > ? AND version <= ?"
        return self._execute(sql, (after, upto))[0][0]

    def backlog(self) -> Backlog:
        """What has not landed."""
        found = self._execute(
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT), min(committed_at) "
            f"FROM {VERSIONS} WHERE version > (SELECT landed FROM {HEAD})"
        )
        return Backlog(*found[0])

    def lacking(self) -> int:
        """Of how many versions that have not landed it has no rows; 0 while it is whole."""
        # One statement: others commit and land meanwhile. A barrier's version has no rows here.
        found = self._execute(
            f"SELECT CASE WHEN barrier IS NULL THEN version - landed ELSE 0 END - (SELECT count(*) FROM {VERSIONS} v "
            f"WHERE v.version > h.landed) FROM {HEAD} h"
        )
        return found[0][0]

    def note_landed(self, version: int, snapshot: int) -> None:
        """The versions up to this one are in the lake and on disk."""
        with self._transaction():
            self._execute(f"UPDATE {HEAD} SET landed = ?, snapshot = ? WHERE landed <= ?", (version, snapshot, version))

    def forget(self, now: int) -> None:
        """Let go of landed versions that are old and many; `now` in microseconds."""
        bounds = (KEPT_VERSIONS, now - KEPT_SECONDS * 1_000_000)
        old = f"FROM {VERSIONS} WHERE version <= (SELECT landed FROM {HEAD}) - ? AND committed_at < ?"
        # To write costs a sync, and most landings make nothing old.
        if self._execute(f"SELECT 1 {old} LIMIT 1", bounds):
            with self._transaction():
                self._execute(f"DELETE {old}", bounds)

    def begin_barrier(self, barrier: Barrier) -> None:
        """Move the head past a version that is written to the lake itself; no writer passes it.

        Raises:
            StaleStateError: The head is not where `barrier` begins, or something has not landed.
        """
        with self._transaction():
            head = self._head(self.for_update)
            check_head(head, barrier.epoch, barrier.version)
            if head.landed != head.version:
                raise StaleStateError(
                    f"versions {head.landed + 1} to {head.version} were committed meanwhile; try again"
                )
            self._execute(
                f"UPDATE {HEAD} SET epoch = ?, version = ?, barrier = ?",
                (barrier.next_epoch, barrier.next_version, msgspec.json.encode(barrier).decode()),
            )

    def end_barrier(self, snapshot: int) -> None:
        """The barrier's version is in the lake and on disk."""
        with self._transaction():
            self._execute(f"UPDATE {HEAD} SET landed = version, snapshot = ?, barrier = NULL", (snapshot,))

    def withdraw_barrier(self) -> None:
        """The barrier's version did not come about: the head is where it was."""
        with self._transaction():
            if (barrier := self._head(self.for_update).barrier) is not None:
                self._execute(
                    f"UPDATE {HEAD} SET epoch = ?, version = ?, barrier = NULL", (barrier.epoch, barrier.version)
                )

    def _head(self, for_update: str) -> Head:
        found = self._execute(f"{SELECT_HEAD} {for_update}")
        if not found:
            raise JournalError(f"the journal has no head. {REMEDY}")
        try:
            return _to_head(*found[0])
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise JournalError(f"the journal's head is damaged: {error}. {REMEDY}") from error


REMEDY = (
    "Versions that had not landed in the lake were in it. Put it back from a copy, or begin a new one with "
    "`inventory lake new-journal`, which says what may be lost."
)


def check_head(head: Head, epoch: int, known: int) -> None:
    """Refuse what was made for another state of the lake.

    Raises:
        StaleStateError: The head is elsewhere.
    """
    if head.barrier is not None:
        raise StaleStateError(
            f"the lake is being made anew ({head.barrier.stage}, version {head.version}); try again when that is done"
        )
    if (head.epoch, head.version) != (epoch, known):
        raise StaleStateError(
            f"the lake was not at (epoch {epoch}, version {known}) any more but at ({head.epoch}, {head.version}): "
            "another writer was here; reload and try again"
        )


def _to_head(
    format_: int, journal_id: str, epoch: int, version: int, landed: int, snapshot: int, barrier: str | None, marks: str
) -> Head:
    if format_ > FORMAT:
        raise JournalError(
            f"the journal's format was {format_}; this release writes {FORMAT}. Use the newer release, "
            "or go back with its `inventory lake downgrade`."
        )
    found = None if barrier is None else msgspec.json.decode(barrier, type=Barrier)
    return Head(journal_id, epoch, version, landed, snapshot, found, json.loads(marks))

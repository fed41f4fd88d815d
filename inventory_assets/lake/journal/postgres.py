"""A journal in a table of the PostgreSQL database that holds the lake's catalog."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inventory_assets.lake.catalog.postgres import split_password
from inventory_assets.lake.errors import JournalError, LakeError, LakeInterruptedError
from inventory_assets.lake.journal.server import (
    HEAD_LOCK,
    LANDER_LOCK,
    has_ended,
    in_our_words,
    open_session,
    session_of,
)
from inventory_assets.lake.journal.sql import FIRST_HEAD, HEAD, REMEDY, TABLES, VERSIONS, Journal

if TYPE_CHECKING:
    import psycopg

# How long it is asked what became of a COMMIT whose answer was lost: a server that restarts is back by then.
_ASKED_AFTER_SECONDS = (0.0, 0.1, 0.3, 1.0, 2.0, 3.0)


class PostgresJournal(Journal):
    """The journal of a lake whose catalog is on a server: one session, whose threads take turns.

    A session that ends between two transactions is followed by another. Within one, every statement fails
    from then on until who began it has left it: in a new session, each would be a transaction of its own.
    """

    for_update = "FOR UPDATE"

    def __init__(self, catalog: str) -> None:
        self._catalog = catalog
        self._turn = threading.RLock()
        self._session: psycopg.Connection[Any] | None = None
        self._is_exclusive = self._is_begun = self._is_lander = False
        # Why the transaction that is begun can only be left.
        self._failure: LakeError | None = None
        try:
            if not self._execute(f"SELECT to_regclass('{HEAD}') IS NOT NULL")[0][0]:
                raise JournalError(f"the journal in {split_password(catalog)[0]!r} is missing. {REMEDY}")
            self.head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it."""
        with self._turn:
            if self._session is not None:
                self._session.close()
                self._session = None

    def mark_lander(self) -> None:
        """Say, until it is closed, that somebody lands; the server forgets it with the session."""
        with self._turn:
            if not self._is_lander:
                self._execute(_MARK)
                self._is_lander = True

    def has_lander(self) -> bool:
        """Whether somebody lives who lands."""
        [(is_there,)] = self._execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND mode = 'ShareLock' AND granted "
            f"AND classid = 0 AND objid = {LANDER_LOCK} AND objsubid = 1)"
        )
        return is_there

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers of the journal away: for who was late, to catch up and be first.

        The session's own lock, over as many transactions as the body makes: what it commits is durable at once.
        Where the session ends meanwhile the lock has gone, and a commit may be refused as stale.
        """
        with self._turn:
            if self._is_exclusive:
                yield
                return
            # A queue: the server serves who waits in turn.
            self._execute(f"SELECT pg_advisory_lock({HEAD_LOCK})")
            self._is_exclusive = True
            try:
                yield
            finally:
                self._is_exclusive = False
                self._unlock()

    def _unlock(self) -> None:
        import psycopg

        if self._session is not None:
            try:
                self._ask(f"SELECT pg_advisory_unlock({HEAD_LOCK})", ())
            except psycopg.Error:
                self.close()  # with the session it goes, too

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._turn:
            # By its number the server can be asked what became of it. All in one message: a network's way once.
            try:
                [(number,)] = self._execute(
                    f"BEGIN; SELECT pg_advisory_xact_lock({HEAD_LOCK}); SELECT CAST(pg_current_xact_id() AS TEXT)"
                )
            except BaseException:
                self._roll_back()
                raise
            self._is_begun = True
            try:
                yield
                self._execute("COMMIT")
            except BaseException as error:
                is_over = self._session is None
                self._roll_back()
                if not (is_over and isinstance(error, LakeInterruptedError) and self._has_held(number)):
                    raise
            finally:
                self._is_begun, self._failure = False, None

    def _roll_back(self) -> None:
        self._is_begun, self._failure = False, None
        if self._session is not None:
            try:
                self._execute("ROLLBACK")
            except LakeError:
                self.close()  # the session has ended, and the transaction with it

    def _has_held(self, number: str) -> bool:
        """Whether a transaction whose session ended holds: the answer to its COMMIT may have been lost."""
        for pause in _ASKED_AFTER_SECONDS:
            time.sleep(pause)
            try:
                [(status,)] = self._execute("SELECT pg_xact_status(CAST(? AS xid8))", (number,))
            except LakeError:
                continue
            if status != "in progress":
                return status == "committed"
        return False

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        import psycopg

        with self._turn:
            if self._failure is not None:
                raise type(self._failure)(str(self._failure))
            for may_be_idle in (self._session is not None and not self._is_begun, False):
                try:
                    return self._ask(sql, parameters)
                except psycopg.Error as error:
                    is_cut_off = self._session is None or has_ended(self._session, error)
                    if is_cut_off:
                        self.close()
                    if is_cut_off and may_be_idle:
                        continue  # it ended while nobody used it, with its server perhaps: nothing was begun in it
                    failure = in_our_words(error, self._catalog, is_cut_off=is_cut_off)
                    if self._is_begun:
                        self._failure = failure
                    raise failure from error
            raise AssertionError("the second try returns or raises")

    def _ask(self, sql: str, parameters: Sequence[object]) -> list[tuple]:
        if self._session is None:
            self._session = open_session(self._catalog)
            if self._is_lander:
                self._session.execute(_MARK)  # type: ignore[arg-type] # a constant
        # As bytes, not as text: a body would take twice its size.
        cursor = (
            self._session.execute(sql.replace("?", "%s"), parameters, binary=True)  # type: ignore[arg-type]
            if parameters
            else self._session.execute(sql)  # type: ignore[arg-type]
        )
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


_MARK = f"SELECT pg_advisory_lock_shared({LANDER_LOCK})"


def make_postgres_journal(catalog: str, journal_id: str, *, epoch: int, version: int) -> None:
    """Make the journal of a lake that stands at a version; one that is there already goes."""
    with session_of(catalog) as session, session.transaction():
        session.execute(f"DROP TABLE IF EXISTS {HEAD}, {VERSIONS}")
        for statement in TABLES:
            session.execute(statement.format(blob="BYTEA"))  # type: ignore[arg-type]
        # Bodies are compressed already. Rows go soon: their room is wanted back before a fifth of all are dead.
        session.execute(f"ALTER TABLE {VERSIONS} ALTER COLUMN body SET STORAGE EXTERNAL")
        session.execute(
            f"ALTER TABLE {VERSIONS} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, "
            "toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000)"
        )
        session.execute(f"ALTER TABLE {HEAD} SET (fillfactor = 10, autovacuum_vacuum_threshold = 500)")
        session.execute(
            FIRST_HEAD.replace("?", "%s"),  # type: ignore[arg-type]
            (journal_id, epoch, version, version, 0),
        )


def drop_postgres_journal(catalog: str) -> None:
    """Put the journal away, for good."""
    with session_of(catalog) as session:
        session.execute(f"DROP TABLE IF EXISTS {HEAD}, {VERSIONS}")

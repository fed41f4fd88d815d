"""A journal in a table of the PostgreSQL database that holds the lake's catalog."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inventory_assets.lake.catalog.postgres import PREFIX, split_password
from inventory_assets.lake.errors import JournalError, LakeBusyError, LakeError, LakeInterruptedError
from inventory_assets.lake.journal.sql import FIRST_HEAD, REMEDY, TABLES, VERSIONS, SqlJournal

if TYPE_CHECKING:
    import psycopg

# Advisory locks are of the database, told apart by number: the right to write the lake itself, and that somebody lands.
LAKE_LOCK, LANDER_LOCK = 0x1A4E02, 0x1A4E03
LOCK_MILLISECONDS = 60_000
MARK_LANDER = f"SELECT pg_advisory_lock_shared({LANDER_LOCK})"


class PostgresJournal(SqlJournal):
    """The journal of a lake whose catalog is on a server: one session, whose threads take turns."""

    for_update = "FOR UPDATE"

    def __init__(self, catalog: str) -> None:
        self._catalog = catalog
        self._turn = threading.RLock()
        self._session: psycopg.Connection[Any] | None = None
        self._is_exclusive = self._is_begun = self._is_lander = False
        if not self._execute("SELECT to_regclass('inventory_head') IS NOT NULL")[0][0]:
            raise JournalError(f"the journal in {split_password(catalog)[0]!r} is missing. {REMEDY}")
        self.head()

    def close(self) -> None:
        """Close it."""
        with self._turn:
            if self._session is not None:
                self._session.close()
                self._session = None

    def mark_lander(self) -> None:
        """Say, until it is closed, that somebody lands; in a session after one that ended, too."""
        self._is_lander = True
        self._execute(MARK_LANDER)

    def has_lander(self) -> bool:
        """Whether somebody lives who lands."""
        [(is_free,)] = self._execute("SELECT pg_try_advisory_lock(?)", (LANDER_LOCK,))
        if is_free:
            self._execute("SELECT pg_advisory_unlock(?)", (LANDER_LOCK,))
        return not is_free

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers of the journal away: for who was late, to catch up and be first."""
        with self._turn:
            if self._is_exclusive:
                yield
                return
            # The head's own row: a commit waits for it, and the server serves who waits in turn.
            with self._begun():
                self._execute("SELECT version FROM inventory_head FOR UPDATE")
                self._is_exclusive = True
                try:
                    yield
                finally:
                    self._is_exclusive = False

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._turn:
            if self._is_exclusive:
                yield  # within the one that holds the head
                return
            with self._begun():
                yield

    def _ask(self, sql: str, parameters: Sequence[object]) -> list[tuple]:
        if self._session is None:
            self._session = _connect(self._catalog)
            if self._is_lander and sql != MARK_LANDER:
                self._session.execute(MARK_LANDER)
        cursor = self._session.execute(sql.replace("?", "%s") if parameters else sql, parameters or None)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self._execute("BEGIN")
        self._is_begun = True
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            try:
                self._execute("ROLLBACK")
            except LakeError:
                self.close()  # the session has ended, and the transaction with it
            raise
        finally:
            self._is_begun = False

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        import psycopg

        with self._turn:
            try:
                return self._ask(sql, parameters)
            except psycopg.Error as error:
                if self._session is not None and self._session.closed and not self._is_begun:
                    # It ended while nobody used it, with its server perhaps: nothing was begun in it.
                    self._session = None
                    return self._execute(sql, parameters)
                is_cut_off = self._session is not None and self._session.closed
                if is_cut_off:
                    self._session = None
                kind = LakeInterruptedError if is_cut_off else LakeError
                raise kind(
                    f"the journal in {split_password(self._catalog)[0]!r} could not be read or written: "
                    f"{' '.join(str(error).split())}. Check that the server runs, has room and lets this user in; "
                    "what was not acknowledged comes again."
                ) from error


@contextmanager
def server_lock(catalog: str, *, timeout_seconds: float) -> Iterator[None]:
    """The right to write the lake itself, in a session of its own: the server takes it back with the session.

    Raises:
        LakeBusyError: Not free within `timeout_seconds`.
        LakeError: The server cannot be reached.
    """
    import psycopg

    with _connect(catalog) as session:
        try:
            session.execute(f"SET lock_timeout = {int(timeout_seconds * 1000)}")
            session.execute("SELECT pg_advisory_lock(%s)", (LAKE_LOCK,))
        except psycopg.errors.LockNotAvailable:
            raise LakeBusyError(
                f"the right to write the lake in {split_password(catalog)[0]!r} was not free in {timeout_seconds:g} s: "
                "another process has it. See who in pg_locks (locktype advisory); end its session if it hangs."
            ) from None
        yield


def make_postgres_journal(catalog: str, journal_id: str, *, epoch: int, version: int) -> None:
    """Make the journal of a lake that stands at a version; one that is there already goes."""
    with _connect(catalog) as session, session.transaction():
        session.execute("DROP TABLE IF EXISTS inventory_head, inventory_versions")
        for statement in TABLES:
            session.execute(statement.format(blob="BYTEA"))
        # Bodies are compressed already. Rows go soon: their room is wanted back before a fifth of all are dead.
        session.execute(f"ALTER TABLE {VERSIONS} ALTER COLUMN body SET STORAGE EXTERNAL")
        session.execute(
            f"ALTER TABLE {VERSIONS} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, "
            "toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000)"
        )
        session.execute("ALTER TABLE inventory_head SET (fillfactor = 10, autovacuum_vacuum_threshold = 500)")
        session.execute(FIRST_HEAD.replace("?", "%s"), (journal_id, epoch, version, version, 0))


def drop_postgres_journal(catalog: str) -> None:
    """Put the journal away, for good."""
    with _connect(catalog) as session:
        session.execute("DROP TABLE IF EXISTS inventory_head, inventory_versions")


def _connect(catalog: str) -> "psycopg.Connection[Any]":
    import psycopg
    from psycopg.conninfo import make_conninfo

    bare, password = split_password(catalog)
    # libpq ignores what it does not know how to be without: PGPASSWORD and ~/.pgpass count as for DuckDB.
    given = make_conninfo(bare.removeprefix(PREFIX), **({} if password is None else {"password": password}))
    try:
        session = psycopg.connect(given, autocommit=True, connect_timeout=10)
    except psycopg.Error as error:
        raise LakeError(
            f"the catalog at {bare!r} could not be reached: {' '.join(str(error).split()).rstrip('.')}. "
            "Check INVENTORY_CATALOG, and that the server runs, lets this user in and has the database."
        ) from error
    session.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
    return session

"""Sessions with a catalog's PostgreSQL server beside DuckDB's own: how they begin, and what is said where one fails.

Here: what every session of ours asks for, the right to write the lake, errors
without a password. Not here: what the journal asks (`postgres`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inventory_assets.lake.catalog.postgres import PREFIX, SCHEMA, split_password
from inventory_assets.lake.errors import LakeBusyError, LakeError, LakeInterruptedError

if TYPE_CHECKING:
    import psycopg

# Advisory locks are of the database, known by number: the right to write the lake itself, that somebody lands,
# and the right to move the journal's head.
LAKE_LOCK, LANDER_LOCK, HEAD_LOCK = 0x1A4E02, 0x1A4E03, 0x1A4E04

# What libpq is given unless the connection string says otherwise: a host that is gone is noticed within half a
# minute, where its network would leave a session waiting for hours.
_CLIENT = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4",
    "tcp_user_timeout": "30000", "fallback_application_name": "inventory",
}  # fmt: skip
# What each session asks for, whatever is set for this user: tables are where DuckLake has its own; who has waited
# for the head sees what was done meanwhile; who hangs in a commit is put out before those who wait give up; nobody
# is put out for being quiet, as its locks would go; and a host that is gone leaves its locks.
_SERVER = {
    "search_path": SCHEMA,
    "default_transaction_isolation": "read committed",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
_BEGIN = (
    "SELECT set_config(name, value, false) FROM (VALUES "
    + ", ".join(f"('{name}', '{value}')" for name, value in _SERVER.items())
    # A commit that is acknowledged is on disk. Where the server waits for its replicas too, it goes on to.
    + ", ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
    "ELSE current_setting('synchronous_commit') END)) AS given(name, value) "
    # An older server does not know all of them.
    "WHERE current_setting(name, true) IS NOT NULL"
)
# SQLSTATE: a wait that was too long; and a session that was ended, as connection failed, the server goes down,
# an administrator wants so, or it was idle.
_LOCK_NOT_AVAILABLE = "55P03"
_ENDED = ("08", "57P", "25P03", "25P04")


def open_session(catalog: str) -> "psycopg.Connection[Any]":
    """Begin a session, in which each statement is a transaction unless one is begun.

    Raises:
        LakeError: The server cannot be reached, or does not let this user in.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    bare, password = split_password(catalog)
    try:
        # PGPASSWORD and ~/.pgpass count as for DuckDB: both are libpq.
        given: dict[str, Any] = {**_CLIENT, **conninfo_to_dict(bare.removeprefix(PREFIX))}
        if password is not None:
            given["password"] = password
        session = psycopg.connect(**given, autocommit=True)
    except psycopg.Error as error:
        raise LakeError(
            f"the catalog at {bare!r} could not be reached: {_one_line(error).rstrip('.?')}. "
            "Check INVENTORY_CATALOG, and that the server runs, lets this user in and has the database."
        ) from error
    try:
        session.execute(_BEGIN)  # type: ignore[arg-type] # of constants only
    except psycopg.Error as error:
        session.close()
        raise in_our_words(error, catalog, is_cut_off=has_ended(session, error)) from error
    return session


def has_ended(session: "psycopg.Connection[Any]", error: "psycopg.Error") -> bool:
    """Whether the session ended with this error, and what was begun in it with it."""
    return session.closed or (error.sqlstate or "").startswith(_ENDED)


def in_our_words(error: "psycopg.Error", catalog: str, *, is_cut_off: bool) -> LakeError:
    """What the server or the way to it said, with what to do."""
    if error.sqlstate == _LOCK_NOT_AVAILABLE:
        return LakeBusyError(
            f"the journal in {split_password(catalog)[0]!r} was held for {_SERVER['lock_timeout']} by another process. "
            "See who in pg_locks (locktype advisory, or relation inventory_head); end its session if it hangs."
        )
    kind = LakeInterruptedError if is_cut_off else LakeError
    return kind(
        f"the journal in {split_password(catalog)[0]!r} could not be read or written: {_one_line(error).rstrip('.')}. "
        "Check that the server runs, has room and lets this user in; what was not acknowledged comes again."
    )


@contextmanager
def session_of(catalog: str) -> Iterator["psycopg.Connection[Any]"]:
    """A session for the time of the body; what the server says is said in our words.

    Raises:
        LakeError: The server cannot be reached, or refuses a statement.
    """
    import psycopg

    session = open_session(catalog)
    try:
        yield session
    except psycopg.Error as error:
        raise in_our_words(error, catalog, is_cut_off=has_ended(session, error)) from error
    finally:
        session.close()


@contextmanager
def server_lock(catalog: str, *, timeout_seconds: float) -> Iterator[None]:
    """The right to write the lake itself, in a session of its own: the server takes it back with the session.

    Where that session is ended meanwhile and another writes too, the two meet on the lake's watermark.

    Raises:
        LakeBusyError: Not free within `timeout_seconds`.
        LakeError: The server cannot be reached.
    """
    import psycopg

    with session_of(catalog) as session:
        try:
            # Waiting is bounded here; a bound on statements, which a user may have, would cut it short.
            session.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(1, int(timeout_seconds * 1000))}",))
            session.execute("SET statement_timeout = 0")
            session.execute("SELECT pg_advisory_lock(%s)", (LAKE_LOCK,))
        except psycopg.errors.LockNotAvailable:
            raise LakeBusyError(
                f"the right to write the lake in {split_password(catalog)[0]!r} was not free in {timeout_seconds:g} s: "
                "another process has it. See who in pg_locks (locktype advisory); end its session if it hangs."
            ) from None
        yield


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

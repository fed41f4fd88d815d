"""Try again while the catalog is locked by someone else, or was cut off."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import duckdb

from inventory_assets.lake.errors import LakeBusyError

T = TypeVar("T")

# Ten tries with jitter span about 10 s: longer than any maintenance step holds the lake.
COMMIT_TRIES = 10
# A lock, a lost race, a session that ended with its PostgreSQL server or was ended there. Not a
# server that cannot be reached: that lasts, and whoever called says so at once.
TRANSIENT = (
    "database is locked", "transaction conflict", "could not serialize access", "deadlock detected",
    "server closed the connection", "terminating connection", "no connection to the server", "connection reset",
    'failed to execute query "rollback"',
)  # fmt: skip


def with_retries(attempt: Callable[[], T], *, tries: int = COMMIT_TRIES) -> T:
    """Run `attempt` again, after a jittered pause, while the catalog is locked by someone else or was cut off.

    A COMMIT whose answer was lost may have held: the watermark then refuses the
    next try. `StaleStateError` is not retried here: what was computed is no
    longer true.
    """
    first: duckdb.Error | None = None
    for number in range(1, tries + 1):
        try:
            return attempt()
        except duckdb.Error as error:
            if first is not None and "transaction is aborted" in str(error):
                # Whoever began the transaction that ended with the first error must begin again.
                raise first from None
            first = first or error
            if number == tries or not _is_transient(error):
                raise
            time.sleep(random.uniform(0.5, 1.0) * min(2.0, 0.02 * 2**number))
    raise LakeBusyError("unreachable: the loop returns or raises")


def _is_transient(error: duckdb.Error) -> bool:
    text = str(error).lower()
    return any(sign in text for sign in TRANSIENT)

"""Try again what somebody else disturbed: the one loop for it.

Here: when and how often. Not here: what is to be brought up to date in between (`ingest.engine`).
A library would do; tenacity costs every command 11 ms of CPU at its start.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import duckdb

from inventory_assets.lake.errors import LakeInterruptedError

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
# DuckLake's own transaction, as it attaches a catalog that is locked: it does not say by what it ended.
HIDDEN_LOCK = "failed to probe ducklake metadata: current transaction is aborted"


def try_again(
    attempt: Callable[[], T],
    *,
    when: Callable[[Exception], bool],
    tries: int,
    pause: Callable[[int], float] = lambda number: 0.0,
) -> T:
    """Run `attempt` until it returns; raises its error where `when` does not know it, or the tries are used up.

    `pause` gives the seconds to wait after so many tries.
    """
    number = 0
    while True:
        number += 1
        try:
            return attempt()
        except Exception as error:
            if not when(error) or number == tries:
                raise
        time.sleep(pause(number))


def with_retries(attempt: Callable[[], T]) -> T:
    """Run `attempt` again, after a jittered pause, while the catalog is locked by someone else or was cut off.

    A COMMIT whose answer was lost may have held: the watermark then refuses the
    next try. `StaleStateError` is not retried here: what was computed is no
    longer true.
    """
    errors: list[Exception] = []

    def is_transient(error: Exception) -> bool:
        if isinstance(error, LakeInterruptedError):
            return True
        if not isinstance(error, duckdb.Error):
            return False
        text = str(error).lower()
        if HIDDEN_LOCK in text:
            return True
        if errors and "transaction is aborted" in text:
            # Whoever began the transaction that ended with the first error must begin again.
            raise errors[0] from None
        errors.append(error)
        return any(sign in text for sign in TRANSIENT)

    return try_again(attempt, when=is_transient, tries=COMMIT_TRIES, pause=_jittered)


def _jittered(number: int) -> float:
    return random.uniform(0.5, 1.0) * min(2.0, 0.02 * 2**number)

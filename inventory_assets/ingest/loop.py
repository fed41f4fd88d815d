"""The burst loop between ticks: bursts go on, on a thread of its own, while somebody renews its lease.

A tick that took bursts in itself left half a second between two ticks in which nothing was pulled. So ticks
renew a lease, and a loop whose lease is over ends: a sensor that is switched off, a daemon that is gone, a
code location that was loaded anew all fall silent by themselves, and none of them could be asked to.

Here: when bursts may begin, and that one process of a home does so. Not here: what a burst is (`ingest`),
who has the engine (`session`), what a tick says (`sensors`).
"""

import atexit
import fcntl
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from inventory_assets.ingest.engine import Commit
from inventory_assets.ingest.ingest import Ingest, IngestSummary
from inventory_assets.lake.errors import LakeError

logger = logging.getLogger(__name__)

# How long a burst waits for a first message; then what is owed and what others did is seen to.
WAIT_SECONDS = 5.0
# What a run did is counted up, and would be for weeks.
RUN_SECONDS = 600.0
# A burst takes a tenth of a second, and whoever stops the product kills what is left after eight.
END_SECONDS = 5.0
# How soon a loop that waits for another process's to end begins after it.
LOOK_SECONDS = 0.25


class LoopBusyError(LakeError):
    """Another process runs the burst loop of this home.

    Attributes:
        path: The lock.
        pid: Who holds it, as it says itself; empty where it had not said so yet.
    """

    def __init__(self, path: Path, pid: str) -> None:
        self.path, self.pid = path, pid
        super().__init__(
            f"process {pid or 'unknown'} takes bursts in and holds {str(path)!r}; expected one burst loop a home. "
            "After a reload of the code location the earlier process gives it up within the lease "
            "(INVENTORY_LEASE_SECONDS); otherwise two Dagsters run on one home: stop one of them."
        )


class LoopLock:
    """One burst loop a home. The kernel frees it when its process dies, however it does."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            LoopBusyError: Somebody has it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise LoopBusyError(path, pid) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process have it. The file stays: who removes it may remove another's."""
        os.close(self._descriptor)


def is_loop_running(path: Path) -> bool | None:
    """Whether a process holds a home's `loop.lock`; None where none ever did.

    To look, it is shared for a moment: a loop that begins just then begins with its next try.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class BurstLoop:
    """Bursts for as long as the lease is renewed; started, asked and stopped by other threads."""

    def __init__(
        self,
        turn: Callable[[], AbstractContextManager[Ingest]],
        *,
        lock_path: Path,
        lease_seconds: float,
        is_wanted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a loop that does not run yet.

        Args:
            turn: Waits for the engine and lends it, with the broker's end.
            lock_path: Held while the loop runs.
            lease_seconds: Bursts begin for so long after a renewal.
            is_wanted: Whether somebody else waits for the engine, and is to have it after the burst in hand.
            clock: Seconds, for the lease.
        """
        self._turn = turn
        self._lock_path = lock_path
        self._lease_seconds = lease_seconds
        self._is_wanted = is_wanted
        self._clock = clock
        # Re-entrant, as a loop that may not go on ends itself.
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: threading.Thread | None = None
        self._lock: LoopLock | None = None
        self._ingest: Ingest | None = None
        self._ends_at = -math.inf
        self._moved_at = -math.inf
        self._is_closing = False
        self._summary = IngestSummary()
        self._error: BaseException | None = None

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._thread is not None

    @property
    def silent_seconds(self) -> float:
        """For how long it has been at one step: a burst, a load of the state, a wait for the engine."""
        return self._clock() - self._moved_at if self.is_running else 0.0

    def renew(self) -> None:
        """Let bursts begin for one lease from now on; starts the loop where it does not run.

        Raises:
            LoopBusyError: Another process runs it. If that ends within the lease, this one begins.
        """
        with self._changed:
            self._ends_at = self._clock() + self._lease_seconds
            if self._thread is not None:
                return
            self._is_closing = False
            try:
                self._begin()
            except LoopBusyError:
                if self._waiting is None:
                    # The next tick is half a lease away, and nothing would be taken in until then.
                    self._waiting = threading.Thread(target=self._await_lock, name="burst-loop-next", daemon=True)
                    self._waiting.start()
                raise

    def _begin(self) -> None:
        """Start the loop; for who has the condition."""
        self._lock = LoopLock(self._lock_path)
        self._moved_at = self._clock()
        # A daemon's thread, as one that hangs must not keep the process; `close` ends it before that.
        self._thread = threading.Thread(target=self._run, name="burst-loop", daemon=True)
        atexit.unregister(self.close)
        atexit.register(self.close)
        self._thread.start()

    def _await_lock(self) -> None:
        with self._changed:
            try:
                while self._thread is None and self._is_leased():
                    with suppress(LoopBusyError):
                        self._begin()
                        break
                    self._changed.wait(LOOK_SECONDS)
            finally:
                self._waiting = None

    def wait(self, seconds: float, *, for_content: bool = False) -> None:
        """Wait while the loop runs, or with `for_content` until it has taken something in."""

        def is_enough() -> bool:
            return self._thread is None or self._error is not None or (for_content and self._summary.contents > 0)

        with self._changed:
            self._changed.wait_for(is_enough, seconds)

    def take(self) -> tuple[IngestSummary, BaseException | None]:
        """What was committed since the last call, and what the loop has died of since; each is told once."""
        with self._changed:
            summary, self._summary = self._summary, IngestSummary()
            error, self._error = self._error, None
            return summary, error

    def wake(self) -> None:
        """Have it look whether it may go on: it waits for messages otherwise."""
        if (ingest := self._ingest) is not None:
            ingest.source.wake()

    def close(self, *, end_seconds: float = END_SECONDS) -> None:
        """End the loop: the burst in hand is finished, what was fetched ahead is given back."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            thread = self._thread
        atexit.unregister(self.close)
        if thread is None:
            return
        self.wake()
        thread.join(end_seconds)
        if thread.is_alive():
            logger.warning("the burst loop did not end within %g s; its messages come again", end_seconds)

    # -- the loop's thread

    def _run(self) -> None:
        try:
            while self._goes_on():
                with self._turn() as ingest:
                    self._stint(ingest)
        except BaseException as error:
            logger.warning("the burst loop ended: %s", error)
            self._end(error)

    def _stint(self, ingest: Ingest) -> None:
        # Before anybody is asked: who wants it to end after this finds whom to wake.
        self._ingest = ingest
        try:
            # The turn may have come late.
            if self._left() > 0:
                ingest.run(max_seconds=RUN_SECONDS, wait_seconds=WAIT_SECONDS, left=self._left, on_commit=self._count)
        except BaseException:
            ingest.source.pause()
            raise
        finally:
            self._ingest = None
        if not self._is_leased():
            # Kept, it would wait here until the broker's deadline, a minute.
            ingest.source.pause()

    def _is_leased(self) -> bool:
        return not self._is_closing and self._clock() < self._ends_at

    def _left(self) -> float:
        """For how long bursts may begin."""
        self._moved_at = self._clock()
        return 0.0 if self._is_closing or self._is_wanted() else self._ends_at - self._clock()

    def _goes_on(self) -> bool:
        with self._changed:
            if not self._is_leased():
                self._end(None)
            return self._thread is not None

    def _end(self, error: BaseException | None) -> None:
        # In one step: a tick sees it running, and renews it in time, or starts another.
        with self._changed:
            self._error = error or self._error
            self._thread = None
            if self._lock is not None:
                self._lock.release()
                self._lock = None
            self._changed.notify_all()

    def _count(self, commit: Commit) -> None:
        with self._changed:
            self._summary.add(commit)
            self._changed.notify_all()

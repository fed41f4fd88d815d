"""Processes that answer alike, on one socket: one that dies is replaced, and all end together.

Forked by a process that has loaded nothing of the lake, so that no thread of its libraries is lost in between.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.1
# One that dies at once is begun again later each time.
SHORT_LIFE_SECONDS, MOST_WAIT_SECONDS = 5.0, 30.0
logger = logging.getLogger(__name__)


class Workers:
    """A number of processes that run the same."""

    def __init__(self, count: int, run: Callable[[int], None], *, end_seconds: float) -> None:
        """Make it.

        Args:
            count: How many.
            run: What each does, by its number, until it is sent SIGTERM.
            end_seconds: After so long it is killed.
        """
        self._run = run
        self._end_seconds = end_seconds
        self._begun: dict[int, tuple[int, float]] = {}
        self._due: dict[int, float] = dict.fromkeys(range(count), 0.0)
        self._waits: dict[int, float] = {}
        self._is_ending = False
        # Nobody writes into it: it ends for the workers when this process does, however that happens.
        self._watched, self._held = os.pipe()

    def run(self) -> None:
        """Keep them running until SIGTERM or SIGINT."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._end)
        while not self._is_ending:
            self._begin_due()
            time.sleep(LOOK_SECONDS)
            self._reap()
        self._stop()

    def _end(self, number: int, frame: object) -> None:
        self._is_ending = True

    def _begin_due(self) -> None:
        now = time.monotonic()
        for number, at in list(self._due.items()):
            if at <= now:
                del self._due[number]
                self._begun[self._fork(number)] = (number, now)

    def _fork(self, number: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.close(self._held)
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, signal.SIG_DFL)
            threading.Thread(target=_end_with, args=(self._watched,), daemon=True).start()
            self._run(number)
            code = 0
        except BaseException:
            logger.exception("worker %d failed", number)
        finally:
            # Not the end of the process that was forked: what that has opened is its own to close.
            os._exit(code)

    def _reap(self) -> None:
        while self._begun:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number, since = self._begun.pop(pid, (None, 0.0))
            if number is None:
                continue
            now = time.monotonic()
            is_short = now - since < SHORT_LIFE_SECONDS
            wait = min(MOST_WAIT_SECONDS, self._waits.get(number, 0.5) * 2) if is_short else 0.0
            self._waits[number] = wait
            self._due[number] = now + wait
            if not self._is_ending:
                logger.warning(
                    "worker %d ended with %s; another takes its place in %.0f s", number, _said(status), wait
                )  # fmt: skip

    def _stop(self) -> None:
        for kind, seconds in ((signal.SIGTERM, self._end_seconds), (signal.SIGKILL, 5.0)):
            for pid in self._begun:
                os.kill(pid, kind)
            end = time.monotonic() + seconds
            while self._begun and time.monotonic() < end:
                time.sleep(LOOK_SECONDS / 2)
                self._reap()


def _end_with(watched: int) -> None:
    os.read(watched, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _said(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"status {code}"

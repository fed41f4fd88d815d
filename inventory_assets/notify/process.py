"""Delivery beside the burst loop: a process plans and sends, its records ride along with bursts.

The burst loop is the lake's only writer here: it asks `wants_commit` and takes
`record` into the transaction of its next burst, so delivering costs it no
version, no lock and no reload of its warm state. Planning ten thousand alerts
is Python for seconds, which in the loop's own process slowed bursts by a fifth
(the interpreter runs one thread at a time), so it happens in another, and the
two ends speak over a connection. Not here: how the process is started
(`wiring`).
"""

import logging
import time
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import duckdb
import msgspec

from inventory_assets.domain.notify.policy import Policy
from inventory_assets.handover import dumps, loads
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.notify.delivery import Delivery, Writings, describe
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# Alerts wake the planner; windows that end and limits that free up are found within this.
PLAN_EVERY_SECONDS = 5.0
# How often tries of the lanes are looked for; a try may wait longer for its record than this.
LOOK_EVERY_SECONDS = 0.25
PAUSE_AFTER_ERROR_SECONDS = 1.0
# A look costs a tenth of a second of CPU, and under load each burst asks for one: rest this many times as long.
RESTS_PER_LOOK = 4


class Word(StrEnum):
    """What the ends say to each other, each with one value."""

    # To the burst loop: what to write; the change of alerts up to which nothing is left to plan; how the
    # channels stand; why it ends.
    WRITE = "write"
    IDLE = "idle"
    STATUS = "status"
    FAILED = "failed"
    # From the burst loop: the latest change of alerts; whether the plan holds that was written.
    WAKE = "wake"
    RECORDED = "recorded"


_KINDS: dict[Word, type] = {
    Word.WRITE: Writings, Word.IDLE: int, Word.STATUS: str, Word.FAILED: str, Word.WAKE: int, Word.RECORDED: bool,
}  # fmt: skip


class Charge(NamedTuple):
    """What the delivering end is to deliver; the first that it hears."""

    settings: Settings
    policy: Policy


def say(connection: Connection, word: Word, value: object) -> None:
    """Say a word with its value."""
    connection.send_bytes(dumps((word, value)))


def listen(connection: Connection) -> tuple[Word, Any]:
    """Hear a word with its value; waits for one.

    Raises:
        EOFError, OSError: The other end is gone.
    """
    word, value = loads(connection.recv_bytes(), tuple[Word, msgspec.Raw])
    return word, loads(value, _KINDS[word])


class Courier:
    """The burst loop's end: what rides along with bursts. Used by one thread at a time; never waits.

    Attributes:
        status: How the channels stand, as last heard.
        failure: Why the other end has ended, None while it has not.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writings: Writings | None = None
        self._plan_holds = False
        # How often alerts have changed, up to where the other end was told to look, and where it has looked.
        # It begins by looking.
        self._changes, self._told, self._looked = 1, 1, 0
        self.status = "starting"
        self.failure: str | None = None

    def wake(self) -> None:
        """Say that alerts have changed."""
        self._changes += 1
        self._tell()

    @property
    def is_busy(self) -> bool:
        """Whether something is about to be written: the burst loop then waits less long for messages."""
        self.listen()
        return self.failure is None and (self._looked < self._changes or self._writings is not None)

    def wants_commit(self) -> bool:
        """Whether there is enough to write for a commit of its own."""
        self.listen()
        return self._writings is not None

    def record(self, transaction: LakeTransaction) -> None:
        """Write what waits; may be called again if the commit fails."""
        assert self._writings is not None  # `wants_commit` said so
        self._plan_holds = self._writings.write(transaction)

    def recorded(self) -> None:
        """Go on after the commit."""
        self._writings = None
        self._say(Word.RECORDED, self._plan_holds)

    def listen(self) -> None:
        """Take in what the other end has said."""
        try:
            while self.failure is None and self._connection.poll():
                self._hear(*listen(self._connection))
        except (EOFError, OSError):
            # What it had not recorded is sent again by the next one, under the same ids.
            self.failure = "the process that delivers has ended"

    def close(self) -> None:
        """End; the other end hears it and ends too."""
        self._connection.close()
        self.failure = self.failure or "delivery was stopped"

    def _hear(self, word: Word, value: Any) -> None:
        match word:
            case Word.WRITE:
                self._writings = value
            case Word.IDLE:
                self._looked = value
                self._tell()
            case Word.STATUS:
                self.status = value
            case Word.FAILED:
                self.failure = value

    def _tell(self) -> None:
        # One at a time: an end that is busy for minutes reads nothing, and a full pipe would make us wait.
        if self._changes > self._told == self._looked:
            self._told = self._changes
            self._say(Word.WAKE, self._told)

    def _say(self, word: Word, value: object) -> None:
        if self.failure is None:
            try:
                say(self._connection, word, value)
            except OSError:
                self.failure = "the process that delivers has ended"


class CourierEnd:
    """The delivering end: plans, hands over what to write, lets the lanes send."""

    def __init__(self, delivery: Delivery, connection: Connection) -> None:
        self._delivery = delivery
        self._connection = connection
        self._change = 1
        self._plan_at = self._rest_until = 0.0
        self._is_written_awaited = False
        self._status = ""

    def run(self) -> None:
        """Work until the burst loop's end is gone. The delivery is started."""
        try:
            while True:
                self._step()
                wait = min(LOOK_EVERY_SECONDS, max(0.0, self._plan_at - time.monotonic()))
                if self._connection.poll(LOOK_EVERY_SECONDS if self._is_written_awaited else wait):
                    self._hear(*listen(self._connection))
        except (EOFError, OSError):
            return

    def _step(self) -> None:
        if self._is_written_awaited:
            return
        if time.monotonic() >= self._plan_at:
            self._plan()
        if self._delivery.wants_commit():
            self._say(Word.WRITE, self._delivery.writings())
            self._is_written_awaited = True
        if (status := describe(self._delivery)) != self._status:
            self._status = status
            self._say(Word.STATUS, status)

    def _plan(self) -> None:
        began = time.monotonic()
        self._plan_at = began + PLAN_EVERY_SECONDS
        try:
            if not self._delivery.step():
                self._say(Word.IDLE, self._change)
            self._rest_until = time.monotonic() + RESTS_PER_LOOK * (time.monotonic() - began)
        except (LakeError, duckdb.Error) as error:
            # Nothing was planned, so nothing is lost: the next turn reads the same again.
            logger.warning("planning put off: %s", error)
            self._plan_at = time.monotonic() + PAUSE_AFTER_ERROR_SECONDS

    def _hear(self, word: Word, value: Any) -> None:
        match word:
            case Word.WAKE:
                self._change, self._plan_at = value, self._rest_until
            case Word.RECORDED:
                self._is_written_awaited = False
                self._delivery.recorded(value)
                # There may be more; where there is not, the burst loop hears so.
                self._plan_at = self._rest_until

    def _say(self, word: Word, value: object) -> None:
        say(self._connection, word, value)

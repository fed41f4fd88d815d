"""Delivery beside the burst loop: a thread plans, lanes send, records ride along with bursts.

The burst loop is the process's only writer: it asks `wants_commit` and carries
`record` in the transaction of its next burst, so delivering costs it no
version, no lock and no reload of its warm state.
"""

import logging
import threading

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.stages.deliver import Delivery

logger = logging.getLogger(__name__)

# Alerts wake the planner; windows that end and limits that free up are found within this.
PLAN_EVERY_SECONDS = 5.0


class Courier:
    """A delivery with a planning thread, and the rider that the burst loop takes along."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._wake = threading.Event()
        self._wake.set()
        self._pause = threading.Event()
        self._is_closed = self._is_planning = False
        self._thread = threading.Thread(target=self._plan, name="deliver-plan", daemon=True)

    def start(self) -> None:
        """Start planning and sending."""
        self.delivery.start()
        self._thread.start()

    def close(self) -> None:
        """Stop; what is not recorded is sent again by the next process."""
        self._is_closed = True
        self._pause.set()
        self._wake.set()
        self._thread.join(5.0)
        self.delivery.close()

    def wake(self) -> None:
        """Say that alerts have changed."""
        self._wake.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is about to be written: the burst loop then waits less long for messages."""
        return self._wake.is_set() or self._is_planning or self.delivery.wants_commit()

    def wants_commit(self) -> bool:
        """Whether the next transaction should take `record` along."""
        return self.delivery.wants_commit()

    def record(self, transaction: LakeTransaction) -> None:
        """Write what waits."""
        self.delivery.record(transaction)

    def recorded(self) -> None:
        """Go on after the commit."""
        self.delivery.recorded()

    def _plan(self) -> None:
        while not self._is_closed:
            self._wake.wait(PLAN_EVERY_SECONDS)
            # What comes after this line wakes it again.
            self._wake.clear()
            try:
                while not self._is_closed and self.delivery.is_plan_waiting:
                    self._pause.wait(0.05)
                self._is_planning = True
                if not self._is_closed:
                    self.delivery.step()
            except (LakeError, duckdb.Error, OSError) as error:
                # Nothing was planned, so nothing is lost: the next turn reads the same again.
                logger.warning("planning put off: %s", error)
                self._pause.wait(1.0)
                self._wake.set()
            finally:
                self._is_planning = False

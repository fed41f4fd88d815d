"""What a process keeps open for a lake: its engine, its burst loop, its delivery.

Warm state is worth seconds, so there is one session per lake and process, and its users
take turns. Not here: what they do with the engine; nothing is opened before its first use.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Generic, TypeVar

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.loop import BurstLoop
from inventory_assets.ingest.telling import telling
from inventory_assets.ingest.turn import Turn
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.client import Publisher, PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.notify.policy_source import load_policy
from inventory_assets.notify.process import Courier
from inventory_assets.refresh.incidents import StockoutLook
from inventory_assets.settings import Settings, emulator_host
from inventory_assets.wiring import courier_of, ensure_topics, reach_publisher

T = TypeVar("T")


logger = logging.getLogger(__name__)


def _log_owed(count: int) -> None:
    logger.warning("%d messages are owed, as no broker took them: the next burst loop sends them", count)


class EngineBusyError(LakeError):
    """Another user of this process's engine was not done in time."""


class Aside(Generic[T]):
    """One job at a time beside the burst loop; its result waits until somebody takes it."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._job: Future[T] | None = None

    def begin(self, job: Callable[[], T]) -> None:
        """Begin a job, unless an earlier one's result still waits."""
        if self._job is None:
            self._job = self._worker.submit(job)

    def take(self, *, wait: bool) -> T | None:
        """The finished job's result, once; None where there is none yet. Raises what the job raised."""
        job = self._job
        if job is None or not (wait or job.done()):
            return None
        self._job = None
        return job.result()


class Session:
    """What this process keeps open for one lake.

    Attributes:
        loop: Bursts between ticks.
        aside: The bursts' report.
        late: The look for late events.
        drop: The look for files to publish.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.aside: Aside[Any] = Aside()
        self.late: Aside[Any] = Aside()
        self.drop: Aside[Any] = Aside()
        self._engine = Engine(settings)
        # The engine is one connection and one warm state. Who has it may ask for the burst loop too.
        self._turn = Turn(on_wait=lambda: self.loop.wake())
        self._is_held = False
        self._ingest: Ingest | None = None
        self._delivering: tuple[tuple, ExitStack, Courier] | None = None
        self.loop = BurstLoop(
            self.ingest,
            lock_path=settings.home / "loop.lock",
            lease_seconds=settings.lease_seconds,
            is_wanted=lambda: self._turn.is_wanted,
        )

    @contextmanager
    def engine(self, *, wait_seconds: float | None = None) -> Iterator[Engine]:
        """The engine, to nobody else meanwhile; the burst loop gives it up after the burst in hand.

        Args:
            wait_seconds: How long to wait for who has it; None is until it is free.

        Raises:
            EngineBusyError: It was not free in time.
        """
        if not self._turn.take(wait_seconds):
            raise EngineBusyError(f"this process's engine was at work for {wait_seconds} s; try again in a moment")
        try:
            with ExitStack() as stack:
                if not self._is_held:
                    # Who commits tells: another process may run no burst loop for hours.
                    self._is_held = True
                    stack.callback(setattr, self, "_is_held", False)
                    stack.enter_context(telling(self._engine, self._reach_publisher, _log_owed))
                yield self._engine
        finally:
            self._turn.give()

    def _reach_publisher(self) -> AbstractContextManager[Publisher] | None:
        return nullcontext(self._ingest.publisher) if self._ingest is not None else reach_publisher(self.settings)

    @contextmanager
    def ingest(self) -> Iterator[Ingest]:
        """The burst loop, to nobody else meanwhile; connected on first use."""
        with self.engine() as engine:
            if self._ingest is None:
                ensure_topics(self.settings)
                host = emulator_host(self.settings)
                subscriptions = load_topology().input_subscriptions
                source = PubSubBurstSource(
                    self.settings.project,
                    subscriptions,
                    emulator_host=host,
                    max_held_messages=2 * self.settings.max_messages,
                )
                publisher = PubSubPublisher(self.settings.project, emulator_host=host)
                self.use(Ingest(engine, source, publisher, StockoutLook()))
            assert self._ingest is not None
            yield self._ingest

    def use(self, ingest: Ingest) -> None:
        """Use this burst loop instead of one on the environment's broker."""
        self._ingest = ingest
        ingest.rider = self._delivering[2] if self._delivering is not None else None

    @property
    def publisher(self) -> Publisher | None:
        """The burst loop's; None where it has not been used yet."""
        return self._ingest.publisher if self._ingest is not None else None

    def courier(self) -> Courier | None:
        """Delivery to the alerting policy's channels, started on first use; None where it has none.

        A changed policy is taken up; one with problems raises and leaves the earlier one at work.
        One that has ended, for whatever reason, is started anew. For who has the engine: the
        burst loop rides with it.

        Raises:
            AlertingFileError: The policy has problems.
        """
        path = self.settings.alerting_path
        state = (path, path.stat().st_mtime_ns if path is not None and path.exists() else 0)
        failure = None
        if self._delivering is not None:
            before, _, courier = self._delivering
            courier.listen()
            failure = courier.failure
            if before == state and failure is None:
                return courier
        policy = load_policy(path, os.environ)
        self.stop_delivering()
        if not policy.channels:
            return None
        # Makes the lake, or the tables it lacks, before it is read.
        self._engine.lake.watermark()
        with ExitStack() as stack:
            courier = stack.enter_context(courier_of(self.settings, policy))
            self._delivering = (state, stack.pop_all(), courier)
        if failure is not None:
            courier.status = f"started again: {failure}"
        if self._ingest is not None:
            self._ingest.rider = courier
        return courier

    def stop_delivering(self) -> None:
        """Stop the delivery; what it had not recorded is sent again."""
        if self._delivering is not None:
            if self._ingest is not None:
                self._ingest.rider = None
            self._delivering[1].close()
            self._delivering = None

    def close(self) -> None:
        """Stop the burst loop and the delivery, and release the lake."""
        self.loop.close()
        with self.engine() as engine:
            self.stop_delivering()
            engine.close()


class Sessions:
    """The sessions of a process: one for each lake, made on first use."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: dict[tuple[object, ...], Session] = {}

    def of(self, settings: Settings) -> Session:
        """The session of the lake that the settings name."""
        with self._guard:
            place = (settings.home, settings.catalog_uri)
            if place not in self._open:
                self._open[place] = Session(settings)
            return self._open[place]

    def close(self) -> None:
        """Close them all; the next use begins afresh."""
        with self._guard:
            for session in self._open.values():
                session.close()
            self._open.clear()


SESSIONS = Sessions()

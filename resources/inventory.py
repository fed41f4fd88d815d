"""The lake's resource: this process's engine and burst loop.

Warm state is worth seconds, so a process keeps one engine per lake; the resource
hands it out. Nothing is opened before the first use.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, ClassVar, Generic, TypeVar

from dagster import ConfigurableResource

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.messaging.client import Publisher, PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.notify.policy_source import load_policy
from inventory_assets.notify.process import Courier
from inventory_assets.refresh.incidents import StockoutLook
from inventory_assets.settings import Settings, emulator_host, load_settings
from inventory_assets.wiring import courier_of, ensure_topics

T = TypeVar("T")


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


class _Process:
    """What a process keeps open for one lake."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        # The engine is one connection and one warm state: its users take turns.
        self.lock = threading.RLock()
        # The bursts' report, and the look for late events.
        self.aside: Aside[Any] = Aside()
        self.late: Aside[Any] = Aside()
        self._ingest: Ingest | None = None
        # None: a publisher on the environment's broker, opened where there is something to tell.
        self.status_publisher: Publisher | None = None
        self._delivering: tuple[tuple, ExitStack, Courier] | None = None

    def use(self, ingest: Ingest) -> None:
        """Use this burst loop instead of one on the environment's broker."""
        self._ingest = ingest
        self.status_publisher = ingest.publisher

    def ingest(self) -> Ingest:
        """The burst loop, connected on first use."""
        if self._ingest is None:
            ensure_topics(self.settings)
            host = emulator_host(self.settings)
            source = PubSubBurstSource(self.settings.project, load_topology().input_subscriptions, emulator_host=host)
            publisher = PubSubPublisher(self.settings.project, emulator_host=host)
            self._ingest = Ingest(self.engine, source, publisher, StockoutLook())
            self.status_publisher = publisher
        if self._delivering is not None:
            self._ingest.rider = self._delivering[2]
        return self._ingest

    def courier(self) -> Courier | None:
        """Delivery to the alerting policy's channels, started on first use; None where it has none.

        A changed policy is taken up; one with problems raises and leaves the earlier one at work.
        One that has ended, for whatever reason, is started anew.

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
        self.engine.lake.watermark()
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


class InventoryResource(ConfigurableResource):
    """Access to the lake and the broker that the environment names.

    Attributes:
        home: Overrides INVENTORY_HOME; for tests.
    """

    home: str = ""

    _open: ClassVar[dict[str, _Process]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def process(self) -> _Process:
        """The open objects of this process, made on first use."""
        settings = self.settings()
        with self._guard:
            key = f"{settings.home}|{settings.catalog_uri}"
            if key not in self._open:
                self._open[key] = _Process(settings)
            return self._open[key]

    def settings(self) -> Settings:
        """The settings in force."""
        if self.home:
            return load_settings({**os.environ, "INVENTORY_HOME": self.home})
        return load_settings()

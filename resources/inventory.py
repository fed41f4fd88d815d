"""The one resource: this process's engine and burst loop.

Warm state is worth seconds, so a process keeps one engine per lake; the resource
hands it out. Nothing is opened before the first use.
"""

import os
import threading
from typing import ClassVar

from dagster import ConfigurableResource

from inventory_assets.messaging.client import PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.settings import Settings, load_settings
from inventory_assets.stages.engine import Engine
from inventory_assets.stages.ingest import Ingest
from inventory_assets.wiring import emulator_host, ensure_topics


class _Process:
    """What a process keeps open for one lake."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        # The engine is one connection and one warm state: its users take turns.
        self.lock = threading.RLock()
        self._ingest: Ingest | None = None

    def use(self, ingest: Ingest) -> None:
        """Use this burst loop instead of one on the environment's broker."""
        self._ingest = ingest

    def ingest(self) -> Ingest:
        """The burst loop, connected on first use."""
        if self._ingest is None:
            ensure_topics(self.settings)
            host = emulator_host(self.settings)
            source = PubSubBurstSource(self.settings.project, load_topology().input_subscriptions, emulator_host=host)
            publisher = PubSubPublisher(self.settings.project, emulator_host=host)
            self._ingest = Ingest(self.engine, source, publisher)
        return self._ingest


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

"""Build plain objects from the settings: readers, the engine, the broker's two ends.

Commands and Dagster resources are built from here; nothing is opened at import.
"""

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from inventory_assets.lake.connect import connect
from inventory_assets.lake.transaction import read_batches
from inventory_assets.messaging.client import PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import apply_topology, load_topology
from inventory_assets.settings import DEFAULT_EMULATOR_PORT, Settings, load_settings
from inventory_assets.stages.engine import Engine
from inventory_assets.stages.ingest import Ingest

GATHER_SECONDS = 0.3
# Sorting nine million events takes this much before it spills.
HISTORY_MEMORY = "2GB"


class LakeReader:
    """Reads the lake without ever writing it."""

    def __init__(self, settings: Settings) -> None:
        self.connection: duckdb.DuckDBPyConnection = connect(settings, read_only=True)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        return self.connection.execute(sql, parameters or []).pl()

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        return read_batches(self.connection, sql)

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """Run a query; its rows as dictionaries."""
        return list(self.query(sql, parameters).iter_rows(named=True))


@contextmanager
def history_reader(settings: Settings) -> Iterator[LakeReader]:
    """A reader with the threads and the memory that sorting a long history takes; what spills is thrown away."""
    threads = max(settings.duckdb_threads, os.cpu_count() or 1)
    reader = LakeReader(replace(settings, duckdb_threads=threads, duckdb_memory_limit=HISTORY_MEMORY))
    is_collecting = gc.isenabled()
    with tempfile.TemporaryDirectory(prefix="inventory-history-") as spill:
        reader.connection.execute("SET temp_directory = ?", [spill])
        # Millions of small objects that stay: the collector would walk them over and over.
        gc.disable()
        try:
            yield reader
        finally:
            if is_collecting:
                gc.enable()
            reader.connection.close()


def emulator_host(settings: Settings) -> str | None:
    """Where the broker is; None is Google's own service.

    PUBSUB_EMULATOR_HOST names an emulator; otherwise a project or credentials in
    the environment mean the real service; otherwise it is the local emulator.
    """
    if settings.emulator_host:
        return settings.emulator_host
    if settings.is_project_named or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return None
    # `inventory run` writes down where its emulator is, as the usual port may be taken.
    endpoint = endpoint_path(settings)
    return endpoint.read_text().strip() if endpoint.exists() else f"localhost:{DEFAULT_EMULATOR_PORT}"


def endpoint_path(settings: Settings) -> Path:
    """Where the address of a running local emulator is kept."""
    return settings.home / "emulator.endpoint"


def ensure_topics(settings: Settings) -> None:
    """Make topics and subscriptions on an emulator; real projects are left to `topics apply`."""
    if host := emulator_host(settings):
        apply_topology(settings.project, emulator_host=host)


@contextmanager
def engine_of(settings: Settings | None = None) -> Iterator[Engine]:
    """The engine of this process, closed afterwards."""
    engine = Engine(settings or load_settings())
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def publisher_of(settings: Settings) -> Iterator[PubSubPublisher]:
    """A publisher, closed afterwards."""
    publisher = PubSubPublisher(settings.project, emulator_host=emulator_host(settings))
    try:
        yield publisher
    finally:
        publisher.close()


@contextmanager
def ingest_of(settings: Settings) -> Iterator[Ingest]:
    """The burst loop over the input subscriptions, closed afterwards."""
    ensure_topics(settings)
    # What waits in several subscriptions is gathered into one burst: rules and levels
    # published before the orders are then judged before them.
    source = PubSubBurstSource(
        settings.project,
        load_topology().input_subscriptions,
        emulator_host=emulator_host(settings),
        linger_seconds=GATHER_SECONDS,
    )
    try:
        with publisher_of(settings) as publisher, engine_of(settings) as engine:
            yield Ingest(engine, source, publisher)
    finally:
        source.close()

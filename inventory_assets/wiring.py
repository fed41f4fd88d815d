"""Build plain objects from the settings: readers, the engine, the broker's two ends.

Commands and Dagster resources are built from here; nothing is opened at import.
"""

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from inventory_assets.delivery.build import build_channel
from inventory_assets.delivery.channel import Channel
from inventory_assets.domain.policy import ChannelPolicy, Policy
from inventory_assets.lake.connect import connect
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.partition_files import PartitionFiles, SnapshotTable
from inventory_assets.lake.transaction import Lake, read_batches
from inventory_assets.messaging.client import Publisher
from inventory_assets.messaging.topology import apply_topology, load_topology
from inventory_assets.settings import DEFAULT_EMULATOR_PORT, Settings, load_settings
from inventory_assets.stages.courier import Courier
from inventory_assets.stages.deliver import Delivery, LakeNotes
from inventory_assets.stages.engine import CODE_VERSION, Engine
from inventory_assets.stages.ingest import Ingest

GATHER_SECONDS = 0.3
# Sorting nine million events takes this much before it spills.
HISTORY_MEMORY = "2GB"
DELIVER_LOCK_SECONDS = 0.5


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
        # In a process without a script of its own DuckDB takes itself to be interactive.
        reader.connection.execute("SET enable_progress_bar = false")
        # Millions of small objects that stay: the collector would walk them over and over.
        gc.disable()
        try:
            yield reader
        finally:
            if is_collecting:
                gc.enable()
            reader.connection.close()


def snapshot_files(settings: Settings, table: SnapshotTable) -> PartitionFiles:
    """One snapshot table's files, where the settings put them."""
    return PartitionFiles(settings.snapshots_uri, table)


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
def publisher_of(settings: Settings) -> Iterator[Publisher]:
    """A publisher, closed afterwards."""
    # Here, not at the top: most commands never connect, and gRPC takes them half a second.
    from inventory_assets.messaging.client import PubSubPublisher

    publisher = PubSubPublisher(settings.project, emulator_host=emulator_host(settings))
    try:
        yield publisher
    finally:
        publisher.close()


@contextmanager
def ingest_of(settings: Settings) -> Iterator[Ingest]:
    """The burst loop over the input subscriptions, closed afterwards."""
    from inventory_assets.messaging.client import PubSubBurstSource

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


@contextmanager
def sender_of(settings: Settings, channel: ChannelPolicy) -> Iterator[Channel]:
    """One channel of the policy, closed afterwards."""
    with ExitStack() as stack:
        sender = build_channel(channel, os.environ, lambda: stack.enter_context(publisher_of(settings)))
        stack.callback(sender.close)
        yield sender


@contextmanager
def _delivery_of(settings: Settings, policy: Policy) -> Iterator[Delivery]:
    """The delivery of this process, not yet started."""
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(settings.home / "deliver.lock", timeout_seconds=DELIVER_LOCK_SECONDS))
        except LakeBusyError as error:
            raise LakeBusyError(
                f"another process delivers from {str(settings.home)!r} already, as `make run` does by itself. "
                "Two would send everything twice; stop the other one first."
            ) from error
        senders = {name: stack.enter_context(sender_of(settings, each)) for name, each in policy.channels.items()}
        yield Delivery(LakeReader(settings), policy, senders)


@contextmanager
def delivery_of(settings: Settings, policy: Policy) -> Iterator[Delivery]:
    """The delivery of this process, its lanes running; stopped afterwards.

    Raises:
        LakeBusyError: Another process delivers already.
    """
    with _delivery_of(settings, policy) as delivery:
        delivery.start()
        try:
            yield delivery
        finally:
            delivery.close()


@contextmanager
def courier_of(settings: Settings, policy: Policy) -> Iterator[Courier]:
    """Delivery beside a burst loop of this process, running; stopped afterwards.

    Raises:
        LakeBusyError: Another process delivers already.
    """
    with _delivery_of(settings, policy) as delivery:
        courier = Courier(delivery)
        courier.start()
        try:
            yield courier
        finally:
            courier.close()


@contextmanager
def lake_notes_of(settings: Settings) -> Iterator[LakeNotes]:
    """A writer without warm state, closed afterwards."""
    lake = Lake(settings)
    # Makes the tables that an earlier release's lake lacks.
    lake.watermark()
    try:
        yield LakeNotes(lake, CODE_VERSION)
    finally:
        lake.close()

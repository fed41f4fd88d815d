"""Build plain objects from the settings: readers, the engine, the broker's two ends.

Commands and Dagster resources are built from here; nothing is opened at import.
"""

import gc
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from inventory_assets.archive.archive import Archiver
from inventory_assets.domain.notify.policy import ChannelPolicy, Policy
from inventory_assets.ingest.engine import CODE_VERSION, Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.files.archive_files import ArchiveError
from inventory_assets.lake.files.partition_files import PartitionFiles, SnapshotTable
from inventory_assets.lake.files.storage import open_storage
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.tables import WATERMARKS
from inventory_assets.lake.transaction import Lake, read_batches
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.messaging.client import Publisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.notify.channels.build import build_channel, build_mail
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.delivery import Delivery, LakeNotes
from inventory_assets.notify.policy_source import load_policy
from inventory_assets.notify.process import Courier
from inventory_assets.refresh.incidents import StockoutLook
from inventory_assets.reports.build import collect_report, render_report
from inventory_assets.reports.mail import Sent, send_report
from inventory_assets.reports.period import Kind, Period
from inventory_assets.reports.publish import Manifest, Rendered, find_earlier, publish
from inventory_assets.reports.read.collect import choose_period, choose_version, find_basis
from inventory_assets.reports.read.sales import SnapshotFiles
from inventory_assets.settings import DEFAULT_EMULATOR_PORT, Settings, load_settings

GATHER_SECONDS = 0.3
# Sorting nine million events takes this much before it spills.
HISTORY_MEMORY = "2GB"
DELIVER_LOCK_SECONDS = 0.5
DELIVER_END_SECONDS = 5.0
ARCHIVE_LOCK_SECONDS = 0.5


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
    with tempfile.TemporaryDirectory(prefix="inventory-history-") as spill, hold_snapshots(settings):
        reader.connection.execute("SET temp_directory = ?", [spill])
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


@contextmanager
def snapshot_reader(settings: Settings) -> Iterator[LakeReader]:
    """A `history_reader` whose queries all see the lake as it is now, whatever is committed meanwhile."""
    with history_reader(settings) as reader:
        reader.connection.execute("BEGIN")
        # A transaction sees the lake as of its first query, not as of its beginning.
        reader.query(f"SELECT version FROM {WATERMARKS.full_name}")
        yield reader


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
        from inventory_assets.messaging.topology_apply import apply_topology

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
            yield Ingest(engine, source, publisher, StockoutLook())
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
def delivery_of(settings: Settings, policy: Policy) -> Iterator[Delivery]:
    """The delivery of this process, its lanes running; stopped afterwards.

    Raises:
        LakeBusyError: Another process delivers already.
        ChannelSetupError: A channel cannot be built.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(settings.home / "deliver.lock", timeout_seconds=DELIVER_LOCK_SECONDS))
        except LakeBusyError as error:
            raise LakeBusyError(
                f"another process delivers from {str(settings.home)!r} already, as `make run` does by itself. "
                "Two would send everything twice; stop the other one first."
            ) from error
        senders = {name: stack.enter_context(sender_of(settings, each)) for name, each in policy.channels.items()}
        delivery = Delivery(LakeReader(settings), policy, senders)
        delivery.start()
        try:
            yield delivery
        finally:
            delivery.close()


@contextmanager
def courier_of(settings: Settings, policy: Policy) -> Iterator[Courier]:
    """Delivery beside a burst loop of this process, in a process of its own; ended afterwards.

    It starts by itself in a second or two; where it cannot, `Courier.failure` says why.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "inventory_assets.commands.run.notifier", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
    connection = Connection(ours.detach())
    courier = Courier(connection)
    try:
        connection.send((settings, policy))
        yield courier
    finally:
        # It ends when it hears that we are gone; a channel that hangs must not keep us.
        courier.close()
        try:
            process.wait(DELIVER_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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


def make_report(
    settings: Settings,
    kind: Kind,
    period: Period | None,
    *,
    today: date,
    version: int | None = None,
    on_read: Callable[[], None] = lambda: None,
) -> tuple[Manifest, Rendered]:
    """Build and publish a report. Nothing of the lake is held while it is rendered and written.

    Args:
        settings: Where the lake, the snapshots and the reports are.
        kind: Which report.
        period: None is the last complete one that has events.
        today: The UTC day that is not over.
        version: None is what the period's own report would read (`collect.choose_version`).
        on_read: Called when all is read.

    Raises:
        LakeMissingError: There is no lake, or no such version.
    """
    storage = open_storage(settings.reports_uri)
    snapshots = SnapshotFiles(settings.snapshots_uri)
    with history_reader(settings) as reader:
        pin_version(reader.connection, None)
        period = period or choose_period(reader, kind, today)
        version = pin_version(reader.connection, version or choose_version(reader, period, today))
        basis = find_basis(reader, period, version, CODE_VERSION, find_earlier(storage, period))
        report = collect_report(reader, basis, snapshots)
    on_read()
    rendered = render_report(report)
    return publish(storage, rendered), rendered


def mail_report(settings: Settings, report: Rendered, *, now: float, again: bool = False) -> Sent | None:
    """Mail a report to whom the alerting policy names; None where it names nobody for this kind.

    Raises:
        AlertingFileError: The policy has problems.
        DeliveryError: The mail was not taken.
    """
    policy = load_policy(settings.alerting_path, os.environ)
    mail = policy.reports
    if mail is None or report.basis.period.kind not in mail.kinds:
        return None
    channel = build_mail(policy.channels[mail.channel], os.environ)
    with lake_notes_of(settings) as notes:
        reader = LakeReader(settings)
        return send_report(
            report, settings.reports_uri, mail, channel, reader=reader, notes=notes, now=now, again=again
        )  # fmt: skip


def archive_place(settings: Settings, given: str | None = None) -> str:
    """Where the archive is: as given, else by the settings."""
    where = (given or settings.archive_uri).rstrip("/")
    return where if "://" in where else str(Path(where).expanduser().resolve())


@contextmanager
def archiver_of(settings: Settings, to: str | None = None) -> Iterator[Archiver]:
    """The archiver of this process, with a reader of its own, closed afterwards.

    Raises:
        LakeBusyError: Another process archives already.
        ArchiveError: The place is among the lake's own files.
    """
    place = archive_place(settings, to)
    if f"{place}/".startswith(f"{archive_place(settings, settings.data_uri)}/"):
        # Upkeep removes there what the catalog does not name.
        raise ArchiveError(f"{place!r} is inside the lake's data {settings.data_uri!r}; choose another place.")
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(settings.home / "archive.lock", timeout_seconds=ARCHIVE_LOCK_SECONDS))
        except LakeBusyError as error:
            raise LakeBusyError("another process archives already. Wait for it.") from error
        reader = LakeReader(settings)
        stack.callback(reader.connection.close)
        yield Archiver(reader.connection, reader, place)

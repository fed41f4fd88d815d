"""Build plain objects from the settings: the engine, the broker's two ends, delivery.

Commands and Dagster resources are built from here; nothing is opened at import.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from inventory_assets.addresses import listens
from inventory_assets.domain.notify.policy import ChannelPolicy, Policy
from inventory_assets.handover import dumps
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.notes import LakeNotes
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.transaction import Lake
from inventory_assets.messaging.client import Publisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.notify.channels.build import build_channel
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.delivery import Delivery
from inventory_assets.notify.process import Charge, Courier
from inventory_assets.publishing.drop import Dropped, take_dropped
from inventory_assets.refresh.incidents import StockoutLook
from inventory_assets.replenish.make import settings_of
from inventory_assets.settings import Settings, emulator_host, load_settings

GATHER_SECONDS = 0.3
# Who drains asks again after its commit, however long that takes on a busy machine: given back meanwhile, what was
# fetched would rest, and the subscriptions seem empty.
DRAIN_PAUSE_SECONDS = 600.0
PUBLISH_SECONDS = 30.0
DELIVER_LOCK_SECONDS = 0.5
DELIVER_END_SECONDS = 5.0


def ensure_topics(settings: Settings) -> None:
    """Make topics and subscriptions on an emulator; real projects are left to `topics apply`."""
    if host := emulator_host(settings):
        from inventory_assets.messaging.topology_apply import apply_topology

        # What somebody filtered there is theirs: a start says nothing of it.
        apply_topology(settings.project, emulator_host=host, keeps_filters=True)


@contextmanager
def engine_of(settings: Settings | None = None) -> Iterator[Engine]:
    """The engine of this process, closed afterwards."""
    engine = Engine(settings or load_settings())
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def publisher_of(settings: Settings, *, timeout_seconds: float = PUBLISH_SECONDS) -> Iterator[Publisher]:
    """A publisher, closed afterwards; what is not confirmed in time counts as failed."""
    # Here, not at the top: most commands never connect, and gRPC takes them half a second.
    from inventory_assets.messaging.client import PubSubPublisher

    publisher = PubSubPublisher(
        settings.project, emulator_host=emulator_host(settings), timeout_seconds=timeout_seconds
    )
    try:
        yield publisher
    finally:
        publisher.close()


@contextmanager
def _ready_publisher(settings: Settings) -> Iterator[Publisher]:
    ensure_topics(settings)
    with publisher_of(settings) as publisher:
        yield publisher


def take_dropped_files(
    settings: Settings, *, open_place: Opener = open_storage, at_once: bool = False
) -> Dropped | None:
    """Publish the new files of the drop folder; None where there is no such folder.

    Args:
        settings: Which folder, and where its files go.
        open_place: What opens it.
        at_once: Files that were written a moment ago, too.

    Raises:
        DropBusyError: Another process of the home takes them.
        MessagingError: The broker took none, or no more: the next try goes on there.
        LakeError: The folder cannot be read.
    """
    is_bucket = "://" in settings.drop_uri
    if not is_bucket and not Path(settings.drop_uri).exists():
        return None
    storage = open_place(settings.drop_uri)
    # An object of a bucket is there when it is complete.
    return take_dropped(settings, storage, partial(_ready_publisher, settings), at_once=at_once or is_bucket)


def reach_publisher(settings: Settings) -> AbstractContextManager[Publisher] | None:
    """A publisher, or None where the emulator that is meant does not listen: waiting for it would take long."""
    if host := emulator_host(settings):
        if not listens(host):
            return None
        ensure_topics(settings)
    return publisher_of(settings)


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
        max_held_messages=2 * settings.max_messages,
        linger_seconds=GATHER_SECONDS,
        idle_pause_seconds=DRAIN_PAUSE_SECONDS,
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
        delivery = Delivery(LakeReader(settings), policy, senders, how=settings_of(settings))
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
        connection.send_bytes(dumps(Charge(settings, policy)))
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

"""The connector's loop: copy once, then stream; confirm, then remember.

Here: the order in which things happen, and what follows when one of them fails. Not here: how
MongoDB is read, messages are shaped, or Pub/Sub is told; those are `ports`, and this is tested with
twins of them that die between every two steps.

One rule makes it lossless: the token is saved only after Pub/Sub has confirmed everything up to
it. Whatever fails, the way back is the same: let what is in flight settle, open the stream after
the saved token, and read again. What had been confirmed already is known by its token and skipped;
a repeat that slips through is a duplicate to the lake (RULES 9-11).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Protocol

from inventory_assets.connector.change import Batch, Change, ClusterTime, Poison, Token
from inventory_assets.connector.checkpoint import Phase
from inventory_assets.connector.copying import Copier
from inventory_assets.connector.errors import (
    ConnectorError,
    PublishFailedError,
    SourceUnavailableError,
    StoreUnavailableError,
    TokenLostError,
)
from inventory_assets.connector.in_flight import InFlight
from inventory_assets.connector.observer import Observer, Tally
from inventory_assets.connector.outlet import Outlet
from inventory_assets.connector.ports import ChangeSource, MessageSink
from inventory_assets.connector.progress import Progress
from inventory_assets.connector.reread import ConfirmedMemory

RETRIED = (SourceUnavailableError, StoreUnavailableError, PublishFailedError)


class OnTokenLost(StrEnum):
    """What to do when changes can no longer be had."""

    SNAPSHOT = "snapshot"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the loop behaves.

    Attributes:
        collections: In the order they are copied: what an inventory document contains comes before it.
        save_seconds: A moving token is saved at most this often; a crash re-reads that much.
        idle_save_seconds: The token of an idle stream is saved this often, so that it never ages out.
        settle_seconds: How long a failure or a stop waits for what is in flight.
    """

    collections: tuple[str, ...]
    on_token_lost: OnTokenLost = OnTokenLost.SNAPSHOT
    save_seconds: float = 0.5
    idle_save_seconds: float = 30.0
    settle_seconds: float = 8.0


class Waiting(Protocol):
    """How long to wait between tries: longer each time, until `reset`."""

    def next_seconds(self) -> float:
        """Seconds before the next try."""
        ...

    def reset(self) -> None:
        """Something went well."""
        ...


class Service:
    """One connector."""

    def __init__(
        self,
        *,
        source: ChangeSource,
        sink: MessageSink,
        outlet: Outlet,
        progress: Progress,
        observer: Observer,
        waiting: Waiting,
        circuits: Circuits,
        options: Options,
        stop: Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._sink = sink
        self._outlet = outlet
        self._progress = progress
        self._observer = observer
        self._waiting = waiting
        self._circuits = circuits
        self._options = options
        self._stop = stop
        self._monotonic = monotonic
        self._in_flight = InFlight()
        self._repeats = ConfirmedMemory()
        self._unsaved: tuple[Token, ClusterTime | None] | None = None
        self._unsaved_reads = 0
        self._saved_at = 0.0

    def run(self) -> None:
        """Run until `stop` is set.

        Raises:
            TokenLostError: And the connector is set to stop then.
            SourceRefusedError, TakenOverError: Trying again would not help.
        """
        try:
            while not self._stop.is_set():
                try:
                    self._run_once()
                except TokenLostError as error:
                    self._record_gap(error)
                except RETRIED as error:
                    self._recover(error)
        except ConnectorError as error:
            self._observer.stopped(str(error), error)
            raise
        self._observer.stopped("asked to stop", None)

    def _run_once(self) -> None:
        if not self._progress.has_taken_over:
            self._observer.started(self._progress.take_over())
        self._progress.start_requested_copy()
        if self._progress.current.phase is Phase.COPYING:
            self._copy()
        else:
            self._stream()

    # ---------------------------------------------------------------- copy

    def _copy(self) -> None:
        token = self._progress.current.token
        if token is None:
            token = self._circuits.mongodb.call(self._source.open, None)
        self._progress.began_copy(token)
        self._observer.copy_started(self._progress.current)
        copier = Copier(
            source=self._source, sink=self._sink, outlet=self._outlet, observer=self._observer,
            collections=self._options.collections, epoch=self._progress.current.source_epoch, stop=self._stop,
            recover=self._ready_sink, settle_seconds=self._options.settle_seconds,
        )  # fmt: skip
        documents = self._circuits.mongodb.call(copier.run)
        if documents is not None:  # else stopped: the next start begins the copy anew
            self._progress.finished_copy()
            self._waiting.reset()
            self._observer.copy_finished(documents)

    # -------------------------------------------------------------- stream

    def _stream(self) -> None:
        checkpoint = self._progress.current
        self._circuits.mongodb.call(self._source.open, self._confirmed_token)
        self._observer.stream_opened(checkpoint)
        self._saved_at = self._monotonic()
        while not self._stop.is_set() and not self._progress.current.is_snapshot_requested:
            batch = self._circuits.mongodb.call(self._source.next_batch)
            self._waiting.reset()
            self._circuits.pubsub.call(self._publish, batch)
            self._confirm(is_idle=not batch.read)
        self._sink.flush()
        if not self._settle():
            raise self._in_flight.failure()

    def _publish(self, batch: Batch) -> None:
        tally = Tally(read=batch.read)
        futures, identities = [], []
        epoch = self._progress.current.source_epoch
        for change in batch.changes:
            identity = None if change.token is None else change.token["_data"]
            if identity is not None and identity in self._repeats:
                tally.deduplicated += 1
                continue
            future = self._outlet.send(change, epoch=epoch, tally=tally)
            if future is not None:
                futures.append(future)
                identities.append(identity)
        self._in_flight.add(batch.token, batch.cluster_time, futures, identities)
        if self._in_flight.has_failed:
            raise self._in_flight.failure()
        if batch.read:
            self._unsaved_reads += batch.read
            self._observer.handled(tally, cluster_time=batch.cluster_time)

    def _confirm(self, *, is_idle: bool) -> None:
        """Save how far Pub/Sub has confirmed, if it is time to."""
        self._unsaved = self._in_flight.advance() or self._unsaved
        is_caught_up = is_idle and self._in_flight.is_empty
        if is_caught_up:
            self._observer.caught_up()
        is_only_a_token = is_caught_up and not self._unsaved_reads
        every = self._options.idle_save_seconds if is_only_a_token else self._options.save_seconds
        if self._monotonic() - self._saved_at >= every:
            self._save(has_all=is_caught_up)

    def _save(self, *, has_all: bool) -> None:
        if self._unsaved is None:
            return
        self._progress.moved(*self._unsaved)
        self._unsaved = None
        self._saved_at = self._monotonic()
        if has_all:
            self._unsaved_reads = 0
        self._observer.saved(self._progress.current)

    # ------------------------------------------------------------ recovery

    @property
    def _confirmed_token(self) -> Token | None:
        """Everything up to it is confirmed, saved or not."""
        return self._unsaved[0] if self._unsaved else self._progress.current.token

    def _settle(self) -> bool:
        """Wait for what is in flight, save how far that came; whether all of it was confirmed."""
        self._in_flight.settle(self._options.settle_seconds)
        self._unsaved = self._in_flight.advance() or self._unsaved
        is_all = self._in_flight.is_empty
        self._save(has_all=is_all)
        return is_all

    def _recover(self, error: Exception) -> None:
        """Make ready for another try: from the last confirmed token, with what came after it remembered."""
        self._in_flight.settle(self._options.settle_seconds)
        self._unsaved = self._in_flight.advance() or self._unsaved
        self._repeats.add(self._in_flight.confirmed_identities())
        if isinstance(error, PublishFailedError) and error.is_permanent:
            self._outlet.send_singly(self._in_flight.unconfirmed)
        self._in_flight = InFlight()
        self._ready_sink(error)

    def _ready_sink(self, error: Exception) -> None:
        self._sink.resume()
        seconds = self._waiting.next_seconds()
        self._observer.recovering(error, wait_seconds=seconds)
        self._stop.wait(seconds)

    def _record_gap(self, error: TokenLostError) -> None:
        self._in_flight.settle(self._options.settle_seconds)
        self._unsaved = self._in_flight.advance() or self._unsaved
        self._save(has_all=False)
        self._in_flight = InFlight()
        self._sink.resume()
        is_healed = self._options.on_token_lost is OnTokenLost.SNAPSHOT
        gap = self._progress.lost_token(code=error.code, reason=str(error), is_healed=is_healed)
        self._observer.token_lost(gap)
        if not is_healed:
            raise error

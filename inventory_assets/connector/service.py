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
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

from inventory_assets.connector.copying import Copier
from inventory_assets.connector.errors import (
    ConnectorError,
    PublishFailedError,
    SourceUnavailableError,
    StoreDamagedError,
    StoreUnavailableError,
    TokenLostError,
)
from inventory_assets.connector.ops.backoff import Backoff, StopRequestedError
from inventory_assets.connector.ops.circuit import MONGODB, PUBSUB, CircuitOpenError, Circuits
from inventory_assets.connector.ops.observer import Observer, Tally
from inventory_assets.connector.ports import ChangeSource, MessageSink
from inventory_assets.connector.publish.in_flight import Confirmed, ConfirmedMemory, InFlight
from inventory_assets.connector.publish.outlet import Outlet
from inventory_assets.connector.source.change import Batch
from inventory_assets.connector.state.checkpoint import Phase
from inventory_assets.connector.state.progress import Progress

RETRIED = (SourceUnavailableError, StoreUnavailableError, PublishFailedError, CircuitOpenError)
_LOOK_SECONDS = 0.5


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
        backoff: Backoff,
        circuits: Circuits,
        options: Options,
        stop: Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the parts together; nothing is called before `run`."""
        self._source = source
        self._sink = sink
        self._outlet = outlet
        self._progress = progress
        self._observer = observer
        self._backoff = backoff
        self._circuits = circuits
        self._options = options
        self._stop = stop
        self._monotonic = monotonic
        self._in_flight = InFlight()
        self._repeats = ConfirmedMemory()
        self._unsaved: Confirmed | None = None
        self._has_unsaved_changes = False
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
                    self._run_until_lost()
                except StoreDamagedError:
                    raise  # somebody has to look at it: going on would overwrite what it may still tell
                except RETRIED as error:
                    self._recover(error)
        except StopRequestedError:
            pass
        except ConnectorError as error:
            self._observer.stopped(str(error), error)
            raise
        self._observer.stopped("asked to stop", None)

    def _run_until_lost(self) -> None:
        try:
            self._run_once()
        except TokenLostError as error:
            # Where the store is away as well, the next try finds the same gap.
            self._record_gap(error)

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
        checkpoint = self._progress.current
        self._outlet.begin_epoch(checkpoint.source_epoch)
        token = checkpoint.token
        if token is None:
            token = self._circuits.call(MONGODB, lambda: self._source.open(None))
        self._progress.began_copy(token)
        self._observer.copy_started(self._progress.current)
        copier = Copier(
            source=self._source, sink=self._sink, outlet=self._outlet, observer=self._observer,
            collections=self._options.collections, stop=self._stop,
            recover=self._recover_copy, settle_seconds=self._options.settle_seconds,
        )  # fmt: skip
        documents = self._circuits.call(MONGODB, copier.run)
        if documents is not None:  # else stopped: the next start begins the copy anew
            with self._circuits.guard(PUBSUB):
                self._backoff.reset()
            self._progress.finished_copy()
            self._observer.copy_finished(documents)

    def _recover_copy(self, error: PublishFailedError) -> None:
        # What was copied stays, so this is no recovery of the stream; the circuit counts it all the same.
        try:
            with self._circuits.guard(PUBSUB):
                raise error
        except (PublishFailedError, CircuitOpenError) as failure:
            self._prepare_sink(failure)

    # -------------------------------------------------------------- stream

    def _stream(self) -> None:
        checkpoint = self._progress.current
        self._outlet.begin_epoch(checkpoint.source_epoch)
        self._await_pubsub()
        token = self._unsaved.token if self._unsaved else checkpoint.token
        self._circuits.call(MONGODB, lambda: self._source.open(token))
        self._observer.stream_opened(checkpoint)
        self._saved_at = self._monotonic()
        while not self._stop.is_set() and not self._progress.current.is_snapshot_requested:
            batch = self._circuits.call(MONGODB, self._source.next_batch)
            self._publish(batch)
            self._confirm(is_idle=not batch.changes and not batch.read)
        self._settle()

    def _await_pubsub(self) -> None:
        # Reading what cannot be published would only fill the memory.
        seconds = self._circuits.retry_after_seconds(PUBSUB)
        if seconds:
            raise CircuitOpenError(
                PUBSUB, retry_after_seconds=seconds, last_failure=self._circuits.status(PUBSUB).last_error
            )

    def _publish(self, batch: Batch) -> None:
        tally = Tally(read=batch.read)
        futures, identities = [], []
        for change in batch.changes:
            identity = None if change.token is None else (change.token["_data"], change.cluster_time)
            if identity is not None and identity in self._repeats:
                tally.deduplicated += 1
                continue
            future = self._outlet.send(change, tally=tally)
            if future is not None:
                futures.append(future)
                identities.append(identity)
        self._in_flight.add(batch.token, batch.cluster_time, futures, identities)
        if batch.changes or batch.read:
            self._has_unsaved_changes = True
            self._observer.handled(tally, cluster_time=batch.cluster_time)
        if batch.key_changes:
            self._observer.keys_changed(batch.key_changes)
        while self._in_flight.is_full and not self._in_flight.has_failed() and not self._stop.is_set():
            self._in_flight.wait(_LOOK_SECONDS)
            self._confirm(is_idle=False)

    def _confirm(self, *, is_idle: bool) -> None:
        """Save how far Pub/Sub has confirmed, if it is time to.

        Raises:
            PublishFailedError: Something will not be confirmed.
        """
        has_messages = self._in_flight.message_count > 0
        newest = self._in_flight.advance()
        self._note(newest)
        if self._in_flight.has_failed() or (newest and has_messages):
            with self._circuits.guard(PUBSUB):
                if self._in_flight.has_failed():
                    self._settle()
            self._backoff.reset()
        is_caught_up = is_idle and not self._in_flight.message_count
        if is_caught_up:
            self._observer.caught_up()
        is_only_a_token = is_caught_up and not self._has_unsaved_changes
        every = self._options.idle_save_seconds if is_only_a_token else self._options.save_seconds
        if self._monotonic() - self._saved_at >= every:
            self._save()

    def _note(self, newest: Confirmed | None) -> None:
        if newest is not None:
            # An empty read moves the token and may not say when that was.
            before = self._unsaved.cluster_time if self._unsaved else None
            self._unsaved = Confirmed(newest.token, newest.cluster_time or before)

    def _save(self) -> None:
        if self._unsaved is None:
            return
        self._progress.moved(self._unsaved.token, self._unsaved.cluster_time)
        self._unsaved = None
        self._saved_at = self._monotonic()
        self._has_unsaved_changes = self._in_flight.message_count > 0
        checkpoint = self._progress.current
        if checkpoint.cluster_time is not None:
            self._repeats.forget_before(checkpoint.cluster_time)
        self._observer.saved(checkpoint)

    # ------------------------------------------------------------ recovery

    def _settle(self) -> None:
        """Wait for every answer, and save how far that came.

        Raises:
            PublishFailedError: Not everything was confirmed. What was, out of order, is remembered.
        """
        self._sink.flush()
        unconfirmed = self._in_flight.message_count
        settlement = self._in_flight.settle(self._options.settle_seconds)
        self._note(settlement.confirmed)
        self._repeats.remember(settlement.confirmed_identities)
        error = settlement.error()
        if error is not None and error.is_permanent:
            self._outlet.send_singly(unconfirmed)
        self._save()
        if error is not None:
            raise error

    def _recover(self, error: Exception) -> None:
        """Make ready for another try, from the last confirmed token."""
        try:
            self._settle()
        except (PublishFailedError, StoreUnavailableError):
            pass  # `error` came first; what these leave undone, the next try finds
        self._prepare_sink(error)

    def _prepare_sink(self, error: Exception) -> None:
        self._sink.resume()
        self._observer.recovering(error)
        at_least = error.retry_after_seconds if isinstance(error, CircuitOpenError) else 0.0
        self._backoff.pause(at_least_seconds=at_least)

    def _record_gap(self, error: TokenLostError) -> None:
        try:
            self._settle()
        except PublishFailedError:
            self._sink.resume()  # the gap begins before it, and the copy states what it led to
        self._unsaved = None
        self._repeats.clear()
        is_healed = self._options.on_token_lost is OnTokenLost.SNAPSHOT
        gap = self._progress.lost_token(code=error.code, reason=str(error), is_healed=is_healed)
        self._observer.token_lost(gap)
        if not is_healed:
            raise TokenLostError(
                f"{error} The connector stops, as ON_TOKEN_LOST says. `inventory connector snapshot` asks for the copy "
                "that states what is there now; then start it again.",
                code=error.code,
            )

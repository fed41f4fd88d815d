"""What the service tells becomes metrics, log lines, vitals and messages on the status topic.

Here: that translation. Not here: the formats (`metrics`, `logs`, `heartbeat`), or the moments (`service`).
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from structlog.typing import FilteringBoundLogger

from inventory_assets.connector.errors import TakenOverError
from inventory_assets.connector.ops.circuit import CircuitOpenError
from inventory_assets.connector.ops.heartbeat import StatusKind
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.connector.ops.observer import Observer, Tally
from inventory_assets.connector.ops.vitals import Circuit, CircuitState, State, Vitals, lag_of
from inventory_assets.connector.source.change import ClusterTime, KeyChange
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap

# As often as a heartbeat: who reads the log sees that it lasts.
_EVERY = timedelta(seconds=30)
# Of documents in one message to people.
_MOST_SHOWN = 20


class Quiet:
    """Says once, then rarely, what happens over and over: an outage fails tens of requests a second. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Hashable, int] = {}
        self._spoken_at: dict[Hashable, datetime] = {}

    def count(self, kind: Hashable, now: datetime) -> int | None:
        """Count one more; how many since the last line if it is time for one, else None."""
        with self._lock:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            spoken_at = self._spoken_at.get(kind)
            # `abs`: a clock set back must not silence it.
            if spoken_at is not None and abs(now - spoken_at) < _EVERY:
                return None
            self._spoken_at[kind] = now
            self._counts[kind] = 0
            return count


class Operations(Observer):
    """One connector as its operators see it. Called by any thread; never waits."""

    def __init__(
        self,
        *,
        connector_id: str,
        warehouse_id: str | None,
        owner_id: str,
        metrics: ConnectorMetrics,
        logger: FilteringBoundLogger,
        tell: Callable[..., None],
        now: Callable[[], datetime],
    ) -> None:
        """`tell(kind, **detail)` queues a message for the status topic."""
        at = now()
        self._metrics = metrics
        self._logger = logger
        self._tell = tell
        self._now = now
        self._lock = threading.Lock()
        self._vitals = Vitals(
            connector_id=connector_id, warehouse_id=warehouse_id, owner_id=owner_id,
            state=State.STARTING, started_at=at, last_turn_at=at,
        )  # fmt: skip
        self._checkpoint: Checkpoint | None = None
        self._is_current = False
        self._current_at: datetime | None = None
        self._circuits: Callable[[], list[Circuit]] = list
        self._last_beat_at: Callable[[], datetime | None] = lambda: None
        self._in_flight: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._copied = 0
        self._quiet = Quiet()

    def watch(
        self,
        *,
        in_flight: Callable[[], tuple[int, int]],
        circuits: Callable[[], list[Circuit]],
        last_beat_at: Callable[[], datetime | None],
    ) -> None:
        """Also show what the sink holds (messages, bytes), the circuits, and when the last heartbeat was."""
        self._in_flight = in_flight
        self._circuits = circuits
        self._last_beat_at = last_beat_at

    def vitals(self) -> Vitals:
        """How the connector is now."""
        with self._lock:
            vitals, checkpoint, is_current = self._vitals, self._checkpoint, self._is_current
            current_at = self._current_at
        now = self._now()
        known: dict[str, Any] = {}
        if checkpoint is not None:
            moved_at = checkpoint.moved_at
            known = {
                "source_epoch": checkpoint.source_epoch,
                "phase": checkpoint.phase,
                "cluster_time": checkpoint.cluster_time,
                "lag_seconds": lag_of(checkpoint.cluster_time, is_current=is_current, now=now),
                "published_until": _latest(checkpoint.cluster_time, current_at),
                "token_age_seconds": None if moved_at is None else max(0.0, (now - moved_at).total_seconds()),
            }
        messages, size_bytes = self._in_flight()
        return replace(
            vitals,
            circuits=tuple(self._circuits()),
            counters=self._metrics.totals(),
            last_heartbeat_at=self._last_beat_at(),
            in_flight_messages=messages,
            in_flight_bytes=size_bytes,
            **known,
        )

    # ------------------------------------------------------------ Observer

    def started(self, checkpoint: Checkpoint) -> None:
        self._see(checkpoint)
        self._logger = self._logger.bind(source_epoch=checkpoint.source_epoch)
        self._logger.info("started", phase=str(checkpoint.phase), owner_id=checkpoint.owner_id)
        self._tell(StatusKind.STARTED)

    def stream_opened(self, checkpoint: Checkpoint) -> None:
        self._see(checkpoint, state=State.STREAMING, copying=())
        self._logger.info("stream_opened", cluster_time=checkpoint.cluster_time)

    def handled(self, tally: Tally, *, cluster_time: ClusterTime | None) -> None:
        self._set(last_turn_at=self._now())
        if cluster_time is not None:
            self._is_current = False
        self._metrics.count("read", tally.read_by_collection)
        self._metrics.count("read_bytes", tally.bytes_by_collection)
        self._metrics.count("deduplicated", tally.deduplicated)
        self._metrics.count("dropped", tally.dropped)
        if tally.refused:
            self._metrics.count("dead_lettered", tally.refused)
            self._logger.warning("dead_lettered", reasons=dict(tally.refused))
        self._logger.info(
            "handled", sample=True, read=tally.read, published=dict(tally.published),
            deduplicated=tally.deduplicated, cluster_time=cluster_time,
        )  # fmt: skip

    def keys_changed(self, changes: Sequence[KeyChange]) -> None:
        self._metrics.count("keys_changed", Counter(each.collection for each in changes))
        detail = {
            "message": f"{len(changes)} documents took another key, and no image says which they had: "
            "it keeps its last stock or rule",
            "documents": len(changes),
            "found": [
                {"collection": each.collection, "cluster_time": each.cluster_time, **each.fields}
                for each in changes[:_MOST_SHOWN]
            ],
            "what_to_do": "`inventory connector reconcile --repair` now; `inventory connector init-db` for the images",
        }
        self._logger.critical("keys_changed", **detail)
        self._tell(StatusKind.KEYS_CHANGED, **detail)

    def caught_up(self) -> None:
        now = self._now()
        self._set(last_turn_at=now)
        self._is_current, self._current_at = True, now

    def saved(self, checkpoint: Checkpoint) -> None:
        self._see(checkpoint)

    def copy_started(self, checkpoint: Checkpoint) -> None:
        self._see(checkpoint, state=State.COPYING)
        self._copied = 0
        self._logger = self._logger.bind(source_epoch=checkpoint.source_epoch)
        self._logger.info("snapshot_started")
        self._tell(StatusKind.SNAPSHOT_STARTED)

    def copied(self, collection: str, documents: int, *, is_snapshot: bool) -> None:
        self._copied += documents
        # Also after a failure that the copy has survived.
        self._set(state=State.COPYING, copying=(collection,), last_turn_at=self._now())
        self._metrics.count("copied", {collection: documents})
        self._logger.info(
            "copied", sample=True, collection=collection, documents=documents,
            is_snapshot=is_snapshot, total=self._copied,
        )  # fmt: skip

    def copy_finished(self, documents: int) -> None:
        self._set(copying=())
        self._logger.info("snapshot_finished", documents=documents)
        self._tell(StatusKind.SNAPSHOT_FINISHED, documents=documents)

    def token_lost(self, gap: Gap) -> None:
        self._metrics.count("tokens_lost")
        self._failed(gap.reason)
        detail = {"code": gap.code, "after": gap.after, "healed_by": gap.healed_by, "reason": gap.reason}
        self._logger.critical("token_lost", **detail)
        self._tell(StatusKind.TOKEN_LOST, **detail)

    def recovering(self, error: Exception) -> None:
        self._metrics.count("reconnects")
        self._failed(str(error))
        self._set(state=State.RECOVERING, last_turn_at=self._now())
        # Of an open circuit everything has been said when it opened.
        log = self._logger.info if isinstance(error, CircuitOpenError) else self._logger.warning
        log("recovering", message=str(error), error_type=type(error).__name__)

    def stopped(self, reason: str, error: Exception | None) -> None:
        if error is None:
            self._set(state=State.STOPPING)
            self._logger.info("stopped", reason=reason, counters=self._metrics.totals())
            self._tell(StatusKind.STOPPED, reason=reason)
            return
        self._failed(reason)
        self._set(state=State.FAILED)
        self._logger.critical("stopped", message=reason, error_type=type(error).__name__)
        kind = StatusKind.TAKEN_OVER if isinstance(error, TakenOverError) else StatusKind.FAILED
        self._tell(kind, reason=reason)

    # ------------------------------------------- of requests, and of circuits

    def on_published(self, topic: str, *, messages: int, size_bytes: int, seconds: float) -> None:
        self._metrics.count("published", {topic: messages})
        self._metrics.count("published_bytes", {topic: size_bytes})
        self._metrics.batch(messages, seconds=seconds)

    def on_request_failed(self, topic: str, *, messages: int, code: str, seconds: float) -> None:
        self._metrics.count("failed", {topic: messages})
        # An outage fails tens of them a second: `requests` is how many since the last line.
        if (requests := self._quiet.count((topic, code), self._now())) is not None:
            self._logger.warning(
                "request_failed", message=f"publish requests to {topic} fail: {code}",
                topic=topic, code=code, requests=requests, messages=messages, seconds=round(seconds, 2),
            )  # fmt: skip

    def circuit_changed(self, circuit: Circuit) -> None:
        """A circuit opened, half-opened or closed."""
        if circuit.state is CircuitState.OPEN:
            self._logger.warning(
                "circuit", message=f"{circuit.dependency} is not asked for a while: {circuit.last_error}",
                dependency=circuit.dependency, state=str(circuit.state),
            )  # fmt: skip
        else:
            words = "answers again" if circuit.state is CircuitState.CLOSED else "is tried once"
            self._logger.info(
                "circuit", message=f"{circuit.dependency} {words}",
                dependency=circuit.dependency, state=str(circuit.state),
            )  # fmt: skip
        if circuit.state is not CircuitState.HALF_OPEN:
            is_open = circuit.state is CircuitState.OPEN
            kind = StatusKind.CIRCUIT_OPENED if is_open else StatusKind.CIRCUIT_CLOSED
            self._tell(kind, dependency=circuit.dependency)

    def heartbeat_failed(self, error: Exception) -> None:
        """A heartbeat, or another message to the status topic, was not confirmed."""
        self._metrics.count("heartbeats_failed")
        if (times := self._quiet.count("heartbeat_failed", self._now())) is not None:
            self._logger.warning("heartbeat_failed", message=str(error), times=times)

    # ------------------------------------------------------------- private

    def _see(self, checkpoint: Checkpoint, **changes: Any) -> None:
        with self._lock:
            self._checkpoint = checkpoint
            self._vitals = replace(self._vitals, last_turn_at=self._now(), **changes)

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._vitals = replace(self._vitals, **changes)

    def _failed(self, error: str) -> None:
        self._set(last_error=error, last_error_at=self._now())


def _latest(cluster_time: ClusterTime | None, current_at: datetime | None) -> datetime | None:
    """Up to when all is published: the last confirmed change, or when the stream last had no more."""
    confirmed_at = None if cluster_time is None else datetime.fromtimestamp(cluster_time[0], UTC)
    return max((at for at in (confirmed_at, current_at) if at is not None), default=None)

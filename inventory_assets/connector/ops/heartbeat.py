"""What a connector says of itself on `status-topic`, the thread that says so every 30 s, and one for the rest.

Here: the messages, the rhythm, the queue. Not here: publishing, or moving the token (`service`).

The lake's own messages there are `{"type": …, …}` with the type as an attribute, too, so these are.
The type of all but the heartbeat begins with `connector_`, as others publish on the topic. Heartbeats go
to an input topic, too, so that the lake knows up to when it knows: there they are `filtered` by their
type (RULES 9), and heard.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from inventory_assets.connector.ops.vitals import Vitals
from inventory_assets.messaging.messages import OutgoingMessage

STATUS_TOPIC = "status-topic"
# Of an error's text: status messages are read by people, and may have 1 MB.
_MAX_TEXT = 1000
# Hours of everything going wrong; beyond it the oldest go, which the log has.
_MOST_WAITING = 1_000
_RETRY_SECONDS = 5.0


class StatusKind(StrEnum):
    """What is told."""

    HEARTBEAT = "heartbeat"
    STARTED = "connector_started"
    SNAPSHOT_STARTED = "connector_snapshot_started"
    SNAPSHOT_FINISHED = "connector_snapshot_finished"
    # An alarm: changes were lost from the stream, and only a copy states what they led to.
    TOKEN_LOST = "connector_token_lost"
    # An alarm: documents have left keys that no image names.
    KEYS_CHANGED = "connector_keys_changed"
    TAKEN_OVER = "connector_taken_over"
    CIRCUIT_OPENED = "connector_circuit_opened"
    CIRCUIT_CLOSED = "connector_circuit_closed"
    STOPPED = "connector_stopped"
    # An alarm: it ended for an error that no retry mends.
    FAILED = "connector_failed"


class Severity(StrEnum):
    """Who should look: nobody, somebody some time, somebody now."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


_SEVERITIES = {
    StatusKind.TOKEN_LOST: Severity.ALARM,
    StatusKind.KEYS_CHANGED: Severity.ALARM,
    StatusKind.TAKEN_OVER: Severity.ALARM,
    StatusKind.FAILED: Severity.ALARM,
    StatusKind.CIRCUIT_OPENED: Severity.WARNING,
}


def status_message(
    kind: StatusKind,
    vitals: Vitals,
    now: datetime,
    *,
    topic: str = STATUS_TOPIC,
    clean: Callable[[str], str] = str,
    **detail: object,
) -> OutgoingMessage:
    """Build one message.

    Args:
        clean: Takes secrets out of the whole text.
        detail: More fields: what was lost, what was copied. They may not replace ours.
    """
    severity = _SEVERITIES.get(kind, Severity.INFO)

    def tell(value: Any) -> Any:
        # Cleaned before it is cut: half a URI would not be known for one.
        return clean(value)[:_MAX_TEXT] if isinstance(value, str) else value

    body = {
        "type": str(kind),
        "severity": str(severity),
        "at": _of_time(now),
        **{name: tell(value) for name, value in detail.items()},
        **_body(vitals, tell),
    }
    attributes = {
        "type": str(kind),
        "severity": str(severity),
        "connector_id": vitals.connector_id,
        "warehouse_id": vitals.warehouse_id or "",
    }
    # No ordering key: after a failure the client pauses a key, and a heart must not wait for that.
    return OutgoingMessage(topic, clean(msgspec.json.encode(body).decode()).encode(), attributes)


class HeartbeatThread:
    """Calls `beat` every `interval_seconds`, whatever became of the last call, until closed.

    Attributes:
        last_beat_at: When the last heartbeat was confirmed, UTC.
    """

    def __init__(
        self,
        *,
        interval_seconds: float,
        beat: Callable[[], None],
        on_failure: Callable[[Exception], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            beat: Publishes a heartbeat and waits for its confirmation.
            on_failure: Told of what `beat` raised; the next one is tried all the same.
        """
        self._interval_seconds = interval_seconds
        self._beat = beat
        self._on_failure = on_failure
        self._now = now
        self._stop = threading.Event()
        self.last_beat_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="connector-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin, with a heartbeat at once."""
        self._thread.start()

    def close(self, *, timeout_seconds: float = 2.0) -> None:
        """Stop; a call under way is not waited for longer than that."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            try:
                self._beat()
                self.last_beat_at = self._now()
            except Exception as error:
                self._tell(error)
            if self._stop.wait(self._interval_seconds):
                return

    def _tell(self, error: Exception) -> None:
        try:
            self._on_failure(error)
        except Exception:
            pass  # who cannot be told must not stop the heart


class StatusTeller:
    """Publishes what it is told, in order, and tries again until that succeeds: the stream never waits for it."""

    def __init__(
        self,
        publish: Callable[[Sequence[OutgoingMessage]], object],
        *,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """`publish` waits for confirmation, or raises."""
        self._publish = publish
        self._on_failure = on_failure
        self._messages: deque[OutgoingMessage] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="connector-status", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, message: OutgoingMessage) -> None:
        """Queue a message; returns at once."""
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def close(self, *, timeout_seconds: float) -> None:
        """Send what waits, as far as the time allows."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._messages or self._is_closing)
                waiting = list(self._messages)
            if not waiting:
                return
            try:
                self._publish(waiting)
            except Exception as error:
                self._on_failure(error)
                with self._changed:
                    # A last try at the end, and no more: the log has it.
                    if self._changed.wait_for(lambda: self._is_closing, _RETRY_SECONDS):
                        return
                continue
            with self._changed:
                for message in waiting:
                    if self._messages and self._messages[0] is message:
                        self._messages.popleft()


def _body(vitals: Vitals, tell: Callable[[Any], Any]) -> dict[str, Any]:
    time = vitals.cluster_time
    return {
        "connector_id": vitals.connector_id,
        # Null and not "", which is no id: the lake would not hear a connector of several warehouses.
        "warehouse_id": vitals.warehouse_id or None,
        "owner_id": vitals.owner_id,
        "source_epoch": vitals.source_epoch,
        "state": str(vitals.state),
        "phase": None if vitals.phase is None else str(vitals.phase),
        "started_at": _of_time(vitals.started_at),
        "cluster_time": None if time is None else {"t": time[0], "i": time[1]},
        "lag_seconds": vitals.lag_seconds,
        "published_until": _of_time(vitals.published_until),
        "token_age_seconds": vitals.token_age_seconds,
        "in_flight_messages": vitals.in_flight_messages,
        "in_flight_bytes": vitals.in_flight_bytes,
        "copying": list(vitals.copying),
        "circuits": [
            {
                "dependency": circuit.dependency,
                "state": str(circuit.state),
                "since": _of_time(circuit.since),
                "last_error": tell(circuit.last_error),
            }
            for circuit in vitals.circuits
        ],
        "counters": dict(vitals.counters),
        "last_error": tell(vitals.last_error),
        "last_error_at": _of_time(vitals.last_error_at),
    }


def _of_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""What a connector counts, for Prometheus.

Here: names, labels and buckets. Not here: when something is counted (`service`). Dashboards and alert
policies in `deploy/connector` use these names, and a test holds them to it.

One registry an object, so that two connectors of one process, as in tests, do not meet. Counters are
added to a batch at a time: a call costs about a microsecond, and there may be 10,000 changes a second.
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from inventory_assets.connector.ops.vitals import CircuitState, State, Vitals

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "inventory_connector"
_CIRCUIT_VALUES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}
# By short name: the metric, what it says, and its label beside the connector's id.
_COUNTERS = {
    "read": ("changes_read", "Events read from the change stream.", "collection"),
    "read_bytes": ("read_bytes", "BSON bytes of the events read.", "collection"),
    "published": ("messages_published", "Messages confirmed by Pub/Sub.", "topic"),
    "published_bytes": ("published_bytes", "Bytes of messages confirmed by Pub/Sub.", "topic"),
    "failed": ("messages_failed", "Messages that Pub/Sub did not confirm; they are sent again.", "topic"),
    "deduplicated": ("changes_deduplicated", "Events read again and skipped: confirmed already."),
    "dead_lettered": ("changes_dead_lettered", "Changes sent to the dead-letter topic.", "reason"),
    "dropped": ("changes_dropped", "Changes a transformation dropped.", "collection"),
    "keys_changed": ("keys_changed", "Documents that left a key which no image names.", "collection"),
    "reconnects": ("reconnects", "Streams opened anew after an error."),
    "tokens_lost": ("tokens_lost", "Resume tokens that MongoDB no longer accepts."),
    "heartbeats_failed": ("heartbeats_failed", "Heartbeats not confirmed by Pub/Sub."),
    "copied": ("documents_copied", "Documents read by copies.", "collection"),
}
# Not in `Vitals.counters`, which are for people.
_UNTOLD = {"read_bytes", "published_bytes"}
# Pub/Sub takes 1,000 messages a request.
_BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)
# A healthy publish takes 5 to 50 ms; the client gives up after a minute.
_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ConnectorMetrics:
    """Metrics of one connector. Thread-safe."""

    def __init__(self, *, connector_id: str, warehouse_id: str | None, version: str) -> None:
        """Make every metric, so that those that never happened read 0 and not "absent"."""
        # A second series for every counter, that says only when this process began.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._id = connector_id
        self._lock = threading.Lock()
        self._totals: dict[str, int] = {}
        self._counters = {
            name: Counter(f"{PREFIX}_{metric}", text, ("connector_id", *labels), registry=self.registry)
            for name, (metric, text, *labels) in _COUNTERS.items()
        }
        self._batch_size = Histogram(
            f"{PREFIX}_batch_messages", "Messages of one publish request.", ("connector_id",),
            registry=self.registry, buckets=_BATCH_BUCKETS,
        ).labels(connector_id)  # fmt: skip
        self._latency = Histogram(
            f"{PREFIX}_publish_seconds", "From sending a publish request to its confirmation.",
            ("connector_id",), registry=self.registry, buckets=_LATENCY_BUCKETS,
        ).labels(connector_id)  # fmt: skip
        for name, (_, _, *labels) in _COUNTERS.items():
            if not labels:
                self._counters[name].labels(connector_id)
        self._make_gauges(connector_id, warehouse_id or "", version)

    def count(self, name: str, amount: int | Mapping[str, int] = 1) -> None:
        """Add to the counter of a short name: a number, or one for each value of its label."""
        counter = self._counters[name]
        if isinstance(amount, int):
            counter.labels(self._id).inc(amount)
            total = amount
        else:
            for label, part in amount.items():
                counter.labels(self._id, label).inc(part)
            total = sum(amount.values())
        if name not in _UNTOLD and total:
            with self._lock:
                self._totals[name] = self._totals.get(name, 0) + total

    def batch(self, messages: int, *, seconds: float) -> None:
        """Observe one publish request, from sending it to its confirmation."""
        self._batch_size.observe(messages)
        self._latency.observe(seconds)

    def totals(self) -> dict[str, int]:
        """Everything counted so far, by short name: `Vitals.counters`."""
        with self._lock:
            return dict(self._totals)

    def render(self, vitals: Vitals, now: datetime) -> bytes:
        """Write the metrics as Prometheus reads them, with the gauges as of `vitals`."""
        with self._lock:
            self._observe(vitals, now)
            return generate_latest(self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, ("connector_id", *labels), registry=self.registry)

    def _make_gauges(self, connector_id: str, warehouse_id: str, version: str) -> None:
        self._lag = self._gauge("lag_seconds", "Age of the last confirmed change; 0 when idle and current.")
        self._token_age = self._gauge("token_age_seconds", "Since the saved token was last confirmed current.")
        self._heartbeat_age = self._gauge("heartbeat_age_seconds", "Since the last confirmed heartbeat, or the start.")
        self._turn_age = self._gauge("turn_age_seconds", "Since the stream's thread last came round.")
        self._in_flight = self._gauge("in_flight_messages", "Messages handed to Pub/Sub and not confirmed.")
        self._in_flight_bytes = self._gauge("in_flight_bytes", "Their bytes.")
        self._copying = self._gauge("copies_in_progress", "Collections being copied.")
        self._epoch = self._gauge("source_epoch", "Source epoch of what is published.")
        self._circuit = self._gauge("circuit_state", "Of a circuit: 0 closed, 1 half-open, 2 open.", "dependency")
        self._state = self._gauge("state", "1 for what the connector is doing now.", "state")
        info = self._gauge("build_info", "1, with what runs here as labels.", "warehouse_id", "version")
        info.labels(connector_id, warehouse_id, version).set(1)

    def _observe(self, vitals: Vitals, now: datetime) -> None:
        connector_id = self._id
        ages = (
            (self._heartbeat_age, (now - (vitals.last_heartbeat_at or vitals.started_at)).total_seconds()),
            (self._turn_age, (now - vitals.last_turn_at).total_seconds()),
            (self._in_flight, vitals.in_flight_messages),
            (self._in_flight_bytes, vitals.in_flight_bytes),
            (self._copying, len(vitals.copying)),
            # Not known yet is no value at all: 0 would say "no lag".
            (self._lag, vitals.lag_seconds),
            (self._token_age, vitals.token_age_seconds),
            (self._epoch, vitals.source_epoch),
        )
        for gauge, value in ages:
            if value is not None:
                gauge.labels(connector_id).set(value)
        for circuit in vitals.circuits:
            self._circuit.labels(connector_id, circuit.dependency).set(_CIRCUIT_VALUES[circuit.state])
        for state in State:
            self._state.labels(connector_id, state).set(state is vitals.state)

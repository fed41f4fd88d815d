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
        per_collection = ("connector_id", "collection")
        self._read = self._counter("changes_read", "Events read from the change stream.", *per_collection)
        self._read_bytes = self._counter("read_bytes", "BSON bytes of the events read.", *per_collection)
        self._published = self._counter(
            "messages_published", "Messages confirmed by Pub/Sub.", "connector_id", "topic"
        )  # fmt: skip
        self._published_bytes = self._counter(
            "published_bytes", "Bytes of messages confirmed by Pub/Sub.", "connector_id", "topic"
        )  # fmt: skip
        self._failed = self._counter(
            "messages_failed", "Messages that Pub/Sub did not confirm; they are sent again.", "connector_id", "topic"
        )
        self._deduplicated = self._counter(
            "changes_deduplicated", "Events read again and skipped: confirmed already.", "connector_id"
        )
        self._dead_lettered = self._counter(
            "changes_dead_lettered", "Changes sent to the dead-letter topic.", "connector_id", "reason"
        )
        self._dropped = self._counter("changes_dropped", "Changes a transformation dropped.", *per_collection)
        self._reconnects = self._counter("reconnects", "Streams opened anew after an error.", "connector_id")
        self._tokens_lost = self._counter(
            "tokens_lost", "Resume tokens that MongoDB no longer accepts.", "connector_id"
        )  # fmt: skip
        self._heartbeats_failed = self._counter(
            "heartbeats_failed", "Heartbeats not confirmed by Pub/Sub.", "connector_id"
        )  # fmt: skip
        self._copied = self._counter("documents_copied", "Documents read by copies.", *per_collection)
        self._batch_size = Histogram(
            f"{PREFIX}_batch_messages", "Messages of one publish request.", ("connector_id",),
            registry=self.registry, buckets=_BATCH_BUCKETS,
        ).labels(connector_id)  # fmt: skip
        self._latency = Histogram(
            f"{PREFIX}_publish_seconds", "From sending a publish request to its confirmation.",
            ("connector_id",), registry=self.registry, buckets=_LATENCY_BUCKETS,
        ).labels(connector_id)  # fmt: skip
        for single in (self._deduplicated, self._reconnects, self._tokens_lost, self._heartbeats_failed):
            single.labels(connector_id)
        self._make_gauges(connector_id, warehouse_id or "", version)

    def read(self, changes: Mapping[str, int], size_bytes: Mapping[str, int]) -> None:
        """Count events of one read, by collection."""
        self._add("read", self._read, changes)
        self._add(None, self._read_bytes, size_bytes)

    def published(self, messages: Mapping[str, int], size_bytes: Mapping[str, int]) -> None:
        """Count confirmed messages of one batch, by topic."""
        self._add("published", self._published, messages)
        self._add(None, self._published_bytes, size_bytes)

    def batch(self, messages: int, *, seconds: float) -> None:
        """Observe one publish request, from sending it to its confirmation."""
        self._batch_size.observe(messages)
        self._latency.observe(seconds)

    def failed(self, messages: Mapping[str, int]) -> None:
        """Count messages that were not confirmed, by topic."""
        self._add("failed", self._failed, messages)

    def deduplicated(self, changes: int) -> None:
        """Count changes read again and skipped."""
        self._add("deduplicated", self._deduplicated, changes)

    def dead_lettered(self, changes: Mapping[str, int]) -> None:
        """Count dead letters, by reason."""
        self._add("dead_lettered", self._dead_lettered, changes)

    def dropped(self, changes: Mapping[str, int]) -> None:
        """Count changes that a transformation dropped, by collection."""
        self._add("dropped", self._dropped, changes)

    def copied(self, documents: Mapping[str, int]) -> None:
        """Count documents that a copy read, by collection."""
        self._add("copied", self._copied, documents)

    def reconnected(self) -> None:
        """Count a stream opened anew."""
        self._add("reconnects", self._reconnects, 1)

    def token_lost(self) -> None:
        """Count a token that MongoDB no longer accepts."""
        self._add("tokens_lost", self._tokens_lost, 1)

    def heartbeat_failed(self) -> None:
        """Count a heartbeat that was not confirmed."""
        self._add("heartbeats_failed", self._heartbeats_failed, 1)

    def totals(self) -> dict[str, int]:
        """Everything counted so far, by short name: `Vitals.counters`."""
        with self._lock:
            return dict(self._totals)

    def render(self, vitals: Vitals, now: datetime) -> bytes:
        """Write the metrics as Prometheus reads them, with the gauges as of `vitals`."""
        with self._lock:
            self._observe(vitals, now)
            return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

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

    def _add(self, name: str | None, counter: Counter, amount: int | Mapping[str, int]) -> None:
        if isinstance(amount, int):
            counter.labels(self._id).inc(amount)
            total = amount
        else:
            for label, part in amount.items():
                counter.labels(self._id, label).inc(part)
            total = sum(amount.values())
        if name is not None and total:
            with self._lock:
                self._totals[name] = self._totals.get(name, 0) + total

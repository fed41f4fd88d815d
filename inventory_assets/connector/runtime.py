"""One connector process: its threads, their beginning and their end.

Here: what starts in which order, and what a signal does. Not here: the stream itself (`service`),
or what the command line says (`commands.connector.group`).

Threads: the stream, which reads, publishes and saves; the heartbeat; the status messages; HTTP. The
main thread waits for a signal or for the stream to end.
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TextIO

from structlog.typing import FilteringBoundLogger

from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.errors import ConnectorError, TakenOverError
from inventory_assets.connector.ops.backoff import Backoff
from inventory_assets.connector.ops.circuit import Circuits
from inventory_assets.connector.ops.health import Limits
from inventory_assets.connector.ops.heartbeat import HeartbeatThread, StatusKind, StatusTeller, status_message
from inventory_assets.connector.ops.logs import build_logger, library_logs
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.connector.ops.operations import Operations
from inventory_assets.connector.ops.redaction import Redactor, secrets_of
from inventory_assets.connector.ops.server import OperationsServer, build_app
from inventory_assets.connector.ports import ChangeSource, TokenStore
from inventory_assets.connector.publish.outlet import Outlet
from inventory_assets.connector.publish.publisher import PubSubSink, SinkSettings
from inventory_assets.connector.service import OnTokenLost, Options, Service
from inventory_assets.connector.shape.shaping import build_keys, build_shaper
from inventory_assets.connector.source.images import ImageMode
from inventory_assets.connector.source.mongo_client import connect
from inventory_assets.connector.source.mongo_source import MongoChangeSource
from inventory_assets.connector.state.progress import Progress
from inventory_assets.connector.state.stores.build import open_store
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.messaging.publisher import PubSubPublisher

# Of the grace period: what closing takes when nothing hangs.
_CLOSING_SECONDS = 2.0
_STATUS_SECONDS = 10.0
_LOOK_SECONDS = 0.5


class Parts:
    """Makes the three edges; tests wrap what it makes."""

    def source(self, config: ConnectorConfig) -> ChangeSource:
        """The database."""
        # Where a collection has no post-image after all, the document is looked up.
        images = ImageMode.POST_IMAGES if config.images == "auto" else ImageMode(config.images)
        client = connect(config.mongodb_uri.get_secret_value())
        return MongoChangeSource(
            client, config.database, collections=list(config.collections), images=images,
            keys=build_keys(config),
            batch_size=config.read_batch, chunk_documents=config.snapshot_chunk_documents,
        )  # fmt: skip

    def sink(self, config: ConnectorConfig, operations: Operations) -> PubSubSink:
        """Pub/Sub."""
        assert config.pubsub_project is not None
        settings = SinkSettings(
            max_outstanding_bytes=config.max_outstanding_bytes,
            max_outstanding_messages=config.max_outstanding_messages,
            batch_messages=config.batch_messages, batch_bytes=config.batch_bytes,
            batch_latency_seconds=config.batch_latency_ms / 1000, deadline_seconds=config.publish_timeout_seconds,
        )  # fmt: skip
        return PubSubSink(
            config.pubsub_project, settings=settings, emulator_host=config.pubsub_emulator_host, observer=operations
        )

    def store(self, config: ConnectorConfig) -> TokenStore:
        """Where the token is kept."""
        return open_store(config)


def run_connector(
    config: ConnectorConfig,
    *,
    stop: threading.Event,
    log: TextIO,
    parts: Parts | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Run a connector until `stop` is set; the exit code.

    Raises:
        ConfigurationError: The health port is taken.
        StoreUnavailableError: The token store cannot be opened at all.
    """
    redact = Redactor([*secrets_of(config.mongodb_uri.get_secret_value()), config.hmac_key_bytes.decode()])
    logger = build_logger(
        log, connector_id=config.connector_id, warehouse_id=config.warehouse_id, redact=redact,
        sample_every=config.log_sample, level=config.log_level, now=now,
    )  # fmt: skip
    with library_logs(logger):
        return _Process(config, stop=stop, parts=parts or Parts(), redact=redact, now=now, logger=logger).run()


class _Process:
    """Everything that lives as long as the process does."""

    def __init__(
        self,
        config: ConnectorConfig,
        *,
        stop: threading.Event,
        parts: Parts,
        redact: Redactor,
        now: Callable[[], datetime],
        logger: FilteringBoundLogger,
    ) -> None:
        self._config = config
        self._stop = stop
        self._redact = redact
        self._now = now
        self._logger = logger
        self._error: BaseException | None = None
        owner_id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._metrics = ConnectorMetrics(
            connector_id=config.connector_id, warehouse_id=config.warehouse_id,
            version=version("inventory-assets"),
        )  # fmt: skip
        self._operations = Operations(
            connector_id=config.connector_id, warehouse_id=config.warehouse_id, owner_id=owner_id,
            metrics=self._metrics, logger=logger, tell=self._tell, now=now,
        )  # fmt: skip
        self._store = parts.store(config)
        self._sink = parts.sink(config, self._operations)
        self._source = parts.source(config)
        assert config.pubsub_project is not None
        self._status = PubSubPublisher(
            config.pubsub_project, emulator_host=config.pubsub_emulator_host, timeout_seconds=_STATUS_SECONDS
        )
        self._teller = StatusTeller(self._status.publish, on_failure=self._operations.heartbeat_failed)
        self._progress = Progress(self._store, connector_id=config.connector_id, owner_id=owner_id, now=now)
        self._heart = HeartbeatThread(
            interval_seconds=config.heartbeat_seconds, beat=self._beat,
            on_failure=self._operations.heartbeat_failed, now=now,
        )  # fmt: skip
        self._circuits = Circuits(
            failures_to_open=config.circuit_failures, open_seconds=config.circuit_reset_seconds,
            on_change=self._operations.circuit_changed, now=now,
        )  # fmt: skip
        self._operations.watch(
            in_flight=lambda: (self._sink.outstanding_messages, self._sink.outstanding_bytes),
            circuits=self._circuits.statuses, last_beat_at=lambda: self._heart.last_beat_at,
        )  # fmt: skip
        self._server = OperationsServer(
            build_app(
                vitals=self._operations.vitals, metrics=self._metrics, now=now, clean=redact,
                limits=Limits(lag_seconds=config.readiness_max_lag_seconds),
            ),
            host=config.health_host, port=config.health_port,
        )  # fmt: skip
        self._service = self._build_service()
        self._thread = threading.Thread(target=self._stream, name="connector-stream", daemon=True)

    def run(self) -> int:
        """Run until `stop`, or until the stream ends by itself."""
        config = self._config
        self._server.start()
        self._logger.info("serving", message=f"health on http://{config.health_host}:{self._server.port}/health")
        self._teller.start()
        self._heart.start()
        self._thread.start()
        while self._thread.is_alive() and not self._stop.wait(_LOOK_SECONDS):
            pass
        self._stop.set()
        self._thread.join(max(0.0, config.grace_seconds - _CLOSING_SECONDS))
        if self._thread.is_alive():
            # What is not confirmed by now is read again by the next start.
            self._logger.warning("abandoned", in_flight=self._sink.outstanding_messages)
            self._sink.abandon()
            self._thread.join(_CLOSING_SECONDS / 2)
        self._heart.close(timeout_seconds=0.2)
        self._say_goodbye()
        self._teller.close(timeout_seconds=_CLOSING_SECONDS / 2)
        self._server.close(timeout_seconds=0.5)
        self._status.close()
        self._store.close()
        return 0 if self._error is None else 1

    def _build_service(self) -> Service:
        config = self._config
        shaper = build_shaper(config, clock=self._now)
        # Half of it: the stream's thread comes round within a second, closing takes two, and a busy machine more.
        settle_seconds = max(1.0, config.grace_seconds / 2)
        return Service(
            source=self._source,
            sink=self._sink,
            outlet=Outlet(shaper, self._sink, confirm_seconds=config.publish_timeout_seconds),
            progress=self._progress,
            observer=self._operations,
            backoff=Backoff(
                self._stop, first_seconds=config.backoff_first_seconds, cap_seconds=config.backoff_cap_seconds
            ),
            circuits=self._circuits,
            options=Options(
                collections=tuple(config.collections), on_token_lost=OnTokenLost(config.on_token_lost),
                idle_save_seconds=config.heartbeat_seconds, settle_seconds=settle_seconds,
            ),
            stop=self._stop,
        )  # fmt: skip

    def _stream(self) -> None:
        try:
            self._service.run()
        except ConnectorError as error:
            self._error = error
        except BaseException as error:
            # A mistake of ours: the supervisor starts the process again, after the saved token.
            self._error = error
            self._operations.stopped(f"{type(error).__name__}: {error}", ConnectorError(str(error)))
            self._logger.exception("crashed")
        finally:
            self._source.close()
            # The service has waited for what was in flight.
            self._sink.close(timeout_seconds=0.0)

    def _tell(self, kind: StatusKind, **detail: object) -> None:
        vitals, topic = self._operations.vitals(), self._config.status_topic
        self._teller.tell(status_message(kind, vitals, self._now(), topic=topic, clean=self._redact, **detail))

    def _beat(self) -> None:
        """Say that the process lives, to the topic and to the store."""
        config = self._config
        status_topics = (config.status_topic,) if config.is_heartbeat_status else ()
        self._status.publish(self._heartbeats((*status_topics, *config.input_heartbeat_topics)))
        if self._progress.has_taken_over:
            self._progress.beat()

    def _heartbeats(self, topics: Sequence[str]) -> list[OutgoingMessage]:
        gaps = self._progress.current.gaps if self._progress.has_taken_over else ()
        # As of one moment, before they are sent: what it says is published was confirmed before.
        vitals, now = self._operations.vitals(), self._now()
        return [
            status_message(
                StatusKind.HEARTBEAT, vitals, now, topic=topic, clean=self._redact,
                gaps=len(gaps), open_gaps=sum(gap.healed_by is None for gap in gaps),
            )
            for topic in topics
        ]  # fmt: skip

    def _say_goodbye(self) -> None:
        """Tell the lake that no more is to be waited for, unless another process goes on under this name."""
        if not isinstance(self._error, TakenOverError):
            for message in self._heartbeats(self._config.input_heartbeat_topics):
                self._teller.tell(message)

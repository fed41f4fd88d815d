"""Pub/Sub's own batching client, set up for a service that must not lose or hang.

Here: options, and what the client does not offer: an end to retries, and requests limited, observed
and ended. Not here: what is published through it (`publisher`).

Two things the client does, as of google-cloud-pubsub 2.44, shape this module:

- With ordering on it sets every retry's deadline to 136 years. `_BoundedRetry` keeps its own.
- An exception other than Google's own kills the thread of a batch, and its futures never end.
  `_Requests` lets none through.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
from google.api_core import exceptions, retry
from google.cloud import pubsub_v1  # type: ignore[attr-defined]  # a namespace package, of which firestore has the stub
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import pubsub

from inventory_assets.addresses import channel_options
from inventory_assets.connector.ops.observer import Observer
from inventory_assets.messaging.connection import CHANNEL_OPTIONS, code_of

logger = logging.getLogger(__name__)

_FIRST_BACKOFF_SECONDS = 0.1
# Also the longest that `abandon` takes: a retry that sleeps cannot be woken.
_LAST_BACKOFF_SECONDS = 2.0
_RETRIED = retry.if_exception_type(
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)


class PublishAbandonedError(exceptions.GoogleAPICallError):
    """A request was given up because the process ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """How much is held, how it is batched, and how long it is tried.

    Attributes:
        max_outstanding_bytes: Not confirmed; beyond it `publish` blocks. At least one message's size.
        max_outstanding_messages: Likewise.
        batch_messages: A request has one fewer at most; the service takes 1,000. Fuller ones measured no faster.
        batch_bytes: Of a request.
        batch_latency_seconds: How long a message waits for others of its topic and key.
        busy_latency_seconds: The same while `busy_messages` are outstanding. A request costs as much
            as ten messages, so a backlog leaves sooner in fuller ones.
        deadline_seconds: After this a request is not tried again, and its key pauses.
        request_timeout_seconds: Of one try. A late one is sent again, and may be stored twice.
    """

    max_outstanding_bytes: int = 64 * 1024 * 1024
    max_outstanding_messages: int = 10_000
    batch_messages: int = 200
    batch_bytes: int = 1_000_000
    batch_latency_seconds: float = 0.01
    busy_latency_seconds: float = 0.25
    busy_messages: int = 100
    deadline_seconds: float = 60.0
    request_timeout_seconds: float = 20.0


def open_client(
    settings: SinkSettings,
    *,
    host: str,
    abandoned: threading.Event,
    observer: Observer | None,
) -> pubsub_v1.PublisherClient:
    """Make a client; its first request connects.

    Args:
        host: Of an emulator, `host:port`; empty for the service.
        abandoned: Once set, every request fails with `PublishAbandonedError`, tried again or new.
        observer: Told of requests, from the client's threads, after each. Must not block.
    """
    requests = _Requests(settings.request_timeout_seconds, abandoned, observer)
    options = pubsub_v1.types.PublisherOptions(
        enable_message_ordering=True,
        # Without the client's flow control, its default: `Room` says why.
        retry=_BoundedRetry(
            predicate=_RETRIED,
            initial=_FIRST_BACKOFF_SECONDS,
            maximum=_LAST_BACKOFF_SECONDS,
            timeout=settings.deadline_seconds,
        ),
    )
    batches = pubsub_v1.types.BatchSettings(
        max_messages=settings.batch_messages,
        max_bytes=settings.batch_bytes,
        max_latency=settings.batch_latency_seconds,
    )

    def open_channel(target: str, **arguments: Any) -> Any:
        # The transport's own options lack what a broker that comes and goes needs.
        channel = PublisherGrpcTransport.create_channel(target, **{**arguments, "options": CHANNEL_OPTIONS})
        return grpc.intercept_channel(channel, requests)

    transport: Any
    if host:
        channel = grpc.insecure_channel(host, [*CHANNEL_OPTIONS, *channel_options(host)])
        transport = PublisherGrpcTransport(channel=grpc.intercept_channel(channel, requests))
    else:
        # A factory: the client chooses endpoint, credentials and mTLS for it.
        transport = partial(PublisherGrpcTransport, channel=open_channel)
    return pubsub_v1.PublisherClient(batches, options, transport=transport)


class _BoundedRetry(retry.Retry):
    """A retry that ends after its own time, whatever the client would have it be."""

    def with_deadline(self, deadline: float | None) -> "_BoundedRetry":
        return self


class _CallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Requests(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Between client and channel: limits each try, observes it, and ends all when abandoned."""

    def __init__(self, timeout_seconds: float, abandoned: threading.Event, observer: Observer | None) -> None:
        self._timeout_seconds = timeout_seconds
        self._abandoned = abandoned
        self._observer = observer

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self._stop_if_abandoned()
        limited = _CallDetails(
            details.method,
            self._timeout_seconds,
            details.metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        started = time.perf_counter()
        call = continuation(limited, request)
        error = call.exception()
        if self._observer is not None:
            try:
                _observe(self._observer, request, error, time.perf_counter() - started)
            except Exception:
                # It would kill the batch's thread, and the futures would never end.
                logger.exception("the observer of requests failed")
        if error is not None:
            self._stop_if_abandoned()
            if not isinstance(error, grpc.RpcError):
                raise exceptions.Unknown(f"{type(error).__name__}: {error}") from error
        return call

    def _stop_if_abandoned(self) -> None:
        if self._abandoned.is_set():
            raise PublishAbandonedError("the connector is stopping")


def _observe(observer: Observer, request: Any, error: BaseException | None, seconds: float) -> None:
    if not isinstance(request, pubsub.PublishRequest):
        return
    plain = pubsub.PublishRequest.pb(request)
    topic = plain.topic.rsplit("/", 1)[-1]
    if error is None:
        observer.on_published(topic, messages=len(plain.messages), size_bytes=plain.ByteSize(), seconds=seconds)
    else:
        observer.on_request_failed(topic, messages=len(plain.messages), code=code_of(error).name, seconds=seconds)

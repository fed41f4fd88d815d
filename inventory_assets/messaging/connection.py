"""Channels to Pub/Sub: the emulator or the service, without a code difference.

Belongs here: which endpoint, the raw stubs, and gRPC errors as text. Does not
belong: what is called or retried (`publisher`, `source`, `topology`).

The channels are those of the google-cloud-pubsub GAPIC transports, so
credentials, regional endpoints and mTLS work as documented there. The stubs
on top use the plain protobuf classes: proto-plus costs ~16 times as much for
a pull of 1,000 messages.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import pubsub

from inventory_assets.addresses import channel_options, read_broker
from inventory_assets.messaging.errors import MessagingError

CHANNEL_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A broker that vanished without a FIN is noticed within ~30 s.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # The default back-off grows to 120 s: too long for an emulator restarted by hand.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Without this, gRPC shares one connection between all clients of a process,
    # and a close here is felt over there.
    ("grpc.use_local_subchannel_pool", 1),
]

# The service says so of these: the same call may succeed later.
TRANSIENT_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)

Stub = Callable[..., Any]

_SERVICE = "pubsub.googleapis.com"


@dataclass(frozen=True, slots=True)
class Connection:
    """The two GAPIC clients over one endpoint, and where that is."""

    target: str
    publisher: PublisherClient
    subscriber: SubscriberClient
    publisher_channel: Any
    subscriber_channel: Any

    @property
    def is_emulator(self) -> bool:
        """Whether it is not Google's service."""
        return self.target != _SERVICE

    def close(self) -> None:
        """Close both channels; calls under way end as CANCELLED."""
        self.publisher_channel.close()
        self.subscriber_channel.close()


def connect(emulator_host: str | None = None) -> Connection:
    """Open channels; the first call connects.

    Args:
        emulator_host: `host:port`. None reads PUBSUB_EMULATOR_HOST, and
            without that uses Google's endpoint and default credentials.
    """
    host = emulator_host or os.environ.get("PUBSUB_EMULATOR_HOST") or ""
    if host:
        try:
            host = read_broker(host)
        except ValueError as error:
            raise MessagingError(f"PUBSUB_EMULATOR_HOST was {host!r}: {error}") from error
        options = [*CHANNEL_OPTIONS, *channel_options(host)]
        publish = PublisherGrpcTransport(channel=grpc.insecure_channel(host, options))
        subscribe = SubscriberGrpcTransport(channel=grpc.insecure_channel(host, options))
    else:
        publish = PublisherGrpcTransport()
        subscribe = SubscriberGrpcTransport()
    return Connection(
        target=host or _SERVICE,
        publisher=PublisherClient(transport=publish),
        subscriber=SubscriberClient(transport=subscribe),
        publisher_channel=publish.grpc_channel,
        subscriber_channel=subscribe.grpc_channel,
    )


def raw_stub(channel: Any, *, method: str, request: type, response: Any) -> Stub:
    """Make a stub that takes and returns plain protobuf messages.

    Args:
        channel: Of a `Connection`.
        method: `Service/Method` of google.pubsub.v1.
        request: proto-plus class of the request.
        response: proto-plus class of the response, or a plain protobuf class.
    """
    answer = response.pb() if hasattr(response, "pb") else response
    return channel.unary_unary(
        f"/google.pubsub.v1.{method}",
        request_serializer=request.pb().SerializeToString,  # type: ignore[attr-defined]
        response_deserializer=answer.FromString,
    )


def routing(**field: str) -> list[tuple[str, str]]:
    """Metadata by which the service routes a call: `routing(subscription=path)`."""
    return [("x-goog-request-params", f"{key}={value}") for key, value in field.items()]


def code_of(error: BaseException) -> grpc.StatusCode:
    """Status code of a gRPC or google.api_core error; UNKNOWN where there is none."""
    if isinstance(error, grpc.FutureCancelledError):
        return grpc.StatusCode.CANCELLED
    if isinstance(error, grpc.FutureTimeoutError):
        return grpc.StatusCode.DEADLINE_EXCEEDED
    code = getattr(error, "grpc_status_code", None)
    if code is None and isinstance(error, grpc.Call):
        code = error.code()
    return code or grpc.StatusCode.UNKNOWN


def describe(error: BaseException) -> str:
    """`CODE: details`, on one line."""
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    text = " ".join(str(details or type(error).__name__).split())
    return f"{code_of(error).name}: {text[:500]}"


# Plain protobuf classes, named once.
PullRequest = pubsub.PullRequest.pb()
PublishRequest = pubsub.PublishRequest.pb()
AcknowledgeRequest = pubsub.AcknowledgeRequest.pb()
ModifyAckDeadlineRequest = pubsub.ModifyAckDeadlineRequest.pb()
GetSubscriptionRequest = pubsub.GetSubscriptionRequest.pb()

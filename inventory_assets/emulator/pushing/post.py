"""One HTTP request of a push: where to, with what, and the status that came back.

Belongs here: the bytes of a delivery, as Google documents them. Does not
belong: when to send, and what a status means (`pusher`).

h11 over asyncio's sockets: a request ends when its task is cancelled, which one
in a thread does not, and an emulator told to stop must not wait for an endpoint.
"""

import asyncio
import base64
import contextlib
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h11

from inventory_assets.addresses import write_address

_CHUNK_BYTES = 64 * 1024
_USER_AGENT = "CloudPubSub-Google"
_PROCESSING = 102
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where messages of a subscription are pushed to."""

    host: str
    port: int
    is_encrypted: bool
    target: str

    @property
    def name(self) -> str:
        """Its address as the Host header has it: without the port that goes without saying."""
        usual = 443 if self.is_encrypted else 80
        return self.shown.removesuffix(f":{usual}") if self.port == usual else self.shown

    @property
    def shown(self) -> str:
        """Its address without path and query, which may hold a secret."""
        return write_address(self.host, self.port)


def endpoint_of(url: str) -> Endpoint:
    """Take a checked URL apart (`limits.is_endpoint`)."""
    parts = urlsplit(url)
    is_encrypted = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    assert parts.hostname is not None  # checked when the subscription was made
    return Endpoint(parts.hostname, parts.port or (443 if is_encrypted else 80), is_encrypted, target)


def wrapped(message: Any, *, subscription: str, attempt: int) -> tuple[Headers, bytes]:
    """The request of a message in Pub/Sub's wrapper; `attempt` 0 where the subscription has no dead-letter policy."""
    published = message.publish_time.ToJsonString()
    inner: dict[str, Any] = {
        # Both spellings, as the service has them.
        "messageId": message.message_id, "message_id": message.message_id,
        "publishTime": published, "publish_time": published,
    }  # fmt: skip
    if message.data:
        inner["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        inner["attributes"] = dict(message.attributes)
    if message.ordering_key:
        inner["orderingKey"] = message.ordering_key
    body: dict[str, Any] = {"message": inner, "subscription": subscription}
    if attempt:
        body["deliveryAttempt"] = attempt
    return [("Content-Type", "application/json")], json.dumps(body).encode()


def unwrapped(message: Any, *, subscription: str, attempt: int, has_metadata: bool) -> tuple[Headers, bytes]:
    """The request of a message whose data is the body; with metadata, the rest are headers."""
    if not has_metadata:
        return [], message.data
    headers = [
        ("x-goog-pubsub-subscription-name", subscription),
        ("x-goog-pubsub-message-id", message.message_id),
        ("x-goog-pubsub-publish-time", message.publish_time.ToJsonString()),
    ]
    if message.ordering_key:
        headers.append(("x-goog-pubsub-ordering-key", message.ordering_key))
    if attempt:
        headers.append(("x-goog-pubsub-delivery-attempt", str(attempt)))
    return [*headers, *message.attributes.items()], message.data


async def post(endpoint: Endpoint, headers: Headers, body: bytes) -> int:
    """Send a request; the status that came back.

    Raises:
        OSError: Nobody listens there, or the connection broke.
        h11.ProtocolError: The answer was no HTTP, or a header cannot be sent.
    """
    connection = h11.Connection(h11.CLIENT)
    all_headers = [
        ("Host", endpoint.name), ("User-Agent", _USER_AGENT), ("Content-Length", str(len(body))),
        ("Connection", "close"), *headers,
    ]  # fmt: skip
    # First, so that a header that cannot be sent opens no connection.
    head = connection.send(h11.Request(method="POST", target=endpoint.target, headers=all_headers))
    rest = (connection.send(h11.Data(data=body)) or b"") + (connection.send(h11.EndOfMessage()) or b"")
    context = ssl.create_default_context() if endpoint.is_encrypted else None
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context)
    try:
        writer.write((head or b"") + rest)
        await writer.drain()
        return await _status(connection, reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _status(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK_BYTES))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.InformationalResponse):
            if event.status_code == _PROCESSING:
                return _PROCESSING
        else:
            raise ConnectionError("the connection ended before an answer")

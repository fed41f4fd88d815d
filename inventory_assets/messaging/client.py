"""What the rest of the product imports: message types, ports, Pub/Sub clients.

Belongs here: names only. Does not belong: code; see `messages`, `publisher`
and `source`. The clients are imported when they are first asked for, so that the
other names cost no gRPC import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inventory_assets.messaging.errors import MessagingError, PublishError
from inventory_assets.messaging.messages import BurstSource, OutgoingMessage, Publisher, ReceivedMessage, size_of

if TYPE_CHECKING:
    from inventory_assets.messaging.publisher import PubSubPublisher
    from inventory_assets.messaging.source import PubSubBurstSource

__all__ = [
    "BurstSource",
    "MessagingError",
    "OutgoingMessage",
    "PubSubBurstSource",
    "PubSubPublisher",
    "PublishError",
    "Publisher",
    "ReceivedMessage",
    "size_of",
]

_CLIENTS = {"PubSubPublisher": "publisher", "PubSubBurstSource": "source"}


def __getattr__(name: str) -> Any:
    if name not in _CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"inventory_assets.messaging.{_CLIENTS[name]}"), name)

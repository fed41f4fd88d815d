"""What the rest of the product imports: message types, ports, Pub/Sub clients.

Belongs here: names only. Does not belong: code; see `messages`, `publisher`,
`source`, and `memory` for the in-memory twin.
"""

from inventory_assets.messaging.errors import (
    BrokerUnavailableError,
    MessagingError,
    PublishError,
    SourceClosedError,
    SubscriptionError,
    TopologyError,
)
from inventory_assets.messaging.messages import (
    BurstSource,
    OutgoingMessage,
    Publisher,
    ReceivedMessage,
    size_of,
)
from inventory_assets.messaging.publisher import PubSubPublisher
from inventory_assets.messaging.source import PubSubBurstSource, SourceStats

__all__ = [
    "BrokerUnavailableError",
    "BurstSource",
    "MessagingError",
    "OutgoingMessage",
    "PubSubBurstSource",
    "PubSubPublisher",
    "PublishError",
    "Publisher",
    "ReceivedMessage",
    "SourceClosedError",
    "SourceStats",
    "SubscriptionError",
    "TopologyError",
    "size_of",
]

"""A Pub/Sub topic of the policy's choice. `alerts-topic` itself is served by the burst loop, not from here."""

import msgspec

from inventory_assets.domain.notify.notifications import DeliveryError, Outgoing, Receipt
from inventory_assets.messaging.client import MessagingError, OutgoingMessage, Publisher
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.message.payload import to_payload


class TopicChannel(Channel):
    """`Channel` over a topic; one message a notification, its id an attribute."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

    def send(self, notification: Outgoing) -> Receipt:
        """Publish the notification and wait for the broker's confirmation."""
        attributes = {
            "notification_id": notification.notification_id, "kind": notification.kind,
            "severity": notification.severity,
        }  # fmt: skip
        data = msgspec.json.encode(to_payload(notification))
        try:
            message_id = self._publisher.publish([OutgoingMessage(self._topic, data, attributes)])[0]
        except MessagingError as error:
            raise DeliveryError(str(error)) from error
        return Receipt(f"published to {self._topic}", message_id)

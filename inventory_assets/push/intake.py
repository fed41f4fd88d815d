"""What becomes of a pushed message before it is acknowledged: an adjustment is published, an alert recorded.

Belongs here: when a message is durable. Does not belong: what it means, which
the burst loop judges as it does every other message's: a second reader here
would be a second opinion. So what it cannot read becomes a dead letter with its
reason, and no ordering key waits for it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue
from inventory_assets.errors import InventoryError
from inventory_assets.lake.durable import sync
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.messaging.client import OutgoingMessage, PublishError
from inventory_assets.push.wrapper import Pushed

Publish = Callable[[Sequence[OutgoingMessage]], list[str]]

PUSHED_FROM = "pushed_from"
"""Attribute of what we published: the subscription that pushed it. It is not published a second time."""
# Of the reserved names a publisher may set none: Pub/Sub says them anew.
_RESERVED = "goog"
_REFUSED = "INVALID_ARGUMENT"
# An alert as it is told on alerts-topic, or an event about one.
_IDS = ("alert_id", "eventId")


class RubbishError(InventoryError, ValueError):
    """A message that will never be taken, however often it comes."""


class Adjustments:
    """Publishes pushed messages to one input topic, and waits until Pub/Sub has confirmed them."""

    def __init__(self, publish: Publish, topic: str) -> None:
        self._publish = publish
        self._topic = topic

    def take(self, pushed: Pushed) -> dict[str, Any]:
        """Publish a message, its bytes and its key unchanged.

        Raises:
            RubbishError: The topic refuses it for good, as one with a schema does.
            MessagingError: It was not confirmed.
        """
        if not pushed.data and not pushed.attributes:
            raise RubbishError("the message was empty: no data and no attribute")
        if PUSHED_FROM in pushed.attributes:
            # A push subscription on the topic that we publish to: round and round it would go.
            return {"message_id": pushed.message_id, "outcome": "came_round"}
        attributes = {name: value for name, value in pushed.attributes.items() if not name.startswith(_RESERVED)}
        attributes[PUSHED_FROM] = pushed.subscription
        try:
            [message_id] = self._publish([OutgoingMessage(self._topic, pushed.data, attributes, pushed.ordering_key)])
        except PublishError as error:
            reason = error.failures.get(0, "")
            if reason.startswith(_REFUSED):
                raise RubbishError(f"{self._topic} refused the message: {reason[:500]}") from error
            raise
        return {"message_id": message_id, "topic": self._topic, "outcome": "published"}


class Alerts:
    """Records pushed alerts as files: one for each alert and what was told of it."""

    def __init__(self, uri: str, opener: Opener = open_storage) -> None:
        self._uri = uri
        self._opener = opener

    def take(self, pushed: Pushed) -> dict[str, Any]:
        """Record an alert; the same one again changes nothing.

        Raises:
            RubbishError: It is no alert.
            LakeError, OSError: It could not be written.
        """
        try:
            alert = decode_object(pushed.data)
        except InvalidValue as error:
            raise RubbishError(f"the message was no alert: {error.detail}") from error
        alert_id = next((alert[name] for name in _IDS if isinstance(alert.get(name), str) and alert[name]), None)
        if alert_id is None:
            raise RubbishError(f"the message was no alert: it had no {' and no '.join(_IDS)}")
        storage = self._opener(self._uri)
        name = f"alerts/{_hash(alert_id.encode())}/{_hash(pushed.data)}.json"
        is_new = storage.read(name) is None
        if is_new:
            record = {
                "alert_id": alert_id, "message_id": pushed.message_id, "publish_time": pushed.publish_time,
                "subscription": pushed.subscription, "attributes": pushed.attributes, "alert": alert,
            }  # fmt: skip
            storage.write(name, json.dumps(record, ensure_ascii=False, indent=2).encode() + b"\n")
            if "://" not in self._uri:
                sync([Path(self._uri, name)], Path(self._uri))
        return {"alert_id": alert_id, "file": f"{self._uri}/{name}", "outcome": "recorded" if is_new else "known"}


def _hash(content: bytes) -> str:
    # Ids are other people's text, and never a path.
    return hashlib.sha256(content).hexdigest()[:32]

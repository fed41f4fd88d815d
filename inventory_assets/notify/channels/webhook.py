"""A signed JSON POST.

`X-Inventory-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
The receiver recomputes it with the shared secret and refuses old times;
`Idempotency-Key` is the notification's id, the same on every try.
"""

import hashlib
import hmac
import time
from collections.abc import Callable

import msgspec

from inventory_assets.domain.notify.notifications import Outgoing, Receipt
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.channels.http import GuardedClient
from inventory_assets.notify.message.payload import to_payload


class WebhookChannel(Channel):
    """`Channel` over a signed webhook."""

    def __init__(self, client: GuardedClient, secret: bytes, *, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._secret = secret
        self._now = now

    def send(self, notification: Outgoing) -> Receipt:
        """Post the notification."""
        body = msgspec.json.encode(to_payload(notification))
        at = int(self._now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "inventory-assets",
            "Idempotency-Key": notification.notification_id,
            "X-Inventory-Signature": f"t={at},v1={sign(self._secret, at, body)}",
        }
        answer = self._client.post(body, headers)
        return Receipt(answer.response, answer.headers.get("x-request-id"))


def sign(secret: bytes, at: int, body: bytes) -> str:
    """Sign a body as sent at a time (Unix seconds)."""
    return hmac.new(secret, str(at).encode() + b"." + body, hashlib.sha256).hexdigest()

"""SMS through an HTTP gateway: one JSON POST with `to`, `from`, `text`, `reference`."""

from collections.abc import Sequence

import msgspec

from inventory_assets.domain.notify.notifications import Outgoing, Receipt
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.channels.http import GuardedClient
from inventory_assets.notify.message.wording import action_lines, is_one, reason_lines, subject_line
from inventory_assets.words.notifications import AGAIN
from inventory_assets.words.text import clean

# Two segments of a text with characters beyond GSM 7-bit.
MAX_TEXT = 134


class SmsChannel(Channel):
    """`Channel` over an SMS gateway."""

    def __init__(self, client: GuardedClient, *, to: Sequence[str], sender: str, token: str | None) -> None:
        self._client = client
        self._to = tuple(to)
        self._sender = sender
        self._token = token

    def send(self, notification: Outgoing) -> Receipt:
        """Send one text to every number."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.notification_id}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        body = {
            "to": list(self._to), "from": self._sender, "text": to_text(notification),
            "reference": notification.notification_id,
        }  # fmt: skip
        answer = self._client.post(msgspec.json.encode(body), headers)
        return Receipt(answer.response, _message_id(answer.body))


def to_text(notification: Outgoing) -> str:
    """What it is, and for a single alert what to do."""
    text = subject_line(notification)
    if is_one(notification) and notification.kind != "resolved":
        facts = notification.alerts[0]
        # Who raised it and why comes before what to do, which the first message said already.
        # The subject has "again" already, and room is short.
        reasons = [line.removeprefix(f"{AGAIN}: ") for line in reason_lines(notification, facts)]
        text = ". ".join([text, *reasons, *action_lines(facts)])
    return clean(text, MAX_TEXT)


def _message_id(body: bytes) -> str | None:
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    found = answer.get("id") or answer.get("message_id") if isinstance(answer, dict) else None
    return None if found is None else clean(found)

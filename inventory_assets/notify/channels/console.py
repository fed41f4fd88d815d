"""The terminal, for trying a policy out."""

import sys
from typing import TextIO

from inventory_assets.domain.notify.notifications import DeliveryError, Outgoing, Receipt
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.message.wording import plain_text

MAX_ALERTS = 50


class ConsoleChannel(Channel):
    """`Channel` that prints; standard output unless given another stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, notification: Outgoing) -> Receipt:
        """Print the notification."""
        try:
            print(plain_text(notification, limit=MAX_ALERTS), file=self._stream or sys.stdout, flush=True)
        except (OSError, ValueError) as error:  # ValueError: a closed stream
            raise DeliveryError(f"the console is gone: {error}") from error
        return Receipt("printed")

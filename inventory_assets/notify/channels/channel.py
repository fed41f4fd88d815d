"""The protocol every channel keeps."""

from typing import Protocol

from inventory_assets.domain.notify.notifications import Outgoing, Receipt
from inventory_assets.errors import InventoryError


class Channel(Protocol):
    """One way out. Used by one thread at a time."""

    def send(self, notification: Outgoing) -> Receipt:
        """Hand over a notification, once.

        Raises:
            DeliveryError: It was not taken; another try may succeed.
            ChannelFaultError: Nothing will be until somebody mends the configuration.
            RefusedError: This one never will be.
        """
        ...

    def close(self) -> None:
        """Release what is open; most channels keep nothing."""
        return None


class ChannelSetupError(InventoryError, ValueError):
    """A channel cannot be built: a secret is missing, a library refuses its settings."""

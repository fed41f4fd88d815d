"""Errors of the messaging package.

Belongs here: one base and what callers tell apart. Does not belong: gRPC
errors, which `connection.describe` turns into text for these.
"""

import os
from collections.abc import Mapping

from inventory_assets.addresses import is_loopback, proxy_variable
from inventory_assets.errors import InventoryError


class MessagingError(InventoryError):
    """Base of every error this package raises on purpose."""


class BrokerUnavailableError(MessagingError):
    """The broker did not answer in time, or refused the connection."""

    def __init__(self, *, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        # gRPC asks it even for a broker in the next room, and its answer does not say so.
        proxy = None if is_loopback(target.rpartition(":")[0].strip("[]")) else proxy_variable(os.environ)
        through = f"It was asked through the proxy in {proxy}: name its host in no_proxy if it needs none. "
        super().__init__(
            f"Pub/Sub at {target!r} does not answer ({reason}). {through if proxy else ''}"
            "Start it (`inventory emulator`), or set PUBSUB_EMULATOR_HOST to where it runs; "
            "nothing was acknowledged, so nothing is lost."
        )


class SubscriptionError(MessagingError):
    """A subscription cannot be pulled: absent, detached or forbidden."""

    def __init__(self, *, subscription: str, target: str, reason: str) -> None:
        self.subscription = subscription
        self.target = target
        self.reason = reason
        super().__init__(
            f"subscription {subscription!r} cannot be pulled from {target!r}: {reason}. "
            "Run `inventory topics apply` to create what is missing."
        )


class PublishError(MessagingError):
    """Some messages were not confirmed; the others were.

    Attributes:
        failures: Position in the published sequence -> reason.
        message_ids: One per message in order; None where it failed.
    """

    def __init__(self, *, target: str, failures: Mapping[int, str], message_ids: list[str | None]) -> None:
        self.target = target
        self.failures = dict(failures)
        self.message_ids = message_ids
        shown = [f"#{position}: {reason}" for position, reason in sorted(failures.items())[:3]]
        more = len(failures) - len(shown)
        super().__init__(
            f"{len(failures)} of {len(message_ids)} messages were not confirmed by {target!r}: "
            + "; ".join(reason.rstrip(".") for reason in shown)
            + (f"; and {more} more" if more > 0 else "")
            + ". Publish those again; the rest are stored."
        )


class SourceClosedError(MessagingError):
    """A burst was asked of a source after `close()`."""


class TopologyError(MessagingError):
    """The manifest contradicts itself, or the broker refuses it."""


class SchemaError(MessagingError):
    """A schema cannot become what it should, or is no schema; nothing was changed."""

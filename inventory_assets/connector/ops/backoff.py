"""Waits between tries: exponential, with jitter and a cap, and over at once when the service stops.

Here: how long. Not here: what is tried again (`service`), or when not to try at all (`circuit`).
"""

from collections.abc import Callable
from threading import Event

import tenacity

from inventory_assets.connector.errors import ConnectorError

_FIRST_SECONDS = 0.5
_CAP_SECONDS = 30.0


class StopRequestedError(ConnectorError):
    """The service was told to stop while it waited."""


class Backoff:
    """Waits of one loop. Each is a random time up to twice the last limit ("full jitter")."""

    def __init__(
        self,
        stop: Event,
        *,
        first_seconds: float = _FIRST_SECONDS,
        cap_seconds: float = _CAP_SECONDS,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Begin with the shortest.

        Args:
            stop: Ends any wait.
            wait: Waits for `stop`, at most so many seconds, and says whether it is set.
        """
        self._wait = wait or stop.wait
        # A tenth of the first at least: a random zero is no wait.
        self._strategy = tenacity.wait_random_exponential(
            multiplier=first_seconds, max=cap_seconds, min=min(first_seconds, cap_seconds) / 10
        )
        self._tries = 0

    def reset(self) -> None:
        """Something succeeded: begin with the shortest wait again."""
        self._tries = 0

    def pause(self, *, at_least_seconds: float = 0.0) -> float:
        """Wait after a failure; how long, in seconds.

        Args:
            at_least_seconds: Such as what a circuit still stays open.

        Raises:
            StopRequestedError: At once when `stop` is set.
        """
        self._tries += 1
        state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
        state.attempt_number = self._tries
        seconds = max(at_least_seconds, self._strategy(state))
        if self._wait(seconds):
            raise StopRequestedError("the connector was asked to stop while it waited to try again")
        return seconds

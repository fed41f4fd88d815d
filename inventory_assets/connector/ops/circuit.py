"""Circuit breakers around MongoDB and Pub/Sub, and their state for health and metrics.

Here: `guard`, and what can be read of it. Not here: the waits between tries (`backoff`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pybreaker

from inventory_assets.connector.errors import ConnectorError, PublishFailedError, SourceUnavailableError
from inventory_assets.connector.ops.vitals import Circuit, CircuitState

MONGODB = "mongodb"
PUBSUB = "pubsub"

_FAILURES_TO_OPEN = 5
_OPEN_SECONDS = 30.0
_SHOWN_CHARACTERS = 500

Result = TypeVar("Result")


class CircuitOpenError(ConnectorError):
    """The call was not made: the last ones failed, and it is too soon to try again.

    Attributes:
        name: Of the circuit.
        retry_after_seconds: Until it lets a trial through.
    """

    def __init__(self, name: str, *, retry_after_seconds: float, last_failure: str | None) -> None:
        super().__init__(
            f"{name} was not asked: its circuit is open for another {retry_after_seconds:.1f} s, "
            f"after {last_failure or 'repeated failures'}"
        )
        self.name = name
        self.retry_after_seconds = retry_after_seconds


def _counts_mongodb(error: BaseException) -> bool:
    # A lost token or a refusal is an answer: the database is there.
    return isinstance(error, SourceUnavailableError)


def _counts_pubsub(error: BaseException) -> bool:
    # A refused message says nothing about the next one.
    return isinstance(error, PublishFailedError) and not error.is_permanent


COUNTED: Mapping[str, Callable[[BaseException], bool]] = {MONGODB: _counts_mongodb, PUBSUB: _counts_pubsub}


class Circuits:
    """The circuits of one process. Thread-safe; a guarded block does not hold a lock."""

    def __init__(
        self,
        counted: Mapping[str, Callable[[BaseException], bool]] = COUNTED,
        *,
        failures_to_open: int = _FAILURES_TO_OPEN,
        open_seconds: float = _OPEN_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_change: Callable[[Circuit], None] = lambda status: None,
    ) -> None:
        """All begin closed.

        Args:
            counted: Each circuit's name, and which errors count as its failures. Any other error
                passes and counts as an answer.
            on_change: Told of every change of state, in the thread that caused it.
        """
        self._open_seconds = open_seconds
        self._watchers = {name: _Watcher(name, now, on_change) for name in counted}
        self._breakers = {
            name: pybreaker.CircuitBreaker(
                name=name,
                fail_max=failures_to_open,
                reset_timeout=open_seconds,
                exclude=[_unless(is_counted)],
                listeners=[self._watchers[name]],
                # The failure itself is raised, not a second one that says less.
                throw_new_error_on_trip=False,
            )
            for name, is_counted in counted.items()
        }
        self._now = now

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Run a block under a circuit: `with circuits.guard("mongodb"): …`.

        Raises:
            CircuitOpenError: The block was not run.
        """
        try:
            with self._breakers[name].calling():
                yield
        except pybreaker.CircuitBreakerError:
            raise CircuitOpenError(
                name,
                retry_after_seconds=self.retry_after_seconds(name),
                last_failure=self._watchers[name].status.last_error,
            ) from None

    def call(self, name: str, function: Callable[[], Result]) -> Result:
        """`guard` around one call."""
        with self.guard(name):
            return function()

    def status(self, name: str) -> Circuit:
        """One circuit's status."""
        return self._watchers[name].status

    def statuses(self) -> list[Circuit]:
        """Every circuit's status."""
        return [watcher.status for watcher in self._watchers.values()]

    def retry_after_seconds(self, name: str) -> float:
        """How long an open circuit still refuses; 0 if it does not."""
        status = self._watchers[name].status
        if status.state is not CircuitState.OPEN:
            return 0.0
        left = status.since + timedelta(seconds=self._open_seconds) - self._now()
        return max(0.0, left.total_seconds())


class _Watcher(pybreaker.CircuitBreakerListener):
    def __init__(self, name: str, now: Callable[[], datetime], on_change: Callable[[Circuit], None]) -> None:
        self._now = now
        self._on_change = on_change
        # Replaced as a whole, so that readers need no lock.
        self.status = Circuit(dependency=name, state=CircuitState.CLOSED, since=now())

    def failure(self, cb: pybreaker.CircuitBreaker, exc: BaseException) -> None:
        text = " ".join(str(exc).split())[:_SHOWN_CHARACTERS] or type(exc).__name__
        self.status = replace(self.status, last_error=text)

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        # pybreaker's word has a hyphen, which no metric or field of a message can have.
        state = CircuitState(new_state.name.replace("-", "_"))
        self.status = replace(self.status, state=state, since=self._now())
        self._on_change(self.status)


def _unless(is_counted: Callable[[BaseException], bool]) -> Callable[[BaseException], bool]:
    # pybreaker asks what is *no* failure.
    return lambda error: not is_counted(error)

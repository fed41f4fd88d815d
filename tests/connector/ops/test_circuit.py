"""Circuits open, try and close, and tell of it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.connector.errors import PublishFailedError, SourceUnavailableError, TokenLostError
from inventory_assets.connector.ops.circuit import MONGODB, PUBSUB, CircuitOpenError, Circuits
from inventory_assets.connector.ops.vitals import Circuit, CircuitState

START = datetime(2024, 1, 1, tzinfo=UTC)
NEVER = 3_600.0


class Recorder:
    def __init__(self) -> None:
        self.now = START
        self.changes: list[Circuit] = []

    def circuits(self, *, open_seconds: float = NEVER) -> Circuits:
        return Circuits(
            failures_to_open=3, open_seconds=open_seconds, now=lambda: self.now, on_change=self.changes.append
        )


def fail(circuits: Circuits, name: str, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)), circuits.guard(name):
            raise error


def away(text: str = "no servers") -> SourceUnavailableError:
    return SourceUnavailableError(text)


def test_a_circuit_opens_after_failures_in_a_row_and_lets_nothing_through():
    recorder = Recorder()
    circuits = recorder.circuits()
    fail(circuits, MONGODB, away(), 3)
    recorder.now += timedelta(minutes=10)
    calls: list[int] = []

    with pytest.raises(CircuitOpenError, match="no servers") as raised:
        circuits.call(MONGODB, lambda: calls.append(1))

    assert calls == []
    assert (raised.value.name, raised.value.retry_after_seconds) == (MONGODB, 3_000)
    assert circuits.status(MONGODB) == Circuit(
        dependency=MONGODB, state=CircuitState.OPEN, since=START, last_error="no servers"
    )
    assert circuits.status(PUBSUB).state is CircuitState.CLOSED


def test_a_success_between_failures_keeps_it_closed():
    circuits = Recorder().circuits()
    fail(circuits, MONGODB, away(), 2)
    circuits.call(MONGODB, lambda: None)
    fail(circuits, MONGODB, away(), 2)

    assert circuits.status(MONGODB).state is CircuitState.CLOSED


def test_a_trial_that_succeeds_closes_it():
    recorder = Recorder()
    circuits = recorder.circuits(open_seconds=0)
    fail(circuits, MONGODB, away(), 3)

    assert circuits.call(MONGODB, lambda: "answer") == "answer"
    assert [each.state for each in recorder.changes] == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED]
    assert circuits.status(MONGODB).last_error == "no servers"
    assert circuits.retry_after_seconds(MONGODB) == 0


def test_a_trial_that_fails_opens_it_again():
    recorder = Recorder()
    circuits = recorder.circuits(open_seconds=0)
    fail(circuits, MONGODB, away(), 3)
    fail(circuits, MONGODB, away("still away"))

    assert [each.state for each in recorder.changes] == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.OPEN]
    assert circuits.status(MONGODB).last_error == "still away"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (MONGODB, TokenLostError("history lost", code=286)),
        (PUBSUB, PublishFailedError("refused", failures={"bad": 1}, is_permanent=True)),
        (PUBSUB, away()),
    ],
)
def test_an_answer_is_no_failure_of_the_connection(name, error):
    """The other side is there, and a pause would not change what it says."""
    circuits = Recorder().circuits()
    fail(circuits, name, error, 10)

    assert circuits.status(name).state is CircuitState.CLOSED


def test_unconfirmed_messages_open_the_circuit_of_pubsub():
    circuits = Recorder().circuits()
    fail(circuits, PUBSUB, PublishFailedError("away", failures={"UNAVAILABLE": 1}, is_permanent=False), 3)

    assert [each.state for each in circuits.statuses()] == [CircuitState.CLOSED, CircuitState.OPEN]


def test_an_open_circuit_inside_another_is_no_failure_of_the_outer():
    circuits = Recorder().circuits()
    fail(circuits, PUBSUB, PublishFailedError("away", failures={}, is_permanent=False), 3)
    for _ in range(5):
        with pytest.raises(CircuitOpenError, match="pubsub"), circuits.guard(MONGODB), circuits.guard(PUBSUB):
            raise AssertionError("must not run")

    assert circuits.status(MONGODB).state is CircuitState.CLOSED


def test_a_guarded_block_does_not_keep_others_out():
    """A read that waits must not block the heartbeat's."""
    circuits = Recorder().circuits()
    entered = threading.Event()

    def other() -> None:
        with circuits.guard(MONGODB):
            entered.set()

    with circuits.guard(MONGODB):
        threading.Thread(target=other, daemon=True).start()

        assert entered.wait(60)

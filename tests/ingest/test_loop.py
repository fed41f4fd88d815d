"""The burst loop goes on between ticks while its lease is renewed, and in one process of a home."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.loop import BurstLoop, LoopBusyError
from inventory_assets.ingest.turn import Turn
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import BrokerUnavailableError
from tests.builders import level, outgoing, transaction
from tests.facts import value
from tests.messaging.brokers import eventually
from tests.messaging.memory import InMemoryBroker

LEASE_SECONDS = 30
PATIENCE_SECONDS = 60


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Broker(InMemoryBroker):
    """A broker that fails on cue, and counts who asks it and who pauses."""

    error: BaseException | None = None
    pauses = 0
    asked = 0

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float):
        """Fail, or wait for a burst."""
        self.asked += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return super().next_burst(max_messages=max_messages, max_bytes=max_bytes, wait_seconds=wait_seconds)

    def pause(self) -> None:
        """Count it."""
        self.pauses += 1


class FullDisk(Engine):
    """An engine whose first burst finds no room."""

    is_full = True

    def commit_burst(self, messages, **options):
        """Refuse once."""
        if self.is_full:
            self.is_full = False
            raise LakeError("no room on the disk, as the test asked")
        return super().commit_burst(messages, **options)


class Stage:
    """A loop over a broker in memory, with a clock and a turn of the test's own."""

    def __init__(self, engine, home, broker: Broker) -> None:
        self.broker = broker
        self.ingest = Ingest(engine, broker, broker)
        self.clock = Clock()
        self.turn = Turn(on_wait=lambda: self.loop.wake())
        self.lock_path = home / "loop.lock"
        self.loop = self.make_loop()

    def make_loop(self) -> BurstLoop:
        """A loop of this home."""
        return BurstLoop(
            self.take_turn,
            lock_path=self.lock_path,
            lease_seconds=LEASE_SECONDS,
            is_wanted=lambda: self.turn.is_wanted,
            clock=self.clock,
        )

    @contextmanager
    def take_turn(self) -> Iterator[Ingest]:
        """As a session lends its burst loop."""
        self.turn.take()
        try:
            yield self.ingest
        finally:
            self.turn.give()

    def has_taken(self, transaction_id: str) -> bool:
        """Whether an order published now is taken in."""
        self.broker.publish([outgoing(transaction(transaction_id, quantity=-1))])
        self.loop.wait(PATIENCE_SECONDS, for_content=True)
        summary, error = self.loop.take()
        return error is None and summary.contents == 1

    def ended(self) -> bool:
        """Have the loop look at the clock, and wait for its end."""
        self.loop.wake()
        self.loop.wait(PATIENCE_SECONDS)
        return not self.loop.is_running


@pytest.fixture
def stage(open_engine, home):
    found = Stage(open_engine(), home, Broker())
    yield found
    found.loop.close(end_seconds=PATIENCE_SECONDS)


def test_one_renewal_serves_many_bursts_and_each_is_told_once(stage):
    stage.loop.renew()

    assert [True, True, True] == [stage.has_taken(f"T{n}") for n in range(3)]
    assert (0, None) == (stage.loop.take()[0].messages, stage.loop.take()[1])


def test_no_burst_begins_after_the_end_of_the_lease_and_what_was_fetched_ahead_is_given_back(stage):
    """The sensor is switched off, the daemon is gone: nobody says so, only the ticks stay away."""
    stage.loop.renew()
    assert stage.has_taken("T1")

    stage.clock.now += LEASE_SECONDS
    assert stage.ended()
    stage.broker.publish([outgoing(transaction("T2", quantity=-1))])

    assert (1, 0) == (stage.broker.pending, stage.broker.leased)
    assert stage.broker.pauses == 1
    assert 1 == value(stage.ingest.engine.lake, "SELECT count(*) FROM raw.messages")
    assert stage.turn.take(0)


def test_a_message_that_comes_while_it_waits_past_the_lease_is_left_at_the_broker(stage):
    """It waits for messages up to the end of the lease, never beyond."""
    asked: list[float] = []
    waiting = stage.broker.next_burst

    def next_burst(*, wait_seconds: float, **bounds):
        asked.append(wait_seconds)
        return waiting(wait_seconds=0, **bounds)

    stage.broker.next_burst = next_burst
    stage.loop.renew()
    stage.clock.now += LEASE_SECONDS - 0.25
    eventually(lambda: asked and asked[-1] == 0.25)
    stage.clock.now += 0.25

    assert stage.ended()
    assert 0.25 == asked[-1]


def test_a_renewed_lease_goes_on_from_its_renewal(stage):
    stage.loop.renew()
    for n in range(3):
        stage.clock.now += LEASE_SECONDS - 1
        stage.loop.renew()
        assert stage.has_taken(f"T{n}")
    assert 1 == sum(thread.name == "burst-loop" for thread in threading.enumerate())


def test_an_ended_loop_is_back_with_the_next_renewal(stage):
    stage.loop.renew()
    stage.clock.now += LEASE_SECONDS
    assert stage.ended()

    stage.loop.renew()

    assert stage.has_taken("T1")


def test_an_error_is_told_once_and_the_loop_is_back_with_the_next_renewal(stage):
    stage.broker.error = BrokerUnavailableError(target="memory", reason="away, as the test asked")
    stage.loop.renew()
    stage.loop.wait(PATIENCE_SECONDS)

    assert not stage.loop.is_running
    assert stage.broker.pauses == 1
    stage.loop.renew()
    _, error = stage.loop.take()
    assert "away, as the test asked" in str(error)
    assert stage.loop.take()[1] is None
    assert stage.has_taken("T1")


def test_what_is_pulled_and_cannot_be_committed_is_given_back(open_engine, home):
    """Kept, it would be leased for as long as the process lives."""
    stage = Stage(open_engine(FullDisk), home, Broker())
    stage.broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-1))])

    stage.loop.renew()
    eventually(lambda: not stage.loop.is_running)

    assert (2, 0) == (stage.broker.pending, stage.broker.leased)
    assert "no room" in str(stage.loop.take()[1])
    stage.loop.renew()
    stage.loop.wait(PATIENCE_SECONDS, for_content=True)
    assert 2 == stage.loop.take()[0].messages
    stage.loop.close(end_seconds=PATIENCE_SECONDS)


def test_a_home_has_one_loop_and_who_comes_second_is_told_whose_it_is(stage):
    """Two Dagsters on one home, or a code location that was loaded anew while the earlier one lives."""
    second = stage.make_loop()
    stage.loop.renew()

    with pytest.raises(LoopBusyError) as refused:
        second.renew()

    assert (stage.lock_path, str(os.getpid())) == (refused.value.path, refused.value.pid)
    assert str(stage.lock_path) in str(refused.value)
    assert not second.is_running
    stage.clock.now += LEASE_SECONDS
    assert stage.ended()
    second.renew()
    assert second.is_running
    second.close(end_seconds=PATIENCE_SECONDS)


def test_who_comes_second_begins_as_soon_as_the_first_has_ended(stage):
    """Not with its next tick: nothing would be taken in for 15 seconds. Who is closed meanwhile begins nothing."""
    second, third = stage.make_loop(), stage.make_loop()
    stage.loop.renew()
    for each in (second, third):
        with pytest.raises(LoopBusyError):
            each.renew()
    third.close()

    stage.loop.close(end_seconds=PATIENCE_SECONDS)

    assert eventually(lambda: second.is_running, seconds=PATIENCE_SECONDS)
    second.close(end_seconds=PATIENCE_SECONDS)
    assert not third.is_running


def test_who_waits_for_the_engine_has_it_after_the_burst_in_hand_and_the_loop_goes_on(stage):
    """An asset run in the process, the delivery sensor: the loop would hold the engine for days."""
    stage.loop.renew()
    assert stage.has_taken("T1")

    for n in range(2, 5):
        assert stage.turn.take(PATIENCE_SECONDS)
        stage.broker.publish([outgoing(transaction(f"T{n}", quantity=-1))])
        asked = stage.broker.asked
        assert 1 == stage.broker.pending
        stage.turn.give()
        stage.loop.wait(PATIENCE_SECONDS, for_content=True)
        assert 1 == stage.loop.take()[0].contents
        assert asked < stage.broker.asked


def test_the_lease_may_end_while_another_has_the_engine(stage):
    stage.turn.take()
    stage.broker.publish([outgoing(transaction("T1", quantity=-1))])
    stage.loop.renew()
    eventually(lambda: stage.turn.is_wanted)
    stage.clock.now += LEASE_SECONDS
    stage.turn.give()

    eventually(lambda: not stage.loop.is_running)

    assert (0, 1) == (stage.broker.asked, stage.broker.pending)
    assert 0 == value(stage.ingest.engine.lake, "SELECT count(*) FROM meta.versions")


def test_how_long_a_step_takes_is_known_while_it_lasts(stage):
    """A burst that hangs would look like a quiet day."""
    assert 0 == stage.loop.silent_seconds
    stage.turn.take()
    stage.loop.renew()
    eventually(lambda: stage.turn.is_wanted)
    stage.clock.now += 20

    assert 20 == stage.loop.silent_seconds
    stage.turn.give()
    assert stage.has_taken("T1")
    assert 0 == stage.loop.silent_seconds


def test_closing_ends_it_while_it_waits_for_messages(stage):
    stage.loop.renew()
    eventually(lambda: stage.broker.asked > 0)

    stage.loop.close(end_seconds=PATIENCE_SECONDS)

    assert not stage.loop.is_running
    assert stage.broker.pauses == 1
    assert stage.turn.take(0)

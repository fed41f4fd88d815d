"""Which token may be saved, whatever order the answers come in."""

from concurrent.futures import Future

import pytest
from google.api_core import exceptions
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.publish.failures import FailureKind
from inventory_assets.connector.publish.in_flight import Confirmed, InFlight, Settlement

AWAY = exceptions.ServiceUnavailable("away")
BAD = exceptions.InvalidArgument("bad")


def token(number: int) -> dict[str, str]:
    return {"_data": str(number)}


def confirmed(number: int) -> Confirmed:
    return Confirmed(token(number), (number, 1))


class Sent:
    """An `InFlight` with batches of messages to answer by hand; message ids are (batch, message)."""

    def __init__(self, *sizes: int, **settings: object) -> None:
        self.now = 0.0
        self.in_flight = InFlight(clock=lambda: self.now, **settings)  # type: ignore[arg-type]
        self.futures: dict[tuple[int, int], Future[str]] = {}
        for batch, size in enumerate(sizes):
            mine = {(batch, number): Future[str]() for number in range(size)}
            self.futures |= mine
            self.in_flight.add(token(batch), (batch, 1), list(mine.values()), list(mine))

    def confirm(self, *messages: tuple[int, int]) -> None:
        for message in messages:
            self.futures[message].set_result("id")

    def fail(self, *messages: tuple[int, int], error: Exception = AWAY) -> None:
        for message in messages:
            self.futures[message].set_exception(error)


def test_only_what_is_wholly_confirmed_from_the_start_counts():
    """A token saved past an unconfirmed message would lose it."""
    sent = Sent(2, 1, 1)
    sent.confirm((0, 1), (1, 0))

    assert sent.in_flight.advance() is None
    sent.confirm((0, 0))
    assert sent.in_flight.advance() == confirmed(1)
    assert sent.in_flight.advance() is None
    assert sent.in_flight.message_count == 1


def test_a_batch_without_messages_moves_the_token_when_those_before_are_confirmed():
    """An idle collection's token ages out of the oplog if it does not move."""
    sent = Sent(1, 0)
    before = sent.in_flight.advance()
    sent.confirm((0, 0))

    assert (before, sent.in_flight.advance()) == (None, confirmed(1))


def test_a_failure_stops_the_token_for_ever():
    sent = Sent(1, 1, 1)
    sent.confirm((0, 0), (2, 0))
    sent.fail((1, 0))

    assert sent.in_flight.advance() == confirmed(0)
    assert sent.in_flight.has_failed()
    assert sent.in_flight.advance() is None
    found = sent.in_flight.settle(0).failures
    assert [(each.kind, each.messages) for each in found] == [(FailureKind.TRANSIENT, 1)]


def test_what_is_only_slow_has_not_failed():
    sent = Sent(1)

    assert not sent.in_flight.has_failed()


def test_settling_tells_what_was_confirmed_beyond_the_token():
    """Those are skipped when the stream is read again."""
    sent = Sent(1, 2, 2)
    sent.confirm((0, 0), (1, 1), (2, 0), (2, 1))
    sent.fail((1, 0))

    settlement = sent.in_flight.settle(0)

    assert settlement.confirmed == confirmed(0)
    assert settlement.confirmed_identities == ((1, 1), (2, 0), (2, 1))
    assert not settlement.is_complete
    assert (sent.in_flight.message_count, sent.in_flight.advance()) == (0, None)


def test_a_change_of_several_messages_is_confirmed_by_all_of_them():
    """Skipped for one of two, the other would be lost."""
    in_flight = InFlight()
    futures = [Future[str]() for _ in range(5)]
    in_flight.add(token(1), None, futures, ["a", "a", "b", "b", None])
    for future in futures[:3]:
        future.set_result("id")
    futures[3].set_exception(AWAY)
    futures[4].set_result("id")

    assert in_flight.settle(0).confirmed_identities == ("a",)


def test_no_answer_in_time_is_neither_confirmed_nor_failed():
    sent = Sent(3)
    sent.confirm((0, 1))

    settlement = sent.in_flight.settle(0)

    assert (settlement.unsettled, settlement.failures) == (2, ())
    assert settlement.confirmed_identities == ((0, 1),)
    assert settlement.error() is not None


def test_an_operator_is_called_for_what_only_one_can_mend():
    sent = Sent(2)
    sent.fail((0, 0), error=exceptions.NotFound("topic"))
    sent.fail((0, 1), error=AWAY)
    settlement = sent.in_flight.settle(0)
    error = settlement.error()

    assert settlement.failures[0].kind is FailureKind.MENDABLE
    assert error is not None and not error.is_permanent
    assert error.failures == {"NOT_FOUND: 404 topic": 1, "UNAVAILABLE: 503 away": 1}


def test_a_refusal_among_failures_is_permanent():
    """So that the service sends one by one, and dead-letters the one that is at fault."""
    sent = Sent(3)
    sent.fail((0, 0), (0, 1), error=BAD)
    sent.fail((0, 2), error=AWAY)
    settlement = sent.in_flight.settle(0)
    error = settlement.error()

    assert error is not None and error.is_permanent


def test_everything_confirmed_is_no_error():
    sent = Sent(1)
    sent.confirm((0, 0))
    settlement = sent.in_flight.settle(0)

    assert settlement == Settlement(confirmed=confirmed(0))
    assert settlement.error() is None


def test_memory_is_bounded_behind_one_slow_message():
    """What is confirmed behind it no longer counts in the client's flow control."""
    sent = Sent(1, 2, max_messages=3)
    sent.confirm((1, 0), (1, 1))
    sent.in_flight.advance()
    full = sent.in_flight.is_full
    sent.confirm((0, 0))
    sent.in_flight.wait(60)
    sent.in_flight.advance()

    assert (full, sent.in_flight.is_full) == (True, False)


def test_each_message_has_an_identity_or_none():
    with pytest.raises(ValueError, match="1 futures came with 2 identities"):
        InFlight().add(token(1), None, [Future()], ["a", "b"])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
def test_the_token_is_the_last_before_any_gap_at_every_moment(sizes, data):
    """Whatever the order of answers, and however often it is asked."""
    sent = Sent(*sizes)
    last = None
    done: set[tuple[int, int]] = set()
    for message in data.draw(st.permutations(list(sent.futures))):
        if data.draw(st.integers(0, 9)) == 0:
            sent.fail(message)
        else:
            sent.confirm(message)
            done.add(message)
        last = sent.in_flight.advance() or last
        prefix = -1
        for batch, size in enumerate(sizes):
            if not all((batch, number) in done for number in range(size)):
                break
            prefix = batch

        assert last == (confirmed(prefix) if prefix >= 0 else None)

"""What leaves the buffer and when, and when a subscription is empty; without threads, on a clock of the test.

RULES 24: transactions must not overtake the opening stock because they were pulled faster.
"""

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from inventory_assets.messaging.messages import ReceivedMessage
from inventory_assets.messaging.prefetch import Prefetcher, PrefetchLimits
from inventory_assets.messaging.pulling import Feed

START = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = 60


class Refusal(Exception):
    """A call that failed, as gRPC's errors do."""

    def __init__(self, code):
        self.grpc_status_code = code


class Calls:
    """The subscriber's calls: answers that the test has laid out, by subscription."""

    is_emulator = True

    def __init__(self):
        self.answers = {}
        self.given_back = []

    def start_pull(self, feed, **bounds):
        """The next answer, or none."""
        return self.answers.get(feed.name, [])

    def finish_pull(self, feed, call):
        """The answer."""
        if isinstance(call, Exception):
            raise call
        return call

    def modify_deadline(self, feed, ack_ids, *, seconds):
        """Note what was given back."""
        self.given_back += ack_ids


class Bench:
    """A prefetcher of which the test is the pullers and the clock."""

    def __init__(self, *names, held=1_000, is_emulator=True):
        self.now, self.calls = 0.0, Calls()
        self.calls.is_emulator = is_emulator
        self.feeds = {name: Feed(name, name, name, DEADLINE) for name in names}
        self.prefetcher = Prefetcher(
            self.calls,
            feeds=list(self.feeds.values()),
            limits=PrefetchLimits(10_000, held, 10**9, 1, 5.0, 3_600.0),
            clock=lambda: self.now,
        )
        with self.prefetcher.lock:
            self.prefetcher.begin_asking()

    def answer(self, name, *seconds, is_full=False, key="", attempt=0):
        """A pull's answer: messages published at such seconds."""
        messages = [
            ReceivedMessage(
                f"{name}{at}",
                name,
                name,
                f"{name}{at}/{attempt}",
                START + timedelta(seconds=at),
                key,
                {},
                b"x",
                attempt,
            )
            for at in seconds
        ]
        with self.prefetcher.lock:
            self.feeds[name].answer(messages, is_full=is_full, now=self.now)
            self.prefetcher._accept(self.feeds[name], [(message, 1) for message in messages])

    def take(self, count=1_000):
        """What a burst gets."""
        with self.prefetcher.lock:
            return [message.message_id for message in self.prefetcher.take(max_messages=count, max_bytes=10**6)]


def test_where_no_subscription_is_full_everything_leaves_at_once_by_publish_time():
    bench = Bench("a", "b")
    bench.answer("a", 1, 4, 5)
    bench.answer("b", 2, 3)

    assert ["a1", "b2", "b3", "a4", "a5"] == bench.take()


def test_nothing_leaves_before_each_subscription_was_heard_of():
    """The quickest to answer is not the first to have been published."""
    bench = Bench("orders", "levels")
    bench.answer("orders", 10, 11)

    assert [] == bench.take()
    bench.answer("levels")
    assert ["orders10", "orders11"] == bench.take()


def test_of_three_paces_the_slowest_says_how_far_a_burst_goes():
    bench = Bench("a", "b", "c")
    bench.answer("a", 1, 5, 20, is_full=True)
    bench.answer("b", 2, 3, is_full=True)
    bench.answer("c", 4, 30)

    assert ["a1", "b2", "b3"] == bench.take()
    bench.answer("b", 6, 10, is_full=True)
    assert ["c4", "a5", "b6", "b10"] == bench.take()
    # It has no more: now it is the other that is full which says.
    bench.answer("b", 12)
    assert ["b12", "a20"] == bench.take()
    bench.answer("a", 21)
    assert ["a21", "c30"] == bench.take()


def test_a_burst_is_bounded_and_goes_on_where_it_stopped():
    bench = Bench("a", "b")
    bench.answer("a", 1, 3, 5)
    bench.answer("b", 2, 4)

    assert [["a1", "b2"], ["a3", "b4"], ["a5"], []] == [bench.take(2) for _ in range(4)]


def test_no_message_waits_for_more_than_a_third_of_its_ack_deadline():
    bench = Bench("orders", "levels")
    bench.answer("levels", 1, is_full=True)
    bench.answer("orders", 10)
    bench.now = 10.0
    bench.answer("orders", 9, 11)
    assert ["levels1"] == bench.take()

    bench.now = DEADLINE / 3 - 0.1
    assert [] == bench.take()
    bench.now = DEADLINE / 3
    # With it goes what is before it.
    assert ["orders9", "orders10"] == bench.take()


def test_no_more_wait_than_may():
    bench = Bench("orders", "levels", held=3)
    bench.answer("levels", 1, is_full=True)
    bench.answer("orders", 10, 11, 12, 13, 14)

    assert ["levels1", "orders10", "orders11"] == bench.take()
    assert [] == bench.take()


def test_who_waits_for_another_is_pulled_no_further_and_leaves_it_room():
    bench = Bench("orders", "levels")
    bench.answer("levels", 1, 2, is_full=True)
    bench.answer("orders", 10, 11, is_full=True)
    orders, levels = bench.feeds.values()

    assert [False, True] == [bench.prefetcher._has_room(orders), bench.prefetcher._has_room(levels)]
    bench.answer("levels", 20, is_full=True)
    assert [True, False] == [bench.prefetcher._has_room(orders), bench.prefetcher._has_room(levels)]


def test_a_redelivered_message_leaves_before_what_was_published_after_it():
    bench = Bench("a", "b")
    bench.answer("b", 1, 2, is_full=True)
    bench.answer("a", 5, 6, is_full=True)
    assert ["b1", "b2"] == bench.take()

    bench.answer("a", 3, is_full=True, attempt=2)
    bench.answer("b", 4, is_full=True)

    assert ["a3", "b4"] == bench.take()


def test_a_message_does_not_overtake_an_earlier_one_of_its_ordering_key():
    """Of one time, too: what arrived first was published first."""
    bench = Bench("a", "b")
    bench.answer("b", 7, is_full=True)
    for name in ("1st", "2nd", "3rd"):
        bench.answer("a", 7, key="K")
        with bench.prefetcher.lock:
            last = bench.prefetcher.buffer[-1]
            message = ReceivedMessage(name, "a", "a", name, last.publish_time, "K", {}, b"x", 0)
            bench.prefetcher.buffer[-1] = last._replace(message=message)

    assert ["b7", "1st", "2nd", "3rd"] == [name for _ in range(4) for name in bench.take(1)]


def test_few_do_not_mean_none_where_the_rest_waits_for_acknowledgement():
    """Of an ordering key nothing more comes until the ones before are acknowledged: a lane's backlog looks empty."""
    bench = Bench("orders", "levels")
    levels = bench.feeds["levels"]
    levels.is_ordered = True
    bench.answer("levels", 1, 2, is_full=True, key="lane")
    bench.answer("orders", 10)
    levels.is_settled = not bench.prefetcher._is_blocked(levels)
    bench.answer("levels")
    assert ["levels1", "levels2"] == bench.take()
    assert [] == bench.take()

    bench.prefetcher.forget(levels, ["levels1/0", "levels2/0"])
    levels.is_settled = not bench.prefetcher._is_blocked(levels)
    bench.answer("levels", 3, key="lane")

    assert ["levels3", "orders10"] == bench.take()


def test_of_the_service_silence_is_an_answer():
    """It need not answer an empty pull for a minute and a half."""
    bench = Bench("orders", "levels", is_emulator=False)
    bench.answer("levels", 1, is_full=True)
    bench.answer("orders", 10)
    assert ["levels1"] == bench.take()

    bench.feeds["levels"].in_air = 1
    bench.now = 0.4
    assert [] == bench.take()
    bench.now = 0.6
    assert ["orders10"] == bench.take()


@pytest.mark.parametrize(
    ("answer", "has_more"),
    [
        ([], False),
        (Refusal(grpc.StatusCode.DEADLINE_EXCEEDED), True),
        (Refusal(grpc.StatusCode.UNAVAILABLE), True),
        (Refusal(grpc.StatusCode.INVALID_ARGUMENT), False),
    ],
    ids=["empty", "no answer in time", "no broker", "no looks"],
)
def test_a_broker_is_asked_whether_a_subscription_is_empty(answer, has_more):
    bench = Bench("a", "b")
    bench.calls.answers["b"] = answer

    assert has_more == bench.prefetcher.look()


def test_what_a_look_finds_is_in_the_next_burst():
    bench = Bench("a")
    bench.answer("a")
    bench.calls.answers["a"] = [ReceivedMessage("m", "a", "a", "ack", START, "", {}, b"x", 0)]

    assert bench.prefetcher.look()
    assert ["m"] == bench.take()


def test_what_is_held_or_rests_is_more(monkeypatch):
    bench = Bench("a")
    monkeypatch.setattr("inventory_assets.messaging.prefetch.time.monotonic", lambda: bench.now)
    feed = bench.feeds["a"]
    feed.resting.shortest_seconds, feed.resting.longest_seconds = 1.0, 60.0
    bench.answer("a", 1, attempt=3)
    with bench.prefetcher.lock:
        burst = bench.prefetcher.take(max_messages=1, max_bytes=1)
    assert bench.prefetcher.look()

    bench.prefetcher.give_back(burst)

    assert ["a1/3"] == bench.calls.given_back
    # Its third delivery rests for four seconds, and a little longer somebody else has it.
    found = []
    for bench.now in (0.0, 5.9, 6.1):
        found.append((bench.prefetcher.look(), bench.prefetcher.resting))
    assert [(True, 1), (True, 1), (False, 0)] == found


def test_what_came_again_rests_no_more():
    bench = Bench("a")
    feed = bench.feeds["a"]
    bench.answer("a", 1, attempt=1)
    with bench.prefetcher.lock:
        burst = bench.prefetcher.take(max_messages=1, max_bytes=1)
    bench.prefetcher.give_back(burst)
    assert 1 == feed.resting.count(0.0)

    bench.answer("a", 1, attempt=2)

    assert 0 == feed.resting.count(0.0)

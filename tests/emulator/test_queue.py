"""Laws of a subscription's queue, with a clock that stands still.

Belongs here: `SubscriptionQueue` alone. Does not belong: what needs a broker.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.emulator.subscription import Stored, SubscriptionQueue
from tests.hunting import some


def _queue(count: int, *, is_ordered: bool = False, keys: int = 1) -> SubscriptionQueue:
    queue = SubscriptionQueue(is_ordered=is_ordered)
    for number in range(1, count + 1):
        key = f"k{number % keys}" if is_ordered else ""
        queue.add(Stored(number, 1, 10, key, b"x" * 10))
    return queue


def _take(queue: SubscriptionQueue, count: int = 100, *, now: float = 0.0, size: int = 10**6):
    return queue.take(max_messages=count, max_bytes=size, now=now, lease_seconds=10)


def _ids(entries) -> list[int]:
    return [each.message.id for each in entries]


def test_a_take_stops_at_its_bytes_but_gives_one():
    assert _ids(_take(_queue(5), size=25)) == [1, 2, 3]
    assert _ids(_take(_queue(5), size=1)) == [1]


def test_a_lease_ends_at_its_deadline_not_before():
    queue = _queue(1)
    _take(queue, now=0.0)

    assert list(queue.expired(9.9)) == []
    assert _ids(queue.expired(10.0)) == [1]


def test_an_extended_lease_ends_later_a_shortened_one_earlier():
    queue = _queue(2)
    longer, shorter = _take(queue)
    queue.extend(longer, 30.0)
    queue.extend(shorter, 5.0)

    assert _ids(queue.expired(6.0)) == [2]
    queue.settle(shorter)
    assert list(queue.expired(29.0)) == []
    assert _ids(queue.expired(30.0)) == [1]


def test_a_resting_message_is_not_ready_until_it_has_rested():
    queue = _queue(1)
    [entry] = _take(queue)
    queue.give_back(entry, now=0.0, rest_seconds=4.0)
    queue.wake_rested(3.9)
    early = _take(queue)
    queue.wake_rested(4.0)

    assert early == []
    assert _ids(_take(queue, now=4.0)) == [1]


def test_one_a_key_is_taken_where_that_is_asked():
    """As push delivers: the next of a key is ready when the one before is settled."""
    queue = _queue(6, is_ordered=True, keys=2)
    first = queue.take(max_messages=10, max_bytes=100, now=0.0, lease_seconds=10, is_one_a_key=True)
    again = queue.take(max_messages=10, max_bytes=100, now=0.0, lease_seconds=10, is_one_a_key=True)
    queue.settle(first[0])
    then = queue.take(max_messages=10, max_bytes=100, now=0.0, lease_seconds=10, is_one_a_key=True)

    assert _ids(first) == [1, 2]
    assert again == []
    assert _ids(then) == [3]


def test_a_key_is_forgotten_with_its_last_message():
    """Keys come and go; a line for each ever seen would be a leak."""
    queue = _queue(20, is_ordered=True, keys=5)
    while taken := _take(queue):
        for entry in taken:
            queue.settle(entry)

    assert queue._lines == {}
    assert queue.entries == {}


@settings(max_examples=some(50), deadline=None)
@given(st.data())
def test_ordered_delivery_survives_any_mix_of_acks_and_returns(data):
    """Per key: first deliveries in order, everything settles, nothing twice at a time."""
    queue = _queue(12, is_ordered=True, keys=3)
    now, first_seen, held = 0.0, [], []
    for _ in range(400):
        if not queue.entries:
            break
        action = data.draw(st.sampled_from(["take", "ack", "return", "expire"]))
        if action == "take":
            taken = _take(queue, data.draw(st.integers(1, 4)), now=now)
            assert not set(_ids(taken)) & set(_ids(held))
            first_seen += [each for each in _ids(taken) if each not in first_seen]
            held += taken
        elif action == "expire":
            now += 11.0
            for entry in queue.expired(now):
                queue.give_back(entry, now=now, rest_seconds=0.0)
            held = []
        elif held:
            entry = held[data.draw(st.integers(0, len(held) - 1))]
            if action == "ack":
                queue.settle(entry)
            else:
                queue.give_back(entry, now=now, rest_seconds=0.0)
        held = [each for each in held if each.state == 1]
    now += 11.0
    for entry in queue.expired(now):
        queue.give_back(entry, now=now, rest_seconds=0.0)
    while taken := _take(queue, now=now):
        first_seen += [each for each in _ids(taken) if each not in first_seen]
        for entry in taken:
            queue.settle(entry)

    assert queue.entries == {}
    assert sorted(first_seen) == list(range(1, 13))
    for key in range(3):
        of_key = [each for each in first_seen if each % 3 == key]
        assert of_key == sorted(of_key)

"""Backpressure: how much may be on its way at once."""

import threading

import pytest

from inventory_assets.connector.publish.publisher import Room
from tests.messaging.brokers import PATIENCE_SECONDS, eventually


def taker(room: Room, size_bytes: int) -> threading.Thread:
    """Take room in a thread of its own, which waits if it must."""
    thread = threading.Thread(target=room.take, args=(size_bytes,), daemon=True)
    thread.start()
    return thread


def test_what_fits_does_not_wait():
    room = Room(max_messages=4, max_bytes=100)

    for _ in range(4):
        room.take(25)

    assert room.taken_bytes == 100


@pytest.mark.parametrize(("size_bytes", "count"), [(1, 4), (50, 2)], ids=["messages", "bytes"])
def test_who_would_exceed_a_bound_waits(size_bytes, count):
    room = Room(max_messages=4, max_bytes=100)
    for _ in range(count):
        room.take(size_bytes)
    waiting = taker(room, size_bytes)
    eventually(lambda: room.waiting_count == 1)
    was_waiting = waiting.is_alive(), room.taken_bytes

    for _ in range(count):
        room.give_back(size_bytes)
    waiting.join(PATIENCE_SECONDS)

    assert was_waiting == (True, count * size_bytes)
    assert not waiting.is_alive()
    assert room.taken_bytes == size_bytes


def test_a_full_room_lets_nobody_in_for_a_single_place():
    """Otherwise whoever publishes is woken for each message that is confirmed."""
    room = Room(max_messages=8, max_bytes=100)
    for _ in range(8):
        room.take(1)
    waiting = taker(room, 1)
    eventually(lambda: room.waiting_count == 1)

    room.give_back(1)
    room.give_back(1)
    is_still_waiting = room.waiting_count == 1
    room.give_back(1)
    waiting.join(PATIENCE_SECONDS)

    assert is_still_waiting
    assert not waiting.is_alive()


def test_what_is_greater_than_all_of_it_gets_in_alone():
    room = Room(max_messages=4, max_bytes=100)
    room.take(1)
    waiting = taker(room, 1_000)
    eventually(lambda: room.waiting_count == 1)

    room.give_back(1)
    waiting.join(PATIENCE_SECONDS)

    assert room.taken_bytes == 1_000


def test_closing_lets_everybody_in():
    room = Room(max_messages=1, max_bytes=100)
    room.take(1)
    waiting = [taker(room, 1) for _ in range(3)]
    eventually(lambda: room.waiting_count == 3)

    room.close()
    for thread in waiting:
        thread.join(PATIENCE_SECONDS)
    room.take(1)

    assert room.taken_bytes == 5

"""Waits between tries, without waiting."""

import threading

from inventory_assets.connector.ops.backoff import Backoff, StopRequestedError


class Clock:
    """Waits that end at once, and are remembered."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False


def test_waits_grow_to_the_cap_and_not_beyond():
    """With jitter: connectors that lost one broker together do not return together."""
    clock = Clock()
    backoff = Backoff(threading.Event(), first_seconds=1, cap_seconds=8, wait=clock.wait)
    for _ in range(400):
        backoff.pause()

    assert all(0.1 <= seconds <= limit for seconds, limit in zip(clock.waits[:4], (1, 2, 4, 8), strict=True))
    assert 4 < max(clock.waits[4:]) <= 8
    assert len(set(clock.waits)) > 300


def test_a_success_begins_anew():
    clock = Clock()
    backoff = Backoff(threading.Event(), first_seconds=1, cap_seconds=1_000, wait=clock.wait)
    for _ in range(8):
        backoff.pause()
    backoff.reset()

    assert backoff.pause() <= 1


def test_a_wait_is_as_long_as_the_circuit_stays_open():
    clock = Clock()

    assert Backoff(threading.Event(), wait=clock.wait).pause(at_least_seconds=25) == 25
    assert clock.waits == [25]


def test_a_stop_ends_a_wait_at_once():
    """SIGTERM has a grace period; a wait of half a minute would use it up."""
    stop = threading.Event()
    ended = threading.Event()

    def wait() -> None:
        try:
            Backoff(stop, first_seconds=3_600, cap_seconds=3_600).pause(at_least_seconds=3_600)
        except StopRequestedError:
            ended.set()

    threading.Thread(target=wait, daemon=True).start()
    stop.set()

    assert ended.wait(60)

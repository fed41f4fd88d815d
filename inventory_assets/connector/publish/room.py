"""How much may be on its way to Pub/Sub at once: backpressure.

Here: counting, and making wait who would add more. Not here: the messages (`publisher`).

In place of the client's flow control, which serializes every message four times to know its size, and
wakes whoever waits at every single confirmation: a full client published half as fast as one with room.
"""

import threading

# Of the room: who waited then works for a while, instead of being woken for every place.
_REOPENS = 0.75


class Room:
    """Room for so many messages and bytes. Thread-safe.

    Once full it lets nobody in before a quarter of it is free: who waited can then work for a while.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        """All of it free."""
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages = 0
        self._bytes = 0
        self._is_closed = False
        self._waiting = 0
        self._changed = threading.Condition()

    @property
    def taken_bytes(self) -> int:
        """Bytes in it."""
        return self._bytes

    @property
    def waiting_count(self) -> int:
        """Who waits for some."""
        return self._waiting

    def take(self, size_bytes: int) -> None:
        """Take room for a message, once there is some; a message greater than all of it gets in alone."""
        with self._changed:
            if not (self._is_closed or self._fits(size_bytes, 1)):
                self._waiting += 1
                self._changed.wait_for(lambda: self._is_closed or self._fits(size_bytes, _REOPENS))
                self._waiting -= 1
            self._messages += 1
            self._bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Give back what one message took."""
        with self._changed:
            self._messages -= 1
            self._bytes -= size_bytes
            if self._waiting and self._fits(0, _REOPENS):
                self._changed.notify_all()

    def close(self) -> None:
        """Let everybody in from now on: they find that it is over."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _fits(self, size_bytes: int, part: float) -> bool:
        if not self._messages:
            return True
        return (
            self._messages < self._max_messages * part
            and self._bytes <= self._max_bytes * part
            and self._bytes + size_bytes <= self._max_bytes
        )

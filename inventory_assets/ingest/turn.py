"""Take turns with what only one thread may use: who waits longest is next.

Here: the queue. Not here: what is used, or for how long.
"""

import threading
from collections import deque
from collections.abc import Callable


class _Place:
    """A place in the queue."""

    __slots__ = ("is_next", "thread")

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.is_next = threading.Event()


class Turn:
    """A lock that a thread may take again while it has it, and that goes to who waits longest.

    Python's own goes to whoever is quickest. A loop that gives it up and asks again at once always is, and
    who waits beside it may never get it.
    """

    def __init__(self, on_wait: Callable[[], object] = lambda: None) -> None:
        """Make a turn that nobody has.

        Args:
            on_wait: Called by a thread that has to wait: for who has the turn, to be done soon.
        """
        self._on_wait = on_wait
        self._guard = threading.Lock()
        self._queue: deque[_Place] = deque()
        self._holder: int | None = None
        self._depth = 0

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._queue)

    def take(self, wait_seconds: float | None = None) -> bool:
        """Take the turn; False where it was not ours in time. None waits as long as it takes."""
        me = threading.get_ident()
        with self._guard:
            if self._holder in (None, me):
                self._holder = me
                self._depth += 1
                return True
            place = _Place(me)
            self._queue.append(place)
        is_ours = False
        try:
            self._on_wait()
            is_ours = place.is_next.wait(wait_seconds)
        finally:
            # Out of time, or interrupted: a place left behind would get the turn and never give it up.
            if not is_ours:
                is_ours = self._leave(place)
        return is_ours

    def give(self) -> None:
        """Give the turn up, to who waits longest."""
        with self._guard:
            self._depth -= 1
            if self._depth:
                return
            self._holder = None
            if self._queue:
                place = self._queue.popleft()
                self._holder, self._depth = place.thread, 1
                place.is_next.set()

    def _leave(self, place: _Place) -> bool:
        """Leave the queue; True where the turn had come meanwhile."""
        with self._guard:
            if place.is_next.is_set():
                return True
            self._queue.remove(place)
            return False

"""Status messages on their way: in order, from a thread of their own, so that the stream never waits for them.

Here: the queue. Not here: what is told (`heartbeat`, `operations`).
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from inventory_assets.messaging.messages import OutgoingMessage

# Hours of everything going wrong; beyond it the oldest go, which the log has.
_MOST = 1_000
_RETRY_SECONDS = 5.0


class StatusTeller:
    """Publishes what it is told, and tries again until that succeeds."""

    def __init__(
        self,
        publish: Callable[[Sequence[OutgoingMessage]], object],
        *,
        on_failure: Callable[[Exception], None],
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        """`publish` waits for confirmation, or raises."""
        self._publish = publish
        self._on_failure = on_failure
        self._retry_seconds = retry_seconds
        self._messages: deque[OutgoingMessage] = deque(maxlen=_MOST)
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="connector-status", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, message: OutgoingMessage) -> None:
        """Queue a message; returns at once."""
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def close(self, *, timeout_seconds: float) -> None:
        """Send what waits, as far as the time allows."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._messages or self._is_closing)
                waiting = list(self._messages)
            if not waiting:
                return
            try:
                self._publish(waiting)
            except Exception as error:
                self._on_failure(error)
                with self._changed:
                    # A last try at the end, and no more: the log has it.
                    if self._changed.wait_for(lambda: self._is_closing, self._retry_seconds):
                        return
                continue
            with self._changed:
                for message in waiting:
                    if self._messages and self._messages[0] is message:
                        self._messages.popleft()

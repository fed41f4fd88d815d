"""The next reply of a change stream, asked for while the last one is worked on.

Here: one read ahead, never more: a reply has 16 MB at most, and that is what it adds to the memory.
Not here: the cursor (`change_cursor`), or what a reply means (`mongo_source`).

The server makes a reply when it is asked for it. Without this it would idle while we shape and publish,
and we while it looks through its oplog.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

from inventory_assets.connector.source.change_cursor import ChangeCursor, Reply

# To ask for what is there already: what comes later is waited for by whoever asks next.
NO_WAIT_MS = 1


class ReadAhead:
    """A cursor, read one reply ahead while the stream has more. Used by one thread."""

    def __init__(self, cursor: ChangeCursor) -> None:
        self._cursor = cursor
        # While there is one, the cursor and its session are its thread's.
        self._next: Future[Reply] | None = None

    def more(self, *, batch_size: int, max_await_ms: int) -> Reply:
        """Read on; as `ChangeCursor.more`, whose errors come in their turn."""
        ahead, self._next = self._next, None
        if ahead is not None:
            reply = ahead.result()
        else:
            reply = self._cursor.more(batch_size=batch_size, max_await_ms=max_await_ms)
        if reply.events and reply.is_open:
            self._next = _begin(lambda: self._cursor.more(batch_size=batch_size, max_await_ms=NO_WAIT_MS))
        return reply

    def close(self) -> None:
        """Close the cursor, once nothing reads it."""
        if self._next is not None:
            wait([self._next])
            self._next = None
        self._cursor.close()


def _begin(read: Callable[[], Reply]) -> "Future[Reply]":
    future: Future[Reply] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as error:
            future.set_exception(error)

    # Not of a pool: the interpreter waits for those when it ends, and the server may never answer.
    threading.Thread(target=run, name="connector-read-ahead", daemon=True).start()
    return future

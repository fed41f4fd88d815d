"""One reply is read ahead: the same replies, in the same order, as without."""

import threading

import pytest

from inventory_assets.connector.errors import SourceUnavailableError
from inventory_assets.connector.source.change_cursor import NO_WAIT_MS, ReadAhead, Reply
from tests.messaging.brokers import PATIENCE_SECONDS, eventually

WAIT_MS = 250


def reply(number: int, *, count: int = 1, is_open: bool = True) -> Reply:
    return Reply([number] * count, {"_data": str(number)}, is_open)  # type: ignore[list-item]


class Cursor:
    """Gives what it was told to, and remembers who asked and for how long."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self._answers = list(answers)
        self.waits: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reading = 0
        self.was_closed_while_reading: bool | None = None

    def more(self, *, batch_size: int, max_await_ms: int) -> Reply:
        self.waits.append(max_await_ms)
        self.reading += 1
        if max_await_ms == NO_WAIT_MS:
            self.gate.wait(PATIENCE_SECONDS)
        self.reading -= 1
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.was_closed_while_reading = self.reading > 0


def ask(ahead: ReadAhead) -> Reply:
    return ahead.more(batch_size=10, max_await_ms=WAIT_MS)


def test_replies_come_in_order_and_the_next_is_asked_for_meanwhile():
    cursor = Cursor(reply(1), reply(2), reply(3, count=0), reply(4, count=0))
    ahead = ReadAhead(cursor)  # type: ignore[arg-type]

    first = ask(ahead)
    eventually(lambda: len(cursor.waits) == 2)
    rest = [ask(ahead) for _ in range(3)]

    assert [each.token["_data"] for each in (first, *rest)] == ["1", "2", "3", "4"]
    # Ahead nobody waits for what is not there yet, and after an empty reply nobody reads ahead.
    assert cursor.waits == [WAIT_MS, NO_WAIT_MS, NO_WAIT_MS, WAIT_MS]


def test_an_error_comes_after_what_was_read_before_it():
    cursor = Cursor(reply(1), SourceUnavailableError("gone"))
    ahead = ReadAhead(cursor)  # type: ignore[arg-type]

    first = ask(ahead)

    assert first.token == {"_data": "1"}
    with pytest.raises(SourceUnavailableError, match="gone"):
        ask(ahead)


def test_a_stream_that_has_ended_is_not_read_on():
    cursor = Cursor(reply(1, is_open=False))
    ahead = ReadAhead(cursor)  # type: ignore[arg-type]

    ask(ahead)

    assert cursor.waits == [WAIT_MS]


def test_the_cursor_is_closed_when_nothing_reads_it():
    """Cursor and session are used by one thread at a time."""
    cursor = Cursor(reply(1), reply(2))
    ahead = ReadAhead(cursor)  # type: ignore[arg-type]
    cursor.gate.clear()
    ask(ahead)
    eventually(lambda: cursor.reading == 1)
    closing = threading.Thread(target=ahead.close, daemon=True)

    closing.start()
    was_closed_early = cursor.was_closed_while_reading
    cursor.gate.set()
    closing.join(PATIENCE_SECONDS)

    assert was_closed_early is None
    assert cursor.was_closed_while_reading is False

"""Sending goes on where it broke, whatever broke it; nothing is lost, and at most a chunk is sent twice."""

import pytest

from inventory_assets.messaging.errors import PublishError
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.publishing import send as sending
from inventory_assets.publishing.send import Progress, send

MESSAGES = [OutgoingMessage("t", str(number).encode()) for number in range(25)]


class Broker:
    """Confirms so many messages, then fails as it is told."""

    def __init__(self, lasts: int, failure=None):
        self.stored: list[bytes] = []
        self._lasts, self._failure = lasts, failure

    def publish(self, messages):
        kept = messages[: max(0, self._lasts - len(self.stored))]
        self.stored += [message.data for message in kept]
        if len(kept) == len(messages):
            return ["id"] * len(messages)
        if self._failure is not None:
            raise self._failure
        lost = range(len(kept), len(messages))
        ids = ["id"] * len(kept) + [None] * len(lost)
        raise PublishError(target="t", failures=dict.fromkeys(lost, "broken"), message_ids=ids)


@pytest.fixture
def progress(tmp_path, monkeypatch):
    monkeypatch.setattr(sending, "CHUNK_MESSAGES", 10)
    return Progress.of(tmp_path, "digest", "topic")


@pytest.mark.parametrize("lasts", [0, 3, 10, 17, 24])
def test_a_broken_broker_costs_nothing_twice(progress, lasts):
    """The broker says what it has stored."""
    first, second = Broker(lasts), Broker(100)
    with pytest.raises(PublishError):
        send(first, MESSAGES, progress=progress)

    assert 25 == send(second, MESSAGES, progress=progress)

    assert [message.data for message in MESSAGES] == first.stored + second.stored
    assert not progress.place.exists()


@pytest.mark.parametrize("lasts", [0, 3, 10, 17, 24])
def test_a_killed_publisher_repeats_less_than_a_chunk(progress, lasts):
    first, second = Broker(lasts, KeyboardInterrupt()), Broker(100)
    with pytest.raises(KeyboardInterrupt):
        send(first, MESSAGES, progress=progress)

    send(second, MESSAGES, progress=progress)

    repeated = set(first.stored) & set(second.stored)
    assert {message.data for message in MESSAGES} == {*first.stored, *second.stored}
    assert len(repeated) == lasts % 10


def test_what_is_asked_otherwise_begins_anew(progress, tmp_path):
    progress.write(7)

    assert 7 == Progress.of(tmp_path, "digest", "topic").read()
    assert 0 == Progress.of(tmp_path, "digest", "other topic").read()
    progress.place.write_text("{")
    assert 0 == progress.read()


def test_chunks_hold_so_many_bytes(progress, monkeypatch):
    monkeypatch.setattr(sending, "CHUNK_BYTES", 5)
    sizes = []

    send(Broker(100), MESSAGES, on_sent=sizes.append)

    assert [5, 10, 13, 16, 19, 22, 25] == sizes

"""From a change to a message on its way: shaped, counted, handed to Pub/Sub.

Here: what becomes of one change. Not here: how it is shaped (`shaping`), or when its
confirmation counts (`service`).
"""

from concurrent.futures import Future

from inventory_assets.connector.errors import PublishFailedError
from inventory_assets.connector.ops.observer import Tally
from inventory_assets.connector.ports import MessageSink
from inventory_assets.connector.publish.failures import FailureKind, classify
from inventory_assets.connector.shape.shaping import Shaped, Shaper
from inventory_assets.connector.source.change import Change, Poison

REFUSED_BY_PUBSUB = "refused_by_pubsub"


class Outlet:
    """Where changes leave. Used by the stream's thread."""

    def __init__(self, shaper: Shaper, sink: MessageSink, *, confirm_seconds: float) -> None:
        """`confirm_seconds`: how long one message may take while they are sent singly."""
        self._shaper = shaper
        self._sink = sink
        self._confirm_seconds = confirm_seconds
        self._singly = 0

    def begin_epoch(self, source_epoch: int) -> None:
        """Put this epoch on every message from now on."""
        self._shaper.source_epoch = source_epoch

    def send_singly(self, count: int) -> None:
        """Send the next so many messages one by one: Pub/Sub refuses a request for one bad message in it."""
        self._singly = count

    def send(self, change: Change | Poison, *, tally: Tally) -> "Future[str] | None":
        """Shape and publish a change; None where a transformation left it out.

        Raises:
            PublishFailedError: Only while sending singly.
        """
        tally.read_by_collection[change.collection] += 1
        tally.bytes_by_collection[change.collection] += change.size_bytes
        shaped = self._shaper.shape(change)
        if shaped.message is None:
            tally.dropped[change.collection] += 1
            return None
        if self._singly:
            self._singly -= 1
            return self._send_alone(change, shaped, tally)
        _count(shaped, change, tally)
        return self._sink.publish(shaped.message)

    def _send_alone(self, change: Change | Poison, shaped: Shaped, tally: Tally) -> "Future[str]":
        assert shaped.message is not None
        future = self._sink.publish(shaped.message)
        self._sink.flush()
        try:
            future.result(timeout=self._confirm_seconds)
        except Exception as error:
            if classify(error)[0] is not FailureKind.REFUSED:
                raise PublishFailedError(
                    f"Pub/Sub did not confirm a message: {error}", failures={str(error): 1}, is_permanent=False
                ) from error
            self._sink.resume()
            shaped = self._shaper.refuse(change, reason=REFUSED_BY_PUBSUB, detail=str(error))
            assert shaped.message is not None
            future = self._sink.publish(shaped.message)
        _count(shaped, change, tally)
        return future


def _count(shaped: Shaped, change: Change | Poison, tally: Tally) -> None:
    if shaped.refusal is None:
        tally.published[change.collection] += 1
    else:
        tally.refused[shaped.refusal] += 1

"""The copy of all collections that a stream starts from.

Here: its order, and that every document of it is confirmed. Not here: how a collection is read
(`ports.ChangeSource.copy`), or what a restart does (`service`).

Thresholds come first, then transactions, then inventory. A level contains the transactions at
earlier positions (RULES 12), and a copied document's position is the time its chunk was read: a
transaction copied after its level would count twice.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Event

from inventory_assets.connector.errors import PublishFailedError
from inventory_assets.connector.ops.observer import Observer, Tally
from inventory_assets.connector.ports import ChangeSource, MessageSink
from inventory_assets.connector.publish.failures import FailureKind, group
from inventory_assets.connector.publish.outlet import Outlet
from inventory_assets.connector.source.change import Chunk

# Chunks on their way; more would only wait in memory.
_WINDOW = 3
_LOOK_SECONDS = 1.0


@dataclass(slots=True)
class _Sent:
    chunk: Chunk
    futures: "list[Future[str]]" = field(default_factory=list)
    is_handed_over: bool = False


class Copier:
    """One copy, begun anew each time."""

    def __init__(
        self,
        *,
        source: ChangeSource,
        sink: MessageSink,
        outlet: Outlet,
        observer: Observer,
        collections: tuple[str, ...],
        stop: Event,
        recover: Callable[[PublishFailedError], None],
        settle_seconds: float,
    ) -> None:
        """`recover` makes the sink usable again and waits as long as is wise."""
        self._source = source
        self._sink = sink
        self._outlet = outlet
        self._observer = observer
        self._collections = collections
        self._stop = stop
        self._recover = recover
        self._settle_seconds = settle_seconds
        self._on_their_way: deque[_Sent] = deque()

    def run(self) -> int | None:
        """Copy everything, each document confirmed; how many, or None when stopped before the end.

        Raises:
            SourceUnavailableError, SourceRefusedError: The copy must begin anew.
        """
        documents = 0
        for collection in self._collections:
            for chunk in self._source.copy(collection):
                if self._stop.is_set():
                    return None
                documents += len(chunk.changes)
                self._on_their_way.append(_Sent(chunk))
                self._deliver(at_most=_WINDOW)
                self._observer.copied(collection, len(chunk.changes), is_snapshot=chunk.is_snapshot)
        self._deliver(at_most=0)
        return None if self._stop.is_set() else documents

    def _deliver(self, *, at_most: int) -> None:
        """Hand over what is new, and wait until only so many chunks are unconfirmed; until a stop."""
        while not self._stop.is_set():
            try:
                for sent in self._on_their_way:
                    self._hand_over(sent)
                if not at_most:
                    self._sink.flush()
                while len(self._on_their_way) > at_most and self._is_confirmed(self._on_their_way[0]):
                    self._on_their_way.popleft()
                if len(self._on_their_way) <= at_most:
                    return
            except PublishFailedError as error:
                self._prepare_again(error)

    def _hand_over(self, sent: _Sent) -> None:
        if sent.is_handed_over:
            return
        tally = Tally(read=len(sent.chunk.changes))
        for change in sent.chunk.changes:
            future = self._outlet.send(change, tally=tally)
            if future is not None:
                sent.futures.append(future)
        sent.is_handed_over = True
        self._observer.handled(tally, cluster_time=None)

    def _is_confirmed(self, sent: _Sent) -> bool:
        """Whether a chunk is, after a moment's wait.

        Raises:
            PublishFailedError: Part of it will not be.
        """
        _, waiting = wait(sent.futures, timeout=_LOOK_SECONDS)
        if waiting:
            return False
        errors = [error for future in sent.futures if (error := future.exception()) is not None]
        if errors:
            raise _failure_of(errors)
        return True

    def _prepare_again(self, error: PublishFailedError) -> None:
        # The same documents at the same position: what had been confirmed is a duplicate to the lake.
        for sent in self._on_their_way:
            wait(sent.futures, timeout=self._settle_seconds)
            sent.futures.clear()
            sent.is_handed_over = False
        if error.is_permanent:
            self._outlet.send_singly(sum(len(sent.chunk.changes) for sent in self._on_their_way))
        self._recover(error)


def _failure_of(errors: list[BaseException]) -> PublishFailedError:
    failures = group(errors)
    return PublishFailedError(
        f"documents of the copy were not confirmed: {'; '.join(failure.text for failure in failures[:3])}",
        failures={failure.text: failure.messages for failure in failures},
        is_permanent=any(failure.kind is FailureKind.REFUSED for failure in failures),
    )

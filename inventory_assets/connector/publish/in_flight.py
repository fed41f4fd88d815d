"""What was handed to Pub/Sub and is not yet confirmed, in the stream's order.

Here: which token may be saved, what became of the rest, and a bounded memory of what need not be
published again. Not here: saving it, or trying again. Used by one thread, the one that publishes.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field

from inventory_assets.connector.errors import PublishFailedError
from inventory_assets.connector.publish.failures import Failure, FailureKind, group
from inventory_assets.connector.source.change import ClusterTime, Token

Identity = tuple[Hashable, ClusterTime]
"""A change's token and cluster time."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Everything up to here is confirmed."""

    token: Token
    cluster_time: ClusterTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How everything in flight ended.

    Attributes:
        confirmed: The newest batch before the first failure, if any since the last `advance`.
        confirmed_identities: Changes confirmed beyond it: to be skipped when they are read again.
        failures: As `failures.group`.
        unsettled: Messages that had no answer in time; they may arrive yet, so reading again may double them.
    """

    confirmed: Confirmed | None
    confirmed_identities: tuple[Identity, ...] = ()
    failures: tuple[Failure, ...] = ()
    unsettled: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything was confirmed."""
        return not self.failures and not self.unsettled

    def error(self) -> PublishFailedError | None:
        """The failures as an error to raise; None if there are none."""
        if self.is_complete:
            return None
        failures = {each.text: each.messages for each in self.failures}
        # What only waited behind a failure says nothing of it.
        told = [each for each in self.failures if each.kind is not FailureKind.FOLLOWS] or list(self.failures)
        if self.unsettled:
            failures["no answer in time"] = self.unsettled
        text = "; ".join(each.text.rstrip(".") for each in told[:3]) or "no answer in time"
        return PublishFailedError(
            f"{sum(failures.values())} messages were not confirmed: {text}. They are read and published again.",
            failures=failures,
            is_permanent=any(each.kind is FailureKind.REFUSED for each in self.failures),
        )


@dataclass(slots=True)
class _Pending:
    confirmed: Confirmed
    futures: Sequence["Future[str]"]
    identities: Sequence[Identity | None]
    # Futures before it are confirmed; one that failed stays there.
    position: int = field(default=0)


class InFlight:
    """Batches between `publish` and the saved token."""

    def __init__(self, *, max_messages: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty.

        Args:
            max_messages: Where `is_full`. Needed beside the client's own limit: messages confirmed
                out of order, behind one that is not, no longer count there.
            clock: Seconds, monotonic.
        """
        self._max_messages = max_messages
        self._clock = clock
        self._batches: deque[_Pending] = deque()
        self._messages = 0

    @property
    def message_count(self) -> int:
        """Messages of batches that are not wholly confirmed."""
        return self._messages

    @property
    def is_full(self) -> bool:
        """Whether to `wait` before adding more."""
        return self._messages >= self._max_messages

    def add(
        self,
        token: Token,
        cluster_time: ClusterTime | None,
        futures: Sequence["Future[str]"],
        identities: Sequence[Identity | None],
    ) -> None:
        """Add the next batch of the stream.

        Args:
            token, cluster_time: May be saved once all of it is confirmed.
            futures: One a message; none on an idle stream.
            identities: The change each message belongs to: the same for all of one change, None
                for what is not a change's.
        """
        if len(futures) != len(identities):
            raise ValueError(f"{len(futures)} futures came with {len(identities)} identities, expected one each")
        self._batches.append(_Pending(Confirmed(token, cluster_time), futures, identities))
        self._messages += len(futures)

    def advance(self) -> Confirmed | None:
        """Newest batch with it and all before it confirmed; None if there is none since the last call.

        Asks each future once, and the first unfinished one each time.
        """
        newest: Confirmed | None = None
        while self._batches and self._is_confirmed(self._batches[0]):
            done = self._batches.popleft()
            self._messages -= len(done.futures)
            # An empty read moves the token, and may not say when that was.
            known = done.confirmed.cluster_time or (newest.cluster_time if newest else None)
            newest = Confirmed(done.confirmed.token, known)
        return newest

    def wait(self, timeout_seconds: float) -> None:
        """Wait until the message that holds the oldest batch up has an answer."""
        if self._batches and not self._is_confirmed(self._batches[0]):
            oldest = self._batches[0]
            _answer(oldest.futures[oldest.position], timeout_seconds)

    def has_failed(self) -> bool:
        """Whether the oldest batch cannot be confirmed any more: time to `settle`.

        A failure further back shows when those before it are confirmed.
        """
        if not self._batches or self._is_confirmed(self._batches[0]):
            return False
        future = self._batches[0].futures[self._batches[0].position]
        return future.done()

    def settle(self, timeout_seconds: float) -> Settlement:
        """Wait for every answer, report, and forget all batches: the stream is read anew from the token."""
        deadline = self._clock() + timeout_seconds
        for batch in self._batches:
            for future in batch.futures[batch.position :]:
                _answer(future, max(0.0, deadline - self._clock()))
        settlement = self._report(self.advance())
        self._batches.clear()
        self._messages = 0
        return settlement

    def _report(self, confirmed: Confirmed | None) -> Settlement:
        # A change is confirmed if all its messages are: an ordered set of those with one, less those with another.
        good: dict[Identity | None, None] = {}
        bad: set[Identity | None] = set()
        errors: list[BaseException] = []
        unsettled = 0
        for batch in self._batches:
            for future, identity in zip(batch.futures, batch.identities, strict=True):
                if not future.done():
                    unsettled += 1
                elif (error := future.exception()) is not None:
                    errors.append(error)
                else:
                    good[identity] = None
                    continue
                bad.add(identity)
        return Settlement(
            confirmed=confirmed, failures=group(errors), unsettled=unsettled,
            confirmed_identities=tuple(each for each in good if each is not None and each not in bad),
        )  # fmt: skip

    @staticmethod
    def _is_confirmed(batch: _Pending) -> bool:
        futures, position, end = batch.futures, batch.position, len(batch.futures)
        try:
            # One question, where `done` and `exception` would be two, for every message there is.
            while position < end and futures[position].exception(0) is None:
                position += 1
        except TimeoutError:
            pass  # no answer yet
        batch.position = position
        return position == end


def _answer(future: "Future[str]", timeout_seconds: float) -> None:
    try:
        future.exception(timeout_seconds)
    except TimeoutError:
        pass  # Counted as unsettled.


class ConfirmedMemory:
    """Changes confirmed beyond the saved token. Used by one thread.

    In this process only, and bounded: whatever it has forgotten is published again with the same
    identity, and the lake records a duplicate.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._confirmed: OrderedDict[Identity, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._confirmed)

    def __contains__(self, identity: Identity) -> bool:
        return identity in self._confirmed

    def remember(self, confirmed: Iterable[Identity]) -> None:
        """Add changes; those confirmed longest ago make room."""
        for identity in confirmed:
            self._confirmed[identity] = None
            self._confirmed.move_to_end(identity)
            if len(self._confirmed) > self._capacity:
                self._confirmed.popitem(last=False)

    def forget_before(self, cluster_time: ClusterTime) -> None:
        """Drop what the saved token has passed: it is not read again.

        Not what is *at* that time: the changes of one transaction share it, and the token may stand among them.
        """
        # The stream is in order, and almost always so is this. A straggler costs a place, nothing else.
        while self._confirmed and next(iter(self._confirmed))[1] < cluster_time:
            self._confirmed.popitem(last=False)

    def clear(self) -> None:
        """Forget all: the stream begins anew elsewhere."""
        self._confirmed.clear()

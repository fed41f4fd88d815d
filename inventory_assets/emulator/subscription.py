"""The queue of one subscription: ready, leased, resting; ordering by key.

Belongs here: pure state, driven with `now` (monotonic seconds). Does not
belong: storage, gRPC, waiting, what happens to a dead letter (`broker`).

Ordering, as the service documents it for pull: messages of a key come in
order, several in one answer; the next answer with that key comes when all of
them are acknowledged; for push, one of a key at a time (`is_one_a_key`). A
message given back takes the later ones of its key with it.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class EntryState(IntEnum):
    """Where a message of a subscription is."""

    READY = 0
    LEASED = 1
    RESTING = 2
    SETTLED = 3


@dataclass(slots=True, eq=False)
class Stored:
    """A message, shared by the subscriptions that owe it. `id` is its publish time in µs.

    `payload` is None where memory is short; the store has it.
    """

    id: int
    topic_id: int
    size: int
    ordering_key: str
    payload: bytes | None
    owners: int = 0


@dataclass(slots=True, eq=False)
class Entry:
    """A message in one subscription. `generation` is the delivery its ack id names."""

    message: Stored
    attempts: int = 0
    state: EntryState = EntryState.READY
    generation: int = 0
    deadline: float = 0.0
    holder: Any = None


@dataclass(slots=True, eq=False)
class _Line:
    """The messages of one ordering key."""

    key: str
    waiting: deque[Entry] = field(default_factory=deque)
    leased: dict[int, Entry] = field(default_factory=dict)
    is_offered: bool = False
    is_resting: bool = False


class SubscriptionQueue:
    """What a subscription owes, and to whom it is lent."""

    def __init__(self, *, is_ordered: bool) -> None:
        self._is_ordered = is_ordered
        self.entries: dict[int, Entry] = {}
        self._serial = itertools.count(1)
        self._clear()

    def _clear(self) -> None:
        self._ready: deque[Entry] = deque()
        self._lines: dict[str, _Line] = {}
        self._offered: deque[_Line] = deque()
        self._deadlines: list[tuple[float, int, Entry, int]] = []
        self._resting: list[tuple[float, int, Entry | _Line]] = []

    def add(self, message: Stored, *, attempts: int = 0) -> None:
        """Append a new message; one already here is left alone."""
        if message.id in self.entries:
            return
        message.owners += 1
        entry = Entry(message, attempts)
        self.entries[message.id] = entry
        self._enqueue(entry)

    def reset(self, entries: Iterable[Entry]) -> None:
        """Hold exactly these, all ready, in this order; every lease is void."""
        self._clear()
        for entry in self.entries.values():
            self._drop_holder(entry)
        self.entries = {entry.message.id: entry for entry in entries}
        for entry in self.entries.values():
            entry.state, entry.generation = EntryState.READY, 0
            self._enqueue(entry)

    @property
    def has_ready(self) -> bool:
        """Whether `take` may find something."""
        return bool(self._ready or self._offered)

    def take(
        self, *, max_messages: int, max_bytes: int, now: float, lease_seconds: float, holder: Any = None,
        is_one_a_key: bool = False,
    ) -> list[Entry]:  # fmt: skip
        """Lease what is ready, within the bounds but at least one."""
        taken: list[Entry] = []
        size = 0
        for entry in self._next_ready(max_messages, is_one_a_key=is_one_a_key):
            size += entry.message.size
            entry.attempts += 1
            entry.state = EntryState.LEASED
            entry.generation = next(self._serial)
            entry.deadline = now + lease_seconds
            entry.holder = holder
            if holder is not None:
                holder.hold(entry.message.size)
            heapq.heappush(self._deadlines, (entry.deadline, entry.generation, entry, entry.generation))
            taken.append(entry)
            if size >= max_bytes:
                break
        return taken

    def _next_ready(self, limit: int, *, is_one_a_key: bool) -> Iterator[Entry]:
        count = 0
        while self._ready and count < limit:
            entry = self._ready.popleft()
            if entry.state is EntryState.READY:
                count += 1
                yield entry
        while self._offered and count < limit:
            line = self._offered.popleft()
            line.is_offered = False
            try:
                while line.waiting and count < limit:
                    entry = line.waiting.popleft()
                    if entry.state is EntryState.READY:
                        line.leased[entry.message.id] = entry
                        count += 1
                        yield entry
                        if is_one_a_key:
                            break
            finally:
                self._offer(line)

    def settle(self, entry: Entry) -> None:
        """Forget an entry: acknowledged, expired or forwarded."""
        was_leased = entry.state is EntryState.LEASED
        entry.state = EntryState.SETTLED
        self.entries.pop(entry.message.id, None)
        self._drop_holder(entry)
        if was_leased and self._is_ordered and entry.message.ordering_key:
            line = self._lines[entry.message.ordering_key]
            line.leased.pop(entry.message.id, None)
            self._offer(line)

    def extend(self, entry: Entry, deadline: float) -> None:
        """Move the deadline of a leased entry."""
        if deadline < entry.deadline:
            heapq.heappush(self._deadlines, (deadline, next(self._serial), entry, entry.generation))
        entry.deadline = deadline

    def give_back(self, entry: Entry, *, now: float, rest_seconds: float) -> None:
        """End a lease; the message is ready again after the rest."""
        until = now + rest_seconds
        if not (self._is_ordered and entry.message.ordering_key):
            self._unlease(entry)
            if rest_seconds > 0:
                entry.state = EntryState.RESTING
                heapq.heappush(self._resting, (until, next(self._serial), entry))
            else:
                self._ready.append(entry)
            return
        line = self._lines[entry.message.ordering_key]
        later = sorted(each for each in line.leased if each >= entry.message.id)
        for message_id in reversed(later):
            returned = line.leased.pop(message_id)
            self._unlease(returned)
            line.waiting.appendleft(returned)
        if rest_seconds > 0:
            line.is_resting = True
            heapq.heappush(self._resting, (until, next(self._serial), line))
        self._offer(line)

    def expired(self, now: float) -> Iterator[Entry]:
        """Leased entries past their deadline; the caller settles or gives back each."""
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, entry, generation = heapq.heappop(self._deadlines)
            if entry.state is not EntryState.LEASED or entry.generation != generation:
                continue
            if entry.deadline > now:
                heapq.heappush(self._deadlines, (entry.deadline, next(self._serial), entry, generation))
                continue
            yield entry

    def wake_rested(self, now: float) -> None:
        """Make ready what has rested long enough."""
        while self._resting and self._resting[0][0] <= now:
            _, _, rested = heapq.heappop(self._resting)
            if isinstance(rested, _Line):
                rested.is_resting = False
                self._offer(rested)
            elif rested.state is EntryState.RESTING:
                rested.state = EntryState.READY
                self._ready.append(rested)

    def _enqueue(self, entry: Entry) -> None:
        key = entry.message.ordering_key
        if not (self._is_ordered and key):
            self._ready.append(entry)
            return
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key)
        line.waiting.append(entry)
        self._offer(line)

    def _offer(self, line: _Line) -> None:
        if line.leased or line.is_resting or line.is_offered:
            return
        if line.waiting:
            line.is_offered = True
            self._offered.append(line)
        else:
            # Keys come and go; an empty line would stay for ever.
            self._lines.pop(line.key, None)

    def _unlease(self, entry: Entry) -> None:
        entry.state = EntryState.READY
        self._drop_holder(entry)

    @staticmethod
    def _drop_holder(entry: Entry) -> None:
        if entry.holder is not None:
            entry.holder.let_go(entry.message.size)
            entry.holder = None

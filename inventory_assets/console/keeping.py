"""Answers that are kept for a second: however many ask, the work is done once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

KEEP_SECONDS = 1.0
# What took long is kept longer, so that one question asked all day takes a fifth of a core at most.
KEEP_TIMES = 4
# Beside a page's own question this keeps what others ask; a page's answer is some 100 kB.
MAX_KEPT = 64


@dataclass(slots=True)
class _Asked:
    task: asyncio.Task[Any]
    since: float
    until: float | None = None


class Keeping:
    """Answers by name."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._asked: dict[Hashable, _Asked] = {}

    async def ask(self, name: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """An answer; the same one within a second, or while it is being made, is the same.

        Args:
            name: What tells it from others.
            make: Makes it.
        """
        asked = self._asked.get(name)
        if asked is None or (asked.until is not None and asked.until <= self._clock()):
            asked = self._asked[name] = _Asked(asyncio.ensure_future(make()), self._clock())
            asked.task.add_done_callback(lambda task, asked=asked: self._keep(asked))  # type: ignore[misc]
        # Who goes away must not take the answer from the others.
        return await asyncio.shield(asked.task)

    def _keep(self, asked: _Asked) -> None:
        now = self._clock()
        # A failure is told to those who wait, and asked again by the next.
        is_lost = asked.task.cancelled() or asked.task.exception() is not None
        lasts = max(self._keep_seconds, KEEP_TIMES * (now - asked.since)) if self._keep_seconds else 0.0
        asked.until = now if is_lost else now + lasts
        if len(self._asked) > MAX_KEPT:
            for name in [name for name, each in self._asked.items() if each.until is not None and each.until <= now]:
                del self._asked[name]


class Latest(Generic[T]):
    """One answer that takes long: the last one is shown while the next is being made."""

    def __init__(
        self, make: Callable[[], Awaitable[T]], *, fresh_seconds: float, is_exact: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Make it; nothing is asked before somebody looks.

        Args:
            make: Makes the answer.
            fresh_seconds: How old one is when the next is begun; at least `KEEP_TIMES` what it took.
            is_exact: Each look waits for an answer of its own.
            clock: Seconds.
        """
        self._make = make
        self._fresh_seconds = fresh_seconds
        self._is_exact = is_exact
        self._clock = clock
        self._task: asyncio.Task[T] | None = None
        self._known: tuple[T] | None = None
        self._begun_at = 0.0
        self._next_at = 0.0

    async def get(self, *, patience: float | None = None) -> T | None:
        """The newest answer there is; None where the first takes longer than `patience` seconds.

        Raises:
            Exception: As making it did, where there is no earlier one.
        """
        if self._is_exact:
            return await self._make()
        if self._task is None and (self._known is None or self._clock() >= self._next_at):
            self._begun_at = self._clock()
            self._task = asyncio.ensure_future(self._make())
            self._task.add_done_callback(self._take)
        if self._known is None and (task := self._task) is not None:
            await asyncio.wait({task}, timeout=patience)
            if not task.done():
                return None
            return task.result()
        return None if self._known is None else self._known[0]

    def _take(self, task: asyncio.Task[T]) -> None:
        self._task = None
        now = self._clock()
        self._next_at = now + max(self._fresh_seconds, KEEP_TIMES * (now - self._begun_at))
        # What was known is shown until it can be made again; asked for, the failure is whoever's waits for it.
        if not task.cancelled() and task.exception() is None:
            self._known = (task.result(),)
